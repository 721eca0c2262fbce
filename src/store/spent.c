/* What was used so far: see spent.h. */
#include "store/spent.h"

#include "longhaul.h"
#include "store/store.h"

static int64_t sum_in(const struct rows *r, int column)
{
    int64_t sum = rows_int(r, column);
    return sum == INT64_MIN ? 0 : sum;
}

static int read_committed(struct store *s, int64_t batch_id, struct spent *out, lh_error *err)
{
    struct rows *rows = NULL;
    int rc = store_select(s, STMT_SPENT_COMMITTED, &rows, err, "o", batch_id);
    if (rc == 0 && (rc = rows_next(rows, err)) == 1) {
        out->tokens = sum_in(rows, 0);
        out->nanousd = sum_in(rows, 1);
        rc = 0;
    }
    rows_done(rows);
    return rc;
}

static int read_unknown(struct store *s, int64_t batch_id, int64_t unbounded_output, struct spent *out,
                        lh_error *err)
{
    struct rows *rows = NULL;
    int rc = store_select(s, STMT_SPENT_UNKNOWN, &rows, err, "oi", batch_id, unbounded_output);
    if (rc == 0 && (rc = rows_next(rows, err)) == 1) {
        out->unpriced_prompt = sum_in(rows, 0);
        out->unpriced_completion = sum_in(rows, 1);
        out->unpriced_cached = sum_in(rows, 2);
        out->silent_prompt = sum_in(rows, 3);
        out->silent_output = sum_in(rows, 4);
        rc = 0;
    }
    rows_done(rows);
    return rc;
}

int spent_read(const char *db, int64_t batch_id, int64_t unbounded_output, struct spent *out, lh_error *err)
{
    struct store *s = NULL;
    *out = (struct spent){0};
    int rc = store_open(db, STORE_READ, &s, err);
    if (rc == 0)
        rc = store_begin_read(s, err);
    if (rc == 0)
        rc = read_committed(s, batch_id, out, err);
    if (rc == 0)
        rc = read_unknown(s, batch_id, unbounded_output, out, err);
    store_close(s);
    return rc;
}

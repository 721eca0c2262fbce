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

static int read_unpriced(struct store *s, int64_t batch_id, bool with_tiers,
                         int (*fn)(void *arg, const struct spent_unpriced *u), void *arg, lh_error *err)
{
    struct rows *rows = NULL;
    int rc = store_select(s, STMT_SPENT_UNPRICED, &rows, err, "oi", batch_id, (int64_t)with_tiers);
    while (rc == 0 && (rc = rows_next(rows, err)) == 1) {
        struct spent_unpriced u = {.model = rows_text(rows, 0, NULL), .endpoint = rows_text(rows, 1, NULL)};
        int64_t *const sums[] = {&u.told,          &u.told_prompt,      &u.told_completion,
                                 &u.told_cached,   &u.told_cache_write, &u.silent,
                                 &u.silent_prompt, &u.silent_bounded,   &u.silent_unbounded};
        for (int i = 0; i < (int)(sizeof sums / sizeof *sums); i++)
            *sums[i] = sum_in(rows, 2 + i);
        u.other_tier = rows_int(rows, 11) != 0;
        rc = fn(arg, &u);
    }
    rows_done(rows);
    return rc;
}

int spent_read(const char *db, int64_t batch_id, bool with_tiers, struct spent *out,
               int (*fn)(void *arg, const struct spent_unpriced *u), void *arg, lh_error *err)
{
    struct store *s = NULL;
    *out = (struct spent){0};
    int rc = store_open(db, STORE_READ, &s, err);
    if (rc == 0)
        rc = store_exec(s, STMT_PRAGMA_TEMP_FILES, err, "");
    if (rc == 0)
        rc = store_begin_read(s, err);
    if (rc == 0)
        rc = read_committed(s, batch_id, out, err);
    if (rc == 0)
        rc = read_unpriced(s, batch_id, with_tiers, fn, arg, err);
    store_close(s);
    return rc;
}

int spent_open_routes(const char *db, int64_t batch_id, int (*fn)(void *arg, const struct open_route *r),
                      void *arg, lh_error *err)
{
    struct store *s = NULL;
    struct rows *rows = NULL;
    int rc = store_open(db, STORE_READ, &s, err);
    if (rc == 0)
        rc = store_select(s, STMT_OPEN_ROUTES, &rows, err, "o", batch_id);
    while (rc == 0 && (rc = rows_next(rows, err)) == 1) {
        const struct open_route r = {rows_text(rows, 0, NULL), rows_text(rows, 1, NULL),
                                     rows_text(rows, 2, NULL)};
        rc = fn(arg, &r);
    }
    rows_done(rows);
    store_close(s);
    return rc;
}

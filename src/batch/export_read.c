/* Finished jobs out of the store: see export_read.h. */
#include "batch/export_read.h"

#include <string.h>

#include "longhaul.h"

enum { PAGE = 5000 };

static int give_input_row(const struct rows *r, export_row_fn fn, void *arg, lh_error *err)
{
    const char *state = rows_text(r, 2, NULL);
    bool dead = strcmp(state, "dead") == 0;
    if (!dead && strcmp(state, "done") != 0)
        return 0;
    int part = dead ? 6 : 3; /* of the dead letter, of the result */
    struct export_row row = {.job_id = rows_int(r, 0),
                             .custom_id = rows_text(r, 1, NULL),
                             .dead = dead,
                             .status_code = rows_int(r, part),
                             .request_id = rows_text(r, part + 1, NULL),
                             .error_code = rows_text(r, 9, NULL),
                             .error_message = rows_text(r, 10, NULL),
                             .reason = rows_text(r, 11, NULL),
                             .model = rows_text(r, 12, NULL),
                             .finish_reason = rows_text(r, 13, NULL),
                             .prompt_tokens = rows_int(r, 14),
                             .completion_tokens = rows_int(r, 15),
                             .latency_ms = rows_int(r, 16),
                             .attempts = rows_int(r, 17),
                             .cached_tokens = rows_int(r, 18),
                             .cost_nanousd = rows_int(r, 19)};
    row.body = rows_text(r, part + 2, &row.body_len);
    return fn(arg, &row, err);
}

int export_read_input(struct store *s, const lh_batch *b, export_row_fn fn, void *arg, lh_error *err)
{
    int rc = 0;
    if (b->first_job_id == LH_UNKNOWN)
        return 0;
    for (int64_t from = b->first_job_id; rc == 0 && from <= b->last_job_id; from += PAGE) {
        int64_t to = from + PAGE - 1 < b->last_job_id ? from + PAGE - 1 : b->last_job_id;
        struct rows *rows = NULL;
        rc = store_select(s, STMT_EXPORT_INPUT_ORDER, &rows, err, "iii", b->id, from, to);
        while (rc == 0 && (rc = rows_next(rows, err)) == 1)
            rc = give_input_row(rows, fn, arg, err);
        rows_done(rows);
    }
    return rc;
}

static void read_result(const struct rows *r, struct export_row *row)
{
    *row = (struct export_row){.job_id = rows_int(r, 1),
                               .custom_id = rows_text(r, 2, NULL),
                               .status_code = rows_int(r, 3),
                               .request_id = rows_text(r, 4, NULL),
                               .model = rows_text(r, 6, NULL),
                               .finish_reason = rows_text(r, 7, NULL),
                               .prompt_tokens = rows_int(r, 8),
                               .completion_tokens = rows_int(r, 9),
                               .latency_ms = rows_int(r, 10),
                               .attempts = rows_int(r, 11),
                               .cached_tokens = rows_int(r, 12),
                               .cost_nanousd = rows_int(r, 13)};
    row->body = rows_text(r, 5, &row->body_len);
}

static void read_dead(const struct rows *r, struct export_row *row)
{
    *row = (struct export_row){.job_id = rows_int(r, 1),
                               .custom_id = rows_text(r, 2, NULL),
                               .dead = true,
                               .status_code = rows_int(r, 3),
                               .request_id = rows_text(r, 4, NULL),
                               .error_code = rows_text(r, 6, NULL),
                               .error_message = rows_text(r, 7, NULL),
                               .reason = rows_text(r, 8, NULL),
                               .prompt_tokens = LH_UNKNOWN,
                               .completion_tokens = LH_UNKNOWN,
                               .latency_ms = LH_UNKNOWN,
                               .attempts = rows_int(r, 9),
                               .cached_tokens = LH_UNKNOWN,
                               .cost_nanousd = LH_UNKNOWN};
    row->body = rows_text(r, 5, &row->body_len);
}

/* Results and dead letters share one count of completion: their two streams are merged by it. */
static int merge(struct rows *results, struct rows *dead, int64_t *seq, export_row_fn fn, void *arg,
                 int64_t *count, lh_error *err)
{
    int has_result = rows_next(results, err), has_dead = rows_next(dead, err);
    while (has_result == 1 || has_dead == 1) {
        struct export_row row;
        if (has_result < 0 || has_dead < 0)
            break;
        bool take_result = has_result == 1 && (has_dead != 1 || rows_int(results, 0) < rows_int(dead, 0));
        if (*count == PAGE)
            return 0;
        if (take_result)
            read_result(results, &row);
        else
            read_dead(dead, &row);
        int rc = fn(arg, &row, err);
        if (rc != 0)
            return rc;
        *seq = rows_int(take_result ? results : dead, 0);
        (*count)++;
        if (take_result)
            has_result = rows_next(results, err);
        else
            has_dead = rows_next(dead, err);
    }
    return has_result < 0 ? has_result : has_dead < 0 ? has_dead : 0;
}

int export_read_completed(struct store *s, int64_t batch_id, int64_t *seq, export_row_fn fn, void *arg,
                          int64_t *count, lh_error *err)
{
    struct rows *results = NULL, *dead = NULL;
    *count = 0;
    int rc = store_begin_read(s, err); /* both streams of one moment */
    if (rc == 0)
        rc = store_select(s, STMT_EXPORT_RESULTS_AFTER, &results, err, "iii", batch_id, *seq, (int64_t)PAGE);
    if (rc == 0)
        rc = store_select(s, STMT_EXPORT_DEAD_AFTER, &dead, err, "iii", batch_id, *seq, (int64_t)PAGE);
    if (rc == 0)
        rc = merge(results, dead, seq, fn, arg, count, err);
    rows_done(results);
    rows_done(dead);
    store_rollback(s);
    return rc;
}

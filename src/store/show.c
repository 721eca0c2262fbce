/* One job with all that is known of it: lh_job_show of longhaul.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul.h"
#include "store/batches.h"

/* With a batch: a custom_id of it. Without: a job id, or a custom_id that only one batch has. */
static int find_by_custom_id(struct store *s, const char *batch, const char *job, int64_t *id, lh_error *err)
{
    lh_batch b;
    int rc = batch_find(s, batch, &b, err);
    if (rc == 0)
        rc = store_get_int(s, STMT_JOB_ID_OF, 0, id, err, "ss", batch, job);
    return rc;
}

static int find_anywhere(struct store *s, const char *job, int64_t *id, lh_error *err)
{
    struct rows *rows = NULL;
    int found = 0;
    int rc = store_select(s, STMT_JOB_IDS_OF, &rows, err, "s", job);
    while (rc == 0 && (rc = rows_next(rows, err)) == 1) {
        *id = rows_int(rows, 0);
        found++;
        rc = 0;
    }
    rows_done(rows);
    if (rc == 0 && found > 1)
        rc = lh_error_set(err, LH_EUSAGE, "%d batches have a job %s; say which with --batch", found, job);
    return rc;
}

static int find_job(struct store *s, const char *batch, const char *job, int64_t *id, lh_error *err)
{
    char *end = NULL;
    errno = 0;
    int64_t number = strtoll(job, &end, 10);
    bool is_number = errno == 0 && end != job && *end == '\0';
    *id = 0;
    int rc = batch != NULL ? find_by_custom_id(s, batch, job, id, err) : 0;
    if (rc == 0 && *id == 0 && batch == NULL && is_number)
        rc = store_get_int(s, STMT_JOB_ID_EXISTS, 0, id, err, "i", number);
    if (rc == 0 && *id == 0 && batch == NULL)
        rc = find_anywhere(s, job, id, err);
    if (rc == 0 && *id == 0)
        rc = lh_error_set(err, LH_ENOTFOUND, "no job %s%s%s", job, batch != NULL ? " in batch " : "",
                          batch != NULL ? batch : "");
    return rc;
}

static int show_job(struct store *s, int64_t id, void (*fn)(void *arg, const lh_job *j), void *arg,
                    lh_error *err)
{
    struct rows *r = NULL;
    int rc = store_select(s, STMT_JOB_SHOW, &r, err, "i", id);
    if (rc == 0)
        rc = rows_next(r, err);
    if (rc == 1) {
        lh_job j = {.id = rows_int(r, 0),
                    .batch = rows_text(r, 1, NULL),
                    .custom_id = rows_text(r, 2, NULL),
                    .state = rows_text(r, 3, NULL),
                    .line = rows_int(r, 4),
                    .priority = rows_int(r, 5),
                    .sends = rows_int(r, 6),
                    .attempts = rows_int(r, 7),
                    .throttles = rows_int(r, 8),
                    .losses = rows_int(r, 9),
                    .generation = rows_int(r, 10),
                    .created_at = rows_int(r, 11),
                    .claimed_at = rows_int(r, 12),
                    .next_retry_at = rows_int(r, 13),
                    .finished_at = rows_int(r, 14),
                    .method = rows_text(r, 15, NULL),
                    .url = rows_text(r, 16, NULL),
                    .request_body = rows_text(r, 17, NULL),
                    .response_body = rows_text(r, 18, NULL),
                    .status_code = rows_int(r, 19),
                    .dead_reason = rows_text(r, 20, NULL),
                    .error_code = rows_text(r, 21, NULL),
                    .error_message = rows_text(r, 22, NULL)};
        fn(arg, &j);
    }
    rows_done(r);
    return rc == 1 ? 0 : rc == 0 ? lh_error_set(err, LH_ENOTFOUND, "job %lld is gone", (long long)id) : rc;
}

static int show_attempts(struct store *s, int64_t id, void (*fn)(void *arg, const lh_attempt *a), void *arg,
                         lh_error *err)
{
    struct rows *r = NULL;
    int rc = store_select(s, STMT_JOB_ATTEMPTS, &r, err, "i", id);
    while (rc == 0 && (rc = rows_next(r, err)) == 1) {
        lh_attempt a = {.number = rows_int(r, 0),
                        .outcome = rows_text(r, 1, NULL),
                        .status_code = rows_int(r, 2),
                        .error_code = rows_text(r, 3, NULL),
                        .message = rows_text(r, 4, NULL),
                        .request_id = rows_text(r, 5, NULL),
                        .model = rows_text(r, 6, NULL),
                        .started_at = rows_int(r, 7),
                        .latency_ms = rows_int(r, 8),
                        .wait_ms = rows_int(r, 9),
                        .retry_after_ms = rows_int(r, 10),
                        .prompt_tokens = rows_int(r, 11),
                        .completion_tokens = rows_int(r, 12),
                        .cached_tokens = rows_int(r, 13),
                        .cache_write_tokens = rows_int(r, 14),
                        .reasoning_tokens = rows_int(r, 15),
                        .cost_nanousd = rows_int(r, 16)};
        fn(arg, &a);
        rc = 0;
    }
    rows_done(r);
    return rc;
}

int lh_job_show(const char *db, const char *batch, const char *job,
                void (*job_fn)(void *arg, const lh_job *j),
                void (*attempt_fn)(void *arg, const lh_attempt *a), void *arg, lh_error *err)
{
    struct store *s = NULL;
    int64_t id = 0;
    int rc = store_open(db, STORE_READ, &s, err);
    if (rc == 0)
        rc = store_begin_read(s, err);
    if (rc == 0)
        rc = find_job(s, batch, job, &id, err);
    if (rc == 0)
        rc = show_job(s, id, job_fn, arg, err);
    if (rc == 0 && attempt_fn != NULL)
        rc = show_attempts(s, id, attempt_fn, arg, err);
    if (s != NULL)
        store_rollback(s);
    store_close(s);
    return rc;
}

/* Batches: see batches.h, and the batch functions of longhaul.h. */
#include "store/batches.h"

#include <stdio.h>
#include <string.h>

static void copy_column(char *out, size_t size, const struct rows *r, int column)
{
    const char *text = rows_text(r, column, NULL);
    snprintf(out, size, "%s", text != NULL ? text : "");
}

static void read_batch(const struct rows *r, lh_batch *b)
{
    *b = (lh_batch){.id = rows_int(r, 0), .weight = rows_int(r, 5), .priority = rows_int(r, 6)};
    copy_column(b->name, sizeof b->name, r, 1);
    copy_column(b->state, sizeof b->state, r, 2);
    copy_column(b->pause_reason, sizeof b->pause_reason, r, 3);
    copy_column(b->tenant, sizeof b->tenant, r, 4);
    copy_column(b->input, sizeof b->input, r, 7);
    copy_column(b->input_hash, sizeof b->input_hash, r, 8);
    copy_column(b->params, sizeof b->params, r, 11);
    int64_t *const numbers[] = {&b->input_bytes,
                                &b->input_lines,
                                NULL,
                                &b->ready,
                                &b->waiting,
                                &b->running,
                                &b->done,
                                &b->dead,
                                &b->canceled,
                                &b->prompt_tokens,
                                &b->completion_tokens,
                                &b->cached_tokens,
                                &b->cost_nanousd,
                                &b->attempts,
                                &b->failed_attempts,
                                &b->first_job_id,
                                &b->last_job_id,
                                &b->next_seq,
                                &b->requeues,
                                &b->created_at,
                                &b->started_at,
                                &b->finished_at,
                                &b->cache_write_tokens,
                                &b->reasoning_tokens,
                                &b->unpriced,
                                &b->silent};
    for (int i = 0; i < (int)(sizeof numbers / sizeof *numbers); i++)
        if (numbers[i] != NULL)
            *numbers[i] = rows_int(r, 9 + i);
}

/* The names that are there, for the person who mistyped one. */
static int say_not_found(struct store *s, const char *name, lh_error *err)
{
    char names[512] = "";
    size_t used = 0;
    int shown = 0;
    struct rows *rows = NULL;
    int rc = store_select(s, STMT_BATCH_ALL, &rows, err, "");
    while (rc == 0 && (rc = rows_next(rows, err)) == 1 && shown < 8 && used + 2 < sizeof names) {
        int n = snprintf(names + used, sizeof names - used, "%s%s", shown++ > 0 ? ", " : "",
                         rows_text(rows, 1, NULL));
        used += (size_t)n < sizeof names - used ? (size_t)n : sizeof names - used - 1;
        rc = 0;
    }
    rows_done(rows);
    if (rc < 0)
        return rc;
    return lh_error_set(err, LH_ENOTFOUND, "no batch %s in %s%s%s", name, store_path(s),
                        shown > 0 ? "; there is " : "; it has none", names);
}

int batch_find(struct store *s, const char *name, lh_batch *out, lh_error *err)
{
    struct rows *rows = NULL;
    int rc = store_select(s, STMT_BATCH_BY_NAME, &rows, err, "s", name);
    if (rc == 0)
        rc = rows_next(rows, err);
    if (rc == 1)
        read_batch(rows, out);
    rows_done(rows);
    return rc == 1 ? 0 : rc == 0 ? say_not_found(s, name, err) : rc;
}

int batch_get(struct store *s, int64_t id, lh_batch *out, lh_error *err)
{
    struct rows *rows = NULL;
    int rc = store_select(s, STMT_BATCH_BY_ID, &rows, err, "i", id);
    if (rc == 0)
        rc = rows_next(rows, err);
    if (rc == 1)
        read_batch(rows, out);
    rows_done(rows);
    return rc == 1 ? 0 : rc == 0 ? lh_error_set(err, LH_ENOTFOUND, "no batch %lld", (long long)id) : rc;
}

int batch_each(struct store *s, int (*fn)(void *arg, const lh_batch *b), void *arg, lh_error *err)
{
    struct rows *rows = NULL;
    lh_batch b;
    int rc = store_select(s, STMT_BATCH_ALL, &rows, err, "");
    while (rc == 0 && (rc = rows_next(rows, err)) == 1) {
        read_batch(rows, &b);
        rc = fn(arg, &b);
    }
    rows_done(rows);
    return rc;
}

const char *lh_version(void)
{
    return LH_VERSION;
}

int64_t lh_batch_jobs(const lh_batch *b)
{
    return b->ready + b->waiting + b->running + b->done + b->dead + b->canceled;
}

int lh_batch_find(const char *db, const char *name, lh_batch *out, lh_error *err)
{
    struct store *s = NULL;
    int rc = store_open(db, STORE_READ, &s, err);
    if (rc == 0)
        rc = batch_find(s, name, out, err);
    store_close(s);
    return rc;
}

int lh_batch_each(const char *db, int (*fn)(void *arg, const lh_batch *b), void *arg, lh_error *err)
{
    struct store *s = NULL;
    int rc = store_open(db, STORE_READ, &s, err);
    if (rc == 0)
        rc = batch_each(s, fn, arg, err);
    store_close(s);
    return rc;
}

int tenant_each(struct store *s, int (*fn)(void *arg, const lh_tenant *t), void *arg, lh_error *err)
{
    struct rows *r = NULL;
    int rc = store_select(s, STMT_TENANT_ALL, &r, err, "");
    while (rc == 0 && (rc = rows_next(r, err)) == 1) {
        lh_tenant t = {.weight = rows_int(r, 1),
                       .ready = rows_int(r, 2),
                       .waiting = rows_int(r, 3),
                       .running = rows_int(r, 4),
                       .tokens = rows_int(r, 5)};
        copy_column(t.name, sizeof t.name, r, 0);
        rc = fn(arg, &t);
    }
    rows_done(r);
    return rc;
}

int lh_tenant_each(const char *db, int (*fn)(void *arg, const lh_tenant *t), void *arg, lh_error *err)
{
    struct store *s = NULL;
    int rc = store_open(db, STORE_READ, &s, err);
    if (rc == 0)
        rc = tenant_each(s, fn, arg, err);
    store_close(s);
    return rc;
}

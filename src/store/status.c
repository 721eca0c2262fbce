/* How far batches are, who works on the store, and how: lh_status_* of longhaul.h. Reads what the worker checkpoints each second. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "longhaul.h"
#include "store/batches.h"
#include "store/lock.h"
#include "store/usage.h"

static double get_double(json_object *o, const char *key)
{
    return json_object_get_double(json_get(o, key));
}

static void get_text(json_object *o, const char *key, char *out, size_t size)
{
    const char *text = json_get_string(o, key);
    snprintf(out, size, "%s", text != NULL ? text : "");
}

static void read_stats(json_object *o, lh_worker_stats *out)
{
    out->started_at = json_get_int(o, "started_at", LH_UNKNOWN);
    out->updated_at = json_get_int(o, "updated_at", LH_UNKNOWN);
    out->rate = get_double(o, "rate");
    out->in_flight = json_get_int(o, "in_flight", 0);
    out->answers = json_get_int(o, "answers", 0);
    out->attempts = json_get_int(o, "attempts", 0);
    out->retries = json_get_int(o, "retries", 0);
    out->late = json_get_int(o, "late", 0);
    out->cost_nanousd = json_get_int(o, "cost_nanousd", LH_UNKNOWN);
    out->tokens_left = json_get_int(o, "tokens_left", LH_UNKNOWN);
    out->cost_left_nanousd = json_get_int(o, "cost_left_nanousd", LH_UNKNOWN);
    out->p50_ms = json_get_int(o, "p50_ms", 0);
    out->p90_ms = json_get_int(o, "p90_ms", 0);
    out->p99_ms = json_get_int(o, "p99_ms", 0);
    out->error_rate = get_double(o, "error_rate");
    get_text(o, "limiter", out->limiter, sizeof out->limiter);
    get_text(o, "trouble", out->trouble, sizeof out->trouble);
}

/* NULL with 0: no worker has written any yet, or nonsense stands there. */
static int read_checkpoint(const char *db, json_object **out, lh_error *err)
{
    struct store *s = NULL;
    char *value = NULL;
    *out = NULL;
    int rc = store_open(db, STORE_READ, &s, err);
    if (rc == 0)
        rc = store_checkpoint_get(s, "worker", "stats", &value, err);
    if (rc == 0 && value != NULL)
        *out = json_tokener_parse(value);
    free(value);
    store_close(s);
    return rc;
}

int lh_status_worker(const char *db, lh_worker_stats *out, lh_error *err)
{
    json_object *stats = NULL;
    *out = (lh_worker_stats){.started_at = LH_UNKNOWN,
                             .updated_at = LH_UNKNOWN,
                             .cost_nanousd = LH_UNKNOWN,
                             .tokens_left = LH_UNKNOWN,
                             .cost_left_nanousd = LH_UNKNOWN};
    int rc = read_checkpoint(db, &stats, err);
    if (rc == 0 && json_is_object(stats))
        read_stats(stats, out);
    json_object_put(stats);
    return rc == 0 ? store_lock_holder(db, &out->pid) : rc;
}

static int tell(json_object *endpoint, int (*fn)(void *arg, const char *json), void *arg)
{
    return json_is_object(endpoint)
               ? fn(arg, json_object_to_json_string_ext(endpoint, JSON_C_TO_STRING_PLAIN))
               : 0;
}

/* A worker with one endpoint writes no list. */
int lh_status_endpoints(const char *db, int (*fn)(void *arg, const char *json), void *arg, lh_error *err)
{
    json_object *stats = NULL;
    int rc = read_checkpoint(db, &stats, err);
    json_object *list = json_get(stats, "endpoints");
    size_t count = json_is_array(list) ? json_object_array_length(list) : 0;
    if (rc == 0 && count == 0)
        rc = tell(json_get(stats, "state"), fn, arg);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = tell(json_object_array_get_idx(list, i), fn, arg);
    json_object_put(stats);
    return rc;
}

static int read_sums(struct store *s, const char *name, const lh_status_fns *fns, void *arg, lh_error *err)
{
    lh_batch b = {.id = LH_UNKNOWN};
    int rc = 0;
    if (name != NULL) {
        rc = batch_find(s, name, &b, err);
        if (rc == 0)
            rc = fns->batch(arg, &b);
    } else {
        rc = batch_each(s, fns->batch, arg, err);
        if (rc == 0)
            rc = tenant_each(s, fns->tenant, arg, err);
    }
    return rc == 0 ? usage_each(s, b.id, LH_BY_MODEL, fns->model, arg, err) : rc;
}

int lh_status_sums(const char *db, const char *batch, const lh_status_fns *fns, void *arg, lh_error *err)
{
    struct store *s = NULL;
    int rc = store_open(db, STORE_READ, &s, err);
    if (rc == 0)
        rc = store_begin_read(s, err);
    if (rc == 0)
        rc = read_sums(s, batch, fns, arg, err);
    if (s != NULL)
        store_rollback(s);
    store_close(s);
    return rc;
}

/* The endpoints of a run: see endpoints.h. */
#include "schedule/endpoints.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "schedule/model_use.h"

/* ---- making them ---- */

static int add(struct endpoints *s, const lh_endpoint_options *o, const char *name, const char *key_variable,
               int64_t now_ms, lh_error *err)
{
    if (s->count == ENDPOINTS_MOST)
        return lh_error_set(err, LH_EUSAGE, "there are more than %d endpoints, each key counted",
                            ENDPOINTS_MOST);
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->list[i].name, name) == 0)
            return lh_error_set(err, LH_EUSAGE, "two endpoints have the name %s", name);
    int rc = endpoint_open(&s->list[s->count], o, name, key_variable, s->pause_most_ms, now_ms, err);
    s->count += rc == 0 ? 1 : 0;
    return rc;
}

/* What an entry names must be there at once, and not be missed in the middle of the night. */
static int resolve_all(struct endpoint *e, lh_error *err)
{
    const char *key = e->key_variable != NULL ? getenv(e->key_variable) : NULL;
    if (e->key_variable != NULL && (key == NULL || *key == '\0'))
        return lh_error_set(err, LH_EINPUT, "$%s, the key of endpoint %s, is not set in the environment",
                            e->key_variable, e->name);
    for (int d = 0; d < DIALECTS; d++)
        if (e->serves[d] && endpoint_access(e, (enum dialect)d, err) == NULL)
            return err != NULL && err->code != 0 ? err->code : LH_EINPUT;
    return 0;
}

static int add_entry(struct endpoints *s, const lh_endpoint_options *o, int64_t now_ms, lh_error *err)
{
    size_t keys = o->n_keys > 0 ? o->n_keys : 1;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < keys; i++) {
        char name[ENDPOINT_NAME_MOST];
        const char *variable = o->n_keys > 0 ? o->keys[i] : NULL;
        snprintf(name, sizeof name, "%s%s%s", o->name, o->n_keys > 1 ? "/" : "",
                 o->n_keys > 1 ? variable : "");
        rc = add(s, o, name, variable, now_ms, err);
        if (rc == 0)
            s->list[s->count - 1].is_named = true;
    }
    return rc;
}

/* Without a list: one server for all jobs, or each dialect's own. */
static int add_default(struct endpoints *s, const lh_endpoint_options *o, int64_t now_ms, lh_error *err)
{
    if (o->base_url != NULL || o->dialect != NULL)
        return add(s, o, "default", NULL, now_ms, err);
    int rc = 0;
    for (int d = 0; rc == 0 && d < DIALECTS; d++) {
        lh_endpoint_options own = *o;
        own.dialect = dialect_name((enum dialect)d);
        rc = add(s, &own, own.dialect, NULL, now_ms, err);
    }
    return rc;
}

int endpoints_describe(struct endpoints *s, const lh_run_options *o, int64_t now_ms, lh_error *err)
{
    *s = (struct endpoints){.list = calloc(ENDPOINTS_MOST, sizeof *s->list),
                            .pause_most_ms = o->max_retry_after_ms};
    if (s->list == NULL)
        return lh_error_nomem(err);
    int rc = 0;
    if (o->n_endpoints == 0) {
        s->dialect_is_forced =
            o->endpoint.dialect != NULL && dialect_from_name(o->endpoint.dialect, &s->forced);
        rc = add_default(s, &o->endpoint, now_ms, err);
    }
    for (size_t i = 0; rc == 0 && i < o->n_endpoints; i++)
        rc = add_entry(s, &o->endpoints[i], now_ms, err);
    return rc;
}

int endpoints_open(struct endpoints *s, const lh_run_options *o, int64_t now_ms, lh_error *err)
{
    int rc = endpoints_describe(s, o, now_ms, err);
    for (size_t i = 0; rc == 0 && i < s->count; i++)
        if (s->list[i].is_named)
            rc = resolve_all(&s->list[i], err);
    return rc;
}

void endpoints_free(struct endpoints *s)
{
    for (size_t i = 0; i < s->count; i++)
        endpoint_free(&s->list[i]);
    free(s->list);
    *s = (struct endpoints){0};
}

/* ---- where a job may go ---- */

enum dialect endpoints_dialect(const struct endpoints *s, const struct claimed_job *job)
{
    return s->dialect_is_forced ? s->forced : dialect_of_url(job->url);
}

uint64_t endpoints_for(const struct endpoints *s, const struct claimed_job *job, const char *model)
{
    char origin[512];
    snprintf(origin, sizeof origin, "%.*s", (int)provider_origin(job->url), job->url);
    uint64_t can = 0;
    for (size_t i = 0; i < s->count; i++)
        if (endpoint_can_serve(&s->list[i], endpoints_dialect(s, job), model, origin))
            can |= UINT64_C(1) << i;
    return can;
}

static bool is_among(const struct endpoints *s, uint64_t can, size_t i)
{
    return (can & ~s->refused & (UINT64_C(1) << i)) != 0;
}

static int64_t lowest_tier(struct endpoints *s, uint64_t can, int64_t now_ms)
{
    int64_t lowest = INT64_MAX;
    for (size_t i = 0; i < s->count; i++)
        if (is_among(s, can, i) && s->list[i].options.tier < lowest && !endpoint_is_down(&s->list[i], now_ms))
            lowest = s->list[i].options.tier;
    return lowest;
}

static bool is_freer(const struct endpoint *a, const struct endpoint *b)
{
    __int128 of_a = (__int128)(a->in_flight + 1) * b->options.weight * b->options.concurrency;
    __int128 of_b = (__int128)(b->in_flight + 1) * a->options.weight * a->options.concurrency;
    return of_a < of_b;
}

struct endpoint *endpoints_pick(struct endpoints *s, const struct claimed_job *job, uint64_t among,
                                int64_t now_ms, struct endpoint_wait *wait)
{
    struct gate_request request = job_expected(job);
    struct endpoint *best = NULL;
    bool one = s->count == 1;
    uint64_t can = job->can & among;
    int64_t tier = one ? INT64_MAX : lowest_tier(s, can, now_ms);
    *wait = (struct endpoint_wait){.ready_at = INT64_MAX};
    for (size_t i = 0; i < s->count; i++) {
        struct endpoint *e = &s->list[i];
        if (!is_among(s, can, i) || (tier != INT64_MAX && e->options.tier != tier))
            continue;
        int64_t at = gate_ready_at(e->gate, now_ms, &request);
        if (at == INT64_MAX)
            wait->is_for_end = true;
        else if (at > now_ms)
            wait->ready_at = at < wait->ready_at ? at : wait->ready_at;
        else if (best == NULL || is_freer(e, best))
            best = e;
    }
    return best;
}

uint64_t endpoints_never_reached(const struct endpoints *s)
{
    uint64_t never = 0;
    for (size_t i = 0; i < s->count; i++)
        if (!s->list[i].is_reached && s->list[i].unreachable >= UNREACHABLE_GIVE_UP)
            never |= UINT64_C(1) << i;
    return never;
}

bool endpoints_have_other(struct endpoints *s, const struct claimed_job *job, const struct endpoint *than,
                          int64_t now_ms)
{
    for (size_t i = 0; i < s->count; i++)
        if (&s->list[i] != than && is_among(s, job->can, i) && !endpoint_is_down(&s->list[i], now_ms))
            return true;
    return false;
}

bool endpoints_have_room(struct endpoints *s, int64_t now_ms)
{
    static const struct gate_request least = {0};
    for (size_t i = 0; i < s->count; i++)
        if (is_among(s, UINT64_MAX, i) && gate_ready_at(s->list[i].gate, now_ms, &least) <= now_ms)
            return true;
    return false;
}

int64_t endpoints_capacity(const struct endpoints *s)
{
    int64_t sum = 0;
    for (size_t i = 0; i < s->count; i++)
        sum += is_among(s, UINT64_MAX, i) ? s->list[i].options.concurrency : 0;
    return sum;
}

/* ---- how they fare ---- */

bool endpoints_refuse(struct endpoints *s, struct endpoint *e, const char *why)
{
    e->is_refused = true;
    s->refused |= UINT64_C(1) << (e - s->list);
    snprintf(e->trouble, sizeof e->trouble, "%s", why);
    for (size_t i = 0; i < s->count; i++)
        if (!s->list[i].is_refused && endpoint_is_in_use(&s->list[i]))
            return false;
    return true;
}

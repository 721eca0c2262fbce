/* The pause that a provider asked for with a throttle: nothing starts until it is over, and then not all at once, or a hundred
 * refused requests would come back together to be refused again. The longest pause asked for holds. A limiter of the gate. */
#include <stdlib.h>

#include "limit/limiter.h"

/* Starts after a pause are spread evenly over the concurrency in a tenth of the pause, a second at most: a short pause must not
 * cost more by its end than by itself. Jobs that wait for a retry are spread in the same way (backoff.h). */
enum { RAMP_SHARE = 10, RAMP_MOST_MS = 1000 };

struct pause {
    int64_t until_ms; /* INT64_MIN: never asked for */
    int64_t asked_ms; /* the same, of pauses that the provider asked for: what a later run keeps to */
    int64_t ramp_ms;
    int64_t concurrency, most_ms;
    int64_t started; /* since the end of the pause, while the ramp lasts */
};

static bool is_ramp(const struct pause *p, int64_t now_ms)
{
    return p->until_ms != INT64_MIN && now_ms >= p->until_ms && now_ms - p->until_ms < p->ramp_ms;
}

/* One at the end of the pause, the n-th after n / concurrency of the ramp. */
static int64_t ready_at(void *self, int64_t now_ms, const struct gate_request *q)
{
    const struct pause *p = self;
    (void)q;
    if (p->until_ms > now_ms)
        return p->until_ms;
    if (!is_ramp(p, now_ms))
        return now_ms;
    int64_t at = p->until_ms + (p->started * p->ramp_ms + p->concurrency - 1) / p->concurrency;
    return at > now_ms ? at : now_ms;
}

static void take(void *self, int64_t now_ms, const struct gate_request *q, struct gate_ticket *ticket)
{
    struct pause *p = self;
    (void)q, (void)ticket;
    if (is_ramp(p, now_ms) && p->started < p->concurrency)
        p->started++;
}

static void settle(void *self, int64_t now_ms, const struct gate_outcome *o)
{
    struct pause *p = self;
    int64_t until_ms = 0;
    if (!o->throttled || o->retry_after_ms <= 0)
        return;
    if (__builtin_add_overflow(now_ms, o->retry_after_ms, &until_ms))
        until_ms = INT64_MAX - 1; /* INT64_MAX would mean: after something in flight ends */
    if (!o->unreachable && until_ms > p->asked_ms)
        p->asked_ms = until_ms;
    if (until_ms <= p->until_ms)
        return;
    int64_t share = o->retry_after_ms / RAMP_SHARE;
    p->until_ms = until_ms;
    p->ramp_ms = share < RAMP_MOST_MS ? share : RAMP_MOST_MS;
    p->started = 0;
}

static void report(void *self, int64_t now_ms, struct gate_state *out)
{
    const struct pause *p = self;
    out->paused_until_ms = p->until_ms > now_ms ? p->until_ms : 0;
}

/* What is left of the pause, or by how much the ramp has begun. */
static void save(void *self, int64_t now_ms, struct strbuf *out)
{
    const struct pause *p = self;
    if (p->asked_ms <= now_ms && !(is_ramp(p, now_ms) && p->asked_ms == p->until_ms))
        return;
    json_append_int(out, "left_ms", p->asked_ms - now_ms);
    json_append_int(out, "ramp_ms", p->ramp_ms);
    json_append_int(out, "started", p->started);
}

static int64_t between(int64_t value, int64_t least, int64_t most)
{
    return value < least ? least : value > most ? most : value;
}

static void load(void *self, int64_t now_ms, int64_t age_ms, json_object *saved)
{
    struct pause *p = self;
    int64_t ramp_ms = between(json_get_int(saved, "ramp_ms", 0), 0, RAMP_MOST_MS);
    int64_t left_ms = between(json_get_int(saved, "left_ms", -RAMP_MOST_MS), -RAMP_MOST_MS, p->most_ms);
    if (left_ms + ramp_ms <= age_ms) /* all of it is over */
        return;
    p->until_ms = p->asked_ms = now_ms + left_ms - age_ms;
    p->ramp_ms = ramp_ms;
    p->started = between(json_get_int(saved, "started", 0), 0, p->concurrency);
}

int pause_open(const struct gate_options *o, int64_t now_ms, struct limiter *out, lh_error *err)
{
    static const struct limiter_calls calls = {.ready_at = ready_at,
                                               .take = take,
                                               .settle = settle,
                                               .report = report,
                                               .close = free,
                                               .save = save,
                                               .load = load};
    (void)now_ms;
    struct pause *p = calloc(1, sizeof *p);
    if (p == NULL)
        return lh_error_nomem(err);
    p->until_ms = p->asked_ms = INT64_MIN;
    p->concurrency = o->concurrency;
    p->most_ms = o->pause_most_ms;
    out->calls = &calls;
    out->self = p;
    return 0;
}

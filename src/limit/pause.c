/* The pause that a provider asked for with a throttle: nothing starts until it is over. The longest one asked for holds.
 * A limiter of the gate. */
#include <stdlib.h>

#include "limit/limiter.h"

struct pause {
    int64_t until_ms; /* INT64_MIN: never asked for */
};

static int64_t ready_at(void *self, int64_t now_ms, const struct gate_request *q)
{
    const struct pause *p = self;
    (void)q;
    return p->until_ms > now_ms ? p->until_ms : now_ms;
}

static void settle(void *self, int64_t now_ms, const struct gate_outcome *o)
{
    struct pause *p = self;
    int64_t until_ms = 0;
    if (!o->throttled || o->retry_after_ms <= 0)
        return;
    if (__builtin_add_overflow(now_ms, o->retry_after_ms, &until_ms))
        until_ms = INT64_MAX - 1; /* INT64_MAX would mean: after something in flight ends */
    if (until_ms > p->until_ms)
        p->until_ms = until_ms;
}

static void report(void *self, int64_t now_ms, struct gate_state *out)
{
    const struct pause *p = self;
    out->paused_until_ms = p->until_ms > now_ms ? p->until_ms : 0;
}

int pause_open(const struct gate_options *o, int64_t now_ms, struct limiter *out, lh_error *err)
{
    static const struct limiter_calls calls = {ready_at, NULL, settle, report, free};
    (void)o, (void)now_ms;
    struct pause *p = malloc(sizeof *p);
    if (p == NULL)
        return lh_error_nomem(err);
    p->until_ms = INT64_MIN;
    out->calls = &calls;
    out->self = p;
    return 0;
}

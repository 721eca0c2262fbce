/* So many requests in flight and no more. A limiter of the gate. */
#include <stdlib.h>

#include "limit/limiter.h"

struct concurrency {
    int64_t most, in_flight;
};

static int64_t ready_at(void *self, int64_t now_ms, const struct gate_request *q)
{
    const struct concurrency *c = self;
    (void)q;
    return c->in_flight < c->most ? now_ms : INT64_MAX;
}

static void take(void *self, int64_t now_ms, const struct gate_request *q, struct gate_ticket *ticket)
{
    struct concurrency *c = self;
    (void)now_ms, (void)q, (void)ticket;
    c->in_flight++;
}

static void settle(void *self, int64_t now_ms, const struct gate_outcome *o)
{
    struct concurrency *c = self;
    (void)now_ms, (void)o;
    c->in_flight--;
}

static void report(void *self, int64_t now_ms, struct gate_state *out)
{
    const struct concurrency *c = self;
    (void)now_ms;
    out->in_flight = c->in_flight;
}

int concurrency_open(const struct gate_options *o, int64_t now_ms, struct limiter *out, lh_error *err)
{
    static const struct limiter_calls calls = {
        .ready_at = ready_at, .take = take, .settle = settle, .report = report, .close = free};
    (void)now_ms;
    if (o->concurrency < 1)
        return lh_error_set(err, LH_EUSAGE, "concurrency is %lld; it must be at least 1",
                            (long long)o->concurrency);
    struct concurrency *c = calloc(1, sizeof *c);
    if (c == NULL)
        return lh_error_nomem(err);
    c->most = o->concurrency;
    out->calls = &calls;
    out->self = c;
    return 0;
}

/* So many requests in flight and no more. A limiter of the gate.
 *
 * Adaptive: begins with few; one more when a full round of answers was good (as many as are allowed at once, all of them used), a tenth
 * less at a fault or a refusal without a wait, once a round. A refusal that names a wait is the pause's business, and the rate's.
 * There is no gradient on latency, as other tools have it: how long a language model takes is the length of its
 * answer, and says nothing of how many others it serves. */
#include <stdlib.h>

#include "limit/limiter.h"

enum { START = 8 };

struct concurrency {
    int64_t most, in_flight;
    bool adaptive;
    int64_t allowed;      /* now; `most` unless adaptive */
    int64_t good;         /* answers of this round, which began when `allowed` last changed */
    int64_t starts;       /* the serial of the last start */
    int64_t round_serial; /* the first start after `allowed` was lowered: faults of older ones are no news */
};

static int64_t ready_at(void *self, int64_t now_ms, const struct gate_request *q)
{
    const struct concurrency *c = self;
    (void)q;
    return c->in_flight < c->allowed ? now_ms : INT64_MAX;
}

static void take(void *self, int64_t now_ms, const struct gate_request *q, struct gate_ticket *ticket)
{
    struct concurrency *c = self;
    (void)now_ms, (void)q;
    c->in_flight++;
    c->starts = ticket->serial;
}

/* Good answers of requests that were not as many as allowed prove nothing of more. */
static void count_good(struct concurrency *c, bool full)
{
    c->good += full ? 1 : 0;
    if (c->good < c->allowed || c->allowed >= c->most)
        return;
    c->allowed++;
    c->good = 0;
}

static void lower(struct concurrency *c, int64_t serial)
{
    if (serial < c->round_serial)
        return;
    c->allowed = c->allowed * 9 / 10 > 1 ? c->allowed * 9 / 10 : 1;
    c->good = 0;
    c->round_serial = c->starts + 1;
}

static void settle(void *self, int64_t now_ms, const struct gate_outcome *o)
{
    struct concurrency *c = self;
    (void)now_ms;
    bool full = c->in_flight >= c->allowed;
    c->in_flight--;
    if (!c->adaptive || o->unreachable)
        return;
    if (o->throttled ? o->retry_after_ms <= 0 : o->health == BREAKER_FAULT)
        lower(c, o->ticket.serial);
    else if (!o->throttled && o->health == BREAKER_GOOD)
        count_good(c, full);
}

static void report(void *self, int64_t now_ms, struct gate_state *out)
{
    const struct concurrency *c = self;
    (void)now_ms;
    out->in_flight = c->in_flight;
    out->concurrency = c->allowed;
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
    c->adaptive = o->adaptive_concurrency;
    c->allowed = c->adaptive && c->most > START ? START : c->most;
    out->calls = &calls;
    out->self = c;
    return 0;
}

/* Inside `limit` only: what a limiter is to the gate. A new one is a file with its `…_open` and a row in gate.c's table.
 * The loop's thread; only `open` allocates and only it can fail. */
#ifndef LH_LIMIT_LIMITER_H
#define LH_LIMIT_LIMITER_H

#include "base/json.h"
#include "limit/gate.h"

/* Any of them but ready_at may be NULL: nothing to do. Times are ms on the gate's clock. */
struct limiter_calls {
    int64_t (*ready_at)(void *self, int64_t now_ms, const struct gate_request *q); /* as gate_ready_at */
    /* Of all limiters this one said the latest time, and no other holds the request back as long. */
    void (*bound)(void *self, int64_t now_ms, int64_t until_ms);
    void (*take)(void *self, int64_t now_ms, const struct gate_request *q, struct gate_ticket *ticket);
    void (*settle)(void *self, int64_t now_ms, const struct gate_outcome *o);
    void (*report)(void *self, int64_t now_ms, struct gate_state *out); /* fills its own fields */
    void (*close)(void *self);
    /* `count` requests no larger than `q` that an earlier process started, at `started_ms` at the latest; nothing of them is in flight. However
     * large the count (it may be wrong): no more is taken off than whoever keeps the limit can have taken. */
    void (*spend)(void *self, int64_t started_ms, int64_t count, const struct gate_request *q);
    /* What is worth keeping over a restart, as members of a JSON object, and taking it up `age_ms` (≥ 0) later. Times are saved as ages or
     * as what is left, as the clock is another one then; what is loaded may be hostile. */
    void (*save)(void *self, int64_t now_ms, struct strbuf *out);
    void (*load)(void *self, int64_t now_ms, int64_t age_ms, json_object *saved);
};

struct limiter {
    const struct limiter_calls *calls; /* NULL: the options ask for no such limit */
    void *self;                        /* owned */
};

/* Each looks at its own options, and leaves *out empty when they ask for nothing. LH_EUSAGE for options that make no
 * sense, LH_ENOMEM. */
typedef int limiter_open(const struct gate_options *o, int64_t now_ms, struct limiter *out, lh_error *err);
limiter_open concurrency_open, breaker_open, pause_open, adaptive_open, window_open, scout_open;
limiter_open request_rate_open, token_rate_open, input_rate_open, output_rate_open;

#endif

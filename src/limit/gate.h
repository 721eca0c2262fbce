/* The gate of an endpoint: may a request go now? Concurrency, requests and tokens per minute, and the pause that
 * the provider asked for, in one interface; each limiter is a small module of its own with the clock passed in.
 * Integer arithmetic; the loop's thread; nothing allocates after gate_new, nothing fails. */
#ifndef LH_LIMIT_GATE_H
#define LH_LIMIT_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "limit/adaptive.h"
#include "limit/breaker.h"
#include "provider/told_limits.h"

struct gate;

struct gate_options {
    int64_t concurrency; /* requests in flight at most, > 0 */
    int64_t rpm;         /* requests per minute; 0: no limit */
    int64_t tpm;         /* tokens per minute; 0: no limit */
    int64_t itpm, otpm;  /* those of prompts, those of answers; 0: no limit */
    bool ignore_told;    /* limits that answers tell change nothing */
    /* Requests in flight at most before the first answer, when there are no limits: it may tell some. Twice as many after each
     * scout_ms without it. 0: no such care. */
    int64_t scout, scout_ms;
    bool
        adaptive_concurrency; /* begin with few, more while answers are good, fewer at faults; up to `concurrency` */
    /* How much of a minute's allowance a full bucket holds (at least one request): 0 to 30,000; default 500. Whatever it
     * is, any rolling minute stays within rpm; why, and how much of the allowance is used, stands in rates.c. */
    int64_t burst_ms;
    int64_t window_count;  /* sliding window: at most so many starts … */
    int64_t window_ms;     /* … in any span of so many ms; 0: no limit */
    int64_t pause_most_ms; /* no pause that is taken up from an earlier run is longer; ≥ 0 */
    struct breaker_options breaker;
    struct adaptive_options adaptive;
};
void gate_options_default(struct gate_options *o);

/* What a request would take. */
struct gate_request {
    int64_t prompt_tokens; /* estimated, ≥ 0 */
    int64_t output_tokens; /* how long the answer is expected to be, ≥ 0 */
    /* How long it may be at most, where that is more: what a provider charges that gives nothing back. */
    int64_t bound_tokens;
};
int64_t gate_request_tokens(const struct gate_request *q); /* prompt and expected answer; INT64_MAX at most */

/* LH_EUSAGE naming the option that makes no sense, LH_ENOMEM. */
int gate_new(const struct gate_options *o, int64_t now_ms, struct gate **out, lh_error *err);
void gate_free(struct gate *g);

/* When may the request go? `now_ms`: at once. Later: at that time, if nothing
 * else goes before. INT64_MAX: only after something in flight ends. A request larger than the whole token bucket
 * passes when the bucket is full, and leaves debt, so that it is not stuck forever. */
int64_t gate_ready_at(struct gate *g, int64_t now_ms, const struct gate_request *q);

struct gate_ticket { /* what the limiters must know of a request when it ends; the caller keeps it */
    int64_t started_ms;
    int64_t serial;               /* of all starts, from 1: those of one millisecond have an order too */
    int64_t reserved[TOLD_KINDS]; /* of each kind, for this one */
    int64_t taken[TOLD_KINDS];    /* of each kind so far, this with it */
    uint32_t breaker_epoch;
};

/* Takes what gate_ready_at(…) == now_ms promised. */
struct gate_ticket gate_take(struct gate *g, int64_t now_ms, const struct gate_request *q);

struct gate_outcome {
    struct gate_ticket ticket;   /* that taking it gave */
    enum breaker_outcome health; /* what it tells of the endpoint's */
    /* Of the answer's usage; -1: not known, the reservation stands; 0: nothing was used (it never left, or was refused). Input
     * without what a cache gave, where the provider leaves that out. */
    int64_t used_tokens, used_input, used_output;
    bool answered; /* by the provider, in whatever way */
    bool throttled;
    bool unreachable; /* the wait is our own, as nobody was there to ask for it: not kept over a restart */
    int64_t retry_after_ms; /* capped by the caller; -1: none. With throttled: all starts pause so long */
    const struct told_limits *told; /* by the answer; NULL: nothing. Borrowed for the call */
};
/* A request that was taken has ended. */
void gate_settle(struct gate *g, int64_t now_ms, const struct gate_outcome *o);

/* What the limiters have learned and how full they are, as one JSON object; taken up by a gate of the next run, `age_ms` after it was
 * saved. Hostile or old content changes nothing it does not name. Call gate_load before the first take. */
void gate_save(struct gate *g, int64_t now_ms, struct strbuf *out);
void gate_load(struct gate *g, int64_t now_ms, int64_t age_ms, json_object *saved);
/* `count` requests no larger than `q` went after the save, at `started_ms` at the latest: takes them off, as far as a process that
 * keeps the limits can have started them. Call after gate_load, before the first take. */
void gate_spend(struct gate *g, int64_t started_ms, int64_t count, const struct gate_request *q);

enum gate_limiter {
    GATE_NONE,
    GATE_CONCURRENCY,
    GATE_BREAKER,
    GATE_RPM,
    GATE_TPM,
    GATE_WINDOW,
    GATE_PAUSE,
    GATE_ITPM,
    GATE_OTPM,
    GATE_SCOUT,
    GATE_ADAPTIVE
};
struct gate_rate { /* the limit of one kind that holds */
    int64_t limit; /* 0: none */
    int64_t period_ms;
    bool is_told;      /* by the provider; else it was given */
    int64_t available; /* now, of all limits of this kind; negative: debt */
};
struct gate_state {
    struct gate_rate rates[TOLD_KINDS];
    int64_t in_flight;
    int64_t concurrency; /* so many at once are allowed now */
    int64_t requests_available,
        tokens_available;        /* now; tokens may be negative (debt); -1, INT64_MIN: no limit */
    int64_t paused_until_ms;     /* 0: not paused */
    enum breaker_state breaker;  /* closed without one */
    int64_t breaker_opened;      /* how often */
    int64_t breaker_until_ms;    /* open: the end of the cool-down, else 0 */
    enum adaptive_mode adaptive; /* off without one */
    bool adaptive_is_additive;
    bool adaptive_triggered;                      /* it limits: auto has seen a refusal, or it is on */
    int64_t adaptive_rate_milli;                  /* may start now, in requests/1000 s; 0: not limited */
    int64_t adaptive_limit_milli;                 /* the limit that it has learned, likewise; 0: none yet */
    enum gate_limiter binding;                    /* what made the last gate_ready_at say "not now" */
    int64_t window_count, window_ms, window_used; /* of the sliding window: starts in it now; 0: none */
    int64_t tightest_per_second_milli; /* rate ceiling of the limits given, in requests/1000 s; 0: none */
};
void gate_get_state(struct gate *g, int64_t now_ms, struct gate_state *out);
const char *gate_limiter_name(enum gate_limiter l); /* "concurrency", "requests per minute", … */

#endif

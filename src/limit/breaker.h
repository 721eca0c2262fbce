/* A circuit breaker: stops asking an endpoint that is down, looks after it with one request at a time, and comes back in steps.
 *
 *   closed ──share of faults──▶ open ──cool-down──▶ probing ──good──▶ ramping ──steps──▶ closed
 *                                ▲  ◀────fault────────┘                  │
 *                                └───────────share of faults─────────────┘
 *
 * Faults are the endpoint's: 5xx, resets, timeouts. A refusal for rate is a sign of life. Outcomes of requests that were taken before
 * the last change of state tell nothing about what came after it, and do not count. Source of the form: Michael Nygard, "Release
 * It!" (2007), with the ramp that keeps the return of all at once from being the next outage. The loop's thread; integers, the
 * clock passed in; never fails, never allocates. */
#ifndef LH_LIMIT_BREAKER_H
#define LH_LIMIT_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_PROBING, BREAKER_RAMPING };
const char *breaker_state_name(enum breaker_state s); /* "closed", "open", "probing", "ramping" */

/* The window counts outcomes and not time: a few seconds of health at a high rate must not hide that all fails now, until the jobs
 * that the breaker is there to save have used up their attempts; and timeouts that come minutes apart must be seen together. */
struct breaker_options {
    int64_t percent;               /* of faults that opens it, 1 to 100; 0: no breaker */
    int64_t least;                 /* outcomes before it may judge, > 0 */
    int64_t count;                 /* the last so many are looked at, least to BREAKER_MOST */
    int64_t cool_ms, cool_most_ms; /* the first cool-down; doubled at each that follows, to the most */
    int64_t ramp_ms;               /* of a step; there are BREAKER_STEPS */
};
void breaker_options_default(struct breaker_options *o); /* 50 %, 20 of the last 200, 5 s to 60 s, 2 s */
/* So many outcomes as tell of `concurrency` slots: half of them are two faults a slot, which a connection that is reset under all
 * requests at once does not make. */
void breaker_options_fit(struct breaker_options *o, int64_t concurrency);

enum { BREAKER_MOST = 4096, BREAKER_STEPS = 3 };

struct breaker {
    struct breaker_options options;
    enum breaker_state state;
    int64_t since_ms;        /* of the last change of state */
    int64_t until_ms;        /* open: the end of the cool-down */
    int64_t cool_ms;         /* the present cool-down */
    bool probe_is_out;       /* probing: the one request is in flight */
    int64_t in_flight;       /* all */
    int64_t usual;           /* most in flight at once while closed: what the ramp climbs to */
    bool ring[BREAKER_MOST]; /* true: a fault; the last options.count since the last change of state */
    int64_t next, seen, faults;
    int64_t opened; /* how often, ever */
    uint32_t epoch; /* raised at each change of state */
};

void breaker_init(struct breaker *b, const struct breaker_options *o, int64_t now_ms);

/* When may a request go? INT64_MAX: after one that is in flight has ended. */
int64_t breaker_ready_at(struct breaker *b, int64_t now_ms);
/* Returns the epoch of this request, which its end must name. */
uint32_t breaker_take(struct breaker *b, int64_t now_ms);

enum breaker_outcome { BREAKER_GOOD, BREAKER_FAULT, BREAKER_NOTHING /* canceled: tells nothing */ };
/* A request that was taken in `epoch` has ended. */
void breaker_settle(struct breaker *b, int64_t now_ms, uint32_t epoch, enum breaker_outcome o);

/* A state that was saved `age_ms` ago: an open breaker stays open for what is left of its cool-down, then probes. */
void breaker_restore(struct breaker *b, int64_t now_ms, int64_t age_ms, enum breaker_state state,
                     int64_t left_ms, int64_t cool_ms);

#endif

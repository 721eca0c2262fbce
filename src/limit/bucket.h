/* A token bucket in integer micro-tokens, so that a year of refills drifts by nothing. Refill is computed on read; there is no
 * timer. Source: RFC 2697's committed burst, with debt: bucket_return may drive the level below zero when an answer used more
 * than was reserved, and later takes wait until it is paid back. Amounts beyond 10^12 tokens count as 10^12. The loop's
 * thread; a clock that goes back stands still; never fails. */
#ifndef LH_LIMIT_BUCKET_H
#define LH_LIMIT_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

#define BUCKET_MICRO INT64_C(1000000)             /* micro-tokens in a token */
#define BUCKET_MOST_TOKENS INT64_C(1000000000000) /* no amount, capacity or rate is more */

struct bucket {
    int64_t capacity;   /* micro-tokens */
    int64_t per_minute; /* whole tokens that flow in each minute, rounded up; 0: no limit */
    int64_t flow;       /* micro-tokens that flow in each minute: the exact rate */
    int64_t level;      /* micro-tokens at `at_ms`; negative: debt */
    int64_t fraction;   /* of a micro-token, in 1/60,000: what the division left over */
    int64_t at_ms;
};

/* per_minute ≥ 0 (0: everything passes). capacity: tokens, > 0. Starts full. */
void bucket_init(struct bucket *b, int64_t per_minute, int64_t capacity, int64_t now_ms);
/* The same in micro-tokens, for rates and capacities that are no whole tokens. */
void bucket_init_micro(struct bucket *b, int64_t flow, int64_t capacity, int64_t now_ms);

/* The first time at which bucket_take may take `n` tokens, if nothing else goes before: `now_ms` if at once. More than the
 * capacity passes when the bucket is full. */
int64_t bucket_ready_at(struct bucket *b, int64_t now_ms, int64_t n);
void bucket_take(struct bucket *b, int64_t now_ms, int64_t n);
/* n > 0: reserved and not used; never fills above the capacity. n < 0: used beyond the reservation. */
void bucket_return(struct bucket *b, int64_t now_ms, int64_t n);
/* `count` takes of up to `n` by somebody else who looked at the same bucket and whose times are not known: leaves no more than he can have
 * left. As he took only what bucket_ready_at let go, that is never below an empty bucket, or a full one less a single n. */
void bucket_spend(struct bucket *b, int64_t now_ms, int64_t count, int64_t n);
/* Whole tokens there are now, negative in debt. */
int64_t bucket_available(struct bucket *b, int64_t now_ms);

#endif

/* A token bucket in integer micro-tokens, so that a year of refills drifts by nothing. Refill is computed on read; there is no
 * timer. Source: RFC 2697's committed burst, with debt: bucket_return may drive the level below zero when an answer used more
 * than was reserved, and later takes wait until it is paid back. The loop's thread; never fails. */
#ifndef LH_LIMIT_BUCKET_H
#define LH_LIMIT_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct bucket {
    int64_t capacity;   /* micro-tokens */
    int64_t per_minute; /* tokens that flow in each minute; 0: no limit */
    int64_t level;      /* micro-tokens at `at_ms`; negative: debt */
    int64_t fraction;   /* of a micro-token, in 1/60: what the division left over */
    int64_t at_ms;
};

/* per_minute ≥ 0 (0: everything passes), at most 10^12. capacity: tokens, > 0. Starts full. */
void bucket_init(struct bucket *b, int64_t per_minute, int64_t capacity, int64_t now_ms);

/* When could `n` tokens be taken? `now_ms` if at once. More than the capacity passes when the bucket is full. */
int64_t bucket_ready_at(struct bucket *b, int64_t now_ms, int64_t n);
void bucket_take(struct bucket *b, int64_t now_ms, int64_t n);
/* n > 0: reserved and not used. n < 0: used beyond the reservation. */
void bucket_return(struct bucket *b, int64_t now_ms, int64_t n);
/* Whole tokens there are now, negative in debt. */
int64_t bucket_available(struct bucket *b, int64_t now_ms);

#endif

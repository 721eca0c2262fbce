/* The curve of the adaptive rate: how it grows from one episode of refusals to the next; and the arithmetic that both files share. Inside
 * `limit` only. Pure but for the remainder of divisions, kept in struct adaptive. */
#ifndef LH_LIMIT_CURVE_H
#define LH_LIMIT_CURVE_H

#include "limit/adaptive.h"

#define SECOND INT64_C(1000)
#define ONE BUCKET_MICRO      /* a request a second */
#define LEAST_RATE (ONE / 60) /* slower is not worth knowing */
#define MOST_RATE (ADAPTIVE_MOST_RPM * ONE / 60)

enum { RECOVER_PERCENT = 95 }; /* of the limit: where the ramp ends and the slow approach begins */

static inline int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static inline int64_t rate_of(int64_t rpm)
{
    return rpm * ONE / 60;
}

static inline int64_t percent(int64_t value, int64_t share)
{
    return value / 100 * share + value % 100 * share / 100;
}

static inline int64_t requests_ms(int64_t requests, int64_t rate)
{
    return requests * SECOND * ONE / rate;
}

/* The rate when the clock of the growth has moved on by elapsed_ms to a->clock_ms. */
int64_t curve_rate(struct adaptive *a, int64_t elapsed_ms);

#endif

/* Sums of what others tell: they stay at the largest number instead of running over. Any thread. */
#ifndef LH_BASE_SUM_H
#define LH_BASE_SUM_H

#include <stdint.h>

static inline int64_t sum_capped(int64_t a, int64_t b)
{
    int64_t sum = 0;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

#endif

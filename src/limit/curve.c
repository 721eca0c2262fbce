/* The curve of the adaptive rate: see curve.h. */
#include "limit/curve.h"

enum {
    APPROACH_MS = 60000,    /* from the end of the ramp to the limit, and as long again to 5 % above */
    APPROACH_REQUESTS = 64, /* or so many requests, where that is longer */
    X_MOST = 10000,         /* thousandths: the cube ends here */
};

/* The rate at a time of the clock after the ramp: a cube that is flat at the limit. */
static int64_t cube(const struct adaptive *a, int64_t clock_ms)
{
    int64_t k = most(APPROACH_MS, requests_ms(APPROACH_REQUESTS, a->limit));
    int64_t since = clock_ms - a->ramp_ms - k;
    int64_t x = since / k > X_MOST / 1000 ? X_MOST : least(X_MOST, since * 1000 / k);
    __int128 rise = (__int128)(a->limit - percent(a->limit, RECOVER_PERCENT)) * (x * x * x);
    return a->limit + (int64_t)(rise / (1000 * 1000 * 1000));
}

static int64_t ramp(const struct adaptive *a)
{
    __int128 way = percent(a->limit, RECOVER_PERCENT) - a->ramp_from;
    return a->ramp_from + (int64_t)(way * a->clock_ms / a->ramp_ms);
}

/* What is added in `elapsed_ms` when `by` is added each `per` ms; what the division leaves over is kept for the next time. */
static int64_t add_over_time(struct adaptive *a, int64_t by, int64_t elapsed_ms, int64_t per)
{
    __int128 sum = (__int128)by * elapsed_ms + least(a->remainder, per - 1);
    a->remainder = (int64_t)(sum % per);
    return sum / per > MOST_RATE ? MOST_RATE : (int64_t)(sum / per);
}

/* × 1.1 in a second, or in the time of four requests where that is longer: 0.0953 is the logarithm. */
static int64_t grow_slowly(struct adaptive *a, int64_t elapsed_ms)
{
    int64_t tenth_ms = most(SECOND, requests_ms(4, a->rate));
    return a->rate + add_over_time(a, a->rate * 953 / 10000, elapsed_ms, tenth_ms);
}

static int64_t grow_by_step(struct adaptive *a, int64_t elapsed_ms)
{
    return a->rate + add_over_time(a, rate_of(a->options.step_rpm), elapsed_ms, SECOND);
}

static int64_t approach(const struct adaptive *a, int64_t elapsed_ms)
{
    int64_t target = cube(a, a->clock_ms);
    int64_t fastest = a->rate + (int64_t)((__int128)a->rate * elapsed_ms / 10000) + 1;
    return target > a->limit ? least(target, fastest) : target;
}

int64_t curve_rate(struct adaptive *a, int64_t elapsed_ms)
{
    if (a->clock_ms < a->ramp_ms)
        return ramp(a);
    if (a->options.additive)
        return grow_by_step(a, elapsed_ms);
    return a->slow ? grow_slowly(a, elapsed_ms) : approach(a, elapsed_ms);
}

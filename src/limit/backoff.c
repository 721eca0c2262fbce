/* How long to wait before the next try: see backoff.h. */
#include "limit/backoff.h"

#include <math.h>
#include <string.h>

static const char *const names[] = {[JITTER_FULL] = "full",
                                    [JITTER_EQUAL] = "equal",
                                    [JITTER_DECORRELATED] = "decorrelated",
                                    [JITTER_NONE] = "none"};

bool jitter_from_name(const char *name, enum jitter *out)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0) {
            *out = (enum jitter)i;
            return true;
        }
    return false;
}

const char *jitter_name(enum jitter j)
{
    return names[j];
}

static int64_t at_most(int64_t value, int64_t most)
{
    return value < most ? value : most;
}

/* initial × base^(failures − 1); a power too large for any number is infinite, and so at the bound. */
static int64_t exponential(const struct backoff *b, int64_t failures)
{
    double wait = (double)b->initial_ms * pow(b->base, failures > 1 ? (double)(failures - 1) : 0);
    return wait < (double)b->max_ms ? (int64_t)wait : b->max_ms;
}

static int64_t between(int64_t low, int64_t high, struct random *random)
{
    return low + (int64_t)random_below(random, (uint64_t)(high - low) + 1);
}

static int64_t jittered(const struct backoff *b, int64_t failures, int64_t previous_ms, struct random *random)
{
    int64_t whole = exponential(b, failures);
    switch (b->jitter) {
    case JITTER_FULL:
        return between(0, whole, random);
    case JITTER_EQUAL:
        return whole / 2 + between(0, whole - whole / 2, random);
    case JITTER_DECORRELATED: {
        int64_t previous = previous_ms > b->initial_ms ? previous_ms : b->initial_ms;
        int64_t high = previous > b->max_ms / 3 ? b->max_ms : previous * 3;
        return at_most(between(b->initial_ms, high > b->initial_ms ? high : b->initial_ms, random),
                       b->max_ms);
    }
    case JITTER_NONE:
        break;
    }
    return whole;
}

int64_t backoff_wait_ms(const struct backoff *b, int64_t failures, int64_t previous_ms, int64_t floor_ms,
                        struct random *random)
{
    int64_t wait = jittered(b, failures, previous_ms, random);
    if (floor_ms < 0)
        return wait;
    int64_t spread = at_most(floor_ms / 10, 1000);
    int64_t asked = floor_ms + between(0, spread, random);
    return wait > asked ? wait : asked;
}

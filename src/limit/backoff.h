/* How long to wait before a request is tried again. Source of the jitters: Marc Brooker, "Exponential Backoff And
 * Jitter" (AWS Architecture Blog, 2015). Randomness is passed in; never fails. */
#ifndef LH_LIMIT_BACKOFF_H
#define LH_LIMIT_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"

enum jitter { JITTER_FULL, JITTER_EQUAL, JITTER_DECORRELATED, JITTER_NONE };
bool jitter_from_name(const char *name, enum jitter *out);
const char *jitter_name(enum jitter j);

struct backoff {
    int64_t initial_ms; /* > 0 */
    int64_t max_ms;     /* ≥ initial_ms */
    double base;        /* ≥ 1 */
    enum jitter jitter;
};

/* The wait after the `failures`-th failure in a row (1, 2, …): within [0, max_ms], then raised to `floor_ms` (what the
 * provider asked for; -1: nothing), in which case up to a tenth of the floor, 1 s at most, is added at random so that refused requests do not
 * come back together. previous_ms: the last wait (decorrelated jitter needs it; 0 at first). */
int64_t backoff_wait_ms(const struct backoff *b, int64_t failures, int64_t previous_ms, int64_t floor_ms,
                        struct random *random);

#endif

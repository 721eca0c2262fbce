/* The adaptive rate: finds the rate that a provider grants when nobody told it, and stays just below.
 *
 * Halving at each refusal and growing by a tenth fails where the limit is a window of a minute: all is refused until the window turns,
 * so the cuts compound. This remembers the limit as CUBIC does (Ha, Rhee, Xu, 2008): refusals that come together are one episode, the
 * limit is learned once in it, the way back is short, and beyond the limit the rate feels its way, slowly first. How it was
 * found, and what it reaches against which limits, stands in docs/traffic-control.md.
 *
 * Rates are micro-requests a second, times ms on the gate's clock. The clock of the growth runs only while this limiter is what holds
 * requests back: what was not tried proves nothing. The loop's thread; integers; never fails, never allocates. */
#ifndef LH_LIMIT_ADAPTIVE_H
#define LH_LIMIT_ADAPTIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "limit/bucket.h"
#include "limit/cells.h"
#include "limit/noise.h"
#include "limit/trial.h"

#define ADAPTIVE_MOST_RPM INT64_C(1000000000)

enum adaptive_mode {
    ADAPTIVE_OFF,
    ADAPTIVE_AUTO /* open until refusals come of the rate, then as on */,
    ADAPTIVE_ON
};
bool adaptive_mode_from_name(const char *name, enum adaptive_mode *out);
const char *adaptive_mode_name(enum adaptive_mode m); /* "off", "auto", "on" */

struct adaptive_options {
    enum adaptive_mode mode;
    bool additive;            /* grows by a fixed step a second, and not by a share */
    int64_t step_rpm;         /* additive: so many requests/min more each second, > 0 */
    int64_t min_rpm, max_rpm; /* never slower, never faster; 0: no bound of one's own */
    int64_t initial_rpm;      /* on: where it starts, > 0 */
};
void adaptive_options_default(struct adaptive_options *o); /* off; step 6, initial 60, no bounds */

struct adaptive {
    struct adaptive_options options;
    bool open;     /* nothing is held back: what was refused may be chance */
    int64_t rate;  /* what may start now; without meaning while open and without a maximum */
    int64_t limit; /* learned; 0: not yet */
    struct bucket pace;
    struct cells granted;
    struct noise noise;

    /* Growth: `clock_ms` since the last episode, or since the rate was last set back. */
    bool slow;          /* the limit is a first guess: grow by a share until two guesses agree */
    bool after_episode; /* a refusal before the ramp is well over says that the limit learned is too high */
    int64_t clock_ms, ramp_ms, ramp_from;
    int64_t remainder;                     /* of the growth, that the division left over */
    int64_t bound_from_ms, bound_until_ms; /* held back by this limiter, not yet counted in clock_ms */

    /* Episodes: from a refusal until a request that started after the last refused one has stood for patience_ms. */
    bool in_episode, is_first;
    int64_t episode_ms; /* its beginning */
    int64_t episode_serial, episode_pause_ms, episode_granted;
    int64_t cut_serial; /* of the first start after the last cut; refusals of older ones are no news */
    int64_t probe_serial, probe_ms; /* the first start after the last refused one; 0: none yet */
    int64_t next_limit, previous_limit;
    int64_t seen_limit, seen_ms; /* what was granted when the refusals began that led to it */
    int64_t recent_granted;      /* in the seconds before it, or a trial, began */
    int64_t congested_rate;      /* at which the episode began */
    int64_t quick;               /* episodes in a row that began before the ramp was well over */
    int64_t slow_episodes;

    struct span span;   /* open: refusals that stand among grants are put up with for so long */
    struct trial trial; /* … and then it is tried whether they come of the rate */

    int64_t refuse_ms;     /* how soon refusals come, smoothed; 0: none came */
    int64_t busy_since_ms; /* starts came without a gap since then */
    int64_t born_ms, last_start_ms, last_serial, pause_until_ms;
};

void adaptive_init(struct adaptive *a, const struct adaptive_options *o, int64_t now_ms);

int64_t adaptive_ready_at(struct adaptive *a, int64_t now_ms);
/* Of all limiters this one said the latest time. */
void adaptive_bound(struct adaptive *a, int64_t now_ms, int64_t until_ms);
/* serial: of all starts, rising. */
void adaptive_take(struct adaptive *a, int64_t now_ms, int64_t serial);

struct adaptive_start { /* of a request that has ended */
    int64_t serial, started_ms;
};
/* Refused for rate. pause_ms: the provider asked for such a wait, which the pause of the gate keeps; ≤ 0: it did not. */
void adaptive_throttled(struct adaptive *a, int64_t now_ms, const struct adaptive_start *s, int64_t pause_ms);
/* Never reached the provider: counts as no start. */
void adaptive_unreached(struct adaptive *a, int64_t now_ms, const struct adaptive_start *s);

/* What an earlier run had learned `age_ms` ago; values out of bounds are brought within. */
void adaptive_restore(struct adaptive *a, int64_t now_ms, int64_t age_ms, int64_t rate, int64_t limit,
                      bool slow);

#endif

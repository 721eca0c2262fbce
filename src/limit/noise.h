/* Tells refusals that come by chance from those that come of the rate. Some providers refuse one request in a hundred whatever the rate
 * is; who takes each of them for congestion slows down to a crawl, as the rate at which chance refuses often enough falls with it.
 *
 * Chance shows where the rate is surely low: just after it was cut, and on the way back to the limit. A refusal there that stands alone
 * is forgiven (as many as one in sixteen), and counted. Where the rate is at the limit, as much is forgiven as was counted,
 * twice over; without such evidence nothing is. The loop's thread; integers; never fails, never allocates. */
#ifndef LH_LIMIT_NOISE_H
#define LH_LIMIT_NOISE_H

#include <stdbool.h>
#include <stdint.h>

enum noise_phase {
    NOISE_TRIED, /* the rate is at its limit: a refusal may be its own doing */
    NOISE_LOW,   /* the rate is below what was granted before: it hardly is */
    NOISE_OPEN,  /* it was never held back: as in a guess, but one in 32 */
    NOISE_GUESS, /* nobody knows: what stands alone is forgiven, and is no evidence */
};

struct noise {
    int64_t credit;          /* thousandths of a refusal that may be forgiven */
    int64_t quiet;           /* starts at a low rate since the last that was forgiven */
    int64_t pending;         /* forgiven, and not yet known to stand alone */
    int64_t starts, refused; /* while the rate was low, lately */
};

void noise_start(struct noise *n, enum noise_phase phase);
/* May this refusal be forgiven? */
bool noise_forgives(struct noise *n, enum noise_phase phase);
/* It was no chance: the rate was cut. */
void noise_cut(struct noise *n);
/* Requests are granted again: the next refusal may be one of chance. */
void noise_recovered(struct noise *n);

#endif

/* Numbers that are drawn: always the same, evenly from a range, or lognormal. Pure. */
#ifndef LH_SIM_SPREAD_H
#define LH_SIM_SPREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/random.h"

struct spread {
    bool lognormal;
    double low, high; /* lognormal: median and sigma */
};

/* "N", "LOW..HIGH" or "lognormal:MEDIAN,SIGMA"; numbers from 0 to 10^9, sigma to 5. LH_EUSAGE names the `option`. */
int spread_parse(const char *option, const char *text, struct spread *out, lh_error *err);

/* Of all numbers of the range, cut to a whole one: 0 to `most`. */
int64_t spread_draw(const struct spread *s, struct random *random, int64_t most);
/* Of the whole numbers of the range, both ends too: 1 to `most`. */
int64_t spread_draw_count(const struct spread *s, struct random *random, int64_t most);

#endif

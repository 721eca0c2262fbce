/* A latency histogram of fixed size: 32 linear steps in each power of two, so a percentile is wrong by at most
 * 3.2 %, from one unit to 2^40. The shape is HdrHistogram's (Gil Tene). One owner; never fails. */
#ifndef LH_BASE_HISTOGRAM_H
#define LH_BASE_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_STEPS = 32, HISTOGRAM_CELLS = 36 * HISTOGRAM_STEPS + HISTOGRAM_STEPS };

struct histogram {
    uint64_t count;
    uint64_t sum;
    uint64_t max;
    uint64_t cells[HISTOGRAM_CELLS];
};

void histogram_reset(struct histogram *h);
void histogram_record(struct histogram *h, uint64_t value);

/* The smallest value that at least `share` (0…1) of the records do not exceed, rounded up to its cell's top
 * and never above the largest record; 0 without records. */
uint64_t histogram_percentile(const struct histogram *h, double share);

#endif

/* A latency histogram: see histogram.h. */
#include "base/histogram.h"

#include <math.h>
#include <string.h>

enum { STEP_BITS = 5 };

void histogram_reset(struct histogram *h)
{
    memset(h, 0, sizeof *h);
}

static unsigned cell_of(uint64_t value)
{
    if (value < HISTOGRAM_STEPS)
        return (unsigned)value;
    unsigned exponent = 63u - (unsigned)__builtin_clzll(value);
    unsigned step = (unsigned)(value >> (exponent - STEP_BITS)) & (HISTOGRAM_STEPS - 1);
    unsigned cell = (exponent - STEP_BITS + 1) * HISTOGRAM_STEPS + step;
    return cell < HISTOGRAM_CELLS ? cell : HISTOGRAM_CELLS - 1;
}

static uint64_t cell_top(unsigned cell)
{
    if (cell < HISTOGRAM_STEPS)
        return cell;
    unsigned shift = cell / HISTOGRAM_STEPS - 1;
    uint64_t low = (uint64_t)(HISTOGRAM_STEPS + cell % HISTOGRAM_STEPS) << shift;
    return low + ((UINT64_C(1) << shift) - 1);
}

void histogram_record(struct histogram *h, uint64_t value)
{
    h->count++;
    h->sum += value;
    if (value > h->max)
        h->max = value;
    h->cells[cell_of(value)]++;
}

uint64_t histogram_percentile(const struct histogram *h, double share)
{
    if (h->count == 0)
        return 0;
    uint64_t rank = (uint64_t)ceil(share * (double)h->count);
    if (rank == 0)
        rank = 1;
    uint64_t seen = 0;
    for (unsigned i = 0; i < HISTOGRAM_CELLS; i++) {
        seen += h->cells[i];
        if (seen >= rank)
            return cell_top(i) < h->max ? cell_top(i) : h->max;
    }
    return h->max;
}

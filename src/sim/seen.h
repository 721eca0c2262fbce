/* How often a 64-bit hash was seen: open addressing, growing by doubling up to 2^24 entries (256 MB); beyond that new ones are not
 * remembered. One thread. */
#ifndef LH_SIM_SEEN_H
#define LH_SIM_SEEN_H

#include <stddef.h>
#include <stdint.h>

struct seen {
    struct seen_cell {
        uint64_t hash; /* 0: empty */
        uint32_t count;
    } * cells;
    size_t capacity, used;
};

/* The counter of `hash`, 0 at first; NULL when there is no room. Valid until the next call. */
uint32_t *seen_count(struct seen *s, uint64_t hash);
void seen_free(struct seen *s);

#endif

/* How many requests were granted lately: starts less those that were refused, in cells of a second by the time of the start. What is
 * in flight counts as granted until it is refused. Any span up to CELLS_MOST seconds costs a look at its cells, a start or a refusal
 * costs one. The loop's thread; the clock passed in; a clock that goes back stands still; never fails, never allocates. */
#ifndef LH_LIMIT_CELLS_H
#define LH_LIMIT_CELLS_H

#include <stdint.h>

enum { CELLS_MOST = 64 };

struct cells {
    int64_t count[CELLS_MOST];
    int64_t second; /* that of the newest cell */
};

void cells_init(struct cells *c, int64_t now_ms);
void cells_add(struct cells *c, int64_t now_ms);
/* One that started then was refused, or never arrived. Longer ago than CELLS_MOST seconds: nothing. */
void cells_take_off(struct cells *c, int64_t now_ms, int64_t started_ms);
/* Of the last `seconds` cells, the one that is not over among them. 1 to CELLS_MOST. */
int64_t cells_sum(struct cells *c, int64_t now_ms, int64_t seconds);

#endif

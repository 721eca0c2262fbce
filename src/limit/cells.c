/* Grants by the second: see cells.h. */
#include "limit/cells.h"

static int64_t *cell(struct cells *c, int64_t second)
{
    return &c->count[(uint64_t)second % CELLS_MOST];
}

static int64_t second_of(int64_t ms)
{
    return ms / 1000;
}

/* After a long silence all cells are cleared once, and not once for each second. */
static void move_on(struct cells *c, int64_t now_ms)
{
    int64_t now = second_of(now_ms);
    if (now - c->second > CELLS_MOST)
        c->second = now - CELLS_MOST;
    while (c->second < now)
        *cell(c, ++c->second) = 0;
}

void cells_init(struct cells *c, int64_t now_ms)
{
    *c = (struct cells){.second = second_of(now_ms)};
}

void cells_add(struct cells *c, int64_t now_ms)
{
    move_on(c, now_ms);
    ++*cell(c, c->second);
}

void cells_take_off(struct cells *c, int64_t now_ms, int64_t started_ms)
{
    int64_t second = second_of(started_ms);
    move_on(c, now_ms);
    if (second > c->second || second <= c->second - CELLS_MOST)
        return;
    int64_t *count = cell(c, second);
    *count -= *count > 0 ? 1 : 0;
}

int64_t cells_sum(struct cells *c, int64_t now_ms, int64_t seconds)
{
    int64_t sum = 0;
    move_on(c, now_ms);
    for (int64_t back = 0; back < seconds && back < CELLS_MOST; back++)
        sum += *cell(c, c->second - back);
    return sum;
}

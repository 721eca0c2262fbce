/* Hashes seen: see seen.h. */
#include "sim/seen.h"

#include <stdlib.h>

enum { FIRST = 1 << 12, MOST = 1 << 24 };

static struct seen_cell *find(struct seen_cell *cells, size_t capacity, uint64_t hash)
{
    size_t at = (size_t)(hash * UINT64_C(0x9E3779B97F4A7C15) >> 20) & (capacity - 1);
    while (cells[at].hash != 0 && cells[at].hash != hash)
        at = (at + 1) & (capacity - 1);
    return &cells[at];
}

static int grow(struct seen *s)
{
    size_t capacity = s->capacity == 0 ? FIRST : s->capacity * 2;
    struct seen_cell *cells = capacity <= MOST ? calloc(capacity, sizeof *cells) : NULL;
    if (cells == NULL)
        return -1;
    for (size_t i = 0; i < s->capacity; i++)
        if (s->cells[i].hash != 0)
            *find(cells, capacity, s->cells[i].hash) = s->cells[i];
    free(s->cells);
    s->cells = cells;
    s->capacity = capacity;
    return 0;
}

uint32_t *seen_count(struct seen *s, uint64_t hash)
{
    hash = hash == 0 ? 1 : hash;
    if (s->used * 4 >= s->capacity * 3 && grow(s) != 0 && (s->capacity == 0 || s->used + 1 >= s->capacity))
        return NULL;
    struct seen_cell *cell = find(s->cells, s->capacity, hash);
    if (cell->hash == 0) {
        cell->hash = hash;
        s->used++;
    }
    return &cell->count;
}

void seen_free(struct seen *s)
{
    free(s->cells);
    *s = (struct seen){0};
}

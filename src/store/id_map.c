/* Pointers by id: see id_map.h. Linear probing; a removal closes its gap, so that there are no tombstones to walk over. */
#include "store/id_map.h"

#include <stdlib.h>

static size_t home_of(const struct id_map *m, int64_t id)
{
    uint64_t mixed = (uint64_t)id * UINT64_C(0x9E3779B97F4A7C15); /* Fibonacci hashing (Knuth 6.4) */
    return (size_t)(mixed >> 32) & (m->capacity - 1);
}

/* The slot of the id, or the free one where it would stand. There is always a free one. */
static size_t find(const struct id_map *m, int64_t id)
{
    size_t i = home_of(m, id);
    while (m->slots[i].value != NULL && m->slots[i].id != id)
        i = (i + 1) & (m->capacity - 1);
    return i;
}

void *id_map_get(const struct id_map *m, int64_t id)
{
    return m->capacity > 0 ? m->slots[find(m, id)].value : NULL;
}

static bool grow(struct id_map *m)
{
    struct id_map more = {.capacity = m->capacity == 0 ? 16 : m->capacity * 2};
    more.slots = calloc(more.capacity, sizeof *more.slots);
    if (more.slots == NULL)
        return false;
    for (size_t i = 0; i < m->capacity; i++)
        if (m->slots[i].value != NULL)
            more.slots[find(&more, m->slots[i].id)] = m->slots[i];
    more.count = m->count;
    free(m->slots);
    *m = more;
    return true;
}

bool id_map_put(struct id_map *m, int64_t id, void *value)
{
    if (2 * (m->count + 1) > m->capacity && !grow(m))
        return false;
    struct id_slot *slot = &m->slots[find(m, id)];
    m->count += slot->value == NULL ? 1 : 0;
    *slot = (struct id_slot){id, value};
    return true;
}

void id_map_remove(struct id_map *m, int64_t id)
{
    if (id_map_get(m, id) == NULL)
        return;
    const size_t mask = m->capacity - 1;
    size_t gap = find(m, id);
    for (size_t i = (gap + 1) & mask; m->slots[i].value != NULL; i = (i + 1) & mask) {
        size_t home = home_of(m, m->slots[i].id);
        if (((i - home) & mask) >=
            ((i - gap) & mask)) { /* it may stand in the gap: that is no nearer than its home */
            m->slots[gap] = m->slots[i];
            gap = i;
        }
    }
    m->slots[gap].value = NULL;
    m->count--;
}

void id_map_free(struct id_map *m)
{
    free(m->slots);
    *m = (struct id_map){0};
}

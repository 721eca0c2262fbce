/* A set of routes, small and without order. Plain data. */
#ifndef LH_STORE_ROUTE_SET_H
#define LH_STORE_ROUTE_SET_H

#include "store/routes.h"

struct route_set {
    int64_t ids[ROUTES_MOST + 1];
    size_t count;
};

static inline bool route_set_has(const struct route_set *s, int64_t id) /* NULL: empty */
{
    for (size_t i = 0; s != NULL && i < s->count; i++)
        if (s->ids[i] == id)
            return true;
    return false;
}

/* A route in a mask, which it may share with others. */
static inline uint64_t route_bit(int64_t id)
{
    return UINT64_C(1) << (id & 63);
}

/* Those of `was` that are not in `is`. */
static inline uint64_t route_set_opened(const struct route_set *was, const struct route_set *is)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < was->count; i++)
        bits |= route_set_has(is, was->ids[i]) ? 0 : route_bit(was->ids[i]);
    return bits;
}

/* There is room for every route that a store can have. */
static inline void route_set_add(struct route_set *s, int64_t id)
{
    if (s->count < sizeof s->ids / sizeof *s->ids && !route_set_has(s, id))
        s->ids[s->count++] = id;
}

#endif

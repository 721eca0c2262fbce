/* A binary heap: see heap.h. */
#include "store/heap.h"

#include <stdlib.h>

static void put(struct heap *h, size_t place, struct heap_node *node)
{
    h->nodes[place - 1] = node;
    node->place = place;
}

static void rise(struct heap *h, struct heap_node *node)
{
    size_t place = node->place;
    while (place > 1 && h->before(node, h->nodes[place / 2 - 1])) {
        put(h, place, h->nodes[place / 2 - 1]);
        place /= 2;
    }
    put(h, place, node);
}

static size_t least_child(const struct heap *h, size_t place)
{
    size_t left = 2 * place;
    bool is_right = left < h->count && h->before(h->nodes[left], h->nodes[left - 1]);
    return is_right ? left + 1 : left;
}

static void sink(struct heap *h, struct heap_node *node)
{
    size_t place = node->place;
    while (2 * place <= h->count) {
        size_t child = least_child(h, place);
        if (!h->before(h->nodes[child - 1], node))
            break;
        put(h, place, h->nodes[child - 1]);
        place = child;
    }
    put(h, place, node);
}

static bool grow(struct heap *h)
{
    size_t capacity = h->capacity == 0 ? 4 : h->capacity * 2;
    struct heap_node **nodes = realloc(h->nodes, capacity * sizeof(struct heap_node *));
    if (nodes == NULL)
        return false;
    h->nodes = nodes;
    h->capacity = capacity;
    return true;
}

bool heap_push(struct heap *h, struct heap_node *node)
{
    node->place = 0;
    if (h->count == h->capacity && !grow(h))
        return false;
    node->place = ++h->count;
    rise(h, node);
    return true;
}

void heap_fix(struct heap *h, struct heap_node *node)
{
    rise(h, node);
    sink(h, node);
}

void heap_remove(struct heap *h, struct heap_node *node)
{
    if (node->place == 0)
        return;
    struct heap_node *last = h->nodes[--h->count];
    if (last != node) {
        put(h, node->place, last);
        heap_fix(h, last);
    }
    node->place = 0;
}

struct heap_node *heap_first(const struct heap *h)
{
    return h->count > 0 ? h->nodes[0] : NULL;
}

struct heap_node *heap_second(const struct heap *h)
{
    return h->count > 1 ? h->nodes[least_child(h, 1) - 1] : NULL;
}

void heap_forget(struct heap *h)
{
    h->count = 0;
}

void heap_free(struct heap *h)
{
    free(h->nodes);
    h->nodes = NULL;
    h->count = h->capacity = 0;
}

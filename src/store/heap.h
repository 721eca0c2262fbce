/* A binary heap of nodes that stand inside what they order: a node knows its place, so that it can move or leave in O(log n).
 * Nothing is owned but the array of pointers. One thread at a time. */
#ifndef LH_STORE_HEAP_H
#define LH_STORE_HEAP_H

#include <stdbool.h>
#include <stddef.h>

struct heap_node {
    size_t place; /* from 1; 0: in no heap */
};

struct heap {
    bool (*before)(struct heap_node *a, struct heap_node *b);
    struct heap_node **nodes;
    size_t count, capacity;
};

#define HEAP_OWNER(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

/* False without memory: the node is in no heap then. Never fails where so many nodes were in the heap before. */
bool heap_push(struct heap *h, struct heap_node *node);
void heap_remove(struct heap *h, struct heap_node *node); /* nothing when it is in no heap */
void heap_fix(struct heap *h, struct heap_node *node);    /* its rank has changed */
struct heap_node *heap_first(const struct heap *h);       /* NULL when empty */
struct heap_node *heap_second(const struct heap *h);      /* the first of all others; NULL without */
void heap_forget(struct heap *h); /* empty from now on; the nodes are not touched, for they may be gone */
void heap_free(struct heap *h);

#endif

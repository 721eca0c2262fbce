/* Pointers by the id of a row: what the ledger finds its lanes by. Open addressing; nothing pointed to is owned. */
#ifndef LH_STORE_ID_MAP_H
#define LH_STORE_ID_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct id_slot {
    int64_t id;
    void *value; /* NULL: free */
};

struct id_map {
    struct id_slot *slots;
    size_t count, capacity; /* a power of two, or 0 */
};

void *id_map_get(const struct id_map *m, int64_t id); /* NULL when it is not there */
/* value: not NULL; takes the place of an earlier one. False without memory: nothing has changed. */
bool id_map_put(struct id_map *m, int64_t id, void *value);
void id_map_remove(struct id_map *m, int64_t id);
void id_map_free(struct id_map *m);

#endif

/* Batches that are over: see settled.h. */
#include "store/settled.h"

#include <stdlib.h>
#include <string.h>

struct counts {
    int64_t jobs[JOB_STATES];
};

static void add(struct settled *s, const struct counts *c, int64_t sign)
{
    for (int i = 0; i < JOB_STATES; i++)
        s->jobs[i] += sign * c->jobs[i];
}

void settled_add(struct settled *s, int64_t batch_id, const int64_t jobs[JOB_STATES])
{
    settled_remove(s, batch_id);
    struct counts *c = malloc(sizeof *c);
    if (c == NULL)
        return;
    memcpy(c->jobs, jobs, sizeof c->jobs);
    if (id_map_put(&s->batches, batch_id, c))
        add(s, c, 1);
    else
        free(c);
}

void settled_remove(struct settled *s, int64_t batch_id)
{
    struct counts *c = id_map_get(&s->batches, batch_id);
    if (c == NULL)
        return;
    add(s, c, -1);
    id_map_remove(&s->batches, batch_id);
    free(c);
}

void settled_free(struct settled *s)
{
    for (size_t i = 0; i < s->batches.capacity; i++)
        free(s->batches.slots[i].value);
    id_map_free(&s->batches);
    *s = (struct settled){0};
}

/* The guard: see guard.h. One small record for each batch that answered in this run. */
#include "schedule/guard.h"

#include <stdlib.h>
#include <string.h>

struct watch {
    struct watch *next;
    int64_t batch_id;
    bool over; /* some other answer came, or it has told already */
    int status;
    char code[64];
    int count;
};

struct guard {
    struct watch *first;
};

struct guard *guard_new(void)
{
    return calloc(1, sizeof(struct guard));
}

void guard_free(struct guard *g)
{
    if (g == NULL)
        return;
    while (g->first != NULL) {
        struct watch *next = g->first->next;
        free(g->first);
        g->first = next;
    }
    free(g);
}

/* NULL without memory: then this answer is not watched, which is no harm. */
static struct watch *watch_of(struct guard *g, int64_t batch_id)
{
    for (struct watch *w = g->first; w != NULL; w = w->next)
        if (w->batch_id == batch_id)
            return w;
    struct watch *w = calloc(1, sizeof *w);
    if (w == NULL)
        return NULL;
    w->batch_id = batch_id;
    w->next = g->first;
    g->first = w;
    return w;
}

void guard_pass(struct guard *g, int64_t batch_id)
{
    struct watch *w = watch_of(g, batch_id);
    if (w != NULL)
        w->over = true;
}

bool guard_answer(struct guard *g, int64_t batch_id, int status, const struct answer *a)
{
    struct watch *w = watch_of(g, batch_id);
    if (w == NULL || w->over)
        return false;
    if (a->class == ANSWER_THROTTLED || a->class == ANSWER_TRANSIENT || a->class == ANSWER_ACCOUNT)
        return false; /* says nothing about the request */
    bool first = w->count == 0;
    if (first) {
        w->status = status;
        memcpy(w->code, a->error_code, sizeof w->code);
    }
    bool same = status == w->status && strcmp(w->code, a->error_code) == 0;
    if (a->class != ANSWER_PERMANENT || !same) {
        w->over = true;
        return false;
    }
    w->over = ++w->count == GUARD_ANSWERS;
    return w->over;
}

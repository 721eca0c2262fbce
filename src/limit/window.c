/* A sliding window: see window.h. */
#include "limit/window.h"

#include <stdlib.h>

#include "base/error.h"

int window_init(struct window *w, int64_t count, int64_t window_ms)
{
    *w = (struct window){.count = (size_t)count, .window_ms = window_ms};
    if (count == 0)
        return 0;
    w->starts = malloc((size_t)count * sizeof *w->starts);
    return w->starts != NULL ? 0 : LH_ENOMEM;
}

void window_free(struct window *w)
{
    free(w->starts);
    *w = (struct window){0};
}

int64_t window_ready_at(const struct window *w, int64_t now_ms)
{
    if (w->starts == NULL || w->used < w->count)
        return now_ms;
    int64_t oldest_leaves = w->starts[w->next] + w->window_ms;
    return oldest_leaves > now_ms ? oldest_leaves : now_ms;
}

void window_take(struct window *w, int64_t now_ms)
{
    if (w->starts == NULL)
        return;
    w->starts[w->next] = now_ms;
    w->next = (w->next + 1) % w->count;
    if (w->used < w->count)
        w->used++;
}

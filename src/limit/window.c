/* A sliding window, and the limiter of the gate that it is: see window.h. */
#include "limit/window.h"

#include <stdlib.h>

#include "limit/limiter.h"

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
    w->next = w->next + 1 < w->count ? w->next + 1 : 0;
    if (w->used < w->count)
        w->used++;
}

/* ---- as a limiter ---- */

static int64_t limiter_ready_at(void *self, int64_t now_ms, const struct gate_request *q)
{
    (void)q;
    return window_ready_at(self, now_ms);
}

static void limiter_take(void *self, int64_t now_ms, const struct gate_request *q, struct gate_ticket *ticket)
{
    (void)q, (void)ticket;
    window_take(self, now_ms);
}

static void limiter_report(void *self, int64_t now_ms, struct gate_state *out)
{
    const struct window *w = self;
    (void)now_ms;
    int64_t milli = (int64_t)w->count * 1000000 / w->window_ms;
    if (out->tightest_per_second_milli == 0 || milli < out->tightest_per_second_milli)
        out->tightest_per_second_milli = milli;
}

static void limiter_close(void *self)
{
    window_free(self);
    free(self);
}

int window_open(const struct gate_options *o, int64_t now_ms, struct limiter *out, lh_error *err)
{
    static const struct limiter_calls calls = {
        .ready_at = limiter_ready_at, .take = limiter_take, .report = limiter_report, .close = limiter_close};
    (void)now_ms;
    if (o->window_count < 0 || o->window_count > WINDOW_MOST || o->window_ms < 0 ||
        (o->window_count > 0) != (o->window_ms > 0))
        return lh_error_set(
            err, LH_EUSAGE,
            "the window of %lld requests in %lld ms makes no sense; give 1 to %d in 1 ms or more",
            (long long)o->window_count, (long long)o->window_ms, WINDOW_MOST);
    if (o->window_count == 0)
        return 0;
    struct window *w = malloc(sizeof *w);
    if (w == NULL || window_init(w, o->window_count, o->window_ms) != 0) {
        free(w);
        return lh_error_nomem(err);
    }
    out->calls = &calls;
    out->self = w;
    return 0;
}

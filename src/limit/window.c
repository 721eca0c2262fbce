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

/* ---- over a restart ---- */

/* The k-th of those that are remembered, oldest first. */
static int64_t start_at(const struct window *w, size_t k)
{
    size_t at = w->next + (w->count - w->used) + k;
    return w->starts[at < w->count ? at : at - w->count];
}

/* How many of them are not later than `ms`; those before `from` are known not to be. */
static size_t count_until(const struct window *w, size_t from, int64_t ms)
{
    size_t low = from, high = w->used;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (start_at(w, middle) <= ms)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void window_save(const struct window *w, int64_t now_ms, struct strbuf *out)
{
    int64_t span_ms = w->window_ms / WINDOW_SPANS + 1;
    size_t first = count_until(w, 0, now_ms - w->window_ms);
    strbuf_append_char(out, '[');
    for (size_t k = first; k < w->used;) {
        size_t end = count_until(w, k, start_at(w, k) + span_ms - 1);
        strbuf_appendf(out, "%s[%lld,%lld]", k > first ? "," : "", (long long)(now_ms - start_at(w, end - 1)),
                       (long long)(end - k));
        k = end;
    }
    strbuf_append_char(out, ']');
}

static int64_t newest(const struct window *w)
{
    return w->used > 0 ? start_at(w, w->used - 1) : INT64_MIN;
}

static int64_t item(json_object *span, size_t i, int64_t most)
{
    json_object *value = json_is_array(span) ? json_object_array_get_idx(span, i) : NULL;
    int64_t n = json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : 0;
    return n < 0 ? 0 : n > most ? most : n;
}

void window_load(struct window *w, int64_t now_ms, int64_t age_ms, json_object *spans)
{
    size_t length = json_is_array(spans) ? json_object_array_length(spans) : 0, first = length;
    int64_t room = (int64_t)w->count;
    if (w->starts == NULL || age_ms >= w->window_ms)
        return;
    while (first > 0 && room > 0) /* the youngest fill it; what is older would only be pushed out */
        room -= item(json_object_array_get_idx(spans, --first), 1, room);
    for (size_t i = first; i < length; i++) {
        json_object *span = json_object_array_get_idx(spans, i);
        int64_t age = item(span, 0, w->window_ms) + age_ms;
        if (age >= w->window_ms)
            continue;
        int64_t at = now_ms - age > newest(w) ? now_ms - age : newest(w);
        for (int64_t n = item(span, 1, (int64_t)w->count); n > 0; n--)
            window_take(w, at);
    }
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

static void limiter_spend(void *self, int64_t started_ms, int64_t count, const struct gate_request *q)
{
    struct window *w = self;
    int64_t at = started_ms > newest(w) ? started_ms : newest(w), most = (int64_t)w->count;
    (void)q;
    for (int64_t n = count < most ? count : most; n > 0; n--)
        window_take(w, at);
}

static void limiter_save(void *self, int64_t now_ms, struct strbuf *out)
{
    json_append_key(out, "starts");
    window_save(self, now_ms, out);
}

static void limiter_load(void *self, int64_t now_ms, int64_t age_ms, json_object *saved)
{
    window_load(self, now_ms, age_ms, json_get(saved, "starts"));
}

static void limiter_report(void *self, int64_t now_ms, struct gate_state *out)
{
    const struct window *w = self;
    out->window_count = (int64_t)w->count;
    out->window_ms = w->window_ms;
    out->window_used = (int64_t)(w->used - count_until(w, 0, now_ms - w->window_ms));
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
    static const struct limiter_calls calls = {.ready_at = limiter_ready_at,
                                               .take = limiter_take,
                                               .report = limiter_report,
                                               .close = limiter_close,
                                               .spend = limiter_spend,
                                               .save = limiter_save,
                                               .load = limiter_load};
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

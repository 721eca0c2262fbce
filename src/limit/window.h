/* A sliding window, exact: never more than `count` starts in any span of `window_ms` (a start leaves the window after
 * window_ms: [t, t + window_ms) never holds more). Remembers the last `count` starts in a ring, so memory is bounded by
 * the count. Times of takes must not go back. The loop's thread; only window_init allocates. */
#ifndef LH_LIMIT_WINDOW_H
#define LH_LIMIT_WINDOW_H

#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

enum { WINDOW_MOST = 10000000 }; /* 8 bytes each */

struct window {
    int64_t *starts; /* owned ring; NULL: no limit */
    size_t count, next, used;
    int64_t window_ms;
};

int window_init(struct window *w, int64_t count, int64_t window_ms); /* 0 or LH_ENOMEM; count 0: no limit */
void window_free(struct window *w);
int64_t window_ready_at(const struct window *w, int64_t now_ms);
void window_take(struct window *w, int64_t now_ms);

/* What is in the window, as JSON: [age, count] of up to WINDOW_SPANS spans of time, oldest first; the age is that of the youngest start of the
 * span, so that none leaves too soon. */
enum { WINDOW_SPANS = 1024 };
void window_save(const struct window *w, int64_t now_ms, struct strbuf *out);
/* Takes it up `age_ms` later, before the first take. What makes no sense is left out; nothing in it can close the window for longer
 * than window_ms. */
void window_load(struct window *w, int64_t now_ms, int64_t age_ms, json_object *spans);

#endif

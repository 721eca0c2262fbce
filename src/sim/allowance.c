/* Limits as providers enforce them: see allowance.h. */
#include "sim/allowance.h"

#include <stdlib.h>
#include <string.h>

enum { MINUTE_MS = 60000, CELLS = MINUTE_MS };

int enforcement_parse(const char *name, enum enforcement *out, lh_error *err)
{
    static const char *const names[] = {
        [ENFORCE_BUCKET] = "bucket", [ENFORCE_WINDOW] = "window", [ENFORCE_MINUTE] = "minute"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0) {
            *out = (enum enforcement)i;
            return 0;
        }
    return lh_error_set(err, LH_EUSAGE, "enforce is \"%.20s\"; it must be bucket, window or minute", name);
}

static void init_bucket(struct allowance *a, int64_t now_ms)
{
    int64_t capacity = a->per_minute * a->burst_ms / MINUTE_MS; /* 10^12 · 3.6 · 10^6 at most: fits */
    bucket_init(&a->bucket, a->per_minute, capacity > 0 ? capacity : 1, now_ms);
}

int allowance_init(struct allowance *a, enum enforcement kind, int64_t per_minute, int64_t burst_ms,
                   int64_t now_ms, lh_error *err)
{
    *a =
        (struct allowance){.kind = kind, .per_minute = per_minute, .burst_ms = burst_ms, .minute_ms = now_ms};
    init_bucket(a, now_ms);
    if (kind == ENFORCE_WINDOW && (a->cells = malloc(CELLS * sizeof *a->cells)) == NULL)
        return lh_error_nomem(err);
    return 0;
}

void allowance_free(struct allowance *a)
{
    free(a->cells);
    *a = (struct allowance){0};
}

static struct allowance_cell *cell(const struct allowance *a, size_t i)
{
    size_t at = a->first + i;
    return &a->cells[at < CELLS ? at : at - CELLS];
}

/* Forgets what has left the window, or the minute. */
static void see_time(struct allowance *a, int64_t now_ms)
{
    while (a->count > 0 && cell(a, 0)->at_ms <= now_ms - MINUTE_MS) {
        a->used -= cell(a, 0)->amount;
        a->first = a->first + 1 < CELLS ? a->first + 1 : 0;
        a->count--;
    }
    if (a->kind == ENFORCE_MINUTE && now_ms - a->minute_ms >= MINUTE_MS) {
        a->minute_ms += (now_ms - a->minute_ms) / MINUTE_MS * MINUTE_MS;
        a->used = 0;
    }
}

/* Since the cells' times differ and all lie in the last 60,000 ms, there is always room. */
static void record(struct allowance *a, int64_t now_ms, int64_t n)
{
    see_time(a, now_ms);
    a->used += n;
    if (a->kind != ENFORCE_WINDOW || n == 0)
        return;
    if (a->count == 0 || cell(a, a->count - 1)->at_ms < now_ms)
        *cell(a, a->count++) = (struct allowance_cell){.at_ms = now_ms};
    cell(a, a->count - 1)->amount += n;
}

/* When enough of the oldest has left that `n` more fit. */
static int64_t window_has_room_at(const struct allowance *a, int64_t n)
{
    int64_t left = a->used;
    size_t i = 0;
    while (left + n > a->per_minute)
        left -= cell(a, i++)->amount;
    return cell(a, i - 1)->at_ms + MINUTE_MS;
}

int64_t allowance_ready_at(struct allowance *a, int64_t now_ms, int64_t n)
{
    if (a->kind == ENFORCE_BUCKET)
        return bucket_ready_at(&a->bucket, now_ms, n);
    see_time(a, now_ms);
    if (a->per_minute == 0)
        return now_ms;
    if (n > a->per_minute)
        return INT64_MAX;
    if (a->used + n <= a->per_minute)
        return now_ms;
    return a->kind == ENFORCE_WINDOW ? window_has_room_at(a, n) : a->minute_ms + MINUTE_MS;
}

void allowance_take(struct allowance *a, int64_t now_ms, int64_t n)
{
    if (a->kind == ENFORCE_BUCKET)
        bucket_take(&a->bucket, now_ms, n);
    else
        record(a, now_ms, n);
}

void allowance_take_refused(struct allowance *a, int64_t now_ms, int64_t n)
{
    if (a->kind != ENFORCE_BUCKET) {
        record(a, now_ms, n > a->per_minute ? a->per_minute : n);
        return;
    }
    struct bucket *b = &a->bucket;
    bucket_take(b, now_ms, 0); /* refills */
    int64_t micro = (n < BUCKET_MOST_TOKENS ? n : BUCKET_MOST_TOKENS) * BUCKET_MICRO;
    if (b->level > 0)
        b->level = b->level > micro ? b->level - micro : 0;
}

void allowance_change(struct allowance *a, int64_t now_ms, int64_t per_minute)
{
    struct bucket before = a->bucket;
    bucket_take(&before, now_ms, 0);
    a->per_minute = per_minute;
    init_bucket(a, now_ms);
    if (before.per_minute > 0 && before.level < a->bucket.level)
        a->bucket.level = before.level;
}

int64_t allowance_left(struct allowance *a, int64_t now_ms)
{
    see_time(a, now_ms);
    int64_t left = a->kind == ENFORCE_BUCKET ? bucket_available(&a->bucket, now_ms) : a->per_minute - a->used;
    return left > 0 ? left : 0;
}

int64_t allowance_full_in_ms(struct allowance *a, int64_t now_ms)
{
    see_time(a, now_ms);
    if (a->per_minute == 0)
        return 0;
    if (a->kind == ENFORCE_BUCKET)
        return bucket_ready_at(&a->bucket, now_ms, BUCKET_MOST_TOKENS) - now_ms;
    if (a->used == 0)
        return 0;
    int64_t last = a->kind == ENFORCE_WINDOW ? cell(a, a->count - 1)->at_ms : a->minute_ms;
    return last + MINUTE_MS - now_ms;
}

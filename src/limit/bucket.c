/* A token bucket: see bucket.h. */
#include "limit/bucket.h"

enum { MICRO = 1000000 };

void bucket_init(struct bucket *b, int64_t per_minute, int64_t capacity, int64_t now_ms)
{
    *b = (struct bucket){
        .capacity = capacity * MICRO, .per_minute = per_minute, .level = capacity * MICRO, .at_ms = now_ms};
}

/* per_minute tokens a minute are per_minute × 1000 / 60 micro-tokens a millisecond. */
static void refill(struct bucket *b, int64_t now_ms)
{
    if (now_ms <= b->at_ms)
        return;
    int64_t elapsed = now_ms - b->at_ms;
    b->at_ms = now_ms;
    int64_t missing = b->capacity - b->level;
    __int128 sixtieths = (__int128)elapsed * b->per_minute * 1000 + b->fraction;
    if (sixtieths / 60 >= missing) {
        b->level = b->capacity;
        b->fraction = 0;
        return;
    }
    b->level += (int64_t)(sixtieths / 60);
    b->fraction = (int64_t)(sixtieths % 60);
}

static int64_t needed(const struct bucket *b, int64_t n)
{
    return n > b->capacity / MICRO ? b->capacity : n * MICRO;
}

int64_t bucket_ready_at(struct bucket *b, int64_t now_ms, int64_t n)
{
    if (b->per_minute == 0)
        return now_ms;
    refill(b, now_ms);
    int64_t missing = needed(b, n) - b->level;
    if (missing <= 0)
        return now_ms;
    __int128 sixtieths = (__int128)missing * 60 - b->fraction;
    __int128 per_ms = (__int128)b->per_minute * 1000;
    __int128 wait = (sixtieths + per_ms - 1) / per_ms;
    return b->at_ms + (int64_t)wait;
}

void bucket_take(struct bucket *b, int64_t now_ms, int64_t n)
{
    if (b->per_minute == 0)
        return;
    refill(b, now_ms);
    b->level -= n * MICRO;
}

void bucket_return(struct bucket *b, int64_t now_ms, int64_t n)
{
    if (b->per_minute == 0)
        return;
    refill(b, now_ms);
    b->level += n * MICRO;
    if (b->level > b->capacity)
        b->level = b->capacity;
}

int64_t bucket_available(struct bucket *b, int64_t now_ms)
{
    refill(b, now_ms);
    return b->level >= 0 ? b->level / MICRO : -((-b->level + MICRO - 1) / MICRO);
}

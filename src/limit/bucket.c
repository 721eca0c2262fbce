/* A token bucket: see bucket.h. */
#include "limit/bucket.h"

enum { MINUTE_MS = 60000 };

/* No debt is deeper, so that no sum of amounts can overflow: four times the greatest amount. */
static const int64_t deepest_debt = -4 * BUCKET_MOST_TOKENS * BUCKET_MICRO;

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

void bucket_init_micro(struct bucket *b, int64_t flow, int64_t capacity, int64_t now_ms)
{
    const int64_t most = BUCKET_MOST_TOKENS * BUCKET_MICRO;
    *b = (struct bucket){
        .flow = clamp(flow, 0, most), .capacity = clamp(capacity, BUCKET_MICRO, most), .at_ms = now_ms};
    b->per_minute = (b->flow + BUCKET_MICRO - 1) / BUCKET_MICRO;
    b->level = b->capacity;
}

void bucket_init(struct bucket *b, int64_t per_minute, int64_t capacity, int64_t now_ms)
{
    bucket_init_micro(b, clamp(per_minute, 0, BUCKET_MOST_TOKENS) * BUCKET_MICRO,
                      clamp(capacity, 1, BUCKET_MOST_TOKENS) * BUCKET_MICRO, now_ms);
}

/* What flowed since at_ms, in 1/60,000 micro-tokens, is a product of two numbers that may both be large; 128 bits hold it
 * for any rate and any time. */
static void refill(struct bucket *b, int64_t now_ms)
{
    if (now_ms <= b->at_ms)
        return;
    int64_t flowed = 0, elapsed = now_ms - b->at_ms, missing = b->capacity - b->level;
    b->at_ms = now_ms;
    if (missing == 0)
        return;
    if (!__builtin_mul_overflow(elapsed, b->flow, &flowed) &&
        !__builtin_add_overflow(flowed, b->fraction, &flowed)) { /* nearly always; much cheaper to divide */
        b->fraction = flowed % MINUTE_MS;
        flowed /= MINUTE_MS;
    } else {
        __int128 exact = (__int128)elapsed * b->flow + b->fraction;
        b->fraction = (int64_t)(exact % MINUTE_MS);
        flowed = exact / MINUTE_MS > missing ? missing : (int64_t)(exact / MINUTE_MS);
    }
    b->level = flowed >= missing ? b->capacity : b->level + flowed;
    if (b->level == b->capacity)
        b->fraction = 0;
}

static int64_t micro(int64_t tokens)
{
    return clamp(tokens, -BUCKET_MOST_TOKENS, BUCKET_MOST_TOKENS) * BUCKET_MICRO;
}

int64_t bucket_ready_at(struct bucket *b, int64_t now_ms, int64_t n)
{
    if (b->flow == 0)
        return now_ms;
    refill(b, now_ms);
    int64_t missing = clamp(micro(n), 0, b->capacity) - b->level;
    if (missing <= 0)
        return now_ms;
    __int128 to_flow = (__int128)missing * MINUTE_MS - b->fraction;
    return b->at_ms + (int64_t)((to_flow + b->flow - 1) / b->flow);
}

static void change(struct bucket *b, int64_t now_ms, int64_t by)
{
    if (b->flow == 0)
        return;
    refill(b, now_ms);
    b->level = clamp(b->level + by, deepest_debt, b->capacity);
    if (b->level == b->capacity)
        b->fraction = 0;
}

void bucket_take(struct bucket *b, int64_t now_ms, int64_t n)
{
    change(b, now_ms, -micro(n));
}

void bucket_return(struct bucket *b, int64_t now_ms, int64_t n)
{
    change(b, now_ms, micro(n));
}

void bucket_spend(struct bucket *b, int64_t now_ms, int64_t count, int64_t n)
{
    if (b->flow == 0 || count <= 0 || n <= 0)
        return;
    refill(b, now_ms);
    int64_t emptiest = b->capacity < micro(n) ? b->capacity - micro(n) : 0;
    __int128 left = b->level - (__int128)count * micro(n);
    if (b->level > emptiest)
        b->level = left > emptiest ? (int64_t)left : emptiest;
}

int64_t bucket_available(struct bucket *b, int64_t now_ms)
{
    refill(b, now_ms);
    return b->level >= 0 ? b->level / BUCKET_MICRO : -((-b->level + BUCKET_MICRO - 1) / BUCKET_MICRO);
}

/* Does a provider give back what was not used: see refund.h. */
#include "limit/refund.h"

enum { MINUTE_MS = 60000, FIRST_MS = 10 * MINUTE_MS, DOUBTS_ENOUGH = 3 };
static const int64_t longest_ms = INT64_C(24) * 3600 * 1000;

void refund_init(struct refund *r)
{
    *r = (struct refund){.last_ms = INT64_MIN, .doubt_ms = INT64_MIN, .until_ms = INT64_MIN};
}

int64_t refund_allows(struct refund *r, int64_t now_ms, int64_t back)
{
    if (back > 0 && r->until_ms != INT64_MIN && now_ms < r->until_ms)
        return 0;
    if (back > 0)
        r->last_ms = now_ms;
    return back;
}

void refund_counted_on(struct refund *r, int64_t now_ms)
{
    r->last_ms = now_ms;
}

static bool is_recent(int64_t at_ms, int64_t now_ms)
{
    return at_ms != INT64_MIN && now_ms - at_ms < MINUTE_MS;
}

bool refund_refused(struct refund *r, int64_t now_ms, enum refund_refusal refusal)
{
    if (refusal == REFUND_OTHER || !is_recent(r->last_ms, now_ms))
        return false;
    r->doubts = is_recent(r->doubt_ms, now_ms) ? r->doubts + 1 : 1;
    r->doubt_ms = now_ms;
    if (refusal != REFUND_NAMED && r->doubts < DOUBTS_ENOUGH)
        return false;
    r->length_ms = r->length_ms == 0               ? FIRST_MS
                   : r->length_ms < longest_ms / 2 ? r->length_ms * 2
                                                   : longest_ms;
    r->until_ms = now_ms + r->length_ms;
    r->doubts = 0;
    r->last_ms = INT64_MIN;
    return true;
}

int64_t refund_left_ms(const struct refund *r, int64_t now_ms)
{
    return r->until_ms != INT64_MIN && r->until_ms > now_ms ? r->until_ms - now_ms : 0;
}

void refund_restore(struct refund *r, int64_t now_ms, int64_t left_ms, int64_t length_ms)
{
    if (length_ms < FIRST_MS || length_ms > longest_ms)
        return;
    r->length_ms = length_ms;
    if (left_ms > 0)
        r->until_ms = now_ms + (left_ms < length_ms ? left_ms : length_ms);
}

/* Before the first answer nothing is known of an endpoint that was given no limits: a few requests go ahead, and the rest follow when
 * one is answered (it may tell limits). While the answer is slow to come, twice as many may be out after each wait: all at once then
 * would be the very burst that this is to prevent. A limiter of the gate. */
#include <stdlib.h>

#include "limit/limiter.h"

enum { MOST = 1 << 20 }; /* in flight: as good as open */

struct scout {
    int64_t most, wait_ms;
    int64_t in_flight;
    int64_t next_ms; /* when more may go; INT64_MIN: none left yet */
    bool open;       /* for good */
};

static int64_t ready_at(void *self, int64_t now_ms, const struct gate_request *q)
{
    struct scout *s = self;
    (void)q;
    if (s->open)
        return now_ms;
    while (s->next_ms != INT64_MIN && now_ms >= s->next_ms && s->most < MOST) {
        s->most *= 2;
        s->next_ms += s->wait_ms;
    }
    return s->in_flight < s->most || s->most >= MOST ? now_ms : s->next_ms;
}

static void take(void *self, int64_t now_ms, const struct gate_request *q, struct gate_ticket *ticket)
{
    struct scout *s = self;
    (void)q, (void)ticket;
    s->in_flight++;
    if (s->next_ms == INT64_MIN)
        s->next_ms = now_ms + s->wait_ms;
}

static void settle(void *self, int64_t now_ms, const struct gate_outcome *o)
{
    struct scout *s = self;
    (void)now_ms;
    s->in_flight--;
    s->open = s->open || o->answered;
}

static void save(void *self, int64_t now_ms, struct strbuf *out)
{
    const struct scout *s = self;
    (void)now_ms;
    json_append_int(out, "open", s->open ? 1 : 0);
}

/* What a run before this one learned is known. */
static void load(void *self, int64_t now_ms, int64_t age_ms, json_object *saved)
{
    struct scout *s = self;
    (void)now_ms, (void)age_ms;
    s->open = s->open || json_get_int(saved, "open", 0) == 1;
}

int scout_open(const struct gate_options *o, int64_t now_ms, struct limiter *out, lh_error *err)
{
    static const struct limiter_calls calls = {
        .ready_at = ready_at, .take = take, .settle = settle, .close = free, .save = save, .load = load};
    bool limited = o->rpm > 0 || o->tpm > 0 || o->itpm > 0 || o->otpm > 0 || o->window_count > 0;
    (void)now_ms;
    if (o->scout < 0 || o->scout > MOST || (o->scout > 0 && o->scout_ms < 1))
        return lh_error_set(err, LH_EUSAGE,
                            "scout is %lld requests for %lld ms; it must be 0 to 1048576, for 1 ms or more",
                            (long long)o->scout, (long long)o->scout_ms);
    if (o->scout == 0 || limited || o->ignore_told)
        return 0;
    struct scout *s = calloc(1, sizeof *s);
    if (s == NULL)
        return lh_error_nomem(err);
    *s = (struct scout){.most = o->scout, .wait_ms = o->scout_ms, .next_ms = INT64_MIN};
    out->calls = &calls;
    out->self = s;
    return 0;
}

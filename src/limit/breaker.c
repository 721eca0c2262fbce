/* The circuit breaker, and the limiter of the gate that it is: see breaker.h. */
#include "limit/breaker.h"

#include <stdlib.h>
#include <string.h>

#include "limit/limiter.h"

const char *breaker_state_name(enum breaker_state s)
{
    static const char *const names[] = {[BREAKER_CLOSED] = "closed",
                                        [BREAKER_OPEN] = "open",
                                        [BREAKER_PROBING] = "probing",
                                        [BREAKER_RAMPING] = "ramping"};
    return names[s];
}

void breaker_options_default(struct breaker_options *o)
{
    *o = (struct breaker_options){
        .percent = 50, .least = 20, .count = 200, .cool_ms = 5000, .cool_most_ms = 60000, .ramp_ms = 2000};
}

void breaker_options_fit(struct breaker_options *o, int64_t concurrency)
{
    enum { FEWEST = 5, ENOUGH = 20, PER_SLOT = 4 };
    o->least = concurrency < FEWEST ? FEWEST : concurrency < ENOUGH ? concurrency : ENOUGH;
    o->count = concurrency > BREAKER_MOST / PER_SLOT ? BREAKER_MOST : concurrency * PER_SLOT;
    if (o->count < o->least)
        o->count = o->least;
}

void breaker_init(struct breaker *b, const struct breaker_options *o, int64_t now_ms)
{
    *b = (struct breaker){.options = *o, .since_ms = now_ms, .cool_ms = o->cool_ms};
}

/* ---- the window ---- */

static void clear_window(struct breaker *b)
{
    b->next = b->seen = b->faults = 0;
}

static void count_outcome(struct breaker *b, bool fault)
{
    if (b->seen == b->options.count)
        b->faults -= b->ring[b->next] ? 1 : 0;
    else
        b->seen++;
    b->ring[b->next] = fault;
    b->faults += fault ? 1 : 0;
    b->next = b->next + 1 < b->options.count ? b->next + 1 : 0;
}

static bool is_faulty(const struct breaker *b)
{
    return b->seen >= b->options.least && b->faults * 100 >= b->seen * b->options.percent;
}

/* ---- moves ---- */

static void enter(struct breaker *b, enum breaker_state state, int64_t now_ms)
{
    b->state = state;
    b->since_ms = now_ms;
    b->epoch++;
    b->probe_is_out = false;
    clear_window(b);
}

static void trip(struct breaker *b, int64_t now_ms, bool again)
{
    int64_t doubled = b->cool_ms * 2;
    if (!again)
        b->cool_ms = b->options.cool_ms;
    else
        b->cool_ms = doubled < b->options.cool_most_ms ? doubled : b->options.cool_most_ms;
    enter(b, BREAKER_OPEN, now_ms);
    b->until_ms = now_ms + b->cool_ms;
    b->opened++;
}

static int64_t ramp_step(const struct breaker *b, int64_t now_ms)
{
    return (now_ms - b->since_ms) / b->options.ramp_ms;
}

/* An eighth of what was usual, a quarter, a half; at least one. */
static int64_t ramp_cap(const struct breaker *b, int64_t step)
{
    int64_t cap = b->usual >> (BREAKER_STEPS - step);
    return cap > 1 ? cap : 1;
}

static void see_time(struct breaker *b, int64_t now_ms)
{
    if (b->state == BREAKER_OPEN && now_ms >= b->until_ms)
        enter(b, BREAKER_PROBING, now_ms);
    if (b->state == BREAKER_RAMPING && ramp_step(b, now_ms) >= BREAKER_STEPS)
        enter(b, BREAKER_CLOSED, now_ms);
}

int64_t breaker_ready_at(struct breaker *b, int64_t now_ms)
{
    if (b->options.percent == 0)
        return now_ms;
    see_time(b, now_ms);
    switch (b->state) {
    case BREAKER_OPEN:
        return b->until_ms;
    case BREAKER_PROBING:
        return b->probe_is_out ? INT64_MAX : now_ms;
    case BREAKER_RAMPING: {
        int64_t step = ramp_step(b, now_ms);
        return b->in_flight < ramp_cap(b, step) ? now_ms : b->since_ms + (step + 1) * b->options.ramp_ms;
    }
    case BREAKER_CLOSED:
        break;
    }
    return now_ms;
}

uint32_t breaker_take(struct breaker *b, int64_t now_ms)
{
    see_time(b, now_ms);
    b->in_flight++;
    if (b->state == BREAKER_PROBING)
        b->probe_is_out = true;
    if (b->state == BREAKER_CLOSED && b->in_flight > b->usual)
        b->usual = b->in_flight;
    return b->epoch;
}

static void settle_probe(struct breaker *b, int64_t now_ms, enum breaker_outcome o)
{
    b->probe_is_out = false; /* canceled: another one goes */
    if (o == BREAKER_GOOD)
        enter(b, BREAKER_RAMPING, now_ms);
    else if (o == BREAKER_FAULT)
        trip(b, now_ms, true);
}

void breaker_settle(struct breaker *b, int64_t now_ms, uint32_t epoch, enum breaker_outcome o)
{
    see_time(b, now_ms);
    b->in_flight--;
    if (b->options.percent == 0 || epoch != b->epoch || b->state == BREAKER_OPEN)
        return;
    if (b->state == BREAKER_PROBING) {
        settle_probe(b, now_ms, o);
        return;
    }
    if (o == BREAKER_NOTHING)
        return;
    count_outcome(b, o == BREAKER_FAULT);
    if (o == BREAKER_FAULT && is_faulty(b))
        trip(b, now_ms, b->state == BREAKER_RAMPING);
}

void breaker_restore(struct breaker *b, int64_t now_ms, int64_t age_ms, enum breaker_state state,
                     int64_t left_ms, int64_t cool_ms)
{
    if (b->options.percent == 0 || (state != BREAKER_OPEN && state != BREAKER_PROBING))
        return;
    int64_t left = left_ms - age_ms;
    enter(b, BREAKER_OPEN, now_ms);
    b->cool_ms = cool_ms < b->options.cool_ms        ? b->options.cool_ms
                 : cool_ms > b->options.cool_most_ms ? b->options.cool_most_ms
                                                     : cool_ms;
    b->until_ms = now_ms + (left < 0 ? 0 : left > b->cool_ms ? b->cool_ms : left);
}

/* ---- as a limiter ---- */

static int64_t limiter_ready_at(void *self, int64_t now_ms, const struct gate_request *q)
{
    (void)q;
    return breaker_ready_at(self, now_ms);
}

static void limiter_take(void *self, int64_t now_ms, const struct gate_request *q, struct gate_ticket *ticket)
{
    (void)q;
    ticket->breaker_epoch = breaker_take(self, now_ms);
}

static void limiter_settle(void *self, int64_t now_ms, const struct gate_outcome *o)
{
    breaker_settle(self, now_ms, o->ticket.breaker_epoch, o->health);
}

static void limiter_report(void *self, int64_t now_ms, struct gate_state *out)
{
    struct breaker *b = self;
    see_time(b, now_ms);
    out->breaker = b->state;
    out->breaker_opened = b->opened;
    out->breaker_until_ms = b->state == BREAKER_OPEN ? b->until_ms : 0;
}

/* One that was coming back goes on with a probe: what it had seen since is not enough to send all at once. */
static void limiter_save(void *self, int64_t now_ms, struct strbuf *out)
{
    struct breaker *b = self;
    see_time(b, now_ms);
    if (b->state == BREAKER_CLOSED)
        return;
    json_append_text(out, "state", breaker_state_name(b->state));
    json_append_int(out, "left_ms", b->state == BREAKER_OPEN ? b->until_ms - now_ms : 0);
    json_append_int(out, "cool_ms", b->cool_ms);
    json_append_int(out, "usual", b->usual);
}

static int64_t between(int64_t value, int64_t least, int64_t most)
{
    return value < least ? least : value > most ? most : value;
}

/* An endpoint that was down a day ago is as good as any. */
static void limiter_load(void *self, int64_t now_ms, int64_t age_ms, json_object *saved)
{
    enum { DAY_MS = 86400000, USUAL_MOST = 100000 };
    struct breaker *b = self;
    const char *state = json_get_string(saved, "state");
    bool was_open = state != NULL && strcmp(state, breaker_state_name(BREAKER_OPEN)) == 0;
    bool came_back = state != NULL && (strcmp(state, breaker_state_name(BREAKER_PROBING)) == 0 ||
                                       strcmp(state, breaker_state_name(BREAKER_RAMPING)) == 0);
    if (age_ms >= DAY_MS || (!was_open && !came_back))
        return;
    int64_t most = b->options.cool_most_ms;
    int64_t left_ms = was_open ? between(json_get_int(saved, "left_ms", 0), 0, most) : 0;
    breaker_restore(b, now_ms, age_ms, BREAKER_OPEN, left_ms,
                    between(json_get_int(saved, "cool_ms", 0), 0, most));
    b->usual = between(json_get_int(saved, "usual", 0), 0, USUAL_MOST);
}

int breaker_open(const struct gate_options *o, int64_t now_ms, struct limiter *out, lh_error *err)
{
    static const struct limiter_calls calls = {.ready_at = limiter_ready_at,
                                               .take = limiter_take,
                                               .settle = limiter_settle,
                                               .report = limiter_report,
                                               .close = free,
                                               .save = limiter_save,
                                               .load = limiter_load};
    if (o->breaker.percent < 0 || o->breaker.percent > 100)
        return lh_error_set(err, LH_EUSAGE, "breaker is %lld; it must be 1 to 100 percent, or 0 for none",
                            (long long)o->breaker.percent);
    if (o->breaker.percent == 0)
        return 0;
    struct breaker *b = malloc(sizeof *b);
    if (b == NULL)
        return lh_error_nomem(err);
    breaker_init(b, &o->breaker, now_ms);
    out->calls = &calls;
    out->self = b;
    return 0;
}

/* Requests, tokens, input tokens and output tokens per minute: four limiters of the gate. Each is a token bucket for the limit that
 * was given, and those for what the provider tells (told.h), which may come in mid-run; the lower holds.
 *
 * A provider may count its minute from any moment, or keep a bucket of its own that holds as little as a second's
 * allowance. Both must never refuse:
 * - a full bucket and what flows in during a minute are together no more than the allowance, so what a full bucket
 *   holds is taken off the flow. This bounds every rolling minute, exactly for requests; for tokens but for the part of one
 *   request that is larger than the bucket;
 * - the bucket holds half a second's allowance, half of what the provider's does, because requests bunch up on their way
 *   (a slow first connection): they may be half a second late without looking like a burst;
 * - a hundredth is always kept back, which is what makes up for that lateness where the bucket is one request.
 * So 99 % of what was told is used, less a little for timers that fire late. */
#include <stdlib.h>

#include "limit/bucket.h"
#include "limit/limiter.h"
#include "limit/refund.h"
#include "limit/told.h"

enum {
    MINUTE_MS = 60000,
    HOUR_MS = 60 * MINUTE_MS,
    SHARED_MS = 10 * MINUTE_MS, /* after a refusal */
    KEPT_BACK_MS = MINUTE_MS / 100,
    BURST_MOST_MS = MINUTE_MS / 2
};

static int64_t share(int64_t allowance, int64_t ms)
{
    return (int64_t)((__int128)allowance * BUCKET_MICRO * ms / MINUTE_MS);
}

/* The flow is of a minute; the burst is told for one too, and is the same part of a longer period. A limit of hours or a day is
 * a stock that may be used at any time. */
void rate_bucket(struct bucket *b, int64_t allowance, int64_t period_ms, int64_t burst_ms, int64_t now_ms)
{
    int64_t held_back_ms = burst_ms > KEPT_BACK_MS ? burst_ms : KEPT_BACK_MS;
    bool is_stock = period_ms >= HOUR_MS;
    __int128 flow = share(allowance, MINUTE_MS - (is_stock ? KEPT_BACK_MS : held_back_ms));
    flow = flow * MINUTE_MS / period_ms;
    /* Half a request more than the burst: what a start comes too late is not lost then. */
    int64_t capacity = is_stock ? share(allowance, MINUTE_MS) : share(allowance, burst_ms) + BUCKET_MICRO / 2;
    bucket_init_micro(b, flow > 1 ? (int64_t)flow : 1, capacity, now_ms);
}

void rate_bucket_age(struct bucket *b, int64_t now_ms, int64_t level, int64_t age_ms)
{
    const int64_t deepest = -BUCKET_MOST_TOKENS * BUCKET_MICRO;
    int64_t debt = b->flow > -deepest / 16
                       ? deepest
                       : -b->flow * 16; /* what a debt may be is paid in a quarter of an hour */
    __int128 now =
        (__int128)(level < debt ? debt : level) + (__int128)b->flow * (age_ms > 0 ? age_ms : 0) / MINUTE_MS;
    b->at_ms = now_ms;
    b->fraction = 0;
    b->level = now < b->capacity ? (int64_t)now : b->capacity;
}

struct rate {
    enum told_kind kind;
    int64_t given; /* 0: none */
    bool ignore_told;
    struct bucket bucket; /* for what was given */
    struct told told;
    struct refund refund;
};

/* What to reserve. What is expected of the answer is enough where the rest would come back; where it does not, all that it may be. */
static int64_t amount(const struct rate *r, int64_t now_ms, const struct gate_request *q)
{
    struct gate_request all = *q;
    if (q->bound_tokens > q->output_tokens && refund_left_ms(&r->refund, now_ms) > 0)
        all.output_tokens = q->bound_tokens;
    switch (r->kind) {
    case TOLD_TOKENS:
        return gate_request_tokens(&all);
    case TOLD_INPUT_TOKENS:
        return all.prompt_tokens;
    case TOLD_OUTPUT_TOKENS:
        return all.output_tokens;
    default:
        return 1;
    }
}

/* -1: not known. A request counts when it is refused, too. */
static int64_t used(const struct rate *r, const struct gate_outcome *o)
{
    switch (r->kind) {
    case TOLD_TOKENS:
        return o->used_tokens;
    case TOLD_INPUT_TOKENS:
        return o->used_input;
    case TOLD_OUTPUT_TOKENS:
        return o->used_output;
    default:
        return -1;
    }
}

/* Who gave a limit that is no higher than the told one knows of it, and has it to himself until a refusal says otherwise. What remains, as
 * it is told, is late and would leave a part of it unused. */
static bool heeds_minute(const struct rate *r, int64_t now_ms)
{
    const struct told_rate *m = &r->told.minute;
    bool is_given = r->given > 0 && (__int128)r->given * m->period_ms <= (__int128)m->limit * MINUTE_MS;
    return !is_given || (r->told.refused_ms != INT64_MIN && now_ms - r->told.refused_ms < SHARED_MS);
}

static int64_t ready_at(void *self, int64_t now_ms, const struct gate_request *q)
{
    struct rate *r = self;
    int64_t n = amount(r, now_ms, q), given = bucket_ready_at(&r->bucket, now_ms, n);
    int64_t told =
        heeds_minute(r, now_ms) ? told_ready_at(&r->told, now_ms, n) : told_day_ready_at(&r->told, now_ms, n);
    return given > told ? given : told;
}

static void take(void *self, int64_t now_ms, const struct gate_request *q, struct gate_ticket *ticket)
{
    struct rate *r = self;
    int64_t n = amount(r, now_ms, q);
    bucket_take(&r->bucket, now_ms, n);
    ticket->reserved[r->kind] = n;
    bool is_of_answers = r->kind == TOLD_TOKENS || r->kind == TOLD_OUTPUT_TOKENS;
    if (is_of_answers && q->bound_tokens > q->output_tokens && refund_left_ms(&r->refund, now_ms) == 0)
        refund_counted_on(&r->refund, now_ms);
    ticket->taken[r->kind] = told_take(&r->told, now_ms, n);
}

static void spend(void *self, int64_t started_ms, int64_t count, const struct gate_request *q)
{
    struct rate *r = self;
    int64_t n = amount(r, started_ms, q);
    bucket_spend(&r->bucket, started_ms, count, n);
    if (r->told.minute.limit > 0)
        bucket_spend(&r->told.minute.bucket, started_ms, count, n);
    if (r->told.day.limit > 0)
        bucket_spend(&r->told.day.bucket, started_ms, count, n);
}

static void hear(struct rate *r, int64_t now_ms, const struct gate_outcome *o)
{
    bool good = o->answered && !o->throttled && o->health == BREAKER_GOOD;
    int64_t tokens = used(r, o);
    if (good)
        told_granted(&r->told, o->ticket.started_ms, r->kind == TOLD_REQUESTS ? 1 : tokens);
    if (o->throttled)
        told_refused(&r->told, now_ms);
    if (o->throttled && r->kind == TOLD_REQUESTS) /* where it counts all the same, `remaining` tells */
        told_return(&r->told, now_ms, 1);
    if (!o->answered)
        return;
    const struct told_limit nothing = {-1, -1, -1, -1};
    /* What was refused is not in what remains: it came back, and was never there. */
    int64_t own = o->throttled ? o->ticket.reserved[r->kind] : 0;
    struct told_reading reading = {.said = o->told != NULL && o->told->any ? o->told->of[r->kind] : nothing,
                                   .serial = o->ticket.serial,
                                   .started_ms = o->ticket.started_ms,
                                   .taken = o->ticket.taken[r->kind] - own,
                                   .good = good};
    told_read(&r->told, now_ms, &reading);
}

static enum refund_refusal named_by(const struct rate *r, const struct gate_outcome *o)
{
    unsigned met = o->told != NULL ? o->told->met : 0;
    return met == 0 ? REFUND_UNNAMED : (met & (1u << r->kind)) != 0 ? REFUND_NAMED : REFUND_OTHER;
}

static void empty(struct bucket *b, int64_t now_ms)
{
    int64_t available = bucket_available(b, now_ms);
    if (available > 0)
        bucket_take(b, now_ms, available);
}

/* A limit on tokens was met, or may have been: what was taken back may not be there. */
static void see_refusal(struct rate *r, int64_t now_ms, const struct gate_outcome *o)
{
    enum refund_refusal refusal = named_by(r, o);
    if (refund_refused(&r->refund, now_ms, refusal) || refusal == REFUND_NAMED)
        empty(&r->bucket, now_ms);
}

static void settle(void *self, int64_t now_ms, const struct gate_outcome *o)
{
    struct rate *r = self;
    int64_t n = used(r, o);
    bool refused = o->throttled && o->answered;
    if (n >= 0) {
        int64_t back = o->ticket.reserved[r->kind] - n;
        if (!refused)
            back = refund_allows(&r->refund, now_ms, back);
        bucket_return(&r->bucket, now_ms, back);
        told_return(&r->told, now_ms, back);
    }
    if (refused && r->kind != TOLD_REQUESTS)
        see_refusal(r, now_ms, o);
    if (!r->ignore_told)
        hear(r, now_ms, o);
}

/* ---- what holds ---- */

static void lower(struct gate_rate *out, struct bucket *b, int64_t now_ms, const struct gate_rate *of)
{
    int64_t available = bucket_available(b, now_ms);
    if (out->limit == 0 || (__int128)of->limit * out->period_ms < (__int128)out->limit * of->period_ms) {
        out->limit = of->limit;
        out->period_ms = of->period_ms;
        out->is_told = of->is_told;
    }
    out->available = available < out->available ? available : out->available;
}

static void report(void *self, int64_t now_ms, struct gate_state *out)
{
    struct rate *r = self;
    struct gate_rate *rate = &out->rates[r->kind];
    *rate = (struct gate_rate){.available = INT64_MAX};
    if (r->given > 0)
        lower(rate, &r->bucket, now_ms, &(struct gate_rate){.limit = r->given, .period_ms = MINUTE_MS});
    struct told_rate *told[] = {&r->told.minute, &r->told.day};
    for (int i = 0; i < 2; i++)
        if (told[i]->limit > 0)
            lower(rate, &told[i]->bucket, now_ms,
                  &(struct gate_rate){told[i]->limit, told[i]->period_ms, true, 0});
    if (rate->limit == 0) {
        rate->available = 0;
        return;
    }
    if (r->kind == TOLD_TOKENS)
        out->tokens_available = rate->available;
    if (r->kind != TOLD_REQUESTS)
        return;
    out->requests_available = rate->available;
    int64_t milli =
        (int64_t)((__int128)rate->limit * (MINUTE_MS - KEPT_BACK_MS) / MINUTE_MS * 1000000 / rate->period_ms);
    if (out->tightest_per_second_milli == 0 || milli < out->tightest_per_second_milli)
        out->tightest_per_second_milli = milli;
}

/* ---- over a restart ---- */

static void save(void *self, int64_t now_ms, struct strbuf *out)
{
    struct rate *r = self;
    if (r->given > 0) {
        bucket_available(&r->bucket, now_ms);
        json_append_int(out, "given", r->given);
        json_append_int(out, "level_micro", r->bucket.level);
    }
    if (r->refund.length_ms > 0) {
        json_append_int(out, "kept_ms", refund_left_ms(&r->refund, now_ms));
        json_append_int(out, "kept_length_ms", r->refund.length_ms);
    }
    told_save(&r->told, now_ms, out);
}

static void load(void *self, int64_t now_ms, int64_t age_ms, json_object *saved)
{
    struct rate *r = self;
    if (r->given > 0 && json_get_int(saved, "given", 0) == r->given)
        rate_bucket_age(&r->bucket, now_ms, json_get_int(saved, "level_micro", r->bucket.level), age_ms);
    refund_restore(&r->refund, now_ms, json_get_int(saved, "kept_ms", 0) - age_ms,
                   json_get_int(saved, "kept_length_ms", 0));
    if (!r->ignore_told)
        told_load(&r->told, now_ms, age_ms, saved);
}

static int rate_open(enum told_kind kind, const char *name, int64_t given, const struct gate_options *o,
                     int64_t now_ms, struct limiter *out, lh_error *err)
{
    static const struct limiter_calls calls = {.ready_at = ready_at,
                                               .take = take,
                                               .settle = settle,
                                               .report = report,
                                               .close = free,
                                               .spend = spend,
                                               .save = save,
                                               .load = load};
    if (given < 0 || given > BUCKET_MOST_TOKENS)
        return lh_error_set(err, LH_EUSAGE, "%s is %lld; it must be 0 (no limit) to %lld", name,
                            (long long)given, (long long)BUCKET_MOST_TOKENS);
    if (o->burst_ms < 0 || o->burst_ms > BURST_MOST_MS)
        return lh_error_set(err, LH_EUSAGE, "burst is %lld ms; it must be 0 to %d", (long long)o->burst_ms,
                            BURST_MOST_MS);
    if (given == 0 && o->ignore_told)
        return 0;
    struct rate *r = calloc(1, sizeof *r);
    if (r == NULL)
        return lh_error_nomem(err);
    r->kind = kind;
    r->given = given;
    r->ignore_told = o->ignore_told;
    refund_init(&r->refund);
    if (given > 0)
        rate_bucket(&r->bucket, given, MINUTE_MS, o->burst_ms, now_ms);
    told_init(&r->told, o->burst_ms, now_ms);
    out->calls = &calls;
    out->self = r;
    return 0;
}

int request_rate_open(const struct gate_options *o, int64_t now_ms, struct limiter *out, lh_error *err)
{
    return rate_open(TOLD_REQUESTS, "rpm", o->rpm, o, now_ms, out, err);
}

int token_rate_open(const struct gate_options *o, int64_t now_ms, struct limiter *out, lh_error *err)
{
    return rate_open(TOLD_TOKENS, "tpm", o->tpm, o, now_ms, out, err);
}

int input_rate_open(const struct gate_options *o, int64_t now_ms, struct limiter *out, lh_error *err)
{
    return rate_open(TOLD_INPUT_TOKENS, "itpm", o->itpm, o, now_ms, out, err);
}

int output_rate_open(const struct gate_options *o, int64_t now_ms, struct limiter *out, lh_error *err)
{
    return rate_open(TOLD_OUTPUT_TOKENS, "otpm", o->otpm, o, now_ms, out, err);
}

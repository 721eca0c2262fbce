/* The gate: see gate.h. The limiters are asked in one order, by one table; the latest of their times is the gate's. */
#include "limit/gate.h"

#include <stdlib.h>

#include "limit/bucket.h"
#include "limit/window.h"

struct gate {
    int64_t concurrency, in_flight;
    struct bucket requests, tokens;
    struct window window;
    int64_t paused_until_ms;
    int64_t ceiling_milli; /* requests per 1000 s that the limits allow; 0: none */
    enum gate_limiter binding;
};

void gate_options_default(struct gate_options *o)
{
    *o = (struct gate_options){.concurrency = 50, .burst_ms = 1000};
}

/* A provider may count a minute that begins at any moment. A full bucket and the refill of a minute together must not pass the
 * allowance: what the bucket holds is taken off what flows in. With a burst of one second 98.3 % of the allowance is used. */
static void init_bucket(struct bucket *b, int64_t per_minute, int64_t burst_ms, int64_t now_ms)
{
    int64_t capacity = (int64_t)((__int128)per_minute * burst_ms / 60000);
    if (capacity < 1)
        capacity = 1;
    int64_t flow = per_minute > capacity ? per_minute - capacity : per_minute;
    bucket_init(b, flow, capacity, now_ms);
}

int gate_new(const struct gate_options *o, int64_t now_ms, struct gate **out, lh_error *err)
{
    *out = NULL;
    if (o->concurrency < 1 || o->rpm < 0 || o->tpm < 0 || o->burst_ms < 0 || o->window_count < 0)
        return lh_error_set(err, LH_EUSAGE, "limits must not be negative, and concurrency at least 1");
    struct gate *g = calloc(1, sizeof *g);
    if (g == NULL)
        return lh_error_nomem(err);
    if (window_init(&g->window, o->window_count, o->window_ms) != 0) {
        free(g);
        return lh_error_nomem(err);
    }
    g->concurrency = o->concurrency;
    init_bucket(&g->requests, o->rpm, o->burst_ms, now_ms);
    init_bucket(&g->tokens, o->tpm, o->burst_ms, now_ms);
    g->ceiling_milli = o->rpm * 1000000 / 60000;
    *out = g;
    return 0;
}

void gate_free(struct gate *g)
{
    if (g == NULL)
        return;
    window_free(&g->window);
    free(g);
}

static int64_t concurrency_ready_at(struct gate *g, int64_t now_ms, int64_t tokens)
{
    (void)tokens;
    return g->in_flight < g->concurrency ? now_ms : INT64_MAX;
}

static int64_t pause_ready_at(struct gate *g, int64_t now_ms, int64_t tokens)
{
    (void)tokens;
    return g->paused_until_ms > now_ms ? g->paused_until_ms : now_ms;
}

static int64_t requests_ready_at(struct gate *g, int64_t now_ms, int64_t tokens)
{
    (void)tokens;
    return bucket_ready_at(&g->requests, now_ms, 1);
}

static int64_t tokens_ready_at(struct gate *g, int64_t now_ms, int64_t tokens)
{
    return bucket_ready_at(&g->tokens, now_ms, tokens);
}

static int64_t in_window_ready_at(struct gate *g, int64_t now_ms, int64_t tokens)
{
    (void)tokens;
    return window_ready_at(&g->window, now_ms);
}

static const struct {
    enum gate_limiter limiter;
    const char *name;
    int64_t (*ready_at)(struct gate *g, int64_t now_ms, int64_t tokens);
} limiters[] = {
    {GATE_CONCURRENCY, "concurrency", concurrency_ready_at},
    {GATE_PAUSE, "pause asked by the provider", pause_ready_at},
    {GATE_RPM, "requests per minute", requests_ready_at},
    {GATE_TPM, "tokens per minute", tokens_ready_at},
    {GATE_WINDOW, "sliding window", in_window_ready_at},
};

int64_t gate_ready_at(struct gate *g, int64_t now_ms, int64_t tokens)
{
    int64_t latest = now_ms;
    g->binding = GATE_NONE;
    for (size_t i = 0; i < sizeof limiters / sizeof *limiters; i++) {
        int64_t at = limiters[i].ready_at(g, now_ms, tokens);
        if (at > latest) {
            latest = at;
            g->binding = limiters[i].limiter;
        }
        if (at == INT64_MAX)
            break;
    }
    return latest;
}

void gate_take(struct gate *g, int64_t now_ms, int64_t tokens)
{
    g->in_flight++;
    bucket_take(&g->requests, now_ms, 1);
    bucket_take(&g->tokens, now_ms, tokens);
    window_take(&g->window, now_ms);
}

void gate_settle(struct gate *g, int64_t now_ms, const struct gate_outcome *o)
{
    g->in_flight--;
    if (o->used_tokens >= 0)
        bucket_return(&g->tokens, now_ms, o->reserved_tokens - o->used_tokens);
    if (o->throttled && o->retry_after_ms > 0 && now_ms + o->retry_after_ms > g->paused_until_ms)
        g->paused_until_ms = now_ms + o->retry_after_ms;
}

void gate_get_state(struct gate *g, int64_t now_ms, struct gate_state *out)
{
    *out = (struct gate_state){
        .in_flight = g->in_flight,
        .requests_available = g->requests.per_minute > 0 ? bucket_available(&g->requests, now_ms) : -1,
        .tokens_available = g->tokens.per_minute > 0 ? bucket_available(&g->tokens, now_ms) : INT64_MIN,
        .paused_until_ms = g->paused_until_ms > now_ms ? g->paused_until_ms : 0,
        .binding = g->binding,
        .tightest_per_second_milli = g->ceiling_milli};
}

const char *gate_limiter_name(enum gate_limiter limiter)
{
    for (size_t i = 0; i < sizeof limiters / sizeof *limiters; i++)
        if (limiters[i].limiter == limiter)
            return limiters[i].name;
    return "";
}

/* The gate: see gate.h. The limiters are asked in the table's order; the latest of their times is the gate's. */
#include "limit/gate.h"

#include <stdlib.h>

#include "limit/limiter.h"

static const struct {
    enum gate_limiter limiter;
    const char *key, *name; /* in what is saved; for people */
    limiter_open *open;
} rows[] = {
    {GATE_CONCURRENCY, "concurrency", "concurrency", concurrency_open},
    {GATE_BREAKER, "breaker", "circuit breaker", breaker_open},
    {GATE_PAUSE, "pause", "pause asked by the provider", pause_open},
    {GATE_SCOUT, "scout", "wait for the first answer", scout_open},
    {GATE_ADAPTIVE, "adaptive", "adaptive rate", adaptive_open},
    {GATE_RPM, "rpm", "requests per minute", request_rate_open},
    {GATE_TPM, "tpm", "tokens per minute", token_rate_open},
    {GATE_ITPM, "itpm", "input tokens per minute", input_rate_open},
    {GATE_OTPM, "otpm", "output tokens per minute", output_rate_open},
    {GATE_WINDOW, "window", "sliding window", window_open},
};

enum { ROWS = sizeof rows / sizeof *rows };

struct gate {
    struct limiter limiters[ROWS]; /* those that the options ask for, in the table's order */
    enum gate_limiter kinds[ROWS];
    size_t count;
    enum gate_limiter binding;
    int64_t taken; /* requests, ever */
};

void gate_options_default(struct gate_options *o)
{
    *o = (struct gate_options){.concurrency = 50, .burst_ms = 500, .pause_most_ms = 900000};
    breaker_options_default(&o->breaker);
    adaptive_options_default(&o->adaptive);
}

int gate_new(const struct gate_options *o, int64_t now_ms, struct gate **out, lh_error *err)
{
    *out = NULL;
    struct gate *g = calloc(1, sizeof *g);
    if (g == NULL)
        return lh_error_nomem(err);
    for (size_t i = 0; i < ROWS; i++) {
        struct limiter limiter = {0};
        int rc = rows[i].open(o, now_ms, &limiter, err);
        if (rc != 0) {
            gate_free(g);
            return rc;
        }
        if (limiter.calls == NULL)
            continue;
        g->kinds[g->count] = rows[i].limiter;
        g->limiters[g->count++] = limiter;
    }
    *out = g;
    return 0;
}

void gate_free(struct gate *g)
{
    if (g == NULL)
        return;
    for (size_t i = 0; i < g->count; i++)
        g->limiters[i].calls->close(g->limiters[i].self);
    free(g);
}

int64_t gate_request_tokens(const struct gate_request *q)
{
    int64_t sum = 0;
    return __builtin_add_overflow(q->prompt_tokens, q->output_tokens, &sum) ? INT64_MAX : sum;
}

int64_t gate_ready_at(struct gate *g, int64_t now_ms, const struct gate_request *q)
{
    int64_t latest = now_ms;
    const struct limiter *binding = NULL;
    g->binding = GATE_NONE;
    for (size_t i = 0; i < g->count && latest < INT64_MAX; i++) {
        int64_t at = g->limiters[i].calls->ready_at(g->limiters[i].self, now_ms, q);
        if (at > latest) {
            latest = at;
            binding = &g->limiters[i];
            g->binding = g->kinds[i];
        }
    }
    if (binding != NULL && binding->calls->bound != NULL)
        binding->calls->bound(binding->self, now_ms, latest);
    return latest;
}

struct gate_ticket gate_take(struct gate *g, int64_t now_ms, const struct gate_request *q)
{
    struct gate_ticket ticket = {.started_ms = now_ms, .serial = ++g->taken};
    for (size_t i = 0; i < g->count; i++)
        if (g->limiters[i].calls->take != NULL)
            g->limiters[i].calls->take(g->limiters[i].self, now_ms, q, &ticket);
    return ticket;
}

void gate_settle(struct gate *g, int64_t now_ms, const struct gate_outcome *o)
{
    for (size_t i = 0; i < g->count; i++)
        if (g->limiters[i].calls->settle != NULL)
            g->limiters[i].calls->settle(g->limiters[i].self, now_ms, o);
}

void gate_get_state(struct gate *g, int64_t now_ms, struct gate_state *out)
{
    *out =
        (struct gate_state){.requests_available = -1, .tokens_available = INT64_MIN, .binding = g->binding};
    for (size_t i = 0; i < g->count; i++)
        if (g->limiters[i].calls->report != NULL)
            g->limiters[i].calls->report(g->limiters[i].self, now_ms, out);
}

static const char *key_of(enum gate_limiter limiter)
{
    size_t i = 0;
    while (rows[i].limiter != limiter)
        i++;
    return rows[i].key;
}

void gate_save(struct gate *g, int64_t now_ms, struct strbuf *out)
{
    strbuf_append_char(out, '{');
    for (size_t i = 0; i < g->count; i++) {
        if (g->limiters[i].calls->save == NULL)
            continue;
        json_append_key(out, key_of(g->kinds[i]));
        strbuf_append_char(out, '{');
        g->limiters[i].calls->save(g->limiters[i].self, now_ms, out);
        strbuf_append_char(out, '}');
    }
    strbuf_append_char(out, '}');
}

void gate_load(struct gate *g, int64_t now_ms, int64_t age_ms, json_object *saved)
{
    for (size_t i = 0; i < g->count; i++) {
        json_object *own = json_get(saved, key_of(g->kinds[i]));
        if (g->limiters[i].calls->load != NULL && json_is_object(own))
            g->limiters[i].calls->load(g->limiters[i].self, now_ms, age_ms > 0 ? age_ms : 0, own);
    }
}

void gate_spend(struct gate *g, int64_t started_ms, int64_t count, const struct gate_request *q)
{
    for (size_t i = 0; i < g->count; i++)
        if (g->limiters[i].calls->spend != NULL)
            g->limiters[i].calls->spend(g->limiters[i].self, started_ms, count, q);
}

const char *gate_limiter_name(enum gate_limiter limiter)
{
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].limiter == limiter)
            return rows[i].name;
    return "";
}

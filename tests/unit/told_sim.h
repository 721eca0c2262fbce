/* For tests of told limits: gates before a provider with one limit on requests, in simulated time. Answers take as long as they take, so
 * they come out of order; headers are made when a request arrives, as real ones are. */
#ifndef LH_TESTS_TOLD_SIM_H
#define LH_TESTS_TOLD_SIM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "limit/bucket.h"
#include "limit/gate.h"
#include "limit/window.h"

enum { MINUTE = 60000, CLIENTS_MOST = 2 };
enum provider_kind { BUCKET_SECOND, BUCKET_MINUTE, ROLLING, FIXED, PROVIDERS };

struct provider {
    enum provider_kind kind;
    int64_t limit;
    struct bucket bucket;
    struct window window;
    int64_t minute, in_minute;
    int64_t granted, refused;
    int64_t left; /* rolling: of the granted, how many have left the window */
    /* What it tells; NULL: the truth. */
    void (*lie)(struct random *r, struct told_limits *t, bool good);
};

struct event {
    int64_t at_ms;
    int64_t order;
    int client;
    bool is_answer, good;
    int64_t retry_after_ms;
    struct gate_ticket ticket;
    struct told_limits told;
};

struct sim {
    struct provider provider;
    struct gate *gates[CLIENTS_MOST];
    int clients;
    int64_t granted[CLIENTS_MOST];
    int64_t latency_ms;
    struct random random;
    struct event *heap;
    size_t count, capacity;
    int64_t order;
};

static inline bool event_before(const struct event *a, const struct event *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static inline void heap_push(struct sim *s, struct event e)
{
    if (s->count == s->capacity) {
        s->capacity = s->capacity * 2 + 256;
        s->heap = realloc(s->heap, s->capacity * sizeof *s->heap);
        assert_non_null(s->heap);
    }
    e.order = s->order++;
    size_t i = s->count++;
    for (; i > 0 && event_before(&e, &s->heap[(i - 1) / 2]); i = (i - 1) / 2)
        s->heap[i] = s->heap[(i - 1) / 2];
    s->heap[i] = e;
}

static inline struct event heap_pop(struct sim *s)
{
    struct event first = s->heap[0], last = s->heap[--s->count];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < s->count; i = child) {
        if (child + 1 < s->count && event_before(&s->heap[child + 1], &s->heap[child]))
            child++;
        if (!event_before(&s->heap[child], &last))
            break;
        s->heap[i] = s->heap[child];
    }
    s->heap[i] = last;
    return first;
}

/* ---- the provider ---- */

static inline void provider_init(struct provider *p, enum provider_kind kind, int64_t limit)
{
    *p = (struct provider){.kind = kind, .limit = limit};
    if (kind == BUCKET_SECOND)
        bucket_init(&p->bucket, limit, limit >= 60 ? limit / 60 : 1, 0);
    if (kind == BUCKET_MINUTE)
        bucket_init(&p->bucket, limit, limit, 0);
    if (kind == ROLLING)
        assert_int_equal(window_init(&p->window, limit, MINUTE), 0);
}

static inline int64_t provider_ready_at(struct provider *p, int64_t now)
{
    if (p->kind == ROLLING)
        return window_ready_at(&p->window, now);
    if (p->kind != FIXED)
        return bucket_ready_at(&p->bucket, now, 1);
    if (now / MINUTE != p->minute) {
        p->minute = now / MINUTE;
        p->in_minute = 0;
    }
    return p->in_minute < p->limit ? now : (p->minute + 1) * MINUTE;
}

static inline void provider_take(struct provider *p, int64_t now)
{
    if (p->kind == ROLLING)
        window_take(&p->window, now);
    else if (p->kind == FIXED)
        p->in_minute++;
    else
        bucket_take(&p->bucket, now, 1);
}

/* The window's ring as a queue: those that left it since the last look go from its end. */
static inline int64_t window_left(struct provider *p, int64_t now, int64_t *full_ms)
{
    const struct window *w = &p->window;
    if (p->granted - p->left > p->limit)
        p->left = p->granted - p->limit;
    while (p->left < p->granted && w->starts[p->left % p->limit] + w->window_ms <= now)
        p->left++;
    *full_ms = p->left < p->granted ? w->starts[(p->granted - 1) % p->limit] + w->window_ms - now : 0;
    return p->limit - (p->granted - p->left);
}

static inline void provider_tell(struct provider *p, int64_t now, struct told_limits *out)
{
    struct told_limit *t = &out->of[TOLD_REQUESTS];
    told_limits_none(out);
    out->any = true;
    t->limit = p->limit;
    if (p->kind == ROLLING) {
        t->remaining = window_left(p, now, &t->full_ms);
    } else if (p->kind == FIXED) {
        t->remaining = p->limit - p->in_minute;
        t->full_ms = (p->minute + 1) * MINUTE - now;
    } else {
        int64_t there = bucket_available(&p->bucket, now);
        t->remaining = there > 0 ? there : 0;
        t->full_ms = (p->bucket.capacity - p->bucket.level) * MINUTE / p->bucket.flow;
    }
}

/* ---- the clients ---- */

static inline void sim_open_with(struct sim *s, enum provider_kind kind, int64_t limit, int64_t latency_ms,
                                 int clients, const struct gate_options *o, uint64_t seed)
{
    *s = (struct sim){.clients = clients, .latency_ms = latency_ms};
    random_seed(&s->random, seed);
    provider_init(&s->provider, kind, limit);
    for (int i = 0; i < clients; i++)
        assert_int_equal(gate_new(o, 0, &s->gates[i], NULL), 0);
}

static inline struct gate_options sim_options(void)
{
    struct gate_options o;
    gate_options_default(&o);
    o.concurrency = 20000;
    o.scout = 4;
    o.scout_ms = 2000;
    o.breaker.percent = 0;
    return o;
}

static inline void sim_close(struct sim *s)
{
    for (int i = 0; i < s->clients; i++)
        gate_free(s->gates[i]);
    window_free(&s->provider.window);
    free(s->heap);
}

static inline void on_arrival(struct sim *s, struct event *e)
{
    struct provider *p = &s->provider;
    int64_t ready = provider_ready_at(p, e->at_ms);
    e->good = ready == e->at_ms;
    e->retry_after_ms = e->good ? -1 : ready - e->at_ms;
    if (e->good)
        provider_take(p, e->at_ms);
    if (e->good)
        s->granted[e->client]++;
    *(e->good ? &p->granted : &p->refused) += 1;
    provider_tell(p, e->at_ms, &e->told);
    if (p->lie != NULL)
        p->lie(&s->random, &e->told, e->good);
    e->is_answer = true;
    int64_t latency = e->good ? s->latency_ms : 50;
    e->at_ms += latency / 2 + (int64_t)random_below(&s->random, (uint64_t)latency + 1);
    heap_push(s, *e);
}

static inline void on_answer(struct sim *s, const struct event *e)
{
    struct gate_outcome o = {.ticket = e->ticket,
                             .health = BREAKER_GOOD,
                             .used_tokens = 1,
                             .answered = true,
                             .throttled = !e->good,
                             .retry_after_ms = e->retry_after_ms,
                             .told = &e->told};
    gate_settle(s->gates[e->client], e->at_ms, &o);
}

/* From `from` until `until`: each client starts all that its gate lets go. */
static inline void sim_run(struct sim *s, int64_t from, int64_t until)
{
    const struct gate_request q = {.prompt_tokens = 1};
    int64_t next[CLIENTS_MOST] = {from, from};
    for (int64_t now = from; now < until;) {
        for (int i = 0; i < s->clients; i++) {
            while (next[i] <= now && (next[i] = gate_ready_at(s->gates[i], now, &q)) <= now) {
                struct event e = {.client = i, .at_ms = now + 1 + (int64_t)random_below(&s->random, 10)};
                e.ticket = gate_take(s->gates[i], now, &q);
                heap_push(s, e);
            }
        }
        int64_t soonest = s->count > 0 ? s->heap[0].at_ms : until;
        for (int i = 0; i < s->clients; i++)
            soonest = next[i] < soonest ? next[i] : soonest;
        now = soonest > now ? soonest : now + 1;
        while (s->count > 0 && s->heap[0].at_ms <= now) {
            struct event e = heap_pop(s);
            if (!e.is_answer) {
                on_arrival(s, &e);
            } else {
                on_answer(s, &e);
                next[e.client] = now;
            }
        }
    }
}

/* ---- what came of it ---- */

/* Long enough to tell: 2,400 requests at least, and no more than a second's work for all. */
static inline int64_t minutes_of(int64_t limit)
{
    return limit <= 60 ? 40 : limit <= 600 ? 15 : limit <= 3000 ? 6 : limit <= 12000 ? 3 : 1;
}

struct share {
    double used, refused; /* percent: of the allowance of that time, of all requests */
};

static inline struct share share_of(int64_t granted, int64_t refused, int64_t limit, int64_t minutes)
{
    return (struct share){.used = 100.0 * (double)granted / (double)(limit * minutes),
                          .refused = 100.0 * (double)refused / (double)(granted + refused)};
}

static inline void assert_share(struct share s, double least_used, double most_refused, int kind,
                                int64_t limit, int64_t latency_ms)
{
    if (s.used < least_used || s.refused > most_refused)
        fail_msg("provider %d, %lld a minute, %lld ms: %.2f %% used, %.2f %% refused", kind, (long long)limit,
                 (long long)latency_ms, s.used, s.refused);
}

static inline struct share sim_share(enum provider_kind kind, int64_t limit, int64_t latency_ms, int clients,
                                     uint64_t seed)
{
    struct sim s;
    struct gate_options o = sim_options();
    /* With slow answers the scouts take a third of a minute; that is not to be a sixth of the whole. */
    int64_t minutes = minutes_of(limit) + (latency_ms > 1000 ? 3 : 0);
    sim_open_with(&s, kind, limit, latency_ms, clients, &o, seed);
    sim_run(&s, 0, minutes * MINUTE);
    struct share share = share_of(s.provider.granted, s.provider.refused, limit, minutes);
    sim_close(&s);
    return share;
}

#endif

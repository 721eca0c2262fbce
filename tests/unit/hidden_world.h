/* A provider that refuses by a limit that it does not tell, and a client behind the gate, in simulated time: milliseconds, seeded. For
 * tests of what the gate learns. */
#ifndef LH_TESTS_HIDDEN_WORLD_H
#define LH_TESTS_HIDDEN_WORLD_H

#include <stdlib.h>

#include "base/random.h"
#include "limit/gate.h"

enum hidden_kind { HIDDEN_BUCKET_1S, HIDDEN_BUCKET_60S, HIDDEN_ROLLING_60S, HIDDEN_FIXED_60S, HIDDEN_KINDS };

enum {
    WHEEL = 1 << 16,
    MINUTES_MOST = 240,
    UNIT = 60000 /* of a request, as it flows in a ms at one a minute */
};

struct hidden {
    enum hidden_kind kind;
    int64_t per_minute; /* may be changed in between */
    int64_t level, at_ms;
    int64_t *starts, first, count, room; /* rolling: times of what was granted, a ring */
    int64_t minute, used, phase_ms;
};

static int64_t hidden_capacity(const struct hidden *h)
{
    int64_t second = h->per_minute / 60 > 1 ? h->per_minute / 60 : 1;
    return UNIT * (h->kind == HIDDEN_BUCKET_1S ? second : h->per_minute);
}

static void hidden_open(struct hidden *h, enum hidden_kind kind, int64_t per_minute, int64_t phase_ms)
{
    *h = (struct hidden){.kind = kind, .per_minute = per_minute, .phase_ms = phase_ms, .minute = -1};
    h->level = hidden_capacity(h);
    h->room = 2 * per_minute + 1;
    h->starts = malloc((size_t)h->room * sizeof *h->starts);
}

static bool bucket_grants(struct hidden *h, int64_t now_ms, int64_t cost)
{
    int64_t capacity = hidden_capacity(h);
    h->level += (now_ms - h->at_ms) * h->per_minute;
    h->at_ms = now_ms;
    if (h->level > capacity)
        h->level = capacity;
    if (h->level < cost)
        return false;
    h->level -= cost;
    return true;
}

static bool rolling_grants(struct hidden *h, int64_t now_ms)
{
    while (h->count > 0 && h->starts[h->first % h->room] <= now_ms - 60000) {
        h->first++;
        h->count--;
    }
    if (h->count >= h->per_minute)
        return false;
    h->starts[(h->first + h->count++) % h->room] = now_ms;
    return true;
}

static bool fixed_grants(struct hidden *h, int64_t now_ms)
{
    int64_t minute = (now_ms + h->phase_ms) / 60000;
    if (minute != h->minute)
        h->used = 0;
    h->minute = minute;
    if (h->used >= h->per_minute)
        return false;
    h->used++;
    return true;
}

static bool hidden_grants(struct hidden *h, int64_t now_ms)
{
    if (h->kind == HIDDEN_ROLLING_60S)
        return rolling_grants(h, now_ms);
    return h->kind == HIDDEN_FIXED_60S ? fixed_grants(h, now_ms) : bucket_grants(h, now_ms, UNIT);
}

/* How long until a request would be granted, for a provider that tells it. */
static int64_t hidden_wait_ms(const struct hidden *h, int64_t now_ms)
{
    if (h->kind == HIDDEN_ROLLING_60S)
        return h->starts[h->first % h->room] + 60000 - now_ms;
    if (h->kind == HIDDEN_FIXED_60S)
        return 60000 - (now_ms + h->phase_ms) % 60000;
    return (UNIT - h->level + h->per_minute - 1) / h->per_minute;
}

struct world_request {
    struct gate_ticket ticket;
    bool granted, fault, by_chance;
    int32_t next, job;
};

struct world {
    struct hidden hidden;
    struct gate *gate;
    struct random random;
    int64_t now_ms, ready_at_ms, in_flight;
    int64_t latency_ms, refusal_ms; /* on average; half of it to half as much again */
    bool tells_wait;                /* refusals name a wait */
    int64_t noise_per_10000;        /* refusals for no reason … */
    int64_t noise_wait_ms;          /* … and the wait that they name; 0: none */
    int64_t fault_per_10000;
    int64_t other_percent; /* of the limit, used by somebody else */
    int64_t other_level;
    int64_t
        tokens_ten_times; /* one request in ten costs 5.5, the others a half, as tokens do; 0: all cost 1 */
    struct world_request *requests; /* all that can be in flight, a pool */
    int32_t free, wheel[WHEEL];     /* lists in the pool by the ms of their end, -1 ends */
    uint64_t busy[WHEEL / 64];      /* a bit for each list that is not empty */
    int64_t sent[MINUTES_MOST], granted[MINUTES_MOST];
    /* After each ms in which something happened; NULL. */
    void (*look)(struct world *w);
    /* So many jobs and no more, refused ones again after a backoff; 0: requests without end. */
    int64_t jobs, jobs_left;
    int32_t *ready, ready_count, *tries, *back_next, back[WHEEL];
};

static void world_open(struct world *w, const struct gate_options *o, enum hidden_kind kind,
                       int64_t per_minute, uint64_t seed)
{
    *w = (struct world){.latency_ms = 500, .refusal_ms = 50};
    random_seed(&w->random, seed);
    hidden_open(&w->hidden, kind, per_minute, (int64_t)random_below(&w->random, 60000));
    gate_new(o, 0, &w->gate, NULL);
    w->requests = malloc((size_t)o->concurrency * sizeof *w->requests);
    for (int64_t i = 0; i < o->concurrency; i++)
        w->requests[i].next = (int32_t)(i + 1 < o->concurrency ? i + 1 : -1);
    for (int i = 0; i < WHEEL; i++)
        w->wheel[i] = -1;
}

static inline void world_set_jobs(struct world *w, int64_t jobs)
{
    w->jobs = w->jobs_left = jobs;
    w->ready = calloc(3 * (size_t)jobs, sizeof *w->ready);
    w->tries = w->ready + jobs;
    w->back_next = w->tries + jobs;
    for (w->ready_count = 0; w->ready_count < jobs; w->ready_count++)
        w->ready[w->ready_count] = w->ready_count;
    for (int i = 0; i < WHEEL; i++)
        w->back[i] = -1;
}

static void world_close(struct world *w)
{
    free(w->ready);
    gate_free(w->gate);
    free(w->hidden.starts);
    free(w->requests);
}

static const struct gate_request world_any = {.prompt_tokens = 1};

/* Full jitter, from a second on, doubled at each refusal; no sooner than the refusal says. */
static void job_waits(struct world *w, int32_t job, int64_t wait_ms)
{
    int64_t longest = INT64_C(1000) << (w->tries[job] < 5 ? w->tries[job] : 5);
    int64_t backoff = 1 + (int64_t)random_below(&w->random, (uint64_t)longest);
    int64_t slot = (w->now_ms + (backoff > wait_ms ? backoff : wait_ms)) % WHEEL;
    w->tries[job]++;
    w->back_next[job] = w->back[slot];
    w->back[slot] = job;
}

static void jobs_come_back(struct world *w)
{
    int32_t *list = &w->back[w->now_ms % WHEEL];
    for (int32_t job = *list; job >= 0; job = w->back_next[job])
        w->ready[w->ready_count++] = job;
    *list = -1;
}

static void world_start(struct world *w)
{
    int32_t i = w->free;
    struct world_request *r = &w->requests[i];
    w->free = r->next;
    r->job = w->jobs > 0 ? w->ready[--w->ready_count] : 0;
    r->ticket = gate_take(w->gate, w->now_ms, &world_any);
    r->fault = (int64_t)random_below(&w->random, 10000) < w->fault_per_10000;
    bool noise = (int64_t)random_below(&w->random, 10000) < w->noise_per_10000;
    if (w->tokens_ten_times != 0)
        r->granted =
            bucket_grants(&w->hidden, w->now_ms, random_below(&w->random, 10) > 0 ? UNIT / 2 : UNIT * 11 / 2);
    else
        r->granted = !noise && hidden_grants(&w->hidden, w->now_ms);
    r->by_chance = noise;
    int64_t usual = r->granted ? w->latency_ms : w->refusal_ms;
    int64_t takes = usual / 2 + (int64_t)random_below(&w->random, (uint64_t)usual + 1);
    int64_t slot = (w->now_ms + (takes > 0 ? takes : 1)) % WHEEL;
    r->next = w->wheel[slot];
    w->wheel[slot] = i;
    w->busy[slot / 64] |= UINT64_C(1) << (slot % 64);
    w->in_flight++;
    w->sent[w->now_ms / 60000]++;
    w->granted[w->now_ms / 60000] += r->granted ? 1 : 0;
}

static bool world_end_due(struct world *w)
{
    int32_t *list = &w->wheel[w->now_ms % WHEEL], i = *list;
    bool any = i >= 0;
    *list = -1;
    w->busy[w->now_ms % WHEEL / 64] &= ~(UINT64_C(1) << (w->now_ms % 64));
    while (i >= 0) {
        struct world_request *r = &w->requests[i];
        int32_t next = r->next;
        struct gate_outcome o = {.ticket = r->ticket,
                                 .health = r->granted && r->fault ? BREAKER_FAULT : BREAKER_GOOD,
                                 .used_tokens = -1,
                                 .throttled = !r->granted,
                                 .retry_after_ms = -1};
        if (!r->granted && w->tells_wait)
            o.retry_after_ms = hidden_wait_ms(&w->hidden, w->now_ms);
        if (r->by_chance && w->noise_wait_ms > 0)
            o.retry_after_ms = w->noise_wait_ms;
        if (w->jobs > 0 && r->granted && !r->fault)
            w->jobs_left--;
        else if (w->jobs > 0)
            job_waits(w, r->job, o.retry_after_ms);
        gate_settle(w->gate, w->now_ms, &o);
        w->in_flight--;
        r->next = w->free;
        w->free = i;
        i = next;
    }
    return any;
}

static void world_others(struct world *w)
{
    w->other_level += w->hidden.per_minute * w->other_percent;
    for (; w->other_level >= 100 * UNIT; w->other_level -= 100 * UNIT)
        hidden_grants(&w->hidden, w->now_ms);
}

/* The next ms at which something can happen: an end, the gate's time, the next group of 64 ms. */
static int64_t world_next(const struct world *w)
{
    int64_t next = (w->now_ms / 64 + 1) * 64, ahead = w->now_ms % 64 + 1;
    uint64_t ends = ahead < 64 ? w->busy[w->now_ms % WHEEL / 64] >> ahead : 0;
    if (ends != 0)
        next = w->now_ms + 1 + __builtin_ctzll(ends);
    if (w->ready_at_ms > w->now_ms && w->ready_at_ms < next)
        next = w->ready_at_ms;
    return w->other_percent > 0 || w->jobs > 0 ? w->now_ms + 1 : next;
}

static void world_run(struct world *w, int64_t until_ms)
{
    for (; w->now_ms < until_ms; w->now_ms = world_next(w) < until_ms ? world_next(w) : until_ms) {
        if (w->other_percent > 0)
            world_others(w);
        if (w->jobs > 0)
            jobs_come_back(w);
        if (!world_end_due(w) && w->now_ms < w->ready_at_ms)
            continue;
        while ((w->jobs == 0 || w->ready_count > 0) &&
               (w->ready_at_ms = gate_ready_at(w->gate, w->now_ms, &world_any)) == w->now_ms)
            world_start(w);
        if (w->look != NULL)
            w->look(w);
    }
}

/* Until all jobs are done, `most_ms` at most. */
static inline int64_t world_run_jobs(struct world *w, int64_t most_ms)
{
    while (w->jobs_left > 0 && w->now_ms < most_ms)
        world_run(w, w->now_ms + 1);
    return w->now_ms;
}

/* In thousandths: granted, of the limit; refused, of what was sent. Minutes from (inclusive) to (exclusive). */
static int64_t world_used(const struct world *w, int64_t from, int64_t to)
{
    int64_t sum = 0;
    for (int64_t m = from; m < to; m++)
        sum += w->granted[m];
    return sum * 1000 / (w->hidden.per_minute * (to - from));
}

static int64_t world_refused(const struct world *w, int64_t from, int64_t to)
{
    int64_t sent = 0, granted = 0;
    for (int64_t m = from; m < to; m++) {
        sent += w->sent[m];
        granted += w->granted[m];
    }
    return sent > 0 ? (sent - granted) * 1000 / sent : 0;
}

static inline struct gate_state world_state(struct world *w)
{
    struct gate_state s;
    gate_get_state(w->gate, w->now_ms, &s);
    return s;
}

#endif

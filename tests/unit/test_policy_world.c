/* The whole gate and the scheduler's policy through simulated hours: a provider with a rolling window of its own, outages, faults, poison
 * jobs and slow answers; jobs that are retried as policy_decide says. At each start, whatever comes: no limit is exceeded, one probe goes
 * at a time, nobody comes back before the time; and nothing waits that every limiter, asked by itself, would let pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "limit/gate.h"
#include "limit/window.h"
#include "schedule/policy.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };
enum { CONCURRENCY = 100, RPM = 6000, WINDOW = 1500, WINDOW_MS = 20 * SECOND, TPM = 1500000 };

/* ---- a heap of things that happen ---- */

enum kind { READY_AGAIN, ANSWER };
struct event {
    int64_t at_ms, number; /* order of ties */
    enum kind kind;
    int64_t job;
    struct gate_request request;
    struct gate_ticket ticket;
    enum http_outcome http;
    enum answer_class class;
    bool overloaded;
    int64_t retry_after_ms, used;
};

struct events {
    struct event *heap;
    size_t count, capacity;
    int64_t numbered;
};

static bool is_earlier(const struct event *a, const struct event *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->number < b->number;
}

static void push(struct events *e, struct event event)
{
    if (e->count == e->capacity) {
        e->capacity = e->capacity * 2 + 1024;
        e->heap = realloc(e->heap, e->capacity * sizeof *e->heap);
        assert_non_null(e->heap);
    }
    event.number = e->numbered++;
    size_t i = e->count++;
    for (; i > 0 && is_earlier(&event, &e->heap[(i - 1) / 2]); i = (i - 1) / 2)
        e->heap[i] = e->heap[(i - 1) / 2];
    e->heap[i] = event;
}

static struct event pop(struct events *e)
{
    struct event first = e->heap[0], last = e->heap[--e->count];
    size_t i = 0;
    for (size_t child = 1; child < e->count; child = 2 * i + 1) {
        if (child + 1 < e->count && is_earlier(&e->heap[child + 1], &e->heap[child]))
            child++;
        if (!is_earlier(&e->heap[child], &last))
            break;
        e->heap[i] = e->heap[child];
        i = child;
    }
    e->heap[i] = last;
    return first;
}

/* ---- the world ---- */

struct job {
    int64_t attempts, throttles, wait_ms, not_before_ms;
};

struct world {
    struct random random;
    int64_t now_ms, length_ms;
    struct gate *gate;
    struct gate *alone[6]; /* one limiter each */
    size_t n_alone;
    struct events events;
    struct job *jobs;
    int64_t n_jobs, fresh; /* the next that was never sent */
    int64_t *again;        /* ready again, a ring */
    int64_t again_first, again_count;
    struct policy policy;
    struct window theirs; /* the provider's own limit, rolling; told to nobody */
    int64_t outage_from_ms, outage_until_ms;
    int64_t fault_percent;
    int64_t latency_ms; /* at the least; nine times that at the most */
    /* reference */
    int64_t in_flight, starts, done, dead, refused;
    int64_t start_ms[RPM], start_tokens[RPM]; /* the last so many starts, a ring */
    int64_t minute_first, minute_tokens;      /* of starts in the last minute */
    int64_t probes, outage_starts, most_in_flight;
    int64_t paused_until_ms;
};

static struct gate *open_one(const struct gate_options *o)
{
    struct gate *g = NULL;
    assert_int_equal(gate_new(o, 0, &g, NULL), 0);
    return g;
}

static struct gate_options nothing(void)
{
    struct gate_options o;
    gate_options_default(&o);
    o.concurrency = INT64_C(1) << 40;
    o.breaker.percent = 0;
    o.ignore_told = true;
    return o;
}

static void open_gates(struct world *w)
{
    struct gate_options all = nothing(), one = nothing();
    all.concurrency = one.concurrency = CONCURRENCY;
    all.rpm = RPM;
    all.tpm = TPM;
    all.window_count = WINDOW;
    all.window_ms = WINDOW_MS;
    all.breaker.percent = 50;
    w->gate = open_one(&all);
    w->alone[w->n_alone++] = open_one(&one); /* concurrency, and the pause with its ramp by concurrency */
    one = nothing();
    one.rpm = RPM;
    w->alone[w->n_alone++] = open_one(&one);
    one = nothing();
    one.tpm = TPM;
    w->alone[w->n_alone++] = open_one(&one);
    one = nothing();
    one.window_count = WINDOW;
    one.window_ms = WINDOW_MS;
    w->alone[w->n_alone++] = open_one(&one);
    one = nothing();
    one.breaker.percent = 50;
    w->alone[w->n_alone++] = open_one(&one);
}

static struct gate_request request_of(int64_t job)
{
    return (struct gate_request){.prompt_tokens = 50 + job * 37 % 100, .output_tokens = 64};
}

/* What the provider makes of it. */
static void ask_provider(struct world *w, struct event *e)
{
    int64_t now = w->now_ms;
    bool is_down = now >= w->outage_from_ms && now < w->outage_until_ms;
    bool is_slow = random_below(&w->random, 500) == 0;
    e->at_ms = now + w->latency_ms + (int64_t)random_below(&w->random, 9 * (uint64_t)w->latency_ms) +
               (is_slow ? 8 * SECOND : 0);
    e->http = HTTP_OK;
    e->class = ANSWER_SUCCESS;
    e->retry_after_ms = -1;
    e->used = 0;
    if (is_down) {
        e->http = random_below(&w->random, 2) == 0 ? HTTP_RESET : HTTP_OK;
        e->class = ANSWER_TRANSIENT;
    } else if (window_ready_at(&w->theirs, now) > now) {
        e->class = ANSWER_THROTTLED;
        e->retry_after_ms = window_ready_at(&w->theirs, now) - now;
    } else if (e->job % 1000 == 999) {
        e->class = ANSWER_PERMANENT;
    } else if ((int64_t)random_below(&w->random, 100) < w->fault_percent) {
        e->class = ANSWER_TRANSIENT;
    } else {
        e->used = gate_request_tokens(&e->request) - (int64_t)random_below(&w->random, 64);
    }
    if (!is_down && e->class != ANSWER_THROTTLED)
        window_take(&w->theirs, now);
}

/* ---- what must hold at each start ---- */

static void check_start(struct world *w, const struct gate_request *q)
{
    int64_t now = w->now_ms;
    struct gate_state state;
    assert_true(w->in_flight < CONCURRENCY);
    if (w->starts >= WINDOW)
        assert_true(now - w->start_ms[(w->starts - WINDOW) % RPM] >= WINDOW_MS);
    if (w->starts >= RPM)
        assert_true(now - w->start_ms[w->starts % RPM] >= MINUTE);
    while (w->minute_first < w->starts && now - w->start_ms[w->minute_first % RPM] >= MINUTE)
        w->minute_tokens -= w->start_tokens[w->minute_first++ % RPM];
    /* What answers did not use came back: reserved is at most the allowance and what came back, which is less than 64 each. */
    assert_true(w->minute_tokens + gate_request_tokens(q) <= TPM + 64 * (w->starts - w->minute_first));
    assert_true(now >= w->paused_until_ms);
    gate_get_state(w->gate, now, &state);
    assert_true(state.breaker != BREAKER_OPEN);
    if (state.breaker == BREAKER_PROBING)
        assert_int_equal(w->probes++, 0);
    w->start_ms[w->starts % RPM] = now;
    w->start_tokens[w->starts % RPM] = gate_request_tokens(q);
    w->minute_tokens += gate_request_tokens(q);
    w->starts++;
    w->outage_starts += now >= w->outage_from_ms && now < w->outage_until_ms ? 1 : 0;
}

static int64_t next_job(const struct world *w)
{
    if (w->again_count > 0)
        return w->again[w->again_first];
    return w->fresh < w->n_jobs ? w->fresh : -1;
}

static void take_job(struct world *w)
{
    if (w->again_count > 0) {
        w->again_first = (w->again_first + 1) % w->n_jobs;
        w->again_count--;
    } else {
        w->fresh++;
    }
}

/* The latest that any limiter by itself says. */
static int64_t latest_alone(struct world *w, const struct gate_request *q)
{
    int64_t latest = w->now_ms;
    for (size_t i = 0; i < w->n_alone; i++) {
        int64_t at = gate_ready_at(w->alone[i], w->now_ms, q);
        latest = at > latest ? at : latest;
    }
    return latest;
}

static void start(struct world *w, int64_t job, const struct gate_request *q)
{
    struct event e = {.kind = ANSWER, .job = job, .request = *q};
    assert_true(w->now_ms >= w->jobs[job].not_before_ms);
    check_start(w, q);
    e.ticket = gate_take(w->gate, w->now_ms, q);
    for (size_t i = 0; i < w->n_alone; i++) {
        struct gate_ticket own = gate_take(w->alone[i], w->now_ms, q);
        assert_int_equal(own.serial, e.ticket.serial);
        assert_true(i + 1 < w->n_alone || own.breaker_epoch == e.ticket.breaker_epoch);
    }
    w->in_flight++;
    w->most_in_flight = w->in_flight > w->most_in_flight ? w->in_flight : w->most_in_flight;
    ask_provider(w, &e);
    push(&w->events, e);
    take_job(w);
}

/* Starts all that may go now; when the next may, INT64_MAX: after an event. */
static int64_t start_all(struct world *w)
{
    for (;;) {
        int64_t job = next_job(w);
        if (job < 0)
            return INT64_MAX;
        struct gate_request q = request_of(job);
        int64_t at = gate_ready_at(w->gate, w->now_ms, &q);
        assert_int_equal(at > w->now_ms, latest_alone(w, &q) > w->now_ms);
        if (at > w->now_ms) {
            assert_int_equal(at, latest_alone(w, &q));
            return at;
        }
        start(w, job, &q);
    }
}

static void settle(struct world *w, const struct event *e)
{
    struct answer a = {.class = e->class, .usage = USAGE_NOT_SAID, .retry_after_ms = e->retry_after_ms};
    struct gate_outcome o = {.ticket = e->ticket,
                             .health = policy_health(e->http, &a),
                             .used_tokens = e->used,
                             .answered = e->http == HTTP_OK,
                             .throttled = e->class == ANSWER_THROTTLED,
                             .retry_after_ms = e->retry_after_ms};
    gate_settle(w->gate, w->now_ms, &o);
    for (size_t i = 0; i < w->n_alone; i++)
        gate_settle(w->alone[i], w->now_ms, &o);
    if (o.throttled && w->now_ms + o.retry_after_ms > w->paused_until_ms)
        w->paused_until_ms = w->now_ms + o.retry_after_ms;
    w->in_flight--;
    w->probes = 0;
    struct job *j = &w->jobs[e->job];
    struct claimed_job history = {.attempts = j->attempts, .throttles = j->throttles, .wait_ms = j->wait_ms};
    struct decision d = policy_decide(&w->policy, &history, &a, false, &w->random);
    j->attempts = d.attempts;
    j->throttles = d.throttles;
    j->wait_ms = d.wait_ms;
    w->refused += o.throttled ? 1 : 0;
    w->done += d.move == OUTCOME_DONE ? 1 : 0;
    w->dead += d.move == OUTCOME_DEAD ? 1 : 0;
    if (d.move != OUTCOME_WAIT)
        return;
    assert_true(d.wait_ms >= e->retry_after_ms);
    j->not_before_ms = w->now_ms + d.wait_ms;
    push(&w->events, (struct event){.at_ms = j->not_before_ms, .kind = READY_AGAIN, .job = e->job});
}

static void live(struct world *w)
{
    int64_t gate_at = start_all(w);
    while (w->now_ms < w->length_ms && (w->events.count > 0 || gate_at < INT64_MAX)) {
        bool is_event = w->events.count > 0 && w->events.heap[0].at_ms <= gate_at;
        w->now_ms = is_event ? w->events.heap[0].at_ms : gate_at;
        if (is_event) {
            struct event e = pop(&w->events);
            if (e.kind == ANSWER)
                settle(w, &e);
            else
                w->again[(w->again_first + w->again_count++) % w->n_jobs] = e.job;
        }
        gate_at = start_all(w);
    }
}

static struct world *world_new(uint64_t seed, int64_t jobs, int64_t their_window)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    random_seed(&w->random, seed);
    w->n_jobs = jobs;
    w->length_ms = INT64_MAX / 4;
    w->latency_ms = 50;
    w->outage_from_ms = w->outage_until_ms = -1;
    w->jobs = calloc((size_t)jobs, sizeof *w->jobs);
    w->again = calloc((size_t)jobs, sizeof *w->again);
    assert_true(w->jobs != NULL && w->again != NULL);
    assert_int_equal(window_init(&w->theirs, their_window, MINUTE), 0);
    w->policy = (struct policy){.max_attempts = 5,
                                .max_throttles = 50,
                                .max_retry_after_ms = 15 * MINUTE,
                                .backoff = {1000, 60000, 2, JITTER_FULL}};
    open_gates(w);
    return w;
}

static void world_free(struct world *w)
{
    gate_free(w->gate);
    for (size_t i = 0; i < w->n_alone; i++)
        gate_free(w->alone[i]);
    window_free(&w->theirs);
    free(w->events.heap);
    free(w->jobs);
    free(w->again);
    free(w);
}

/* Window and requests per minute allow 4,500 a minute. */
static void all_limits_hold_through_hours_and_every_job_ends(void **state)
{
    enum { JOBS = 400000 };
    struct world *w = world_new(1, JOBS, 100000);
    (void)state;
    w->fault_percent = 3;
    live(w);
    assert_int_equal(w->done + w->dead, JOBS);
    assert_true(w->dead >= JOBS / 1000 && w->dead <= JOBS / 1000 + 10);
    assert_int_equal(w->refused, 0);
    assert_true(w->now_ms > 80 * MINUTE);
    /* 98 % of what the tightest limit allows was used until the last had to wait for their retries. */
    assert_true(w->starts * MINUTE >=
                (w->now_ms - 2 * MINUTE) * (INT64_C(60) * WINDOW / (WINDOW_MS / SECOND)) / 100 * 98);
    world_free(w);
}

/* Answers take five seconds: what is in flight binds. */
static void a_slow_provider_is_held_by_concurrency(void **state)
{
    enum { JOBS = 30000 };
    struct world *w = world_new(4, JOBS, 100000);
    (void)state;
    w->latency_ms = SECOND;
    w->fault_percent = 10;
    live(w);
    assert_int_equal(w->most_in_flight, CONCURRENCY);
    assert_int_equal(w->done + w->dead, JOBS);
    world_free(w);
}

/* The provider's own limit is lower, and it says when to come back: 2,000 a minute, rolling. */
static void a_provider_that_names_waits_is_asked_in_no_pause_and_buries_nobody(void **state)
{
    enum { JOBS = 60000 };
    struct world *w = world_new(2, JOBS, 2000);
    (void)state;
    live(w);
    assert_int_equal(w->done + w->dead, JOBS);
    assert_int_equal(w->dead, JOBS / 1000);
    assert_true(w->refused > 0);
    assert_true(w->starts < 2 * JOBS);
    world_free(w);
}

/* Everything fails for ten minutes: a handful of probes go, no job is buried for it but the few whose attempts were out at first, and when it is
 * over the ramp brings them back. */
static void an_outage_costs_probes_and_comes_back_in_steps(void **state)
{
    enum { JOBS = 120000 };
    struct world *w = world_new(3, JOBS, 100000);
    (void)state;
    w->outage_from_ms = 5 * MINUTE;
    w->outage_until_ms = 15 * MINUTE;
    w->length_ms = w->outage_until_ms;
    live(w);
    /* Those that were out or went until half of the last answers were faults, then one for each cool-down of up to a minute. */
    assert_true(w->outage_starts <= 4 * CONCURRENCY + 10 + 10 * 60 / 5);
    int64_t before = w->starts;
    w->length_ms = w->outage_until_ms + 61 * SECOND; /* the longest cool-down, then the probe */
    live(w);
    int64_t first_ms = w->start_ms[before % RPM];
    int64_t first_second = 0;
    struct gate_state s;
    for (int64_t i = before; i < w->starts; i++)
        first_second +=
            w->start_ms[i % RPM] >= first_ms + 500 && w->start_ms[i % RPM] < first_ms + 1500 ? 1 : 0;
    assert_true(w->starts > before);
    assert_true(first_second <= CONCURRENCY / 8 * 20); /* an eighth at once, 50 ms each at the least */
    w->length_ms = INT64_MAX / 4;
    live(w);
    gate_get_state(w->gate, w->now_ms, &s);
    assert_int_equal(s.breaker, BREAKER_CLOSED);
    assert_int_equal(w->done + w->dead, JOBS);
    assert_true(w->dead <= JOBS / 1000 + 5);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_limits_hold_through_hours_and_every_job_ends),
        cmocka_unit_test(a_slow_provider_is_held_by_concurrency),
        cmocka_unit_test(a_provider_that_names_waits_is_asked_in_no_pause_and_buries_nobody),
        cmocka_unit_test(an_outage_costs_probes_and_comes_back_in_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

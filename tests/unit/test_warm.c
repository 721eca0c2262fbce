/* Warm restart in simulated time: a run that keeps limits is killed at any moment and begun again after any gap, with another monotonic
 * clock, and a wall clock that may have gone back. No limit is exceeded over the whole of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "longhaul.h"
#include "schedule/warm.h"

enum { STARTS_MOST = 40000, HEARTBEAT_MS = 5000, SAVE_MS = 5000 };

struct world {
    struct random r;
    struct gate_options options;
    int64_t time_ms;     /* the true time */
    int64_t wall_off_ms; /* what the wall clock shows, less that */
    int64_t base_ms;     /* what the monotonic clock of this process shows, less that */
    struct gate *gate;   /* of the process that runs */
    char *saved;         /* the checkpoint that is committed; owned; NULL: none */
    int64_t heartbeat_ms;
    int64_t attempts; /* in the store, as the next run finds it */
    int64_t known;    /* as this run found it */
    int64_t *starts, n;
    int64_t run_starts; /* of this process */
};

static int64_t below(struct world *w, int64_t n)
{
    return (int64_t)random_below(&w->r, (uint64_t)n);
}

static int64_t now(const struct world *w)
{
    return w->time_ms + w->base_ms;
}

static int64_t wall(const struct world *w)
{
    return w->time_ms + w->wall_off_ms;
}

static void save(struct world *w)
{
    struct strbuf b;
    strbuf_init(&b);
    struct warm_now s = {.now_ms = now(w),
                         .wall_ms = wall(w),
                         .sends = w->known + w->run_starts,
                         .most_tokens = 10,
                         .server = "s"};
    warm_save(w->gate, &s, &b);
    free(w->saved);
    w->saved = strbuf_take(&b);
    assert_non_null(w->saved);
}

static bool load_text(struct gate *g, const struct warm_past *p, int64_t now_ms, int64_t wall_ms,
                      const char *text)
{
    json_object *saved = text != NULL ? json_tokener_parse(text) : NULL;
    bool loaded = warm_load(g, p, now_ms, wall_ms, "s", saved);
    json_object_put(saved);
    return loaded;
}

static void begin(struct world *w)
{
    lh_error err = {0};
    w->base_ms = below(w, 1000000) - w->time_ms; /* a machine that was just started */
    assert_int_equal(gate_new(&w->options, now(w), &w->gate, &err), 0);
    struct warm_past past = {.attempts = w->attempts, .last_seen_ms = w->heartbeat_ms};
    assert_int_equal(load_text(w->gate, &past, now(w), wall(w), w->saved), w->saved != NULL);
    w->known = w->attempts;
    w->run_starts = 0;
    w->heartbeat_ms = wall(w);
    save(w);
}

/* Works for `span_ms` as a run does; each request ends at once. Every save is on the disk a moment later, or not at all. */
static void work(struct world *w, int64_t span_ms)
{
    const struct gate_request q = {.prompt_tokens = 10};
    const struct gate_outcome good = {.used_tokens = 10, .retry_after_ms = -1};
    int64_t end = w->time_ms + span_ms, next_save = w->time_ms + SAVE_MS;
    while (w->time_ms < end && w->n < STARTS_MOST) {
        int64_t at = gate_ready_at(w->gate, now(w), &q) - w->base_ms;
        int64_t idle = below(w, 4) == 0 ? below(w, 500) : 0;
        at = at > w->time_ms + idle ? at : w->time_ms + idle;
        if (at >= next_save && next_save < end) {
            w->time_ms = next_save;
            next_save += SAVE_MS;
            w->heartbeat_ms = wall(w);
            if (below(w, 4) != 0) /* else the commit fails */
                save(w);
            continue;
        }
        w->time_ms = at < end ? at : end;
        if (at >= end || gate_ready_at(w->gate, now(w), &q) > now(w))
            continue;
        struct gate_ticket ticket = gate_take(w->gate, now(w), &q);
        struct gate_outcome o = good;
        o.ticket = ticket;
        gate_settle(w->gate, now(w), &o);
        w->starts[w->n++] = w->time_ms;
        w->run_starts++;
    }
}

static void end_run(struct world *w, bool killed)
{
    if (!killed)
        save(w);
    w->attempts = w->known + w->run_starts + (killed ? below(w, 3) : 0); /* claims in hand are lost as well */
    gate_free(w->gate);
    w->gate = NULL;
}

static void open_world(struct world *w, uint64_t seed)
{
    *w = (struct world){.wall_off_ms = INT64_C(1700000000000), .heartbeat_ms = LH_UNKNOWN};
    w->starts = malloc(STARTS_MOST * sizeof *w->starts);
    assert_non_null(w->starts);
    random_seed(&w->r, seed);
    gate_options_default(&w->options);
}

static void close_world(struct world *w)
{
    free(w->saved);
    free(w->starts);
}

static void no_window_is_exceeded_over_kills_and_restarts(void **state)
{
    (void)state;
    enum { ROUNDS = 40, RUNS = 25 };
    int64_t all = 0;
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        struct world w;
        open_world(&w, seed);
        w.options.window_count = 1 + below(&w, 60);
        w.options.window_ms = 1 + below(&w, 60000);
        for (int run = 0; run < RUNS; run++) {
            begin(&w);
            work(&w, 1 + below(&w, 20000));
            end_run(&w, below(&w, 4) != 0);
            w.time_ms += below(&w, 3) == 0 ? below(&w, 2 * w.options.window_ms) : below(&w, 50);
            if (below(&w, 10) == 0)
                w.wall_off_ms -= below(&w, 100000);
        }
        all += w.n;
        for (int64_t i = w.options.window_count; i < w.n; i++)
            assert_true(w.starts[i] - w.starts[i - w.options.window_count] >= w.options.window_ms);
        close_world(&w);
    }
    assert_true(all > ROUNDS * RUNS);
}

/* Cautious, but not idle: after a clean stop the window opens when its oldest start leaves, a span later at most; and long after a kill all of
 * it is free. */
static void a_restart_costs_no_more_than_it_must(void **state)
{
    (void)state;
    enum { COUNT = 100, WINDOW_MS = 60000, SPAN_MS = WINDOW_MS / 1024 + 1 };
    const struct gate_request q = {.prompt_tokens = 10};
    struct world w;
    open_world(&w, 5);
    w.options.window_count = COUNT;
    w.options.window_ms = WINDOW_MS;
    w.options.concurrency = 1000;
    begin(&w);
    work(&w, 40000);
    assert_int_equal(w.n, COUNT);
    end_run(&w, false);
    w.time_ms += 3000;
    begin(&w);
    int64_t ready = gate_ready_at(w.gate, now(&w), &q) - w.base_ms;
    assert_in_range(ready, w.starts[0] + WINDOW_MS, w.starts[0] + WINDOW_MS + SPAN_MS);
    w.time_ms = ready;
    work(&w, 7000);
    end_run(&w, true);
    w.time_ms += WINDOW_MS + 15000;
    begin(&w);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(gate_ready_at(w.gate, now(&w), &q), now(&w));
        gate_take(w.gate, now(&w), &q);
    }
    gate_free(w.gate);
    close_world(&w);
}

static struct gate *window_gate(void)
{
    struct gate_options o;
    struct gate *g = NULL;
    gate_options_default(&o);
    o.window_count = 10;
    o.window_ms = 60000;
    assert_int_equal(gate_new(&o, 1000, &g, NULL), 0);
    return g;
}

static const char full_window[] = "{\"saved_at\":5000,\"server\":\"s\",\"sends\":7,\"most_tokens\":1,"
                                  "\"gate\":{\"window\":{\"starts\":[[0,10]]}}}";

static void what_another_server_knew_is_no_limit_of_this_one(void **state)
{
    (void)state;
    const struct gate_request q = {.prompt_tokens = 1};
    const struct warm_past past = {.attempts = 100, .last_seen_ms = 6000};
    struct gate *g = window_gate();
    json_object *saved = json_tokener_parse(full_window);
    assert_false(warm_load(g, &past, 1000, 6000, "other", saved));
    assert_int_equal(gate_ready_at(g, 1000, &q), 1000);
    assert_true(warm_load(g, &past, 1000, 6000, "s", saved));
    assert_int_equal(gate_ready_at(g, 1000, &q), 61000); /* what went after the save may have gone just now */
    json_object_put(saved);
    gate_free(g);
}

static void a_clock_that_went_back_counts_as_no_time(void **state)
{
    (void)state;
    const struct gate_request q = {.prompt_tokens = 1};
    const struct warm_past past = {.attempts = 7, .last_seen_ms = 5000};
    struct gate *g = window_gate();
    assert_true(load_text(g, &past, 1000, 4000, full_window));
    assert_int_equal(gate_ready_at(g, 1000, &q), 61000);
    gate_free(g);
    g = window_gate();
    assert_true(load_text(g, &past, 1000, 25000, full_window));
    assert_int_equal(gate_ready_at(g, 1000, &q), 41000); /* and one that goes on does */
    gate_free(g);
}

/* Whatever stands there, a run begins within the window, the longest pause and the longest cool-down. */
static void hostile_checkpoints_do_no_harm(void **state)
{
    (void)state;
    static const char *const hostile[] = {
        "null",
        "[]",
        "7",
        "{}",
        "{\"server\":\"s\"}",
        "{\"saved_at\":\"x\",\"server\":\"s\"}",
        "{\"saved_at\":-9223372036854775808,\"server\":\"s\",\"gate\":{}}",
        "{\"saved_at\":0,\"server\":\"s\",\"sends\":-9223372036854775808,\"most_tokens\":-1,\"gate\":7}",
        "{\"saved_at\":9223372036854775807,\"server\":\"s\",\"sends\":0,\"most_tokens\":9223372036854775807,"
        "\"gate\":{\"window\":[],\"pause\":null,\"breaker\":\"open\"}}",
        "{\"saved_at\":1000000,\"server\":\"s\",\"gate\":{\"window\":{\"starts\":[[0,9223372036854775807],"
        "[-9223372036854775808,-5],[9223372036854775807,3],\"x\",[],[1],{},null,[0,9223372036854775807]]},"
        "\"pause\":{\"left_ms\":9223372036854775807,\"ramp_ms\":9223372036854775807,\"started\":-7},"
        "\"breaker\":{\"state\":\"open\",\"left_ms\":9223372036854775807,\"cool_ms\":9223372036854775807,"
        "\"usual\":9223372036854775807}}}",
        "{\"saved_at\":1000000,\"server\":\"s\",\"gate\":{\"window\":{\"starts\":{\"a\":1}},"
        "\"pause\":{\"left_ms\":-9223372036854775808,\"ramp_ms\":-9223372036854775808,\"started\":"
        "9223372036854775807},\"breaker\":{\"state\":\"open\",\"left_ms\":-9223372036854775808,\"cool_ms\":"
        "-9223372036854775808,\"usual\":-9223372036854775808}}}",
        "{\"saved_at\":1000000,\"server\":\"s\",\"gate\":{\"breaker\":{\"state\":\"ajar\"},\"pause\":{}}}",
    };
    const struct gate_request q = {.prompt_tokens = 1000};
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        struct gate_options o;
        struct gate *g = NULL;
        struct warm_past past = {.attempts = INT64_MAX, .last_seen_ms = INT64_MIN};
        gate_options_default(&o);
        o.rpm = 600;
        o.tpm = 600000;
        o.window_count = 10;
        o.window_ms = 60000;
        assert_int_equal(gate_new(&o, 50, &g, NULL), 0);
        load_text(g, &past, 50, 1000000, hostile[i]);
        assert_in_range(gate_ready_at(g, 50, &q), 50, 50 + o.pause_most_ms + 1000);
        int64_t later = 50 + o.pause_most_ms + 1000;
        assert_int_equal(gate_ready_at(g, later, &q), later);
        gate_free(g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_window_is_exceeded_over_kills_and_restarts),
        cmocka_unit_test(a_restart_costs_no_more_than_it_must),
        cmocka_unit_test(what_another_server_knew_is_no_limit_of_this_one),
        cmocka_unit_test(a_clock_that_went_back_counts_as_no_time),
        cmocka_unit_test(hostile_checkpoints_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

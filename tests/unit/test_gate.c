/* The gate in simulated time: no rolling minute above the allowance, and nearly all of it used. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/random.h"
#include "limit/backoff.h"
#include "limit/gate.h"

enum { STARTS = 20000 };

/* Starts as fast as the gate lets them; times[i] is when. */
static void run_gate(const struct gate_options *o, int64_t tokens, int64_t *times)
{
    struct gate *g = NULL;
    int64_t now = 1000;
    assert_int_equal(gate_new(o, now, &g, NULL), 0);
    for (int i = 0; i < STARTS; i++) {
        int64_t at = gate_ready_at(g, now, tokens);
        assert_true(at >= now && at != INT64_MAX);
        now = at;
        assert_int_equal(gate_ready_at(g, now, tokens), now);
        gate_take(g, now, tokens);
        const struct gate_outcome done = {
            .reserved_tokens = tokens, .used_tokens = tokens, .retry_after_ms = -1};
        gate_settle(g, now, &done);
        times[i] = now;
    }
    gate_free(g);
}

static int most_in_any(const int64_t *times, int64_t span_ms)
{
    int most = 0;
    for (int i = 0, first = 0; i < STARTS; i++) {
        while (times[i] - times[first] >= span_ms)
            first++;
        most = i - first + 1 > most ? i - first + 1 : most;
    }
    return most;
}

static void no_rolling_minute_exceeds_the_requests_told(void **state)
{
    (void)state;
    static const int64_t rates[] = {7, 60, 500, 9999};
    int64_t *times = calloc(STARTS, sizeof *times);
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        struct gate_options o;
        gate_options_default(&o);
        o.rpm = rates[i];
        run_gate(&o, 1, times);
        assert_true(most_in_any(times, 60000) <= rates[i]);
        double used = (double)(STARTS - 1) * 60000 / (double)(times[STARTS - 1] - times[0]);
        assert_true(used >= 0.98 * (double)rates[i] || rates[i] < 60);
    }
    free(times);
}

static void no_rolling_minute_exceeds_the_tokens_told(void **state)
{
    (void)state;
    int64_t *times = calloc(STARTS, sizeof *times);
    struct gate_options o;
    gate_options_default(&o);
    o.tpm = 90000;
    run_gate(&o, 300, times);
    assert_true(most_in_any(times, 60000) * 300 <= 90000);
    free(times);
}

static void a_window_is_exact(void **state)
{
    (void)state;
    int64_t *times = calloc(STARTS, sizeof *times);
    struct gate_options o;
    gate_options_default(&o);
    o.window_count = 10;
    o.window_ms = 3000;
    run_gate(&o, 1, times);
    assert_int_equal(most_in_any(times, 3000), 10);
    free(times);
}

static void a_request_larger_than_the_bucket_passes_and_leaves_debt(void **state)
{
    (void)state;
    struct gate *g = NULL;
    struct gate_options o;
    gate_options_default(&o);
    o.tpm = 6000;
    assert_int_equal(gate_new(&o, 0, &g, NULL), 0);
    assert_int_equal(gate_ready_at(g, 0, 3000), 0);
    gate_take(g, 0, 3000);
    assert_true(gate_ready_at(g, 0, 1) > 25000);
    gate_free(g);
}

static void a_pause_holds_all_and_concurrency_the_rest(void **state)
{
    (void)state;
    struct gate *g = NULL;
    struct gate_options o;
    gate_options_default(&o);
    o.concurrency = 1;
    assert_int_equal(gate_new(&o, 0, &g, NULL), 0);
    gate_take(g, 0, 1);
    assert_true(gate_ready_at(g, 0, 1) == INT64_MAX);
    const struct gate_outcome refused = {.used_tokens = 0, .throttled = true, .retry_after_ms = 700};
    gate_settle(g, 100, &refused);
    assert_int_equal(gate_ready_at(g, 100, 1), 800);
    gate_free(g);
}

static void backoff_stays_in_its_bounds(void **state)
{
    (void)state;
    struct random r;
    random_seed(&r, 3);
    for (int kind = JITTER_FULL; kind <= JITTER_NONE; kind++) {
        const struct backoff b = {.initial_ms = 100, .max_ms = 5000, .base = 2, .jitter = (enum jitter)kind};
        int64_t previous = 0;
        for (int64_t failures = 1; failures < 2000; failures++) {
            int64_t wait = backoff_wait_ms(&b, failures, previous, -1, &r);
            assert_true(wait >= 0 && wait <= 5000);
            previous = wait;
            int64_t asked = backoff_wait_ms(&b, failures, previous, 9000, &r);
            assert_true(asked >= 9000 && asked <= 9900);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_rolling_minute_exceeds_the_requests_told),
        cmocka_unit_test(no_rolling_minute_exceeds_the_tokens_told),
        cmocka_unit_test(a_window_is_exact),
        cmocka_unit_test(a_request_larger_than_the_bucket_passes_and_leaves_debt),
        cmocka_unit_test(a_pause_holds_all_and_concurrency_the_rest),
        cmocka_unit_test(backoff_stays_in_its_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

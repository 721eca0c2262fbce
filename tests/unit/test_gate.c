/* The gate: its limiters together, what it says of itself, and what it refuses to be made of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "limit/gate.h"

/* A request of so many tokens; alive until the end of the calling block. */
#define of(tokens) (&(struct gate_request){.prompt_tokens = (tokens)})

static struct gate *open_gate(const struct gate_options *o)
{
    struct gate *g = NULL;
    lh_error err = {0};
    assert_int_equal(gate_new(o, 0, &g, &err), 0);
    return g;
}

static struct gate_options defaults(void)
{
    struct gate_options o;
    gate_options_default(&o);
    return o;
}

static void end(struct gate *g, int64_t now_ms)
{
    struct gate_outcome o = {.used_tokens = -1, .retry_after_ms = -1};
    gate_settle(g, now_ms, &o);
}

static struct gate_state look(struct gate *g, int64_t now_ms)
{
    struct gate_state s;
    gate_get_state(g, now_ms, &s);
    return s;
}

static void no_more_than_concurrency_are_in_flight(void **state)
{
    struct gate_options o = defaults();
    (void)state;
    o.concurrency = 3;
    struct gate *g = open_gate(&o);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(gate_ready_at(g, 0, of(1)), 0);
        gate_take(g, 0, of(1));
    }
    assert_true(gate_ready_at(g, 0, of(1)) == INT64_MAX);
    assert_int_equal(look(g, 0).binding, GATE_CONCURRENCY);
    assert_int_equal(look(g, 0).in_flight, 3);
    end(g, 5);
    assert_int_equal(gate_ready_at(g, 5, of(1)), 5);
    assert_int_equal(look(g, 5).binding, GATE_NONE);
    gate_free(g);
}

static void a_throttle_pauses_every_start_for_the_longest_wait_asked_for(void **state)
{
    struct gate_options o = defaults();
    struct gate_outcome long_wait = {.used_tokens = 0, .throttled = true, .retry_after_ms = 3000};
    struct gate_outcome short_wait = {.used_tokens = 0, .throttled = true, .retry_after_ms = 100};
    struct gate_outcome other = {.used_tokens = 0, .throttled = false, .retry_after_ms = 90000};
    (void)state;
    struct gate *g = open_gate(&o);
    for (int i = 0; i < 3; i++)
        gate_take(g, 0, of(1));
    gate_settle(g, 1000, &long_wait);
    gate_settle(g, 1100, &short_wait);
    gate_settle(g, 1100, &other);
    assert_int_equal(gate_ready_at(g, 1100, of(1)), 4000);
    assert_int_equal(look(g, 1100).binding, GATE_PAUSE);
    assert_int_equal(look(g, 1100).paused_until_ms, 4000);
    assert_int_equal(gate_ready_at(g, 4000, of(1)), 4000);
    assert_int_equal(look(g, 4000).paused_until_ms, 0);
    gate_free(g);
}

static void an_endless_pause_is_not_taken_for_a_full_gate(void **state)
{
    struct gate_options o = defaults();
    struct gate_outcome endless = {.used_tokens = 0, .throttled = true, .retry_after_ms = INT64_MAX};
    (void)state;
    struct gate *g = open_gate(&o);
    gate_take(g, 0, of(1));
    gate_settle(g, 1000, &endless);
    assert_true(gate_ready_at(g, 1000, of(1)) == INT64_MAX - 1);
    gate_free(g);
}

static void unused_tokens_come_back_and_overuse_is_paid_later(void **state)
{
    struct gate_options o = defaults();
    (void)state;
    o.tpm = 120000; /* a full bucket holds 1,000; 1,980 flow in each second */
    struct gate *g = open_gate(&o);
    struct gate_ticket t = gate_take(g, 0, of(1000));
    assert_int_equal(look(g, 0).tokens_available, 0);
    gate_settle(g, 0, &(struct gate_outcome){.ticket = t, .used_tokens = 400, .retry_after_ms = -1});
    assert_int_equal(look(g, 0).tokens_available, 600);
    t = gate_take(g, 0, of(600));
    gate_settle(g, 0, &(struct gate_outcome){.ticket = t, .used_tokens = 2580, .retry_after_ms = -1});
    assert_int_equal(look(g, 0).tokens_available, -1980);
    assert_in_range(gate_ready_at(g, 0, of(1)), 1000, 1001);
    t = gate_take(g, 5000, of(700));
    gate_settle(g, 5000, &(struct gate_outcome){.ticket = t, .used_tokens = -1, .retry_after_ms = -1});
    assert_int_equal(look(g, 5000).tokens_available, 300); /* not known: the reservation stands */
    gate_free(g);
}

static void a_request_larger_than_the_bucket_passes_and_the_next_waits(void **state)
{
    struct gate_options o = defaults();
    (void)state;
    o.tpm = 6000;
    struct gate *g = open_gate(&o);
    assert_int_equal(gate_ready_at(g, 0, of(100000)), 0);
    gate_take(g, 0, of(100000));
    assert_true(gate_ready_at(g, 0, of(1)) > 16 * 60000);
    assert_int_equal(look(g, 0).binding, GATE_TPM);
    gate_free(g);
}

static void what_was_not_told_is_not_limited(void **state)
{
    struct gate_options o = defaults();
    (void)state;
    o.concurrency = INT64_MAX;
    struct gate *g = open_gate(&o);
    for (int i = 0; i < 100000; i++) {
        assert_int_equal(gate_ready_at(g, 0, of(INT64_MAX)), 0);
        gate_take(g, 0, of(INT64_MAX));
    }
    struct gate_state s = look(g, 0);
    assert_int_equal(s.requests_available, -1);
    assert_true(s.tokens_available == INT64_MIN);
    assert_int_equal(s.tightest_per_second_milli, 0);
    gate_free(g);
}

static void the_ceiling_is_that_of_the_tightest_limit(void **state)
{
    struct gate_options o = defaults();
    (void)state;
    o.rpm = 6000;
    struct gate *g = open_gate(&o);
    assert_int_equal(look(g, 0).tightest_per_second_milli,
                     99000); /* of 100 a second, a hundredth is kept back */
    gate_free(g);
    o.window_count = 5;
    o.window_ms = 1000;
    g = open_gate(&o);
    assert_int_equal(look(g, 0).tightest_per_second_milli, 5000);
    gate_free(g);
}

/* All limits at once, random traffic: what the gate says may go does go, at the time it says, and each bound holds. */
static void together_the_limits_all_hold(void **state)
{
    struct random r;
    int64_t now = 0, in_flight = 0, starts[20] = {0}, n = 0;
    struct gate_options o = defaults();
    (void)state;
    random_seed(&r, 1);
    o.concurrency = 8;
    o.rpm = 1200;
    o.tpm = 200000;
    o.window_count = 20;
    o.window_ms = 1500;
    struct gate *g = open_gate(&o);
    for (int i = 0; i < 200000; i++) {
        int64_t tokens = 1 + (int64_t)random_below(&r, 500), at = gate_ready_at(g, now, of(tokens));
        assert_int_equal(look(g, now).binding == GATE_NONE, at == now);
        if (in_flight > 0 && (at == INT64_MAX || random_below(&r, 2) == 0)) {
            struct gate_outcome out = {.used_tokens = -1, .retry_after_ms = -1};
            gate_settle(g, now, &out);
            in_flight--;
            continue;
        }
        assert_true(at >= now && at < INT64_MAX);
        assert_int_equal(gate_ready_at(g, at, of(tokens)), at);
        now = at;
        gate_take(g, now, of(tokens));
        assert_true(++in_flight <= 8);
        assert_true(n < 20 || now - starts[n % 20] >= 1500);
        starts[n++ % 20] = now;
    }
    assert_true(n > 1000 && n * 60000 <= now * 1200 + 60000 * 20);
    gate_free(g);
}

/* One request has gone and was answered well; the answer tells that nothing remains of 6,000. When may the next go? */
static int64_t wait_after_told_none_remains(int64_t rpm, int64_t limit, bool refused_before)
{
    struct gate_options o;
    struct gate *g = NULL;
    struct told_limits told;
    struct gate_request q = {0};
    gate_options_default(&o);
    o.rpm = rpm;
    told_limits_none(&told);
    told.any = true;
    told.of[TOLD_REQUESTS] = (struct told_limit){limit, 0, 60000, 60000};
    assert_int_equal(gate_new(&o, 0, &g, NULL), 0);
    for (int64_t now = 0; now < 30; now += 10) {
        bool refused = refused_before && now == 0;
        struct gate_outcome out = {.ticket = gate_take(g, now, &q),
                                   .answered = true,
                                   .throttled = refused,
                                   .used_tokens = -1,
                                   .used_input = -1,
                                   .used_output = -1,
                                   .retry_after_ms = -1,
                                   .told = &told};
        gate_settle(g, now + 1, &out);
    }
    int64_t wait_ms = gate_ready_at(g, 21, &q) - 21;
    gate_free(g);
    return wait_ms;
}

static void who_gave_a_limit_has_it_to_himself_until_a_refusal(void **state)
{
    (void)state;
    assert_int_equal(wait_after_told_none_remains(6000, 6000, false), 0);
    assert_int_equal(wait_after_told_none_remains(5000, 6000, false), 0);
    assert_true(wait_after_told_none_remains(6001, 6000, false) > 0);
    assert_true(wait_after_told_none_remains(0, 6000, false) > 0);
    assert_true(wait_after_told_none_remains(6000, 6000, true) > 0);
}

static void what_is_in_the_window_is_told(void **state)
{
    (void)state;
    struct gate_options o;
    struct gate *g = NULL;
    struct gate_state s;
    struct gate_request q = {0};
    gate_options_default(&o);
    o.window_count = 5;
    o.window_ms = 1000;
    assert_int_equal(gate_new(&o, 0, &g, NULL), 0);
    for (int64_t now = 0; now < 300; now += 100)
        gate_take(g, now, &q);
    const int64_t used[][2] = {{250, 3}, {999, 3}, {1000, 2}, {1100, 1}, {1199, 1}, {1200, 0}, {9999, 0}};
    for (size_t i = 0; i < sizeof used / sizeof *used; i++) {
        gate_get_state(g, used[i][0], &s);
        assert_int_equal(s.window_used, used[i][1]);
    }
    assert_int_equal(s.window_count, 5);
    assert_int_equal(s.window_ms, 1000);
    gate_free(g);
}

static void senseless_options_are_refused_by_name(void **state)
{
    static const struct {
        struct gate_options o;
        const char *named;
    } bad[] = {
        {{.concurrency = 0}, "concurrency"},
        {{.concurrency = 1, .rpm = -1}, "rpm"},
        {{.concurrency = 1, .rpm = INT64_MAX}, "rpm"},
        {{.concurrency = 1, .tpm = -5}, "tpm"},
        {{.concurrency = 1, .rpm = 1, .burst_ms = 30001}, "burst"},
        {{.concurrency = 1, .burst_ms = -1}, "burst"},
        {{.concurrency = 1, .window_count = 5}, "window"},
        {{.concurrency = 1, .window_ms = 5}, "window"},
        {{.concurrency = 1, .window_count = -5, .window_ms = 1000}, "window"},
        {{.concurrency = 1, .window_count = INT64_MAX, .window_ms = 1000}, "window"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct gate *g = NULL;
        lh_error err = {0};
        assert_int_equal(gate_new(&bad[i].o, 0, &g, &err), LH_EUSAGE);
        assert_null(g);
        assert_non_null(strstr(err.message, bad[i].named));
    }
}

static void every_limiter_has_a_name(void **state)
{
    (void)state;
    for (int i = GATE_CONCURRENCY; i <= GATE_PAUSE; i++)
        assert_true(strlen(gate_limiter_name((enum gate_limiter)i)) > 3);
    assert_string_equal(gate_limiter_name(GATE_NONE), "");
    gate_free(NULL);
}

/* Saves, and loads into a gate of the same options on a clock that begins at 0, `age_ms` later. */
static struct gate *restarted(const struct gate_options *o, struct gate *g, int64_t now_ms, int64_t age_ms)
{
    struct strbuf b;
    strbuf_init(&b);
    gate_save(g, now_ms, &b);
    json_object *saved = json_tokener_parse(b.data);
    assert_true(json_is_object(saved));
    strbuf_free(&b);
    gate_free(g);
    g = open_gate(o);
    gate_load(g, 0, age_ms, saved);
    json_object_put(saved);
    return g;
}

/* 64 at once, of which all fail: the breaker opens at 1000 for 5 s. */
static struct gate *broken_gate(const struct gate_options *o)
{
    struct gate *g = open_gate(o);
    struct gate_outcome fault = {.health = BREAKER_FAULT, .used_tokens = -1, .retry_after_ms = -1};
    for (int i = 0; i < 64; i++)
        fault.ticket = gate_take(g, 1000, of(1));
    for (int i = 0; i < 64; i++)
        gate_settle(g, 1000, &fault);
    assert_int_equal(look(g, 1000).breaker, BREAKER_OPEN);
    return g;
}

static void an_open_breaker_stays_open_over_a_restart_and_comes_back_in_steps(void **state)
{
    struct gate_options o = defaults();
    (void)state;
    o.concurrency = 64;
    struct gate *g = restarted(&o, broken_gate(&o), 2000, 1500);
    assert_int_equal(gate_ready_at(g, 0, of(1)), 2500); /* 4 s were left, 1.5 went by */
    assert_int_equal(look(g, 0).breaker, BREAKER_OPEN);
    struct gate_outcome good = {.health = BREAKER_GOOD, .used_tokens = -1, .retry_after_ms = -1};
    good.ticket = gate_take(g, 2500, of(1));
    assert_true(gate_ready_at(g, 2500, of(1)) == INT64_MAX); /* one probe */
    gate_settle(g, 2500, &good);
    for (int i = 0; i < 8; i++) { /* an eighth of what was usual */
        assert_int_equal(gate_ready_at(g, 2500, of(1)), 2500);
        gate_take(g, 2500, of(1));
    }
    assert_int_equal(gate_ready_at(g, 2500, of(1)), 4500);
    g = restarted(&o, g, 2600, 0); /* in the middle of its return: a probe again */
    gate_take(g, 0, of(1));
    assert_true(gate_ready_at(g, 0, of(1)) == INT64_MAX);
    gate_free(g);
}

static void a_breaker_that_was_open_yesterday_is_closed(void **state)
{
    enum { DAY_MS = 86400000 };
    struct gate_options o = defaults();
    (void)state;
    o.concurrency = 64;
    struct gate *g = restarted(&o, broken_gate(&o), 2000, DAY_MS - 1);
    assert_int_equal(look(g, 0).breaker, BREAKER_PROBING);
    gate_free(g);
    g = restarted(&o, broken_gate(&o), 2000, DAY_MS);
    assert_int_equal(look(g, 0).breaker, BREAKER_CLOSED);
    gate_free(g);
}

static void what_went_after_the_save_is_taken_off_and_is_not_in_flight(void **state)
{
    struct gate_options o = defaults();
    (void)state;
    o.rpm = 6000;   /* a full bucket holds 50 */
    o.tpm = 120000; /* 1,000 */
    struct gate *g = open_gate(&o);
    gate_spend(g, 0, 3, of(100));
    assert_int_equal(look(g, 0).requests_available, 47);
    assert_int_equal(look(g, 0).tokens_available, 700);
    assert_int_equal(look(g, 0).in_flight, 0);
    gate_spend(g, 0, 10000000, of(100));
    assert_int_equal(look(g, 0).requests_available, 0);
    assert_int_equal(look(g, 0).tokens_available, 0);
    gate_spend(g, 0, 0, of(100));
    gate_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_more_than_concurrency_are_in_flight),
        cmocka_unit_test(a_throttle_pauses_every_start_for_the_longest_wait_asked_for),
        cmocka_unit_test(an_endless_pause_is_not_taken_for_a_full_gate),
        cmocka_unit_test(unused_tokens_come_back_and_overuse_is_paid_later),
        cmocka_unit_test(a_request_larger_than_the_bucket_passes_and_the_next_waits),
        cmocka_unit_test(what_was_not_told_is_not_limited),
        cmocka_unit_test(the_ceiling_is_that_of_the_tightest_limit),
        cmocka_unit_test(together_the_limits_all_hold),
        cmocka_unit_test(who_gave_a_limit_has_it_to_himself_until_a_refusal),
        cmocka_unit_test(what_is_in_the_window_is_told),
        cmocka_unit_test(senseless_options_are_refused_by_name),
        cmocka_unit_test(every_limiter_has_a_name),
        cmocka_unit_test(an_open_breaker_stays_open_over_a_restart_and_comes_back_in_steps),
        cmocka_unit_test(a_breaker_that_was_open_yesterday_is_closed),
        cmocka_unit_test(what_went_after_the_save_is_taken_off_and_is_not_in_flight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

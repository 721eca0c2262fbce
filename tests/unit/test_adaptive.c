/* The adaptive rate, step by step; what it reaches against hidden limits stands in test_hidden_limits.c. Rates are micro-requests a
 * second. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "limit/gate.h"

#define ONE INT64_C(1000000) /* a request a second */

struct client {
    struct adaptive a;
    int64_t serial;
};

static struct adaptive_options mode(enum adaptive_mode m)
{
    struct adaptive_options o;
    adaptive_options_default(&o);
    o.mode = m;
    return o;
}

static struct client open_client(const struct adaptive_options *o)
{
    struct client c = {.serial = 0};
    adaptive_init(&c.a, o, 0);
    return c;
}

static struct adaptive_start start(struct client *c, int64_t now_ms)
{
    adaptive_take(&c->a, now_ms, ++c->serial);
    return (struct adaptive_start){.serial = c->serial, .started_ms = now_ms};
}

/* So many of the last starts that nobody takes it for chance. */
enum { DENSE = 27 };

static void refuse_last(struct client *c, int64_t now_ms)
{
    for (int64_t i = 0; i < DENSE; i++) {
        struct adaptive_start s = {.serial = c->serial - DENSE + 1 + i, .started_ms = now_ms};
        adaptive_throttled(&c->a, now_ms, &s, -1);
    }
}

/* Asks each ms as the gate does, with nothing else in the way, and starts what may. */
static int64_t run(struct client *c, int64_t from_ms, int64_t until_ms)
{
    int64_t started = 0;
    assert_false(c->a.open); /* it would start without end */
    for (int64_t now = from_ms; now < until_ms; now++) {
        int64_t at = 0;
        while ((at = adaptive_ready_at(&c->a, now)) == now) {
            start(c, now);
            started++;
        }
        adaptive_bound(&c->a, now, at);
    }
    return started;
}

static void auto_is_open_until_the_first_refusal(void **state)
{
    struct adaptive_options o = mode(ADAPTIVE_AUTO);
    (void)state;
    struct client c = open_client(&o);
    for (int i = 0; i < 100000; i++) {
        assert_int_equal(adaptive_ready_at(&c.a, 5), 5);
        start(&c, 5);
    }
    refuse_last(&c, 7);
    start(&c, 7);
    assert_true(adaptive_ready_at(&c.a, 7) >= 7);
    assert_false(c.a.open);
}

/* One in two, with grants in between. None was granted, whatever it was. */
static void scattered_refusals_leave_it_open(void **state)
{
    struct adaptive_options o = mode(ADAPTIVE_AUTO);
    struct adaptive_start s[200];
    (void)state;
    struct client c = open_client(&o);
    for (int i = 0; i < 200; i++)
        s[i] = start(&c, 61000);
    for (int i = 0; i < 200; i += 2)
        adaptive_throttled(&c.a, 61001, &s[i], -1);
    assert_true(c.a.open);
    assert_int_equal(cells_sum(&c.a.granted, 61001, 1), 100);
    adaptive_throttled(&c.a, 61002, &s[1], -1);
    assert_true(c.a.open);
}

/* 200 starts in two seconds, the last 27 refused: 173 granted in the last two are 86.5 a second, and the cut halves that. */
static void the_first_refusals_start_at_half_of_what_was_granted(void **state)
{
    struct adaptive_options o = mode(ADAPTIVE_AUTO);
    (void)state;
    struct client c = open_client(&o);
    for (int64_t now = 60000; now < 62000; now += 10)
        start(&c, now);
    refuse_last(&c, 61999);
    assert_int_equal(c.a.rate, 173 * ONE / 2 / 2);
    assert_int_equal(c.a.next_limit, 173 * ONE / 60); /* what the last minute granted */
}

/* 27 of 100 are refused when it is measured; the rest of them is no news, and three of what started after the cut are. */
static void refusals_of_what_started_before_the_cut_are_no_news(void **state)
{
    struct adaptive_options o = mode(ADAPTIVE_AUTO);
    struct adaptive_start s[100];
    (void)state;
    struct client c = open_client(&o);
    for (int i = 0; i < 100; i++)
        s[i] = start(&c, 1000);
    for (int i = 0; i < 80; i++)
        adaptive_throttled(&c.a, 1050 + i, &s[99 - i], -1);
    assert_int_equal(c.a.rate, 73 * ONE / 2 / 2);
    struct adaptive_start news = start(&c, 1200);
    adaptive_throttled(&c.a, 1250, &news, -1);
    assert_int_equal(c.a.rate, 73 * ONE / 2 / 2 / 2);
}

/* One in ten of a hundred a second is refused, whatever the rate: nothing is held back for ten seconds, then three quarters of what is
 * granted are sent until four more were refused, then all again. */
static void chance_is_tried_once_and_put_up_with_then(void **state)
{
    struct adaptive_options o = mode(ADAPTIVE_AUTO);
    int64_t now = 0, held = 0, longest = 0;
    (void)state;
    struct client c = open_client(&o);
    for (; now < 120000; now += 10) {
        held = c.a.open ? 0 : held + 10;
        longest = held > longest ? held : longest;
        assert_true(c.a.open || now >= 10000);
        assert_true(c.a.open || c.a.rate >= 60 * ONE);
        if (adaptive_ready_at(&c.a, now) > now)
            continue;
        struct adaptive_start s = start(&c, now);
        if (c.serial % 10 == 0)
            adaptive_throttled(&c.a, now, &s, -1);
    }
    assert_true(c.a.open);
    assert_in_range(longest, 300, 800); /* four tens at 67 a second */
    assert_int_equal(c.a.limit, 0);
}

/* A bucket that lets 60 of a hundred a second pass: nothing is refused once less is sent, so what was granted is the limit. */
static void refusals_that_end_with_the_rate_are_a_limit(void **state)
{
    struct adaptive_options o = mode(ADAPTIVE_AUTO);
    (void)state;
    struct client c = open_client(&o);
    for (int64_t now = 0; now < 20000; now += 10) {
        if (adaptive_ready_at(&c.a, now) > now)
            continue;
        struct adaptive_start s = start(&c, now);
        if (c.a.open && c.serial % 5 < 2)
            adaptive_throttled(&c.a, now, &s, -1);
    }
    assert_false(c.a.open);
    assert_in_range(c.a.limit, 54 * ONE, 60 * ONE); /* of the ten seconds the last is not over */
    run(&c, 20000, 23000);
    assert_in_range(c.a.rate, c.a.limit / 100 * 94, c.a.limit);
}

/* × 1.1 in the time of four requests, which shrinks as the rate grows: 1 / (1 − ln 1.1) after what was the time of four. From four a
 * second on it is × 1.1 in a second. */
static void on_starts_slowly_and_grows_by_a_tenth(void **state)
{
    struct adaptive_options o = mode(ADAPTIVE_ON);
    (void)state;
    struct client c = open_client(&o);
    assert_int_equal(c.a.rate, ONE);
    run(&c, 0, 4000);
    assert_in_range(c.a.rate, 1104000, 1106000); /* 1.1053 */
    o.initial_rpm = 6000;
    c = open_client(&o);
    run(&c, 0, 10000);
    assert_in_range(c.a.rate, 257000000, 261000000); /* 100 · 1.1¹⁰ = 259.4 */
}

static void additive_grows_by_the_step_each_second(void **state)
{
    struct adaptive_options o = mode(ADAPTIVE_ON);
    (void)state;
    o.additive = true;
    o.step_rpm = 30;
    o.initial_rpm = 600;
    struct client c = open_client(&o);
    run(&c, 0, 20001);
    assert_int_equal(c.a.rate, 20 * ONE);
}

static void what_flows_is_the_rate_and_no_more(void **state)
{
    struct adaptive_options o = mode(ADAPTIVE_ON);
    (void)state;
    o.initial_rpm = o.max_rpm = 6000;
    struct client c = open_client(&o);
    assert_in_range(run(&c, 0, 60000), 6000, 6001); /* a full bucket holds one */
}

/* Held back by something else, asked as often: not tried, so not grown. */
static void the_rate_stays_while_it_is_not_what_binds(void **state)
{
    struct adaptive_options o = mode(ADAPTIVE_ON);
    (void)state;
    struct client c = open_client(&o);
    for (int64_t now = 0; now < 600000; now += 5)
        adaptive_ready_at(&c.a, now);
    assert_int_equal(c.a.rate, ONE);

    struct gate_options g;
    struct gate_state s;
    struct gate *gate = NULL;
    const struct gate_request request = {.prompt_tokens = 1};
    gate_options_default(&g);
    g.adaptive = o;
    g.rpm = 30; /* half of where it starts */
    assert_int_equal(gate_new(&g, 0, &gate, NULL), 0);
    for (int64_t now = 0; now < 600000; now++)
        while (gate_ready_at(gate, now, &request) == now) {
            struct gate_outcome good = {.ticket = gate_take(gate, now, &request), .retry_after_ms = -1};
            gate_settle(gate, now, &good);
        }
    gate_get_state(gate, 600000, &s);
    assert_int_equal(s.adaptive_rate_milli, 1000);
    assert_int_equal(s.binding, GATE_RPM);
    gate_free(gate);
}

/* Learns a limit of 100 a second: open at 100 a second for a minute, then refused until the cut, one granted after it, and a second of
 * patience. Refused ones are those of the burst at its end, that was not granted. */
static struct client learned(const struct adaptive_options *o)
{
    struct client c = open_client(o);
    for (int64_t now = 0; now < 60000; now += 10)
        start(&c, now);
    for (int i = 0; i < DENSE; i++)
        start(&c, 60000);
    refuse_last(&c, 60000);
    run(&c, 60000, 62000);
    assert_false(c.a.in_episode);
    c.a.slow = false;
    return c;
}

static void after_an_episode_the_rate_is_back_at_95_percent_in_two_seconds(void **state)
{
    struct adaptive_options o = mode(ADAPTIVE_AUTO);
    (void)state;
    struct client c = learned(&o);
    int64_t limit = c.a.limit;
    assert_in_range(limit, 98 * ONE, 100 * ONE);
    run(&c, 62000, 63100);
    assert_in_range(c.a.rate, limit / 100 * 94, limit / 100 * 96);
    run(&c, 63100, 63100 + 60000); /* the cube is flat where it meets the limit */
    assert_in_range(c.a.rate, limit / 1000 * 999, limit / 1000 * 1001);
    run(&c, 123100, 123100 + 60000); /* and as long again: 5 % above */
    assert_in_range(c.a.rate, limit / 100 * 104, limit / 100 * 106);
}

/* The same with a pause of 20 s in the middle. All that may count of it is what it began in: the wait for one request, and as much
 * lateness as the bucket makes good. */
static void a_pause_does_not_count_as_time_of_growth(void **state)
{
    struct adaptive_options o = mode(ADAPTIVE_AUTO);
    (void)state;
    struct client plain = learned(&o), paused = plain;
    run(&plain, 62000, 90000);
    run(&paused, 62000, 70000);
    run(&paused, 90000, 110000);
    assert_in_range(paused.a.clock_ms, plain.a.clock_ms, plain.a.clock_ms + 10 + 10);
}

/* In the gate: a refusal that names 20 s pauses it, and the rate cuts once; then the pause and not the rate is what binds. */
static void a_refusal_with_a_wait_pauses_and_cuts_once(void **state)
{
    struct gate_options g;
    struct gate_state s;
    struct gate *gate = NULL;
    struct gate_ticket tickets[40];
    const struct gate_request request = {.prompt_tokens = 1};
    (void)state;
    gate_options_default(&g);
    g.adaptive = mode(ADAPTIVE_AUTO);
    assert_int_equal(gate_new(&g, 0, &gate, NULL), 0);
    for (int i = 0; i < 40; i++)
        tickets[i] = gate_take(gate, 1500, &request);
    for (int i = 0; i < 40; i++) {
        struct gate_outcome o = {.ticket = tickets[i], .throttled = true, .retry_after_ms = 20000};
        gate_settle(gate, 1600, &o);
    }
    assert_int_equal(gate_ready_at(gate, 1600, &request), 21600);
    gate_get_state(gate, 1600, &s);
    assert_int_equal(s.binding, GATE_PAUSE);
    assert_true(s.adaptive_triggered);
    assert_int_equal(s.adaptive_rate_milli, (40 - DENSE) * 1000 / 2 / 2);
    gate_free(gate);
}

static void who_was_not_reached_refused_nothing(void **state)
{
    struct gate_options g;
    struct gate_state s;
    struct gate *gate = NULL;
    const struct gate_request request = {.prompt_tokens = 1};
    (void)state;
    gate_options_default(&g);
    g.adaptive = mode(ADAPTIVE_AUTO);
    assert_int_equal(gate_new(&g, 0, &gate, NULL), 0);
    for (int i = 0; i < 100; i++) {
        struct gate_outcome o = {.ticket = gate_take(gate, i, &request),
                                 .health = BREAKER_FAULT,
                                 .throttled = true,
                                 .unreachable = true,
                                 .retry_after_ms = 1};
        gate_settle(gate, i, &o);
    }
    gate_get_state(gate, 1000, &s);
    assert_false(s.adaptive_triggered);
    assert_int_equal(s.adaptive_rate_milli, 0);
    gate_free(gate);
}

/* They are the breaker's. */
static void faults_change_nothing(void **state)
{
    struct gate_options g;
    struct gate_state before, after;
    struct gate *gate = NULL;
    const struct gate_request request = {.prompt_tokens = 1};
    (void)state;
    gate_options_default(&g);
    g.adaptive = mode(ADAPTIVE_ON);
    g.breaker.percent = 0;
    assert_int_equal(gate_new(&g, 0, &gate, NULL), 0);
    gate_get_state(gate, 0, &before);
    for (int i = 0; i < 100; i++) {
        struct gate_outcome o = {
            .ticket = gate_take(gate, 0, &request), .health = BREAKER_FAULT, .retry_after_ms = -1};
        gate_settle(gate, 0, &o);
    }
    gate_get_state(gate, 0, &after);
    assert_true(before.adaptive_rate_milli > 0);
    assert_int_equal(after.adaptive_rate_milli, before.adaptive_rate_milli);
    gate_free(gate);
}

/* Whatever comes, in any order and with any times: within bounds, and the limit is one. */
static void the_rate_never_leaves_its_bounds(void **state)
{
    static const struct {
        int64_t min, max;
    } bounds[] = {{0, 0}, {1, 1}, {60, 120}, {0, 100}, {1000, 0}, {ADAPTIVE_MOST_RPM, ADAPTIVE_MOST_RPM}};
    struct random r;
    (void)state;
    random_seed(&r, 7);
    for (size_t k = 0; k < sizeof bounds / sizeof *bounds; k++)
        for (int additive = 0; additive < 2; additive++) {
            struct adaptive_options o = mode(k % 2 == 0 ? ADAPTIVE_ON : ADAPTIVE_AUTO);
            o.min_rpm = bounds[k].min;
            o.max_rpm = bounds[k].max;
            o.additive = additive != 0;
            o.step_rpm = ADAPTIVE_MOST_RPM;
            struct client c = open_client(&o);
            int64_t now = 0, least = o.min_rpm > 1 ? o.min_rpm : 1,
                    most = o.max_rpm > 0 ? o.max_rpm : ADAPTIVE_MOST_RPM;
            for (int i = 0; i < 20000; i++) {
                struct adaptive_start s = start(&c, now);
                now += (int64_t)random_below(&r, random_below(&r, 50) == 0 ? 10000000 : 40);
                int64_t at = adaptive_ready_at(&c.a, now);
                assert_true(at >= now && at < INT64_MAX / 2);
                adaptive_bound(&c.a, now, at);
                if (random_below(&r, 10) < 3)
                    adaptive_throttled(&c.a, now, &s, random_below(&r, 9) == 0 ? INT64_MAX : -1);
                assert_in_range(c.a.rate, least * ONE / 60, most * ONE / 60);
                assert_in_range(c.a.limit, 0, ADAPTIVE_MOST_RPM * ONE / 60);
            }
        }
}

/* After an hour the limit is a guess: growth from there is by a tenth and not by the cube, and after a day it is forgotten. */
static void what_was_learned_fades(void **state)
{
    struct adaptive_options o = mode(ADAPTIVE_AUTO);
    (void)state;
    for (int hours = 0; hours < 3; hours += 2) {
        struct client c = open_client(&o);
        adaptive_restore(&c.a, 0, hours * 3600 * 1000, 95 * ONE, 100 * ONE, false);
        assert_int_equal(c.a.rate, 95 * ONE);
        run(&c, 0, 12000);
        if (hours == 0)
            assert_in_range(c.a.rate, 95 * ONE, 98 * ONE);
        else
            assert_true(c.a.rate > 150 * ONE);
    }
    struct client c = open_client(&o);
    adaptive_restore(&c.a, 0, 25 * 3600 * 1000, 95 * ONE, 100 * ONE, false);
    assert_true(c.a.open);
}

static void a_mode_has_a_name_and_a_name_a_mode(void **state)
{
    enum adaptive_mode m = ADAPTIVE_OFF;
    (void)state;
    assert_true(adaptive_mode_from_name("on", &m) && m == ADAPTIVE_ON);
    assert_true(adaptive_mode_from_name("auto", &m) && m == ADAPTIVE_AUTO);
    assert_true(adaptive_mode_from_name("off", &m) && m == ADAPTIVE_OFF);
    assert_false(adaptive_mode_from_name("AUTO", &m) || adaptive_mode_from_name("", &m));
    assert_string_equal(adaptive_mode_name(ADAPTIVE_AUTO), "auto");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(auto_is_open_until_the_first_refusal),
        cmocka_unit_test(scattered_refusals_leave_it_open),
        cmocka_unit_test(chance_is_tried_once_and_put_up_with_then),
        cmocka_unit_test(refusals_that_end_with_the_rate_are_a_limit),
        cmocka_unit_test(the_first_refusals_start_at_half_of_what_was_granted),
        cmocka_unit_test(refusals_of_what_started_before_the_cut_are_no_news),
        cmocka_unit_test(on_starts_slowly_and_grows_by_a_tenth),
        cmocka_unit_test(additive_grows_by_the_step_each_second),
        cmocka_unit_test(what_flows_is_the_rate_and_no_more),
        cmocka_unit_test(the_rate_stays_while_it_is_not_what_binds),
        cmocka_unit_test(after_an_episode_the_rate_is_back_at_95_percent_in_two_seconds),
        cmocka_unit_test(a_pause_does_not_count_as_time_of_growth),
        cmocka_unit_test(a_refusal_with_a_wait_pauses_and_cuts_once),
        cmocka_unit_test(who_was_not_reached_refused_nothing),
        cmocka_unit_test(faults_change_nothing),
        cmocka_unit_test(the_rate_never_leaves_its_bounds),
        cmocka_unit_test(what_was_learned_fades),
        cmocka_unit_test(a_mode_has_a_name_and_a_name_a_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

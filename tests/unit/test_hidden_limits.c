/* The gate against providers that refuse by a limit they do not tell, in simulated time: what is used of the limit, what is refused,
 * and what the gate has learned. The rate is asked for by as many clients at once as the concurrency allows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hidden_world.h"

static const char *const names[] = {"bucket of 1 s", "bucket of 60 s", "rolling minute", "fixed minute"};

static struct gate_options options(int64_t concurrency)
{
    struct gate_options o;
    gate_options_default(&o);
    o.concurrency = concurrency;
    o.adaptive.mode = ADAPTIVE_AUTO;
    return o;
}

/* How often the limit learned changed, and when it was first within a tenth of the hidden one; whether it stayed. */
struct learning {
    int64_t limit_milli, changes, found_after, outside, looks;
};

static struct learning learning;

static bool is_within_a_tenth(const struct world *w, int64_t limit_milli)
{
    int64_t per_minute = limit_milli * 60 / 1000;
    return per_minute * 10 >= w->hidden.per_minute * 9 && per_minute * 10 <= w->hidden.per_minute * 11;
}

static void look(struct world *w)
{
    int64_t limit = world_state(w).adaptive_limit_milli;
    learning.changes += limit != learning.limit_milli ? 1 : 0;
    learning.limit_milli = limit;
    if (learning.found_after == 0 && limit > 0 && is_within_a_tenth(w, limit))
        learning.found_after = learning.changes;
    if (w->now_ms < 600000)
        return;
    learning.looks++;
    learning.outside += is_within_a_tenth(w, limit) ? 0 : 1;
}

struct case_ {
    int64_t per_minute, concurrency, latency_ms, minutes;
};

static void say(const struct world *w, const char *what, int64_t value)
{
    fail_msg("%s of %lld/min: %s is %lld", names[w->hidden.kind], (long long)w->hidden.per_minute, what,
             (long long)value);
}

static void assert_used_and_not_refused(const struct world *w, int64_t from, int64_t to)
{
    int64_t used = world_used(w, from, to), refused = world_refused(w, from, to);
    if (used < 850)
        say(w, "used (of 1,000)", used);
    if (refused >= (w->hidden.per_minute >= 300 ? 30 : 50)) /* few starts, and each episode costs some */
        say(w, "refused (of 1,000)", refused);
}

/* From a cold start, all minutes but the first five; the refusals of the first five are few where there are many
 * requests to learn by. What is learned is within a tenth after nine changes, and stays there nearly always. */
static void check_steady(const struct case_ *c, enum hidden_kind kind)
{
    struct gate_options o = options(c->concurrency);
    static struct world w;
    world_open(&w, &o, kind, c->per_minute, (uint64_t)(c->per_minute + kind));
    w.latency_ms = c->latency_ms;
    w.look = look;
    learning = (struct learning){0};
    world_run(&w, c->minutes * 60000);
    assert_used_and_not_refused(&w, 5, c->minutes);
    if (c->per_minute >= 600 && world_refused(&w, 0, c->minutes) >= 30)
        say(&w, "refused from the start (of 1,000)", world_refused(&w, 0, c->minutes));
    if (learning.found_after == 0 || learning.found_after > 9)
        say(&w, "changes until the limit was known", learning.found_after);
    /* A fixed minute lets up to twice its limit pass across its turn, which is what is measured now and then; a full bucket of a minute
     * is tried for long before it refuses. */
    int64_t percent = kind == HIDDEN_FIXED_60S ? 25 : kind == HIDDEN_BUCKET_60S ? 10 : 5;
    if (learning.outside * 100 > learning.looks * percent)
        say(&w, "share of time at which it was forgotten (of 1,000)",
            learning.outside * 1000 / learning.looks);
    world_close(&w);
}

static void sixty_a_minute_are_found(void **state)
{
    static const struct case_ cases[] = {{60, 50, 500, 30}, {60, 200, 10000, 30}};
    (void)state;
    for (size_t i = 0; i < 2; i++)
        for (int kind = 0; kind < HIDDEN_KINDS; kind++)
            check_steady(&cases[i], (enum hidden_kind)kind);
}

static void six_hundred_a_minute_are_found(void **state)
{
    static const struct case_ cases[] = {{600, 50, 500, 30}, {600, 200, 10000, 30}};
    (void)state;
    for (size_t i = 0; i < 2; i++)
        for (int kind = 0; kind < HIDDEN_KINDS; kind++)
            check_steady(&cases[i], (enum hidden_kind)kind);
}

static void six_thousand_a_minute_are_found(void **state)
{
    static const struct case_ some = {6000, 2000, 10000, 30};
    (void)state;
    check_steady(&some, HIDDEN_BUCKET_1S);
    check_steady(&some, HIDDEN_ROLLING_60S);
}

static void a_limit_that_halves_and_doubles_is_found_again(void **state)
{
    (void)state;
    for (int kind = 0; kind < HIDDEN_KINDS; kind++) {
        struct gate_options o = options(50);
        static struct world w;
        world_open(&w, &o, (enum hidden_kind)kind, 600, (uint64_t)kind + 21);
        world_run(&w, 15 * 60000);
        w.hidden.per_minute = 300;
        world_run(&w, 30 * 60000);
        assert_used_and_not_refused(&w, 18, 30);
        w.hidden.per_minute = 600;
        world_run(&w, 50 * 60000);
        assert_used_and_not_refused(&w, 36, 50);
        world_close(&w);
    }
}

/* It takes half of the limit for ten minutes and is gone again. */
static void another_client_is_made_room_for(void **state)
{
    (void)state;
    for (int kind = 0; kind < HIDDEN_KINDS; kind++) {
        struct gate_options o = options(50);
        static struct world w;
        world_open(&w, &o, (enum hidden_kind)kind, 600, (uint64_t)kind + 31);
        world_run(&w, 10 * 60000);
        w.other_percent = 50;
        world_run(&w, 20 * 60000);
        w.other_percent = 0;
        world_run(&w, 35 * 60000);
        if (world_used(&w, 13, 20) < 500 * 850 / 1000)
            say(&w, "used beside another (of 1,000)", world_used(&w, 13, 20));
        if (world_refused(&w, 13, 20) >= 30)
            say(&w, "refused beside another (of 1,000)", world_refused(&w, 13, 20));
        assert_used_and_not_refused(&w, 26, 35);
        world_close(&w);
    }
}

static void on_grows_into_the_limit(void **state)
{
    (void)state;
    for (int kind = 0; kind < HIDDEN_KINDS; kind++) {
        struct gate_options o = options(50);
        static struct world w;
        o.adaptive.mode = ADAPTIVE_ON;
        world_open(&w, &o, (enum hidden_kind)kind, 600, (uint64_t)kind + 41);
        world_run(&w, 30 * 60000);
        assert_used_and_not_refused(&w, 5, 30);
        assert_true(world_refused(&w, 0, 30) < 30);
        world_close(&w);
    }
}

/* The step is a hundredth of the limit each second. */
static void additive_finds_a_limit_that_fits_its_step(void **state)
{
    (void)state;
    for (int kind = 0; kind < HIDDEN_KINDS; kind++) {
        struct gate_options o = options(50);
        static struct world w;
        o.adaptive.additive = true;
        world_open(&w, &o, (enum hidden_kind)kind, 600, (uint64_t)kind + 51);
        world_run(&w, 30 * 60000);
        assert_used_and_not_refused(&w, 5, 30);
        world_close(&w);
    }
}

/* Refusals that say how long to wait: the pause and the rate do not learn from each other. */
static void told_waits_change_nothing_of_it(void **state)
{
    (void)state;
    for (int kind = 0; kind < HIDDEN_KINDS; kind++) {
        struct gate_options o = options(50);
        static struct world w;
        world_open(&w, &o, (enum hidden_kind)kind, 600, (uint64_t)kind + 61);
        w.tells_wait = true;
        world_run(&w, 30 * 60000);
        assert_used_and_not_refused(&w, 5, 30);
        world_close(&w);
    }
}

/* So many in a hundred are refused by chance, beside the limit, and one in a hundred fails: a representative few of what
 * tests/bench/adaptive_sweep.c looks at. */
static void chance_does_not_slow_it_to_a_crawl(void **state)
{
    static const int64_t per_10000[] = {20, 100, 200, 500};
    (void)state;
    for (int kind = 0; kind < HIDDEN_KINDS; kind++) {
        struct gate_options o = options(1000);
        static struct world w;
        world_open(&w, &o, (enum hidden_kind)kind, 6000, (uint64_t)kind + 71);
        w.noise_per_10000 = per_10000[kind];
        w.fault_per_10000 = 100;
        world_run(&w, 15 * 60000);
        if (world_used(&w, 5, 15) < 850)
            say(&w, "used (of 1,000)", world_used(&w, 5, 15));
        if (world_refused(&w, 5, 15) >= 30 + per_10000[kind] / 10)
            say(&w, "refused (of 1,000)", world_refused(&w, 5, 15));
        world_close(&w);
    }
}

static int64_t unlimited_ms(enum adaptive_mode mode, int64_t jobs, int64_t concurrency, int64_t per_10000)
{
    struct gate_options o = options(concurrency);
    static struct world w;
    o.adaptive.mode = mode;
    world_open(&w, &o, HIDDEN_BUCKET_60S, 1, (uint64_t)per_10000);
    w.hidden.per_minute = INT64_C(1000000000000);
    w.hidden.level = INT64_MAX / 4;
    w.latency_ms = w.refusal_ms = 100;
    w.noise_per_10000 = per_10000;
    w.noise_wait_ms = 250;
    world_set_jobs(&w, jobs);
    int64_t took_ms = world_run_jobs(&w, 600000);
    assert_int_equal(w.jobs_left, 0);
    world_close(&w);
    return took_ms;
}

/* Percent of the time that the same jobs take without the adaptive rate, at most. */
static void without_a_limit_chance_costs_little(void **state)
{
    static const struct {
        int64_t jobs, concurrency, per_10000, percent;
    } cases[] = {{2000, 50, 100, 130},  {2000, 200, 100, 130}, {2000, 50, 500, 130}, {2000, 200, 500, 130},
                 {2000, 50, 1000, 130}, {300, 50, 3000, 300},  {300, 50, 4000, 300}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t off = unlimited_ms(ADAPTIVE_OFF, cases[i].jobs, cases[i].concurrency, cases[i].per_10000);
        int64_t automatic =
            unlimited_ms(ADAPTIVE_AUTO, cases[i].jobs, cases[i].concurrency, cases[i].per_10000);
        if (automatic * 100 > off * cases[i].percent)
            fail_msg("%lld of 10,000 refused by chance: %lld ms instead of %lld",
                     (long long)cases[i].per_10000, (long long)automatic, (long long)off);
    }
}

static void all_refused_is_no_grant(void **state)
{
    struct gate_options o = options(50);
    static struct world w;
    (void)state;
    world_open(&w, &o, HIDDEN_FIXED_60S, 600, 1);
    w.hidden.per_minute = 0;
    world_run(&w, 10 * 60000);
    assert_in_range(world_state(&w).adaptive_limit_milli, 0, 17); /* the least there is: one a minute */
    assert_true(w.sent[9] <= 60);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sixty_a_minute_are_found),
        cmocka_unit_test(six_hundred_a_minute_are_found),
        cmocka_unit_test(six_thousand_a_minute_are_found),
        cmocka_unit_test(a_limit_that_halves_and_doubles_is_found_again),
        cmocka_unit_test(another_client_is_made_room_for),
        cmocka_unit_test(on_grows_into_the_limit),
        cmocka_unit_test(additive_finds_a_limit_that_fits_its_step),
        cmocka_unit_test(told_waits_change_nothing_of_it),
        cmocka_unit_test(chance_does_not_slow_it_to_a_crawl),
        cmocka_unit_test(without_a_limit_chance_costs_little),
        cmocka_unit_test(all_refused_is_no_grant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Told limits: what one answer may change, and what it may not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "limit/gate.h"
#include "limit/told.h"

enum { BURST = 500, MINUTE = 60000, HOUR = 3600000, DAY = 24 * HOUR };

static int64_t serial;

static struct told fresh(void)
{
    struct told t;
    told_init(&t, BURST, 0);
    return t;
}

static struct told_reading say(int64_t limit, int64_t remaining, int64_t full_ms, int64_t period_ms)
{
    return (struct told_reading){
        .said = {limit, remaining, full_ms, period_ms}, .serial = ++serial, .good = true};
}

/* A limit that was told often enough to be sure. */
static struct told told_of(int64_t limit, int64_t period_ms)
{
    struct told t = fresh();
    for (int i = 0; i < 3; i++) {
        struct told_reading r = say(limit, -1, -1, period_ms);
        told_read(&t, 0, &r);
    }
    return t;
}

static void hear(struct told *t, int64_t now_ms, int64_t limit, int64_t remaining)
{
    struct told_reading r = say(limit, remaining, -1, -1);
    r.started_ms = now_ms;
    r.taken = t->taken;
    told_read(t, now_ms, &r);
}

static int64_t level(struct told_rate *r, int64_t now_ms)
{
    bucket_available(&r->bucket, now_ms);
    return r->bucket.level;
}

static void nothing_holds_until_something_is_told(void **state)
{
    (void)state;
    struct told t = fresh();
    for (int i = 0; i < 1000; i++)
        told_take(&t, 0, 1000);
    assert_int_equal(told_ready_at(&t, 0, INT64_MAX), 0);
    hear(&t, 0, 60, 59);
    assert_int_equal(t.minute.limit, 60);
    told_take(&t, 0, 1);
    assert_true(told_ready_at(&t, 0, 1) > 0);
}

/* 6,000 a minute flow at 5,940, as a hundredth is kept back: 99 micro-… 99 requests a second. */
static void a_level_is_no_more_than_remained_and_flowed_less_what_was_taken(void **state)
{
    (void)state;
    struct told t = fresh();
    hear(&t, 0, 6000, 6000);
    assert_int_equal(level(&t.minute, 0), 50500000); /* half a second and half a request */
    told_take(&t, 0, 1);
    struct told_reading r = say(6000, 5, -1, -1);
    r.started_ms = 0;
    r.taken = t.taken;
    told_take(&t, 100, 2);
    told_read(&t, 100, &r);
    assert_int_equal(level(&t.minute, 100), 5000000 + 9900000 - 2000000);
    hear(&t, 100, 6000, 5000); /* more remains than was reckoned: nothing is raised */
    assert_int_equal(level(&t.minute, 100), 5000000 + 9900000 - 2000000);
}

static void an_answer_that_started_before_the_newest_changes_no_level(void **state)
{
    (void)state;
    struct told t = fresh();
    hear(&t, 0, 6000, 6000);
    struct told_reading old = say(6000, 0, -1, -1);
    hear(&t, 0, 6000, 5999);
    told_read(&t, 0, &old);
    assert_int_equal(level(&t.minute, 0), 50500000);
}

static void a_change_by_more_than_twice_must_be_told_three_times_in_a_row(void **state)
{
    (void)state;
    struct told t = fresh();
    hear(&t, 0, 600, -1);
    hear(&t, 0, 1200, -1);
    assert_int_equal(t.minute.limit, 1200);
    hear(&t, 0, 600, -1);
    assert_int_equal(t.minute.limit, 600);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(t.minute.limit, 600);
        hear(&t, 0, 6000, -1);
    }
    assert_int_equal(t.minute.limit, 6000);
    for (int i = 0; i < 10; i++) { /* never three in a row */
        hear(&t, 0, 10, -1);
        hear(&t, 0, 10, -1);
        hear(&t, 0, 6000, -1);
    }
    assert_int_equal(t.minute.limit, 6000);
}

static void a_limit_of_which_twice_as_much_was_granted_is_a_lie_unless_something_was_refused(void **state)
{
    (void)state;
    struct told t = fresh();
    for (int i = 0; i < 100; i++)
        told_granted(&t, 1000 + i, 1);
    hear(&t, 2000, 49, 48);
    assert_int_equal(t.minute.limit, 0);
    told_refused(&t, 2500);
    hear(&t, 3000, 49, 48);
    assert_int_equal(t.minute.limit, 49);
    struct told later = fresh();
    for (int i = 0; i < 100; i++)
        told_granted(&later, 1000 + i, 1);
    hear(&later, 61000, 49, 48); /* the second in which they were granted is more than a minute ago */
    assert_int_equal(later.minute.limit, 49);
}

static void nothing_remaining_is_believed_three_times_of_good_answers(void **state)
{
    (void)state;
    struct told t = fresh();
    hear(&t, 0, 6000, -1);
    for (int i = 0; i < 3; i++) {
        hear(&t, i * 1000, 6000, 0);
        assert_int_equal(level(&t.minute, i * 1000), 0);
    }
    hear(&t, 10000, 6000, 0);
    assert_true(level(&t.minute, 10000) > 0);
    struct told_reading refused = say(6000, 0, -1, -1);
    refused.started_ms = 11000;
    refused.taken = t.taken;
    refused.good = false;
    told_read(&t, 11000, &refused);
    assert_int_equal(level(&t.minute, 11000), 0);
}

/* As seen: 43,018 tokens left and a reset in 23 h 47 m stop nothing, and are not overspent. */
static void a_limit_told_once_or_twice_holds_nothing_for_longer_than_a_second(void **state)
{
    (void)state;
    struct told t = fresh();
    for (int i = 0; i < 3; i++) {
        int64_t now = 10000 + i * 1000;
        struct told_reading r = say(2, 0, -1, MINUTE);
        r.started_ms = now;
        told_take(&t, now, 1);
        r.taken = t.taken;
        told_read(&t, now, &r);
        if (i < 2)
            assert_int_equal(told_ready_at(&t, now, 1), now + 1000);
        else
            assert_true(told_ready_at(&t, now, 1) > now + 30000);
    }
}

static void a_days_limit_is_a_stock_for_the_day(void **state)
{
    (void)state;
    struct told t = fresh();
    const int64_t full = ((INT64_C(23) * 60 + 47) * 60 + 36) * 1000 + 648;
    for (int i = 0; i < 4; i++) { /* the first is taken for a minute's */
        struct told_reading r = say(200000, 43018, full, -1);
        told_read(&t, 0, &r);
    }
    assert_int_equal(t.day.period_ms, DAY);
    assert_int_equal(t.minute.limit, 0);
    int64_t spent = 0;
    for (; told_ready_at(&t, 0, 100) == 0; spent += 100)
        told_take(&t, 0, 100);
    assert_int_equal(spent, 43000);
    /* 198,000 flow in a day: 82 that are missing take 35.8 s */
    assert_int_equal(told_ready_at(&t, 0, 100), 35782);
}

static void a_days_stock_that_was_filled_up_again_is_seen(void **state)
{
    (void)state;
    struct told t = told_of(1000, DAY);
    struct told_reading r = say(1000, 0, -1, DAY);
    told_read(&t, 0, &r);
    assert_true(told_ready_at(&t, 0, 1) > 80000);
    for (int i = 0; i < 3; i++) {
        assert_true(told_ready_at(&t, 1000, 100) > 1000);
        struct told_reading more = say(1000, 1000, -1, DAY);
        more.started_ms = 1000;
        told_read(&t, 1000, &more);
    }
    assert_int_equal(told_ready_at(&t, 1000, 100), 1000);
}

static void the_period_follows_from_what_is_used_and_the_reset(void **state)
{
    static const struct {
        int64_t limit, used, full_ms, period_ms;
    } cases[] = {
        {14400, 300, 1800000, DAY},   /* Groq: a day's requests, one each six seconds */
        {14400, 30, 180000, MINUTE},  /* the same, but too little is used to tell */
        {10000, 5000, 30000, MINUTE}, /* a bucket of a minute */
        {10000, 200, 59000, MINUTE},  /* a fixed minute that has just begun */
        {1000, 100, HOUR / 10, HOUR}, /* one of an hour */
        {10000, 9999, 50000000, DAY}, /* a day that ends in 14 h */
        {600, 590, 983, MINUTE},      /* a bucket of a second */
        {1000, 0, 86000000, MINUTE},  /* nothing used, and not full: nonsense */
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct told t = fresh();
        for (int k = 0; k < 3; k++) {
            struct told_reading r = say(cases[i].limit, cases[i].limit - cases[i].used, cases[i].full_ms, -1);
            told_read(&t, 0, &r);
        }
        int64_t is_long = cases[i].period_ms >= HOUR;
        assert_int_equal(t.minute.limit, is_long ? 0 : cases[i].limit);
        assert_int_equal(t.day.limit, is_long ? cases[i].limit : 0);
        assert_int_equal((is_long ? &t.day : &t.minute)->period_ms, cases[i].period_ms);
    }
}

static void a_limit_for_a_second_is_as_many_times_more_for_a_minute(void **state)
{
    (void)state;
    struct told t = fresh();
    struct told_reading r = say(10, 9, -1, 1000);
    told_read(&t, 0, &r);
    assert_int_equal(t.minute.limit, 600);
    assert_int_equal(t.minute.period_ms, MINUTE);
}

static void a_limit_that_is_told_no_more_is_forgotten(void **state)
{
    (void)state;
    struct told t = fresh();
    hear(&t, 0, 6, 0);
    hear(&t, 600000, -1, -1);
    assert_int_equal(t.minute.limit, 6);
    hear(&t, 600001, -1, -1);
    assert_int_equal(t.minute.limit, 0);
}

/* Whatever is told, our part of the flow stays between a fiftieth and all of it, and no level is beyond what can be. */
static void the_flow_stays_within_its_bounds_at_the_extremes(void **state)
{
    static const int64_t limits[] = {1, 2, 60, 1000000, TOLD_MOST / 2, TOLD_MOST};
    struct random random;
    (void)state;
    random_seed(&random, 7);
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct told t = told_of(limits[i], MINUTE);
        int64_t now = 0;
        for (int k = 0; k < 5000; k++) {
            now += (int64_t)random_below(&random, k % 100 == 0 ? DAY : 3000);
            told_take(&t, now, 1 + (int64_t)random_below(&random, (uint64_t)limits[i]));
            struct told_reading r =
                say(limits[i], (int64_t)random_below(&random, (uint64_t)limits[i] + 1), -1, MINUTE);
            r.started_ms = now - (int64_t)random_below(&random, (uint64_t)now + 1);
            r.taken = t.taken - (int64_t)random_below(&random, (uint64_t)limits[i]);
            r.good = random_below(&random, 2) == 0;
            told_read(&t, now, &r);
            assert_true(t.minute.bucket.flow <= t.minute.full_flow);
            assert_true(t.minute.bucket.flow >= t.minute.full_flow / 50);
            assert_true(level(&t.minute, now) <= t.minute.bucket.capacity);
            assert_true(told_ready_at(&t, now, 1) >= now);
        }
    }
}

/* ---- over a restart ---- */

static struct told restart(struct told *before, int64_t now_ms, int64_t age_ms)
{
    struct told after = fresh();
    struct strbuf saved;
    strbuf_init(&saved);
    strbuf_append_char(&saved, '{');
    told_save(before, now_ms, &saved);
    strbuf_append_char(&saved, '}');
    json_object *tree = json_tokener_parse(saved.data);
    assert_non_null(tree);
    told_load(&after, 0, age_ms, tree);
    json_object_put(tree);
    strbuf_free(&saved);
    return after;
}

static void a_restart_goes_on_with_the_level_aged_by_the_flow(void **state)
{
    (void)state;
    struct told t = fresh();
    hear(&t, 0, 6000, 6000);
    told_take(&t, 0, 100); /* 50.5 less 100 */
    struct told after = restart(&t, 0, 300);
    assert_int_equal(after.minute.limit, 6000);
    assert_int_equal(after.minute.period_ms, MINUTE);
    assert_int_equal(level(&after.minute, 0), -49500000 + 29700000);
    after = restart(&t, 0, HOUR);
    assert_int_equal(level(&after.minute, 0), 50500000);
    after = restart(&t, 0, 25 * HOUR); /* too old to be believed */
    assert_int_equal(after.minute.limit, 0);
}

static void what_was_edited_is_ignored_or_clamped(void **state)
{
    static const char *const saved[] = {
        "{}",
        "{\"minute\":[],\"day\":3}",
        "{\"minute\":{\"limit\":-5,\"period_ms\":60000}}",
        "{\"minute\":{\"limit\":5,\"period_ms\":0}}",
        "{\"minute\":{\"limit\":5,\"period_ms\":86400000}}",
        "{\"day\":{\"limit\":5,\"period_ms\":60000}}",
        "{\"minute\":{\"limit\":9223372036854775807,\"period_ms\":60000}}",
        "{\"minute\":{\"limit\":\"5\",\"period_ms\":60000}}",
        "{\"minute\":{\"limit\":5,\"period_ms\":60000,\"since_ms\":-1}}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof saved / sizeof *saved; i++) {
        struct told t = fresh();
        json_object *tree = json_tokener_parse(saved[i]);
        told_load(&t, 0, 0, tree);
        assert_int_equal(t.minute.limit, 0);
        assert_int_equal(t.day.limit, 0);
        json_object_put(tree);
    }
    struct told t = fresh();
    json_object *tree = json_tokener_parse(
        "{\"minute\":{\"limit\":60,\"period_ms\":60000,\"level_micro\":-9223372036854775808}}");
    told_load(&t, 0, INT64_MAX, tree);
    assert_int_equal(t.minute.limit, 0);
    told_load(&t, 0, 0, tree);
    assert_int_equal(t.minute.limit, 60);
    assert_true(told_ready_at(&t, 0, 1) <= 17 * MINUTE); /* no debt is deeper than a quarter of an hour */
    json_object_put(tree);
}

/* ---- at the gate ---- */

static const struct gate_request thousand = {.prompt_tokens = 900, .output_tokens = 100};

static struct gate *open_gate(int64_t rpm, bool ignore_told)
{
    struct gate_options o;
    struct gate *g = NULL;
    gate_options_default(&o);
    o.concurrency = 100;
    o.rpm = rpm;
    o.ignore_told = ignore_told;
    assert_int_equal(gate_new(&o, 0, &g, NULL), 0);
    return g;
}

static void answer(struct gate *g, int64_t now_ms, enum told_kind kind, int64_t limit, int64_t remaining)
{
    struct told_limits told;
    struct gate_ticket ticket = gate_take(g, now_ms, &thousand);
    told_limits_none(&told);
    told.any = true;
    told.of[kind] = (struct told_limit){limit, remaining, -1, MINUTE};
    struct gate_outcome o = {.ticket = ticket,
                             .used_tokens = -1,
                             .used_input = -1,
                             .used_output = -1,
                             .answered = true,
                             .retry_after_ms = -1,
                             .told = &told};
    gate_settle(g, now_ms, &o);
}

static void of_given_and_told_the_lower_holds_and_told_may_rise_again(void **state)
{
    static const struct {
        int64_t told, holds;
        bool is_told;
    } cases[] = {{1000, 600, false}, {500, 500, true}, {400, 400, true}, {800, 600, false}};
    struct gate *g = open_gate(600, false);
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct gate_state s;
        answer(g, (int64_t)i * 1000, TOLD_REQUESTS, cases[i].told, cases[i].told);
        gate_get_state(g, (int64_t)i * 1000, &s);
        assert_int_equal(s.rates[TOLD_REQUESTS].limit, cases[i].holds);
        assert_int_equal(s.rates[TOLD_REQUESTS].period_ms, MINUTE);
        assert_int_equal(s.rates[TOLD_REQUESTS].is_told, cases[i].is_told);
        assert_int_equal(s.rates[TOLD_TOKENS].limit, 0);
    }
    gate_free(g);
}

static void each_kind_of_tokens_has_its_own_limit(void **state)
{
    static const struct {
        enum told_kind kind;
        enum gate_limiter binding;
        int64_t limit, remaining, wait_ms; /* a limit of 60,000 flows at 59,400: 990 a second */
    } cases[] = {{TOLD_TOKENS, GATE_TPM, 60000, 0, 505},
                 {TOLD_INPUT_TOKENS, GATE_ITPM, 60000, 0, 505},
                 {TOLD_OUTPUT_TOKENS, GATE_OTPM, 60000, 0, 102}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct gate *g = open_gate(0, false);
        struct gate_state s;
        answer(g, 0, cases[i].kind, cases[i].limit, cases[i].remaining);
        int64_t at = gate_ready_at(g, 0, &thousand); /* 100, or all that the bucket holds: 500.5 */
        assert_in_range(at, cases[i].wait_ms - 1, cases[i].wait_ms + 1);
        gate_get_state(g, 0, &s);
        assert_int_equal(s.binding, cases[i].binding);
        assert_int_equal(s.rates[cases[i].kind].available, 0);
        gate_free(g);
    }
}

static void a_gate_that_ignores_what_is_told_is_not_held_by_it(void **state)
{
    struct gate *g = open_gate(0, true);
    struct gate_state s;
    (void)state;
    for (int i = 0; i < 10; i++)
        answer(g, 0, TOLD_REQUESTS, 1, 0);
    assert_int_equal(gate_ready_at(g, 0, &thousand), 0);
    gate_get_state(g, 0, &s);
    assert_int_equal(s.rates[TOLD_REQUESTS].limit, 0);
    gate_free(g);
}

static void given_levels_are_kept_over_a_restart_of_the_same_limit(void **state)
{
    (void)state;
    for (int same = 0; same < 2; same++) {
        struct gate *before = open_gate(6000, false), *after = open_gate(same ? 6000 : 6001, false);
        struct gate_state s;
        struct strbuf saved;
        strbuf_init(&saved);
        for (int i = 0; i < 50; i++)
            gate_take(before, 0, &thousand);
        gate_save(before, 0, &saved);
        json_object *tree = json_tokener_parse(saved.data);
        gate_load(after, 0, 100, tree);
        gate_get_state(after, 0, &s);
        assert_int_equal(s.rates[TOLD_REQUESTS].available, same ? 10 : 50); /* 0.5 + 9.9 */
        json_object_put(tree);
        strbuf_free(&saved);
        gate_free(before);
        gate_free(after);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_holds_until_something_is_told),
        cmocka_unit_test(a_level_is_no_more_than_remained_and_flowed_less_what_was_taken),
        cmocka_unit_test(an_answer_that_started_before_the_newest_changes_no_level),
        cmocka_unit_test(a_change_by_more_than_twice_must_be_told_three_times_in_a_row),
        cmocka_unit_test(a_limit_of_which_twice_as_much_was_granted_is_a_lie_unless_something_was_refused),
        cmocka_unit_test(nothing_remaining_is_believed_three_times_of_good_answers),
        cmocka_unit_test(a_limit_told_once_or_twice_holds_nothing_for_longer_than_a_second),
        cmocka_unit_test(a_days_limit_is_a_stock_for_the_day),
        cmocka_unit_test(a_days_stock_that_was_filled_up_again_is_seen),
        cmocka_unit_test(the_period_follows_from_what_is_used_and_the_reset),
        cmocka_unit_test(a_limit_for_a_second_is_as_many_times_more_for_a_minute),
        cmocka_unit_test(a_limit_that_is_told_no_more_is_forgotten),
        cmocka_unit_test(the_flow_stays_within_its_bounds_at_the_extremes),
        cmocka_unit_test(a_restart_goes_on_with_the_level_aged_by_the_flow),
        cmocka_unit_test(what_was_edited_is_ignored_or_clamped),
        cmocka_unit_test(of_given_and_told_the_lower_holds_and_told_may_rise_again),
        cmocka_unit_test(each_kind_of_tokens_has_its_own_limit),
        cmocka_unit_test(a_gate_that_ignores_what_is_told_is_not_held_by_it),
        cmocka_unit_test(given_levels_are_kept_over_a_restart_of_the_same_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The numbers of a run: what is counted where, over any stream of outcomes and any clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "schedule/tally.h"

static struct tally tally;

static int begin(void **state)
{
    (void)state;
    tally_start(&tally, 5000, INT64_C(1700000000000));
    return 0;
}

static struct outcome outcome_of(enum outcome_move move, const char *name, const char *code)
{
    struct outcome o = {.move = move, .attempt_outcome = name, .answer = {.usage = USAGE_NOT_SAID}};
    snprintf(o.answer.error_code, sizeof o.answer.error_code, "%s", code);
    return o;
}

static void attempt(int64_t now_ms, enum outcome_move move, const char *name, const char *code)
{
    struct outcome o = outcome_of(move, name, code);
    tally_attempt(&tally, now_ms, &o);
}

static lh_run_report report(int64_t now_ms)
{
    lh_run_report r = {0};
    tally_report(&tally, now_ms, &r);
    return r;
}

static void every_attempt_is_an_answer_a_death_or_a_retry(void **state)
{
    struct random r;
    (void)state;
    random_seed(&r, 13);
    int64_t counts[4] = {0};
    for (int i = 0; i < 1000; i++) {
        enum outcome_move move = (enum outcome_move)random_below(&r, 4);
        counts[move]++;
        attempt(5000 + i, move, move == OUTCOME_DONE ? "success" : "transient", "x");
    }
    lh_run_report out = report(6000);
    assert_int_equal(out.attempts, 1000);
    assert_int_equal(out.answers, counts[OUTCOME_DONE]);
    assert_int_equal(tally.dead, counts[OUTCOME_DEAD]);
    assert_int_equal(out.retries, counts[OUTCOME_WAIT] + counts[OUTCOME_READY]);
    assert_int_equal(out.elapsed_ms, 1000);
    assert_int_equal(out.errors[0].count, 1000 - counts[OUTCOME_DONE]);
}

static void tokens_that_are_not_said_count_nothing(void **state)
{
    struct outcome o = outcome_of(OUTCOME_DONE, "success", "");
    (void)state;
    tally_attempt(&tally, 5000, &o);
    o.answer.usage = (struct usage){10, 20, 5, 7, 4, TIER_STANDARD};
    o.cost_nanousd = 9;
    tally_attempt(&tally, 5000, &o);
    o.answer.usage = (struct usage){1, -1, 0, -1, -1, TIER_STANDARD};
    o.cost_nanousd = LH_UNKNOWN;
    tally_attempt(&tally, 5000, &o);
    lh_run_report out = report(5000);
    assert_int_equal(out.prompt_tokens, 11);
    assert_int_equal(out.completion_tokens, 20);
    assert_int_equal(out.cached_tokens, 5);
    assert_int_equal(out.cache_write_tokens, 4);
    assert_int_equal(out.reasoning_tokens, 7);
    assert_int_equal(out.unpriced, 1); /* what told nothing has no price to miss */
    assert_int_equal(tally.cost_nanousd, 9);
}

static void only_answers_have_a_latency(void **state)
{
    (void)state;
    for (int i = 1; i <= 100; i++) {
        struct outcome good = outcome_of(OUTCOME_DONE, "success", ""),
                       bad = outcome_of(OUTCOME_WAIT, "transient", "x");
        good.latency_ms = i;
        bad.latency_ms = 100000;
        tally_attempt(&tally, 5000, &good);
        tally_attempt(&tally, 5000, &bad);
    }
    struct outcome odd = outcome_of(OUTCOME_DONE, "success", "");
    odd.latency_ms = -5; /* a clock that went back */
    tally_attempt(&tally, 5000, &odd);
    lh_run_report out = report(5000);
    assert_in_range(out.p50_ms, 50, 52);
    assert_in_range(out.p90_ms, 90, 93);
    assert_in_range(out.p99_ms, 99, 100);
    assert_int_equal(out.max_ms, 100);
}

static void a_run_without_answers_reports_zeros(void **state)
{
    lh_run_report out = report(5000);
    (void)state;
    assert_int_equal(out.answers, 0);
    assert_int_equal(out.p99_ms, 0);
    assert_int_equal(out.n_errors, 0);
    assert_true(tally_error_rate(&tally) == 0);
    tally_advance(&tally, 5000);
    tally_advance(&tally, 10000);
    assert_true(tally.rate == 0);
}

static void errors_are_told_apart_by_class_and_code_and_sorted_by_count(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        attempt(5000, OUTCOME_WAIT, "transient", "http_500");
    for (int i = 0; i < 5; i++)
        attempt(5000, OUTCOME_WAIT, "throttled", "http_500");
    attempt(5000, OUTCOME_DEAD, "permanent", "http_400");
    lh_run_report out = report(5000);
    assert_int_equal(out.n_errors, 3);
    assert_string_equal(out.errors[0].class_name, "throttled");
    assert_int_equal(out.errors[0].count, 5);
    assert_string_equal(out.errors[1].class_name, "transient");
    assert_string_equal(out.errors[1].code, "http_500");
    assert_int_equal(out.errors[1].count, 3);
    assert_string_equal(out.errors[2].code, "http_400");
}

/* A provider that makes up a new code for every answer. */
static void ever_new_errors_take_no_more_room_and_lose_no_count(void **state)
{
    int64_t sum = 0;
    (void)state;
    for (int i = 0; i < 10000; i++) {
        char code[16];
        snprintf(code, sizeof code, "code_%d", i);
        attempt(5000, OUTCOME_WAIT, "transient", code);
    }
    assert_int_equal(tally.n_errors, TALLY_ERRORS);
    for (size_t i = 0; i < tally.n_errors; i++)
        sum += tally.errors[i].count;
    assert_int_equal(sum, 10000);
    assert_int_equal(report(5000).n_errors, 8);
    assert_int_equal(report(5000).errors[0].count, 10000 - TALLY_ERRORS + 1);
}

static void a_longest_message_and_code_are_whole_strings(void **state)
{
    struct outcome o = outcome_of(OUTCOME_DEAD, "permanent", "");
    (void)state;
    memset(o.answer.message, 'm', sizeof o.answer.message - 1);
    memset(o.answer.error_code, 'c', sizeof o.answer.error_code - 1);
    tally_attempt(&tally, 5000, &o);
    lh_run_report out = report(5000);
    assert_int_equal(strlen(out.errors[0].code), sizeof o.answer.error_code - 1);
    assert_int_equal(strlen(out.errors[0].message), sizeof out.errors[0].message - 1);
}

static bool is_near(double a, double b)
{
    return a - b < 1e-9 && b - a < 1e-9;
}

/* Against a list of all attempts: failed / all of the sixty newest seconds. */
static void the_error_rate_is_that_of_the_last_minute(void **state)
{
    enum { SECONDS = 200000 };
    static int all[SECONDS], failed[SECONDS];
    struct random r;
    (void)state;
    random_seed(&r, 17);
    for (int64_t second = 5; second < SECONDS;
         second += 1 + (int64_t)random_below(&r, 5) * (int64_t)random_below(&r, 30)) {
        if (random_below(&r, 3) == 0) /* a refusal for rate is no error */
            attempt(second * 1000, OUTCOME_WAIT, "throttled", "rate_limit_exceeded");
        for (uint64_t n = random_below(&r, 4); n > 0; n--) {
            bool bad = random_below(&r, 3) == 0;
            all[second]++;
            failed[second] += bad ? 1 : 0;
            attempt(second * 1000 + (int64_t)random_below(&r, 1000), bad ? OUTCOME_WAIT : OUTCOME_DONE,
                    bad ? "transient" : "success", "x");
        }
        tally_advance(&tally, second * 1000 + 999);
        int in_all = 0, in_failed = 0;
        for (int64_t s = second - 59 > 0 ? second - 59 : 0; s <= second; s++) {
            in_all += all[s];
            in_failed += failed[s];
        }
        double wanted = in_all > 0 ? (double)in_failed / in_all : 0;
        assert_true(is_near(tally_error_rate(&tally), wanted));
    }
}

static void the_rate_comes_to_what_is_steady_and_falls_to_nothing(void **state)
{
    int64_t now = 5000;
    (void)state;
    for (int half = 0; half < 120; half++) {
        for (int i = 0; i < 50; i++)
            attempt(now, i % 10 == 0 ? OUTCOME_DEAD : OUTCOME_DONE, "success", "");
        attempt(now, OUTCOME_WAIT, "transient", "x"); /* a retry finishes nothing */
        now += 500;
        tally_advance(&tally, now);
    }
    assert_true(tally.rate > 99.99 && tally.rate < 100.01);
    tally_advance(&tally, now);        /* twice at the same moment */
    tally_advance(&tally, now - 1000); /* and before it */
    assert_true(tally.rate > 99.99 && tally.rate < 100.01);
    tally_advance(&tally, now + 60000);
    assert_true(tally.rate < 0.01);
}

static void the_most_common_error_is_no_refusal_for_rate_and_no_stop(void **state)
{
    (void)state;
    attempt(5000, OUTCOME_DONE, "success", "");
    assert_null(tally_most_common(&tally));
    for (int i = 0; i < 5; i++) {
        attempt(5000, OUTCOME_WAIT, "throttled", "rate_limit");
        attempt(5000, OUTCOME_READY, "canceled", "stopped");
    }
    assert_null(tally_most_common(&tally));
    attempt(5000, OUTCOME_WAIT, "transient", "reset");
    attempt(5000, OUTCOME_WAIT, "transient", "timeout");
    attempt(5000, OUTCOME_WAIT, "transient", "timeout");
    assert_string_equal(tally_most_common(&tally)->code, "timeout");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_attempt_is_an_answer_a_death_or_a_retry, begin),
        cmocka_unit_test_setup(the_most_common_error_is_no_refusal_for_rate_and_no_stop, begin),
        cmocka_unit_test_setup(tokens_that_are_not_said_count_nothing, begin),
        cmocka_unit_test_setup(only_answers_have_a_latency, begin),
        cmocka_unit_test_setup(a_run_without_answers_reports_zeros, begin),
        cmocka_unit_test_setup(errors_are_told_apart_by_class_and_code_and_sorted_by_count, begin),
        cmocka_unit_test_setup(ever_new_errors_take_no_more_room_and_lose_no_count, begin),
        cmocka_unit_test_setup(a_longest_message_and_code_are_whole_strings, begin),
        cmocka_unit_test_setup(the_error_rate_is_that_of_the_last_minute, begin),
        cmocka_unit_test_setup(the_rate_comes_to_what_is_steady_and_falls_to_nothing, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

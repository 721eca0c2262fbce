/* Trials at a lower rate, and the span of time that goes before one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "limit/trial.h"

static struct trial begin(int64_t share)
{
    struct trial t;
    trial_begin(&t, 101, 50, share, false);
    return t;
}

static void four_refusals_say_chance(void **state)
{
    struct trial t = begin(100);
    (void)state;
    assert_false(trial_refused(&t, 110));
    assert_false(trial_refused(&t, 150));
    assert_false(trial_refused(&t, 120));
    assert_true(trial_refused(&t, 130));
    assert_int_equal(trial_starts(&t), 50); /* from 101 to 150 */
}

/* At a share of a tenth, 120 starts bring twelve refusals; those that started less than 500 ms ago may be refused yet. */
static void without_them_it_is_the_rate_once_twelve_were_to_be_expected(void **state)
{
    struct trial t = begin(100);
    int64_t starts = 0;
    (void)state;
    assert_false(trial_is_over(&t, 1000, 219, 500, &starts));
    assert_false(trial_is_over(&t, 1499, 400, 500, &starts));
    assert_false(trial_is_over(&t, 1500, 220, 500, &starts)); /* 219 stood: 119 starts */
    assert_int_equal(starts, 119);
    assert_false(trial_is_over(&t, 1999, 400, 500, &starts));
    assert_true(trial_is_over(&t, 2000, 400, 500, &starts));
    assert_int_equal(starts, 120);
}

static void a_share_of_nothing_ends_too(void **state)
{
    struct trial t = begin(0);
    int64_t starts = 0;
    (void)state;
    assert_false(trial_is_over(&t, 0, 100 + 12000, 0, &starts));
    assert_true(trial_is_over(&t, 0, 100 + 12000, 0, &starts));
}

/* Nine refused in ten seconds, of 181 that started since the first: 49 thousandths. Within the span it is put up with. */
static void many_refusals_in_a_span_are_worth_a_trial(void **state)
{
    struct span s;
    (void)state;
    span_init(&s);
    for (int64_t i = 0; i < 8; i++)
        assert_int_equal(span_refused(&s, 1000 + i * 1000, 1 + i * 20, 1 + i * 20, 0), 0);
    assert_int_equal(span_refused(&s, 11000, 181, 181, 0), 9 * 1000 / 181);
}

static void few_refusals_or_no_more_than_is_known_are_not(void **state)
{
    struct span s;
    (void)state;
    span_init(&s);
    for (int64_t i = 0; i < 1000; i++) /* one in 50 */
        assert_int_equal(span_refused(&s, i * 200, 1 + i * 50, 1 + i * 50, 0), 0);
    span_init(&s);
    for (int64_t i = 0; i < 1000; i++) /* seven in ten seconds */
        assert_int_equal(span_refused(&s, i * 1667, 1 + i * 2, 1 + i * 2, 0), 0);
    span_init(&s);
    for (int64_t i = 0; i < 1000; i++) /* one in 20, where one in 25 is known */
        assert_int_equal(span_refused(&s, i * 200, 1 + i * 20, 1 + i * 20, 40), 0);
}

static void a_span_doubles_up_to_an_hour(void **state)
{
    struct span s;
    (void)state;
    span_init(&s);
    assert_int_equal(s.length_ms, 10000);
    span_double(&s);
    assert_int_equal(s.length_ms, 20000);
    for (int i = 0; i < 100; i++)
        span_double(&s);
    assert_int_equal(s.length_ms, 3600 * 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_refusals_say_chance),
        cmocka_unit_test(without_them_it_is_the_rate_once_twelve_were_to_be_expected),
        cmocka_unit_test(a_share_of_nothing_ends_too),
        cmocka_unit_test(many_refusals_in_a_span_are_worth_a_trial),
        cmocka_unit_test(few_refusals_or_no_more_than_is_known_are_not),
        cmocka_unit_test(a_span_doubles_up_to_an_hour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

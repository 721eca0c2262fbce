/* Which requests no provider will answer, by the limits of their model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "estimate/fit.h"

enum { FITS = -1 };

static const struct fit_limits small = {.context = 1000, .max_output = 100};

static int verdict(const struct fit_limits *limits, int64_t prompt, int64_t bound, int64_t answers,
                   int64_t prompts)
{
    struct line_job job = {.max_output_tokens = bound, .answers = answers, .prompts = prompts};
    lh_unservable u = {0};
    return fit_is_too_large(limits, &job, prompt, &u) ? (int)u.reason : FITS;
}

static void what_just_fits_is_served_and_a_token_more_is_not(void **state)
{
    (void)state;
    assert_int_equal(verdict(&small, 1000, LH_UNKNOWN, 1, 1), FITS);
    assert_int_equal(verdict(&small, 1001, LH_UNKNOWN, 1, 1), LH_PROMPT_OVER_CONTEXT);
    assert_int_equal(verdict(&small, 900, 100, 1, 1), FITS);
    assert_int_equal(verdict(&small, 901, 100, 1, 1), LH_TOTAL_OVER_CONTEXT);
    assert_int_equal(verdict(&small, 1, 101, 1, 1), LH_BOUND_OVER_MAX_OUTPUT);
}

static void the_bound_is_of_each_answer(void **state)
{
    (void)state;
    assert_int_equal(verdict(&small, 900, 500, 5, 1), FITS);
    assert_int_equal(verdict(&small, 900, 505, 5, 1), LH_BOUND_OVER_MAX_OUTPUT);
}

static void several_prompts_are_not_held_against_the_context(void **state)
{
    (void)state;
    assert_int_equal(verdict(&small, 5000, 0, 1, 9), FITS);
    assert_int_equal(verdict(&small, 5000, 0, 1, 1), LH_PROMPT_OVER_CONTEXT);
}

static void what_is_not_known_refuses_nothing(void **state)
{
    static const struct fit_limits nothing = {LH_UNKNOWN, LH_UNKNOWN}, context = {1000, LH_UNKNOWN},
                                   output = {LH_UNKNOWN, 100};
    (void)state;
    assert_int_equal(verdict(&nothing, INT64_C(1) << 40, INT64_C(1) << 40, 1, 1), FITS);
    assert_int_equal(verdict(&context, 1000, 5000, 1, 1), FITS);
    assert_int_equal(verdict(&context, 1001, 1, 1, 1), LH_PROMPT_OVER_CONTEXT);
    assert_int_equal(verdict(&output, INT64_C(1) << 40, 100, 1, 1), FITS);
    assert_int_equal(verdict(&output, 1, 101, 1, 1), LH_BOUND_OVER_MAX_OUTPUT);
}

static void the_numbers_are_told(void **state)
{
    const struct line_job job = {.max_output_tokens = 200, .answers = 2, .prompts = 1};
    lh_unservable u = {0};
    (void)state;
    assert_true(fit_is_too_large(&small, &job, 950, &u));
    assert_int_equal(u.prompt_tokens, 950);
    assert_int_equal(u.answer_bound, 100);
    assert_int_equal(u.limit, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_just_fits_is_served_and_a_token_more_is_not),
        cmocka_unit_test(the_bound_is_of_each_answer),
        cmocka_unit_test(several_prompts_are_not_held_against_the_context),
        cmocka_unit_test(what_is_not_known_refuses_nothing),
        cmocka_unit_test(the_numbers_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

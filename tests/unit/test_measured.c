/* What is reckoned with is told by what came back, and never by more than the bound. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "tokens/measured.h"

enum { UNKNOWN_LENGTH = 256 };

static int64_t expect(const struct measured *m, enum reserve reserve, int64_t bound)
{
    static const struct measured nothing = {0};
    return measured_output(m, &nothing, reserve, bound, UNKNOWN_LENGTH);
}

static struct measured of_lengths(const int64_t *lengths, int64_t n, int64_t times)
{
    struct measured m = {0};
    for (int64_t i = 0; i < n * times; i++)
        measured_answer(&m, lengths[i % n], 1000);
    return m;
}

static void without_answers_the_bound_is_expected(void **state)
{
    const struct measured nothing = {0};
    (void)state;
    for (int r = RESERVE_MAX; r <= RESERVE_MEAN; r++) {
        assert_int_equal(expect(&nothing, (enum reserve)r, 4000), 4000);
        assert_int_equal(expect(&nothing, (enum reserve)r, INT64_MAX), UNKNOWN_LENGTH);
    }
}

static void care_chooses_between_mean_two_deviations_and_bound(void **state)
{
    const int64_t lengths[] = {80, 120};
    struct measured m = of_lengths(lengths, 2, 50);
    (void)state;
    assert_int_equal(expect(&m, RESERVE_MEAN, 4000), 100);
    assert_int_equal(expect(&m, RESERVE_HIGH, 4000), 140);
    assert_int_equal(expect(&m, RESERVE_MAX, 4000), 4000);
    assert_int_equal(expect(&m, RESERVE_HIGH, 110), 110);
    assert_int_equal(expect(&m, RESERVE_MAX, INT64_MAX), UNKNOWN_LENGTH);
}

static void few_answers_are_not_believed_to_be_the_longest(void **state)
{
    const int64_t lengths[] = {100};
    struct measured few = of_lengths(lengths, 1, MEASURED_ENOUGH - 1),
                    enough = of_lengths(lengths, 1, MEASURED_ENOUGH);
    (void)state;
    assert_int_equal(expect(&few, RESERVE_HIGH, 4000), 150);
    assert_int_equal(expect(&enough, RESERVE_HIGH, 4000), 100);
}

static void a_batch_of_enough_answers_speaks_for_itself(void **state)
{
    const int64_t shorter[] = {10}, longer[] = {500};
    struct measured model = of_lengths(longer, 1, 1000), batch = of_lengths(shorter, 1, MEASURED_ENOUGH - 1);
    (void)state;
    assert_int_equal(measured_output(&batch, &model, RESERVE_MEAN, INT64_MAX, 0), 500);
    measured_answer(&batch, 10, 0);
    assert_int_equal(measured_output(&batch, &model, RESERVE_MEAN, INT64_MAX, 0), 10);
}

static void prompts_are_calibrated_once_ten_were_told(void **state)
{
    struct measured m = {0};
    (void)state;
    for (int i = 0; i < 9; i++)
        measured_prompt(&m, 100, 125);
    assert_int_equal(measured_calibrated(&m, 1000), 1000);
    measured_prompt(&m, 100, 125);
    assert_int_equal(measured_calibrated(&m, 1000), 1250);
    assert_int_equal(measured_calibrated(&m, 1), 2);
}

static void a_prior_holds_until_ten_were_told(void **state)
{
    struct measured m = {.prior = 1.2};
    (void)state;
    assert_int_equal(measured_calibrated(&m, 1000), 1200);
    assert_int_equal(measured_worst_prompt(&m, 1.5, 1000), 1500);
    for (int i = 0; i < 10; i++)
        measured_prompt(&m, 100, 110);
    assert_int_equal(measured_calibrated(&m, 1000), 1100);
}

static void exact_counts_stay_as_they_are(void **state)
{
    struct measured m = {0};
    (void)state;
    for (int64_t i = 1; i < 1000; i++)
        measured_prompt(&m, i, i);
    for (int64_t i = 1; i < 1000000; i = i * 3 + 1) {
        assert_int_equal(measured_calibrated(&m, i), i);
        assert_int_equal(measured_worst_prompt(&m, 1, i), i);
    }
}

static void absurd_usage_moves_a_prompt_eightfold_at_most(void **state)
{
    struct measured high = {0}, low = {0};
    (void)state;
    for (int i = 0; i < 100; i++) {
        measured_prompt(&high, 10, 1000000000);
        measured_prompt(&low, 1000000, 1);
    }
    assert_int_equal(measured_calibrated(&high, 100), 800);
    assert_int_equal(measured_worst_prompt(&high, 1, 100), 800);
    assert_int_equal(measured_calibrated(&low, 800), 100);
    assert_int_equal(measured_worst_prompt(&low, 1, 800), 800);
}

/* Whatever the mix of shares, a prompt like those that came is not reckoned at less than it was told to be. */
static void the_worst_prompt_covers_what_came(void **state)
{
    struct random r;
    (void)state;
    random_seed(&r, 7);
    for (int world = 0; world < 200; world++) {
        struct measured m = {0};
        double most = 1 + (double)random_below(&r, 300) / 100;
        for (int i = 0; i < 40; i++) {
            int64_t counted = MEASURED_LEAST_PROMPT + (int64_t)random_below(&r, 5000);
            int64_t told =
                (int64_t)((double)counted * (0.5 + (most - 0.5) * (double)random_below(&r, 1000) / 1000));
            if (i >= MEASURED_ENOUGH && (double)told <= m.share_most * 1.25 * (double)counted)
                assert_true(measured_worst_prompt(&m, 1.5, counted) >= told);
            measured_prompt(&m, counted, told);
            assert_true(measured_worst_prompt(&m, 1, counted) >= told);
            assert_true(measured_worst_prompt(&m, 1, counted) >= measured_calibrated(&m, counted));
        }
    }
}

/* A million attempts that told nothing are reckoned at once. */
static void the_worst_of_many_prompts_together_is_not_that_of_one(void **state)
{
    (void)state;
    const struct measured none = {0};
    assert_int_equal(measured_worst_prompt(&none, 1.5, INT64_C(4000000000)), INT64_C(6000000000));
    assert_int_equal(measured_worst_prompt(&none, 1, INT64_MAX), INT64_C(1000000000000000));
}

static void sums_of_parts_are_those_of_the_whole(void **state)
{
    struct measured parts[3] = {0}, sum = {0}, whole = {0};
    (void)state;
    for (int64_t i = 0; i < 300; i++) {
        measured_answer(&parts[i % 3], i * 7 % 101, i);
        measured_answer(&whole, i * 7 % 101, i);
        measured_prompt(&parts[i % 3], 50 + i, 60 + i);
        measured_prompt(&whole, 50 + i, 60 + i);
    }
    for (int i = 0; i < 3; i++)
        measured_add(&sum, &parts[i]);
    assert_int_equal(sum.answers, whole.answers);
    assert_int_equal(sum.most, whole.most);
    assert_int_equal(sum.prompts, whole.prompts);
    assert_true(fabs(sum.tokens - whole.tokens) < 0.5 && fabs(sum.squares - whole.squares) < 0.5);
    assert_true(fabs(sum.told - whole.told) < 0.5 && fabs(sum.counted - whole.counted) < 0.5);
    assert_true(fabs(sum.share_most - whole.share_most) < 1e-12 &&
                fabs(sum.latency_ms - whole.latency_ms) < 0.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_answers_the_bound_is_expected),
        cmocka_unit_test(care_chooses_between_mean_two_deviations_and_bound),
        cmocka_unit_test(few_answers_are_not_believed_to_be_the_longest),
        cmocka_unit_test(a_batch_of_enough_answers_speaks_for_itself),
        cmocka_unit_test(prompts_are_calibrated_once_ten_were_told),
        cmocka_unit_test(a_prior_holds_until_ten_were_told),
        cmocka_unit_test(exact_counts_stay_as_they_are),
        cmocka_unit_test(absurd_usage_moves_a_prompt_eightfold_at_most),
        cmocka_unit_test(the_worst_prompt_covers_what_came),
        cmocka_unit_test(the_worst_of_many_prompts_together_is_not_that_of_one),
        cmocka_unit_test(sums_of_parts_are_those_of_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

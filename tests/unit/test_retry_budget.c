/* The retry budget: what comes in bounds what goes out, and it is never shut for more than a second. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/random.h"
#include "store/retry_budget.h"

enum { PLENTY = 1000 }; /* jobs that keep all slots busy */

static void ten_go_at_first_then_one_a_second(void **state)
{
    (void)state;
    struct retry_budget b;
    retry_budget_init(&b, 20);
    assert_int_equal(retry_budget_allows(&b, 500, PLENTY), 10);
    retry_budget_take(&b, 500, 10);
    assert_int_equal(retry_budget_allows(&b, 500, PLENTY), 0);
    assert_int_equal(retry_budget_ready_at(&b, 500, PLENTY), 1500);
    assert_int_equal(retry_budget_allows(&b, 1499, PLENTY), 0);
    assert_int_equal(retry_budget_allows(&b, 1500, PLENTY), 1);
    assert_int_equal(retry_budget_ready_at(&b, 1500, PLENTY), 1500);
    retry_budget_take(&b, 1500, 1);
    assert_int_equal(retry_budget_allows(&b, 2499, PLENTY), 0);
    assert_int_equal(retry_budget_allows(&b, 2500, PLENTY), 1);
}

static void five_good_answers_pay_for_a_retry(void **state)
{
    (void)state;
    struct retry_budget b;
    retry_budget_init(&b, 20);
    retry_budget_take(&b, 0, 10);
    for (int i = 0; i < 4; i++)
        retry_budget_good_answer(&b, false);
    assert_int_equal(retry_budget_allows(&b, 1, PLENTY), 0);
    retry_budget_good_answer(&b, false);
    assert_int_equal(retry_budget_allows(&b, 1, PLENTY), 1);
}

static void a_good_retry_pays_its_cost_and_a_fifth(void **state)
{
    (void)state;
    struct retry_budget b;
    retry_budget_init(&b, 20);
    retry_budget_take(&b, 0, 10);
    for (int i = 0; i < 5; i++)
        retry_budget_good_answer(&b, true);
    assert_int_equal(b.balance, 6000);
}

static void a_retry_that_told_nothing_is_paid_back(void **state)
{
    (void)state;
    struct retry_budget b;
    retry_budget_init(&b, 20);
    retry_budget_take(&b, 0, 3);
    retry_budget_give_back(&b);
    assert_int_equal(b.balance, 8000);
}

static void a_hundred_are_the_most(void **state)
{
    (void)state;
    struct retry_budget b;
    retry_budget_init(&b, 20);
    for (int i = 0; i < 10000; i++)
        retry_budget_good_answer(&b, i % 2 == 0);
    assert_int_equal(b.balance, 100000);
    assert_int_equal(retry_budget_allows(&b, 0, PLENTY), 100);
}

static void empty_slots_may_be_filled_whatever_the_balance(void **state)
{
    (void)state;
    struct retry_budget b;
    retry_budget_init(&b, 20);
    retry_budget_take(&b, 0, 10);
    assert_int_equal(retry_budget_allows(&b, 1, 100), 0);
    assert_int_equal(retry_budget_allows(&b, 1, 70), 30);
    assert_int_equal(retry_budget_ready_at(&b, 1, 70), 1);
    retry_budget_take(&b, 1, 30);
    assert_int_equal(b.balance, 0); /* no debt */
    assert_int_equal(retry_budget_allows(&b, 1, 100), 0);
}

static void off_lets_all_go(void **state)
{
    (void)state;
    struct retry_budget b;
    retry_budget_init(&b, 0);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(retry_budget_allows(&b, i, PLENTY), INT64_MAX);
        assert_int_equal(retry_budget_ready_at(&b, i, PLENTY), i);
        retry_budget_take(&b, i, 1000);
    }
}

static void a_clock_set_back_holds_nothing_for_longer(void **state)
{
    (void)state;
    struct retry_budget b;
    retry_budget_init(&b, 20);
    retry_budget_take(&b, 1000000, 10);
    assert_int_equal(retry_budget_allows(&b, 5000, PLENTY), 1);
}

/* Over any run: retries ≤ 10 at first + a fifth of the good answers + their own cost back + one a second. */
static void no_more_goes_out_than_came_in(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 3);
    for (int run = 0; run < 50; run++) {
        struct retry_budget b;
        retry_budget_init(&b, 20);
        int64_t now = 0, taken = 0, good = 0, good_retries = 0;
        for (int step = 0; step < 2000; step++) {
            now += (int64_t)random_below(&random, 30);
            int64_t allowed = retry_budget_allows(&b, now, PLENTY);
            int64_t n = allowed > 0 ? (int64_t)random_below(&random, (uint64_t)allowed + 1) : 0;
            retry_budget_take(&b, now, n);
            taken += n;
            bool is_retry = good_retries < taken && random_below(&random, 4) == 0;
            good_retries += is_retry ? 1 : 0;
            good++;
            retry_budget_good_answer(&b, is_retry);
            assert_true(b.balance >= 0 && b.balance <= 100000);
            assert_true(taken <= 10 + good / 5 + good_retries + now / 1000 + 2);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_go_at_first_then_one_a_second),
        cmocka_unit_test(five_good_answers_pay_for_a_retry),
        cmocka_unit_test(a_good_retry_pays_its_cost_and_a_fifth),
        cmocka_unit_test(a_retry_that_told_nothing_is_paid_back),
        cmocka_unit_test(a_hundred_are_the_most),
        cmocka_unit_test(empty_slots_may_be_filled_whatever_the_balance),
        cmocka_unit_test(off_lets_all_go),
        cmocka_unit_test(a_clock_set_back_holds_nothing_for_longer),
        cmocka_unit_test(no_more_goes_out_than_came_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

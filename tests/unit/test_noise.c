/* Refusals by chance: what is forgiven, when, and how much. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "limit/noise.h"

static void start(struct noise *n, enum noise_phase phase, int count)
{
    for (int i = 0; i < count; i++)
        noise_start(n, phase);
}

static void without_evidence_nothing_is_forgiven_at_the_limit(void **state)
{
    struct noise n = {0};
    (void)state;
    start(&n, NOISE_TRIED, 100000);
    assert_false(noise_forgives(&n, NOISE_TRIED));
    start(&n, NOISE_GUESS, 1000); /* forgiven there, but no evidence */
    assert_true(noise_forgives(&n, NOISE_GUESS));
    assert_false(noise_forgives(&n, NOISE_TRIED));
}

static void where_the_rate_is_low_one_in_sixteen_is_forgiven(void **state)
{
    struct noise n = {0};
    (void)state;
    assert_false(noise_forgives(&n, NOISE_LOW));
    start(&n, NOISE_LOW, 16);
    assert_false(noise_forgives(&n, NOISE_LOW)); /* 16 · 62 thousandths are 992 */
    start(&n, NOISE_LOW, 1);
    assert_true(noise_forgives(&n, NOISE_LOW));
    assert_false(noise_forgives(&n, NOISE_LOW));
}

static void three_in_a_row_are_forgiven_and_no_more(void **state)
{
    struct noise n = {0};
    (void)state;
    start(&n, NOISE_LOW, 10000);
    for (int i = 0; i < 3; i++)
        assert_true(noise_forgives(&n, NOISE_LOW));
    assert_false(noise_forgives(&n, NOISE_LOW));
}

/* An exhausted limit refuses in a row: what was forgiven before the cut is no chance. */
static void refusals_that_led_to_a_cut_are_no_evidence(void **state)
{
    struct noise n = {0};
    (void)state;
    for (int round = 0; round < 10; round++) {
        start(&n, NOISE_LOW, 1000);
        for (int i = 0; i < 3; i++)
            assert_true(noise_forgives(&n, NOISE_LOW));
        assert_false(noise_forgives(&n, NOISE_LOW));
        noise_cut(&n);
        assert_false(noise_forgives(&n, NOISE_LOW));
    }
    start(&n, NOISE_LOW, 1000);
    assert_int_equal(n.refused, 0);
    assert_false(noise_forgives(&n, NOISE_TRIED));
}

/* Two refusals in every hundred, seen while the rate was low: at the limit as many are forgiven, nearly always, and three times as many
 * are not. */
static void at_the_limit_as_much_is_forgiven_as_was_seen(void **state)
{
    struct noise n = {0};
    struct random r;
    int forgiven[2] = {0}, refused[2] = {0};
    (void)state;
    random_seed(&r, 5);
    for (int i = 0; i < 20000; i++) {
        noise_start(&n, NOISE_LOW);
        if (random_below(&r, 100) < 2)
            noise_forgives(&n, NOISE_LOW);
    }
    for (int many = 0; many < 2; many++)
        for (int i = 0; i < 50000; i++) {
            noise_start(&n, NOISE_TRIED);
            if (random_below(&r, 100) >= (many != 0 ? 12u : 2u))
                continue;
            refused[many]++;
            forgiven[many] += noise_forgives(&n, NOISE_TRIED) ? 1 : 0;
        }
    assert_true(forgiven[0] * 100 >= refused[0] * 99);
    assert_true(forgiven[1] * 2 < refused[1]);
}

static void evidence_grows_old(void **state)
{
    struct noise n = {0};
    (void)state;
    for (int i = 0; i < 4; i++) {
        start(&n, NOISE_LOW, 100);
        assert_true(noise_forgives(&n, NOISE_LOW));
    }
    start(&n, NOISE_LOW, 1000);
    assert_int_equal(n.refused, 4);
    start(&n, NOISE_LOW, 3 * 4096);
    assert_true(n.refused < 2);
    noise_cut(&n);
    start(&n, NOISE_TRIED, 10000);
    assert_false(noise_forgives(&n, NOISE_TRIED));
}

static void once_requests_are_granted_again_one_is_forgiven(void **state)
{
    struct noise n = {0};
    (void)state;
    noise_cut(&n);
    noise_recovered(&n);
    assert_true(noise_forgives(&n, NOISE_LOW));
    assert_false(noise_forgives(&n, NOISE_LOW));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_evidence_nothing_is_forgiven_at_the_limit),
        cmocka_unit_test(where_the_rate_is_low_one_in_sixteen_is_forgiven),
        cmocka_unit_test(three_in_a_row_are_forgiven_and_no_more),
        cmocka_unit_test(refusals_that_led_to_a_cut_are_no_evidence),
        cmocka_unit_test(at_the_limit_as_much_is_forgiven_as_was_seen),
        cmocka_unit_test(evidence_grows_old),
        cmocka_unit_test(once_requests_are_granted_again_one_is_forgiven),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The generator is the published one, stays in range, and leans to no side. Seeds are fixed: each check is a fact. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"

/* First outputs of xoshiro256** from the state 1, 2, 3, 4: worked out by hand from its definition. */
static void starts_as_its_definition_says(void **state)
{
    (void)state;
    struct random r = {.s = {1, 2, 3, 4}};
    assert_true(random_u64(&r) == 11520);
    assert_true(random_u64(&r) == 0);
    assert_true(random_u64(&r) == 1509978240);
}

static void the_same_seed_is_the_same_sequence(void **state)
{
    (void)state;
    struct random a, b, other;
    random_seed(&a, 42);
    random_seed(&b, 42);
    random_seed(&other, 43);
    int same = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t value = random_u64(&a);
        assert_true(value == random_u64(&b));
        same += value == random_u64(&other);
    }
    assert_int_equal(same, 0);
}

static void below_stays_below(void **state)
{
    (void)state;
    struct random r;
    random_seed(&r, 0);
    static const uint64_t bounds[] = {1,         2, 3, 10, 1000, UINT64_C(1) << 32, (UINT64_C(1) << 63) + 1,
                                      UINT64_MAX};
    for (size_t b = 0; b < sizeof bounds / sizeof *bounds; b++)
        for (int i = 0; i < 10000; i++)
            assert_true(random_below(&r, bounds[b]) < bounds[b]);
    assert_true(random_below(&r, 0) == 0);
}

/* Chi-squared over the cells; the bound is its 99.9 % quantile for that many degrees of freedom. */
static double chi_squared(struct random *r, uint64_t bound, int cells)
{
    enum { DRAWS = 120000, CELLS_MOST = 12 };
    int seen[CELLS_MOST] = {0};
    double expected = (double)DRAWS / cells, sum = 0;
    uint64_t step = bound / (uint64_t)cells;
    for (int i = 0; i < DRAWS; i++)
        seen[random_below(r, bound) / step]++;
    for (int c = 0; c < cells; c++)
        sum += (seen[c] - expected) * (seen[c] - expected) / expected;
    return sum;
}

static void below_is_even(void **state)
{
    (void)state;
    struct random r;
    random_seed(&r, 7);
    assert_true(chi_squared(&r, 12, 12) < 31.3);
    assert_true(chi_squared(&r, 1200, 12) < 31.3);
    /* Three quarters of 2^64: a modulo would give the first third twice its share. */
    assert_true(chi_squared(&r, UINT64_C(3) << 62, 3) < 13.9);
}

static void unit_is_in_its_interval_and_even(void **state)
{
    (void)state;
    struct random r;
    random_seed(&r, 8);
    double sum = 0;
    for (int i = 0; i < 100000; i++) {
        double x = random_unit(&r);
        assert_true(x >= 0 && x < 1);
        sum += x;
    }
    assert_true(sum / 100000 > 0.497 && sum / 100000 < 0.503);
}

static void the_system_does_not_give_one_seed_twice(void **state)
{
    (void)state;
    assert_true(random_system_seed() != random_system_seed());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_as_its_definition_says),
        cmocka_unit_test(the_same_seed_is_the_same_sequence),
        cmocka_unit_test(below_stays_below),
        cmocka_unit_test(below_is_even),
        cmocka_unit_test(unit_is_in_its_interval_and_even),
        cmocka_unit_test(the_system_does_not_give_one_seed_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

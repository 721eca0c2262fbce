/* Percentiles of the histogram beside those of the sorted values. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/histogram.h"
#include "base/random.h"

enum { MOST = 5000 };

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static const double shares[] = {0.0, 0.001, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1.0};

/* Never below the exact one, never more than one step of 32 above it, never above the largest. */
static void check_against_sorted(const struct histogram *h, uint64_t *values, size_t count)
{
    qsort(values, count, sizeof *values, by_value);
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        size_t rank = (size_t)ceil(shares[i] * (double)count);
        uint64_t exact = values[rank == 0 ? 0 : rank - 1];
        uint64_t said = histogram_percentile(h, shares[i]);
        assert_true(said >= exact);
        assert_true(said <= exact + exact / HISTOGRAM_STEPS);
        assert_true(said <= values[count - 1]);
    }
}

/* Values over all magnitudes: a uniform exponent, then a uniform value below it. */
static void percentiles_are_within_a_step_of_the_exact_ones(void **state)
{
    (void)state;
    struct random r;
    struct histogram h;
    random_seed(&r, 11);
    uint64_t *values = malloc(MOST * sizeof *values);
    assert_non_null(values);
    for (int round = 0; round < 200; round++) {
        size_t count = 1 + (size_t)random_below(&r, MOST);
        uint64_t bits = 1 + random_below(&r, 40), sum = 0;
        histogram_reset(&h);
        for (size_t i = 0; i < count; i++) {
            values[i] = random_below(&r, UINT64_C(1) << (1 + random_below(&r, bits)));
            sum += values[i];
            histogram_record(&h, values[i]);
        }
        assert_int_equal(h.count, count);
        assert_int_equal(h.sum, sum);
        check_against_sorted(&h, values, count);
    }
    free(values);
}

static void one_value_is_every_percentile_exactly(void **state)
{
    (void)state;
    struct histogram h;
    for (unsigned bit = 0; bit < 40; bit++) {
        for (int64_t near = -1; near <= 1; near++) {
            uint64_t value = (UINT64_C(1) << bit) + (uint64_t)near;
            histogram_reset(&h);
            histogram_record(&h, value);
            for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
                assert_int_equal(histogram_percentile(&h, shares[i]), value);
        }
    }
}

static void without_records_every_percentile_is_zero(void **state)
{
    (void)state;
    struct histogram h;
    histogram_reset(&h);
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
        assert_int_equal(histogram_percentile(&h, shares[i]), 0);
}

static void values_beyond_the_last_cell_are_counted_as_the_largest(void **state)
{
    (void)state;
    struct histogram h;
    histogram_reset(&h);
    histogram_record(&h, 1);
    histogram_record(&h, UINT64_MAX / 2);
    histogram_record(&h, UINT64_C(1) << 50);
    assert_int_equal(h.count, 3);
    assert_int_equal(h.max, UINT64_MAX / 2);
    assert_int_equal(histogram_percentile(&h, 0.3), 1);
    assert_true(histogram_percentile(&h, 1.0) >= UINT64_C(1) << 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percentiles_are_within_a_step_of_the_exact_ones),
        cmocka_unit_test(one_value_is_every_percentile_exactly),
        cmocka_unit_test(without_records_every_percentile_is_zero),
        cmocka_unit_test(values_beyond_the_last_cell_are_counted_as_the_largest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

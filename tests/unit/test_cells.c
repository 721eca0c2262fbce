/* Grants by the second, against brute force over all starts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "limit/cells.h"

enum { STARTS = 4000 };

static void a_sum_is_what_a_list_of_all_starts_says(void **state)
{
    static int64_t starts[STARTS];
    static bool refused[STARTS];
    struct random r;
    (void)state;
    random_seed(&r, 3);
    for (int round = 0; round < 10; round++) {
        struct cells c;
        int64_t now = (int64_t)random_below(&r, 1000000), step = 1 + (int64_t)random_below(&r, 400);
        cells_init(&c, now);
        for (int n = 0; n < STARTS; n++) {
            now += (int64_t)random_below(&r, (uint64_t)step);
            if (random_below(&r, 500) == 0)
                now += (int64_t)random_below(&r, 200000);
            cells_add(&c, now);
            starts[n] = now;
            refused[n] = false;
            int back = (int)random_below(&r, 50); /* one of the last, or long ago */
            int which = n >= back ? n - back : n;
            if (random_below(&r, 4) == 0 && !refused[which]) {
                cells_take_off(&c, now, starts[which]);
                refused[which] = true;
            }
            int64_t seconds = 1 + (int64_t)random_below(&r, CELLS_MOST), sum = 0;
            for (int i = n; i >= 0 && starts[i] / 1000 > now / 1000 - seconds; i--)
                sum += refused[i] ? 0 : 1;
            assert_int_equal(cells_sum(&c, now, seconds), sum);
        }
    }
}

static void what_was_not_counted_is_not_taken_off(void **state)
{
    struct cells c;
    (void)state;
    cells_init(&c, 100000);
    cells_add(&c, 100000);
    cells_take_off(&c, 100000, 99000);              /* nothing started then */
    cells_take_off(&c, 100000, 101000);             /* a time to come */
    cells_take_off(&c, 100000, INT64_MIN / 2);      /* a time that is long gone */
    cells_take_off(&c, 100000, 100000 - 64 * 1000); /* whose cell is this second's by now */
    assert_int_equal(cells_sum(&c, 100000, CELLS_MOST), 1);
    cells_take_off(&c, 100000, 100000);
    cells_take_off(&c, 100000, 100000);
    assert_int_equal(cells_sum(&c, 100000, CELLS_MOST), 0);
}

static void a_clock_that_jumps_costs_and_breaks_nothing(void **state)
{
    struct cells c;
    (void)state;
    cells_init(&c, 0);
    cells_add(&c, 0);
    cells_add(&c, INT64_MAX - 1);
    assert_int_equal(cells_sum(&c, INT64_MAX - 1, CELLS_MOST), 1);
    cells_add(&c, 5); /* back: counts as now */
    assert_int_equal(cells_sum(&c, 5, 1), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sum_is_what_a_list_of_all_starts_says),
        cmocka_unit_test(what_was_not_counted_is_not_taken_off),
        cmocka_unit_test(a_clock_that_jumps_costs_and_breaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

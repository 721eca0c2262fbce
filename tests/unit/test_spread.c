/* Numbers that are drawn: what is understood, and that draws are where they must be and as often as they must. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sim/spread.h"

static struct spread parsed(const char *text)
{
    struct spread s;
    lh_error err = {0};
    if (spread_parse("output", text, &s, &err) != 0)
        fail_msg("%s", err.message);
    return s;
}

static void what_is_no_spread_is_refused_by_name(void **state)
{
    static const char *const bad[] = {
        "",        "x",   "-1",    "5..",          "..5",           "6..5",           "5...6",
        "1..2..3", "nan", "1e300", "lognormal:10", "lognormal:0,1", "lognormal:10,6", "5 "};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct spread s;
        lh_error err = {0};
        if (spread_parse("latency", bad[i], &s, &err) != LH_EUSAGE)
            fail_msg("\"%s\" was understood", bad[i]);
        assert_non_null(strstr(err.message, "latency"));
    }
}

static void one_number_is_always_drawn(void **state)
{
    struct random r;
    struct spread s = parsed("40");
    (void)state;
    random_seed(&r, 1);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(spread_draw_count(&s, &r, 1000), 40);
        assert_int_equal(spread_draw(&s, &r, 1000), 40);
        assert_int_equal(spread_draw_count(&s, &r, 12), 12);
        assert_int_equal(spread_draw(&s, &r, 12), 12);
    }
}

/* Each of 5 to 9 within a tenth of its fifth: more than six deviations. */
static void a_range_is_drawn_evenly_with_both_ends(void **state)
{
    enum { DRAWS = 20000 };
    struct random r;
    struct spread s = parsed("5..9");
    int times[10] = {0};
    (void)state;
    random_seed(&r, 2);
    for (int i = 0; i < DRAWS; i++) {
        int64_t n = spread_draw_count(&s, &r, 1000);
        assert_in_range(n, 5, 9);
        times[n]++;
    }
    for (int n = 5; n <= 9; n++)
        assert_in_range(times[n], DRAWS / 5 * 9 / 10, DRAWS / 5 * 11 / 10);
}

/* Half lie below the median, 68 % within one sigma of it, in logarithms. */
static void a_lognormal_has_its_median_and_sigma(void **state)
{
    enum { DRAWS = 20000 };
    struct random r;
    struct spread s = parsed("lognormal:1000,0.5");
    int below = 0, within = 0;
    (void)state;
    random_seed(&r, 3);
    for (int i = 0; i < DRAWS; i++) {
        int64_t n = spread_draw_count(&s, &r, 1000000);
        assert_true(n >= 1);
        below += n < 1000;
        within += fabs(log((double)n / 1000)) < 0.5;
    }
    assert_in_range(below, DRAWS * 48 / 100, DRAWS * 52 / 100);
    assert_in_range(within, DRAWS * 66 / 100, DRAWS * 70 / 100);
}

static void a_count_is_one_at_least(void **state)
{
    struct random r;
    struct spread s = parsed("lognormal:0.1,5"), zero = parsed("0..0.5");
    (void)state;
    random_seed(&r, 4);
    for (int i = 0; i < 1000; i++)
        assert_in_range(spread_draw_count(&s, &r, 50), 1, 50);
    assert_int_equal(spread_draw_count(&zero, &r, 50), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_spread_is_refused_by_name),
        cmocka_unit_test(one_number_is_always_drawn),
        cmocka_unit_test(a_range_is_drawn_evenly_with_both_ends),
        cmocka_unit_test(a_lognormal_has_its_median_and_sigma),
        cmocka_unit_test(a_count_is_one_at_least),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

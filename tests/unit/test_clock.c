/* Times as people read them, and a clock that never goes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"

static void writes_utc(void **state)
{
    (void)state;
    static const struct {
        int64_t wall_ms;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {1, "1970-01-01T00:00:00.001Z"},
        {951782399999, "2000-02-28T23:59:59.999Z"},
        {951782400000, "2000-02-29T00:00:00.000Z"},
        {1769860800123, "2026-01-31T12:00:00.123Z"},
        {253402300799999, "9999-12-31T23:59:59.999Z"},
        {-62167219200000, "0000-01-01T00:00:00.000Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {-1000, "1969-12-31T23:59:59.000Z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[25];
        assert_ptr_equal(clock_format_utc(cases[i].wall_ms, out, sizeof out), out);
        assert_string_equal(out, cases[i].text);
    }
}

/* A damaged or hostile database may hold any integer. */
static void what_is_no_date_is_written_as_its_number(void **state)
{
    (void)state;
    static const int64_t strange[] = {INT64_MIN,       INT64_MAX,       INT64_MAX / 1000,
                                      253402300800000, -62167219200001, 67768036191676800};
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) {
        char out[25];
        clock_format_utc(strange[i], out, sizeof out);
        assert_int_equal(strtoll(out, NULL, 10), strange[i]);
    }
}

static void the_monotonic_clock_never_goes_back(void **state)
{
    (void)state;
    int64_t before_ns = clock_monotonic_ns(), before_ms = clock_monotonic_ms();
    for (int i = 0; i < 1000; i++) {
        int64_t ns = clock_monotonic_ns(), ms = clock_monotonic_ms();
        assert_true(ns >= before_ns && ms >= before_ms);
        assert_true(ms >= ns / 1000000);
        before_ns = ns;
        before_ms = ms;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_utc),
        cmocka_unit_test(what_is_no_date_is_written_as_its_number),
        cmocka_unit_test(the_monotonic_clock_never_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The alert on errors: once each time the share is crossed, over a minute, of enough attempts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "schedule/alert.h"

static struct alert alert_of(const char *text)
{
    struct alert a;
    assert_int_equal(alert_parse(text, &a, NULL), 0);
    return a;
}

static void attempts(struct alert *a, int64_t now_ms, int good, int failed)
{
    for (int i = 0; i < good; i++)
        alert_attempt(a, now_ms, false);
    for (int i = 0; i < failed; i++)
        alert_attempt(a, now_ms, true);
}

static bool crossed(struct alert *a, int64_t now_ms)
{
    int64_t failed = 0, all = 0;
    return alert_is_crossed(a, now_ms, &failed, &all);
}

static void a_share_and_what_to_do_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t millionths;
        enum alert_action action;
    } good[] = {{"5%", 50000, ALERT_WARN},
                {"5", 50000, ALERT_WARN},
                {"0.5%:pause", 5000, ALERT_PAUSE},
                {"12.25%:stop", 122500, ALERT_STOP},
                {"100:warn", 1000000, ALERT_WARN}};
    static const char *const bad[] = {"",     "0%",  "101%", "-5%",  "5%:",   "5%:now", "5%%",
                                      "five", "5 %", "nan",  "1e9%", "0x10%", "0X5"};
    struct alert a;
    lh_error err = {0};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        a = alert_of(good[i].text);
        assert_int_equal(a.millionths, good[i].millionths);
        assert_int_equal(a.action, good[i].action);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(alert_parse(bad[i], &a, &err), LH_EUSAGE);
        assert_non_null(strstr(err.message, "alert-errors"));
    }
    a = alert_of(NULL);
    attempts(&a, 1000, 0, 1000);
    assert_false(crossed(&a, 1000));
}

static void it_tells_at_the_share_and_not_below(void **state)
{
    (void)state;
    struct alert a = alert_of("10%");
    int64_t failed = 0, all = 0;
    attempts(&a, 1000, 91, 9);
    assert_false(crossed(&a, 1000));
    attempts(&a, 1500, 0, 1); /* 10 of 101 */
    assert_false(crossed(&a, 1500));
    attempts(&a, 1700, 8, 1); /* 11 of 110 */
    assert_true(alert_is_crossed(&a, 1700, &failed, &all));
    assert_int_equal(failed, 11);
    assert_int_equal(all, 110);
}

static void fewer_than_fifty_attempts_tell_nothing(void **state)
{
    (void)state;
    struct alert a = alert_of("5%");
    attempts(&a, 1000, 0, 49);
    assert_false(crossed(&a, 1000));
    attempts(&a, 1000, 1, 0);
    assert_true(crossed(&a, 1000));
}

static void it_tells_once_each_time_it_is_crossed(void **state)
{
    (void)state;
    struct alert a = alert_of("10%");
    attempts(&a, 1000, 90, 10);
    assert_true(crossed(&a, 1000));
    attempts(&a, 2000, 0, 10);
    assert_false(crossed(&a, 2000));
    attempts(&a, 3000, 100, 0); /* 20 of 210: below, but hardly */
    assert_false(crossed(&a, 3000));
    attempts(&a, 4000, 0, 10);
    assert_false(crossed(&a, 4000));
    attempts(&a, 5000, 155, 0); /* 30 of 375: four fifths */
    assert_false(crossed(&a, 5000));
    attempts(&a, 6000, 0, 15);
    assert_true(crossed(&a, 6000));
}

static void what_is_older_than_a_minute_does_not_count(void **state)
{
    (void)state;
    struct alert a = alert_of("5%");
    attempts(&a, 1000, 0, 50);
    assert_false(crossed(&a, 61000));
    attempts(&a, 61000, 0, 49);
    assert_false(crossed(&a, 61000));
    struct alert b = alert_of("5%");
    attempts(&b, 1000, 0, 50);
    assert_true(crossed(&b, 60999));
    assert_false(crossed(&b, INT64_C(1) << 40)); /* and a long silence is no loop of as many seconds */
}

static void what_was_dealt_with_is_forgotten(void **state)
{
    (void)state;
    struct alert a = alert_of("5%:pause");
    attempts(&a, 1000, 0, 50);
    assert_true(crossed(&a, 1000));
    alert_forget(&a);
    assert_false(crossed(&a, 1000));
    attempts(&a, 2000, 0, 50);
    assert_true(crossed(&a, 2000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_share_and_what_to_do_are_read),
        cmocka_unit_test(it_tells_at_the_share_and_not_below),
        cmocka_unit_test(fewer_than_fifty_attempts_tell_nothing),
        cmocka_unit_test(it_tells_once_each_time_it_is_crossed),
        cmocka_unit_test(what_is_older_than_a_minute_does_not_count),
        cmocka_unit_test(what_was_dealt_with_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What was reserved and not used is taken back until refusals speak against it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "limit/refund.h"

enum { MINUTE = 60000, TEN = 10 * MINUTE };
static const int64_t day = INT64_C(24) * 60 * MINUTE;

static void a_refusal_that_names_the_limit_ends_it_for_ten_minutes_then_twenty(void **state)
{
    struct refund r;
    (void)state;
    refund_init(&r);
    assert_false(refund_refused(&r, 0, REFUND_NAMED)); /* nothing was taken back */
    assert_int_equal(refund_allows(&r, 1000, 70), 70);
    assert_false(refund_refused(&r, 1000 + MINUTE, REFUND_NAMED)); /* too long ago */
    assert_int_equal(refund_allows(&r, 100000, 70), 70);
    assert_false(refund_refused(&r, 100001, REFUND_OTHER));
    assert_true(refund_refused(&r, 100001, REFUND_NAMED));
    assert_int_equal(refund_left_ms(&r, 100001), TEN);
    assert_int_equal(refund_allows(&r, 100000 + TEN, 70), 0);
    assert_int_equal(refund_allows(&r, 100000 + TEN, -70), -70); /* what was used beyond counts always */
    assert_false(refund_refused(&r, 100000 + TEN, REFUND_NAMED));
    assert_int_equal(refund_allows(&r, 100001 + TEN, 70), 70);
    assert_true(refund_refused(&r, 100002 + TEN, REFUND_NAMED));
    assert_int_equal(refund_left_ms(&r, 100002 + TEN), 2 * TEN);
}

static void it_takes_three_refusals_in_a_minute_that_name_none(void **state)
{
    struct refund r;
    (void)state;
    refund_init(&r);
    for (int64_t at = 0; at < 10 * MINUTE; at += 2 * MINUTE) {
        refund_allows(&r, at, 1);
        assert_false(refund_refused(&r, at, REFUND_UNNAMED));
        assert_false(refund_refused(&r, at + 1, REFUND_UNNAMED));
    }
    refund_allows(&r, day, 1);
    assert_false(refund_refused(&r, day, REFUND_UNNAMED));
    assert_false(refund_refused(&r, day + 59999, REFUND_UNNAMED));
    refund_allows(&r, day + 60000, 1);
    assert_true(refund_refused(&r, day + 119998, REFUND_UNNAMED));
}

static void it_is_known_after_a_restart_and_nonsense_is_brought_within(void **state)
{
    struct refund r;
    (void)state;
    refund_init(&r);
    refund_restore(&r, 500, 1000, 2 * TEN);
    assert_int_equal(refund_left_ms(&r, 500), 1000);
    assert_int_equal(refund_allows(&r, 1499, 5), 0);
    assert_int_equal(refund_allows(&r, 1500, 5), 5);
    assert_true(refund_refused(&r, 1501, REFUND_NAMED));
    assert_int_equal(refund_left_ms(&r, 1501), 4 * TEN);
    for (int i = 0; i < 20; i++) { /* no longer than a day */
        refund_allows(&r, INT64_C(1) << (33 + i), 1);
        refund_refused(&r, INT64_C(1) << (33 + i), REFUND_NAMED);
    }
    assert_int_equal(r.length_ms, day);
    const int64_t lengths[] = {INT64_MIN, -1, 0, TEN - 1, day + 1, INT64_MAX};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        refund_init(&r);
        refund_restore(&r, 0, INT64_MAX, lengths[i]);
        assert_int_equal(refund_left_ms(&r, 0), 0);
    }
    refund_init(&r);
    refund_restore(&r, 0, INT64_MAX, TEN);
    assert_int_equal(refund_left_ms(&r, 0), TEN);
    refund_init(&r);
    refund_restore(&r, 0, INT64_MIN, TEN);
    assert_int_equal(refund_left_ms(&r, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refusal_that_names_the_limit_ends_it_for_ten_minutes_then_twenty),
        cmocka_unit_test(it_takes_three_refusals_in_a_minute_that_name_none),
        cmocka_unit_test(it_is_known_after_a_restart_and_nonsense_is_brought_within),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

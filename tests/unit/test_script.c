/* Changes and outages as people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sim/script.h"

static void changes_come_in_order_each_with_its_limits(void **state)
{
    (void)state;
    struct script s;
    lh_error err = {0};
    assert_int_equal(script_parse("60s:rpm=300,120s:rpm=1200,tpm=90k,2.5m:tpm=0", NULL, &s, &err), 0);
    assert_int_equal(s.n_changes, 3);
    assert_int_equal(s.changes[0].at_ms, 60000);
    assert_int_equal(s.changes[0].rpm, 300);
    assert_int_equal(s.changes[0].tpm, -1);
    assert_int_equal(s.changes[1].at_ms, 120000);
    assert_int_equal(s.changes[1].rpm, 1200);
    assert_int_equal(s.changes[1].tpm, 90000);
    assert_int_equal(s.changes[2].at_ms, 150000);
    assert_int_equal(s.changes[2].rpm, -1);
    assert_int_equal(s.changes[2].tpm, 0);
    assert_int_equal(s.n_outages, 0);
}

static void outages_have_a_beginning_an_end_and_a_kind(void **state)
{
    (void)state;
    struct script s;
    lh_error err = {0};
    assert_int_equal(script_parse(NULL, "60s..120s,120s..121s:529,500..510:reset", &s, &err), 0);
    assert_int_equal(s.n_outages, 3);
    assert_null(script_outage_at(&s, 59999));
    assert_int_equal(script_outage_at(&s, 60000)->kind, FAULT_503);
    assert_int_equal(script_outage_at(&s, 119999)->kind, FAULT_503);
    assert_int_equal(script_outage_at(&s, 120000)->kind, FAULT_529);
    assert_null(script_outage_at(&s, 121000));
    assert_int_equal(script_outage_at(&s, 505000)->kind, FAULT_RESET);
}

static void the_outage_in_a_span_is_what_overlaps_with_it(void **state)
{
    (void)state;
    struct script s;
    lh_error err = {0};
    assert_int_equal(script_parse(NULL, "10s..20s,30s..40s", &s, &err), 0);
    assert_int_equal(script_outage_ms(&s, 0, 10000), 0);
    assert_int_equal(script_outage_ms(&s, 0, 15000), 5000);
    assert_int_equal(script_outage_ms(&s, 12000, 13000), 1000);
    assert_int_equal(script_outage_ms(&s, 15000, 35000), 10000);
    assert_int_equal(script_outage_ms(&s, 0, 100000), 20000);
    assert_int_equal(script_outage_ms(&s, 20000, 30000), 0);
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    static const char *const changes[] = {"rpm=3",
                                          "60s",
                                          "60s:",
                                          "60s:rpm",
                                          "60s:rpm=",
                                          "60s:rpm=-1",
                                          "60s:rpm=1x",
                                          "x:rpm=1",
                                          ":rpm=1",
                                          "60s:cost=1",
                                          "9s:rpm=1,,",
                                          "9s:rpm=1,9s:rpm=2",
                                          "9s:rpm=1,8s:rpm=2",
                                          "60q:rpm=1",
                                          "60s:rpm=1e300",
                                          "60s:rpm=9999999999999999999",
                                          "1.2.3:rpm=1"};
    static const char *const outages[] = {"60s",       "60s..",    "..60s",     "60s..60s",     "60s..50s",
                                          "1..2:",     "1..2:400", "1..2:hang", "1..2:503:503", "1..3,2..4",
                                          "5..6,1..2", "a..b",     ":503",      "1...2"};
    struct script s;
    lh_error err = {0};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        if (script_parse(changes[i], NULL, &s, &err) != LH_EUSAGE)
            fail_msg("took the change %s", changes[i]);
        assert_non_null(strstr(err.message, "change: "));
    }
    for (size_t i = 0; i < sizeof outages / sizeof *outages; i++) {
        if (script_parse(NULL, outages[i], &s, &err) != LH_EUSAGE)
            fail_msg("took the outage %s", outages[i]);
        assert_non_null(strstr(err.message, "outage: "));
    }
}

static void no_more_than_there_is_room_for(void **state)
{
    (void)state;
    char changes[4096] = "", outages[4096] = "";
    struct script s;
    lh_error err = {0};
    for (int i = 0; i <= SCRIPT_MOST; i++) {
        size_t n = strlen(changes), m = strlen(outages);
        if (i == SCRIPT_MOST)
            assert_int_equal(script_parse(changes, outages, &s, &err), 0);
        snprintf(changes + n, sizeof changes - n, "%s%d:rpm=5", i > 0 ? "," : "", i);
        snprintf(outages + m, sizeof outages - m, "%s%d..%d", i > 0 ? "," : "", 2 * i, 2 * i + 1);
    }
    assert_int_equal(s.n_changes, SCRIPT_MOST);
    assert_int_equal(s.n_outages, SCRIPT_MOST);
    assert_int_equal(script_parse(changes, NULL, &s, &err), LH_EUSAGE);
    assert_int_equal(script_parse(NULL, outages, &s, &err), LH_EUSAGE);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_come_in_order_each_with_its_limits),
        cmocka_unit_test(outages_have_a_beginning_an_end_and_a_kind),
        cmocka_unit_test(the_outage_in_a_span_is_what_overlaps_with_it),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(no_more_than_there_is_room_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

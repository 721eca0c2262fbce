/* The score of a client: allowances summed over time, requests that come too early, bursts, the series. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "sim/score.h"

static void the_allowance_is_the_limit_summed_over_time_without_outages(void **state)
{
    (void)state;
    static struct score s;
    score_begin(&s, 7000);
    score_advance(&s, 17000, 0, 600, 0);         /* ten seconds of ten a second */
    score_advance(&s, 47000, 20000, 1200, 6000); /* thirty seconds, of which twenty were an outage */
    assert_int_equal(score_allowance(&s.requests), 100 + 200);
    assert_int_equal(score_allowance(&s.tokens), -1); /* there was no limit at first */
    score_advance(&s, 46000, 0, 9999, 9999);          /* the past is not summed again */
    assert_int_equal(score_allowance(&s.requests), 300);
}

static void small_steps_sum_to_the_same_as_one(void **state)
{
    (void)state;
    static struct score steps, one;
    score_begin(&steps, 0);
    score_begin(&one, 0);
    for (int64_t ms = 1; ms <= 59999; ms++)
        score_advance(&steps, ms, 0, 7, INT64_C(1000000000000));
    score_advance(&one, 59999, 0, 7, INT64_C(1000000000000));
    assert_int_equal(score_allowance(&steps.requests), 6);
    assert_int_equal(score_allowance(&one.requests), 6);
    assert_int_equal(score_allowance(&steps.tokens), INT64_C(999983333333));
    assert_int_equal(score_allowance(&one.tokens), INT64_C(999983333333));
}

static int64_t early_at(struct score *s, int64_t now_ms)
{
    int64_t before = s->too_early;
    score_came(s, now_ms);
    return s->too_early - before;
}

static void too_early_is_more_than_50_ms_before_the_end_of_a_told_wait(void **state)
{
    (void)state;
    static struct score s;
    score_begin(&s, 0);
    assert_int_equal(early_at(&s, 900), 0);
    score_told(&s, 1000, 3000);
    assert_int_equal(early_at(&s, 1049), 0); /* it was on its way already */
    assert_int_equal(early_at(&s, 1050), 1);
    assert_int_equal(early_at(&s, 2949), 1);
    assert_int_equal(early_at(&s, 2950), 0);
    assert_int_equal(early_at(&s, 5000), 0);
}

static void who_comes_all_the_time_is_too_early_however_often_it_is_told(void **state)
{
    (void)state;
    static struct score s;
    score_begin(&s, 0);
    for (int64_t ms = 0; ms < 1000; ms += 10) {
        score_came(&s, ms);
        score_told(&s, ms, ms + 200);
    }
    assert_int_equal(s.too_early, 95); /* all but those of the first 50 ms */
}

static void a_wait_that_is_told_ahead_begins_when_it_is_told(void **state)
{
    (void)state;
    static struct score s;
    score_begin(&s, 0);
    score_told(&s, 500, 1500);
    assert_int_equal(early_at(&s, 400), 0);
    assert_int_equal(early_at(&s, 600), 1);
    score_told(&s, 600, 1000); /* shorter: the longer holds */
    assert_int_equal(early_at(&s, 1200), 1);
    score_told(&s, 2000, 2500); /* another wait, after the first */
    assert_int_equal(early_at(&s, 2010), 0);
    assert_int_equal(early_at(&s, 2060), 1);
}

static void the_largest_burst_is_that_of_a_naive_count(void **state)
{
    (void)state;
    static struct score s;
    static int64_t times[4000];
    struct random random;
    int64_t now_ms = 123456, most = 0;
    random_seed(&random, 11);
    score_begin(&s, now_ms);
    for (int i = 0; i < 4000; i++) {
        now_ms += (int64_t)random_below(&random, random_below(&random, 20) == 0 ? 3000 : 15);
        times[i] = now_ms;
        score_came(&s, now_ms);
        int64_t count = 0;
        for (int j = i; j >= 0 && times[j] > now_ms - 1000; j--)
            count++;
        most = count > most ? count : most;
        assert_int_equal(s.recent_sum, count);
        assert_int_equal(s.largest_burst, most);
    }
}

static void a_full_series_halves_its_resolution_and_loses_nothing(void **state)
{
    (void)state;
    static struct score s;
    score_begin(&s, 1000);
    for (int64_t second = 0; second < 1201; second++) {
        score_came(&s, 1000 + second * 1000);
        if (second % 2 == 0)
            score_granted(&s, 1000 + second * 1000, 10);
        else
            score_refused(&s, 1000 + second * 1000);
    }
    score_advance(&s, 1000 + 1200 * 1000, 0, 60, 0);
    assert_int_equal(s.cell_ms, 4000);
    assert_int_equal(score_cells(&s), 301);
    for (size_t i = 0; i < 300; i++) {
        assert_int_equal(s.cells[i].came, 4);
        assert_int_equal(s.cells[i].granted, 2);
        assert_int_equal(s.cells[i].refused, 2);
    }
    assert_int_equal(s.cells[300].came, 1);
    assert_int_equal(s.granted_requests, 601);
    assert_int_equal(s.granted_tokens, 6010);
    assert_int_equal(s.refused, 600);
}

static void a_long_silence_halves_as_often_as_it_takes(void **state)
{
    (void)state;
    static struct score s;
    score_begin(&s, 0);
    score_came(&s, 0);
    score_came(&s, INT64_C(1000) * 86400 * 365);
    assert_int_equal(s.cells[0].came, 1);
    assert_int_equal(s.cell_ms, 65536000); /* 600 of them are more than a year, 600 halves are not */
    assert_int_equal(s.cells[481].came, 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_allowance_is_the_limit_summed_over_time_without_outages),
        cmocka_unit_test(small_steps_sum_to_the_same_as_one),
        cmocka_unit_test(too_early_is_more_than_50_ms_before_the_end_of_a_told_wait),
        cmocka_unit_test(who_comes_all_the_time_is_too_early_however_often_it_is_told),
        cmocka_unit_test(a_wait_that_is_told_ahead_begins_when_it_is_told),
        cmocka_unit_test(the_largest_burst_is_that_of_a_naive_count),
        cmocka_unit_test(a_full_series_halves_its_resolution_and_loses_nothing),
        cmocka_unit_test(a_long_silence_halves_as_often_as_it_takes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Waits between tries: the range and the mean of each jitter, growth, bounds, the provider's floor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "limit/backoff.h"

enum { SAMPLES = 20000 };

static const struct backoff standard = {.initial_ms = 1000, .max_ms = 60000, .base = 2};

static void sample(enum jitter jitter, int64_t failures, int64_t previous_ms, int64_t low, int64_t high)
{
    struct backoff b = standard;
    struct random r;
    double sum = 0;
    int64_t least = INT64_MAX, most = 0;
    b.jitter = jitter;
    random_seed(&r, 1);
    for (int i = 0; i < SAMPLES; i++) {
        int64_t wait = backoff_wait_ms(&b, failures, previous_ms, -1, &r);
        assert_in_range(wait, low, high);
        least = wait < least ? wait : least;
        most = wait > most ? wait : most;
        sum += (double)wait;
    }
    double width = (double)(high - low);
    assert_true(sum / SAMPLES >= (double)(low + high) / 2 - width / 50);
    assert_true(sum / SAMPLES <= (double)(low + high) / 2 + width / 50);
    assert_true((double)least <= (double)low + width / 100 && (double)most >= (double)high - width / 100);
}

static void each_jitter_is_uniform_over_its_range(void **state)
{
    (void)state;
    for (int64_t failures = 1, whole = 1000; failures < 12; failures++) {
        sample(JITTER_FULL, failures, 0, 0, whole);
        sample(JITTER_EQUAL, failures, 0, whole / 2, whole);
        sample(JITTER_NONE, failures, 0, whole, whole);
        whole = whole * 2 > 60000 ? 60000 : whole * 2;
    }
    sample(JITTER_DECORRELATED, 1, 0, 1000, 3000);
    sample(JITTER_DECORRELATED, 9, 5000, 1000, 15000);
    sample(JITTER_DECORRELATED, 2, 59000, 1000, 60000);
}

static void any_options_stay_within_zero_and_the_bound(void **state)
{
    static const double bases[] = {1, 1.0000001, 1.5, 2, 100, 1e300};
    struct random r;
    (void)state;
    random_seed(&r, 2);
    for (int i = 0; i < SAMPLES; i++) {
        struct backoff b = {.initial_ms = 1 + (int64_t)random_below(&r, UINT64_C(1) << random_below(&r, 40)),
                            .base = bases[random_below(&r, 6)],
                            .jitter = (enum jitter)random_below(&r, 4)};
        b.max_ms = b.initial_ms + (int64_t)random_below(&r, UINT64_C(1) << random_below(&r, 61));
        int64_t failures = (int64_t)(random_u64(&r) >> (1 + random_below(&r, 63)));
        int64_t previous = (int64_t)(random_u64(&r) >> (1 + random_below(&r, 63)));
        int64_t wait = backoff_wait_ms(&b, failures, previous, -1, &r);
        assert_true(wait >= 0 && wait <= b.max_ms);
    }
}

static void the_floor_is_kept_and_spread_by_a_tenth(void **state)
{
    struct backoff b = standard;
    struct random r;
    int64_t most = 0;
    (void)state;
    random_seed(&r, 3);
    b.jitter = JITTER_FULL;
    for (int i = 0; i < SAMPLES; i++) {
        assert_in_range(backoff_wait_ms(&b, 1, 0, 5000, &r), 5000, 5500);
        int64_t wait = backoff_wait_ms(&b, 1, 0, 900000, &r); /* beyond max_ms: the provider knows better */
        assert_in_range(wait, 900000, 901000);
        most = wait > most ? wait : most;
    }
    assert_true(most > 900900);
}

static void a_floor_below_the_wait_changes_nothing(void **state)
{
    struct backoff b = standard;
    struct random r;
    (void)state;
    random_seed(&r, 4);
    b.jitter = JITTER_NONE;
    assert_int_equal(backoff_wait_ms(&b, 4, 0, 100, &r), 8000);
    assert_int_equal(backoff_wait_ms(&b, 4, 0, 0, &r), 8000);
}

static void the_same_seed_gives_the_same_waits(void **state)
{
    struct backoff b = standard;
    struct random x, y;
    (void)state;
    random_seed(&x, 5);
    random_seed(&y, 5);
    for (int i = 1; i < 100; i++)
        assert_int_equal(backoff_wait_ms(&b, i, 0, -1, &x), backoff_wait_ms(&b, i, 0, -1, &y));
}

static void names_lead_to_jitters_and_back(void **state)
{
    enum jitter j = JITTER_FULL;
    (void)state;
    for (int i = 0; i < 4; i++) {
        assert_true(jitter_from_name(jitter_name((enum jitter)i), &j));
        assert_int_equal(j, i);
    }
    assert_false(jitter_from_name("some", &j));
    assert_false(jitter_from_name("", &j));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_jitter_is_uniform_over_its_range),
        cmocka_unit_test(any_options_stay_within_zero_and_the_bound),
        cmocka_unit_test(the_floor_is_kept_and_spread_by_a_tenth),
        cmocka_unit_test(a_floor_below_the_wait_changes_nothing),
        cmocka_unit_test(the_same_seed_gives_the_same_waits),
        cmocka_unit_test(names_lead_to_jitters_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

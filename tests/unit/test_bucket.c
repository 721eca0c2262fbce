/* The token bucket against a slow model that counts every millisecond in exact fractions, and its promises one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "limit/bucket.h"

enum { STEPS = 20000 };

/* Levels in 1/60,000 micro-tokens: nothing is ever divided. */
struct model {
    __int128 level, capacity;
    int64_t flow, at_ms;
};

static void model_go(struct model *m, int64_t now_ms)
{
    if (now_ms <= m->at_ms)
        return;
    m->level += (__int128)(now_ms - m->at_ms) * m->flow;
    m->level = m->level > m->capacity ? m->capacity : m->level;
    m->at_ms = now_ms;
}

static void model_change(struct model *m, int64_t tokens)
{
    m->level += (__int128)tokens * BUCKET_MICRO * 60000;
    m->level = m->level > m->capacity ? m->capacity : m->level;
}

static bool model_ready(const struct model *m, int64_t n)
{
    __int128 wanted = (__int128)n * BUCKET_MICRO * 60000;
    return m->level >= (wanted > m->capacity ? m->capacity : wanted);
}

static void assert_same(struct bucket *b, const struct model *m)
{
    assert_true((__int128)b->level * 60000 + b->fraction == m->level);
    assert_true(b->level <= b->capacity);
}

static void walk(struct random *r, int64_t flow, int64_t capacity, int64_t largest)
{
    struct bucket b;
    int64_t now = 0;
    bucket_init_micro(&b, flow, capacity, now);
    struct model m = {
        .flow = b.flow, .capacity = (__int128)b.capacity * 60000, .level = (__int128)b.capacity * 60000};
    for (int i = 0; i < STEPS; i++) {
        int64_t n = 1 + (int64_t)random_below(r, (uint64_t)largest);
        now += random_below(r, 3) == 0 ? 0 : (int64_t)random_below(r, 500);
        model_go(&m, now);
        switch (random_below(r, 3)) {
        case 0:
            if (bucket_ready_at(&b, now, n) == now) {
                assert_true(model_ready(&m, n));
                bucket_take(&b, now, n);
                model_change(&m, -n);
            } else {
                assert_false(model_ready(&m, n));
            }
            break;
        case 1:
            bucket_return(&b, now, n / 2);
            model_change(&m, n / 2);
            break;
        default:
            bucket_return(&b, now, -(n / 4));
            model_change(&m, -(n / 4));
        }
        bucket_available(&b, now);
        assert_same(&b, &m);
    }
}

static void bucket_equals_a_model_in_exact_fractions(void **state)
{
    struct random r;
    (void)state;
    random_seed(&r, 1);
    for (int i = 0; i < 25; i++)
        walk(&r, 1 + (int64_t)random_below(&r, UINT64_C(1) << (4 + i)),
             BUCKET_MICRO + (int64_t)random_below(&r, 1000) * 123457, 1 + i * 40);
}

static void ready_at_is_the_first_millisecond_that_is_enough(void **state)
{
    struct random r;
    (void)state;
    random_seed(&r, 2);
    for (int i = 0; i < STEPS; i++) {
        struct bucket b;
        int64_t capacity = 1 + (int64_t)random_below(&r, 1000), n = 1 + (int64_t)random_below(&r, 2000);
        bucket_init(&b, 1 + (int64_t)random_below(&r, 1000000), capacity, 0);
        bucket_take(&b, 0, 1 + (int64_t)random_below(&r, 3000));
        int64_t at = bucket_ready_at(&b, 0, n);
        if (at == 0)
            continue;
        struct bucket before = b;
        assert_true(bucket_ready_at(&before, at - 1, n) == at);
        assert_true(bucket_ready_at(&b, at, n) == at);
    }
}

static void a_year_of_refills_drifts_by_nothing(void **state)
{
    struct bucket b;
    int64_t taken = 0, year_ms = INT64_C(365) * 86400 * 1000, step = 997 * 613;
    (void)state;
    bucket_init(&b, 7, 1000000000, 0); /* 7 a minute: no whole micro-token a millisecond */
    bucket_take(&b, 0, 1000000000);
    for (int64_t now = 0; now <= year_ms; now += step) {
        int64_t n = bucket_available(&b, now);
        bucket_take(&b, now, n);
        taken += n;
    }
    assert_int_equal(taken, (year_ms / step * step) * 7 / 60000);
}

static void more_than_the_capacity_passes_when_full_and_leaves_debt(void **state)
{
    struct bucket b;
    (void)state;
    bucket_init(&b, 600, 10, 0);
    assert_int_equal(bucket_ready_at(&b, 0, 1000), 0);
    bucket_take(&b, 0, 1);
    assert_int_equal(bucket_ready_at(&b, 0, 1000), 100);
    bucket_take(&b, 100, 1000);
    assert_int_equal(bucket_available(&b, 100), -990);
    assert_int_equal(bucket_ready_at(&b, 100, 1), 100 + 99100);
}

static void what_comes_back_never_fills_above_the_capacity(void **state)
{
    struct bucket b;
    (void)state;
    bucket_init(&b, 600, 10, 0);
    bucket_take(&b, 0, 4);
    bucket_return(&b, 0, 1000);
    assert_int_equal(bucket_available(&b, 0), 10);
    bucket_return(&b, 0, -25);
    assert_int_equal(bucket_available(&b, 0), -15);
}

static void no_rate_is_no_limit(void **state)
{
    struct bucket b;
    (void)state;
    bucket_init(&b, 0, 1, 0);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(bucket_ready_at(&b, 5, INT64_MAX), 5);
        bucket_take(&b, 5, INT64_MAX);
    }
}

static void a_clock_that_goes_back_stands_still(void **state)
{
    struct bucket b;
    (void)state;
    bucket_init(&b, 60, 1, 1000000);
    bucket_take(&b, 1000000, 1);
    assert_int_equal(bucket_available(&b, 10), 0);
    assert_int_equal(bucket_ready_at(&b, 10, 1), 1001000);
}

/* Under the sanitizers an overflow ends the test. */
static void no_amount_rate_or_time_overflows(void **state)
{
    static const int64_t amounts[] = {INT64_MIN, -1, 0, 1, 1000000, INT64_MAX};
    struct random r;
    (void)state;
    random_seed(&r, 3);
    for (int i = 0; i < 2000; i++) {
        struct bucket b;
        int64_t now = 0;
        bucket_init(&b, amounts[random_below(&r, 6)], amounts[random_below(&r, 6)], now);
        for (int k = 0; k < 20; k++) {
            int64_t n = amounts[random_below(&r, 6)];
            now += (int64_t)random_below(&r, UINT64_C(1) << random_below(&r, 57));
            assert_true(bucket_ready_at(&b, now, n) >= now);
            random_below(&r, 2) == 0 ? bucket_take(&b, now, n) : bucket_return(&b, now, n);
            assert_true(b.level <= b.capacity);
        }
    }
}

/* Somebody takes as he may while we do not look; we know how often, how much at most, and the level before. */
static void what_another_took_leaves_no_more_than_he_left(void **state)
{
    struct random r;
    (void)state;
    random_seed(&r, 3);
    for (int round = 0; round < 3000; round++) {
        struct bucket his, ours;
        int64_t now = 0, count = 0, most = 1 + (int64_t)random_below(&r, 300);
        bucket_init(&his, 1 + (int64_t)random_below(&r, 6000), 1 + (int64_t)random_below(&r, 200), 0);
        bucket_take(&his, 0, (int64_t)random_below(&r, 300));
        ours = his;
        for (uint64_t takes = random_below(&r, 30); takes > 0; takes--) {
            int64_t n = 1 + (int64_t)random_below(&r, (uint64_t)most), at = bucket_ready_at(&his, now, n);
            if (at > 20000)
                break;
            now = at + (int64_t)random_below(&r, 3) * (int64_t)random_below(&r, 400);
            bucket_take(&his, now, n);
            count++;
        }
        now += (int64_t)random_below(&r, 100);
        bucket_spend(&ours, now, count, most);
        int64_t his_level = bucket_available(&his, now);
        assert_true(bucket_available(&ours, now) <= his_level);
        if (count == 0)
            assert_int_equal(bucket_available(&ours, now), his_level);
    }
}

static void a_wrong_count_empties_the_bucket_and_no_more(void **state)
{
    struct bucket b;
    (void)state;
    bucket_init(&b, 600, 50, 0);
    bucket_spend(&b, 0, 3, 10);
    assert_int_equal(bucket_available(&b, 0), 20);
    bucket_spend(&b, 0, INT64_MAX, 10);
    assert_int_equal(bucket_available(&b, 0), 0);
    bucket_spend(&b, 0, INT64_MAX, INT64_MAX);
    assert_int_equal(bucket_available(&b, 0),
                     50 - BUCKET_MOST_TOKENS); /* one that was larger than the bucket */
    bucket_init(&b, 600, 50, 0);
    bucket_take(&b, 0, 90);
    bucket_spend(&b, 0, 7, 50);
    assert_int_equal(bucket_available(&b, 0), -40); /* in debt nobody took anything */
    bucket_spend(&b, 0, -7, 50);
    bucket_spend(&b, 0, 7, -50);
    assert_int_equal(bucket_available(&b, 0), -40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bucket_equals_a_model_in_exact_fractions),
        cmocka_unit_test(ready_at_is_the_first_millisecond_that_is_enough),
        cmocka_unit_test(a_year_of_refills_drifts_by_nothing),
        cmocka_unit_test(more_than_the_capacity_passes_when_full_and_leaves_debt),
        cmocka_unit_test(what_comes_back_never_fills_above_the_capacity),
        cmocka_unit_test(no_rate_is_no_limit),
        cmocka_unit_test(a_clock_that_goes_back_stands_still),
        cmocka_unit_test(no_amount_rate_or_time_overflows),
        cmocka_unit_test(what_another_took_leaves_no_more_than_he_left),
        cmocka_unit_test(a_wrong_count_empties_the_bucket_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

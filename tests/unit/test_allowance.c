/* Limits as providers enforce them, in simulated time: the rolling window against a naive model, fixed minutes, the bucket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "sim/allowance.h"

enum { MINUTE_MS = 60000 };

static struct allowance new_allowance(enum enforcement kind, int64_t per_minute, int64_t now_ms)
{
    struct allowance a;
    lh_error err = {0};
    if (allowance_init(&a, kind, per_minute, 1000, now_ms, &err) != 0)
        fail_msg("%s", err.message);
    return a;
}

static bool ask(struct allowance *a, int64_t now_ms, int64_t n)
{
    if (allowance_ready_at(a, now_ms, n) != now_ms)
        return false;
    allowance_take(a, now_ms, n);
    return true;
}

/* ---- the rolling window ---- */

struct model { /* every grant there ever was */
    struct {
        int64_t at_ms, n;
    } grants[20000];
    size_t count;
};

static int64_t model_used(const struct model *m, int64_t now_ms)
{
    int64_t sum = 0;
    for (size_t i = m->count; i > 0 && m->grants[i - 1].at_ms > now_ms - MINUTE_MS; i--)
        sum += m->grants[i - 1].n;
    return sum;
}

/* The first time from now on at which n would fit: sums change only when a grant leaves. */
static int64_t model_ready_at(const struct model *m, int64_t now_ms, int64_t n, int64_t limit)
{
    if (n > limit)
        return INT64_MAX;
    if (model_used(m, now_ms) + n <= limit)
        return now_ms;
    for (size_t i = 0; i < m->count; i++) {
        int64_t leaves = m->grants[i].at_ms + MINUTE_MS;
        if (leaves > now_ms && model_used(m, leaves) + n <= limit)
            return leaves;
    }
    return -1;
}

/* What was granted in the minute that begins with grant i. */
static int64_t model_from(const struct model *m, size_t i)
{
    int64_t end_ms = m->grants[i].at_ms + MINUTE_MS, sum = 0;
    for (; i < m->count && m->grants[i].at_ms < end_ms; i++)
        sum += m->grants[i].n;
    return sum;
}

static void walk_window(uint64_t seed, int64_t limit, int64_t most_n, int64_t most_step_ms)
{
    static struct model m;
    struct random random;
    int64_t now_ms = 5;
    struct allowance a = new_allowance(ENFORCE_WINDOW, limit, now_ms);
    m.count = 0;
    random_seed(&random, seed);
    for (int i = 0; i < 3000; i++) {
        int64_t n = 1 + (int64_t)random_below(&random, (uint64_t)most_n);
        bool pause = random_below(&random, 500) == 0;
        now_ms += (int64_t)random_below(&random, (uint64_t)most_step_ms) + (pause ? 50000 : 0);
        int64_t want = model_ready_at(&m, now_ms, n, limit);
        assert_int_equal(allowance_ready_at(&a, now_ms, n), want);
        if (want == now_ms) {
            allowance_take(&a, now_ms, n);
            m.grants[m.count].at_ms = now_ms;
            m.grants[m.count++].n = n;
        }
        assert_int_equal(allowance_left(&a, now_ms), limit - model_used(&m, now_ms));
    }
    for (size_t i = 0; i < m.count; i++) /* no span that begins with a grant holds more */
        assert_true(model_from(&m, i) <= limit);
    allowance_free(&a);
}

static void window_decides_as_a_naive_model_does(void **state)
{
    (void)state;
    walk_window(1, 50, 1, 500);
    walk_window(2, 1, 1, 9000);
    walk_window(3, 100, 120, 900); /* some ask for more than the limit */
    walk_window(4, 400, 30, 100);
    walk_window(5, 37, 1, 3); /* many in one millisecond */
}

static void window_of_any_limit_remembers_a_minute_of_milliseconds(void **state)
{
    (void)state;
    struct allowance a = new_allowance(ENFORCE_WINDOW, INT64_C(1000000000), 0);
    for (int64_t ms = 0; ms < 3 * MINUTE_MS; ms++)
        for (int again = 0; again < 2; again++)
            assert_true(ask(&a, ms, 3));
    assert_int_equal(a.count, MINUTE_MS);
    assert_int_equal(a.used, 6 * MINUTE_MS);
    assert_int_equal(allowance_full_in_ms(&a, 3 * MINUTE_MS - 1), MINUTE_MS);
    assert_int_equal(allowance_left(&a, 4 * MINUTE_MS), INT64_C(1000000000));
    assert_int_equal(allowance_full_in_ms(&a, 4 * MINUTE_MS), 0);
    allowance_free(&a);
}

/* ---- the other kinds ---- */

static void minutes_begin_at_the_start_and_are_fixed(void **state)
{
    (void)state;
    struct allowance a = new_allowance(ENFORCE_MINUTE, 3, 1000);
    assert_true(ask(&a, 60000, 3)); /* the last second of the first minute */
    assert_false(ask(&a, 60999, 1));
    assert_int_equal(allowance_ready_at(&a, 60999, 1), 61000);
    assert_int_equal(allowance_full_in_ms(&a, 60990), 10);
    assert_true(ask(&a, 61000, 3)); /* twice the limit in a second or so: this is how fixed minutes are */
    assert_int_equal(allowance_ready_at(&a, 61000, 1), 121000);
    assert_int_equal(allowance_left(&a, 500000), 3);
    assert_true(ask(&a, 500000, 2)); /* minutes later, still on the same grid: 481,000 to 541,000 */
    assert_int_equal(allowance_ready_at(&a, 500000, 2), 541000);
    allowance_free(&a);
}

static void bucket_holds_its_burst_and_flows(void **state)
{
    (void)state;
    struct allowance a = new_allowance(ENFORCE_BUCKET, 600, 0); /* ten a second, a second's worth held */
    int granted = 0;
    while (ask(&a, 0, 1))
        granted++;
    assert_int_equal(granted, 10);
    assert_int_equal(allowance_ready_at(&a, 0, 1), 100);
    assert_int_equal(allowance_full_in_ms(&a, 0), 1000);
    assert_int_equal(allowance_left(&a, 550), 5);
    allowance_free(&a);
}

static void more_than_the_limit_is_never_granted_by_windows_and_minutes(void **state)
{
    (void)state;
    for (enum enforcement kind = ENFORCE_WINDOW; kind <= ENFORCE_MINUTE; kind++) {
        struct allowance a = new_allowance(kind, 10, 0);
        assert_int_equal(allowance_ready_at(&a, 0, 11), INT64_MAX);
        assert_true(ask(&a, 0, 10));
        allowance_free(&a);
    }
}

static void no_limit_grants_everything_and_a_later_one_knows_of_it(void **state)
{
    (void)state;
    for (enum enforcement kind = ENFORCE_BUCKET; kind <= ENFORCE_MINUTE; kind++) {
        struct allowance a = new_allowance(kind, 0, 0);
        for (int i = 0; i < 100; i++)
            assert_true(ask(&a, 10, 7));
        assert_int_equal(allowance_full_in_ms(&a, 10), 0);
        allowance_change(&a, 20, 60);
        assert_int_equal(ask(&a, 20, 1), kind == ENFORCE_BUCKET); /* which keeps no books of the past */
        allowance_free(&a);
    }
}

static void refused_requests_count_when_they_are_to(void **state)
{
    (void)state;
    struct allowance window = new_allowance(ENFORCE_WINDOW, 2, 0);
    assert_true(ask(&window, 0, 2));
    allowance_take_refused(&window, 30000, 1);
    allowance_take_refused(&window, 40000, 5);                       /* no more than the limit: 2 */
    assert_int_equal(allowance_ready_at(&window, 60000, 1), 100000); /* 1 + 2 are left of which 2 may be */
    allowance_free(&window);
    struct allowance minute = new_allowance(ENFORCE_MINUTE, 2, 0);
    allowance_take_refused(&minute, 100, 1);
    assert_true(ask(&minute, 200, 1));
    assert_false(ask(&minute, 300, 1));
    assert_int_equal(allowance_left(&minute, 60000), 2);
    allowance_free(&minute);
    struct allowance bucket = new_allowance(ENFORCE_BUCKET, 60, 0);
    assert_true(ask(&bucket, 0, 1));
    for (int64_t ms = 500; ms < 60000; ms += 500) { /* who comes twice as often as allowed gets nothing … */
        assert_false(ask(&bucket, ms, 1));
        allowance_take_refused(&bucket, ms, 1);
    }
    assert_int_equal(allowance_ready_at(&bucket, 59500, 1), 60500); /* … but no debt */
    allowance_free(&bucket);
}

static void a_changed_limit_holds_at_once_and_forgives_nothing(void **state)
{
    (void)state;
    struct allowance window = new_allowance(ENFORCE_WINDOW, 10, 0);
    assert_true(ask(&window, 0, 6));
    assert_true(ask(&window, 1000, 4));
    allowance_change(&window, 2000, 5);
    assert_int_equal(allowance_left(&window, 2000), 0);
    assert_int_equal(allowance_ready_at(&window, 2000, 1), 60000);
    allowance_change(&window, 3000, 12);
    assert_int_equal(allowance_left(&window, 3000), 2);
    allowance_free(&window);
    struct allowance bucket = new_allowance(ENFORCE_BUCKET, 600, 0);
    assert_true(ask(&bucket, 0, 8));
    allowance_change(&bucket, 100, 6000); /* 2 were left, 1 flowed in */
    assert_int_equal(allowance_left(&bucket, 100), 3);
    assert_int_equal(allowance_left(&bucket, 200), 13);
    allowance_change(&bucket, 200, 60);
    assert_int_equal(allowance_left(&bucket, 200), 1);
    allowance_free(&bucket);
}

static void kinds_are_named(void **state)
{
    (void)state;
    enum enforcement kind = ENFORCE_BUCKET;
    lh_error err = {0};
    assert_int_equal(enforcement_parse("minute", &kind, &err), 0);
    assert_int_equal(kind, ENFORCE_MINUTE);
    assert_int_equal(enforcement_parse("window", &kind, &err), 0);
    assert_int_equal(kind, ENFORCE_WINDOW);
    assert_int_equal(enforcement_parse("bucket", &kind, &err), 0);
    assert_int_equal(kind, ENFORCE_BUCKET);
    assert_int_equal(enforcement_parse("day", &kind, &err), LH_EUSAGE);
    assert_non_null(strstr(err.message, "bucket, window or minute"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(window_decides_as_a_naive_model_does),
        cmocka_unit_test(window_of_any_limit_remembers_a_minute_of_milliseconds),
        cmocka_unit_test(minutes_begin_at_the_start_and_are_fixed),
        cmocka_unit_test(bucket_holds_its_burst_and_flows),
        cmocka_unit_test(more_than_the_limit_is_never_granted_by_windows_and_minutes),
        cmocka_unit_test(no_limit_grants_everything_and_a_later_one_knows_of_it),
        cmocka_unit_test(refused_requests_count_when_they_are_to),
        cmocka_unit_test(a_changed_limit_holds_at_once_and_forgives_nothing),
        cmocka_unit_test(kinds_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

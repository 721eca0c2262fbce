/* The time that limits leave: each against a reckoning by hand, and what must hold for any. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "base/random.h"
#include "estimate/forecast.h"

/* `each`: prompt and answer of one request in tokens, ms that it takes. */
struct each {
    double prompt, answer, ms;
};

static struct forecast_work work_of(double requests, struct each e, uint64_t can)
{
    struct forecast_work w = {.can = can};
    w.use[FORECAST_CONCURRENCY] = requests * e.ms;
    w.use[FORECAST_RPM] = w.use[FORECAST_WINDOW] = requests;
    w.use[FORECAST_TPM] = requests * (e.prompt + e.answer);
    w.use[FORECAST_ITPM] = requests * e.prompt;
    w.use[FORECAST_OTPM] = requests * e.answer;
    return w;
}

static struct forecast alone(const lh_endpoint_options *o, double requests, struct each e)
{
    struct forecast_endpoint at;
    struct forecast_work w = work_of(requests, e, 1);
    struct forecast f;
    double share = 0;
    forecast_endpoint_of(o, &at);
    forecast(&at, 1, &w, 1, &share, &f);
    assert_true(fabs(share - 1) < 1e-9);
    return f;
}

/* A minute's limit gives 99 % of itself; a full bucket holds half a second's, of requests half a one more. */
static void each_limit_takes_as_long_as_reckoned_by_hand(void **state)
{
    static const struct {
        lh_endpoint_options options;
        double requests;
        struct each each;
        double ms;
        enum forecast_limit limit;
    } cases[] = {
        /* 200 ms each, 4 at once: 25 rounds. */
        {{.concurrency = 4}, 100, {1, 1, 200}, 5000, FORECAST_CONCURRENCY},
        /* Half a round more than whole ones is a round. */
        {{.concurrency = 4}, 102, {1, 1, 200}, 5200, FORECAST_CONCURRENCY},
        {{.concurrency = 4}, 5, {1, 1, 200}, 400, FORECAST_CONCURRENCY},
        /* All at once, but for the first answer of an endpoint without limits: four go ahead of it, and after each 2 s twice as many. */
        {{.concurrency = 50, .ignore_told = true}, 50, {1, 1, 200}, 200, FORECAST_NONE},
        {{.concurrency = 50}, 4, {1, 1, 200}, 200, FORECAST_NONE},
        {{.concurrency = 50}, 50, {1, 1, 200}, 400, FORECAST_NONE},
        {{.concurrency = 50}, 51, {1, 1, 200}, 600, FORECAST_CONCURRENCY},
        {{.concurrency = 50}, 16, {1, 1, 9000}, 13000, FORECAST_NONE},
        {{.concurrency = 32}, 64, {1, 1, 9000}, 24000, FORECAST_CONCURRENCY},
        {{.concurrency = 50, .rpm = 60000000}, 50, {1, 1, 200}, 200, FORECAST_NONE},
        /* 600 a minute: 5.5 at once, 9.9 a second; the last comes 100 ms after it went. */
        {{.concurrency = 1000, .rpm = 600}, 500, {1, 1, 100}, 494.5 / 9.9 * 1e3 + 100, FORECAST_RPM},
        /* 60,000 tokens: 500.5 at once, 990 a second. */
        {{.concurrency = 1000, .tpm = 60000}, 1000, {70, 30, 0}, (100000 - 500.5) / 0.99, FORECAST_TPM},
        {{.concurrency = 1000, .itpm = 60000}, 1000, {100, 30, 0}, (100000 - 500.5) / 0.99, FORECAST_ITPM},
        {{.concurrency = 1000, .otpm = 60000}, 1000, {70, 100, 0}, (100000 - 500.5) / 0.99, FORECAST_OTPM},
        /* A request larger than the bucket goes when it is full: two of 10,000 wait once. */
        {{.concurrency = 9, .tpm = 60000}, 2, {10000, 0, 0}, 10000 / 0.99, FORECAST_TPM},
        {{.concurrency = 9, .tpm = 60000}, 1, {10000, 0, 30}, 30, FORECAST_NONE},
        /* 10 in each 3 s: the 31st begins the fourth. */
        {{.concurrency = 99, .window_count = 10, .window_ms = 3000}, 30, {1, 1, 7}, 6007, FORECAST_WINDOW},
        {{.concurrency = 99, .window_count = 10, .window_ms = 3000}, 31, {1, 1, 7}, 9007, FORECAST_WINDOW},
        /* The latest of several. */
        {{.concurrency = 1, .rpm = 600, .tpm = 6000000}, 100, {1, 1, 200}, 20000, FORECAST_CONCURRENCY},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct forecast f = alone(&cases[i].options, cases[i].requests, cases[i].each);
        if (fabs(f.ms - cases[i].ms) > 0.01 || f.limit != cases[i].limit)
            fail_msg("case %zu: %.3f ms by %d, not %.3f by %d", i, f.ms, (int)f.limit, cases[i].ms,
                     (int)cases[i].limit);
    }
}

static lh_endpoint_options any_options(struct random *r)
{
    lh_endpoint_options o = {.concurrency = 1 + (int64_t)random_below(r, 100)};
    o.rpm = random_below(r, 2) ? 1 + (int64_t)random_below(r, 5000) : 0;
    o.tpm = random_below(r, 2) ? 100 + (int64_t)random_below(r, 500000) : 0;
    o.itpm = random_below(r, 3) == 0 ? 100 + (int64_t)random_below(r, 500000) : 0;
    o.otpm = random_below(r, 3) == 0 ? 100 + (int64_t)random_below(r, 500000) : 0;
    if (random_below(r, 3) == 0) {
        o.window_count = 1 + (int64_t)random_below(r, 50);
        o.window_ms = 1 + (int64_t)random_below(r, 5000);
    }
    return o;
}

static struct each any_request(struct random *r)
{
    return (struct each){(double)(1 + random_below(r, 2000)), (double)random_below(r, 500),
                         (double)(1 + random_below(r, 3000))};
}

static void more_requests_never_take_less_time(void **state)
{
    struct random r;
    (void)state;
    random_seed(&r, 1);
    for (int i = 0; i < 300; i++) {
        lh_endpoint_options o = any_options(&r);
        struct each each = any_request(&r);
        double before = 0;
        for (double n = 1; n < 5000; n = floor(n * 1.7) + 1) {
            double ms = alone(&o, n, each).ms;
            assert_true(ms >= before - 1e-6);
            before = ms;
        }
    }
}

static void a_tighter_limit_never_takes_less_time(void **state)
{
    struct random r;
    (void)state;
    random_seed(&r, 2);
    for (int i = 0; i < 500; i++) {
        lh_endpoint_options loose = any_options(&r), tight;
        struct each each = any_request(&r);
        tight = loose;
        tight.rpm = loose.rpm > 1 ? loose.rpm / 2 : 100;
        tight.tpm = loose.tpm > 0 ? loose.tpm / 3 + 1 : 100000;
        assert_true(alone(&tight, 1000, each).ms >= alone(&loose, 1000, each).ms - 1e-6);
    }
}

static void two_endpoints_alike_do_as_much_as_one_of_twice_the_limits(void **state)
{
    static const lh_endpoint_options half = {.concurrency = 100, .rpm = 600},
                                     whole = {.concurrency = 200, .rpm = 1200};
    struct forecast_endpoint e[2];
    struct forecast_work w = work_of(1000, (struct each){10, 10, 50}, 3);
    struct forecast f;
    double share[2];
    (void)state;
    forecast_endpoint_of(&half, &e[0]);
    forecast_endpoint_of(&half, &e[1]);
    forecast(e, 2, &w, 1, share, &f);
    assert_true(fabs(share[0] - 0.5) < 1e-6 && fabs(share[1] - 0.5) < 1e-6);
    assert_true(fabs(f.at[0].requests - 500) < 1e-3);
    /* 2 × 5.5 requests at once, where one bucket of both holds 10.5. */
    double one = alone(&whole, 1000, (struct each){10, 10, 50}).ms;
    assert_true(fabs(f.ms - (one - 0.5 / 19.8 * 1e3)) < 0.01);
}

static void work_goes_by_what_each_endpoint_can_do(void **state)
{
    static const lh_endpoint_options slow = {.concurrency = 1000, .rpm = 600},
                                     fast = {.concurrency = 1000, .rpm = 5400};
    struct forecast_endpoint e[2];
    struct forecast_work w = work_of(10000, (struct each){10, 10, 50}, 3);
    struct forecast f;
    double share[2];
    (void)state;
    forecast_endpoint_of(&slow, &e[0]);
    forecast_endpoint_of(&fast, &e[1]);
    forecast(e, 2, &w, 1, share, &f);
    assert_true(fabs(share[0] - 0.1) < 1e-3);
    assert_true(fabs(f.at[0].ms - f.at[1].ms) < 0.01);
}

/* Work that only the first can do fills it, and what both can do goes to the second. */
static void what_has_a_choice_leaves_room_for_what_has_none(void **state)
{
    static const lh_endpoint_options o = {.concurrency = 1000, .rpm = 600};
    const struct each each = {10, 10, 50};
    struct forecast_endpoint e[2];
    struct forecast_work w[] = {work_of(1000, each, 3), work_of(1000, each, 1)};
    struct forecast f;
    double share[4];
    (void)state;
    forecast_endpoint_of(&o, &e[0]);
    forecast_endpoint_of(&o, &e[1]);
    forecast(e, 2, w, 2, share, &f);
    assert_true(share[1] > 0.999);
    assert_true(share[2] > 0.999 && share[3] == 0);
    assert_true(fabs(f.ms - alone(&o, 1000, each).ms) < 50);
}

static void several_endpoints_are_never_slower_than_any_alone(void **state)
{
    struct random r;
    (void)state;
    random_seed(&r, 3);
    for (int i = 0; i < 300; i++) {
        lh_endpoint_options o[3];
        struct forecast_endpoint e[3];
        struct each each = any_request(&r);
        struct forecast_work w = work_of(2000, each, 7);
        struct forecast f;
        double share[3], sum = 0;
        for (int k = 0; k < 3; k++) {
            o[k] = any_options(&r);
            o[k].window_count = o[k].window_ms = 0;
            forecast_endpoint_of(&o[k], &e[k]);
        }
        forecast(e, 3, &w, 1, share, &f);
        for (int k = 0; k < 3; k++) {
            sum += share[k];
            assert_true(f.ms <= alone(&o[k], 2000, each).ms + 1e-3);
        }
        assert_true(fabs(sum - 1) < 1e-6);
    }
}

static void what_is_not_bounded_matters_only_where_a_limit_counts_it(void **state)
{
    static const lh_endpoint_options by_requests = {.concurrency = 1000, .rpm = 600},
                                     by_tokens = {.concurrency = 1000, .rpm = 600, .otpm = 1000};
    const struct each endless = {10, (double)INFINITY, 100}, unknown = {10, (double)NAN, 100};
    (void)state;
    assert_true(isfinite(alone(&by_requests, 500, endless).ms));
    assert_true(isinf(alone(&by_tokens, 500, endless).ms));
    assert_true(isfinite(alone(&by_requests, 500, unknown).ms));
    assert_true(isnan(alone(&by_tokens, 500, unknown).ms));
}

static void nothing_to_do_takes_no_time(void **state)
{
    static const lh_endpoint_options o = {.concurrency = 1, .rpm = 1, .tpm = 1};
    struct forecast_endpoint e;
    struct forecast_work w = work_of(0, (struct each){1, 1, 1}, 1);
    struct forecast f;
    double share = 0;
    (void)state;
    forecast_endpoint_of(&o, &e);
    forecast(&e, 1, &w, 1, &share, &f);
    assert_true(f.ms == 0 && f.limit == FORECAST_NONE);
    forecast(&e, 1, NULL, 0, &share, &f);
    assert_true(f.ms == 0);
    assert_string_equal(forecast_limit_name(f.limit), "");
    assert_string_equal(forecast_limit_name(FORECAST_RPM), "requests per minute");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_limit_takes_as_long_as_reckoned_by_hand),
        cmocka_unit_test(more_requests_never_take_less_time),
        cmocka_unit_test(a_tighter_limit_never_takes_less_time),
        cmocka_unit_test(two_endpoints_alike_do_as_much_as_one_of_twice_the_limits),
        cmocka_unit_test(work_goes_by_what_each_endpoint_can_do),
        cmocka_unit_test(what_has_a_choice_leaves_room_for_what_has_none),
        cmocka_unit_test(several_endpoints_are_never_slower_than_any_alone),
        cmocka_unit_test(what_is_not_bounded_matters_only_where_a_limit_counts_it),
        cmocka_unit_test(nothing_to_do_takes_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

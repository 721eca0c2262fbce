/* The circuit breaker: opens on the share of faults and nothing else, asks with one probe, comes back in steps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "limit/breaker.h"

static struct breaker new_breaker(void)
{
    struct breaker_options o;
    struct breaker b;
    breaker_options_default(&o);
    breaker_init(&b, &o, 0);
    return b;
}

static void one(struct breaker *b, int64_t now_ms, enum breaker_outcome outcome)
{
    assert_int_equal(breaker_ready_at(b, now_ms), now_ms);
    breaker_settle(b, now_ms, breaker_take(b, now_ms), outcome);
}

static void many(struct breaker *b, int64_t now_ms, int n, enum breaker_outcome outcome)
{
    for (int i = 0; i < n; i++)
        one(b, now_ms, outcome);
}

/* Open since 1000, until 6000. */
static struct breaker opened(void)
{
    struct breaker b = new_breaker();
    many(&b, 1000, 20, BREAKER_FAULT);
    assert_int_equal(b.state, BREAKER_OPEN);
    return b;
}

static void half_of_twenty_opens_it_and_less_does_not(void **state)
{
    (void)state;
    struct breaker b = new_breaker();
    many(&b, 1000, 19, BREAKER_FAULT);
    assert_int_equal(b.state, BREAKER_CLOSED); /* one too few to judge */
    one(&b, 1000, BREAKER_FAULT);
    assert_int_equal(b.state, BREAKER_OPEN);

    b = new_breaker();
    many(&b, 1000, 11, BREAKER_GOOD);
    many(&b, 1000, 10, BREAKER_FAULT);
    assert_int_equal(b.state, BREAKER_CLOSED); /* 10 of 21 */
    one(&b, 1000, BREAKER_FAULT);
    assert_int_equal(b.state, BREAKER_OPEN); /* 11 of 22 */
}

static void what_left_the_window_does_not_count(void **state)
{
    (void)state;
    struct breaker b = new_breaker();
    many(&b, 0, 20, BREAKER_GOOD);
    many(&b, 0, 19, BREAKER_FAULT);
    many(&b, 0, 181, BREAKER_GOOD); /* the last 200 are 19 faults and 181 good */
    many(&b, 0, 19, BREAKER_FAULT); /* which pushes the older 19 out */
    assert_int_equal(b.faults, 19);
    assert_int_equal(b.seen, 200);
}

/* 50 slots: two faults from each, however long and fast all went well before. */
static void past_health_does_not_hide_an_outage(void **state)
{
    (void)state;
    struct breaker b = new_breaker();
    many(&b, 0, 100000, BREAKER_GOOD);
    many(&b, 1, 99, BREAKER_FAULT);
    assert_int_equal(b.state, BREAKER_CLOSED);
    one(&b, 1, BREAKER_FAULT);
    assert_int_equal(b.state, BREAKER_OPEN);
}

static void one_reset_under_all_requests_is_no_outage(void **state)
{
    (void)state;
    static const int64_t concurrencies[] = {10, 50, 1000, 1024};
    for (size_t i = 0; i < sizeof concurrencies / sizeof *concurrencies; i++) {
        struct breaker_options o;
        struct breaker b;
        breaker_options_default(&o);
        breaker_options_fit(&o, concurrencies[i]);
        breaker_init(&b, &o, 0);
        many(&b, 0, 10000, BREAKER_GOOD);
        many(&b, 1, (int)concurrencies[i], BREAKER_FAULT);
        assert_int_equal(b.state, BREAKER_CLOSED);
        many(&b, 2, (int)concurrencies[i], BREAKER_FAULT);
        assert_int_equal(b.state, BREAKER_OPEN);
    }
}

static void timeouts_far_apart_are_seen_together(void **state)
{
    (void)state;
    for (int64_t concurrency = 1; concurrency <= 5; concurrency++) {
        struct breaker_options o;
        struct breaker b;
        breaker_options_default(&o);
        breaker_options_fit(&o, concurrency);
        breaker_init(&b, &o, 0);
        for (int64_t i = 0; i < 4; i++)
            one(&b, i * 3600000, BREAKER_FAULT);
        assert_int_equal(b.state, BREAKER_CLOSED);
        one(&b, 4 * INT64_C(3600000), BREAKER_FAULT);
        assert_int_equal(b.state, BREAKER_OPEN);
    }
}

static void window_fits_any_concurrency(void **state)
{
    (void)state;
    static const struct {
        int64_t concurrency, least, count;
    } cases[] = {{1, 5, 5},     {2, 5, 8},        {10, 10, 40},      {20, 20, 80},
                 {50, 20, 200}, {1024, 20, 4096}, {100000, 20, 4096}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct breaker_options o;
        breaker_options_default(&o);
        breaker_options_fit(&o, cases[i].concurrency);
        assert_int_equal(o.least, cases[i].least);
        assert_int_equal(o.count, cases[i].count);
    }
}

static void nothing_told_is_nothing_counted(void **state)
{
    (void)state;
    struct breaker b = new_breaker();
    many(&b, 1000, 1000, BREAKER_NOTHING);
    assert_int_equal(b.state, BREAKER_CLOSED);
}

static void without_a_percentage_it_never_opens(void **state)
{
    (void)state;
    struct breaker_options o;
    struct breaker b;
    breaker_options_default(&o);
    o.percent = 0;
    breaker_init(&b, &o, 0);
    many(&b, 1000, 1000, BREAKER_FAULT);
    assert_int_equal(b.state, BREAKER_CLOSED);
    assert_int_equal(b.in_flight, 0);
}

static void open_lets_nothing_go_until_it_has_cooled(void **state)
{
    (void)state;
    struct breaker b = opened();
    assert_int_equal(breaker_ready_at(&b, 1000), 6000);
    assert_int_equal(breaker_ready_at(&b, 5999), 6000);
    assert_int_equal(breaker_ready_at(&b, 6000), 6000);
    assert_int_equal(b.state, BREAKER_PROBING);
}

static void answers_to_older_requests_change_nothing(void **state)
{
    (void)state;
    struct breaker b = new_breaker();
    uint32_t old = 0;
    for (int i = 0; i < 60; i++)
        old = breaker_take(&b, 500);
    for (int i = 0; i < 20; i++)
        breaker_settle(&b, 1000, old, BREAKER_FAULT);
    assert_int_equal(b.state, BREAKER_OPEN);
    for (int i = 0; i < 20; i++)
        breaker_settle(&b, 1001, old, i % 2 == 0 ? BREAKER_GOOD : BREAKER_FAULT);
    assert_int_equal(breaker_ready_at(&b, 1001), 6000);
    assert_int_equal(breaker_ready_at(&b, 6000), 6000);
    uint32_t probe = breaker_take(&b, 6000);
    for (int i = 0; i < 20; i++)
        breaker_settle(&b, 6001, old, BREAKER_FAULT);
    assert_int_equal(b.state, BREAKER_PROBING);
    assert_int_equal(b.opened, 1);
    breaker_settle(&b, 6002, probe, BREAKER_GOOD);
    assert_int_equal(b.state, BREAKER_RAMPING);
    assert_int_equal(b.in_flight, 0);
}

static void one_probe_at_a_time_and_a_canceled_one_is_replaced(void **state)
{
    (void)state;
    struct breaker b = opened();
    assert_int_equal(breaker_ready_at(&b, 6000), 6000);
    uint32_t probe = breaker_take(&b, 6000);
    assert_true(breaker_ready_at(&b, 6000) == INT64_MAX);
    assert_true(breaker_ready_at(&b, 600000) == INT64_MAX);
    breaker_settle(&b, 600000, probe, BREAKER_NOTHING);
    assert_int_equal(breaker_ready_at(&b, 600000), 600000);
    breaker_take(&b, 600000);
    assert_true(breaker_ready_at(&b, 600001) == INT64_MAX);
}

static void cooling_doubles_to_the_most_and_is_short_again_after_health(void **state)
{
    (void)state;
    static const int64_t cools[] = {10000, 20000, 40000, 60000, 60000};
    struct breaker b = opened();
    int64_t now = 6000;
    for (size_t i = 0; i < sizeof cools / sizeof *cools; i++) {
        one(&b, now, BREAKER_FAULT);
        assert_int_equal(breaker_ready_at(&b, now), now + cools[i]);
        now += cools[i];
    }
    one(&b, now, BREAKER_GOOD);
    assert_int_equal(b.state, BREAKER_RAMPING);
    many(&b, now + 6000, 30, BREAKER_GOOD);
    assert_int_equal(b.state, BREAKER_CLOSED);
    many(&b, now + 60000, 30, BREAKER_FAULT); /* of 60 */
    assert_int_equal(b.state, BREAKER_OPEN);
    assert_int_equal(breaker_ready_at(&b, now + 60000), now + 65000);
}

static int64_t takes_until_refused(struct breaker *b, int64_t now_ms)
{
    int64_t n = 0;
    for (; breaker_ready_at(b, now_ms) == now_ms && n < 10000; n++)
        breaker_take(b, now_ms);
    return n;
}

static void ramp_climbs_by_eighth_quarter_half(void **state)
{
    (void)state;
    struct breaker b = new_breaker();
    uint32_t epoch = 0;
    for (int i = 0; i < 80; i++)
        epoch = breaker_take(&b, 500);
    for (int i = 0; i < 80; i++)
        breaker_settle(&b, 1000, epoch, BREAKER_FAULT);
    assert_int_equal(breaker_ready_at(&b, 6000), 6000);
    one(&b, 6000, BREAKER_GOOD);
    assert_int_equal(takes_until_refused(&b, 6000), 10);
    assert_int_equal(breaker_ready_at(&b, 6001), 8000);
    assert_int_equal(takes_until_refused(&b, 8000), 10); /* 20 in flight */
    assert_int_equal(takes_until_refused(&b, 10000), 20);
    assert_int_equal(breaker_ready_at(&b, 11000), 12000);
    assert_int_equal(takes_until_refused(&b, 12000), 10000);
    assert_int_equal(b.state, BREAKER_CLOSED);
}

static void ramp_of_a_single_request_climbs_too(void **state)
{
    (void)state;
    struct breaker b = opened(); /* one was usual */
    assert_int_equal(breaker_ready_at(&b, 6000), 6000);
    one(&b, 6000, BREAKER_GOOD);
    assert_int_equal(takes_until_refused(&b, 6000), 1);
}

static void faults_in_the_ramp_open_it_for_longer(void **state)
{
    (void)state;
    struct breaker b = opened();
    one(&b, 6000, BREAKER_GOOD);
    many(&b, 6100, 20, BREAKER_FAULT);
    assert_int_equal(b.state, BREAKER_OPEN);
    assert_int_equal(breaker_ready_at(&b, 6100), 16100);
    assert_int_equal(b.opened, 2);
}

static void restored_open_cools_for_what_was_left(void **state)
{
    (void)state;
    static const struct {
        int64_t left, age, until;
    } cases[] = {{4000, 1000, 103000},
                 {4000, 9000, 100000},
                 {INT64_MAX, 0, 110000},
                 {-5, 0, 100000},
                 {4000, -1000, 105000}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct breaker b = new_breaker();
        breaker_restore(&b, 100000, cases[i].age, BREAKER_OPEN, cases[i].left, 10000);
        assert_int_equal(breaker_ready_at(&b, 100000), cases[i].until);
    }
    struct breaker b = new_breaker();
    breaker_restore(&b, 100000, 0, BREAKER_CLOSED, 4000, 10000);
    assert_int_equal(breaker_ready_at(&b, 100000), 100000);
    breaker_restore(&b, 100000, 0, BREAKER_PROBING, 0, 10000); /* the probe is lost: another one */
    assert_int_equal(breaker_ready_at(&b, 100000), 100000);
    breaker_take(&b, 100000);
    assert_true(breaker_ready_at(&b, 100000) == INT64_MAX);
}

/* ---- random traffic ---- */

enum { MOST = 64 };

struct traffic {
    struct breaker b;
    struct random random;
    uint32_t epochs[MOST];
    int64_t now_ms, in_flight;
};

static enum breaker_outcome draw(struct traffic *t, int64_t faults_percent)
{
    int64_t luck = (int64_t)random_below(&t->random, 100);
    return luck < faults_percent ? BREAKER_FAULT : luck < 98 ? BREAKER_GOOD : BREAKER_NOTHING;
}

static void start_one(struct traffic *t)
{
    int64_t at = breaker_ready_at(&t->b, t->now_ms);
    assert_true(at >= t->now_ms);
    assert_true(at != INT64_MAX ||
                t->in_flight > 0); /* else nothing would ever end, and it would wait forever */
    if (at > t->now_ms) {
        struct breaker then = t->b;
        assert_true(at == INT64_MAX || breaker_ready_at(&then, at) == at || then.state == BREAKER_RAMPING);
        return;
    }
    assert_int_not_equal(t->b.state, BREAKER_OPEN);
    if (t->b.state == BREAKER_PROBING)
        assert_false(t->b.probe_is_out);
    t->epochs[t->in_flight++] = breaker_take(&t->b, t->now_ms);
}

static void end_one(struct traffic *t, int64_t faults_percent)
{
    int64_t i = (int64_t)random_below(&t->random, (uint64_t)t->in_flight);
    breaker_settle(&t->b, t->now_ms, t->epochs[i], draw(t, faults_percent));
    t->epochs[i] = t->epochs[--t->in_flight];
}

/* Outages come and go; whatever happens, an endpoint that is well again is used again. */
static void random_outages_end_closed_and_never_stuck(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct traffic t = {.b = new_breaker()};
        random_seed(&t.random, seed);
        for (int step = 0; step < 20000; step++) {
            bool outage = step / 2500 % 2 == 1;
            t.now_ms += (int64_t)random_below(&t.random, 40);
            if (t.in_flight < MOST && random_below(&t.random, 2) == 0)
                start_one(&t);
            else if (t.in_flight > 0)
                end_one(&t, outage ? 97 : 1);
            assert_int_equal(t.b.in_flight, t.in_flight);
        }
        assert_true(t.b.opened >= 4); /* each outage was seen */
        for (int step = 0; step < 5000; step++) {
            t.now_ms += 100;
            if (t.in_flight > 0)
                end_one(&t, 0);
            start_one(&t);
        }
        assert_int_equal(t.b.state, BREAKER_CLOSED);
    }
}

static void outage_of_all_lets_through_one_request_a_cool_down(void **state)
{
    (void)state;
    struct breaker b = opened();
    int64_t probes = 0;
    for (int64_t now = 1000; now < 1000 + 600000; now++)
        if (breaker_ready_at(&b, now) == now) {
            one(&b, now, BREAKER_FAULT);
            probes++;
        }
    /* at 6, 16, 36, 76 s, then every 60 s */
    assert_int_equal(probes, 4 + (601 - 76 - 1) / 60);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_of_twenty_opens_it_and_less_does_not),
        cmocka_unit_test(what_left_the_window_does_not_count),
        cmocka_unit_test(past_health_does_not_hide_an_outage),
        cmocka_unit_test(one_reset_under_all_requests_is_no_outage),
        cmocka_unit_test(timeouts_far_apart_are_seen_together),
        cmocka_unit_test(window_fits_any_concurrency),
        cmocka_unit_test(nothing_told_is_nothing_counted),
        cmocka_unit_test(without_a_percentage_it_never_opens),
        cmocka_unit_test(open_lets_nothing_go_until_it_has_cooled),
        cmocka_unit_test(answers_to_older_requests_change_nothing),
        cmocka_unit_test(one_probe_at_a_time_and_a_canceled_one_is_replaced),
        cmocka_unit_test(cooling_doubles_to_the_most_and_is_short_again_after_health),
        cmocka_unit_test(ramp_climbs_by_eighth_quarter_half),
        cmocka_unit_test(ramp_of_a_single_request_climbs_too),
        cmocka_unit_test(faults_in_the_ramp_open_it_for_longer),
        cmocka_unit_test(restored_open_cools_for_what_was_left),
        cmocka_unit_test(random_outages_end_closed_and_never_stuck),
        cmocka_unit_test(outage_of_all_lets_through_one_request_a_cool_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

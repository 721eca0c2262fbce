/* Runs that know their limit from headers alone, in simulated time, against providers that reckon in four ways;
 * with limits that change; and with providers that lie. */
#include "told_sim.h"

static const int64_t limits[] = {60, 600, 6000, 30000};
enum { LIMITS = sizeof limits / sizeof *limits };

static void headers_alone_let_95_percent_be_used_and_half_a_percent_be_refused(void **state)
{
    (void)state;
    for (int kind = 0; kind < PROVIDERS; kind++)
        for (int i = 0; i < LIMITS; i++)
            for (int64_t latency = 500; latency <= 10000; latency += 9500)
                assert_share(sim_share((enum provider_kind)kind, limits[i], latency, 1, 1), 95, 0.5, kind,
                             limits[i], latency);
}

/* ---- limits that change ---- */

static void change_limit(struct provider *p, int64_t limit, int64_t now)
{
    int64_t held = bucket_available(&p->bucket, now),
            capacity = p->kind == BUCKET_SECOND ? limit / 60 : limit;
    p->limit = limit;
    bucket_init(&p->bucket, limit, capacity, now);
    if (held < capacity)
        bucket_take(&p->bucket, now, capacity - held);
}

static void a_limit_that_is_halved_or_doubled_in_mid_run_is_followed(void **state)
{
    static const enum provider_kind kinds[] = {BUCKET_SECOND, FIXED};
    (void)state;
    for (int k = 0; k < 2; k++)
        for (int doubled = 0; doubled < 2; doubled++) {
            const int64_t first = 3000, second = doubled ? 6000 : 1500;
            struct sim s;
            struct gate_options o = sim_options();
            sim_open_with(&s, kinds[k], first, 500, 1, &o, 4);
            sim_run(&s, 0, 5 * MINUTE);
            int64_t granted = s.provider.granted, refused = s.provider.refused;
            change_limit(&s.provider, second, 5 * MINUTE);
            sim_run(&s, 5 * MINUTE, 10 * MINUTE);
            assert_share(share_of(s.provider.granted - granted, s.provider.refused - refused, second, 5), 95,
                         1, (int)kinds[k], second, 500);
            sim_close(&s);
        }
}

/* ---- lies ---- */

static void lie_zero(struct random *r, struct told_limits *t, bool good)
{
    (void)r, (void)good;
    t->of[TOLD_REQUESTS].remaining = 0;
}

static void lie_full(struct random *r, struct told_limits *t, bool good)
{
    (void)r, (void)good;
    t->of[TOLD_REQUESTS].remaining = t->of[TOLD_REQUESTS].limit;
    t->of[TOLD_REQUESTS].full_ms = 0;
}

static void lie_reset(struct random *r, struct told_limits *t, bool good)
{
    (void)r, (void)good;
    t->of[TOLD_REQUESTS].full_ms = TOLD_MOST_MS;
}

static void lie_now_and_then(struct random *r, struct told_limits *t, bool good)
{
    (void)good;
    if (random_below(r, 4) == 0)
        t->of[TOLD_REQUESTS] = (struct told_limit){1 + (int64_t)random_below(r, 3), 0, TOLD_MOST_MS, -1};
    else if (random_below(r, 4) == 0)
        t->of[TOLD_REQUESTS] = (struct told_limit){TOLD_MOST, TOLD_MOST, 0, -1};
}

static void lie_at_random(struct random *r, struct told_limits *t, bool good)
{
    (void)good;
    for (int kind = 0; kind < TOLD_KINDS; kind++) {
        int64_t limit = random_below(r, 3) == 0 ? -1 : 1 + (int64_t)random_below(r, (uint64_t)TOLD_MOST);
        int64_t most = limit > 0 ? limit : TOLD_MOST;
        t->of[kind] =
            (struct told_limit){limit, (int64_t)random_below(r, (uint64_t)most + 1) - 1,
                                (int64_t)random_below(r, TOLD_MOST_MS) - 1,
                                random_below(r, 2) == 0 ? -1 : 1 + (int64_t)random_below(r, TOLD_MOST_MS)};
    }
}

static void lie_tiny(struct random *r, struct told_limits *t, bool good)
{
    (void)r, (void)good;
    t->of[TOLD_REQUESTS] = (struct told_limit){1, 0, -1, -1};
}

/* The provider grants 6,000 a minute, whatever it says; the client was told 3,000 by its user. */
static void a_provider_that_lies_neither_stops_a_run_nor_makes_it_run_away(void **state)
{
    static const struct {
        void (*lie)(struct random *r, struct told_limits *t, bool good);
        double used;
    } lies[] = {{lie_zero, 90}, {lie_full, 90}, {lie_reset, 90}, {lie_now_and_then, 50}, {lie_at_random, 50}};
    (void)state;
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        struct sim s;
        struct gate_options o = sim_options();
        o.rpm = 3000;
        sim_open_with(&s, BUCKET_MINUTE, 6000, 500, 1, &o, 5);
        s.provider.lie = lies[i].lie;
        sim_run(&s, 0, 5 * MINUTE);
        assert_share(share_of(s.provider.granted, s.provider.refused, 3000, 5), lies[i].used, 0, (int)i, 3000,
                     500);
        assert_true(s.provider.granted <= 5 * 3000);
        sim_close(&s);
    }
}

/* A told limit of one a minute in mid-run, by a provider that grants a hundred a second. */
static void a_limit_that_is_far_below_what_is_granted_is_not_believed(void **state)
{
    struct sim s;
    struct gate_options o = sim_options();
    (void)state;
    sim_open_with(&s, BUCKET_SECOND, 6000, 500, 1, &o, 6);
    sim_run(&s, 0, MINUTE);
    int64_t granted = s.provider.granted;
    s.provider.lie = lie_tiny;
    sim_run(&s, MINUTE, 2 * MINUTE);
    assert_true((s.provider.granted - granted) * 100 >= 6000 * 95);
    sim_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_alone_let_95_percent_be_used_and_half_a_percent_be_refused),
        cmocka_unit_test(a_limit_that_is_halved_or_doubled_in_mid_run_is_followed),
        cmocka_unit_test(a_provider_that_lies_neither_stops_a_run_nor_makes_it_run_away),
        cmocka_unit_test(a_limit_that_is_far_below_what_is_granted_is_not_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

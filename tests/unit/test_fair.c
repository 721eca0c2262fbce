/* Fair queuing: the promises of fair.h. test_fair_model.c compares each pick with a reference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/random.h"
#include "store/fair.h"

struct tenant {
    struct fair_lane lane;
    int64_t weight, largest, served;
};

static void start_tenants(struct fair *f, struct tenant *tenants, int n, struct random *random)
{
    char name[16];
    fair_init(f, 0);
    for (int i = 0; i < n; i++) {
        tenants[i] = (struct tenant){.weight = 1 + (int64_t)random_below(random, 10),
                                     .largest = 1 + (int64_t)random_below(random, 5000)};
        snprintf(name, sizeof name, "tenant %d", i);
        assert_true(fair_lane_add(f, &tenants[i].lane, 500, name, i, tenants[i].weight));
    }
}

/* Up to `limit` jobs of the next run. */
static void serve(struct fair *f, struct random *random, int64_t limit)
{
    struct fair_lane *lane = fair_pick(f, 1);
    struct tenant *t = HEAP_OWNER(lane, struct tenant, lane);
    struct fair_charge charge;
    for (bool goes_on = true; goes_on && limit > 0; limit--) {
        int64_t tokens = 1 + (int64_t)random_below(random, (uint64_t)t->largest);
        goes_on = fair_take(f, lane, tokens, &charge);
        t->served += tokens;
    }
}

static double bound(const struct tenant *t)
{
    return (double)(t->largest + FAIR_QUANTUM) / (double)t->weight;
}

/* The property over all intervals: the difference of what two had may not move by more than both bounds together. */
static void two_backlogged_tenants_never_part_by_more_than_the_bound(void **state)
{
    (void)state;
    enum { N = 5 };
    struct random random;
    random_seed(&random, 7);
    for (int run = 0; run < 20; run++) {
        struct fair f;
        struct tenant t[N];
        double low[N][N] = {{0}}, high[N][N] = {{0}};
        start_tenants(&f, t, N, &random);
        for (int i = 0; i < N; i++)
            fair_lane_set(&f, &t[i].lane, true);
        for (int step = 0; step < 2000; step++) {
            serve(&f, &random, 1 + (int64_t)random_below(&random, 20));
            for (int i = 0; i < N; i++)
                for (int j = 0; j < i; j++) {
                    double d =
                        (double)t[i].served / (double)t[i].weight - (double)t[j].served / (double)t[j].weight;
                    low[i][j] = d < low[i][j] ? d : low[i][j];
                    high[i][j] = d > high[i][j] ? d : high[i][j];
                    assert_true(high[i][j] - low[i][j] <= bound(&t[i]) + bound(&t[j]) + 0.1);
                }
        }
        fair_free(&f);
    }
}

/* Each other tenant gets no more than its largest job and a quantum before the first job of one who comes. */
static void who_comes_waits_for_no_more_than_a_quantum_of_each(void **state)
{
    (void)state;
    enum { N = 6 };
    struct random random;
    random_seed(&random, 11);
    for (int run = 0; run < 100; run++) {
        struct fair f;
        struct tenant t[N];
        int64_t before[N];
        start_tenants(&f, t, N, &random);
        for (int i = 1; i < N; i++)
            fair_lane_set(&f, &t[i].lane, true);
        for (int step = 0; step < 300; step++)
            serve(&f, &random, 1000); /* a run as long as it lasts */
        for (int i = 1; i < N; i++)
            before[i] = t[i].served;
        fair_lane_set(&f, &t[0].lane, true);
        while (t[0].served == 0)
            serve(&f, &random, 1000);
        for (int i = 1; i < N;
             i++) /* its own lead over the virtual time, at most the same again, was served before */
            assert_true(t[i].served - before[i] <= t[i].largest + FAIR_QUANTUM);
        fair_free(&f);
    }
}

static void one_who_served_a_million_alone_does_not_make_the_next_wait(void **state)
{
    (void)state;
    struct fair f;
    struct tenant t[2];
    struct random random;
    random_seed(&random, 5);
    start_tenants(&f, t, 2, &random);
    fair_lane_set(&f, &t[1].lane, true);
    serve(&f, &random, 1000000);
    int64_t before = t[1].served;
    fair_lane_set(&f, &t[0].lane, true);
    serve(&f, &random, 1);
    assert_int_equal(t[1].served, before);
    assert_true(t[0].served > 0);
    fair_free(&f);
}

/* `one` and `two`, of weight 1, jobs of 100 tokens. */
static void start_pair(struct fair *f, struct fair_lane *one, struct fair_lane *two)
{
    fair_init(f, 0);
    assert_true(fair_lane_add(f, one, 500, "one", 1, 1));
    assert_true(fair_lane_add(f, two, 500, "two", 2, 1));
}

/* How many tokens go to `lane` among the next `tokens`. */
static int64_t share_of(struct fair *f, const struct fair_lane *lane, int64_t tokens)
{
    struct fair_charge charge;
    int64_t got = 0;
    while (tokens > 0) {
        struct fair_lane *next = fair_pick(f, 1);
        fair_take(f, next, 100, &charge);
        got += next == lane ? 100 : 0;
        tokens -= 100;
    }
    return got;
}

static void idleness_is_no_credit(void **state)
{
    (void)state;
    struct fair f;
    struct fair_lane one, two;
    start_pair(&f, &one, &two);
    fair_lane_set(&f, &one, true);
    fair_lane_set(&f, &two, true);
    share_of(&f, &one, 10000);
    fair_lane_set(&f, &two, false);
    share_of(&f, &one, 1000000);
    fair_lane_set(&f, &two, true);
    int64_t got = share_of(&f, &two, 100000);
    assert_in_range(got, 50000 - 2 * (100 + FAIR_QUANTUM), 50000 + 2 * (100 + FAIR_QUANTUM));
    fair_free(&f);
}

/* A charge that was forgiven by coming back later is not paid out a second time by its refund. */
static void a_refund_of_before_an_idle_time_is_no_credit_either(void **state)
{
    (void)state;
    struct fair f;
    struct fair_lane one, two;
    struct fair_charge charge;
    start_pair(&f, &one, &two);
    fair_lane_set(&f, &two, true);
    assert_ptr_equal(fair_pick(&f, 1), &two);
    fair_take(&f, &two, 500000, &charge);
    fair_lane_set(&f, &two, false);
    fair_lane_set(&f, &one, true);
    share_of(&f, &one, 1000000);
    fair_lane_set(&f, &two, true);
    assert_non_null(fair_pick(&f, 1));
    fair_correct(&f, &two, &charge, 0);
    int64_t got = share_of(&f, &two, 100000);
    assert_in_range(got, 50000 - 2 * (100 + FAIR_QUANTUM), 50000 + 2 * (100 + FAIR_QUANTUM));
    fair_free(&f);
}

/* One asks for 4,000 tokens and uses 100, the other asks for what it uses: both get the same. */
static void usage_counts_and_not_what_was_asked_for(void **state)
{
    (void)state;
    struct fair f;
    struct fair_lane one, two;
    int64_t used_one = 0, used_two = 0;
    start_pair(&f, &one, &two);
    fair_lane_set(&f, &one, true);
    fair_lane_set(&f, &two, true);
    for (int i = 0; i < 4000; i++) {
        struct fair_charge charge;
        struct fair_lane *next = fair_pick(&f, 1);
        fair_take(&f, next, next == &one ? 4000 : 100, &charge);
        fair_correct(&f, next, &charge, 100);
        *(next == &one ? &used_one : &used_two) += 100;
    }
    assert_in_range(used_one, 200000 - 8000, 200000 + 8000);
    assert_int_equal(used_one + used_two, 400000);
    fair_free(&f);
}

static void a_refund_is_exact_whatever_the_weight_is_now(void **state)
{
    (void)state;
    struct fair f;
    struct fair_lane one, two, heavy;
    struct fair_charge charges[50];
    start_pair(&f, &one, &two);
    assert_true(fair_lane_add(&f, &heavy, 500, "one", 3, 7));
    fair_lane_set(&f, &one, true);
    fair_lane_set(&f, &two, true);
    assert_ptr_equal(fair_pick(&f, 1), &one);
    for (int i = 0; i < 50; i++) {
        fair_lane_set(&f, &heavy, i % 2 == 0);
        fair_take(&f, &one, 333, &charges[i]);
        assert_int_equal(charges[i].weight, i % 2 == 0 ? 7 : 1);
    }
    assert_ptr_equal(fair_pick(&f, 1), &two);
    for (int i = 0; i < 50; i++)
        fair_correct(&f, &one, &charges[i], 0);
    assert_ptr_equal(fair_pick(&f, 1), &one); /* level with `two` again, and before it by age */
    struct fair_charge least;
    fair_take(&f, &one, 1, &least);
    assert_ptr_equal(fair_pick(&f, 1), &two);
    fair_free(&f);
}

static void priority_is_strict_without_ageing(void **state)
{
    (void)state;
    struct fair f;
    struct fair_lane high, low;
    struct fair_charge charge;
    fair_init(&f, 0);
    assert_true(fair_lane_add(&f, &low, 900, "t", 1, 1000));
    assert_true(fair_lane_add(&f, &high, 100, "t", 2, 1));
    fair_lane_set(&f, &low, true);
    fair_lane_set(&f, &high, true);
    for (int64_t now = 0; now < 1000000; now += 1000) {
        assert_ptr_equal(fair_pick(&f, now), &high);
        fair_take(&f, &high, 1000, &charge);
    }
    fair_lane_set(&f, &high, false);
    assert_ptr_equal(fair_pick(&f, 1000000), &low);
    fair_free(&f);
}

static void with_ageing_a_low_one_gets_a_job_each_time_it_waited_so_long(void **state)
{
    (void)state;
    struct fair f;
    struct fair_lane high, low;
    struct fair_charge charge;
    int64_t low_jobs = 0;
    fair_init(&f, 5000);
    assert_true(fair_lane_add(&f, &low, 900, "a", 1, 1));
    assert_true(fair_lane_add(&f, &high, 100, "b", 2, 1));
    fair_lane_set(&f, &low, true);
    fair_lane_set(&f, &high, true);
    for (int64_t now = 0; now <= 60000; now += 100) {
        struct fair_lane *next = fair_pick(&f, now);
        bool goes_on = fair_take(&f, next, 10, &charge);
        assert_true(next == &high || !goes_on); /* one job */
        low_jobs += next == &low ? 1 : 0;
    }
    assert_int_equal(low_jobs, 12);
    fair_free(&f);
}

static void ageing_never_takes_two_picks_in_a_row(void **state)
{
    (void)state;
    enum { LOW = 50 };
    struct fair f;
    struct fair_lane high, low[LOW];
    struct fair_charge charge;
    char name[16];
    fair_init(&f, 1);
    assert_true(fair_lane_add(&f, &high, 100, "high", 1000, 1));
    fair_lane_set(&f, &high, true);
    for (int i = 0; i < LOW; i++) {
        snprintf(name, sizeof name, "low %d", i);
        assert_true(fair_lane_add(&f, &low[i], 900, name, i, 1));
        fair_lane_set(&f, &low[i], true);
    }
    bool was_high = true;
    for (int64_t now = 0; now < 10000; now += 10) {
        struct fair_lane *next = fair_pick(&f, now);
        fair_take(&f, next, 10, &charge);
        assert_true(was_high || next == &high);
        was_high = next == &high;
    }
    fair_free(&f);
}

/* Charged at its own level: the jobs that age brought forward are not brought again when the level's turn comes. */
static void an_aged_job_is_charged_at_its_own_level(void **state)
{
    (void)state;
    struct fair f;
    struct fair_lane high, low, other;
    struct fair_charge charge;
    fair_init(&f, 1000);
    assert_true(fair_lane_add(&f, &high, 100, "high", 1, 1));
    assert_true(fair_lane_add(&f, &low, 900, "low", 2, 1));
    fair_lane_set(&f, &high, true);
    fair_lane_set(&f, &low, true);
    assert_true(fair_lane_add(&f, &other, 900, "other", 3, 1));
    fair_take(&f, fair_pick(&f, 0), 10, &charge);
    assert_ptr_equal(fair_pick(&f, 1000), &low);
    fair_take(&f, &low, 1000000, &charge);
    fair_lane_set(&f, &other, true);
    fair_lane_set(&f, &high, false);
    assert_ptr_equal(fair_pick(&f, 1001), &other);
    fair_free(&f);
}

static void a_tenant_has_its_batches_by_id(void **state)
{
    (void)state;
    struct fair f;
    struct fair_lane first, second;
    fair_init(&f, 0);
    assert_true(fair_lane_add(&f, &second, 500, "t", 20, 1));
    assert_true(fair_lane_add(&f, &first, 500, "t", 10, 1));
    fair_lane_set(&f, &second, true);
    assert_ptr_equal(fair_pick(&f, 1), &second);
    fair_lane_set(&f, &first, true);
    assert_ptr_equal(fair_pick(&f, 1), &first);
    fair_lane_remove(&f, &first);
    assert_ptr_equal(fair_pick(&f, 1), &second);
    fair_lane_remove(&f, &second);
    assert_null(fair_pick(&f, 1));
    fair_free(&f);
}

/* Usage of 2⁶³ tokens, jobs of as many: tags stay in order over thousands of them. */
static void absurd_numbers_do_not_overflow(void **state)
{
    (void)state;
    struct fair f;
    struct fair_lane one, two;
    int64_t jobs[2] = {0};
    start_pair(&f, &one, &two);
    fair_lane_set(&f, &one, true);
    fair_lane_set(&f, &two, true);
    for (int i = 0; i < 200000; i++) {
        struct fair_charge charge;
        fair_begin(&f);
        struct fair_lane *next = fair_pick(&f, 1);
        fair_take(&f, next, INT64_MAX, &charge);
        fair_correct(&f, next, &charge, INT64_MAX);
        jobs[next == &one ? 0 : 1]++;
    }
    assert_in_range(jobs[0], 99999, 100001);
    fair_free(&f);
}

static void tenants_that_left_are_forgotten_once_it_makes_no_difference(void **state)
{
    (void)state;
    struct fair f;
    struct fair_charge charge;
    char name[32];
    fair_init(&f, 0);
    for (int i = 0; i < 1000; i++) {
        struct fair_lane lane;
        snprintf(name, sizeof name, "tenant %d", i);
        fair_begin(&f);
        fair_drop_lanes(&f);
        assert_true(fair_lane_add(&f, &lane, 500, name, i, 1));
        fair_lane_set(&f, &lane, true);
        assert_ptr_equal(fair_pick(&f, 1), &lane);
        fair_take(&f, &lane, 10, &charge);
        fair_take(&f, &lane, 10, &charge);
        fair_lane_remove(&f, &lane);
        fair_begin(&f);
        fair_pick(&f, 1);
        fair_begin(&f);
        fair_purge(&f);
        assert_true(fair_tenants(&f) <= 3);
    }
    fair_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_backlogged_tenants_never_part_by_more_than_the_bound),
        cmocka_unit_test(who_comes_waits_for_no_more_than_a_quantum_of_each),
        cmocka_unit_test(one_who_served_a_million_alone_does_not_make_the_next_wait),
        cmocka_unit_test(idleness_is_no_credit),
        cmocka_unit_test(a_refund_of_before_an_idle_time_is_no_credit_either),
        cmocka_unit_test(usage_counts_and_not_what_was_asked_for),
        cmocka_unit_test(a_refund_is_exact_whatever_the_weight_is_now),
        cmocka_unit_test(priority_is_strict_without_ageing),
        cmocka_unit_test(with_ageing_a_low_one_gets_a_job_each_time_it_waited_so_long),
        cmocka_unit_test(ageing_never_takes_two_picks_in_a_row),
        cmocka_unit_test(an_aged_job_is_charged_at_its_own_level),
        cmocka_unit_test(a_tenant_has_its_batches_by_id),
        cmocka_unit_test(absurd_numbers_do_not_overflow),
        cmocka_unit_test(tenants_that_left_are_forgotten_once_it_makes_no_difference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

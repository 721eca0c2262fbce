/* Sums of money that are more than a number holds. */
#include "drain_world.h"

static int largest_cost(void *arg, const lh_usage *u)
{
    int64_t *most = arg;
    *most = u->cost_nanousd > *most ? u->cost_nanousd : *most;
    return 0;
}

static int64_t costs_by(struct world *w, lh_usage_by by)
{
    int64_t most = 0;
    assert_int_equal(lh_usage_each(w->path, NULL, by, largest_cost, &most, &w->err), 0);
    return most;
}

/* A provider that lies, or a price that is wrong: sums of money end at the largest number, the drain goes on, and all still agree. */
static void money_that_runs_over_stops_no_drain(void **state)
{
    (void)state;
    struct worker k;
    struct claim_list claims, none;
    struct outcome outcomes[6];
    world_open(&k.w);
    world_batch(&k.w, "a", 500, 3);
    world_batch(&k.w, "b", 500, 3);
    worker_start(&k, &(struct drain_tuning){0});
    assert_int_equal(worker_drain(&k, 1000, NULL, 6, &claims), 0);
    size_t n = 0;
    for (struct claimed_job *job = claims.first; job != NULL; job = job->next) {
        outcomes[n] = worker_outcome(job, OUTCOME_DONE);
        outcomes[n].asked_model = n % 2 == 0 ? "x" : "y";
        outcomes[n++].cost_nanousd = INT64_MAX / 2;
    }
    assert_int_equal(n, 6);
    link_outcomes(outcomes, 5);
    assert_int_equal(worker_drain(&k, 1000, outcomes, 0, &none), 0);
    claim_list_free(&none);
    assert_int_equal(worker_drain(&k, 1000, &outcomes[5], 0, &none), 0);
    claim_list_free(&none);
    claim_list_free(&claims);
    assert_int_equal(world_int(&k.w, "SELECT min(cost_nanousd) FROM batches"), INT64_MAX);
    assert_int_equal(world_faults(&k.w), 0);
    for (int by = LH_BY_MODEL; by <= LH_BY_DAY; by++)
        assert_int_equal(costs_by(&k.w, (lh_usage_by)by), INT64_MAX);
    assert_true(world_text_is(&k.w, "SELECT cost_usd > 9.2e9 FROM usage_by_day", "1"));
    assert_true(world_text_is(&k.w, "SELECT min(cost_usd) > 9.2e9 FROM usage_by_batch", "1"));
    assert_true(world_text_is(&k.w, "SELECT cost_usd > 9.2e9 FROM usage_by_tenant", "1"));
    assert_true(world_text_is(&k.w, "SELECT min(cost_usd) > 9.2e9 FROM usage_by_model", "1"));
    worker_stop(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(money_that_runs_over_stops_no_drain)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The retry budget through drains: what waits after a fault comes back as it allows, everything else at its time. */
#include "drain_world.h"

static const struct drain_tuning twenty = {.retry_percent = 20};

/* `fresh` ready jobs, then as many that are due since 500: after a fault, or not. */
static int64_t plant(struct world *w, int64_t fresh, int64_t counted, int64_t free)
{
    int64_t b = world_batch(w, "b", 500, fresh + counted + free);
    world_sql(w,
              "UPDATE jobs SET state = 'running' WHERE line > %lld;"
              "UPDATE jobs SET state = 'waiting', next_retry_at = 500, attempts = 1, retry_is_counted = line "
              "<= %lld "
              "WHERE line > %lld; UPDATE batches SET jobs_ready = %lld, jobs_waiting = %lld",
              (long long)fresh, (long long)(fresh + counted), (long long)fresh, (long long)fresh,
              (long long)(counted + free));
    return b;
}

static int64_t waiting(struct worker *k)
{
    return world_int(&k->w, "SELECT jobs_waiting FROM batches");
}

static void look(struct worker *k, int64_t now)
{
    struct claim_list none;
    assert_int_equal(worker_drain(k, now, NULL, 0, &none), 0);
}

static void ten_retries_go_then_one_a_second_while_fresh_jobs_wait(void **state)
{
    (void)state;
    struct worker k;
    world_open(&k.w);
    plant(&k.w, 200, 30, 0);
    worker_start(&k, &twenty);
    look(&k, 1000);
    assert_int_equal(waiting(&k), 20);
    assert_true(k.d.view.retries_held);
    assert_int_equal(k.d.view.retry_balance, 0);
    assert_int_equal(k.d.view.next_due_ms, 2000); /* and not 500: the store would look without pause */
    look(&k, 1999);
    assert_int_equal(waiting(&k), 20);
    assert_int_equal(k.d.view.next_due_ms, 2000);
    look(&k, 2000);
    assert_int_equal(waiting(&k), 19);
    assert_int_equal(k.d.view.next_due_ms, 3000);
    worker_stop(&k);
}

static void what_waits_for_another_reason_goes_freely(void **state)
{
    (void)state;
    struct worker k;
    world_open(&k.w);
    plant(&k.w, 200, 0, 40);
    worker_start(&k, &twenty);
    look(&k, 1000);
    assert_int_equal(waiting(&k), 0);
    assert_false(k.d.view.retries_held);
    assert_int_equal(k.d.view.retry_balance, 10000);
    assert_int_equal(k.d.view.next_due_ms, LH_UNKNOWN);
    worker_stop(&k);
}

static void with_the_budget_off_all_go(void **state)
{
    (void)state;
    struct worker k;
    world_open(&k.w);
    plant(&k.w, 200, 40, 0);
    worker_start(&k, &(struct drain_tuning){0});
    look(&k, 1000);
    assert_int_equal(waiting(&k), 0);
    worker_stop(&k);
}

static void when_only_retries_are_left_they_fill_the_slots(void **state)
{
    (void)state;
    struct worker k;
    world_open(&k.w);
    plant(&k.w, 0, 150, 0);
    worker_start(&k, &twenty);
    look(&k, 1000);
    assert_int_equal(waiting(&k), 50);
    look(&k, 1001);
    assert_int_equal(waiting(&k), 50);
    worker_stop(&k);
}

/* Claims `n`, all answered with `move`. */
static void answer(struct worker *k, int64_t now, int64_t n, enum outcome_move move, bool unused)
{
    static struct outcome outcomes[64];
    struct claim_list claims, none;
    int64_t i = 0;
    assert_int_equal(worker_drain(k, now, NULL, n, &claims), 0);
    assert_int_equal(claims.count, n);
    for (const struct claimed_job *job = claims.first; job != NULL; job = job->next, i++) {
        outcomes[i] = worker_outcome(job, move);
        outcomes[i].unused = unused;
        outcomes[i].next_retry_at = 1000000;
    }
    link_outcomes(outcomes, n);
    assert_int_equal(worker_drain(k, now, outcomes, 0, &none), 0);
    claim_list_free(&claims);
}

static void a_good_answer_lets_a_retry_go_with_its_own_commit(void **state)
{
    (void)state;
    struct worker k;
    world_open(&k.w);
    plant(&k.w, 200, 30, 0);
    worker_start(&k, &twenty);
    look(&k, 1000);
    answer(&k, 1001, 4, OUTCOME_DONE, false);
    assert_int_equal(waiting(&k), 20);
    answer(&k, 1001, 1, OUTCOME_DONE, false);
    assert_int_equal(waiting(&k), 19);
    worker_stop(&k);
}

/* The first ten to go are retries: each good answer pays for itself and a fifth more. */
static void a_good_answer_of_a_retry_pays_more(void **state)
{
    (void)state;
    struct worker k;
    world_open(&k.w);
    int64_t b = plant(&k.w, 200, 10, 0);
    worker_start(&k, &twenty);
    world_sql(&k.w, "UPDATE jobs SET priority = 900 WHERE line <= 200");
    look(&k, 1000);
    answer(&k, 1001, 5, OUTCOME_DONE, false);
    assert_true(world_job_is(&k.w, world_job(&k.w, b, 205), "done"));
    assert_int_equal(k.d.view.retry_balance, 6000);
    answer(&k, 1001, 5, OUTCOME_WAIT, true); /* throttled: their cost comes back */
    assert_int_equal(k.d.view.retry_balance, 11000);
    worker_stop(&k);
}

static void an_outcome_says_whether_its_retry_is_counted(void **state)
{
    (void)state;
    struct worker k;
    struct claim_list claims, none;
    struct outcome outcomes[2];
    world_open(&k.w);
    int64_t b = world_batch(&k.w, "b", 500, 2);
    worker_start(&k, &twenty);
    assert_int_equal(worker_drain(&k, 1000, NULL, 2, &claims), 0);
    outcomes[0] = worker_outcome(claims.first, OUTCOME_WAIT);
    outcomes[0].retry_is_counted = true;
    outcomes[1] = worker_outcome(claims.first->next, OUTCOME_WAIT);
    link_outcomes(outcomes, 2);
    assert_int_equal(worker_drain(&k, 1000, outcomes, 0, &none), 0);
    claim_list_free(&claims);
    assert_int_equal(world_int(&k.w, "SELECT retry_is_counted FROM jobs WHERE id = %lld",
                               (long long)world_job(&k.w, b, 1)),
                     1);
    assert_int_equal(world_int(&k.w, "SELECT retry_is_counted FROM jobs WHERE id = %lld",
                               (long long)world_job(&k.w, b, 2)),
                     0);
    assert_int_equal(worker_drain(&k, 6000, NULL, 2, &claims), 0);
    assert_true(claims.first->is_counted_retry);
    assert_false(claims.first->next->is_counted_retry);
    claim_list_free(&claims);
    worker_stop(&k);
}

static void a_failed_commit_costs_the_budget_nothing(void **state)
{
    (void)state;
    struct worker k;
    struct claim_list none;
    world_open(&k.w);
    plant(&k.w, 200, 30, 0);
    worker_start(&k, &twenty);
    failing_disk_break(SQLITE_FULL, 0);
    assert_int_equal(worker_drain(&k, 1000, NULL, 0, &none), LH_EFULL);
    failing_disk_mend();
    look(&k, 1000);
    assert_int_equal(waiting(&k), 20);
    worker_stop(&k);
}

static void a_requeued_job_is_no_counted_retry(void **state)
{
    (void)state;
    struct worker k;
    struct claim_list claims, none;
    int64_t count = 0;
    world_open(&k.w);
    plant(&k.w, 0, 1, 0);
    worker_start(&k, &twenty);
    assert_int_equal(worker_drain(&k, 1000, NULL, 1, &claims), 0);
    assert_true(claims.first->is_counted_retry);
    struct outcome dead = worker_outcome(claims.first, OUTCOME_DEAD);
    assert_int_equal(worker_drain(&k, 1000, &dead, 0, &none), 0);
    claim_list_free(&claims);
    assert_int_equal(lh_dead_requeue(k.w.path, &(lh_dead_filter){.batch = "b"}, &count, &k.w.err), 0);
    assert_int_equal(count, 1);
    assert_int_equal(worker_drain(&k, 1001, NULL, 1, &claims), 0);
    assert_false(claims.first->is_counted_retry);
    claim_list_free(&claims);
    worker_stop(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_retries_go_then_one_a_second_while_fresh_jobs_wait),
        cmocka_unit_test(what_waits_for_another_reason_goes_freely),
        cmocka_unit_test(with_the_budget_off_all_go),
        cmocka_unit_test(when_only_retries_are_left_they_fill_the_slots),
        cmocka_unit_test(a_good_answer_lets_a_retry_go_with_its_own_commit),
        cmocka_unit_test(a_good_answer_of_a_retry_pays_more),
        cmocka_unit_test(an_outcome_says_whether_its_retry_is_counted),
        cmocka_unit_test(a_failed_commit_costs_the_budget_nothing),
        cmocka_unit_test(a_requeued_job_is_no_counted_retry),
    };
    failing_disk_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Orphans: after a crash each running job is recorded as lost and ready at once; from the fourth loss on it uses attempts. */
#include "store_world.h"

static struct recovery recover(struct world *w, int64_t max_attempts)
{
    struct recovery r = {.max_attempts = max_attempts, .now_ms = 9000};
    if (recover_orphans(w->store, &r, &w->err) != 0)
        fail_msg("%s", w->err.message);
    return r;
}

static void crash(struct world *w, int64_t batch, int64_t jobs)
{
    struct claim_list list;
    world_claim(w, batch, jobs, &list);
    assert_int_equal(list.count, jobs);
    claim_list_free(&list);
}

static void every_running_job_is_lost_and_ready_at_once(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    int64_t a = world_batch(&w, "a", 500, 5), b = world_batch(&w, "b", 500, 3);
    crash(&w, a, 4);
    crash(&w, b, 2);
    struct recovery r = recover(&w, 5);
    assert_int_equal(r.recovered, 6);
    assert_int_equal(r.buried, 0);
    assert_int_equal(world_int(&w, "SELECT count(*) FROM jobs WHERE state = 'ready'"), 8);
    assert_int_equal(world_int(&w, "SELECT count(*) FROM attempts WHERE outcome = 'lost' AND number = 1 AND "
                                   "started_at = 1000 AND error_code = 'lost' AND generation = 0"),
                     6);
    assert_int_equal(world_int(&w, "SELECT sum(losses) FROM jobs"), 6);
    assert_int_equal(world_int(&w, "SELECT sum(attempts) FROM jobs"), 0);
    assert_int_equal(world_int(&w, "SELECT attempts FROM batches WHERE id = %lld", (long long)a), 4);
    assert_int_equal(world_int(&w, "SELECT failed_attempts FROM batches WHERE id = %lld", (long long)b), 2);
    assert_int_equal(world_faults(&w), 0);
    world_close(&w);
}

static void nothing_to_recover_changes_nothing(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    world_batch(&w, "a", 500, 5);
    struct recovery r = recover(&w, 5);
    assert_int_equal(r.recovered + r.buried, 0);
    assert_int_equal(world_int(&w, "SELECT count(*) FROM attempts"), 0);
    world_close(&w);
}

static void three_losses_are_free_then_each_uses_an_attempt(void **state)
{
    (void)state;
    enum { MAX_ATTEMPTS = 4 };
    struct world w;
    world_open(&w);
    int64_t b = world_batch(&w, "b", 500, 1);
    for (int loss = 1; loss <= 3 + MAX_ATTEMPTS; loss++) {
        crash(&w, b, 1);
        struct recovery r = recover(&w, MAX_ATTEMPTS);
        bool last = loss == 3 + MAX_ATTEMPTS;
        assert_int_equal(r.recovered, last ? 0 : 1);
        assert_int_equal(r.buried, last ? 1 : 0);
        assert_int_equal(world_int(&w, "SELECT losses FROM jobs"), loss);
        assert_int_equal(world_int(&w, "SELECT attempts FROM jobs"), loss <= 3 ? 0 : loss - 3);
        assert_int_equal(world_faults(&w), 0);
    }
    assert_true(world_job_is(&w, world_job(&w, b, 1), "dead"));
    assert_true(
        world_text_is(&w, "SELECT reason || error_class || error_code FROM dead_letters", "lostlostlost"));
    assert_int_equal(world_int(&w, "SELECT attempts FROM dead_letters"), 3 + MAX_ATTEMPTS);
    assert_int_equal(world_int(&w, "SELECT died_at FROM dead_letters"), 9000);
    assert_true(world_batch_is(&w, b, "finished"));
    world_close(&w);
}

/* Attempts that failed on their own do not make the first three losses dear. */
static void a_job_on_its_last_attempt_survives_three_losses(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    int64_t b = world_batch(&w, "b", 500, 1);
    world_sql(&w, "UPDATE jobs SET attempts = 4");
    for (int loss = 1; loss <= 3; loss++) {
        crash(&w, b, 1);
        assert_int_equal(recover(&w, 5).recovered, 1);
    }
    assert_int_equal(world_int(&w, "SELECT attempts FROM jobs"), 4);
    crash(&w, b, 1);
    assert_int_equal(recover(&w, 5).buried, 1);
    world_close(&w);
}

static void a_canceled_batch_gets_no_job_back(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    int64_t b = world_batch(&w, "b", 500, 1);
    crash(&w, b, 1);
    world_sql(&w, "UPDATE batches SET state = 'canceled'");
    recover(&w, 5);
    assert_true(world_job_is(&w, world_job(&w, b, 1), "canceled"));
    assert_true(world_batch_is(&w, b, "canceled"));
    assert_int_equal(world_int(&w, "SELECT count(*) FROM attempts"), 1);
    assert_int_equal(world_faults(&w), 0);
    world_close(&w);
}

static void a_pause_and_a_load_outlive_the_crash(void **state)
{
    (void)state;
    static const char *const states[] = {"paused", "loading"};
    for (size_t i = 0; i < 2; i++) {
        struct world w;
        world_open(&w);
        int64_t b = world_batch(&w, "b", 500, 2);
        crash(&w, b, 2);
        world_sql(&w, "UPDATE batches SET state = '%s'", states[i]);
        assert_int_equal(recover(&w, 5).recovered, 2);
        assert_true(world_batch_is(&w, b, states[i]));
        assert_int_equal(world_faults(&w), 0);
        world_close(&w);
    }
}

/* The second recovery finds what the first one left: nothing is recorded twice. */
static void recovery_goes_on_where_it_was_stopped(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    int64_t a = world_batch(&w, "a", 500, 2), b = world_batch(&w, "b", 500, 2);
    crash(&w, a, 2);
    crash(&w, b, 2);
    world_sql(&w,
              "CREATE TEMP TRIGGER fails BEFORE INSERT ON main.attempts WHEN NEW.job_id = %lld "
              "BEGIN SELECT RAISE(ABORT, 'broken'); END",
              (long long)world_job(&w, b, 2));
    struct recovery r = {.max_attempts = 5, .now_ms = 9000};
    assert_true(recover_orphans(w.store, &r, &w.err) != 0);
    assert_int_equal(world_int(&w, "SELECT jobs_ready FROM batches WHERE id = %lld", (long long)a), 2);
    assert_int_equal(world_int(&w, "SELECT jobs_running FROM batches WHERE id = %lld", (long long)b), 2);
    assert_int_equal(world_faults(&w), 0);
    world_sql(&w, "DROP TRIGGER fails");
    assert_int_equal(recover(&w, 5).recovered, 2);
    assert_int_equal(world_int(&w, "SELECT count(*) FROM attempts"), 4);
    assert_int_equal(world_faults(&w), 0);
    world_close(&w);
}

static void a_counter_without_rows_is_damage_not_an_endless_loop(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    world_batch(&w, "b", 500, 1);
    world_sql(&w, "UPDATE batches SET jobs_running = 3");
    struct recovery r = {.max_attempts = 5, .now_ms = 9000};
    assert_int_equal(recover_orphans(w.store, &r, &w.err), LH_ECORRUPT);
    assert_non_null(strstr(w.err.message, "db check"));
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_running_job_is_lost_and_ready_at_once),
        cmocka_unit_test(nothing_to_recover_changes_nothing),
        cmocka_unit_test(three_losses_are_free_then_each_uses_an_attempt),
        cmocka_unit_test(a_job_on_its_last_attempt_survives_three_losses),
        cmocka_unit_test(a_canceled_batch_gets_no_job_back),
        cmocka_unit_test(a_pause_and_a_load_outlive_the_crash),
        cmocka_unit_test(recovery_goes_on_where_it_was_stopped),
        cmocka_unit_test(a_counter_without_rows_is_damage_not_an_endless_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

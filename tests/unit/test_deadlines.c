/* Deadlines: what is late is buried without an attempt, and the clock stands still while nobody serves a batch. */
#include "store_world.h"

#include "failing_disk.h"
#include "store/drain.h"

enum { DEADLINE = 1000 };

struct worker {
    struct world w;
    struct drain d;
};

static void start(struct worker *k, int64_t scope, int64_t deadline_ms)
{
    assert_int_equal(drain_open(&k->d, k->w.path, DURABILITY_NORMAL, scope, &k->w.err), 0);
    assert_int_equal(drain_begin_deadlines(&k->d, deadline_ms, 10000, &k->w.err), 0);
}

static void stop(struct worker *k)
{
    drain_close(&k->d, "done");
    world_close(&k->w);
}

static void drain_all(struct worker *k, int64_t now, struct outcome *outcomes, int64_t want,
                      struct claim_list *claims)
{
    struct drain_work w = {.outcomes = outcomes, .want = want, .max_bytes = 1 << 20, .now_ms = now};
    if (drain_run(&k->d, &w, &k->w.err) != 0)
        fail_msg("%s", k->w.err.message);
    if (claims != NULL)
        *claims = w.claims;
    else
        claim_list_free(&w.claims);
}

/* As the scheduler posts it: with what the claim said of the deadline. */
static struct outcome outcome_of(const struct claimed_job *job, enum outcome_move move)
{
    struct outcome o = world_outcome(job, move);
    o.deadline_at = job->deadline_at;
    o.claim_set_deadline = job->claim_set_deadline;
    return o;
}

/* A batch of one whose job waits until `retry` after one failure. */
static int64_t let_one_wait(struct worker *k, int64_t retry)
{
    struct claim_list claims;
    world_open(&k->w);
    int64_t batch = world_batch(&k->w, "b", 500, 1);
    start(k, LH_UNKNOWN, DEADLINE);
    drain_all(k, 10000, NULL, 1, &claims);
    struct outcome o = outcome_of(claims.first, OUTCOME_WAIT);
    o.next_retry_at = retry;
    drain_all(k, 10100, &o, 0, NULL);
    claim_list_free(&claims);
    return batch;
}

static void the_first_claim_sets_the_deadline_and_later_ones_leave_it(void **state)
{
    (void)state;
    struct worker k;
    struct claim_list claims;
    let_one_wait(&k, 10200);
    assert_int_equal(world_int(&k.w, "SELECT deadline_at FROM jobs"), 10000 + DEADLINE);
    drain_all(&k, 10300, NULL, 1, &claims);
    assert_int_equal(claims.count, 1);
    assert_int_equal(claims.first->deadline_at, 10000 + DEADLINE);
    assert_false(claims.first->claim_set_deadline);
    struct outcome back = outcome_of(claims.first, OUTCOME_GIVE_BACK);
    drain_all(&k, 10400, &back, 0, NULL);
    assert_int_equal(world_int(&k.w, "SELECT deadline_at FROM jobs"), 10000 + DEADLINE);
    claim_list_free(&claims);
    stop(&k);
}

static void a_claim_that_goes_back_unsent_takes_its_deadline_with_it(void **state)
{
    (void)state;
    struct worker k;
    struct claim_list claims;
    world_open(&k.w);
    world_batch(&k.w, "b", 500, 1);
    start(&k, LH_UNKNOWN, DEADLINE);
    drain_all(&k, 10000, NULL, 1, &claims);
    assert_int_equal(claims.first->deadline_at, 10000 + DEADLINE);
    assert_true(claims.first->claim_set_deadline);
    struct outcome back = outcome_of(claims.first, OUTCOME_GIVE_BACK);
    drain_all(&k, 10500, &back, 0, NULL);
    assert_int_equal(world_int(&k.w, "SELECT count(*) FROM jobs WHERE deadline_at IS NULL"), 1);
    drain_all(&k, 99000, NULL, 0, NULL);
    assert_true(world_job_is(&k.w, world_int(&k.w, "SELECT id FROM jobs"), "ready"));
    claim_list_free(&claims);
    stop(&k);
}

static void without_the_option_no_job_gets_a_deadline(void **state)
{
    (void)state;
    struct worker k;
    struct claim_list claims;
    world_open(&k.w);
    world_batch(&k.w, "b", 500, 1);
    start(&k, LH_UNKNOWN, 0);
    drain_all(&k, 10000, NULL, 1, &claims);
    assert_int_equal(claims.first->deadline_at, 0);
    assert_int_equal(world_int(&k.w, "SELECT count(*) FROM jobs WHERE deadline_at IS NULL"), 1);
    assert_int_equal(k.d.view.next_due_ms, LH_UNKNOWN);
    claim_list_free(&claims);
    stop(&k);
}

static void what_is_ready_or_waiting_at_its_deadline_dies_without_an_attempt(void **state)
{
    (void)state;
    static const enum outcome_move moves[3] = {OUTCOME_WAIT, OUTCOME_READY, OUTCOME_DONE};
    struct worker k;
    struct claim_list claims;
    struct outcome outcomes[3];
    world_open(&k.w);
    int64_t b = world_batch(&k.w, "b", 500, 3), n = 0;
    start(&k, LH_UNKNOWN, DEADLINE);
    drain_all(&k, 10000, NULL, 3, &claims);
    for (const struct claimed_job *job = claims.first; job != NULL; job = job->next, n++) {
        outcomes[n] = outcome_of(job, moves[n]);
        outcomes[n].next_retry_at = 10000 + DEADLINE;
        outcomes[n].next = n < 2 ? &outcomes[n + 1] : NULL;
    }
    drain_all(&k, 10500, outcomes, 0, NULL);
    drain_all(&k, 10999, NULL, 0, NULL);
    assert_int_equal(world_int(&k.w, "SELECT count(*) FROM dead_letters"), 0);
    assert_int_equal(k.d.view.late, 0);
    drain_all(&k, 11000, NULL, 3, NULL);
    assert_true(world_job_is(&k.w, world_job(&k.w, b, 1), "dead"));
    assert_true(world_job_is(&k.w, world_job(&k.w, b, 2), "dead"));
    assert_true(world_job_is(&k.w, world_job(&k.w, b, 3), "done"));
    assert_int_equal(k.d.view.late, 2);
    assert_int_equal(k.d.view.late_batch, b);
    assert_int_equal(world_int(&k.w, "SELECT count(*) FROM attempts"), 3);
    assert_int_equal(world_int(&k.w, "SELECT sum(attempts) FROM dead_letters WHERE reason = 'deadline'"), 2);
    assert_int_equal(world_int(&k.w, "SELECT died_at FROM dead_letters"), 11000);
    assert_true(world_batch_is(&k.w, b, "finished"));
    assert_int_equal(world_faults(&k.w), 0);
    claim_list_free(&claims);
    stop(&k);
}

static void the_letter_tells_since_when_and_of_what(void **state)
{
    (void)state;
    struct worker k;
    let_one_wait(&k, 11000);
    drain_all(&k, 11000, NULL, 0, NULL);
    assert_true(world_text_is(&k.w, "SELECT message FROM dead_letters",
                              "no answer within the deadline; tried since 1970-01-01T00:00:01Z; "
                              "last error: server_error: it broke"));
    assert_true(world_text_is(
        &k.w,
        "SELECT reason || ' ' || error_class || ' ' || error_code || ' ' || status_code FROM dead_letters",
        "deadline transient server_error 500"));
    stop(&k);
}

/* What was tried before a requeue is no part of the deadline that began after it. */
static void the_letter_does_not_count_what_was_before_a_requeue(void **state)
{
    (void)state;
    struct worker k;
    struct claim_list claims;
    lh_dead_filter all = {0};
    int64_t count = 0;
    let_one_wait(&k, 11000);
    drain_all(&k, 11000, NULL, 0, NULL);
    assert_int_equal(lh_dead_requeue(k.w.path, &all, &count, &k.w.err), 0);
    assert_int_equal(count, 1);
    assert_int_equal(world_int(&k.w, "SELECT count(*) FROM jobs WHERE deadline_at IS NULL"), 1);
    drain_all(&k, 60000, NULL, 1, &claims);
    assert_int_equal(claims.first->deadline_at, 60000 + DEADLINE);
    struct outcome o = outcome_of(claims.first, OUTCOME_WAIT);
    o.started_at = 60000;
    o.next_retry_at = 61000;
    drain_all(&k, 60100, &o, 0, NULL);
    drain_all(&k, 61000, NULL, 0, NULL);
    assert_int_equal(world_int(&k.w, "SELECT count(*) FROM dead_letters WHERE message LIKE '%%since "
                                     "1970-01-01T00:01:00Z%%'"),
                     1);
    claim_list_free(&claims);
    stop(&k);
}

static void a_retry_by_hand_gives_the_whole_time_again(void **state)
{
    (void)state;
    struct worker k;
    int64_t count = 0;
    lh_retry_options waiting_only = {0};
    let_one_wait(&k, 11000);
    assert_int_equal(lh_retry(k.w.path, "b", &waiting_only, &count, &k.w.err), 0);
    assert_int_equal(count, 1);
    assert_int_equal(
        world_int(&k.w, "SELECT count(*) FROM jobs WHERE deadline_at IS NULL AND state = 'ready'"), 1);
    stop(&k);
}

static void the_store_wakes_at_the_next_deadline(void **state)
{
    (void)state;
    struct worker k;
    let_one_wait(&k, 90000); /* a retry later than the deadline: as of a store that knew none */
    assert_int_equal(k.d.view.next_due_ms, 10000 + DEADLINE);
    assert_true(drain_is_due(&k.d, 10000 + DEADLINE));
    drain_all(&k, 10000 + DEADLINE, NULL, 0, NULL);
    assert_int_equal(k.d.view.late, 1);
    assert_int_equal(k.d.view.next_due_ms, LH_UNKNOWN);
    stop(&k);
}

/* Jobs of a batch, all ready with a deadline at first, first + 1, … (one millisecond apart, in threes). */
static int64_t plant(struct world *w, const char *name, int64_t jobs, int64_t first)
{
    int64_t batch = world_batch(w, name, 500, jobs);
    world_sql(w, "UPDATE jobs SET deadline_at = %lld + line / 3 WHERE batch_id = %lld", (long long)first,
              (long long)batch);
    return batch;
}

static void a_drain_buries_a_bounded_number_and_claims_nothing_before_it_is_through(void **state)
{
    (void)state;
    struct worker k;
    struct claim_list claims;
    world_open(&k.w);
    plant(&k.w, "late", BURY_AT_ONCE + 500, 5000);
    world_batch(&k.w, "fresh", 100, 1);
    start(&k, LH_UNKNOWN, 0);
    world_sql(&k.w, "UPDATE jobs SET deadline_at = 5000 WHERE deadline_at IS NOT NULL");
    drain_all(&k, 20000, NULL, 1, &claims);
    assert_int_equal(claims.count, 0);
    assert_int_equal(k.d.view.late, BURY_AT_ONCE);
    assert_true(drain_is_due(&k.d, 20000));
    assert_true(k.d.view.unfinished);
    drain_all(&k, 20000, NULL, 1, &claims);
    assert_false(k.d.view.unfinished);
    assert_int_equal(claims.count, 1);
    assert_int_equal(k.d.view.late, BURY_AT_ONCE + 500);
    claim_list_free(&claims);
    stop(&k);
}

static void a_run_of_one_batch_buries_no_job_of_another(void **state)
{
    (void)state;
    struct worker k;
    world_open(&k.w);
    int64_t other = plant(&k.w, "other", 5, 11000), mine = plant(&k.w, "mine", 4, 12000);
    start(&k, mine, 0);
    drain_all(&k, INT64_C(1) << 50, NULL, 0, NULL);
    assert_int_equal(world_int(&k.w, "SELECT jobs_dead FROM batches WHERE id = %lld", (long long)mine), 4);
    assert_int_equal(world_int(&k.w, "SELECT jobs_dead FROM batches WHERE id = %lld", (long long)other), 0);
    stop(&k);
}

static void a_failed_drain_buries_nothing(void **state)
{
    (void)state;
    struct worker k;
    let_one_wait(&k, 11000);
    struct drain_work w = {.now_ms = 11000};
    failing_disk_break(SQLITE_FULL, 0);
    assert_int_equal(drain_run(&k.d, &w, &k.w.err), LH_EFULL);
    failing_disk_mend();
    assert_int_equal(k.d.view.late, 0);
    assert_int_equal(world_int(&k.w, "SELECT count(*) FROM dead_letters"), 0);
    drain_all(&k, 11000, NULL, 0, NULL);
    assert_int_equal(k.d.view.late, 1);
    assert_int_equal(world_faults(&k.w), 0);
    stop(&k);
}

/* ---- the clock that stands still ---- */

static struct deadlines keeper(int64_t scope)
{
    return (struct deadlines){.batch_id = scope, .in_use = true, .next_ms = INT64_MAX};
}

static void begin(struct world *w, int64_t scope, int64_t now)
{
    struct deadlines d = keeper(scope);
    if (deadlines_begin(&d, w->store, now, &w->err) != 0)
        fail_msg("%s", w->err.message);
}

static void served(struct world *w, int64_t scope, int64_t until)
{
    struct deadlines d = keeper(scope);
    assert_int_equal(deadlines_served(&d, w->store, until, &w->err), 0);
}

/* By how much all deadlines of a batch that were planted from `first` on have moved; -1 when not all by the same. */
static int64_t moved_by(struct world *w, int64_t batch, int64_t first)
{
    int64_t least =
        world_int(w, "SELECT min(deadline_at - line / 3) FROM jobs WHERE batch_id = %lld", (long long)batch);
    int64_t most =
        world_int(w, "SELECT max(deadline_at - line / 3) FROM jobs WHERE batch_id = %lld", (long long)batch);
    return least == most ? least - first : -1;
}

static void time_without_a_worker_does_not_count(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    int64_t b = plant(&w, "b", 10, 5000);
    served(&w, LH_UNKNOWN, 4000);
    begin(&w, LH_UNKNOWN, 64000);
    assert_int_equal(moved_by(&w, b, 5000), 60000);
    begin(&w, LH_UNKNOWN, 64000); /* at once: no time has passed */
    assert_int_equal(moved_by(&w, b, 5000), 60000);
    begin(&w, LH_UNKNOWN, 63000); /* a clock that was set back moves nothing */
    assert_int_equal(moved_by(&w, b, 5000), 60000);
    world_close(&w);
}

static void the_time_of_a_worker_on_another_batch_does_not_count_either(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    int64_t a = plant(&w, "a", 4, 100000), b = plant(&w, "b", 4, 100000);
    served(&w, LH_UNKNOWN, 10000);
    begin(&w, a, 10000);
    served(&w, a, 30000);
    begin(&w, b, 35000);
    assert_int_equal(moved_by(&w, b, 100000), 25000);
    assert_int_equal(moved_by(&w, a, 100000), 0);
    served(&w, b, 40000);
    begin(&w, LH_UNKNOWN, 50000);
    assert_int_equal(moved_by(&w, a, 100000), 20000);
    assert_int_equal(moved_by(&w, b, 100000), 35000);
    world_close(&w);
}

/* A store whose workers never noted what they served: the last of them was there until it stopped, or its last heartbeat. */
static void without_a_note_the_last_worker_counts(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    int64_t b = plant(&w, "b", 4, 5000);
    world_sql(
        &w,
        "INSERT INTO workers (pid, host, version, started_at, heartbeat_at) VALUES (1, 'h', 'v', 1, 3000)");
    struct deadlines d = keeper(LH_UNKNOWN);
    d.worker_id = 99;
    assert_int_equal(deadlines_begin(&d, w.store, 10000, &w.err), 0);
    assert_int_equal(moved_by(&w, b, 5000), 7000);
    world_close(&w);
}

/* Wherever it is killed, the next worker goes on: each deadline moves once, by all the time that was lost. */
static void a_move_that_is_cut_off_goes_on_and_moves_nothing_twice(void **state)
{
    (void)state;
    enum { JOBS = 5000, STEP = 24 };
    for (int writes = 0, whole = 0; !whole; writes += STEP) {
        struct world w;
        world_open(&w);
        int64_t b = plant(&w, "b", JOBS, 50000);
        served(&w, LH_UNKNOWN, 10000);
        struct deadlines d = keeper(LH_UNKNOWN);
        failing_disk_break(SQLITE_FULL, writes);
        whole = deadlines_begin(&d, w.store, 20000, &w.err) == 0;
        failing_disk_mend();
        begin(&w, LH_UNKNOWN, 25000);
        assert_int_equal(moved_by(&w, b, 50000), 15000);
        assert_int_equal(world_int(&w, "SELECT count(*) FROM checkpoints WHERE kind = 'deadlines'"), 0);
        world_close(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_claim_sets_the_deadline_and_later_ones_leave_it),
        cmocka_unit_test(a_claim_that_goes_back_unsent_takes_its_deadline_with_it),
        cmocka_unit_test(without_the_option_no_job_gets_a_deadline),
        cmocka_unit_test(what_is_ready_or_waiting_at_its_deadline_dies_without_an_attempt),
        cmocka_unit_test(the_letter_tells_since_when_and_of_what),
        cmocka_unit_test(the_letter_does_not_count_what_was_before_a_requeue),
        cmocka_unit_test(a_retry_by_hand_gives_the_whole_time_again),
        cmocka_unit_test(the_store_wakes_at_the_next_deadline),
        cmocka_unit_test(a_drain_buries_a_bounded_number_and_claims_nothing_before_it_is_through),
        cmocka_unit_test(a_run_of_one_batch_buries_no_job_of_another),
        cmocka_unit_test(a_failed_drain_buries_nothing),
        cmocka_unit_test(time_without_a_worker_does_not_count),
        cmocka_unit_test(the_time_of_a_worker_on_another_batch_does_not_count_either),
        cmocka_unit_test(without_a_note_the_last_worker_counts),
        cmocka_unit_test(a_move_that_is_cut_off_goes_on_and_moves_nothing_twice),
    };
    failing_disk_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

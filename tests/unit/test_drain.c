/* Drains: the single promises. test_drain_model.c walks at random against a model of the store. */
#include "store_world.h"

#include "base/log.h"
#include "failing_disk.h"
#include "store/drain.h"

struct worker {
    struct world w;
    struct drain d;
};

static void start(struct worker *k, const char *scope)
{
    int64_t id =
        scope != NULL ? world_int(&k->w, "SELECT id FROM batches WHERE name = '%s'", scope) : LH_UNKNOWN;
    assert_int_equal(drain_open(&k->d, k->w.path, DURABILITY_NORMAL, id, &k->w.err), 0);
}

static int drain_at(struct worker *k, int64_t now, int64_t want, struct claim_list *claims)
{
    struct drain_work w = {.want = want, .max_bytes = 1 << 20, .now_ms = now};
    int rc = drain_run(&k->d, &w, &k->w.err);
    if (claims != NULL)
        *claims = w.claims;
    else
        claim_list_free(&w.claims);
    return rc;
}

static void stop(struct worker *k)
{
    drain_close(&k->d, "done");
    world_close(&k->w);
}

static void a_run_of_one_batch_touches_no_other(void **state)
{
    (void)state;
    struct worker k;
    struct claim_list claims;
    world_open(&k.w);
    int64_t mine = world_batch(&k.w, "mine", 500, 2), other = world_batch(&k.w, "other", 100, 2);
    world_sql(&k.w, "UPDATE jobs SET state = 'running' WHERE custom_id = 'j1';"
                    "UPDATE jobs SET state = 'waiting', next_retry_at = 10 + batch_id WHERE custom_id = 'j1';"
                    "UPDATE batches SET jobs_ready = 1, jobs_waiting = 1");
    start(&k, "mine");
    assert_int_equal(drain_at(&k, 1000, 10, &claims), 0);
    assert_int_equal(claims.count, 2);
    for (const struct claimed_job *job = claims.first; job != NULL; job = job->next)
        assert_int_equal(job->batch_id, mine);
    assert_true(world_job_is(&k.w, world_job(&k.w, other, 1), "waiting"));
    assert_true(world_job_is(&k.w, world_job(&k.w, other, 2), "ready"));
    claim_list_free(&claims);
    stop(&k);
}

/* Claims that have not left yet must go back when their batch is paused, whatever else happened at the same time. */
static void a_pause_is_seen_although_another_batch_came(void **state)
{
    (void)state;
    struct worker k;
    world_open(&k.w);
    world_batch(&k.w, "a", 500, 5);
    start(&k, NULL);
    assert_int_equal(drain_at(&k, 1000, 2, NULL), 0);
    int64_t steered = k.d.view.steered;
    world_batch(&k.w, "b", 500, 5);
    assert_int_equal(drain_at(&k, 1001, 0, NULL), 0);
    assert_int_equal(k.d.view.steered, steered);
    world_batch(&k.w, "c", 500, 5);
    assert_int_equal(lh_pause(k.w.path, "a", NULL, &k.w.err), 0);
    assert_int_equal(drain_at(&k, 1002, 0, NULL), 0);
    assert_int_equal(k.d.view.steered, steered + 1);
    assert_int_equal(k.d.view.state, SCOPE_WORKING);
    stop(&k);
}

/* Another process adds lines to the batch: the run stops with a reason instead of taking it for finished. */
static void a_batch_that_is_added_to_is_not_finished(void **state)
{
    (void)state;
    struct worker k;
    struct claim_list claims;
    world_open(&k.w);
    world_batch(&k.w, "b", 500, 2);
    start(&k, "b");
    assert_int_equal(drain_at(&k, 1000, 0, NULL), 0);
    assert_int_equal(k.d.view.state, SCOPE_WORKING);
    world_sql(&k.w, "UPDATE batches SET state = 'loading'");
    assert_int_equal(drain_at(&k, 1001, 5, &claims), 0);
    assert_int_equal(claims.count, 0);
    assert_int_equal(k.d.view.state, SCOPE_PAUSED);
    assert_string_equal(k.d.view.batch, "b");
    assert_non_null(strstr(k.d.view.pause_reason, "adding"));
    assert_true(k.d.view.steered > 0);
    stop(&k);
}

static void counters_without_rows_are_damage_not_a_wait_for_ever(void **state)
{
    (void)state;
    static const char *const damages[] = {"DELETE FROM requests",
                                          "UPDATE batches SET jobs_ready = 0, jobs_waiting = 1"};
    for (size_t i = 0; i < 2; i++) {
        struct worker k;
        world_open(&k.w);
        world_batch(&k.w, "b", 500, 1);
        world_sql(&k.w, "PRAGMA foreign_keys = OFF; %s", damages[i]);
        start(&k, i == 0 ? NULL : "b");
        assert_int_equal(drain_at(&k, 1000, 1, NULL), LH_ECORRUPT);
        assert_non_null(strstr(k.w.err.message, "db check"));
        stop(&k);
    }
}

static void all_notes_of_one_drain_are_obeyed(void **state)
{
    (void)state;
    struct worker k;
    world_open(&k.w);
    int64_t a = world_batch(&k.w, "a", 500, 3), b = world_batch(&k.w, "b", 500, 3);
    struct steer_note second = {.batch_id = b, .cancel = true};
    struct steer_note first = {.batch_id = a, .reason = "guard", .next = &second};
    struct drain_work w = {.want = 6, .max_bytes = 1 << 20, .now_ms = 1000, .steer = &first};
    start(&k, NULL);
    assert_int_equal(drain_run(&k.d, &w, &k.w.err), 0);
    assert_int_equal(w.claims.count, 0);
    assert_true(world_batch_is(&k.w, a, "paused"));
    assert_true(world_batch_is(&k.w, b, "canceled"));
    assert_int_equal(world_int(&k.w, "SELECT jobs_canceled FROM batches WHERE name = 'b'"), 3);
    assert_int_equal(world_faults(&k.w), 0);
    stop(&k);
}

/* What goes back while a batch is being canceled must not make it active again. */
static void jobs_given_back_do_not_undo_a_cancel(void **state)
{
    (void)state;
    enum { JOBS = 2600, HELD = 2500 };
    struct worker k;
    struct claim_list claims;
    static struct outcome outcomes[HELD];
    world_open(&k.w);
    int64_t b = world_batch(&k.w, "b", 500, JOBS);
    start(&k, NULL);
    assert_int_equal(drain_at(&k, 1000, HELD, &claims), 0);
    assert_int_equal(claims.count, HELD);
    int64_t n = 0;
    for (const struct claimed_job *job = claims.first; job != NULL; job = job->next, n++) {
        outcomes[n] = world_outcome(job, OUTCOME_GIVE_BACK);
        outcomes[n].next = n + 1 < HELD ? &outcomes[n + 1] : NULL;
    }
    struct steer_note note = {.batch_id = b, .cancel = true};
    struct drain_work w = {.outcomes = outcomes, .now_ms = 1001, .steer = &note};
    assert_int_equal(drain_run(&k.d, &w, &k.w.err), 0);
    assert_true(world_batch_is(&k.w, b, "canceled"));
    assert_int_equal(drain_at(&k, 1002, 0, NULL), 0);
    assert_int_equal(world_int(&k.w, "SELECT jobs_canceled FROM batches"), JOBS);
    claim_list_free(&claims);
    stop(&k);
}

/* The store goes on at once with what a drain could not finish, and the run may wait for it. */
static void a_cancel_that_takes_several_drains_is_told_until_it_is_through(void **state)
{
    (void)state;
    enum { JOBS = 2 * 2000 + 1 };
    struct worker k;
    world_open(&k.w);
    struct steer_note note = {.batch_id = world_batch(&k.w, "b", 500, JOBS), .cancel = true};
    start(&k, NULL);
    struct drain_work w = {.now_ms = 1000, .steer = &note};
    assert_int_equal(drain_run(&k.d, &w, &k.w.err), 0);
    for (int64_t left = JOBS - 2000; left > 0; left -= 2000) {
        assert_int_equal(k.d.view.to_cancel, left);
        assert_true(k.d.view.unfinished);
        assert_int_equal(drain_at(&k, 1001, 0, NULL), 0);
    }
    assert_int_equal(k.d.view.to_cancel, 0);
    assert_false(k.d.view.unfinished);
    assert_int_equal(world_int(&k.w, "SELECT jobs_canceled FROM batches"), JOBS);
    stop(&k);
}

static void notes_are_written_with_the_commit_that_they_came_with(void **state)
{
    (void)state;
    struct worker k;
    struct notes notes = {0};
    world_open(&k.w);
    world_batch(&k.w, "b", 500, 1);
    start(&k, NULL);
    notes_put(&notes, note_new("worker", "stats", "{\"rate\":1}"));
    notes_put(&notes, note_new("endpoint/default", "gate", "{}"));
    struct drain_work w = {.notes = &notes, .now_ms = 1000};
    failing_disk_break(SQLITE_FULL, 0);
    assert_int_equal(drain_run(&k.d, &w, &k.w.err), LH_EFULL);
    failing_disk_mend();
    assert_int_equal(world_int(&k.w, "SELECT count(*) FROM checkpoints WHERE kind IN ('stats', 'gate')"), 0);
    assert_int_equal(drain_run(&k.d, &w, &k.w.err), 0);
    assert_true(world_text_is(&k.w, "SELECT value FROM checkpoints WHERE kind = 'stats'", "{\"rate\":1}"));
    assert_true(world_text_is(&k.w, "SELECT value FROM checkpoints WHERE scope = 'endpoint/default'", "{}"));
    notes_free(&notes);
    stop(&k);
}

static void a_worker_that_said_no_goodbye_is_marked_lost(void **state)
{
    (void)state;
    struct worker k;
    struct drain gone;
    world_open(&k.w);
    assert_int_equal(drain_open(&gone, k.w.path, DURABILITY_NORMAL, LH_UNKNOWN, &k.w.err), 0);
    start(&k, NULL);
    assert_int_equal(world_int(&k.w, "SELECT count(*) FROM workers WHERE stop_reason = 'lost'"), 1);
    drain_close(&k.d, "done");
    assert_true(world_text_is(&k.w, "SELECT stop_reason FROM workers ORDER BY id DESC", "done"));
    drain_close(&gone, "late");
    world_close(&k.w);
}

/* Jobs of a shut route are there, but no claim gets them; those of the next batch come. */
static void shut_routes_leave_nothing_to_claim_until_something_moves(void **state)
{
    (void)state;
    struct worker k;
    struct route_set shut = {.ids = {0}, .count = 1};
    world_open(&k.w);
    world_batch(&k.w, "a", 100, 3);
    world_batch(&k.w, "b", 500, 2);
    world_sql(&k.w, "UPDATE jobs SET route = 5 WHERE priority = 500");
    start(&k, NULL);
    struct drain_work w = {.want = 9, .max_bytes = 1 << 20, .now_ms = 1000, .shut = &shut};
    assert_int_equal(drain_run(&k.d, &w, &k.w.err), 0);
    assert_int_equal(w.claims.count, 2);
    assert_int_equal(w.claims.first->route, 5);
    assert_int_equal(k.d.view.claimable, 0);
    assert_int_equal(k.d.view.jobs[JOB_READY], 3);
    assert_int_equal(k.d.view.state, SCOPE_WORKING);
    struct outcome back = world_outcome(w.claims.first, OUTCOME_GIVE_BACK);
    struct drain_work again = {.outcomes = &back, .max_bytes = 1 << 20, .now_ms = 1001, .shut = &shut};
    assert_int_equal(drain_run(&k.d, &again, &k.w.err), 0);
    assert_int_equal(k.d.view.claimable, 4);
    claim_list_free(&w.claims);
    stop(&k);
}

/* Thousands of batches may wait for a route that is shut while others shut and open many times a second. */
static void batches_of_shut_routes_cost_nothing_until_one_of_theirs_opens(void **state)
{
    (void)state;
    struct worker k;
    char name[16];
    world_open(&k.w);
    for (int i = 0; i < 30; i++) {
        snprintf(name, sizeof name, "b%d", i);
        world_batch(&k.w, name, 500, 1);
    }
    world_sql(&k.w, "UPDATE jobs SET route = 65"); /* shares its bit with route 1 */
    start(&k, NULL);
    struct route_set shut = {.ids = {65, 2}, .count = 2};
    int looks = 0;
    for (int64_t i = 0; i < 10; i++) {
        shut.count = 1 + (size_t)i % 2;
        struct drain_work w = {.want = 9, .max_bytes = 1 << 20, .now_ms = 1000, .shut = &shut, .shuts = i};
        assert_int_equal(drain_run(&k.d, &w, &k.w.err), 0);
        assert_int_equal(w.claims.count, 0);
        if (i == 0)
            looks = sqlite3_stmt_status(k.d.store->statements[STMT_NEXT_HEAD], SQLITE_STMTSTATUS_RUN, 0);
    }
    assert_true(looks > 0);
    assert_int_equal(sqlite3_stmt_status(k.d.store->statements[STMT_NEXT_HEAD], SQLITE_STMTSTATUS_RUN, 0),
                     looks);
    shut.ids[0] = 1;
    shut.count = 1;
    struct drain_work w = {.want = 99, .max_bytes = 1 << 20, .now_ms = 1000, .shut = &shut, .shuts = 10};
    assert_int_equal(drain_run(&k.d, &w, &k.w.err), 0);
    assert_int_equal(w.claims.count, 30);
    claim_list_free(&w.claims);
    stop(&k);
}

/* The routes open in a drain that wants no claims (a checkpoint, an outcome of another batch): the view says that there are jobs, or
 * whoever wants some later would sleep beside them. */
static void routes_that_open_while_nothing_is_wanted_are_told(void **state)
{
    (void)state;
    struct worker k;
    struct claim_list claims;
    struct route_set shut = {.ids = {0}, .count = 1};
    world_open(&k.w);
    world_batch(&k.w, "a", 100, 3);
    start(&k, NULL);
    struct drain_work none = {.want = 9, .max_bytes = 1 << 20, .now_ms = 1000, .shut = &shut, .shuts = 1};
    assert_int_equal(drain_run(&k.d, &none, &k.w.err), 0);
    assert_int_equal(none.claims.count, 0);
    assert_int_equal(k.d.view.claimable, 0);
    struct drain_work opened = {.max_bytes = 1 << 20, .now_ms = 1001, .shuts = 2};
    assert_int_equal(drain_run(&k.d, &opened, &k.w.err), 0);
    assert_int_equal(k.d.view.claimable, 3);
    struct drain_work wanted = {.want = 9, .max_bytes = 1 << 20, .now_ms = 1002, .shuts = 2};
    assert_int_equal(drain_run(&k.d, &wanted, &k.w.err), 0);
    claims = wanted.claims;
    assert_int_equal(claims.count, 3);
    claim_list_free(&claims);
    stop(&k);
}

/* A thousand ready jobs of a shut route fill no slot: thirty retries after faults all go, though the budget begins with ten. */
static void jobs_of_shut_routes_hold_no_retry_back(void **state)
{
    (void)state;
    struct worker k;
    struct route_set shut = {.ids = {5}, .count = 1};
    world_open(&k.w);
    world_batch(&k.w, "shut", 500, 1000);
    world_sql(&k.w, "UPDATE jobs SET route = 5");
    int64_t b = world_batch(&k.w, "b", 500, 30);
    world_sql(
        &k.w,
        "UPDATE jobs SET state = 'running' WHERE batch_id = %lld;"
        "UPDATE jobs SET state = 'waiting', next_retry_at = 900, retry_is_counted = 1 WHERE batch_id = %lld;"
        "UPDATE batches SET jobs_ready = 0, jobs_waiting = 30 WHERE id = %lld",
        (long long)b, (long long)b, (long long)b);
    start(&k, NULL);
    drain_tune(&k.d, &(struct drain_tuning){.retry_percent = 20});
    struct drain_work w = {.want = 50, .max_bytes = 1 << 20, .now_ms = 1000, .shut = &shut, .shuts = 1};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(drain_run(&k.d, &w, &k.w.err), 0);
        claim_list_free(&w.claims);
    }
    assert_int_equal(world_int(&k.w, "SELECT count(*) FROM jobs WHERE state = 'running'"), 30);
    stop(&k);
}

/* A loop that is told of jobs which no claim gets would ask for them without pause. */
static void full_log_leaves_nothing_to_claim_until_its_reader_ends(void **state)
{
    (void)state;
    enum { MEGABYTE = 1 << 20 };
    struct worker k;
    struct store *reader = NULL;
    struct claim_list claims;
    int64_t jobs = 0;
    char *text = malloc(MEGABYTE + 1);
    assert_non_null(text);
    text[0] = text[MEGABYTE - 1] = '"';
    text[MEGABYTE] = '\0';
    world_open(&k.w);
    world_batch(&k.w, "b", 500, 3);
    start(&k, NULL);
    assert_int_equal(drain_at(&k, 1000, 1, NULL), 0);
    assert_int_equal(k.d.view.claimable, 2);
    assert_int_equal(store_open(k.w.path, STORE_READ, &reader, &k.w.err), 0);
    assert_int_equal(store_begin_read(reader, &k.w.err), 0);
    assert_int_equal(store_get_int(reader, STMT_JOB_COUNT, 0, &jobs, &k.w.err, ""), 0);
    for (int i = 0; !wal_is_full(&k.d.wal) && i < 300; i++) {
        memset(text + 1, 'a' + i % 26, MEGABYTE - 2);
        assert_int_equal(store_checkpoint_put(k.d.store, "test", "large", text, 1, &k.w.err), 0);
    }
    assert_int_equal(drain_at(&k, 1001, 10, &claims), 0);
    assert_int_equal(claims.count, 0);
    assert_int_equal(k.d.view.claimable, 0);
    assert_int_equal(k.d.view.state, SCOPE_WORKING); /* it waits and does not end */
    store_close(reader);
    assert_int_equal(drain_at(&k, 1002, 10, NULL), 0);
    assert_int_equal(k.d.view.claimable, 2);
    assert_int_equal(drain_at(&k, 1003, 10, &claims), 0);
    assert_int_equal(claims.count, 2);
    claim_list_free(&claims);
    free(text);
    stop(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shut_routes_leave_nothing_to_claim_until_something_moves),
        cmocka_unit_test(batches_of_shut_routes_cost_nothing_until_one_of_theirs_opens),
        cmocka_unit_test(routes_that_open_while_nothing_is_wanted_are_told),
        cmocka_unit_test(jobs_of_shut_routes_hold_no_retry_back),
        cmocka_unit_test(full_log_leaves_nothing_to_claim_until_its_reader_ends),
        cmocka_unit_test(a_run_of_one_batch_touches_no_other),
        cmocka_unit_test(a_pause_is_seen_although_another_batch_came),
        cmocka_unit_test(a_batch_that_is_added_to_is_not_finished),
        cmocka_unit_test(counters_without_rows_are_damage_not_a_wait_for_ever),
        cmocka_unit_test(all_notes_of_one_drain_are_obeyed),
        cmocka_unit_test(jobs_given_back_do_not_undo_a_cancel),
        cmocka_unit_test(a_cancel_that_takes_several_drains_is_told_until_it_is_through),
        cmocka_unit_test(notes_are_written_with_the_commit_that_they_came_with),
        cmocka_unit_test(a_worker_that_said_no_goodbye_is_marked_lost),
    };
    failing_disk_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

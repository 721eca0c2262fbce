/* Steering: pause, resume, cancel and retry of another process, each in the states in which it makes sense. */
#include "store_world.h"

#include "store/steer.h"

static int64_t count(struct world *w, const char *job_state)
{
    return world_int(w, "SELECT count(*) FROM jobs WHERE state = '%s'", job_state);
}

static void a_pause_keeps_its_reason_until_resumed(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    int64_t b = world_batch(&w, "b", 500, 2);
    assert_int_equal(lh_pause(w.path, "b", "lunch", &w.err), 0);
    assert_true(world_batch_is(&w, b, "paused"));
    assert_true(world_text_is(&w, "SELECT pause_reason FROM batches", "lunch"));
    assert_int_equal(lh_pause(w.path, "b", NULL, &w.err), 0); /* twice is once */
    assert_true(world_text_is(&w, "SELECT pause_reason FROM batches", "by hand"));
    assert_int_equal(lh_resume(w.path, "b", &w.err), 0);
    assert_true(world_batch_is(&w, b, "active"));
    assert_int_equal(world_int(&w, "SELECT pause_reason IS NULL FROM batches"), 1);
    assert_int_equal(world_faults(&w), 0);
    world_close(&w);
}

struct asked {
    const char *batch_state;
    bool pause, resume, cancel; /* allowed */
};

static void steering_is_refused_where_it_makes_no_sense(void **state)
{
    (void)state;
    static const struct asked table[] = {{"active", true, true, true},
                                         {"paused", true, true, true},
                                         {"canceled", false, false, true},
                                         {"finished", false, false, false},
                                         {"loading", false, false, false}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        for (int command = 0; command < 3; command++) {
            struct world w;
            int64_t n = 0;
            world_open(&w);
            int64_t b = world_batch(&w, "b", 500, strcmp(table[i].batch_state, "finished") == 0 ? 0 : 1);
            world_sql(&w, "UPDATE batches SET state = '%s'", table[i].batch_state);
            int rc = command == 0   ? lh_pause(w.path, "b", NULL, &w.err)
                     : command == 1 ? lh_resume(w.path, "b", &w.err)
                                    : lh_cancel(w.path, "b", &n, &w.err);
            bool allowed = command == 0 ? table[i].pause : command == 1 ? table[i].resume : table[i].cancel;
            assert_int_equal(rc, allowed ? 0 : LH_ESTATE);
            if (!allowed)
                assert_true(world_batch_is(&w, b, table[i].batch_state));
            world_close(&w);
        }
}

static void an_unknown_batch_is_named_with_those_there_are(void **state)
{
    (void)state;
    struct world w;
    int64_t n = 0;
    lh_retry_options o = {0};
    world_open(&w);
    world_batch(&w, "only", 500, 1);
    assert_int_equal(lh_pause(w.path, "ony", NULL, &w.err), LH_ENOTFOUND);
    assert_non_null(strstr(w.err.message, "only"));
    assert_int_equal(lh_resume(w.path, "ony", &w.err), LH_ENOTFOUND);
    assert_int_equal(lh_cancel(w.path, "ony", &n, &w.err), LH_ENOTFOUND);
    assert_int_equal(lh_retry(w.path, "ony", &o, &n, &w.err), LH_ENOTFOUND);
    world_close(&w);
}

static void make_one_of_each(struct world *w, int64_t batch)
{
    static const enum outcome_move moves[] = {OUTCOME_DONE, OUTCOME_WAIT, OUTCOME_DEAD};
    struct claim_list list;
    world_claim(w, batch, 4, &list);
    struct claimed_job *job = list.first;
    for (size_t i = 0; i < 3; i++, job = job->next) {
        struct outcome o = world_outcome(job, moves[i]);
        world_apply(w, &o);
    }
    claim_list_free(&list); /* the fourth stays running */
}

static void a_cancel_ends_what_is_open_and_leaves_what_is_sent(void **state)
{
    (void)state;
    struct world w;
    int64_t canceled = -1;
    world_open(&w);
    int64_t b = world_batch(&w, "b", 500, 6);
    make_one_of_each(&w, b);
    assert_int_equal(lh_cancel(w.path, "b", &canceled, &w.err), 0);
    assert_int_equal(canceled, 3); /* two ready, one waiting */
    assert_int_equal(count(&w, "canceled"), 3);
    assert_int_equal(count(&w, "running"), 1);
    assert_int_equal(count(&w, "done"), 1);
    assert_int_equal(count(&w, "dead"), 1);
    assert_true(world_batch_is(&w, b, "canceled"));
    assert_int_equal(
        world_int(&w, "SELECT count(*) FROM jobs WHERE state = 'canceled' AND finished_at IS NULL"), 0);
    assert_int_equal(world_faults(&w), 0);
    assert_int_equal(lh_cancel(w.path, "b", &canceled, &w.err), 0);
    assert_int_equal(canceled, 0);
    world_close(&w);
}

static void a_large_cancel_goes_in_pieces_and_counts_all(void **state)
{
    (void)state;
    enum { JOBS = 2 * STEER_AT_ONCE + 3 };
    struct world w;
    int64_t canceled = 0, revived = 0;
    const lh_retry_options o = {.canceled = true};
    world_open(&w);
    int64_t b = world_batch(&w, "b", 500, JOBS);
    assert_int_equal(lh_cancel(w.path, "b", &canceled, &w.err), 0);
    assert_int_equal(canceled, JOBS);
    assert_int_equal(count(&w, "canceled"), JOBS);
    assert_int_equal(lh_retry(w.path, "b", &o, &revived, &w.err), 0);
    assert_int_equal(revived, JOBS);
    assert_int_equal(count(&w, "ready"), JOBS);
    assert_true(world_batch_is(&w, b, "active"));
    assert_int_equal(world_faults(&w), 0);
    world_close(&w);
}

static void retry_takes_back_what_it_is_told_to(void **state)
{
    (void)state;
    static const struct {
        lh_retry_options options;
        int64_t moved, ready, requeues;
    } table[] = {{{false, false}, 1, 3, 0}, {{true, false}, 2, 4, 1}, {{true, true}, 2, 4, 1}};
    for (size_t i = 0; i < 3; i++) {
        struct world w;
        int64_t moved = -1;
        world_open(&w);
        int64_t b = world_batch(&w, "b", 500, 6);
        make_one_of_each(&w, b);
        assert_int_equal(lh_retry(w.path, "b", &table[i].options, &moved, &w.err), 0);
        assert_int_equal(moved, table[i].moved);
        assert_int_equal(count(&w, "ready"), table[i].ready);
        assert_int_equal(count(&w, "done"), 1);
        assert_int_equal(world_int(&w, "SELECT requeues FROM batches"), table[i].requeues);
        assert_int_equal(world_faults(&w), 0);
        world_close(&w);
    }
}

static void a_revived_job_has_fresh_attempts_a_new_key_and_its_history(void **state)
{
    (void)state;
    struct world w;
    int64_t moved = 0;
    const lh_retry_options o = {.dead = true};
    world_open(&w);
    int64_t b = world_batch(&w, "b", 500, 1);
    struct claim_list list;
    world_claim(&w, b, 1, &list);
    struct outcome dead = world_outcome(list.first, OUTCOME_DEAD);
    world_apply(&w, &dead);
    claim_list_free(&list);
    world_sql(&w, "UPDATE jobs SET attempts = 5, throttles = 4, losses = 3, invalids = 2, wait_ms = 9");
    assert_int_equal(lh_retry(w.path, "b", &o, &moved, &w.err), 0);
    assert_int_equal(world_int(&w, "SELECT attempts + throttles + losses + invalids FROM jobs"), 0);
    assert_int_equal(world_int(&w, "SELECT generation FROM jobs"), 1);
    assert_int_equal(world_int(&w, "SELECT sends FROM jobs"), 1);
    assert_int_equal(world_int(&w, "SELECT finished_at IS NULL AND wait_ms IS NULL FROM jobs"), 1);
    assert_int_equal(world_int(&w, "SELECT count(*) FROM attempts"), 1);
    assert_int_equal(world_int(&w, "SELECT count(*) FROM dead_letters"), 0);
    assert_true(world_batch_is(&w, b, "active"));
    assert_int_equal(world_int(&w, "SELECT finished_at IS NULL FROM batches"), 1);
    world_close(&w);
}

static void a_batch_that_loads_is_not_retried(void **state)
{
    (void)state;
    struct world w;
    int64_t moved = 0;
    const lh_retry_options o = {.dead = true, .canceled = true};
    world_open(&w);
    world_batch(&w, "b", 500, 1);
    world_sql(&w, "UPDATE batches SET state = 'loading'");
    assert_int_equal(lh_retry(w.path, "b", &o, &moved, &w.err), LH_ESTATE);
    world_close(&w);
}

static void a_paused_batch_stays_paused_when_retried(void **state)
{
    (void)state;
    struct world w;
    int64_t moved = 0;
    const lh_retry_options o = {.dead = true};
    world_open(&w);
    int64_t b = world_batch(&w, "b", 500, 6);
    make_one_of_each(&w, b);
    assert_int_equal(lh_pause(w.path, "b", NULL, &w.err), 0);
    assert_int_equal(lh_retry(w.path, "b", &o, &moved, &w.err), 0);
    assert_int_equal(moved, 2);
    assert_true(world_batch_is(&w, b, "paused"));
    world_close(&w);
}

static void resume_of_a_batch_with_nothing_left_finishes_it(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    int64_t b = world_batch(&w, "b", 500, 0);
    world_sql(&w, "UPDATE batches SET state = 'paused'");
    assert_int_equal(lh_resume(w.path, "b", &w.err), 0);
    assert_true(world_batch_is(&w, b, "finished"));
    world_close(&w);
}

/* A worker beside it under which every job dies at once: it strikes whenever the retry is about to begin a transaction. */
struct undertaker {
    struct world *w;
    int64_t batch;
};

static struct undertaker *undertaker_of_test; /* SQLite passes no argument to an automatic extension */

static void bury_all_ready(struct undertaker *u)
{
    struct claim_list list;
    world_claim(u->w, u->batch, 100000, &list);
    for (struct claimed_job *job = list.first; job != NULL; job = job->next) {
        struct outcome o = world_outcome(job, OUTCOME_DEAD);
        world_apply(u->w, &o);
    }
    claim_list_free(&list);
}

static int on_statement(unsigned mask, void *arg, void *stmt, void *text)
{
    (void)mask;
    (void)stmt;
    if (strstr(text, "BEGIN IMMEDIATE") != NULL)
        bury_all_ready(arg);
    return 0;
}

static int watch_new_connection(sqlite3 *db, const char **error, const struct sqlite3_api_routines *api)
{
    (void)error;
    (void)api;
    return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, on_statement, undertaker_of_test);
}

static void a_retry_ends_beside_a_worker_under_which_all_jobs_die(void **state)
{
    (void)state;
    enum { JOBS = STEER_AT_ONCE + 3 };
    struct world w;
    int64_t moved = 0;
    const lh_retry_options o = {.dead = true};
    world_open(&w);
    struct undertaker u = {.w = &w, .batch = world_batch(&w, "b", 500, JOBS)};
    bury_all_ready(&u);
    assert_int_equal(count(&w, "dead"), JOBS);
    undertaker_of_test = &u;
    sqlite3_auto_extension((void (*)(void))watch_new_connection);
    assert_int_equal(lh_retry(w.path, "b", &o, &moved, &w.err), 0);
    sqlite3_reset_auto_extension();
    undertaker_of_test = NULL;
    assert_int_equal(moved, JOBS);
    assert_int_equal(world_int(&w, "SELECT max(generation) FROM jobs"), 1); /* none was revived twice */
    assert_int_equal(world_faults(&w), 0);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pause_keeps_its_reason_until_resumed),
        cmocka_unit_test(steering_is_refused_where_it_makes_no_sense),
        cmocka_unit_test(an_unknown_batch_is_named_with_those_there_are),
        cmocka_unit_test(a_cancel_ends_what_is_open_and_leaves_what_is_sent),
        cmocka_unit_test(a_large_cancel_goes_in_pieces_and_counts_all),
        cmocka_unit_test(retry_takes_back_what_it_is_told_to),
        cmocka_unit_test(a_revived_job_has_fresh_attempts_a_new_key_and_its_history),
        cmocka_unit_test(a_batch_that_loads_is_not_retried),
        cmocka_unit_test(a_paused_batch_stays_paused_when_retried),
        cmocka_unit_test(resume_of_a_batch_with_nothing_left_finishes_it),
        cmocka_unit_test(a_retry_ends_beside_a_worker_under_which_all_jobs_die),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

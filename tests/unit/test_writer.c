/* The store thread: groups, acknowledgements after the commit and never before, and a disk that fails for a while. The loop's side
 * of it waits for the thread's wake-ups; no test sleeps. */
#include "store_world.h"

#include <uv.h>

#include "base/log.h"
#include "failing_disk.h"
#include "store/lock.h"
#include "store/writer.h"

struct loop {
    struct world w;
    struct writer *writer;
    struct recovery recovery;
    uv_sem_t woken;
    struct claim_list claims; /* gathered */
    int64_t committed;
    struct writer_report last;
};

static void on_wake(void *arg)
{
    uv_sem_post(&((struct loop *)arg)->woken);
}

static void set_up(struct loop *l, int64_t jobs)
{
    *l = (struct loop){0};
    world_open(&l->w);
    if (jobs > 0)
        world_batch(&l->w, "b", 500, jobs);
    claim_list_init(&l->claims);
    assert_int_equal(uv_sem_init(&l->woken, 0), 0);
}

static void start(struct loop *l)
{
    const struct writer_options o = {.db = l->w.path,
                                     .durability = DURABILITY_NORMAL,
                                     .batch_id = LH_UNKNOWN,
                                     .max_attempts = 5,
                                     .wake = on_wake,
                                     .wake_arg = l};
    if (writer_start(&o, &l->recovery, &l->writer, &l->w.err) != 0)
        fail_msg("%s", l->w.err.message);
}

static void collect(struct loop *l)
{
    writer_collect(l->writer, &l->last);
    l->committed += l->last.committed;
    if (l->last.claims.first == NULL)
        return;
    *l->claims.last = l->last.claims.first;
    l->claims.last = l->last.claims.last;
    l->claims.count += l->last.claims.count;
}

static void await_claims(struct loop *l, int64_t n)
{
    while (l->claims.count < n && l->last.fatal == 0) {
        uv_sem_wait(&l->woken);
        collect(l);
    }
    assert_int_equal(l->last.fatal, 0);
    assert_int_equal(l->claims.count, n);
}

static void await_committed(struct loop *l, int64_t n)
{
    while (l->committed < n && l->last.fatal == 0) {
        uv_sem_wait(&l->woken);
        collect(l);
    }
    assert_int_equal(l->last.fatal, 0);
    assert_int_equal(l->committed, n);
}

static void post(struct loop *l, const struct claimed_job *job, enum outcome_move move)
{
    struct outcome *o = malloc(sizeof *o);
    assert_non_null(o);
    *o = world_outcome(job, move);
    o->body = o->body != NULL ? strdup(o->body) : NULL;
    writer_post(l->writer, o);
}

static void tear_down(struct loop *l)
{
    if (l->writer != NULL)
        assert_int_equal(writer_stop(l->writer, "done", 1000, &l->w.err), 0);
    assert_int_equal(world_faults(&l->w), 0);
    claim_list_free(&l->claims);
    uv_sem_destroy(&l->woken);
    world_close(&l->w);
}

static int64_t count(struct loop *l, const char *job_state)
{
    return world_int(&l->w, "SELECT count(*) FROM jobs WHERE state = '%s'", job_state);
}

static void claims_are_committed_before_they_are_handed_out(void **state)
{
    (void)state;
    struct loop l;
    set_up(&l, 10);
    start(&l);
    writer_ask(l.writer, 4, true);
    await_claims(&l, 4);
    assert_int_equal(count(&l, "running"), 4);
    assert_int_equal(l.last.claimed_total, 4);
    tear_down(&l);
}

static void what_is_acknowledged_is_in_the_database(void **state)
{
    (void)state;
    enum { JOBS = 40 };
    struct loop l;
    set_up(&l, JOBS);
    start(&l);
    writer_ask(l.writer, JOBS, true);
    await_claims(&l, JOBS);
    for (const struct claimed_job *job = l.claims.first; job != NULL; job = job->next)
        post(&l, job, OUTCOME_DONE);
    while (l.committed < JOBS) {
        uv_sem_wait(&l.woken);
        collect(&l);
        assert_true(world_int(&l.w, "SELECT count(*) FROM results") >= l.committed);
    }
    assert_int_equal(count(&l, "done"), JOBS);
    assert_true(world_batch_is(&l.w, 1, "finished"));
    tear_down(&l);
}

/* While another process holds the write lock nothing can be committed: what was posted meanwhile goes in one transaction. */
static void what_gathers_is_one_transaction(void **state)
{
    (void)state;
    enum { JOBS = 100 };
    struct loop l;
    set_up(&l, JOBS);
    start(&l);
    writer_ask(l.writer, JOBS, true);
    await_claims(&l, JOBS);
    assert_int_equal(store_begin(l.w.store, &l.w.err), 0);
    for (const struct claimed_job *job = l.claims.first; job != NULL; job = job->next)
        post(&l, job, OUTCOME_DONE);
    collect(&l);
    assert_int_equal(l.committed, 0);
    int64_t drains = l.last.drains;
    assert_int_equal(store_commit(l.w.store, &l.w.err), 0);
    await_committed(&l, JOBS);
    /* one that waits for the lock, one for what came after it was taken, and the looks around of a slow machine */
    assert_true(l.last.drains - drains <= 10);
    tear_down(&l);
}

static void stop_commits_what_was_posted(void **state)
{
    (void)state;
    struct loop l;
    set_up(&l, 5);
    start(&l);
    writer_ask(l.writer, 5, true);
    await_claims(&l, 5);
    for (const struct claimed_job *job = l.claims.first; job != NULL; job = job->next)
        post(&l, job, job->next != NULL ? OUTCOME_DONE : OUTCOME_GIVE_BACK);
    assert_int_equal(writer_stop(l.writer, "signal", 1000, &l.w.err), 0);
    l.writer = NULL;
    assert_int_equal(count(&l, "done"), 4);
    assert_int_equal(count(&l, "ready"), 1);
    assert_true(world_text_is(&l.w, "SELECT stop_reason FROM workers", "signal"));
    tear_down(&l);
}

static void a_disk_that_fails_keeps_the_group_and_goes_on(void **state)
{
    (void)state;
    struct loop l;
    set_up(&l, 6);
    start(&l);
    writer_ask(l.writer, 3, true);
    await_claims(&l, 3);
    failing_disk_break(SQLITE_IOERR_WRITE, 0);
    for (const struct claimed_job *job = l.claims.first; job != NULL; job = job->next)
        post(&l, job, OUTCOME_DONE);
    while (l.last.trouble[0] == '\0') {
        uv_sem_wait(&l.woken);
        collect(&l);
    }
    assert_int_equal(l.committed, 0);
    assert_int_equal(l.last.fatal, 0);
    assert_int_equal(world_int(&l.w, "SELECT count(*) FROM results"), 0);
    writer_ask(l.writer, 3, true); /* nothing is claimed while commits fail */
    failing_disk_mend();
    await_committed(&l, 3);
    assert_string_equal(l.last.trouble, "");
    await_claims(&l, 6);
    assert_int_equal(count(&l, "done"), 3);
    assert_int_equal(count(&l, "running"), 3);
    tear_down(&l);
}

static void patience_ends_and_nothing_is_half_stored(void **state)
{
    (void)state;
    struct loop l;
    set_up(&l, 2);
    start(&l);
    writer_ask(l.writer, 2, true);
    await_claims(&l, 2);
    failing_disk_break(SQLITE_FULL, 0);
    post(&l, l.claims.first, OUTCOME_DONE);
    assert_int_equal(writer_stop(l.writer, "signal", 0, &l.w.err), LH_EFULL);
    failing_disk_mend();
    l.writer = NULL;
    assert_int_equal(count(&l, "running"), 2);
    start(&l); /* the next run finds them as orphans, and the lock free */
    assert_int_equal(l.recovery.recovered, 2);
    assert_int_equal(count(&l, "ready"), 2);
    tear_down(&l);
}

static void a_defect_ends_the_thread_and_says_why(void **state)
{
    (void)state;
    struct loop l;
    set_up(&l, 1);
    start(&l);
    writer_ask(l.writer, 1, true);
    await_claims(&l, 1);
    struct outcome *o = malloc(sizeof *o);
    assert_non_null(o);
    *o = world_outcome(l.claims.first, OUTCOME_WAIT);
    o->attempt_outcome = "nonsense";
    writer_post(l.writer, o);
    while (l.last.fatal == 0) {
        uv_sem_wait(&l.woken);
        collect(&l);
    }
    assert_int_equal(l.last.fatal, LH_EINTERNAL);
    assert_int_equal(l.committed, 0);
    assert_int_equal(writer_stop(l.writer, "failed", 0, &l.w.err), LH_EINTERNAL);
    l.writer = NULL;
    assert_int_equal(count(&l, "running"), 1);
    tear_down(&l);
}

static void a_second_worker_is_refused_until_the_first_has_stopped(void **state)
{
    (void)state;
    struct loop l;
    struct writer *second = NULL;
    struct recovery r;
    set_up(&l, 1);
    start(&l);
    const struct writer_options o = {
        .db = l.w.path, .batch_id = LH_UNKNOWN, .max_attempts = 5, .wake = on_wake, .wake_arg = &l};
    assert_int_equal(writer_start(&o, &r, &second, &l.w.err), LH_ELOCKED);
    assert_null(second);
    assert_int_equal(world_int(&l.w, "SELECT count(*) FROM workers"), 1);
    assert_int_equal(writer_stop(l.writer, "done", 1000, &l.w.err), 0);
    start(&l);
    tear_down(&l);
}

/* Asked for in one breath, while nothing can be committed: both batches must be paused in the end. */
static void no_pause_is_lost_to_the_next_one(void **state)
{
    (void)state;
    struct loop l;
    set_up(&l, 2);
    world_batch(&l.w, "c", 500, 2);
    start(&l);
    assert_int_equal(store_begin(l.w.store, &l.w.err), 0);
    for (int64_t b = 1; b <= 2; b++) {
        struct steer_note note = {.batch_id = b, .reason = "guard"};
        writer_steer(l.writer, &note);
    }
    assert_int_equal(store_commit(l.w.store, &l.w.err), 0);
    assert_int_equal(writer_stop(l.writer, "done", 1000, &l.w.err), 0);
    l.writer = NULL;
    assert_true(world_batch_is(&l.w, 1, "paused"));
    assert_true(world_batch_is(&l.w, 2, "paused"));
    tear_down(&l);
}

static void what_was_asked_can_be_taken_back(void **state)
{
    (void)state;
    struct loop l;
    set_up(&l, 5);
    start(&l);
    assert_int_equal(store_begin(l.w.store, &l.w.err), 0);
    writer_ask(l.writer, 3, false);
    writer_ask_nothing(l.writer);
    writer_ask(l.writer, 1, true);
    assert_int_equal(store_commit(l.w.store, &l.w.err), 0);
    await_claims(&l, 1);
    tear_down(&l);
}

static void a_job_that_is_submitted_later_is_claimed(void **state)
{
    (void)state;
    struct loop l;
    set_up(&l, 0);
    start(&l);
    writer_ask(l.writer, 2, true);
    world_batch(&l.w, "late", 500, 2);
    await_claims(&l, 2);
    tear_down(&l);
}

static void note(struct loop *l, const char *scope, const char *kind, const char *value)
{
    struct checkpoint_note *n = note_new(scope, kind, value);
    assert_non_null(n);
    writer_note(l->writer, n);
}

/* While nothing can be committed: the last note of each key must stand in the end, and none of another key be lost to it. */
static void of_each_key_the_last_note_outlives_failing_commits_and_the_stop(void **state)
{
    (void)state;
    struct loop l;
    set_up(&l, 1);
    start(&l);
    failing_disk_break(SQLITE_IOERR_WRITE, 0);
    note(&l, "worker", "stats", "[1]");
    note(&l, "endpoint/a", "gate", "[2]");
    while (l.last.trouble[0] == '\0') { /* these are in the group that failed */
        uv_sem_wait(&l.woken);
        collect(&l);
    }
    note(&l, "endpoint/b", "gate", "[3]");
    note(&l, "worker", "stats", "[4]");
    note(&l, "worker", "stats", "[5]");
    assert_int_equal(world_int(&l.w, "SELECT count(*) FROM checkpoints WHERE kind <> 'identity'"), 0);
    failing_disk_mend();
    assert_int_equal(writer_stop(l.writer, "done", 5000, &l.w.err), 0);
    l.writer = NULL;
    assert_true(world_text_is(&l.w,
                              "SELECT group_concat(scope || '=' || value) FROM (SELECT * FROM checkpoints "
                              "WHERE kind <> 'identity' ORDER BY scope)",
                              "endpoint/a=[2],endpoint/b=[3],worker=[5]"));
    tear_down(&l);
}

static void a_note_may_be_of_any_length(void **state)
{
    (void)state;
    enum { LENGTH = 300000 };
    struct loop l;
    char *value = malloc(LENGTH + 1);
    assert_non_null(value);
    memset(value, 'x', LENGTH);
    value[0] = value[LENGTH - 1] = '"';
    value[LENGTH] = '\0';
    set_up(&l, 0);
    start(&l);
    note(&l, "worker", "stats", value);
    assert_int_equal(writer_stop(l.writer, "done", 1000, &l.w.err), 0);
    l.writer = NULL;
    assert_int_equal(world_int(&l.w, "SELECT length(value) FROM checkpoints WHERE scope = 'worker'"), LENGTH);
    free(value);
    tear_down(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(claims_are_committed_before_they_are_handed_out),
        cmocka_unit_test(what_is_acknowledged_is_in_the_database),
        cmocka_unit_test(what_gathers_is_one_transaction),
        cmocka_unit_test(stop_commits_what_was_posted),
        cmocka_unit_test(a_disk_that_fails_keeps_the_group_and_goes_on),
        cmocka_unit_test(patience_ends_and_nothing_is_half_stored),
        cmocka_unit_test(a_defect_ends_the_thread_and_says_why),
        cmocka_unit_test(a_second_worker_is_refused_until_the_first_has_stopped),
        cmocka_unit_test(no_pause_is_lost_to_the_next_one),
        cmocka_unit_test(what_was_asked_can_be_taken_back),
        cmocka_unit_test(of_each_key_the_last_note_outlives_failing_commits_and_the_stop),
        cmocka_unit_test(a_note_may_be_of_any_length),
        cmocka_unit_test(a_job_that_is_submitted_later_is_claimed),
    };
    failing_disk_install();
    log_set_level(LOG_LEVEL_QUIET);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The ledger: counters move with jobs, and a batch's state follows from what it has left to do and from nothing else. */
#include "store_world.h"

#include "base/random.h"

static struct lane *lane_of(struct world *w, struct ledger *l, int64_t batch_id)
{
    struct lane *lane = NULL;
    assert_int_equal(ledger_lane(l, w->store, batch_id, &lane, &w->err), 0);
    return lane;
}

static void write_all(struct world *w, struct ledger *l)
{
    assert_int_equal(ledger_write(l, w->store, 77, &w->err), 0);
}

static void counters_move_by_what_was_told(void **state)
{
    (void)state;
    struct world w;
    struct ledger l;
    world_open(&w);
    ledger_init(&l);
    int64_t b = world_batch(&w, "b", 500, 5);
    struct lane *lane = lane_of(&w, &l, b);
    for (int i = 0; i < 3; i++)
        assert_int_equal(lane_move(lane, JOB_READY, JOB_RUNNING, &w.err), 0);
    assert_int_equal(lane_move(lane, JOB_RUNNING, JOB_DONE, &w.err), 0);
    assert_int_equal(lane_move(lane, JOB_RUNNING, JOB_WAITING, &w.err), 0);
    lane->attempts = 2;
    lane->failed_attempts = 1;
    lane->prompt_tokens = 11;
    write_all(&w, &l);
    write_all(&w, &l); /* what was written is not written again */
    assert_int_equal(world_int(&w, "SELECT jobs_ready FROM batches"), 2);
    assert_int_equal(world_int(&w, "SELECT jobs_running FROM batches"), 1);
    assert_int_equal(world_int(&w, "SELECT jobs_waiting FROM batches"), 1);
    assert_int_equal(world_int(&w, "SELECT jobs_done FROM batches"), 1);
    assert_int_equal(world_int(&w, "SELECT attempts FROM batches"), 2);
    assert_int_equal(world_int(&w, "SELECT failed_attempts FROM batches"), 1);
    assert_int_equal(world_int(&w, "SELECT prompt_tokens FROM batches"), 11);
    assert_int_equal(world_int(&w, "SELECT started_at FROM batches"), 77);
    assert_int_equal(lane_open_jobs(lane), 4);
    ledger_free(&l);
    world_close(&w);
}

static void an_illegal_move_is_refused_and_counts_nothing(void **state)
{
    (void)state;
    struct world w;
    struct ledger l;
    world_open(&w);
    ledger_init(&l);
    int64_t b = world_batch(&w, "b", 500, 1);
    struct lane *lane = lane_of(&w, &l, b);
    assert_int_equal(lane_move(lane, JOB_READY, JOB_DONE, &w.err), LH_EINTERNAL);
    assert_non_null(strstr(w.err.message, "from ready to done"));
    assert_int_equal(lane->jobs[JOB_READY], 1);
    assert_false(lane->touched);
    ledger_free(&l);
    world_close(&w);
}

struct following {
    const char *was;
    enum job_state from, to;
    const char *becomes;
};

/* One job of two moves; the other one is done, or dead or canceled when that is where the first comes from. */
static void check_following(struct world *w, const struct following *f)
{
    static const char *const columns[] = {"jobs_ready", "jobs_waiting", "jobs_running",
                                          "jobs_done",  "jobs_dead",    "jobs_canceled"};
    struct ledger l;
    ledger_init(&l);
    world_sql(w, "INSERT INTO batches (name, state, input, created_at, %s) VALUES ('%s%d%d', '%s', '', 1, 1)",
              columns[f->from], f->was, f->from, f->to, f->was);
    int64_t id = sqlite3_last_insert_rowid(w->store->db);
    assert_int_equal(lane_move(lane_of(w, &l, id), f->from, f->to, &w->err), 0);
    write_all(w, &l);
    if (!world_batch_is(w, id, f->becomes))
        fail_msg("%s, %s to %s", f->was, job_state_name(f->from), job_state_name(f->to));
    ledger_free(&l);
}

static void the_state_of_a_batch_follows_from_what_is_left(void **state)
{
    (void)state;
    static const struct following table[] = {
        /* the last job ends */
        {"active", JOB_RUNNING, JOB_DONE, "finished"},
        {"active", JOB_RUNNING, JOB_DEAD, "finished"},
        {"paused", JOB_RUNNING, JOB_DONE, "finished"}, /* nothing is left that a pause could hold */
        {"canceled", JOB_RUNNING, JOB_DONE, "canceled"},
        {"loading", JOB_RUNNING, JOB_DONE, "loading"},
        /* work that was there already goes on: it never undoes a pause, a cancel or a load */
        {"active", JOB_RUNNING, JOB_READY, "active"},
        {"paused", JOB_RUNNING, JOB_READY, "paused"},
        {"loading", JOB_RUNNING, JOB_READY, "loading"},
        {"loading", JOB_WAITING, JOB_READY, "loading"},
        {"canceled", JOB_RUNNING, JOB_READY, "canceled"},
        {"canceled", JOB_WAITING, JOB_READY, "canceled"},
        /* jobs taken back by a person */
        {"finished", JOB_DEAD, JOB_READY, "active"},
        {"finished", JOB_CANCELED, JOB_READY, "active"},
        {"canceled", JOB_CANCELED, JOB_READY, "active"},
        {"paused", JOB_DEAD, JOB_READY, "paused"},
        {"loading", JOB_DEAD, JOB_READY, "loading"},
    };
    struct world w;
    world_open(&w);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        check_following(&w, &table[i]);
    world_close(&w);
}

static void lanes_stand_by_priority_then_age(void **state)
{
    (void)state;
    struct world w;
    struct ledger l;
    world_open(&w);
    ledger_init(&l);
    int64_t low = world_batch(&w, "low", 900, 1), first = world_batch(&w, "first", 500, 1);
    int64_t second = world_batch(&w, "second", 500, 1), high = world_batch(&w, "high", 100, 1);
    int64_t empty = world_batch(&w, "empty", 0, 0);
    int64_t loading = world_batch(&w, "loading", 0, 1);
    world_sql(&w, "UPDATE batches SET state = 'loading' WHERE id = %lld", (long long)loading);
    (void)empty;
    assert_int_equal(ledger_load(&l, w.store, LH_UNKNOWN, &w.err), 0);
    const int64_t expected[] = {high, first, second, low};
    assert_int_equal(l.count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(l.lanes[i]->batch_id, expected[i]);
    assert_int_equal(ledger_load(&l, w.store, second, &w.err), 0);
    assert_int_equal(l.count, 1);
    assert_string_equal(l.lanes[0]->name, "second");
    ledger_free(&l);
    world_close(&w);
}

static void a_batch_that_is_gone_is_said(void **state)
{
    (void)state;
    struct world w;
    struct ledger l;
    struct lane *lane = NULL;
    world_open(&w);
    ledger_init(&l);
    assert_int_equal(ledger_lane(&l, w.store, 99, &lane, &w.err), LH_ENOTFOUND);
    ledger_free(&l);
    world_close(&w);
}

static void many_lanes_keep_their_own_counts(void **state)
{
    (void)state;
    enum { BATCHES = 40 };
    struct world w;
    struct ledger l;
    char name[16];
    world_open(&w);
    ledger_init(&l);
    for (int i = 0; i < BATCHES; i++) {
        snprintf(name, sizeof name, "b%d", i);
        world_batch(&w, name, 500, i + 1);
    }
    for (int i = 0; i < BATCHES; i++)
        assert_int_equal(lane_of(&w, &l, i + 1)->jobs[JOB_READY], i + 1);
    for (int i = 0; i < BATCHES; i += 2)
        assert_int_equal(lane_move(lane_of(&w, &l, i + 1), JOB_READY, JOB_CANCELED, &w.err), 0);
    write_all(&w, &l);
    for (int i = 0; i < BATCHES; i++)
        assert_int_equal(world_int(&w, "SELECT jobs_ready FROM batches WHERE id = %d", i + 1),
                         i + 1 - (i % 2 == 0));
    ledger_free(&l);
    world_close(&w);
}

/* What is kept with each move must be what a walk over all lanes would find. */
static void check_totals(const struct ledger *l)
{
    struct ledger_totals t = {0};
    for (size_t i = 0; i < l->count; i++) {
        const struct lane *lane = l->lanes[i];
        for (int s = 0; s < JOB_STATES; s++)
            t.jobs[s] += lane->jobs[s];
        bool open = lane_open_jobs(lane) > 0;
        t.claimable += lane->active ? lane->jobs[JOB_READY] : 0;
        t.working += (lane->active || lane->canceled) && open ? 1 : 0;
        t.held += lane->paused || (lane->loading && open) ? 1 : 0;
        t.canceled += lane->canceled ? 1 : 0;
        t.cancelable += lane->canceled ? lane->jobs[JOB_READY] + lane->jobs[JOB_WAITING] : 0;
        assert_ptr_equal(ledger_find(l, lane->batch_id), lane);
    }
    assert_memory_equal(&t, &l->totals, sizeof t);
}

static void totals_are_those_of_a_walk_over_all_lanes(void **state)
{
    (void)state;
    enum { BATCHES = 8 };
    struct world w;
    struct ledger l;
    struct random random;
    char name[16];
    world_open(&w);
    ledger_init(&l);
    random_seed(&random, 1);
    for (int i = 0; i < BATCHES; i++) {
        snprintf(name, sizeof name, "b%d", i);
        world_batch(&w, name, 500, 4);
    }
    assert_int_equal(ledger_load(&l, w.store, LH_UNKNOWN, &w.err), 0);
    for (int step = 0; step < 3000; step++) {
        struct lane *lane = lane_of(&w, &l, 1 + (int64_t)random_below(&random, BATCHES));
        enum job_state from = (enum job_state)random_below(&random, JOB_STATES);
        enum job_state to = (enum job_state)random_below(&random, JOB_STATES);
        if (lane->jobs[from] > 0 && job_move_is_legal(from, to))
            assert_int_equal(lane_move(lane, from, to, &w.err), 0);
        if (lane->active && random_below(&random, 10) == 0)
            lane_stop(lane, random_below(&random, 2) == 0, "why");
        if (step % 7 == 0)
            write_all(&w, &l);
        if (step % 70 == 0 && l.left != NULL) {
            lane = l.left;
            l.left = NULL;
            ledger_remove(&l, lane);
        }
        check_totals(&l);
    }
    ledger_free(&l);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_move_by_what_was_told),
        cmocka_unit_test(an_illegal_move_is_refused_and_counts_nothing),
        cmocka_unit_test(the_state_of_a_batch_follows_from_what_is_left),
        cmocka_unit_test(lanes_stand_by_priority_then_age),
        cmocka_unit_test(a_batch_that_is_gone_is_said),
        cmocka_unit_test(many_lanes_keep_their_own_counts),
        cmocka_unit_test(totals_are_those_of_a_walk_over_all_lanes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

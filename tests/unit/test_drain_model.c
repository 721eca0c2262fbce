/* Drains against a naive model: random legal operations of a worker and of people beside it, with routes that shut and open, jobs that
 * come to their deadline, and commits that fail in between. After each step counters, states and rows are what the model says, and `db check` finds nothing. */
#include "store_world.h"

#include "base/random.h"
#include "failing_disk.h"
#include "store/drain.h"

enum { BATCHES = 3, JOBS_EACH = 12, STEPS = 300, OPERATIONS = 9, ROUTES = 3, DEADLINE_MS = 2500 };

struct model_job {
    int64_t id, batch, route, sends, attempt_rows, generation, retry_at, deadline_at; /* 0: none */
    enum job_state state;
    bool set_deadline; /* its last claim did */
    bool held;         /* claimed by the worker, its outcome not yet given */
};

struct model {
    struct world w;
    struct drain d;
    struct random random;
    struct model_job jobs[BATCHES * JOBS_EACH];
    char batch[BATCHES][16]; /* states */
    struct claim_list held;
    int64_t now;
    struct route_set shut;
    int64_t shuts;
    int64_t late;   /* buried by the worker */
    bool attentive; /* the worker looks after each revival, so that its figures are exact */
};

static struct model_job *model_find(struct model *m, int64_t id)
{
    for (size_t i = 0; i < BATCHES * JOBS_EACH; i++)
        if (m->jobs[i].id == id)
            return &m->jobs[i];
    fail_msg("no job %lld", (long long)id);
    abort();
}

static bool batch_is(const struct model *m, int64_t batch, const char *name)
{
    return strcmp(m->batch[batch - 1], name) == 0;
}

static void set_batch(struct model *m, int64_t batch, const char *name)
{
    snprintf(m->batch[batch - 1], sizeof m->batch[0], "%s", name);
}

static int64_t open_jobs(const struct model *m, int64_t batch)
{
    int64_t open = 0;
    for (size_t i = 0; i < BATCHES * JOBS_EACH; i++)
        open += m->jobs[i].batch == batch && m->jobs[i].state <= JOB_RUNNING ? 1 : 0;
    return open;
}

static void finish_if_over(struct model *m, int64_t batch)
{
    if ((batch_is(m, batch, "active") || batch_is(m, batch, "paused")) && open_jobs(m, batch) == 0)
        set_batch(m, batch, "finished");
}

static int64_t below(struct model *m, int64_t n)
{
    return (int64_t)random_below(&m->random, (uint64_t)n);
}

static int64_t any_batch(struct model *m)
{
    return 1 + below(m, BATCHES);
}

/* ---- the model's own moves ---- */

static void model_outcome(struct model *m, const struct outcome *o)
{
    static const enum job_state after[] = {[OUTCOME_DONE] = JOB_DONE,
                                           [OUTCOME_WAIT] = JOB_WAITING,
                                           [OUTCOME_DEAD] = JOB_DEAD,
                                           [OUTCOME_READY] = JOB_READY,
                                           [OUTCOME_GIVE_BACK] = JOB_READY};
    struct model_job *j = model_find(m, o->job_id);
    assert_int_equal(j->state, JOB_RUNNING);
    j->state = after[o->move];
    if (batch_is(m, j->batch, "canceled") && (j->state == JOB_READY || j->state == JOB_WAITING))
        j->state = JOB_CANCELED;
    j->sends -= o->move == OUTCOME_GIVE_BACK ? 1 : 0;
    j->attempt_rows += o->move == OUTCOME_GIVE_BACK ? 0 : 1;
    j->retry_at = o->next_retry_at;
    if (o->move == OUTCOME_GIVE_BACK && j->set_deadline && j->state == JOB_READY)
        j->deadline_at = 0;
    j->held = false;
}

static void model_promote(struct model *m)
{
    for (size_t i = 0; i < BATCHES * JOBS_EACH; i++)
        if (m->jobs[i].state == JOB_WAITING && m->jobs[i].retry_at <= m->now)
            m->jobs[i].state = JOB_READY;
}

static void model_bury(struct model *m)
{
    for (size_t i = 0; i < BATCHES * JOBS_EACH; i++) {
        struct model_job *j = &m->jobs[i];
        if (j->state > JOB_WAITING || j->deadline_at == 0 || j->deadline_at > m->now)
            continue;
        j->state = JOB_DEAD;
        m->late++;
    }
}

/* The claims must be exactly the first ready jobs of the active batches whose routes are open, by priority (batch 1 first), then age. */
static void model_claims(struct model *m, const struct claim_list *claims, int64_t want)
{
    const struct claimed_job *job = claims->first;
    for (size_t i = 0; i < BATCHES * JOBS_EACH && want > 0; i++) {
        struct model_job *j = &m->jobs[i];
        if (j->state != JOB_READY || !batch_is(m, j->batch, "active") || route_set_has(&m->shut, j->route))
            continue;
        assert_non_null(job);
        assert_int_equal(job->id, j->id);
        assert_int_equal(job->number, j->sends + 1);
        assert_int_equal(job->generation, j->generation);
        j->state = JOB_RUNNING;
        j->sends++;
        j->set_deadline = j->deadline_at == 0;
        j->deadline_at = j->set_deadline ? m->now + DEADLINE_MS : j->deadline_at;
        assert_int_equal(job->route, j->route);
        assert_int_equal(job->deadline_at, j->deadline_at);
        assert_int_equal(job->claim_set_deadline, j->set_deadline);
        j->held = true;
        job = job->next;
        want--;
    }
    assert_null(job);
}

/* ---- the worker ---- */

static struct claimed_job *take_held(struct model *m)
{
    struct claimed_job *job = m->held.first;
    m->held.first = job->next;
    m->held.count--;
    if (m->held.first == NULL)
        claim_list_init(&m->held);
    job->next = NULL;
    return job;
}

static struct outcome *random_outcomes(struct model *m, struct outcome *outcomes, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        struct claimed_job *job = take_held(m);
        outcomes[i] = world_outcome(job, (enum outcome_move)below(m, OUTCOME_GIVE_BACK + 1));
        outcomes[i].deadline_at = job->deadline_at;
        outcomes[i].claim_set_deadline = job->claim_set_deadline;
        outcomes[i].retry_is_counted = below(m, 2) == 0;
        outcomes[i].next = i + 1 < n ? &outcomes[i + 1] : NULL;
        if (outcomes[i].move == OUTCOME_WAIT)
            outcomes[i].next_retry_at = m->now + 1 + below(m, 300);
        claimed_job_free(job);
    }
    return n > 0 ? outcomes : NULL;
}

static void keep_claims(struct model *m, struct claim_list *claims)
{
    if (claims->first == NULL)
        return;
    *m->held.last = claims->first;
    m->held.last = claims->last;
    m->held.count += claims->count;
}

static void fail_once(struct model *m, struct drain_work *w)
{
    lh_error err = {0};
    static const int codes[] = {SQLITE_FULL, SQLITE_IOERR_WRITE, SQLITE_IOERR_FSYNC};
    failing_disk_break(codes[below(m, 3)], (int)below(m, 3));
    int rc = drain_run(&m->d, w, &err);
    failing_disk_mend();
    if (atomic_load(&failing_disk.failures) == 0)
        return; /* nothing was to be written */
    assert_true(rc != 0);
    assert_true(store_error_is_passing(rc));
    assert_int_equal(w->claims.count, 0);
}

static void shut_other_routes(struct model *m)
{
    if (below(m, 3) > 0)
        return;
    m->shut.count = 0;
    for (int64_t route = 0; route < ROUTES; route++)
        if (below(m, 2) == 0)
            route_set_add(&m->shut, route);
    m->shuts++;
}

/* Who wants jobs and gets none sleeps until the view says that there are some. */
static void check_claimable(const struct model *m)
{
    int64_t to_claim = 0;
    for (size_t i = 0; i < BATCHES * JOBS_EACH; i++) {
        const struct model_job *j = &m->jobs[i];
        bool counts = j->state == JOB_READY && batch_is(m, j->batch, "active");
        to_claim += counts && !route_set_has(&m->shut, j->route) ? 1 : 0;
    }
    assert_true(to_claim == 0 || m->d.view.claimable > 0);
}

static void worker_drains(struct model *m, bool fails, const struct steer_note *steer)
{
    struct outcome outcomes[BATCHES * JOBS_EACH];
    int64_t n = m->held.count > 0 && below(m, 3) > 0 ? below(m, m->held.count + 1) : 0;
    m->now += below(m, 100);
    shut_other_routes(m);
    struct drain_work w = {.outcomes = random_outcomes(m, outcomes, n),
                           .want = below(m, 3) == 0 ? 0 : below(m, 12),
                           .max_bytes = 1 << 20,
                           .steer = steer,
                           .shut = &m->shut,
                           .shuts = m->shuts,
                           .now_ms = m->now};
    lh_error err = {0};
    bool failed = false;
    if (fails) {
        fail_once(m, &w);
        failed = w.claims.count == 0 && atomic_load(&failing_disk.failures) > 0;
    }
    if (!fails || failed) {
        if (drain_run(&m->d, &w, &err) != 0)
            fail_msg("%s", err.message);
    }
    assert_int_equal(w.stale, 0);
    for (const struct outcome *o = w.outcomes; o != NULL; o = o->next)
        model_outcome(m, o);
    for (const struct steer_note *note = steer; note != NULL; note = note->next)
        if (batch_is(m, note->batch_id, "active"))
            set_batch(m, note->batch_id, note->cancel ? "canceled" : "paused");
    model_promote(m);
    for (size_t i = 0; i < BATCHES * JOBS_EACH; i++)
        if (batch_is(m, m->jobs[i].batch, "canceled") && m->jobs[i].state <= JOB_WAITING)
            m->jobs[i].state = JOB_CANCELED;
    model_bury(m);
    model_claims(m, &w.claims, w.want);
    for (int64_t b = 1; b <= BATCHES; b++)
        finish_if_over(m, b);
    check_claimable(m);
    assert_int_equal(m->d.view.late, m->late);
    keep_claims(m, &w.claims);
}

static void worker_fails(struct model *m)
{
    worker_drains(m, true, NULL);
}

static void worker_steers(struct model *m)
{
    struct steer_note second = {.batch_id = any_batch(m), .cancel = below(m, 2) == 0};
    struct steer_note first = {.batch_id = any_batch(m), .cancel = below(m, 2) == 0, .next = &second};
    snprintf(first.reason, sizeof first.reason, "guard");
    worker_drains(m, false, below(m, 3) == 0 ? &first : NULL);
}

/* ---- people beside it, on connections of their own ---- */

static void somebody_pauses(struct model *m)
{
    int64_t b = any_batch(m);
    char name[16];
    bool allowed = batch_is(m, b, "active") || batch_is(m, b, "paused");
    snprintf(name, sizeof name, "b%lld", (long long)b);
    assert_int_equal(lh_pause(m->w.path, name, NULL, NULL), allowed ? 0 : LH_ESTATE);
    if (allowed)
        set_batch(m, b, "paused");
}

static void somebody_resumes(struct model *m)
{
    int64_t b = any_batch(m);
    char name[16];
    bool allowed = batch_is(m, b, "active") || batch_is(m, b, "paused");
    snprintf(name, sizeof name, "b%lld", (long long)b);
    assert_int_equal(lh_resume(m->w.path, name, NULL), allowed ? 0 : LH_ESTATE);
    if (allowed)
        set_batch(m, b, open_jobs(m, b) > 0 ? "active" : "finished");
}

static void somebody_cancels(struct model *m)
{
    int64_t b = any_batch(m), n = 0, expected = 0;
    char name[16];
    bool allowed = batch_is(m, b, "active") || batch_is(m, b, "paused") || batch_is(m, b, "canceled");
    snprintf(name, sizeof name, "b%lld", (long long)b);
    assert_int_equal(lh_cancel(m->w.path, name, &n, NULL), allowed ? 0 : LH_ESTATE);
    if (!allowed)
        return;
    set_batch(m, b, "canceled");
    for (size_t i = 0; i < BATCHES * JOBS_EACH; i++)
        if (m->jobs[i].batch == b && m->jobs[i].state <= JOB_WAITING) {
            m->jobs[i].state = JOB_CANCELED;
            expected++;
        }
    assert_int_equal(n, expected);
}

static void revive(struct model *m, int64_t batch, enum job_state from, int64_t *count)
{
    for (size_t i = 0; i < BATCHES * JOBS_EACH; i++)
        if (m->jobs[i].batch == batch && m->jobs[i].state == from) {
            m->jobs[i].state = JOB_READY;
            m->jobs[i].generation++;
            m->jobs[i].deadline_at = 0;
            ++*count;
        }
}

static void activate(struct model *m, int64_t batch, int64_t revived)
{
    if (revived > 0 && (batch_is(m, batch, "finished") || batch_is(m, batch, "canceled")))
        set_batch(m, batch, "active");
}

static void somebody_requeues(struct model *m)
{
    int64_t b = any_batch(m), n = 0, expected = 0;
    char name[16];
    snprintf(name, sizeof name, "b%lld", (long long)b);
    const lh_dead_filter f = {.batch = name};
    assert_int_equal(lh_dead_requeue(m->w.path, &f, &n, NULL), 0);
    revive(m, b, JOB_DEAD, &expected);
    activate(m, b, expected);
    assert_int_equal(n, expected);
    if (m->attentive)
        worker_drains(m, false, NULL);
}

static void somebody_retries(struct model *m)
{
    int64_t b = any_batch(m), n = 0, moved = 0, revived = 0;
    char name[16];
    snprintf(name, sizeof name, "b%lld", (long long)b);
    const lh_retry_options o = {.dead = below(m, 2) == 0, .canceled = below(m, 2) == 0};
    assert_int_equal(lh_retry(m->w.path, name, &o, &n, NULL), 0);
    for (size_t i = 0; i < BATCHES * JOBS_EACH; i++)
        if (m->jobs[i].batch == b && m->jobs[i].state == JOB_WAITING) {
            m->jobs[i].state = JOB_READY;
            m->jobs[i].deadline_at = 0;
            moved++;
        }
    if (o.dead)
        revive(m, b, JOB_DEAD, &revived);
    if (o.canceled)
        revive(m, b, JOB_CANCELED, &revived);
    activate(m, b, revived);
    assert_int_equal(n, moved + revived);
    if (m->attentive)
        worker_drains(m, false, NULL);
}

/* ---- the walk ---- */

static void check_jobs(struct model *m)
{
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(
        sqlite3_prepare_v2(m->w.store->db,
                           "SELECT j.id, j.state, j.sends, j.generation, COALESCE(j.deadline_at, 0), "
                           "(SELECT count(*) FROM attempts a WHERE a.job_id = j.id) FROM jobs j",
                           -1, &stmt, NULL),
        SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const struct model_job *j = model_find(m, sqlite3_column_int64(stmt, 0));
        assert_string_equal(sqlite3_column_text(stmt, 1), job_state_name(j->state));
        assert_int_equal(sqlite3_column_int64(stmt, 2), j->sends);
        assert_int_equal(sqlite3_column_int64(stmt, 3), j->generation);
        assert_int_equal(sqlite3_column_int64(stmt, 5), j->attempt_rows);
        if (j->state <= JOB_RUNNING)
            assert_int_equal(sqlite3_column_int64(stmt, 4), j->deadline_at);
    }
    sqlite3_finalize(stmt);
}

static void check_model(struct model *m)
{
    check_jobs(m);
    for (int64_t b = 1; b <= BATCHES; b++)
        assert_true(world_batch_is(&m->w, b, m->batch[b - 1]));
    assert_int_equal(world_faults(&m->w), 0);
}

static void check_view(struct model *m)
{
    int64_t jobs[JOB_STATES] = {0};
    worker_drains(m, false, NULL);
    for (size_t i = 0; i < BATCHES * JOBS_EACH; i++)
        jobs[m->jobs[i].state]++;
    for (int s = 0; s < JOB_STATES && m->attentive; s++)
        assert_int_equal(m->d.view.jobs[s], jobs[s]);
}

static void start_model(struct model *m, uint64_t seed)
{
    char name[16];
    memset(m, 0, sizeof *m);
    world_open(&m->w);
    random_seed(&m->random, seed);
    claim_list_init(&m->held);
    m->attentive = seed % 2 == 0;
    for (int64_t b = 1; b <= BATCHES; b++) {
        snprintf(name, sizeof name, "b%lld", (long long)b);
        assert_int_equal(world_batch(&m->w, name, b * 100, JOBS_EACH), b);
        set_batch(m, b, "active");
        for (int64_t i = 0; i < JOBS_EACH; i++)
            m->jobs[(b - 1) * JOBS_EACH + i] =
                (struct model_job){.id = world_job(&m->w, b, i + 1), .batch = b, .state = JOB_READY};
    }
    world_sql(&m->w, "UPDATE jobs SET route = id * 7 %% 5 %% %d", ROUTES);
    for (size_t i = 0; i < BATCHES * JOBS_EACH; i++)
        m->jobs[i].route = m->jobs[i].id * 7 % 5 % ROUTES;
    assert_int_equal(drain_open(&m->d, m->w.path, DURABILITY_NORMAL, LH_UNKNOWN, &m->w.err), 0);
    m->now = m->d.heartbeat_at;
    assert_int_equal(drain_begin_deadlines(&m->d, DEADLINE_MS, m->now, &m->w.err), 0);
    worker_drains(m, false, NULL); /* sees all batches while they are open: they are of its run */
}

static void a_random_walk_agrees_with_the_model(void **state)
{
    (void)state;
    static void (*const operations[OPERATIONS])(struct model *) = {
        check_view,       worker_steers,    worker_fails,      worker_steers,   somebody_pauses,
        somebody_resumes, somebody_cancels, somebody_requeues, somebody_retries};
    static struct model m;
    int64_t late = 0;
    for (uint64_t seed = 1; seed <= 2; seed++) {
        start_model(&m, seed);
        for (int step = 0; step < STEPS; step++) {
            /* cancels are rare, or nothing else would be left to see */
            int64_t op = below(&m, OPERATIONS);
            if (operations[op] != somebody_cancels || below(&m, 4) == 0)
                operations[op](&m);
            if (step % 4 == 0 || operations[op] == worker_fails)
                check_model(&m);
        }
        late += m.late;
        claim_list_free(&m.held);
        drain_close(&m.d, "done");
        world_close(&m.w);
    }
    assert_true(late > 0); /* it came to that */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_random_walk_agrees_with_the_model),
    };
    failing_disk_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

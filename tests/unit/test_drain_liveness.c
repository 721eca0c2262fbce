/* A worker that looks only when the store says that it is worth it, as the store thread does, comes to the end of any work: it never sleeps
 * beside something to do, and never looks again and again for nothing. Tenants, weights, priorities, ageing, routes that shut and open, the
 * retry budget, deadlines and failing commits, all at random. Time jumps to what the view names. */
#include "drain_world.h"

#include "base/random.h"

enum { BATCHES = 6, JOBS_EACH = 20, JOBS = BATCHES * JOBS_EACH, ROUTES = 3, SLOTS = 10, LOOKS_MOST = 4000 };

struct walk {
    struct worker k;
    struct random random;
    struct claim_list held;
    struct route_set shut;
    int64_t shuts, now, looks;
    int64_t idle_at, idle_shuts; /* when a look changed nothing */
};

static int64_t below(struct walk *x, int64_t n)
{
    return (int64_t)random_below(&x->random, (uint64_t)n);
}

static void begin(struct walk *x, uint64_t seed)
{
    memset(x, 0, sizeof *x);
    random_seed(&x->random, seed);
    world_open(&x->k.w);
    for (int64_t b = 1; b <= BATCHES; b++) {
        char name[16];
        snprintf(name, sizeof name, "b%lld", (long long)b);
        world_batch(&x->k.w, name, 100 * (1 + below(x, 2)), JOBS_EACH);
        world_sql(&x->k.w, "UPDATE batches SET tenant = 't%lld', weight = %lld WHERE id = %lld",
                  (long long)below(x, 3), (long long)(1 + below(x, 4)), (long long)b);
    }
    world_sql(&x->k.w, "UPDATE jobs SET route = id * 7 %% 5 %% %d", ROUTES);
    worker_start(&x->k,
                 &(struct drain_tuning){.ageing_ms = below(x, 2) * 1000, .retry_percent = below(x, 2) * 20});
    x->now = x->k.d.heartbeat_at;
    assert_int_equal(drain_begin_deadlines(&x->k.d, below(x, 2) * 60000, x->now, &x->k.w.err), 0);
    claim_list_init(&x->held);
}

static struct claimed_job *take_held(struct walk *x)
{
    struct claimed_job *job = x->held.first;
    x->held.first = job->next;
    if (x->held.first == NULL)
        x->held.last = &x->held.first;
    x->held.count--;
    return job;
}

static struct outcome *some_outcomes(struct walk *x, struct outcome *out, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        struct claimed_job *job = take_held(x);
        enum outcome_move move = below(x, 4) == 0   ? OUTCOME_DONE
                                 : below(x, 8) == 0 ? (enum outcome_move)below(x, OUTCOME_GIVE_BACK + 1)
                                                    : OUTCOME_WAIT;
        out[i] = worker_outcome(job, move);
        out[i].deadline_at = job->deadline_at;
        out[i].claim_set_deadline = job->claim_set_deadline;
        out[i].next_retry_at = move == OUTCOME_WAIT ? x->now + below(x, 500) : 0;
        out[i].retry_is_counted = move == OUTCOME_WAIT && below(x, 2) == 0;
        claimed_job_free(job);
    }
    link_outcomes(out, n);
    return n > 0 ? out : NULL;
}

static void keep(struct walk *x, struct claim_list *claims)
{
    if (claims->first == NULL)
        return;
    *x->held.last = claims->first;
    x->held.last = claims->last;
    x->held.count += claims->count;
}

static void look(struct walk *x, struct outcome *outcomes, int64_t want)
{
    int64_t before[JOB_STATES];
    memcpy(before, x->k.d.view.jobs, sizeof before);
    struct drain_work w = {.outcomes = outcomes,
                           .want = want,
                           .max_bytes = 1 << 20,
                           .shut = &x->shut,
                           .shuts = x->shuts,
                           .now_ms = x->now};
    if (below(x, 8) == 0) {
        failing_disk_break(SQLITE_FULL, (int)below(x, 3));
        int rc = drain_run(&x->k.d, &w, &x->k.w.err);
        failing_disk_mend();
        if (rc == 0)
            goto done;
    }
    if (drain_run(&x->k.d, &w, &x->k.w.err) != 0)
        fail_msg("%s", x->k.w.err.message);
done:
    x->looks++;
    for (const struct claimed_job *job = w.claims.first; job != NULL; job = job->next)
        assert_false(route_set_has(&x->shut, job->route));
    bool idle = outcomes == NULL && memcmp(before, x->k.d.view.jobs, sizeof before) == 0;
    assert_false(idle && x->idle_at == x->now && x->idle_shuts == x->shuts); /* nothing is different since */
    x->idle_at = idle ? x->now : -1;
    x->idle_shuts = x->shuts;
    keep(x, &w.claims);
}

/* As worth_a_drain of the store thread, but for the heartbeat. */
static bool is_worth_it(const struct walk *x, int64_t want, bool other_routes)
{
    const struct scope_view *v = &x->k.d.view;
    return (want > 0 && (v->claimable > 0 || other_routes)) || v->unfinished ||
           (v->next_due_ms != LH_UNKNOWN && v->next_due_ms <= x->now);
}

static bool shut_others(struct walk *x)
{
    if (below(x, 6) > 0)
        return false;
    x->shut.count = 0;
    for (int64_t route = 0; route < ROUTES; route++)
        if (below(x, 2) == 0)
            route_set_add(&x->shut, route);
    x->shuts++;
    return true;
}

static int64_t ready_jobs_of_open_routes(struct walk *x)
{
    int64_t n = 0;
    for (int64_t route = 0; route < ROUTES; route++)
        if (!route_set_has(&x->shut, route))
            n += world_int(&x->k.w, "SELECT count(*) FROM jobs WHERE state = 'ready' AND route = %lld",
                           (long long)route);
    return n;
}

/* Nothing is in hand and nothing was found: time goes to what is next, or else a route must open. */
static bool wait_for_more(struct walk *x)
{
    const struct scope_view *v = &x->k.d.view;
    assert_int_equal(ready_jobs_of_open_routes(x), 0);
    if (v->next_due_ms > x->now) {
        x->now = v->next_due_ms;
        return false;
    }
    assert_true(x->shut.count > 0);
    x->shut.count = 0;
    x->shuts++;
    return true;
}

static void step(struct walk *x, bool *other_routes)
{
    struct outcome out[SLOTS];
    int64_t n = x->held.count > 0 ? below(x, x->held.count + 1) : 0;
    int64_t want = below(x, 4) == 0 ? 0 : SLOTS - x->held.count;
    bool has_note = below(x, 6) == 0; /* a checkpoint: a drain for another reason */
    *other_routes = shut_others(x) || *other_routes;
    x->now += below(x, 20);
    if (n > 0 || has_note || is_worth_it(x, want, *other_routes)) {
        x->idle_at = has_note ? -1 : x->idle_at;
        look(x, some_outcomes(x, out, n), want);
        *other_routes = false; /* the thread forgets it with any drain */
    } else if (x->held.count == 0 && want > 0) {
        *other_routes = wait_for_more(x);
    }
}

static void work_comes_to_its_end_without_sleep_or_spin(void **state)
{
    (void)state;
    static struct walk x;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        bool other_routes = true;
        begin(&x, seed);
        look(&x, NULL, SLOTS);
        while (x.k.d.view.state == SCOPE_WORKING) {
            step(&x, &other_routes);
            assert_true(x.looks < LOOKS_MOST);
        }
        assert_int_equal(x.k.d.view.state, SCOPE_FINISHED);
        assert_int_equal(world_faults(&x.k.w), 0);
        claim_list_free(&x.held);
        worker_stop(&x.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_comes_to_its_end_without_sleep_or_spin),
    };
    failing_disk_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

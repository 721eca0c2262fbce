/* One drain: see drain.h. */
#include "store/drain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "longhaul.h"
#include "store/steer.h"

enum { PROMOTE_AT_ONCE = 512, HEARTBEAT_MS = 5000 };

struct settled {
    int64_t batch_id;
    int64_t jobs[JOB_STATES];
};

static int register_worker(struct drain *d, lh_error *err)
{
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    int64_t now = clock_wall_ms();
    int rc = store_begin(d->store, err);
    if (rc == 0)
        rc = store_exec(d->store, STMT_WORKER_START, err, "issi", (int64_t)getpid(), host, LH_VERSION, now);
    d->worker_id = store_last_rowid(d->store);
    if (rc == 0)
        rc = store_exec(d->store, STMT_WORKER_MARK_LOST, err, "i", d->worker_id);
    if (rc == 0)
        rc = store_commit(d->store, err);
    if (rc != 0)
        store_rollback(d->store);
    d->heartbeat_at = now;
    return rc;
}

int drain_open(struct drain *d, const char *db, enum durability durability, int64_t batch_id, lh_error *err)
{
    *d = (struct drain){.batch_id = batch_id};
    ledger_init(&d->ledger);
    int rc = store_open(db, STORE_WRITE, &d->store, err);
    if (rc == 0)
        rc = store_set_durability(d->store, durability, err);
    if (rc == 0)
        rc = wal_open(&d->wal, d->store, err);
    if (rc == 0)
        rc = register_worker(d, err);
    d->deadlines = (struct deadlines){.batch_id = batch_id, .worker_id = d->worker_id, .next_ms = INT64_MAX};
    return rc;
}

int drain_begin_deadlines(struct drain *d, int64_t job_deadline_ms, int64_t now_ms, lh_error *err)
{
    d->deadlines.job_ms = job_deadline_ms;
    return deadlines_begin(&d->deadlines, d->store, now_ms, err);
}

void drain_close(struct drain *d, const char *reason)
{
    if (d->store != NULL && d->worker_id != 0)
        deadlines_served(&d->deadlines, d->store, clock_wall_ms(), NULL);
    if (d->store != NULL && d->worker_id != 0)
        store_exec(d->store, STMT_WORKER_STOP, NULL, "iis", d->worker_id, clock_wall_ms(), reason);
    ledger_free(&d->ledger);
    free(d->settled);
    d->settled = NULL;
    store_close(d->store);
    d->store = NULL;
}

/* A batch that came back (a requeue) is counted in the ledger again. */
static void unsettle(struct drain *d, int64_t batch_id)
{
    size_t kept = 0;
    for (size_t i = 0; i < d->settled_count; i++)
        if (d->settled[i].batch_id != batch_id)
            d->settled[kept++] = d->settled[i];
    d->settled_count = kept;
}

/* A batch that is over leaves the ledger of a worker on all batches; its counts stay for the totals, as this worker last saw
 * them. Without memory they do not: these are figures for people. */
static void settle(struct drain *d, const struct lane *lane)
{
    unsettle(d, lane->batch_id);
    if (d->settled_count == d->settled_capacity) {
        size_t capacity = d->settled_capacity == 0 ? 16 : d->settled_capacity * 2;
        struct settled *more = realloc(d->settled, capacity * sizeof *more);
        if (more == NULL)
            return;
        d->settled = more;
        d->settled_capacity = capacity;
    }
    struct settled *one = &d->settled[d->settled_count++];
    one->batch_id = lane->batch_id;
    memcpy(one->jobs, lane->jobs, sizeof one->jobs);
}

static const struct lane *find_lane(const struct ledger *l, int64_t batch_id)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->lanes[i].batch_id == batch_id)
            return &l->lanes[i];
    return NULL;
}

/* A lane that is no longer there: finished or canceled by another process, being loaded, or gone. */
static int settle_missing(struct drain *d, int64_t batch_id, lh_error *err)
{
    struct ledger now;
    ledger_init(&now);
    int rc = ledger_load(&now, d->store, batch_id, err);
    if (rc == 0 && now.count > 0 && lane_open_jobs(&now.lanes[0]) == 0)
        settle(d, &now.lanes[0]);
    ledger_free(&now);
    return rc;
}

/* What another process did to the batches that were in `before`. */
static int compare_lanes(struct drain *d, const struct ledger *before, lh_error *err)
{
    int rc = 0;
    bool stopped = false;
    for (size_t i = 0; i < d->ledger.count; i++)
        unsettle(d, d->ledger.lanes[i].batch_id);
    for (size_t i = 0; rc == 0 && i < before->count; i++) {
        const struct lane *was = &before->lanes[i];
        const struct lane *is = find_lane(&d->ledger, was->batch_id);
        stopped = stopped || (was->active && (is == NULL || !is->active));
        if (is == NULL)
            rc = settle_missing(d, was->batch_id, err);
    }
    d->view.steered += stopped ? 1 : 0;
    return rc;
}

/* The ledger is read anew when another process has changed the database (a pause, a submit, a requeue), or when the
 * last drain failed and left it ahead of the truth. */
static int refresh(struct drain *d, lh_error *err)
{
    int64_t version = 0;
    int rc = store_get_int(d->store, STMT_DATA_VERSION, 0, &version, err, "");
    if (rc != 0 || (d->loaded && version == d->data_version))
        return rc;
    struct ledger before = d->ledger;
    ledger_init(&d->ledger);
    rc = ledger_load(&d->ledger, d->store, d->batch_id, err);
    if (rc == 0)
        rc = compare_lanes(d, &before, err);
    ledger_free(&before);
    d->data_version = version;
    d->loaded = rc == 0;
    deadlines_look_again(&d->deadlines);
    return rc;
}

bool drain_is_due(struct drain *d, int64_t now_ms)
{
    int64_t version = 0;
    if (store_get_int(d->store, STMT_DATA_VERSION, 0, &version, NULL, "") != 0)
        return true;
    bool due = d->view.next_due_ms != LH_UNKNOWN && d->view.next_due_ms <= now_ms;
    return due || !d->loaded || version != d->data_version || now_ms - d->heartbeat_at >= HEARTBEAT_MS;
}

static int apply_outcomes(struct drain *d, struct drain_work *w, lh_error *err)
{
    int rc = 0;
    for (const struct outcome *o = w->outcomes; rc == 0 && o != NULL; o = o->next) {
        bool stale = false;
        rc = outcome_apply(d->store, &d->ledger, o, w->now_ms, &stale, err);
        if (o->deadline_at != 0 && o->move != OUTCOME_DONE && o->move != OUTCOME_DEAD)
            deadlines_watch(&d->deadlines, o->deadline_at);
        w->stale += stale ? 1 : 0;
    }
    return rc;
}

static int apply_note(struct drain *d, const struct steer_note *note, lh_error *err)
{
    struct lane *lane = NULL;
    int rc = ledger_lane(&d->ledger, d->store, note->batch_id, &lane, err);
    if (rc != 0)
        return rc;
    if (!lane->active)
        return 0;
    d->view.steered++;
    lane->active = false;
    lane->canceled = note->cancel;
    lane->paused = !note->cancel;
    snprintf(lane->pause_reason, sizeof lane->pause_reason, "%s", note->reason);
    return store_exec(d->store, STMT_BATCH_SET_STATE, err, "isso", lane->batch_id,
                      note->cancel ? "canceled" : "paused", note->reason, INT64_MIN);
}

static int apply_steering(struct drain *d, const struct steer_note *first, lh_error *err)
{
    int rc = 0;
    for (const struct steer_note *note = first; rc == 0 && note != NULL; note = note->next)
        if (note->batch_id != 0)
            rc = apply_note(d, note, err);
    return rc;
}

/* What is left of a canceled batch goes in pieces, so that no transaction is long. */
static int finish_cancellations(struct drain *d, int64_t now_ms, lh_error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < d->ledger.count; i++) {
        struct lane *lane = &d->ledger.lanes[i];
        int64_t moved = 0;
        if (lane->canceled && lane->jobs[JOB_READY] > 0)
            rc = steer_some(d->store, lane, &steer_cancel_ready, STEER_AT_ONCE, now_ms, &moved, err);
        if (rc == 0 && lane->canceled && lane->jobs[JOB_WAITING] > 0)
            rc = steer_some(d->store, lane, &steer_cancel_waiting, STEER_AT_ONCE, now_ms, &moved, err);
    }
    return rc;
}

/* A counter that no row stands behind would keep a run waiting for ever. */
static int say_missing(const struct drain *d, const char *batch, const char *state, lh_error *err)
{
    return lh_error_set(
        err, LH_ECORRUPT,
        "%s: batch %s counts %s jobs that are not there or have no request; run `longhaul db check`",
        store_path(d->store), batch, state);
}

static bool is_full(const struct drain_work *w)
{
    return w->claims.count > 0 && w->claims.bytes >= w->max_bytes;
}

static int claim(struct drain *d, struct drain_work *w, lh_error *err)
{
    int rc = 0;
    if (wal_is_full(&d->wal) || w->want <= 0)
        return 0;
    for (size_t i = 0; rc == 0 && i < d->ledger.count; i++) {
        struct lane *lane = &d->ledger.lanes[i];
        int64_t left = w->want - w->claims.count;
        if (left <= 0 || is_full(w))
            break;
        if (!lane->active || lane->jobs[JOB_READY] == 0)
            continue;
        int64_t before = w->claims.count;
        struct claim_wish wish = {
            .limit = left, .max_bytes = w->max_bytes, .now_ms = w->now_ms, .shut = w->shut};
        rc = claim_from_lane(d->store, lane, &wish, &w->claims, err);
        if (rc == 0 && w->claims.count == before && !wish.passed_over)
            rc = say_missing(d, lane->name, "ready", err);
    }
    d->exhausted = w->claims.count < w->want && !is_full(w);
    return rc;
}

static int put_notes(struct drain *d, const struct drain_work *w, lh_error *err)
{
    int rc = 0;
    const struct checkpoint_note *n = w->notes != NULL ? w->notes->first : NULL;
    for (; rc == 0 && n != NULL; n = n->next)
        rc = store_checkpoint_put(d->store, n->scope, n->kind, n->value, w->now_ms, err);
    if (rc == 0 && w->now_ms - d->heartbeat_at >= HEARTBEAT_MS) {
        rc = store_exec(d->store, STMT_WORKER_HEARTBEAT, err, "ii", d->worker_id, w->now_ms);
        d->heartbeat_at = w->now_ms;
        if (rc == 0)
            rc = deadlines_served(&d->deadlines, d->store, w->now_ms, err);
    }
    return rc;
}

static int find_next_due(struct drain *d, lh_error *err)
{
    const struct lane *waiting = NULL;
    for (size_t i = 0; i < d->ledger.count; i++)
        if (d->ledger.lanes[i].jobs[JOB_WAITING] > 0)
            waiting = &d->ledger.lanes[i];
    d->view.next_due_ms = LH_UNKNOWN;
    if (waiting == NULL)
        return 0;
    int rc = d->batch_id == LH_UNKNOWN
                 ? store_get_int(d->store, STMT_NEXT_RETRY, LH_UNKNOWN, &d->view.next_due_ms, err, "")
                 : store_get_int(d->store, STMT_NEXT_RETRY_OF_BATCH, LH_UNKNOWN, &d->view.next_due_ms, err,
                                 "i", d->batch_id);
    return rc == 0 && d->view.next_due_ms == LH_UNKNOWN ? say_missing(d, waiting->name, "waiting", err) : rc;
}

/* A deadline may come before the next retry; what is ready has one too. */
static void find_next_deadline(struct drain *d)
{
    int64_t next = d->deadlines.next_ms;
    if (next != INT64_MAX && (d->view.next_due_ms == LH_UNKNOWN || next < d->view.next_due_ms))
        d->view.next_due_ms = next;
}

static int write_all(struct drain *d, struct drain_work *w, lh_error *err)
{
    int64_t promoted = 0, version = d->data_version;
    bool more_late = false;
    int rc = refresh(d, err);
    bool moved = w->outcomes != NULL || w->steer != NULL || version != d->data_version;
    size_t known = d->ledger.count;
    if (rc == 0)
        rc = apply_outcomes(d, w, err);
    if (rc == 0)
        rc = apply_steering(d, w->steer, err);
    if (rc == 0 && d->view.next_due_ms != LH_UNKNOWN && d->view.next_due_ms <= w->now_ms)
        rc = promote_due(d->store, &d->ledger, d->batch_id, w->now_ms, PROMOTE_AT_ONCE, &promoted, err);
    d->exhausted = d->exhausted && !moved && promoted == 0;
    if (rc == 0)
        rc = finish_cancellations(d, w->now_ms, err);
    if (rc == 0)
        rc = deadlines_bury(&d->deadlines, d->store, &d->ledger, w->now_ms, BURY_AT_ONCE, &d->view.late,
                            &d->view.late_batch, &more_late, err);
    if (rc == 0 && !more_late)
        rc = claim(d, w, err);
    if (rc == 0)
        rc = put_notes(d, w, err);
    if (rc == 0)
        rc = ledger_write(&d->ledger, d->store, w->now_ms, err);
    if (rc == 0)
        rc = find_next_due(d, err);
    find_next_deadline(d);
    for (size_t i = known; rc == 0 && i < d->ledger.count; i++) /* read for an outcome or a note */
        unsettle(d, d->ledger.lanes[i].batch_id);
    return rc;
}

static void retire_lanes(struct drain *d)
{
    if (d->batch_id != LH_UNKNOWN)
        return;
    size_t kept = 0;
    for (size_t i = 0; i < d->ledger.count; i++) {
        struct lane *lane = &d->ledger.lanes[i];
        if (lane->left)
            settle(d, lane);
        else
            d->ledger.lanes[kept++] = *lane;
    }
    d->ledger.count = kept;
}

static void count_jobs(const struct drain *d, int64_t jobs[JOB_STATES])
{
    memset(jobs, 0, JOB_STATES * sizeof *jobs);
    for (int state = 0; state < JOB_STATES; state++) {
        for (size_t i = 0; i < d->settled_count; i++)
            jobs[state] += d->settled[i].jobs[state];
        for (size_t i = 0; i < d->ledger.count; i++)
            jobs[state] += d->ledger.lanes[i].jobs[state];
    }
}

/* A batch that another process is adding to is left alone until its lines are in: for a run of that batch, a pause. */
static bool is_held(const struct lane *lane)
{
    return lane->paused || (lane->loading && lane_open_jobs(lane) > 0);
}

static void set_view(struct drain *d)
{
    struct scope_view *v = &d->view;
    count_jobs(d, v->jobs);
    v->batch[0] = v->pause_reason[0] = '\0';
    bool working = false, paused = false, canceled = false;
    v->claimable = 0;
    for (size_t i = 0; i < d->ledger.count; i++) {
        const struct lane *lane = &d->ledger.lanes[i];
        working = working || (lane->active && lane_open_jobs(lane) > 0) ||
                  (lane->canceled && lane_open_jobs(lane) > 0);
        canceled = canceled || lane->canceled;
        v->claimable += lane->active && !wal_is_full(&d->wal) && !d->exhausted ? lane->jobs[JOB_READY] : 0;
        if (is_held(lane) && !paused) {
            paused = true;
            memcpy(v->batch, lane->name, sizeof v->batch);
            snprintf(v->pause_reason, sizeof v->pause_reason, "%s",
                     lane->loading ? "another command is adding lines to it" : lane->pause_reason);
        }
    }
    v->state = working                                 ? SCOPE_WORKING
               : paused                                ? SCOPE_PAUSED
               : canceled && d->batch_id != LH_UNKNOWN ? SCOPE_CANCELED
                                                       : SCOPE_FINISHED;
}

int drain_run(struct drain *d, struct drain_work *w, lh_error *err)
{
    claim_list_init(&w->claims);
    w->stale = 0;
    w->claims.first_deadline = d->deadlines.job_ms > 0 ? w->now_ms + d->deadlines.job_ms : 0;
    int64_t heartbeat_at = d->heartbeat_at, next_due_ms = d->view.next_due_ms, late = d->view.late;
    int rc = store_begin(d->store, err);
    if (rc == 0)
        rc = write_all(d, w, err);
    if (rc == 0)
        rc = store_commit(d->store, err);
    if (rc != 0) {
        store_rollback(d->store);
        claim_list_free(&w->claims);
        d->loaded = d->exhausted = false;
        d->heartbeat_at = heartbeat_at;
        d->view.next_due_ms = next_due_ms;
        d->view.late = late;
        return rc;
    }
    retire_lanes(d);
    wal_after_commit(&d->wal);
    set_view(d);
    return 0;
}

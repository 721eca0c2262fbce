/* One drain: see drain.h. */
#include "store/drain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "longhaul.h"
#include "store/steer.h"
#include "store/turns.h"

enum { PROMOTE_AT_ONCE = 512, HEARTBEAT_MS = 5000 };

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
    *d = (struct drain){.batch_id = batch_id, .shuts = -1};
    ledger_init(&d->ledger);
    drain_tune(d, &(struct drain_tuning){0});
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

void drain_tune(struct drain *d, const struct drain_tuning *t)
{
    fair_free(&d->fair);
    fair_init(&d->fair, t->ageing_ms);
    retry_budget_init(&d->budget, t->retry_percent);
}

void drain_close(struct drain *d, const char *reason)
{
    if (d->store != NULL && d->worker_id != 0)
        deadlines_served(&d->deadlines, d->store, clock_wall_ms(), NULL);
    if (d->store != NULL && d->worker_id != 0)
        store_exec(d->store, STMT_WORKER_STOP, NULL, "iis", d->worker_id, clock_wall_ms(), reason);
    ledger_free(&d->ledger);
    fair_free(&d->fair);
    settled_free(&d->settled);
    store_close(d->store);
    d->store = NULL;
}

/* A lane that is no longer there: finished or canceled by another process, being loaded, or gone. */
static int settle_missing(struct drain *d, int64_t batch_id, lh_error *err)
{
    struct ledger now;
    ledger_init(&now);
    int rc = ledger_load(&now, d->store, batch_id, err);
    if (rc == 0 && now.count > 0 && lane_open_jobs(now.lanes[0]) == 0)
        settled_add(&d->settled, batch_id, now.lanes[0]->jobs);
    ledger_free(&now);
    return rc;
}

/* What another process did to the batches that were in `before`. */
static int compare_lanes(struct drain *d, const struct ledger *before, lh_error *err)
{
    int rc = 0;
    bool stopped = false;
    for (size_t i = 0; i < d->ledger.count; i++)
        settled_remove(&d->settled, d->ledger.lanes[i]->batch_id);
    for (size_t i = 0; rc == 0 && i < before->count; i++) {
        const struct lane *was = before->lanes[i];
        const struct lane *is = ledger_find(&d->ledger, was->batch_id);
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
    fair_drop_lanes(&d->fair);
    rc = ledger_load(&d->ledger, d->store, d->batch_id, err);
    if (rc == 0)
        rc = compare_lanes(d, &before, err);
    if (rc == 0)
        rc = turns_tell_all(d, err);
    ledger_free(&before);
    d->data_version = version;
    d->loaded = rc == 0;
    d->exhausted = false;
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

static void pay_budget(struct drain *d, const struct outcome *o, bool stale)
{
    if (stale || o->move == OUTCOME_GIVE_BACK)
        return;
    if (o->move == OUTCOME_DONE)
        retry_budget_good_answer(&d->budget, o->was_counted_retry);
    else if (o->was_counted_retry && o->unused)
        retry_budget_give_back(&d->budget);
}

static int apply_outcomes(struct drain *d, struct drain_work *w, lh_error *err)
{
    int rc = 0;
    for (const struct outcome *o = w->outcomes; rc == 0 && o != NULL; o = o->next) {
        bool stale = false;
        rc = outcome_apply(d->store, &d->ledger, o, w->now_ms, &stale, err);
        if (o->deadline_at != 0 && o->move != OUTCOME_DONE && o->move != OUTCOME_DEAD)
            deadlines_watch(&d->deadlines, o->deadline_at);
        if (rc == 0)
            rc = turns_correct(d, o, stale, err);
        if (rc == 0)
            pay_budget(d, o, stale);
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
    lane_stop(lane, note->cancel, note->reason);
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
    for (size_t i = 0; rc == 0 && d->ledger.totals.cancelable > 0 && i < d->ledger.count; i++) {
        struct lane *lane = d->ledger.lanes[i];
        int64_t moved = 0;
        if (lane->canceled && lane->jobs[JOB_READY] > 0)
            rc = steer_some(d->store, lane, &steer_cancel_ready, STEER_AT_ONCE, now_ms, &moved, err);
        if (rc == 0 && lane->canceled && lane->jobs[JOB_WAITING] > 0)
            rc = steer_some(d->store, lane, &steer_cancel_waiting, STEER_AT_ONCE, now_ms, &moved, err);
    }
    return rc;
}

/* A counter that no row stands behind would keep a run waiting for ever. */
int drain_say_missing(const struct drain *d, const char *batch, const char *state, lh_error *err)
{
    return lh_error_set(
        err, LH_ECORRUPT,
        "%s: batch %s counts %s jobs that are not there or have no request; run `longhaul db check`",
        store_path(d->store), batch, state);
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

/* The jobs that the slots are filled with, or will be: what a retry would stand in the way of. What a claim would not get, as its routes
 * are shut, fills none. */
static int64_t busy(const struct drain *d)
{
    return (d->exhausted ? 0 : d->ledger.totals.claimable) + d->ledger.totals.jobs[JOB_RUNNING];
}

static bool is_due(int64_t due_ms, int64_t now_ms)
{
    return due_ms != LH_UNKNOWN && due_ms <= now_ms;
}

static int promote(struct drain *d, int64_t now_ms, lh_error *err)
{
    int64_t moved = 0;
    int rc = 0;
    if (is_due(d->next_due[0], now_ms))
        rc = promote_due(d->store, &d->ledger, d->batch_id, false, now_ms, PROMOTE_AT_ONCE, &moved, err);
    int64_t allowed = retry_budget_allows(&d->budget, now_ms, busy(d));
    if (rc != 0 || allowed <= 0 || !is_due(d->next_due[1], now_ms))
        return rc;
    moved = 0;
    rc = promote_due(d->store, &d->ledger, d->batch_id, true, now_ms,
                     allowed < PROMOTE_AT_ONCE ? allowed : (int64_t)PROMOTE_AT_ONCE, &moved, err);
    if (rc == 0)
        retry_budget_take(&d->budget, now_ms, moved);
    return rc;
}

static int read_next_due(struct drain *d, lh_error *err)
{
    int rc = 0;
    for (int64_t counted = 0; rc == 0 && counted < 2; counted++)
        rc = d->batch_id == LH_UNKNOWN
                 ? store_get_int(d->store, STMT_NEXT_RETRY, LH_UNKNOWN, &d->next_due[counted], err, "i",
                                 counted)
                 : store_get_int(d->store, STMT_NEXT_RETRY_OF_BATCH, LH_UNKNOWN, &d->next_due[counted], err,
                                 "ii", counted, d->batch_id);
    return rc;
}

static const char *waiting_batch(const struct ledger *l)
{
    size_t i = 0;
    while (i + 1 < l->count && l->lanes[i]->jobs[JOB_WAITING] == 0)
        i++;
    return l->lanes[i]->name;
}

/* A counted retry that is due but not allowed is due when the budget has a credit: else the store would look without pause. */
static int find_next_due(struct drain *d, int64_t now_ms, lh_error *err)
{
    struct scope_view *v = &d->view;
    d->next_due[0] = d->next_due[1] = v->next_due_ms = LH_UNKNOWN;
    v->retries_held = false;
    if (d->ledger.totals.jobs[JOB_WAITING] == 0)
        return 0;
    int rc = read_next_due(d, err);
    if (rc != 0)
        return rc;
    int64_t counted = d->next_due[1];
    if (is_due(counted, now_ms)) {
        counted = retry_budget_ready_at(&d->budget, now_ms, busy(d));
        v->retries_held = counted > now_ms;
    }
    v->next_due_ms = d->next_due[0] == LH_UNKNOWN || (counted != LH_UNKNOWN && counted < d->next_due[0])
                         ? counted
                         : d->next_due[0];
    return v->next_due_ms == LH_UNKNOWN ? drain_say_missing(d, waiting_batch(&d->ledger), "waiting", err) : 0;
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
    int rc = refresh(d, err);
    size_t known = d->ledger.count;
    if (rc == 0)
        rc = apply_outcomes(d, w, err);
    if (rc == 0)
        rc = apply_steering(d, w->steer, err);
    if (rc == 0)
        rc = promote(d, w->now_ms, err);
    if (d->ledger.touched != NULL)
        d->exhausted = false;
    if (rc == 0)
        rc = finish_cancellations(d, w->now_ms, err);
    if (rc == 0)
        rc = deadlines_bury(&d->deadlines, d->store, &d->ledger, w->now_ms, BURY_AT_ONCE, &d->view.late,
                            &d->view.late_batch, &d->more_late, err);
    if (rc == 0 && !d->more_late)
        rc = turns_claim(d, w, err);
    if (rc == 0)
        rc = put_notes(d, w, err);
    if (rc == 0)
        rc = ledger_write(&d->ledger, d->store, w->now_ms, err);
    if (rc == 0)
        rc = find_next_due(d, w->now_ms, err);
    find_next_deadline(d);
    for (size_t i = known; rc == 0 && i < d->ledger.count; i++) /* read for an outcome or a note */
        settled_remove(&d->settled, d->ledger.lanes[i]->batch_id);
    return rc;
}

/* A batch that is over leaves the ledger of a worker on all batches. */
static void retire_lanes(struct drain *d)
{
    while (d->ledger.left != NULL) {
        struct lane *lane = d->ledger.left;
        d->ledger.left = lane->next_left;
        if (d->batch_id != LH_UNKNOWN)
            continue;
        settled_add(&d->settled, lane->batch_id, lane->jobs);
        fair_lane_remove(&d->fair, &lane->fair);
        ledger_remove(&d->ledger, lane);
    }
}

static bool stands_before(const struct lane *a, const struct lane *b)
{
    return a->priority != b->priority ? a->priority < b->priority : a->batch_id < b->batch_id;
}

/* Why nothing goes on: of the first batch that is held. */
static void name_held(const struct drain *d, struct scope_view *v)
{
    const struct lane *first = NULL;
    for (size_t i = 0; i < d->ledger.count; i++) {
        const struct lane *lane = d->ledger.lanes[i];
        if (lane_is_held(lane) && (first == NULL || stands_before(lane, first)))
            first = lane;
    }
    if (first == NULL)
        return;
    memcpy(v->batch, first->name, sizeof v->batch);
    snprintf(v->pause_reason, sizeof v->pause_reason, "%s",
             first->loading ? "another command is adding lines to it" : first->pause_reason);
}

static void set_view(struct drain *d)
{
    struct scope_view *v = &d->view;
    const struct ledger_totals *t = &d->ledger.totals;
    for (int state = 0; state < JOB_STATES; state++)
        v->jobs[state] = t->jobs[state] + d->settled.jobs[state];
    v->claimable = wal_is_full(&d->wal) || d->exhausted ? 0 : t->claimable;
    v->retry_balance = d->budget.balance;
    v->to_cancel = t->cancelable;
    v->unfinished = v->to_cancel > 0 || d->more_late;
    v->state = t->working > 0                                 ? SCOPE_WORKING
               : t->held > 0                                  ? SCOPE_PAUSED
               : t->canceled > 0 && d->batch_id != LH_UNKNOWN ? SCOPE_CANCELED
                                                              : SCOPE_FINISHED;
    v->batch[0] = v->pause_reason[0] = '\0';
    if (v->state == SCOPE_PAUSED)
        name_held(d, v);
}

/* What is kept in memory only, as it was before. */
static void undo(struct drain *d, const struct drain *before)
{
    fair_rollback(&d->fair);
    d->loaded = false;
    d->budget = before->budget;
    d->heartbeat_at = before->heartbeat_at;
    memcpy(d->next_due, before->next_due, sizeof d->next_due);
    d->view.next_due_ms = before->view.next_due_ms;
    d->view.retries_held = before->view.retries_held;
    d->view.late = before->view.late;
    d->exhausted = false;
}

int drain_run(struct drain *d, struct drain_work *w, lh_error *err)
{
    claim_list_init(&w->claims);
    w->stale = 0;
    w->claims.first_deadline = d->deadlines.job_ms > 0 ? w->now_ms + d->deadlines.job_ms : 0;
    const struct drain before = *d;
    fair_begin(&d->fair);
    int rc = store_begin(d->store, err);
    if (rc == 0)
        rc = write_all(d, w, err);
    if (rc == 0)
        rc = store_commit(d->store, err);
    if (rc != 0) {
        store_rollback(d->store);
        claim_list_free(&w->claims);
        undo(d, &before);
        return rc;
    }
    retire_lanes(d);
    wal_after_commit(&d->wal);
    set_view(d);
    return 0;
}

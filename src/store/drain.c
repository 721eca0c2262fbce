/* One drain: see drain.h. */
#include "store/drain.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "longhaul.h"
#include "store/steer.h"

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
    *d = (struct drain){.batch_id = batch_id};
    ledger_init(&d->ledger);
    int rc = store_open(db, STORE_WRITE, &d->store, err);
    if (rc == 0)
        rc = store_set_durability(d->store, durability, err);
    if (rc == 0)
        rc = wal_open(&d->wal, d->store, err);
    if (rc == 0)
        rc = register_worker(d, err);
    return rc;
}

void drain_close(struct drain *d, const char *reason)
{
    if (d->store != NULL && d->worker_id != 0)
        store_exec(d->store, STMT_WORKER_STOP, NULL, "iis", d->worker_id, clock_wall_ms(), reason);
    ledger_free(&d->ledger);
    store_close(d->store);
    d->store = NULL;
}

static int64_t count_active(const struct drain *d)
{
    int64_t active = 0;
    for (size_t i = 0; i < d->ledger.count; i++)
        active += d->ledger.lanes[i].active ? 1 : 0;
    return active;
}

/* The ledger is read anew when another process has changed the database (a pause, a submit, a requeue), or when the
 * last drain failed and left it ahead of the truth. */
static int refresh(struct drain *d, lh_error *err)
{
    int64_t version = 0;
    int rc = store_get_int(d->store, STMT_DATA_VERSION, 0, &version, err, "");
    if (rc != 0 || (d->loaded && version == d->data_version))
        return rc;
    int64_t active = count_active(d);
    rc = ledger_load(&d->ledger, d->store, d->batch_id, err);
    d->view.steered += count_active(d) < active ? 1 : 0;
    d->data_version = version;
    d->loaded = rc == 0;
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
        w->stale += stale ? 1 : 0;
    }
    return rc;
}

static int apply_steering(struct drain *d, const struct steer_note *note, lh_error *err)
{
    if (note == NULL || note->batch_id == 0)
        return 0;
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

/* What is left of a canceled batch goes in pieces, so that no transaction is long. */
static int finish_cancellations(struct drain *d, int64_t now_ms, lh_error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < d->ledger.count; i++) {
        struct lane *lane = &d->ledger.lanes[i];
        int64_t moved = 0;
        if (lane->canceled && lane->jobs[JOB_READY] > 0)
            rc = steer_some(d->store, lane, STMT_CANCEL_READY_IDS, JOB_READY, JOB_CANCELED, steer_cancel_job,
                            now_ms, &moved, err);
        if (rc == 0 && lane->canceled && lane->jobs[JOB_WAITING] > 0)
            rc = steer_some(d->store, lane, STMT_CANCEL_WAITING_IDS, JOB_WAITING, JOB_CANCELED,
                            steer_cancel_job, now_ms, &moved, err);
    }
    return rc;
}

static int claim(struct drain *d, struct drain_work *w, lh_error *err)
{
    int rc = 0;
    if (wal_is_full(&d->wal))
        return 0;
    for (size_t i = 0; rc == 0 && i < d->ledger.count; i++) {
        struct lane *lane = &d->ledger.lanes[i];
        int64_t left = w->want - w->claims.count;
        if (left <= 0 || (w->claims.count > 0 && w->claims.bytes >= w->max_bytes))
            break;
        if (lane->active && lane->jobs[JOB_READY] > 0)
            rc = claim_from_lane(d->store, lane, left, w->max_bytes, w->now_ms, &w->claims, err);
    }
    return rc;
}

static int put_notes(struct drain *d, const struct drain_work *w, lh_error *err)
{
    int rc = 0;
    if (w->note != NULL)
        rc = store_checkpoint_put(d->store, w->note->scope, w->note->kind, w->note->value, w->now_ms, err);
    if (rc == 0 && w->now_ms - d->heartbeat_at >= HEARTBEAT_MS) {
        rc = store_exec(d->store, STMT_WORKER_HEARTBEAT, err, "ii", d->worker_id, w->now_ms);
        d->heartbeat_at = w->now_ms;
    }
    return rc;
}

static int find_next_due(struct drain *d, lh_error *err)
{
    bool waiting = false;
    for (size_t i = 0; i < d->ledger.count; i++)
        waiting = waiting || d->ledger.lanes[i].jobs[JOB_WAITING] > 0;
    d->view.next_due_ms = LH_UNKNOWN;
    if (!waiting)
        return 0;
    if (d->batch_id == LH_UNKNOWN)
        return store_get_int(d->store, STMT_NEXT_RETRY, LH_UNKNOWN, &d->view.next_due_ms, err, "");
    return store_get_int(d->store, STMT_NEXT_RETRY_OF_BATCH, LH_UNKNOWN, &d->view.next_due_ms, err, "i",
                         d->batch_id);
}

static int write_all(struct drain *d, struct drain_work *w, lh_error *err)
{
    int64_t promoted = 0;
    int rc = refresh(d, err);
    if (rc == 0)
        rc = apply_outcomes(d, w, err);
    if (rc == 0)
        rc = apply_steering(d, w->steer, err);
    if (rc == 0 && d->view.next_due_ms != LH_UNKNOWN && d->view.next_due_ms <= w->now_ms)
        rc = promote_due(d->store, &d->ledger, w->now_ms, PROMOTE_AT_ONCE, &promoted, err);
    if (rc == 0)
        rc = finish_cancellations(d, w->now_ms, err);
    if (rc == 0)
        rc = claim(d, w, err);
    if (rc == 0)
        rc = put_notes(d, w, err);
    if (rc == 0)
        rc = ledger_write(&d->ledger, d->store, w->now_ms, err);
    if (rc == 0)
        rc = find_next_due(d, err);
    return rc;
}

/* A lane that is over leaves the ledger of a worker on all batches; its counts stay for the totals. */
static void retire_lanes(struct drain *d)
{
    if (d->batch_id != LH_UNKNOWN)
        return;
    size_t kept = 0;
    for (size_t i = 0; i < d->ledger.count; i++) {
        struct lane *lane = &d->ledger.lanes[i];
        if (lane->left)
            for (int state = 0; state < JOB_STATES; state++)
                d->settled[state] += lane->jobs[state];
        else
            d->ledger.lanes[kept++] = *lane;
    }
    d->ledger.count = kept;
}

static void set_view(struct drain *d)
{
    struct scope_view *v = &d->view;
    memcpy(v->jobs, d->settled, sizeof v->jobs);
    v->batch[0] = v->pause_reason[0] = '\0';
    bool working = false, paused = false, canceled = false;
    for (size_t i = 0; i < d->ledger.count; i++) {
        const struct lane *lane = &d->ledger.lanes[i];
        for (int state = 0; state < JOB_STATES; state++)
            v->jobs[state] += lane->jobs[state];
        working = working || (lane->active && lane_open_jobs(lane) > 0) ||
                  (lane->canceled && lane_open_jobs(lane) > 0);
        canceled = canceled || lane->canceled;
        if (lane->paused && !paused) {
            paused = true;
            memcpy(v->batch, lane->name, sizeof v->batch);
            memcpy(v->pause_reason, lane->pause_reason, sizeof v->pause_reason);
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
    int rc = store_begin(d->store, err);
    if (rc == 0)
        rc = write_all(d, w, err);
    if (rc == 0)
        rc = store_commit(d->store, err);
    if (rc != 0) {
        store_rollback(d->store);
        claim_list_free(&w->claims);
        d->loaded = false;
        return rc;
    }
    retire_lanes(d);
    set_view(d);
    wal_after_commit(&d->wal);
    return 0;
}

/* Steering: see steer.h, and pause, resume, cancel, retry of longhaul.h. */
#include "store/steer.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/batches.h"

static int read_ids(struct store *s, enum stmt_id statement, int64_t batch_id, int64_t limit, int64_t *ids,
                    int64_t *count, lh_error *err)
{
    struct rows *rows = NULL;
    *count = 0;
    int rc = store_select(s, statement, &rows, err, "ii", batch_id,
                          limit < STEER_AT_ONCE ? limit : (int64_t)STEER_AT_ONCE);
    while (rc == 0 && (rc = rows_next(rows, err)) == 1) {
        ids[(*count)++] = rows_int(rows, 0);
        rc = 0;
    }
    rows_done(rows);
    return rc;
}

int steer_some(struct store *s, struct lane *lane, const struct steer_move *move, int64_t limit,
               int64_t now_ms, int64_t *moved, lh_error *err)
{
    int64_t ids[STEER_AT_ONCE];
    int rc = read_ids(s, move->ids, lane->batch_id, limit, ids, moved, err);
    for (int64_t i = 0; rc == 0 && i < *moved; i++) {
        rc = move->one(s, ids[i], now_ms, err);
        if (rc == 0)
            rc = lane_move(lane, move->from, move->to, err);
    }
    return rc;
}

int steer_cancel_job(struct store *s, int64_t job_id, int64_t now_ms, lh_error *err)
{
    return store_exec(s, STMT_CANCEL_JOB, err, "ii", job_id, now_ms);
}

int steer_revive_job(struct store *s, int64_t job_id, int64_t now_ms, lh_error *err)
{
    (void)now_ms;
    int rc = store_exec(s, STMT_DEAD_LETTER_DELETE, err, "i", job_id);
    return rc == 0 ? store_exec(s, STMT_REVIVE_JOB, err, "i", job_id) : rc;
}

static int hurry_job(struct store *s, int64_t job_id, int64_t now_ms, lh_error *err)
{
    (void)now_ms;
    return store_exec(s, STMT_HURRY_JOB, err, "i", job_id);
}

const struct steer_move steer_cancel_ready = {STMT_CANCEL_READY_IDS, JOB_READY, JOB_CANCELED,
                                              steer_cancel_job};
const struct steer_move steer_cancel_waiting = {STMT_CANCEL_WAITING_IDS, JOB_WAITING, JOB_CANCELED,
                                                steer_cancel_job};
static const struct steer_move hurry_waiting = {STMT_CANCEL_WAITING_IDS, JOB_WAITING, JOB_READY, hurry_job};
static const struct steer_move revive_dead = {STMT_DEAD_IDS_OF_BATCH, JOB_DEAD, JOB_READY, steer_revive_job};
static const struct steer_move revive_canceled = {STMT_CANCELED_IDS, JOB_CANCELED, JOB_READY,
                                                  steer_revive_job};

/* One kind of move, transaction after transaction, for as many jobs as there were at the first: beside a worker under
 * which jobs die or wait again at once, there would always be more. */
static int steer_all(struct store *s, int64_t batch_id, const struct steer_move *move, int64_t *total,
                     lh_error *err)
{
    int64_t left = INT64_MAX;
    for (int64_t moved = 1; moved > 0 && left > 0; left -= moved) {
        struct ledger ledger;
        ledger_init(&ledger);
        int rc = store_begin(s, err);
        struct lane *lane = NULL;
        if (rc == 0)
            rc = ledger_lane(&ledger, s, batch_id, &lane, err);
        if (rc == 0 && left > lane->jobs[move->from])
            left = lane->jobs[move->from] > 0 ? lane->jobs[move->from] : 0;
        if (rc == 0)
            rc = steer_some(s, lane, move, left, clock_wall_ms(), &moved, err);
        if (rc == 0 && moved > 0 && move->from == JOB_DEAD) /* finished lines are taken back */
            lane->requeues++;
        if (rc == 0)
            rc = ledger_write(&ledger, s, clock_wall_ms(), err);
        if (rc == 0)
            rc = store_commit(s, err);
        if (rc != 0)
            store_rollback(s);
        ledger_free(&ledger);
        if (rc != 0)
            return rc;
        *total += moved;
    }
    return 0;
}

struct allowed {
    const char *from[4]; /* states in which the command makes sense */
    const char *to;
    const char *advice; /* when it does not */
};

/* Checks and sets a batch's state in one transaction. */
static int set_state(struct store *s, const char *name, const struct allowed *a, const char *reason,
                     lh_batch *b, lh_error *err)
{
    int rc = store_begin(s, err);
    if (rc == 0)
        rc = batch_find(s, name, b, err);
    bool fits = false;
    for (size_t i = 0; rc == 0 && i < sizeof a->from / sizeof *a->from && a->from[i] != NULL; i++)
        fits = fits || strcmp(b->state, a->from[i]) == 0;
    if (rc == 0 && !fits)
        rc = lh_error_set(err, LH_ESTATE, "batch %s is %s%s%s", b->name, b->state,
                          *a->advice != '\0' ? "; " : "", a->advice);
    const char *to = a->to;
    bool open = rc == 0 && b->ready + b->waiting + b->running > 0;
    if (strcmp(to, "active") == 0 && !open)
        to = "finished";
    if (rc == 0)
        rc = store_exec(s, STMT_BATCH_SET_STATE, err, "isso", b->id, to, reason,
                        strcmp(to, "finished") == 0 ? clock_wall_ms() : INT64_MIN);
    if (rc == 0)
        rc = store_commit(s, err);
    if (rc != 0)
        store_rollback(s);
    return rc;
}

int lh_pause(const char *db, const char *batch, const char *reason, lh_error *err)
{
    static const struct allowed allowed = {{"active", "paused"}, "paused", "there is nothing to pause"};
    struct store *s = NULL;
    lh_batch b;
    int rc = store_open(db, STORE_WRITE, &s, err);
    if (rc == 0)
        rc = set_state(s, batch, &allowed, reason != NULL ? reason : "by hand", &b, err);
    store_close(s);
    return rc;
}

int lh_resume(const char *db, const char *batch, lh_error *err)
{
    static const struct allowed allowed = {
        {"paused", "active"},
        "active",
        "only a paused batch is resumed (a canceled one: `longhaul retry --canceled`)"};
    struct store *s = NULL;
    lh_batch b;
    int rc = store_open(db, STORE_WRITE, &s, err);
    if (rc == 0)
        rc = set_state(s, batch, &allowed, NULL, &b, err);
    store_close(s);
    return rc;
}

int lh_cancel(const char *db, const char *batch, int64_t *canceled, lh_error *err)
{
    static const struct allowed allowed = {
        {"active", "paused", "canceled"}, "canceled", "there is nothing left to cancel"};
    struct store *s = NULL;
    lh_batch b;
    *canceled = 0;
    int rc = store_open(db, STORE_WRITE, &s, err);
    if (rc == 0)
        rc = set_state(s, batch, &allowed, NULL, &b, err);
    if (rc == 0)
        rc = steer_all(s, b.id, &steer_cancel_ready, canceled, err);
    if (rc == 0)
        rc = steer_all(s, b.id, &steer_cancel_waiting, canceled, err);
    store_close(s);
    return rc;
}

int lh_retry(const char *db, const char *batch, const lh_retry_options *o, int64_t *count, lh_error *err)
{
    struct store *s = NULL;
    lh_batch b;
    *count = 0;
    int rc = store_open(db, STORE_WRITE, &s, err);
    if (rc == 0)
        rc = batch_find(s, batch, &b, err);
    if (rc == 0 && strcmp(b.state, "loading") == 0)
        rc =
            lh_error_set(err, LH_ESTATE, "batch %s is not loaded whole; submit its input again first", batch);
    if (rc == 0)
        rc = steer_all(s, b.id, &hurry_waiting, count, err);
    if (rc == 0 && o->dead)
        rc = steer_all(s, b.id, &revive_dead, count, err);
    if (rc == 0 && o->canceled)
        rc = steer_all(s, b.id, &revive_canceled, count, err);
    store_close(s);
    return rc;
}

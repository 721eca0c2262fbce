/* Orphans: running jobs that a worker left behind when it was killed. Declared in outcome.h; runs before the worker's
 * first claim, under the worker lock. */
#include <stdlib.h>

#include "store/outcome.h"

enum { FREE_LOSSES = 3 }; /* from then on a loss is an attempt: the job may itself be the killer */

static const char lost_message[] = "the worker stopped before the answer was stored";

struct orphan {
    int64_t id, sends, attempts, losses, generation, claimed_at;
};

static int read_orphans(struct store *s, int64_t batch_id, struct orphan **out, size_t *count, lh_error *err)
{
    struct rows *rows = NULL;
    size_t capacity = 0;
    int rc = store_select(s, STMT_ORPHANS, &rows, err, "i", batch_id);
    while (rc == 0 && (rc = rows_next(rows, err)) == 1) {
        rc = 0;
        if (*count == capacity) {
            capacity = capacity == 0 ? 64 : capacity * 2;
            struct orphan *more = realloc(*out, capacity * sizeof *more);
            if (more == NULL) {
                rc = lh_error_nomem(err);
                break;
            }
            *out = more;
        }
        (*out)[(*count)++] = (struct orphan){.id = rows_int(rows, 0),
                                             .sends = rows_int(rows, 2),
                                             .attempts = rows_int(rows, 3),
                                             .losses = rows_int(rows, 5) + 1,
                                             .generation = rows_int(rows, 6),
                                             .claimed_at = rows_int(rows, 7)};
    }
    rows_done(rows);
    return rc;
}

static int record_loss(struct store *s, const struct orphan *o, lh_error *err)
{
    const int64_t unknown = INT64_MIN;
    return store_exec(s, STMT_ATTEMPT_INSERT, err, "iisossssioooooooisoo", o->id, o->sends, "lost", unknown,
                      "lost", lost_message, NULL, NULL, o->claimed_at, unknown, unknown, unknown, unknown,
                      unknown, unknown, unknown, o->generation, NULL, unknown, unknown);
}

static int bury(struct store *s, struct lane *lane, const struct orphan *o, int64_t now_ms, lh_error *err)
{
    int rc = store_exec(s, STMT_ORPHAN_DEAD, err, "iiii", o->id, o->losses, o->attempts, now_ms);
    if (rc == 0)
        rc = store_exec(s, STMT_DEAD_LETTER_INSERT, err, "iiissssosiis", o->id, lane->batch_id,
                        lane->next_seq++, "lost", "lost", "lost", lost_message, INT64_MIN, NULL, o->sends,
                        now_ms, NULL);
    return rc == 0 ? lane_move(lane, JOB_RUNNING, JOB_DEAD, err) : rc;
}

static int revive(struct store *s, struct lane *lane, const struct orphan *o, int64_t now_ms, lh_error *err)
{
    if (lane->canceled) {
        int rc = store_exec(s, STMT_JOB_CANCEL_RUNNING, err, "iii", o->id, o->sends, now_ms);
        return rc == 0 ? lane_move(lane, JOB_RUNNING, JOB_CANCELED, err) : rc;
    }
    int rc = store_exec(s, STMT_ORPHAN_READY, err, "iii", o->id, o->losses, o->attempts);
    return rc == 0 ? lane_move(lane, JOB_RUNNING, JOB_READY, err) : rc;
}

static int recover_one(struct store *s, struct lane *lane, struct orphan *o, struct recovery *r,
                       lh_error *err)
{
    int rc = record_loss(s, o, err);
    if (rc != 0)
        return rc;
    lane->attempts++;
    lane->failed_attempts++;
    lane->silent++;
    if (o->losses > FREE_LOSSES)
        o->attempts++;
    if (o->losses > FREE_LOSSES && o->attempts >= r->max_attempts) {
        r->buried++;
        return bury(s, lane, o, r->now_ms, err);
    }
    r->recovered++;
    return revive(s, lane, o, r->now_ms, err);
}

static int recover_batch(struct store *s, int64_t batch_id, struct recovery *r, lh_error *err)
{
    struct orphan *orphans = NULL;
    size_t count = 0;
    struct ledger ledger;
    ledger_init(&ledger);
    int rc = store_begin(s, err);
    if (rc == 0)
        rc = read_orphans(s, batch_id, &orphans, &count, err);
    struct lane *lane = NULL;
    if (rc == 0)
        rc = ledger_lane(&ledger, s, batch_id, &lane, err);
    if (rc == 0 && count == 0)
        rc = lh_error_set(err, LH_ECORRUPT,
                          "%s: batch %s counts running jobs that are not there; run `longhaul db check`",
                          store_path(s), lane->name);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = recover_one(s, lane, &orphans[i], r, err);
    if (rc == 0)
        rc = ledger_write(&ledger, s, r->now_ms, err);
    if (rc == 0)
        rc = store_commit(s, err);
    if (rc != 0)
        store_rollback(s);
    ledger_free(&ledger);
    free(orphans);
    return rc;
}

/* Ids are read first, as each batch commits for itself. A store has few batches with jobs in flight. */
int recover_orphans(struct store *s, struct recovery *r, lh_error *err)
{
    for (;;) {
        int64_t batch_id = 0;
        int rc = store_get_int(s, STMT_BATCHES_WITH_RUNNING, 0, &batch_id, err, "");
        if (rc != 0 || batch_id == 0)
            return rc;
        rc = recover_batch(s, batch_id, r, err);
        if (rc != 0)
            return rc;
    }
}

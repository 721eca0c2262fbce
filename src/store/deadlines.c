/* Deadlines: see deadlines.h. A batch's clock runs only while a worker serves it. `served` (a checkpoint of the batch, or of the store for a
 * worker on all) tells until when; a move that is under way stands beside it as `deadlines`. */
#include "store/deadlines.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "longhaul.h"

enum { PIECE = 2000, BATCHES_AT_ONCE = 64 };

static const char *scope_of(int64_t batch_id, char out[48])
{
    if (batch_id == LH_UNKNOWN)
        return "store";
    snprintf(out, 48, "batch/%" PRId64, batch_id);
    return out;
}

/* ---- the clock that stands still ---- */

struct move {
    int64_t gap_ms;
    int64_t below;    /* deadlines at or above were moved already */
    int64_t until_ms; /* served until then, once all are moved */
};

static int read_numbers(struct store *s, int64_t batch_id, const char *kind, struct move *out, bool *found,
                        lh_error *err)
{
    char scope[48], *value = NULL;
    int rc = store_checkpoint_get(s, scope_of(batch_id, scope), kind, &value, err);
    json_object *o = value != NULL ? json_tokener_parse(value) : NULL;
    *found = json_is_object(o);
    if (*found) {
        out->gap_ms = json_get_int(o, "gap_ms", 0);
        out->below = json_get_int(o, "below", INT64_MAX);
        out->until_ms = json_get_int(o, "until", 0);
    }
    json_object_put(o);
    free(value);
    return rc;
}

static int put_served(struct store *s, int64_t batch_id, int64_t until_ms, lh_error *err)
{
    char scope[48], value[64];
    snprintf(value, sizeof value, "{\"until\":%" PRId64 "}", until_ms);
    return store_checkpoint_put(s, scope_of(batch_id, scope), "served", value, until_ms, err);
}

static int put_move(struct store *s, int64_t batch_id, const struct move *m, lh_error *err)
{
    char scope[48], value[160];
    snprintf(value, sizeof value, "{\"gap_ms\":%" PRId64 ",\"below\":%" PRId64 ",\"until\":%" PRId64 "}",
             m->gap_ms, m->below, m->until_ms);
    return store_checkpoint_put(s, scope_of(batch_id, scope), "deadlines", value, m->until_ms, err);
}

/* Until when a worker served the batch: one on this batch alone, or one on all. */
static int served_until(const struct deadlines *d, struct store *s, int64_t batch_id, int64_t *until,
                        lh_error *err)
{
    struct move own = {0}, all = {0};
    bool has_own = false, has_all = false;
    int rc = read_numbers(s, batch_id, "served", &own, &has_own, err);
    if (rc == 0)
        rc = read_numbers(s, LH_UNKNOWN, "served", &all, &has_all, err);
    if (rc == 0 && !has_own && !has_all)
        return store_get_int(s, STMT_WORKER_LAST_SERVED, INT64_MAX, until, err, "i", d->worker_id);
    *until = own.until_ms > all.until_ms ? own.until_ms : all.until_ms;
    return rc;
}

/* From the latest deadline down, so that what was moved is never met again: it is later than all that is left. */
static int move_piece(struct store *s, int64_t batch_id, struct move *m, bool *over, lh_error *err)
{
    char scope[48];
    int64_t least = INT64_MIN;
    int rc = store_begin(s, err);
    if (rc == 0)
        rc = store_get_int(s, STMT_DEADLINE_PIECE, INT64_MIN, &least, err, "iii", batch_id, m->below,
                           (int64_t)PIECE);
    if (rc == 0)
        rc = store_exec(s, STMT_DEADLINES_MOVE, err, "iiii", batch_id, least, m->below, m->gap_ms);
    *over = least == INT64_MIN;
    m->below = least;
    if (rc == 0 && *over)
        rc = store_exec(s, STMT_CHECKPOINT_DELETE, err, "ss", scope_of(batch_id, scope), "deadlines");
    if (rc == 0)
        rc = *over ? put_served(s, batch_id, m->until_ms, err) : put_move(s, batch_id, m, err);
    if (rc == 0)
        rc = store_commit(s, err);
    if (rc != 0)
        store_rollback(s);
    return rc;
}

static int move_all(struct store *s, int64_t batch_id, struct move *m, lh_error *err)
{
    int rc = 0;
    for (bool over = false; rc == 0 && !over;)
        rc = move_piece(s, batch_id, m, &over, err);
    return rc;
}

static int move_batch(const struct deadlines *d, struct store *s, int64_t batch_id, int64_t now_ms,
                      lh_error *err)
{
    struct move m = {0};
    bool unfinished = false;
    int64_t until = now_ms;
    int rc = read_numbers(s, batch_id, "deadlines", &m, &unfinished, err);
    if (rc == 0 && unfinished)
        rc = move_all(s, batch_id, &m, err);
    if (rc == 0)
        rc = served_until(d, s, batch_id, &until, err);
    m = (struct move){.gap_ms = now_ms - until, .below = INT64_MAX, .until_ms = now_ms};
    return rc == 0 && until < now_ms ? move_all(s, batch_id, &m, err) : rc;
}

/* Ids are read first, as each piece commits for itself; all that have an unfinished job with a deadline, which are few. */
static int read_batches(const struct deadlines *d, struct store *s, int64_t **ids, size_t *count,
                        lh_error *err)
{
    struct rows *rows = NULL;
    int rc = store_select(s, STMT_BATCHES_WITH_DEADLINES, &rows, err, "o", d->batch_id);
    while (rc == 0 && (rc = rows_next(rows, err)) == 1) {
        rc = 0;
        if (*count % BATCHES_AT_ONCE == 0) {
            int64_t *more = realloc(*ids, (*count + BATCHES_AT_ONCE) * sizeof *more);
            if (more == NULL) {
                rc = lh_error_nomem(err);
                break;
            }
            *ids = more;
        }
        (*ids)[(*count)++] = rows_int(rows, 0);
    }
    rows_done(rows);
    return rc;
}

int deadlines_begin(struct deadlines *d, struct store *s, int64_t now_ms, lh_error *err)
{
    int64_t *ids = NULL;
    size_t count = 0;
    int rc = read_batches(d, s, &ids, &count, err);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = move_batch(d, s, ids[i], now_ms, err);
    d->in_use = d->job_ms > 0 || count > 0;
    free(ids);
    deadlines_look_again(d);
    return rc == 0 ? deadlines_served(d, s, now_ms, err) : rc;
}

int deadlines_served(const struct deadlines *d, struct store *s, int64_t now_ms, lh_error *err)
{
    return d->in_use ? put_served(s, d->batch_id, now_ms, err) : 0;
}

/* ---- the late ---- */

void deadlines_watch(struct deadlines *d, int64_t deadline_at)
{
    if (deadline_at < d->next_ms)
        d->next_ms = deadline_at;
}

void deadlines_look_again(struct deadlines *d)
{
    d->next_ms = d->in_use ? INT64_MIN : INT64_MAX;
}

struct late {
    int64_t id, batch_id, sends;
    bool waits;
};

static int read_late(const struct deadlines *d, struct store *s, int64_t now_ms, int64_t limit,
                     struct late *late, int64_t *count, lh_error *err)
{
    struct rows *rows = NULL;
    int rc = store_select(s, STMT_LATE_JOBS, &rows, err, "oii", d->batch_id, now_ms, limit);
    while (rc == 0 && (rc = rows_next(rows, err)) == 1) {
        late[(*count)++] = (struct late){.id = rows_int(rows, 0),
                                         .batch_id = rows_int(rows, 1),
                                         .waits = rows_int(rows, 2) != 0,
                                         .sends = rows_int(rows, 3)};
        rc = 0;
    }
    rows_done(rows);
    return rc;
}

static const char *or_else(const char *text, const char *instead)
{
    return text != NULL && *text != '\0' ? text : instead;
}

/* The letter tells what the last attempt met, as that of a job that used up its attempts does. */
static int write_letter(struct store *s, struct lane *lane, const struct late *job, int64_t now_ms,
                        lh_error *err)
{
    char message[800];
    struct rows *rows = NULL;
    int rc = store_select(s, STMT_LATE_LETTER, &rows, err, "i", job->id);
    if (rc == 0)
        rc = rows_next(rows, err);
    if (rc == 1) {
        const char *code = or_else(rows_text(rows, 2, NULL), "deadline");
        snprintf(message, sizeof message, "no answer within the deadline; tried since %s; last error: %s%s%s",
                 or_else(rows_text(rows, 0, NULL), "it was claimed"), code,
                 rows_text(rows, 3, NULL) != NULL ? ": " : "", or_else(rows_text(rows, 3, NULL), ""));
        rc = store_exec(s, STMT_DEAD_LETTER_INSERT, err, "iiissssosiis", job->id, lane->batch_id,
                        lane->next_seq++, "deadline", or_else(rows_text(rows, 1, NULL), "lost"), code,
                        message, rows_int(rows, 4), rows_text(rows, 5, NULL), job->sends, now_ms, NULL);
    }
    rows_done(rows);
    return rc;
}

static int bury_one(struct store *s, struct ledger *l, const struct late *job, int64_t now_ms, lh_error *err)
{
    struct lane *lane = NULL;
    int rc = ledger_lane(l, s, job->batch_id, &lane, err);
    if (rc == 0)
        rc = write_letter(s, lane, job, now_ms, err);
    if (rc == 0)
        rc = store_exec(s, STMT_LATE_JOB_DEAD, err, "ii", job->id, now_ms);
    return rc == 0 ? lane_move(lane, job->waits ? JOB_WAITING : JOB_READY, JOB_DEAD, err) : rc;
}

int deadlines_bury(struct deadlines *d, struct store *s, struct ledger *l, int64_t now_ms, int64_t limit,
                   int64_t *buried, int64_t *last_batch, bool *more, lh_error *err)
{
    struct late late[BURY_AT_ONCE];
    int64_t count = 0, next = INT64_MAX;
    *more = false;
    if (d->next_ms > now_ms)
        return 0;
    int rc = read_late(d, s, now_ms, limit < BURY_AT_ONCE ? limit : (int64_t)BURY_AT_ONCE, late, &count, err);
    for (int64_t i = 0; rc == 0 && i < count; i++)
        rc = bury_one(s, l, &late[i], now_ms, err);
    if (rc == 0)
        rc = store_get_int(s, STMT_NEXT_DEADLINE, INT64_MAX, &next, err, "o", d->batch_id);
    if (rc != 0)
        return rc;
    d->next_ms = next;
    *more = next <= now_ms;
    *buried += count;
    if (count > 0)
        *last_batch = late[count - 1].batch_id;
    return 0;
}

/* The ledger: see ledger.h. */
#include "store/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ledger_init(struct ledger *l)
{
    *l = (struct ledger){0};
}

void ledger_free(struct ledger *l)
{
    free(l->lanes);
    ledger_init(l);
}

static void copy_text(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text != NULL ? text : "");
}

static void read_lane(const struct rows *r, struct lane *lane)
{
    *lane = (struct lane){.batch_id = rows_int(r, 0), .priority = rows_int(r, 4), .next_seq = rows_int(r, 5)};
    copy_text(lane->name, sizeof lane->name, rows_text(r, 1, NULL));
    copy_text(lane->pause_reason, sizeof lane->pause_reason, rows_text(r, 3, NULL));
    const char *state = rows_text(r, 2, NULL);
    lane->loading = strcmp(state, "loading") == 0;
    lane->active = strcmp(state, "active") == 0;
    lane->paused = strcmp(state, "paused") == 0;
    lane->canceled = strcmp(state, "canceled") == 0;
    static const enum job_state order[] = {JOB_READY, JOB_WAITING, JOB_RUNNING,
                                           JOB_DONE,  JOB_DEAD,    JOB_CANCELED};
    for (int i = 0; i < JOB_STATES; i++)
        lane->jobs[order[i]] = rows_int(r, 6 + i);
}

static struct lane *add_lane(struct ledger *l, lh_error *err)
{
    if (l->count == l->capacity) {
        size_t capacity = l->capacity == 0 ? 4 : l->capacity * 2;
        struct lane *lanes = realloc(l->lanes, capacity * sizeof *lanes);
        if (lanes == NULL) {
            lh_error_nomem(err);
            return NULL;
        }
        l->lanes = lanes;
        l->capacity = capacity;
    }
    return &l->lanes[l->count++];
}

static int load_lanes(struct ledger *l, struct store *s, int64_t batch_id, lh_error *err)
{
    struct rows *rows = NULL;
    int rc = store_select(s, STMT_LANES, &rows, err, "o", batch_id);
    while (rc == 0 && (rc = rows_next(rows, err)) == 1) {
        struct lane *lane = add_lane(l, err);
        rc = lane != NULL ? 0 : LH_ENOMEM;
        if (lane != NULL)
            read_lane(rows, lane);
    }
    rows_done(rows);
    return rc;
}

int ledger_load(struct ledger *l, struct store *s, int64_t batch_id, lh_error *err)
{
    l->count = 0;
    return load_lanes(l, s, batch_id, err);
}

int ledger_lane(struct ledger *l, struct store *s, int64_t batch_id, struct lane **out, lh_error *err)
{
    size_t i = 0;
    while (i < l->count && l->lanes[i].batch_id != batch_id)
        i++;
    int rc = i < l->count ? 0 : load_lanes(l, s, batch_id, err);
    if (rc == 0 && i == l->count)
        rc = lh_error_set(err, LH_ENOTFOUND, "batch %lld is gone", (long long)batch_id);
    if (rc == 0)
        *out = &l->lanes[i];
    return rc;
}

int lane_move(struct lane *lane, enum job_state from, enum job_state to, lh_error *err)
{
    if (!job_move_is_legal(from, to))
        return lh_error_set(err, LH_EINTERNAL, "batch %s: a job cannot go from %s to %s", lane->name,
                            job_state_name(from), job_state_name(to));
    lane->touched = true;
    lane->revived = lane->revived || (to == JOB_READY && (from == JOB_DEAD || from == JOB_CANCELED));
    lane->jobs[from]--;
    lane->jobs[to]++;
    lane->delta[from]--;
    lane->delta[to]++;
    return 0;
}

int64_t lane_open_jobs(const struct lane *lane)
{
    return lane->jobs[JOB_READY] + lane->jobs[JOB_WAITING] + lane->jobs[JOB_RUNNING];
}

static int write_counters(struct lane *lane, struct store *s, int64_t now_ms, lh_error *err)
{
    const int64_t *d = lane->delta;
    bool started = lane->jobs[JOB_RUNNING] > 0;
    return store_exec(s, STMT_BATCH_COUNT, err, "iiiiiiiiiiiiiiio", lane->batch_id, d[JOB_READY],
                      d[JOB_WAITING], d[JOB_RUNNING], d[JOB_DONE], d[JOB_DEAD], d[JOB_CANCELED],
                      lane->prompt_tokens, lane->completion_tokens, lane->cached_tokens, lane->cost_nanousd,
                      lane->attempts, lane->failed_attempts, lane->next_seq, lane->requeues,
                      started ? now_ms : INT64_MIN);
}

static int write_state(struct lane *lane, struct store *s, int64_t now_ms, lh_error *err)
{
    bool open = lane_open_jobs(lane) > 0;
    if ((lane->active || lane->paused) && !open) {
        lane->active = lane->paused = false;
        lane->left = true;
        return store_exec(s, STMT_BATCH_SET_STATE, err, "issi", lane->batch_id, "finished", NULL, now_ms);
    }
    if (lane->revived && !lane->active && !lane->paused && !lane->loading && open) {
        lane->active = true;
        lane->canceled = false;
        return store_exec(s, STMT_BATCH_SET_STATE, err, "isso", lane->batch_id, "active", NULL, INT64_MIN);
    }
    return 0;
}

static void clear_deltas(struct lane *lane)
{
    memset(lane->delta, 0, sizeof lane->delta);
    lane->touched = lane->revived = false;
    lane->requeues = lane->prompt_tokens = lane->completion_tokens = lane->cached_tokens = 0;
    lane->cost_nanousd = lane->attempts = lane->failed_attempts = 0;
}

int ledger_write(struct ledger *l, struct store *s, int64_t now_ms, lh_error *err)
{
    for (size_t i = 0; i < l->count; i++) {
        struct lane *lane = &l->lanes[i];
        if (!lane->touched)
            continue;
        int rc = write_state(lane, s, now_ms, err);
        if (rc == 0)
            rc = write_counters(lane, s, now_ms, err);
        if (rc != 0)
            return rc;
        clear_deltas(lane);
    }
    return 0;
}

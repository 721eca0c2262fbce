/* The ledger: see ledger.h. */
#include "store/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ledger_init(struct ledger *l)
{
    *l = (struct ledger){0};
}

static void clear(struct ledger *l)
{
    for (size_t i = 0; i < l->count; i++)
        free(l->lanes[i]);
    free(l->lanes);
    id_map_free(&l->by_id);
    usage_cells_free(&l->usage);
    ledger_init(l);
}

void ledger_free(struct ledger *l)
{
    clear(l);
}

/* Takes what the lane counts into the totals (sign 1) or out of them (-1). Whatever changes a lane stands between the two. */
static void count(const struct lane *lane, int64_t sign)
{
    struct ledger_totals *t = &lane->ledger->totals;
    for (int i = 0; i < JOB_STATES; i++)
        t->jobs[i] += sign * lane->jobs[i];
    t->claimable += lane->active ? sign * lane->jobs[JOB_READY] : 0;
    t->working += (lane->active || lane->canceled) && lane_open_jobs(lane) > 0 ? sign : 0;
    t->held += lane_is_held(lane) ? sign : 0;
    t->canceled += lane->canceled ? sign : 0;
    t->cancelable += lane->canceled ? sign * (lane->jobs[JOB_READY] + lane->jobs[JOB_WAITING]) : 0;
}

static void copy_text(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text != NULL ? text : "");
}

static void read_lane(const struct rows *r, struct lane *lane)
{
    *lane = (struct lane){.batch_id = rows_int(r, 0),
                          .priority = rows_int(r, 4),
                          .next_seq = rows_int(r, 5),
                          .weight = rows_int(r, 13),
                          .is_guessed = rows_int(r, 14) == 0};
    copy_text(lane->tenant, sizeof lane->tenant, rows_text(r, 12, NULL));
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

static bool has_room(struct ledger *l)
{
    if (l->count < l->capacity)
        return true;
    size_t capacity = l->capacity == 0 ? 4 : l->capacity * 2;
    struct lane **lanes = realloc(l->lanes, capacity * sizeof(struct lane *));
    if (lanes == NULL)
        return false;
    l->lanes = lanes;
    l->capacity = capacity;
    return true;
}

static int add_lane(struct ledger *l, const struct rows *r, lh_error *err)
{
    struct lane *lane = has_room(l) ? malloc(sizeof *lane) : NULL;
    if (lane == NULL)
        return lh_error_nomem(err);
    read_lane(r, lane);
    if (!id_map_put(&l->by_id, lane->batch_id, lane)) {
        free(lane);
        return lh_error_nomem(err);
    }
    lane->ledger = l;
    lane->place = l->count;
    l->lanes[l->count++] = lane;
    count(lane, 1);
    return 0;
}

void ledger_remove(struct ledger *l, struct lane *lane)
{
    count(lane, -1);
    id_map_remove(&l->by_id, lane->batch_id);
    struct lane *last = l->lanes[--l->count];
    l->lanes[lane->place] = last;
    last->place = lane->place;
    free(lane);
}

static int load_lanes(struct ledger *l, struct store *s, int64_t batch_id, lh_error *err)
{
    struct rows *rows = NULL;
    int rc = store_select(s, STMT_LANES, &rows, err, "o", batch_id);
    while (rc == 0 && (rc = rows_next(rows, err)) == 1)
        rc = add_lane(l, rows, err);
    rows_done(rows);
    return rc;
}

int ledger_load(struct ledger *l, struct store *s, int64_t batch_id, lh_error *err)
{
    clear(l);
    return load_lanes(l, s, batch_id, err);
}

struct lane *ledger_find(const struct ledger *l, int64_t batch_id)
{
    return id_map_get(&l->by_id, batch_id);
}

int ledger_lane(struct ledger *l, struct store *s, int64_t batch_id, struct lane **out, lh_error *err)
{
    *out = ledger_find(l, batch_id);
    if (*out != NULL)
        return 0;
    int rc = load_lanes(l, s, batch_id, err);
    *out = ledger_find(l, batch_id);
    if (rc == 0 && *out == NULL)
        rc = lh_error_set(err, LH_ENOTFOUND, "batch %lld is gone", (long long)batch_id);
    return rc;
}

static void touch(struct lane *lane)
{
    if (lane->touched)
        return;
    lane->touched = true;
    lane->next_touched = lane->ledger->touched;
    lane->ledger->touched = lane;
}

int lane_move(struct lane *lane, enum job_state from, enum job_state to, lh_error *err)
{
    if (!job_move_is_legal(from, to))
        return lh_error_set(err, LH_EINTERNAL, "batch %s: a job cannot go from %s to %s", lane->name,
                            job_state_name(from), job_state_name(to));
    touch(lane);
    lane->shut = to != JOB_READY ? lane->shut : 0;
    lane->revived = lane->revived || (to == JOB_READY && (from == JOB_DEAD || from == JOB_CANCELED));
    count(lane, -1);
    lane->jobs[from]--;
    lane->jobs[to]++;
    count(lane, 1);
    lane->delta[from]--;
    lane->delta[to]++;
    return 0;
}

int64_t lane_open_jobs(const struct lane *lane)
{
    return lane->jobs[JOB_READY] + lane->jobs[JOB_WAITING] + lane->jobs[JOB_RUNNING];
}

bool lane_is_held(const struct lane *lane)
{
    return lane->paused || (lane->loading && lane_open_jobs(lane) > 0);
}

static void set_state(struct lane *lane, bool active, bool paused, bool canceled)
{
    count(lane, -1);
    lane->active = active;
    lane->paused = paused;
    lane->canceled = canceled;
    count(lane, 1);
}

void lane_stop(struct lane *lane, bool cancel, const char *reason)
{
    touch(lane);
    set_state(lane, false, !cancel, cancel);
    copy_text(lane->pause_reason, sizeof lane->pause_reason, reason);
}

static int write_counters(struct lane *lane, struct store *s, int64_t now_ms, lh_error *err)
{
    const int64_t *d = lane->delta;
    bool started = lane->jobs[JOB_RUNNING] > 0;
    return store_exec(s, STMT_BATCH_COUNT, err, "iiiiiiiiiiiiiiioiiii", lane->batch_id, d[JOB_READY],
                      d[JOB_WAITING], d[JOB_RUNNING], d[JOB_DONE], d[JOB_DEAD], d[JOB_CANCELED],
                      lane->prompt_tokens, lane->completion_tokens, lane->cached_tokens, lane->cost_nanousd,
                      lane->attempts, lane->failed_attempts, lane->next_seq, lane->requeues,
                      started ? now_ms : INT64_MIN, lane->cache_write_tokens, lane->reasoning_tokens,
                      lane->unpriced, lane->silent);
}

static int write_state(struct lane *lane, struct store *s, int64_t now_ms, lh_error *err)
{
    bool open = lane_open_jobs(lane) > 0;
    if ((lane->active || lane->paused) && !open) {
        set_state(lane, false, false, lane->canceled);
        lane->next_left = lane->ledger->left;
        lane->ledger->left = lane;
        return store_exec(s, STMT_BATCH_SET_STATE, err, "issi", lane->batch_id, "finished", NULL, now_ms);
    }
    if (lane->revived && !lane->active && !lane->paused && !lane->loading && open) {
        set_state(lane, true, false, false);
        return store_exec(s, STMT_BATCH_SET_STATE, err, "isso", lane->batch_id, "active", NULL, INT64_MIN);
    }
    return 0;
}

static void clear_deltas(struct lane *lane)
{
    memset(lane->delta, 0, sizeof lane->delta);
    lane->touched = lane->revived = false;
    lane->requeues = lane->prompt_tokens = lane->completion_tokens = lane->cached_tokens = 0;
    lane->cache_write_tokens = lane->reasoning_tokens = lane->unpriced = lane->silent = 0;
    lane->cost_nanousd = lane->attempts = lane->failed_attempts = 0;
}

int ledger_write(struct ledger *l, struct store *s, int64_t now_ms, lh_error *err)
{
    int rc = usage_cells_write(&l->usage, s, err);
    while (rc == 0 && l->touched != NULL) {
        struct lane *lane = l->touched;
        rc = write_state(lane, s, now_ms, err);
        if (rc == 0)
            rc = write_counters(lane, s, now_ms, err);
        if (rc != 0)
            return rc;
        l->touched = lane->next_touched;
        clear_deltas(lane);
    }
    return rc;
}

/* The writing half of an ingest: see insert.h. */
#include "batch/insert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "batch/reading.h"
#include "provider/provider.h"

enum {
    DISCARD_AT_ONCE = 5000,
    DISCARD_BYTES = 8 << 20, /* what removing so many rows may write */
    WAIT_NS = 100 * 1000 * 1000,
};

static void scope_of(const struct loader *l, char *out, size_t size)
{
    snprintf(out, size, "batch/%s", l->batch.name);
}

int insert_put_state(struct loader *l, lh_error *err)
{
    char scope[300];
    scope_of(l, scope, sizeof scope);
    char *text = load_state_write(&l->state);
    if (text == NULL)
        return lh_error_nomem(err);
    int rc = store_checkpoint_put(l->store, scope, "ingest", text, clock_wall_ms(), err);
    free(l->written);
    l->written = text;
    return rc;
}

/* Two processes that load the same batch would each insert the other's lines a second time. */
static int check_alone(struct loader *l, lh_error *err)
{
    char scope[300];
    char *stored = NULL;
    scope_of(l, scope, sizeof scope);
    int rc = store_checkpoint_get(l->store, scope, "ingest", &stored, err);
    if (rc == 0 && l->written != NULL && (stored == NULL || strcmp(stored, l->written) != 0))
        rc = lh_error_set(err, LH_ESTATE, "another process is loading batch %s; wait for it", l->batch.name);
    free(stored);
    return rc;
}

/* A reader that holds an old snapshot pins the log: what cannot be moved out of it must not be added to. */
static int await_room(struct loader *l, int64_t bytes, lh_error *err)
{
    const struct timespec pause = {.tv_nsec = WAIT_NS};
    while (!wal_has_room(&l->wal, bytes)) {
        wal_make_room(&l->wal);
        if (wal_has_room(&l->wal, bytes))
            break;
        if (l->options->stop != NULL && *l->options->stop != 0)
            return lh_error_set(err, LH_ESTATE, "interrupted; the same command goes on with the load");
        nanosleep(&pause, NULL);
    }
    return 0;
}

int insert_begin(struct loader *l, int64_t bytes, lh_error *err)
{
    int rc = await_room(l, bytes, err);
    if (rc == 0)
        rc = store_begin(l->store, err);
    return rc == 0 ? check_alone(l, err) : rc;
}

static void roll_back(struct loader *l)
{
    store_rollback(l->store);
    routes_forget(&l->routes);
}

int insert_end(struct loader *l, int rc, lh_error *err)
{
    if (rc == 0)
        rc = store_commit(l->store, err);
    if (rc != 0)
        roll_back(l);
    else
        wal_after_commit(&l->wal);
    return rc;
}

static void report_bad(struct loader *l, const char *why)
{
    reading_say_bad(l->bad++, why);
}

void insert_report_bad(struct loader *l, const struct chunk *chunk)
{
    for (size_t i = 0; i < chunk->count; i++)
        if (chunk->entries[i].bad)
            report_bad(l, chunk_text(chunk, chunk->entries[i].why));
}

struct counts {
    int64_t ready, dead, first_id, last_id;
};

static int insert_row(struct loader *l, const char *custom_id, const struct line_job *job, const char *state,
                      int64_t route, int64_t now, struct counts *c, lh_error *err)
{
    bool dead = strcmp(state, "dead") == 0;
    int rc = store_exec(l->store, STMT_JOB_INSERT, err, "isisiioioi", l->batch.id, custom_id, job->line,
                        state, l->batch.priority, job->prompt_tokens, job->max_output_tokens, now,
                        dead ? now : INT64_MIN, route);
    if (rc != 0)
        return rc;
    c->last_id = store_last_rowid(l->store);
    if (c->first_id == INT64_MIN)
        c->first_id = c->last_id;
    return 0;
}

/* A bad line's own id may be taken: then "line-N", "line-N-2", … */
static int insert_bad_row(struct loader *l, const struct chunk *chunk, const struct chunk_entry *e,
                          int64_t now, struct counts *c, lh_error *err)
{
    char id[64];
    int rc = insert_row(l, chunk_text(chunk, e->job.custom_id), &e->job, "dead", ROUTE_LOOSE, now, c, err);
    for (int i = 1; rc == LH_ESTATE && i < 1000; i++) {
        snprintf(id, sizeof id, i == 1 ? "line-%lld" : "line-%lld-%d", (long long)e->job.line, i);
        rc = insert_row(l, id, &e->job, "dead", ROUTE_LOOSE, now, c, err);
    }
    return rc;
}

static int insert_bad(struct loader *l, const struct chunk *chunk, const struct chunk_entry *e,
                      const char *why, int64_t now, struct counts *c, lh_error *err)
{
    int rc = insert_bad_row(l, chunk, e, now, c, err);
    if (rc == 0)
        rc = store_exec(l->store, STMT_REQUEST_INSERT, err, "isst", c->last_id, "POST", "",
                        chunk_text(chunk, e->raw), e->raw_len);
    if (rc == 0)
        rc = store_exec(l->store, STMT_DEAD_LETTER_INSERT, err, "iiissssosiit", c->last_id, l->batch.id,
                        l->batch.next_seq + c->dead, "bad_line", "invalid_input", "bad_line", why, INT64_MIN,
                        NULL, (int64_t)0, now, NULL, (size_t)0);
    c->dead++;
    return rc;
}

/* The line's custom_id stands in the batch already: names both places. */
static int on_duplicate(struct loader *l, const struct chunk *chunk, const struct chunk_entry *e, int64_t now,
                        struct counts *c, lh_error *err)
{
    struct strbuf why;
    int64_t first = 0;
    const char *id = chunk_text(chunk, e->job.custom_id);
    int rc = store_get_int(l->store, STMT_JOB_LINE_OF, 0, &first, err, "is", l->batch.id, id);
    if (rc != 0)
        return rc;
    strbuf_init(&why);
    append_valid_utf8(&why, e->input, strlen(e->input));
    strbuf_appendf(&why, ", line %lld: custom_id %s stands on line %lld%s already", (long long)e->input_line,
                   id, (long long)first, l->options->n_inputs > 1 ? " of all inputs" : "");
    report_bad(l, why.data);
    l->refused = l->refused || !l->options->skip_bad;
    struct chunk_entry bad = *e;
    bad.raw = e->job.body;
    bad.raw_len = e->job.body_len;
    if (!l->refused)
        rc = insert_bad(l, chunk, &bad, why.data, now, c, err);
    strbuf_free(&why);
    return rc;
}

static int find_route(struct loader *l, const struct chunk *chunk, const struct chunk_entry *e, int64_t *id,
                      lh_error *err)
{
    char origin[ROUTE_ORIGIN_MOST + 1];
    const char *url = chunk_text(chunk, e->job.url);
    size_t len = provider_origin(url);
    snprintf(origin, sizeof origin, "%.*s", len < sizeof origin ? (int)len : (int)sizeof origin - 1, url);
    return routes_find(&l->routes, l->store, dialect_name(dialect_of_url(url)),
                       chunk_text(chunk, e->job.model), origin, id, err);
}

static int insert_entry(struct loader *l, const struct chunk *chunk, const struct chunk_entry *e, int64_t now,
                        struct counts *c, lh_error *err)
{
    if (e->bad) {
        report_bad(l, chunk_text(chunk, e->why));
        l->refused = l->refused || !l->options->skip_bad;
        return l->refused ? 0 : insert_bad(l, chunk, e, chunk_text(chunk, e->why), now, c, err);
    }
    if (l->refused)
        return 0;
    int64_t route = ROUTE_LOOSE;
    int rc = find_route(l, chunk, e, &route, err);
    if (rc != 0)
        return rc;
    rc = insert_row(l, chunk_text(chunk, e->job.custom_id), &e->job, "ready", route, now, c, err);
    if (rc == LH_ESTATE)
        return on_duplicate(l, chunk, e, now, c, err);
    if (rc == 0)
        rc = store_exec(l->store, STMT_REQUEST_INSERT, err, "isst", c->last_id, "POST",
                        chunk_text(chunk, e->job.url), chunk_text(chunk, e->job.body), e->job.body_len);
    c->ready++;
    return rc;
}

static int insert_entries(struct loader *l, const struct chunk *chunk, struct counts *c, lh_error *err)
{
    int64_t now = clock_wall_ms();
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < chunk->count; i++)
        rc = insert_entry(l, chunk, &chunk->entries[i], now, c, err);
    if (rc != 0 || l->refused)
        return rc;
    l->state.lines = chunk->lines;
    l->state.bytes = chunk->bytes;
    snprintf(l->state.hash, sizeof l->state.hash, "%s", chunk->hash);
    rc = insert_put_state(l, err);
    if (rc == 0)
        rc = store_exec(l->store, STMT_BATCH_ADD_JOBS, err, "iiioo", l->batch.id, c->ready, c->dead,
                        c->first_id, c->last_id);
    return rc;
}

int insert_chunk(struct loader *l, const struct chunk *chunk, lh_error *err)
{
    struct counts c = {.first_id = INT64_MIN, .last_id = INT64_MIN};
    struct load_state before = l->state;
    int rc = insert_begin(l, (int64_t)chunk->text.len, err);
    if (rc == 0) /* a worker may finish jobs of it while lines are added: dead letters go on from its count */
        rc = batch_get(l->store, l->batch.id, &l->batch, err);
    if (rc == 0)
        rc = insert_entries(l, chunk, &c, err);
    if (rc == 0 && l->refused)
        roll_back(l);
    else
        rc = insert_end(l, rc, err);
    if (rc != 0 || l->refused)
        l->state = before;
    else
        l->added += c.ready;
    return rc;
}

/* ---- discarding ---- */

/* Removes the jobs with ids from..to of the batch, with what hangs on them. */
static int discard_range(struct loader *l, int64_t from, int64_t to, lh_error *err)
{
    static const enum stmt_id parts[] = {STMT_DISCARD_REQUESTS, STMT_DISCARD_DEAD_LETTERS, STMT_DISCARD_JOBS};
    int rc = insert_begin(l, DISCARD_BYTES, err);
    for (size_t i = 0; rc == 0 && i < sizeof parts / sizeof *parts; i++)
        rc = store_exec(l->store, parts[i], err, "iii", l->batch.id, from, to);
    return insert_end(l, rc, err);
}

static int put_discarding(struct loader *l, lh_error *err)
{
    l->state.discarding = true;
    int rc = insert_begin(l, 0, err);
    if (rc == 0)
        rc = insert_put_state(l, err);
    return insert_end(l, rc, err);
}

static const char *state_after(const lh_batch *b, const char *was)
{
    if (b->ready + b->waiting + b->running == 0)
        return "finished";
    return strcmp(was, "paused") == 0 ? "paused" : "active";
}

int insert_leave_loading(struct loader *l, const char *was, lh_error *err)
{
    const lh_batch *b = &l->batch;
    const char *state = state_after(b, was);
    bool finished = strcmp(state, "finished") == 0, paused = strcmp(state, "paused") == 0;
    int64_t at = b->finished_at != LH_UNKNOWN ? b->finished_at : clock_wall_ms();
    return store_exec(l->store, STMT_BATCH_SET_STATE, err, "isso", b->id, state,
                      paused ? b->pause_reason : NULL, finished ? at : LH_UNKNOWN);
}

/* A new batch goes; one that --update began to add to becomes what it was. */
static int restore(struct loader *l, lh_error *err)
{
    char scope[300];
    const struct load_state *s = &l->state;
    scope_of(l, scope, sizeof scope);
    if (s->base_lines == 0) {
        int rc = store_exec(l->store, STMT_CHECKPOINT_DELETE, err, "ss", scope, "ingest");
        return rc == 0 ? store_exec(l->store, STMT_BATCH_DELETE, err, "i", l->batch.id) : rc;
    }
    char was[sizeof s->base_state];
    struct load_state base = {.complete = true, .lines = s->base_lines, .bytes = s->base_bytes};
    memcpy(base.hash, s->base_hash, sizeof base.hash);
    memcpy(was, s->base_state, sizeof was);
    l->state = base;
    int rc = insert_put_state(l, err);
    if (rc == 0)
        rc = store_exec(l->store, STMT_BATCH_RECOUNT, err, "i", l->batch.id);
    if (rc == 0)
        rc = batch_get(l->store, l->batch.id, &l->batch, err);
    return rc == 0 ? insert_leave_loading(l, was, err) : rc;
}

int insert_discard(struct loader *l, lh_error *err)
{
    int rc = put_discarding(l, err);
    if (rc == 0)
        rc = batch_get(l->store, l->batch.id, &l->batch, err);
    int64_t from = l->state.base_lines > 0 ? l->state.base_last_job_id + 1 : l->batch.first_job_id;
    int64_t last = l->batch.last_job_id;
    for (; rc == 0 && from != INT64_MIN && last != INT64_MIN && from <= last; from += DISCARD_AT_ONCE) {
        int64_t to = from + DISCARD_AT_ONCE - 1;
        rc = discard_range(l, from, to < last ? to : last, err);
    }
    if (rc == 0) {
        rc = insert_begin(l, 0, err);
        if (rc == 0)
            rc = restore(l, err);
        rc = insert_end(l, rc, err);
    }
    return rc;
}

/* Ingest: input to batch, each line exactly once. See lh_ingest of longhaul.h. Decides what a call is (a new load, one that goes on, a
 * repetition, an addition), then drives the reading and the writing half. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "batch/ingest_options.h"
#include "batch/insert.h"
#include "batch/reading.h"

enum { PROGRESS_MS = 250, INPUT_SIZE = 512 };

/* ---- what is there already ---- */

/* For people, so it may be cut; a path is bytes, what the database holds is text. */
static void describe_inputs(const lh_ingest_options *o, char out[INPUT_SIZE])
{
    struct strbuf text;
    strbuf_init(&text);
    for (size_t i = 0; i < o->n_inputs && text.len < INPUT_SIZE; i++) {
        strbuf_append_str(&text, i > 0 ? " " : "");
        append_valid_utf8(&text, o->inputs[i], strlen(o->inputs[i]));
    }
    size_t len = text.len < INPUT_SIZE ? text.len : INPUT_SIZE - 1;
    while (len > 0 && !utf8_is_valid(text.data, len, NULL))
        len--;
    snprintf(out, INPUT_SIZE, "%.*s", (int)len, text.data);
    strbuf_free(&text);
}

static int create_batch(struct loader *l, const char *name, const char *params, lh_error *err)
{
    char input[INPUT_SIZE];
    const lh_ingest_options *o = l->options;
    describe_inputs(o, input);
    l->state = (struct load_state){0};
    int rc = store_exec(l->store, STMT_BATCH_CREATE, err, "ssiissi", name,
                        o->tenant != NULL ? o->tenant : "default", o->weight != LH_UNKNOWN ? o->weight : 1,
                        o->priority != LH_UNKNOWN ? o->priority : 500, input, params, clock_wall_ms());
    if (rc == 0)
        rc = batch_find(l->store, name, &l->batch, err);
    if (rc == 0)
        rc = insert_put_state(l, err);
    return rc;
}

static int read_state(struct loader *l, lh_error *err)
{
    char scope[300];
    char *text = NULL;
    snprintf(scope, sizeof scope, "batch/%s", l->batch.name);
    int rc = store_checkpoint_get(l->store, scope, "ingest", &text, err);
    if (rc == 0 && !load_state_read(text, &l->state))
        rc = lh_error_set(err, LH_ECORRUPT,
                          "batch %s has lost its ingest checkpoint; run `longhaul db check`", l->batch.name);
    free(l->written);
    l->written = text;
    return rc;
}

/* The parameters in full: lh_batch cuts them, and a prompt template may be long. */
static int read_params(struct loader *l, lh_error *err)
{
    enum { PARAMS_COLUMN = 11 };
    struct rows *rows = NULL;
    int rc = store_select(l->store, STMT_BATCH_BY_ID, &rows, err, "i", l->batch.id);
    free(l->params);
    l->params = NULL;
    if (rc == 0 && (rc = rows_next(rows, err)) == 1) {
        l->params = strdup(rows_text(rows, PARAMS_COLUMN, NULL));
        rc = l->params != NULL ? 0 : lh_error_nomem(err);
    }
    rows_done(rows);
    return rc;
}

static int find_or_create(struct loader *l, const char *name, const char *params, bool *created,
                          lh_error *err)
{
    int rc = store_begin(l->store, err);
    lh_error not_found = {0};
    *created = false;
    if (rc == 0) {
        rc = batch_find(l->store, name, &l->batch, &not_found);
        if (rc == LH_ENOTFOUND) {
            *created = true;
            rc = create_batch(l, name, params, err);
        } else if (rc == 0) {
            rc = read_state(l, err);
            rc = rc == 0 ? read_params(l, err) : rc;
        } else if (err != NULL) {
            *err = not_found;
        }
    }
    if (rc == 0)
        rc = store_commit(l->store, err);
    if (rc != 0)
        store_rollback(l->store);
    return rc;
}

/* ---- loading ---- */

struct load {
    struct loader loader;
    struct reading reading;
    int64_t skip;       /* lines that are in already */
    char skip_hash[40]; /* their hash, to be met again */
    int64_t reported_ms;
};

static void report_progress(struct load *l, const struct chunk *chunk)
{
    const lh_ingest_options *o = l->loader.options;
    int64_t now = clock_monotonic_ms();
    if (o->progress == NULL || (now - l->reported_ms < PROGRESS_MS && !chunk->last))
        return;
    l->reported_ms = now;
    o->progress(o->progress_arg, chunk->lines, chunk->bytes);
}

static int check_skipped(struct load *l, lh_error *err)
{
    if (l->skip == 0 || strcmp(chunks_skipped_hash(l->reading.chunks), l->skip_hash) == 0)
        return 0;
    return lh_error_set(err, LH_EMISMATCH,
                        "batch %s was made from another input: its first %lld lines are not those of this "
                        "one. Give the same input, "
                        "--fresh for another batch, or --batch for another name",
                        l->loader.batch.name, (long long)l->skip);
}

static int say_interrupted(lh_error *err)
{
    return lh_error_set(err, LH_ESTATE, "interrupted; the same command goes on with the load");
}

/* Inserts until the end of the input, or looks through the rest of a refused one for more bad lines. */
static int load_chunks(struct load *l, lh_error *err)
{
    struct loader *loader = &l->loader;
    int64_t refused_at = 0;
    for (bool first = true, last = false; !last; first = false) {
        struct chunk *chunk = chunks_next(l->reading.chunks);
        int rc = chunk->rc;
        if (rc != 0 && err != NULL)
            *err = chunk->error;
        if (rc == LH_ESTATE)
            return say_interrupted(err);
        if (rc == 0 && first)
            rc = check_skipped(l, err);
        if (rc == 0 && loader->refused)
            insert_report_bad(loader, chunk);
        else if (rc == 0 && (chunk->count > 0 || chunk->lines > loader->state.lines))
            rc = insert_chunk(loader, chunk, err);
        if (rc != 0)
            return rc;
        if (loader->refused && refused_at == 0)
            refused_at = chunk->lines;
        last = chunk->last || (loader->refused && reading_saw_enough(loader->bad, chunk->lines - refused_at));
        report_progress(l, chunk);
        chunks_recycle(l->reading.chunks, chunk);
        if (loader->options->stop != NULL && *loader->options->stop != 0 && !last)
            return say_interrupted(err);
    }
    return 0;
}

static int finish_load(struct loader *l, lh_error *err)
{
    char input[INPUT_SIZE];
    struct load_state *s = &l->state;
    describe_inputs(l->options, input);
    char was[sizeof s->base_state];
    memcpy(was, s->base_state, sizeof was);
    int rc = insert_begin(l, 0, err);
    if (rc == 0)
        rc = batch_get(l->store, l->batch.id, &l->batch, err);
    struct load_state done = {.complete = true, .lines = s->lines, .bytes = s->bytes};
    memcpy(done.hash, s->hash, sizeof done.hash);
    *s = done;
    if (rc == 0)
        rc = store_exec(l->store, STMT_BATCH_LOADED, err, "isssii", l->batch.id, l->batch.state, input,
                        s->hash, s->bytes, s->lines);
    l->batch.finished_at = LH_UNKNOWN;
    if (rc == 0)
        rc = insert_leave_loading(l, was, err);
    if (rc == 0)
        rc = insert_put_state(l, err);
    return insert_end(l, rc, err);
}

static int refuse(struct loader *l, lh_error *err)
{
    bool whole = l->state.base_lines == 0;
    int64_t bad = l->bad;
    char name[256];
    snprintf(name, sizeof name, "%s", l->batch.name);
    int rc = insert_discard(l, err);
    if (rc != 0)
        return rc;
    return lh_error_set(err, LH_EINPUT,
                        "%s %s: %lld bad line%s (see above); nothing was %s. Mend them, or give --skip-bad",
                        whole ? "refused batch" : "refused to add to batch", name, (long long)bad,
                        bad == 1 ? "" : "s", whole ? "stored" : "added");
}

static int load(struct load *l, lh_error *err)
{
    struct loader *loader = &l->loader;
    int rc = reading_open(&l->reading, loader->options, l->skip, err);
    if (rc == 0)
        rc = load_chunks(l, err);
    reading_close(&l->reading);
    if (rc == 0 && loader->refused)
        return refuse(loader, err);
    if (rc == 0 && loader->state.lines > 0 && loader->added + loader->bad == 0 &&
        loader->batch.first_job_id == LH_UNKNOWN && l->skip == 0)
        loader->refused = true;
    if (rc == 0 && (loader->state.lines == 0 || loader->refused)) {
        rc = insert_discard(loader, err);
        return rc != 0
                   ? rc
                   : lh_error_set(err, LH_EINPUT, "the input holds no jobs: it is empty; nothing was stored");
    }
    if (rc == LH_EINPUT ||
        rc == LH_ENOTFOUND) /* an input that cannot be read at all: nothing of the load stays */
        if (loader->state.base_lines == 0 && l->skip == 0 && insert_discard(loader, NULL) != 0)
            log_warn("what was loaded of batch %s is still there; it is removed by the next submit of it",
                     loader->batch.name);
    return rc == 0 ? finish_load(loader, err) : rc;
}

/* ---- a batch that is complete ---- */

static int verify_lines(struct load *l, int64_t *lines, bool *same_prefix, lh_error *err)
{
    struct source *source = NULL;
    struct source_line line;
    char hash[40];
    const lh_ingest_options *o = l->loader.options;
    int rc = source_open(o->inputs, o->n_inputs, o->max_line, o->prompt_template != NULL, &source, err);
    *same_prefix = false;
    if (rc == 0)
        source_stop_at(source, o->stop);
    while (rc == 0 && (rc = source_next(source, &line, err)) == 1) {
        rc = 0;
        if (source_lines(source) != l->loader.state.lines)
            continue;
        source_hash(source, hash);
        *same_prefix = strcmp(hash, l->loader.state.hash) == 0;
    }
    *lines = source != NULL ? source_lines(source) : 0;
    source_close(source);
    return rc;
}

static int say_differs(const struct loader *l, int64_t lines, bool same_prefix, lh_error *err)
{
    if (same_prefix)
        return lh_error_set(err, LH_EMISMATCH,
                            "batch %s was made from the first %lld lines of this input; %lld were added "
                            "since. --update loads them, "
                            "--fresh makes another batch",
                            l->batch.name, (long long)l->state.lines, (long long)(lines - l->state.lines));
    return lh_error_set(err, LH_EMISMATCH,
                        "batch %s was made from another input (%s, %lld lines; this one has %lld). Give that "
                        "one, --fresh for "
                        "another batch, or --batch for another name",
                        l->batch.name, l->batch.input, (long long)l->state.lines, (long long)lines);
}

static void remember_base(struct loader *l)
{
    struct load_state *s = &l->state;
    s->complete = false;
    s->base_lines = s->lines;
    s->base_bytes = s->bytes;
    s->base_last_job_id = l->batch.last_job_id;
    memcpy(s->base_hash, s->hash, sizeof s->base_hash);
    snprintf(s->base_state, sizeof s->base_state, "%s", l->batch.state);
}

/* From here on the batch is loading: nothing of it is claimed until the added lines are in, or out again. It is looked at anew, as it
 * may have been paused or canceled while the input was read. */
static int begin_update(struct loader *l, lh_error *err)
{
    int rc = insert_begin(l, 0, err);
    if (rc == 0)
        rc = batch_get(l->store, l->batch.id, &l->batch, err);
    if (rc == 0 && strcmp(l->batch.state, "canceled") == 0)
        rc = lh_error_set(err, LH_ESTATE, "batch %s is canceled; --fresh makes another", l->batch.name);
    if (rc == 0) {
        remember_base(l);
        const char *reason = l->batch.pause_reason[0] != '\0' ? l->batch.pause_reason : NULL;
        rc = store_exec(l->store, STMT_BATCH_SET_STATE, err, "isso", l->batch.id, "loading", reason,
                        l->batch.finished_at);
    }
    if (rc == 0)
        rc = insert_put_state(l, err);
    return insert_end(l, rc, err);
}

static int on_complete(struct load *l, bool *unchanged, lh_error *err)
{
    struct loader *loader = &l->loader;
    int64_t lines = 0;
    bool same_prefix = false;
    int rc = verify_lines(l, &lines, &same_prefix, err);
    if (rc != 0)
        return rc;
    *unchanged = same_prefix && lines == loader->state.lines;
    if (*unchanged)
        return 0;
    if (!same_prefix || !loader->options->update)
        return say_differs(loader, lines, same_prefix, err);
    if (strcmp(loader->options->inputs[0], "-") == 0)
        return lh_error_set(err, LH_EUSAGE,
                            "--update reads its input twice; give a file instead of standard input");
    return begin_update(loader, err);
}

/* ---- the call ---- */

static int go_on(struct load *l, const char *params, bool created, lh_ingest_report *report, lh_error *err)
{
    struct loader *loader = &l->loader;
    int rc = 0;
    snprintf(report->batch, sizeof report->batch, "%s", loader->batch.name);
    if (!created && loader->state.discarding) {
        rc = insert_discard(loader, err);
        if (rc == 0)
            rc = find_or_create(loader, report->batch, params, &created, err);
    }
    if (rc == 0 && !created)
        rc = load_params_compare(loader->batch.name, loader->params, params, err);
    if (rc == 0 && !created)
        rc = load_rank_compare(&loader->batch, loader->options, err);
    report->resumed = !created && !loader->state.complete && loader->state.lines > 0;
    if (rc == 0 && loader->state.complete)
        rc = on_complete(l, &report->unchanged, err);
    if (rc != 0 || report->unchanged)
        return rc;
    l->skip = loader->state.lines;
    memcpy(l->skip_hash, loader->state.hash, sizeof l->skip_hash);
    return load(l, err);
}

static bool reads_standard_input(const lh_ingest_options *o)
{
    bool reads = false;
    for (size_t i = 0; i < o->n_inputs; i++)
        reads = reads || strcmp(o->inputs[i], "-") == 0;
    return reads;
}

/* --fresh: NAME, NAME-2, … : the first that is not there, or that is the interrupted load of just this. */
static int ingest_fresh(struct load *l, const char *name, const char *params, lh_ingest_report *report,
                        lh_error *err)
{
    struct loader *loader = &l->loader;
    char candidate[256];
    for (int i = 1; i < 100000; i++) {
        bool created = false;
        snprintf(candidate, sizeof candidate, i == 1 ? "%s" : "%s-%d", name, i);
        int rc = find_or_create(loader, candidate, params, &created, err);
        if (rc != 0)
            return rc;
        if (!created && (loader->state.complete || strcmp(loader->params, params) != 0))
            continue;
        rc = go_on(l, params, created, report, err);
        if (rc != LH_EMISMATCH || reads_standard_input(loader->options)) /* which is read only once */
            return rc;
    }
    return lh_error_set(err, LH_ESTATE, "there are too many batches named %s-N; choose another --batch",
                        name);
}

static int ingest_named(struct load *l, const char *name, const char *params, lh_ingest_report *report,
                        lh_error *err)
{
    bool created = false;
    int rc = find_or_create(&l->loader, name, params, &created, err);
    return rc == 0 ? go_on(l, params, created, report, err) : rc;
}

int lh_ingest(const char *db, const lh_ingest_options *o, lh_ingest_report *report, lh_error *err)
{
    struct load l = {.loader = {.options = o}};
    struct loader *loader = &l.loader;
    char name[INGEST_NAME_SIZE] = "";
    *report = (lh_ingest_report){0};
    int rc = ingest_check_options(o, err);
    if (rc == 0)
        rc = ingest_batch_name(o, name, err);
    char *params = rc == 0 ? load_params_write(o) : NULL;
    if (rc == 0 && params == NULL)
        rc = lh_error_nomem(err);
    if (rc == 0)
        rc = store_open(db, STORE_CREATE, &loader->store, err);
    if (rc == 0)
        rc = wal_open(&loader->wal, loader->store, err);
    snprintf(report->batch, sizeof report->batch, "%s", name);
    if (rc == 0)
        rc = o->fresh ? ingest_fresh(&l, name, params, report, err)
                      : ingest_named(&l, name, params, report, err);
    report->batch_id = loader->batch.id;
    report->lines = loader->state.lines;
    report->jobs_added = loader->added;
    report->bad_lines = loader->bad;
    free(params);
    free(loader->params);
    free(loader->written);
    routes_free(&loader->routes);
    store_close(loader->store);
    return rc;
}

/* lh_estimate: reads an input as an ingest does, sums it up, and reckons. See longhaul.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "batch/ingest_options.h"
#include "batch/reading.h"
#include "estimate/summary.h"
#include "longhaul_estimate.h"
#include "store/batches.h"

enum { PROGRESS_MS = 250, NO_BATCH = -1 };

void lh_estimate_options_default(lh_estimate_options *o)
{
    *o = (lh_estimate_options){.latency_ms = LH_UNKNOWN};
}

void lh_estimate_free(lh_estimate_report *report)
{
    for (size_t i = 0; i < report->n_models; i++)
        free(report->models[i].name);
    free(report->models);
    free(report->endpoints);
    *report = (lh_estimate_report){0};
}

struct work {
    const lh_estimate_options *o;
    lh_estimate_report *report;
    struct endpoints endpoints;
    struct models models;
    struct sums sums;
    struct reading reading;
    int64_t batch_id;
    int64_t refused_at; /* the line behind the first bad one's chunk; 0: none */
    int64_t reported_ms;
};

/* ---- what is known ---- */

static void note_batch(struct work *w, const lh_batch *b)
{
    w->batch_id = b->id;
    w->report->exists = true;
    w->report->batch_jobs = lh_batch_jobs(b);
    w->report->batch_done = b->done;
}

static int look_for_batch(struct work *w, lh_error *err)
{
    struct store *s = NULL;
    lh_error none = {0};
    lh_batch b;
    int rc = store_open(w->o->db, STORE_READ, &s, err);
    if (rc == 0 && !w->o->input->fresh && (rc = batch_find(s, w->report->batch, &b, &none)) == 0)
        note_batch(w, &b);
    if (rc != 0 && none.code == LH_ENOTFOUND)
        rc = 0;
    else if (none.code != 0 && err != NULL)
        *err = none;
    store_close(s);
    return rc;
}

/* Whatever is wrong with the database: an estimate can do without it. */
static void read_known(struct work *w)
{
    lh_error why = {0};
    if (w->o->db == NULL)
        return;
    int rc = look_for_batch(w, &why);
    if (rc == 0)
        rc = models_read(&w->models, w->o->db, w->batch_id, &why);
    if (rc == LH_ENOTFOUND)
        snprintf(w->report->note, sizeof w->report->note, "%.400s is not there yet", w->o->db);
    else if (rc != 0)
        snprintf(w->report->note, sizeof w->report->note, "%s", why.message);
}

/* ---- reading ---- */

static int see_bad(struct work *w, const char *why)
{
    reading_say_bad(w->report->bad_lines++, why);
    return 0;
}

static int see_request(struct work *w, const struct chunk *chunk, const struct chunk_entry *e)
{
    const char *model = chunk_text(chunk, e->job.model);
    lh_unservable u;
    int rc = sums_add(&w->sums, &e->job, model, chunk_text(chunk, e->job.url), &u);
    if (rc != 1 || w->o->unservable == NULL)
        return rc == 1 ? 0 : rc;
    u.input = e->input;
    u.line = e->input_line;
    u.custom_id = chunk_text(chunk, e->job.custom_id);
    u.model = model;
    return w->o->unservable(w->o->arg, &u);
}

static int see_chunk(struct work *w, const struct chunk *chunk)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < chunk->count; i++) {
        const struct chunk_entry *e = &chunk->entries[i];
        if (e->bad)
            rc = see_bad(w, chunk_text(chunk, e->why));
        else if (w->refused_at == 0)
            rc = see_request(w, chunk, e);
    }
    w->report->lines = chunk->lines;
    if (w->report->bad_lines > 0 && !w->o->input->skip_bad && w->refused_at == 0)
        w->refused_at = chunk->lines;
    return rc;
}

static bool is_enough(const struct work *w, const struct chunk *chunk)
{
    return chunk->last ||
           (w->refused_at > 0 && reading_saw_enough(w->report->bad_lines, chunk->lines - w->refused_at));
}

static void report_progress(struct work *w, const struct chunk *chunk)
{
    const lh_ingest_options *o = w->o->input;
    int64_t now = clock_monotonic_ms();
    if (o->progress == NULL || (now - w->reported_ms < PROGRESS_MS && !chunk->last))
        return;
    w->reported_ms = now;
    o->progress(o->progress_arg, chunk->lines, chunk->bytes);
}

static int say_interrupted(lh_error *err)
{
    return lh_error_set(err, LH_ESTATE, "interrupted; nothing was estimated");
}

static int read_chunks(struct work *w, lh_error *err)
{
    const volatile int *stop = w->o->input->stop;
    for (bool over = false; !over;) {
        struct chunk *chunk = chunks_next(w->reading.chunks);
        int rc = chunk->rc;
        if (rc != 0 && err != NULL)
            *err = chunk->error;
        if (rc == LH_ESTATE)
            return say_interrupted(err);
        if (rc == 0 && (rc = see_chunk(w, chunk)) == LH_ENOMEM)
            lh_error_nomem(err);
        if (rc != 0)
            return rc;
        over = is_enough(w, chunk);
        report_progress(w, chunk);
        chunks_recycle(w->reading.chunks, chunk);
        if (stop != NULL && *stop != 0 && !over)
            return say_interrupted(err);
    }
    return 0;
}

static int refuse(const lh_estimate_report *r, bool skip_bad, lh_error *err)
{
    if (r->bad_lines > 0 && !skip_bad)
        return lh_error_set(
            err, LH_EINPUT,
            "the input has %lld bad line%s (see above), and submit would refuse it. Mend them, "
            "or give --skip-bad",
            (long long)r->bad_lines, r->bad_lines == 1 ? "" : "s");
    if (r->requests + r->unservable + r->bad_lines == 0)
        return lh_error_set(err, LH_EINPUT, "the input holds no jobs: it is empty");
    return 0;
}

/* ---- the call ---- */

static bool has_limits(const lh_endpoint_options *e)
{
    return e->rpm > 0 || e->tpm > 0 || e->itpm > 0 || e->otpm > 0 || e->window_count > 0;
}

static void note_limits(const struct endpoints *endpoints, lh_estimate_report *out)
{
    for (size_t i = 0; i < endpoints->count; i++)
        out->has_limits = out->has_limits || has_limits(&endpoints->list[i].options);
}

static int begin(struct work *w, lh_error *err)
{
    const lh_estimate_options *o = w->o;
    int rc = ingest_check_options(o->input, err);
    if (rc == 0)
        rc = ingest_batch_name(o->input, w->report->batch, err);
    if (rc == 0)
        rc = lh_run_options_check(o->run, err);
    if (rc == 0 && o->latency_ms != LH_UNKNOWN && (o->latency_ms < 0 || o->latency_ms > INT64_C(86400000)))
        rc = lh_error_set(err, LH_EUSAGE, "latency is %lld ms; it must be 0 to 86400000",
                          (long long)o->latency_ms);
    if (rc == 0)
        rc = endpoints_describe(&w->endpoints, o->run, 0, err);
    if (rc == 0)
        rc = models_open(&w->models, o->run, &w->endpoints, err);
    if (rc == 0)
        read_known(w);
    sums_init(&w->sums, &w->models, &w->endpoints, w->batch_id, o->run->max_cost_nanousd != LH_UNKNOWN);
    return rc;
}

static void end(struct work *w)
{
    reading_close(&w->reading);
    sums_free(&w->sums);
    models_free(&w->models);
    endpoints_free(&w->endpoints);
}

int lh_estimate(const lh_estimate_options *o, lh_estimate_report *out, lh_error *err)
{
    *out = (lh_estimate_report){.limiter = ""};
    struct work *w = calloc(1, sizeof *w);
    if (w == NULL)
        return lh_error_nomem(err);
    *w = (struct work){.o = o, .report = out, .batch_id = NO_BATCH};
    int rc = begin(w, err);
    if (rc == 0)
        rc = reading_open(&w->reading, o->input, 0, err);
    if (rc == 0)
        rc = read_chunks(w, err);
    out->requests = w->sums.requests;
    out->unservable = w->sums.unservable;
    out->no_endpoint = w->sums.no_endpoint;
    note_limits(&w->endpoints, out);
    if (rc == 0)
        rc = refuse(out, o->input->skip_bad, err);
    if (rc == 0 && (rc = summary_write(&w->sums, o->latency_ms, out)) == LH_ENOMEM)
        lh_error_nomem(err);
    end(w);
    free(w);
    return rc;
}

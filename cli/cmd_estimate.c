/* estimate: tokens, money and time of an input before a cent is spent. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "cli/app.h"
#include "cli/estimate_text.h"
#include "cli/input.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/text.h"

enum { SHOWN = 10, LISTED = 1000 };

struct found { /* requests that cannot be served */
    struct progress *progress;
    bool json;
    int64_t count;
    struct strbuf list; /* JSON */
};

static const char *const reasons[] = {[LH_PROMPT_OVER_CONTEXT] = "prompt_over_context",
                                      [LH_TOTAL_OVER_CONTEXT] = "total_over_context",
                                      [LH_BOUND_OVER_MAX_OUTPUT] = "bound_over_max_output",
                                      [LH_NO_ENDPOINT] = "no_endpoint"};

static void list_unservable(struct strbuf *j, const lh_unservable *u)
{
    if (j->len > 0)
        strbuf_append_char(j, ',');
    strbuf_append_char(j, '{');
    json_append_text(j, "input", u->input);
    json_append_int(j, "line", u->line);
    json_append_text(j, "custom_id", u->custom_id);
    json_append_text(j, "model", u->model);
    json_append_text(j, "reason", reasons[u->reason]);
    json_append_int(j, "prompt_tokens", u->prompt_tokens);
    json_append_int(j, "answer_bound", u->answer_bound);
    json_append_int(j, "limit", u->limit);
    strbuf_append_char(j, '}');
}

static int on_unservable(void *arg, const lh_unservable *u)
{
    struct found *f = arg;
    f->count++;
    if (f->json && f->count <= LISTED)
        list_unservable(&f->list, u);
    if (f->json || f->count > SHOWN)
        return 0;
    progress_end(f->progress);
    estimate_print_unservable(u, stderr);
    return 0;
}

/* ---- for programs ---- */

static void add_range(struct strbuf *j, const char *key, const lh_range *r)
{
    json_append_key(j, key);
    strbuf_append_char(j, '{');
    json_append_int(j, "low", r->low);
    json_append_int(j, "expected", r->expected);
    json_append_int(j, "high", r->high);
    strbuf_append_char(j, '}');
}

static const char *basis_name(lh_count_basis basis)
{
    static const char *const names[] = {
        [LH_COUNTED_EXACTLY] = "counted", [LH_COUNT_ASSUMED] = "assumed", [LH_COUNT_CLAUDE] = "claude"};
    return names[basis];
}

static const char *latency_name(lh_latency_basis basis)
{
    static const char *const names[] = {
        [LH_LATENCY_GIVEN] = "given", [LH_LATENCY_MEASURED] = "measured", [LH_LATENCY_ASSUMED] = "assumed"};
    return names[basis];
}

static void add_model(struct strbuf *j, const lh_model_estimate *m)
{
    lh_encoding encoding =
        m->basis == LH_COUNTED_EXACTLY ? lh_encoding_of_model(m->name, NULL) : LH_O200K_BASE;
    strbuf_append_char(j, '{');
    json_append_text(j, "model", m->name);
    json_append_int(j, "requests", m->requests);
    json_append_int(j, "unservable", m->unservable);
    json_append_int(j, "prompt_tokens", m->prompt_tokens);
    json_append_int(j, "counted_tokens", m->counted_tokens);
    json_append_int(j, "approximate_tokens", m->approximate_tokens);
    json_append_text(j, "count_basis", basis_name(m->basis));
    json_append_text(j, "encoding", lh_encoding_name(encoding));
    json_append_int(j, "calibrated_by", m->calibrated_by);
    add_range(j, "answer_tokens", &m->output_tokens);
    json_append_int(j, "unbounded", m->unbounded);
    json_append_int(j, "answers_measured", m->answers);
    json_append_text(j, "answers_of", m->answers == 0 ? NULL : m->is_of_batch ? "batch" : "model");
    json_append_text(j, "latency_basis", latency_name(m->latency_basis));
    json_append_int(j, "latency_ms", m->latency_ms);
    add_range(j, "cost_nanousd", &m->cost_nanousd);
    json_append_int(j, "unpriced", m->unpriced);
    add_range(j, "batch_cost_nanousd", &m->batch_cost_nanousd);
    json_append_int(j, "context", m->context);
    json_append_int(j, "max_output", m->max_output);
    strbuf_append_char(j, '}');
}

static void add_endpoint(struct strbuf *j, const lh_endpoint_estimate *e)
{
    strbuf_append_char(j, '{');
    json_append_text(j, "endpoint", e->name);
    json_append_int(j, "requests", e->requests);
    json_append_int(j, "wall_ms", e->wall_ms);
    json_append_text(j, "limiter", e->limiter);
    strbuf_append_char(j, '}');
}

static void add_totals(struct strbuf *j, const lh_estimate_report *r)
{
    json_append_text(j, "batch", r->batch);
    json_append_int(j, "lines", r->lines);
    json_append_int(j, "bad_lines", r->bad_lines);
    json_append_int(j, "requests", r->requests);
    json_append_int(j, "unservable", r->unservable);
    json_append_int(j, "no_endpoint", r->no_endpoint);
    json_append_int(j, "prompt_tokens", r->prompt_tokens);
    json_append_int(j, "counted_tokens", r->counted_tokens);
    json_append_int(j, "approximate_tokens", r->approximate_tokens);
    json_append_int(j, "prompt_p50", r->prompt_p50);
    json_append_int(j, "prompt_p99", r->prompt_p99);
    json_append_int(j, "prompt_max", r->prompt_max);
    add_range(j, "answer_tokens", &r->output_tokens);
    json_append_int(j, "unbounded", r->unbounded);
    add_range(j, "cost_nanousd", &r->cost_nanousd);
    json_append_int(j, "unpriced", r->unpriced);
    add_range(j, "batch_cost_nanousd", &r->batch_cost_nanousd);
    add_range(j, "wall_ms", &r->wall_ms);
    json_append_text(j, "limiter", r->limiter);
    json_append_text(j, "latency_basis", latency_name(r->latency_basis));
    json_append_key(j, "has_limits");
    strbuf_append_str(j, r->has_limits ? "true" : "false");
    json_append_int(j, "batch_jobs", r->exists ? r->batch_jobs : LH_UNKNOWN);
    json_append_int(j, "batch_done", r->exists ? r->batch_done : LH_UNKNOWN);
    json_append_text(j, "note", r->note[0] != '\0' ? r->note : NULL);
}

static int print_json(const lh_estimate_report *r, const struct found *f)
{
    struct strbuf j;
    strbuf_init(&j);
    strbuf_append_char(&j, '{');
    add_totals(&j, r);
    strbuf_append_str(&j, ",\"models\":[");
    for (size_t i = 0; i < r->n_models; i++) {
        strbuf_append_str(&j, i > 0 ? "," : "");
        add_model(&j, &r->models[i]);
    }
    strbuf_append_str(&j, "],\"endpoints\":[");
    for (size_t i = 0; i < r->n_endpoints; i++) {
        strbuf_append_str(&j, i > 0 ? "," : "");
        add_endpoint(&j, &r->endpoints[i]);
    }
    strbuf_append_str(&j, "],\"unservable_requests\":[");
    strbuf_append(&j, f->list.data, f->list.len);
    strbuf_append_str(&j, "]}\n");
    bool failed = j.failed || f->list.failed;
    if (!failed)
        fwrite(j.data, 1, j.len, stdout);
    strbuf_free(&j);
    return failed ? LH_ENOMEM : 0;
}

/* ---- the command ---- */

static int print(const struct settings *s, const lh_estimate_report *r, const struct found *f, lh_error *err)
{
    char n[32];
    if (s->json)
        return print_json(r, f) == 0 ? 0 : lh_error_nomem(err);
    if (f->count > SHOWN)
        fprintf(stderr, "and %s more\n", text_count(f->count - SHOWN, n));
    estimate_print(r, &s->run, stdout);
    return 0;
}

static int estimate(struct app *app, struct found *f, lh_estimate_report *report, lh_error *err)
{
    const struct settings *s = &app->settings;
    lh_ingest_options input;
    lh_estimate_options o;
    input_options(app, &input);
    input.progress = progress_reading;
    input.progress_arg = f->progress;
    lh_estimate_options_default(&o);
    o.input = &input;
    o.run = &s->run;
    o.db = s->db;
    o.latency_ms = s->latency_ms;
    o.unservable = on_unservable;
    o.arg = f;
    interrupt_end(EXIT_STOPPED);
    int rc = lh_estimate(&o, report, err);
    progress_end(f->progress);
    return rc == 0 ? print(s, report, f, err) : rc;
}

int cmd_estimate(struct app *app)
{
    struct progress progress;
    struct found f = {.progress = &progress, .json = app->settings.json};
    lh_estimate_report report = {0};
    lh_error err = {0};
    if (!progress_init(&progress, app->settings.progress, app->settings.quiet)) {
        log_error("--progress is \"%s\"; it must be auto, plain or none", app->settings.progress);
        return EXIT_USAGE;
    }
    strbuf_init(&f.list);
    int rc = estimate(app, &f, &report, &err);
    int code = rc != 0 ? app_failed(&err) : report.unservable > 0 ? EXIT_DEAD : EXIT_DONE;
    lh_estimate_free(&report);
    strbuf_free(&f.list);
    return rc != 0 ? code : app_finish_output(code);
}

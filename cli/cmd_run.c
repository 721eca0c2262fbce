/* run, submit, work: load, do, and say how it went. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cli/app.h"
#include "cli/input.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/text.h"

/* ---- loading ---- */

/* lh_export, told to stop by a signal. */
static int export(const struct settings *s, lh_export_options *o, lh_export_report *report, lh_error *err)
{
    o->stop = interrupt_catch();
    int rc = lh_export(s->db, o, report, err);
    interrupt_release();
    return rc;
}

static int load(struct app *app, struct progress *progress, lh_ingest_report *report)
{
    const struct settings *s = &app->settings;
    lh_ingest_options o;
    lh_error err = {0};
    input_options(app, &o);
    o.stop = interrupt_catch();
    o.progress = progress_ingest;
    o.progress_arg = progress;
    int rc = lh_ingest(s->db, &o, report, &err);
    progress_end(progress);
    if (rc == 0)
        return EXIT_DONE;
    int code = app_failed(&err);
    return interrupt_came() ? EXIT_STOPPED : code;
}

static void say_loaded(const lh_ingest_report *r)
{
    char a[32], b[32];
    if (r->unchanged)
        log_info("batch %s is loaded already (%s lines)", r->batch, text_count(r->lines, a));
    else
        log_info("batch %s: %s jobs loaded%s", r->batch, text_count(r->jobs_added, a),
                 r->resumed ? ", going on where the last load stopped" : "");
    if (r->bad_lines > 0)
        log_warn("%s bad lines became dead letters; see them with `longhaul dead list --batch %s --reason "
                 "bad_line`",
                 text_count(r->bad_lines, b), r->batch);
}

int cmd_submit(struct app *app)
{
    struct progress progress;
    lh_ingest_report report;
    if (!progress_init(&progress, app->settings.progress, app->settings.quiet)) {
        log_error("--progress is \"%s\"; it must be auto, plain or none", app->settings.progress);
        return EXIT_USAGE;
    }
    int code = load(app, &progress, &report);
    if (code != EXIT_DONE)
        return code;
    say_loaded(&report);
    return EXIT_DONE;
}

/* ---- the summary ---- */

static void say_errors(const lh_run_report *r)
{
    char n[32];
    for (size_t i = 0; i < r->n_errors; i++) {
        const lh_error_count *e = &r->errors[i];
        fprintf(stderr, "  %8s × %s %s: ", text_count(e->count, n), e->class_name, e->code);
        text_print_safe(stderr, e->message, 100);
        fputc('\n', stderr);
    }
}

static void say_next(const lh_run_report *r, const char *db, const char *batch)
{
    char option[600] = "", base[600] = "", count[32];
    if (batch != NULL)
        snprintf(option, sizeof option, " --batch %s", batch);
    if (strcmp(db, "longhaul.db") != 0)
        snprintf(base, sizeof base, " --db %s", db);
    if (r->dead > 0)
        fprintf(stderr,
                "Dead letters: `longhaul%s dead list%s` shows them, `longhaul%s dead requeue%s%s` sends them "
                "again.\n",
                base, option, base, option, batch == NULL ? " --all" : "");
    if (r->end == LH_RUN_STOPPED || r->end == LH_RUN_ACCOUNT || r->end == LH_RUN_UNSERVED ||
        r->end == LH_RUN_DEADLINE || r->end == LH_RUN_ERRORS)
        fprintf(stderr, "The same command goes on with the %s jobs that are left.\n",
                text_count(r->unfinished, count));
    if (r->end == LH_RUN_PAUSED && batch != NULL)
        fprintf(stderr, "`longhaul%s resume %s`, then the same command, goes on.\n", base, batch);
    if (r->end == LH_RUN_CANCELED && batch != NULL)
        fprintf(stderr, "`longhaul%s retry %s --canceled`, then the same command, sends what was canceled.\n",
                base, batch);
}

static void say_part(const char **before, int64_t tokens, const char *what)
{
    char n[32];
    if (tokens <= 0)
        return;
    fprintf(stderr, "%s%s %s", *before, text_count(tokens, n), what);
    *before = ", ";
}

/* ", 1,200 + 340 tokens (300 cached, 120 reasoning), at least 0.001200 USD (cost of 3 attempts unknown)" */
static void say_used(const lh_run_report *r)
{
    char a[32], b[32], cost[TEXT_COST];
    const char *before = " (";
    fprintf(stderr, ", %s + %s tokens", text_count(r->prompt_tokens, a), text_count(r->completion_tokens, b));
    say_part(&before, r->cached_tokens, "cached");
    say_part(&before, r->cache_write_tokens, "written to the cache");
    say_part(&before, r->reasoning_tokens, "reasoning");
    if (before[0] == ',')
        fputc(')', stderr);
    int64_t unknown = r->unpriced + r->silent;
    if (unknown == 0 && r->cost_nanousd == LH_UNKNOWN)
        return;
    int64_t known = r->cost_nanousd != LH_UNKNOWN ? r->cost_nanousd : 0;
    fprintf(stderr, ", %s%s", known == 0 && unknown > 0 ? "cost " : "", text_cost(known, unknown, cost));
    if (known > 0 && r->unpriced > 0)
        fprintf(stderr, " (cost of %s attempts unknown)", text_count(r->unpriced, a));
}

static void say_summary(const lh_run_report *r)
{
    char a[32], b[32], c[32], d[32];
    double seconds = (double)r->elapsed_ms / 1e3;
    fprintf(stderr, "%s of %s done, %s dead", text_count(r->done, a), text_count(r->jobs_total, b),
            text_count(r->dead, c));
    if (r->late > 0)
        fprintf(stderr, " (%s at their deadline)", text_count(r->late, d));
    if (r->canceled > 0)
        fprintf(stderr, ", %s canceled", text_count(r->canceled, d));
    if (r->unfinished > 0)
        fprintf(stderr, ", %s left", text_count(r->unfinished, d));
    fprintf(stderr, ". This run: %s answers in %s", text_count(r->answers, a), text_ms(r->elapsed_ms, b));
    if (seconds > 0)
        fprintf(stderr, " (%.1f/s)", (double)r->answers / seconds);
    if (r->answers > 0)
        fprintf(stderr, ", p50 %s, p99 %s", text_ms(r->p50_ms, a), text_ms(r->p99_ms, b));
    say_used(r);
    if (r->retries > 0)
        fprintf(stderr, ", %s retries", text_count(r->retries, a));
    fputs(".\n", stderr);
    if (r->silent > 0)
        fprintf(stderr,
                "%s attempt%s ended without telling what was used, and may have been billed all the same.\n",
                text_count(r->silent, a), r->silent == 1 ? "" : "s");
    if (r->tokens_left != LH_UNKNOWN)
        fprintf(stderr, "Budget left: %s tokens.\n", text_count(r->tokens_left, a));
    if (r->cost_left_nanousd != LH_UNKNOWN)
        fprintf(stderr, "Budget left: %s.\n", text_usd(r->cost_left_nanousd, a));
    if (r->reason[0] != '\0') {
        fputs("Ended early: ", stderr);
        text_print_safe(stderr, r->reason, 0);
        fputc('\n', stderr);
    }
    if (r->n_errors > 0) {
        fputs("Most common errors of this run:\n", stderr);
        say_errors(r);
    }
}

/* ---- working ---- */

static int exit_code_of(const lh_run_report *r)
{
    switch (r->end) {
    case LH_RUN_DONE:
    case LH_RUN_FAIL_FAST:
        return r->dead > 0 ? EXIT_DEAD : EXIT_DONE;
    case LH_RUN_STOPPED:
    case LH_RUN_PAUSED:
    case LH_RUN_CANCELED:
    case LH_RUN_ACCOUNT:
    case LH_RUN_UNSERVED:
    case LH_RUN_DEADLINE:
    case LH_RUN_BUDGET:
    case LH_RUN_ERRORS:
        break;
    }
    return EXIT_STOPPED;
}

static int work(struct app *app, const char *batch, struct progress *progress)
{
    struct settings *s = &app->settings;
    lh_run *run = NULL;
    lh_run_report report;
    lh_error err = {0};
    s->run.batch = batch;
    s->run.progress = progress_run;
    s->run.progress_arg = progress;
    interrupt_catch(); /* until the run takes the signals over, which may be seconds later */
    int rc = lh_run_new(s->db, &s->run, &run, &err);
    if (rc != 0)
        return app_failed(&err);
    if (interrupt_came())
        lh_run_stop(run);
    rc = lh_run_loop(run, &report, &err);
    lh_run_free(run);
    progress_end(progress);
    if (rc != 0) /* the error says it, as the last word */
        report.reason[0] = '\0';
    if (!s->quiet && (rc == 0 || report.attempts > 0))
        say_summary(&report);
    if (rc != 0)
        return app_failed(&err);
    if (!s->quiet)
        say_next(&report, s->db, batch);
    return exit_code_of(&report);
}

static int init_progress(struct app *app, struct progress *progress)
{
    if (progress_init(progress, app->settings.progress, app->settings.quiet))
        return 0;
    log_error("--progress is \"%s\"; it must be auto, plain or none", app->settings.progress);
    return EXIT_USAGE;
}

int cmd_work(struct app *app)
{
    struct progress progress;
    int code = init_progress(app, &progress);
    return code != 0 ? code : work(app, app->settings.batch, &progress);
}

/* ---- run ---- */

/* Refused before anything is loaded or sent: an output that would write over what matters. */
static int set_export(const struct app *app, lh_export_options *o)
{
    const struct settings *s = &app->settings;
    lh_error err = {0};
    lh_export_options_default(o);
    o->output = s->output;
    o->order = s->order;
    o->partial = s->partial;
    o->inputs = app->args;
    o->n_inputs = (size_t)app->n_args;
    if (s->format != NULL)
        o->format = s->format;
    return lh_export_check(s->db, o, &err) == 0 ? 0 : app_failed(&err);
}

static void say_exported(const lh_export_options *o, const lh_export_report *r)
{
    char a[32], b[32];
    if (strcmp(o->output, "-") != 0)
        log_info("%s: %s results, %s dead letters", o->output, text_count(r->results, a),
                 text_count(r->dead, b));
}

/* What the batch holds decides the exit code: a run that had nothing to do tells of earlier dead letters as well. */
static int finished_code(const struct settings *s, const char *batch, lh_batch *b)
{
    lh_error err = {0};
    if (lh_batch_find(s->db, batch, b, &err) != 0)
        return app_failed(&err);
    return b->dead > 0 ? EXIT_DEAD : EXIT_DONE;
}

static int run_following(struct app *app, const char *batch, struct progress *progress,
                         const lh_export_options *o)
{
    lh_follower *follower = NULL;
    lh_export_report exported;
    lh_error err = {0};
    if (lh_follower_start(app->settings.db, o, &follower, &err) != 0)
        return app_failed(&err);
    int code = work(app, batch, progress);
    if (lh_follower_stop(follower, &exported, &err) != 0)
        return app_failed(&err);
    say_exported(o, &exported);
    return code;
}

static void say_unwritten(const char *db, const char *batch, const char *output)
{
    lh_error err = {0};
    lh_batch b;
    if (lh_batch_find(db, batch, &b, &err) == 0 && strcmp(b.state, "canceled") == 0)
        log_info(
            "%s is not written: batch %s is canceled; `longhaul results --batch %s -o FILE` writes what is "
            "finished",
            output, batch, batch);
    else
        log_info("%s is not written yet; the same command does when all is done, `longhaul results "
                 "--partial` at once",
                 output);
}

static int export_failed(const lh_error *err)
{
    int code = app_failed(err);
    return interrupt_came() ? EXIT_STOPPED : code;
}

static int run_then_export(struct app *app, const char *batch, struct progress *progress,
                           lh_export_options *o, bool done)
{
    lh_export_report exported;
    lh_error err = {0};
    lh_batch b;
    int code = done ? finished_code(&app->settings, batch, &b) : work(app, batch, progress);
    if (done && code != EXIT_FAILED)
        log_info("batch %s is finished already: %lld done, %lld dead; nothing was sent", batch,
                 (long long)b.done, (long long)b.dead);
    if (o->output == NULL) {
        if (code == EXIT_DONE || code == EXIT_DEAD)
            log_info("results are in %s: `longhaul results --batch %s -o FILE` writes them", app->settings.db,
                     batch);
        return code;
    }
    if (code != EXIT_DONE && code != EXIT_DEAD) {
        say_unwritten(app->settings.db, batch, o->output);
        return code;
    }
    if (export(&app->settings, o, &exported, &err) != 0)
        return err.code == LH_EPIPE ? code : export_failed(&err);
    say_exported(o, &exported);
    return code;
}

int cmd_run(struct app *app)
{
    struct settings *s = &app->settings;
    struct progress progress;
    lh_ingest_report loaded;
    lh_export_options o;
    int code = init_progress(app, &progress);
    lh_error wrong = {0};
    if (code == 0 && lh_run_options_check(&s->run, &wrong) != 0)
        code = app_failed(&wrong);
    if (code == 0)
        code = set_export(app, &o);
    if (code == 0)
        code = load(app, &progress, &loaded);
    if (code != 0)
        return code;
    say_loaded(&loaded);
    o.batch = loaded.batch;
    lh_batch b;
    lh_error err = {0};
    if (lh_batch_find(s->db, loaded.batch, &b, &err) != 0)
        return app_failed(&err);
    bool done = strcmp(b.state, "finished") == 0;
    if (s->output != NULL && strcmp(s->order, "completed") == 0)
        return run_following(app, loaded.batch, &progress, &o);
    return run_then_export(app, loaded.batch, &progress, &o, done);
}

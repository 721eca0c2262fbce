/* Export: finished jobs into a file, in input order or in order of completion. lh_export of longhaul.h. */
#include <string.h>

#include "batch/append.h"
#include "batch/export_read.h"
#include "batch/output.h"

void lh_export_options_default(lh_export_options *o)
{
    *o = (lh_export_options){.output = "-", .format = "jsonl", .order = "input"};
}

struct writing {
    struct store *store;
    struct export_format *format;
    struct output *output;
    lh_export_report *report;
    const lh_export_options *options;
};

static int write_row(void *arg, const struct export_row *row, lh_error *err)
{
    struct writing *w = arg;
    if (row->dead)
        w->report->dead++;
    else
        w->report->results++;
    int rc = export_line(w->format, row, output_buffer(w->output));
    return rc == 0 ? output_flush_if_large(w->output, err) : lh_error_nomem(err);
}

static int check_finished(const struct writing *w, const lh_batch *b, lh_error *err)
{
    int64_t unfinished = b->ready + b->waiting + b->running;
    w->report->unfinished += unfinished;
    if (w->options->partial || (unfinished == 0 && strcmp(b->state, "loading") != 0))
        return 0;
    return lh_error_set(err, LH_ESTATE,
                        "batch %s is not finished, %lld jobs are left; --partial exports what there is",
                        b->name, (long long)unfinished);
}

/* One batch, or each in turn by id: the list is not held open while a long one is written. */
static int write_batches(struct writing *w, lh_error *err)
{
    lh_batch b;
    int rc = 0;
    if (w->options->batch != NULL) {
        rc = batch_find(w->store, w->options->batch, &b, err);
        if (rc == 0)
            rc = check_finished(w, &b, err);
        return rc == 0 ? export_read_input(w->store, &b, write_row, w, err) : rc;
    }
    for (int64_t after = 0; rc == 0;) {
        rc = store_get_int(w->store, STMT_BATCH_NEXT, 0, &after, err, "i", after);
        if (rc != 0 || after == 0)
            break;
        rc = batch_get(w->store, after, &b, err);
        if (rc == 0)
            rc = check_finished(w, &b, err);
        if (rc == 0)
            rc = export_read_input(w->store, &b, write_row, w, err);
    }
    return rc;
}

static int export_input_order(const char *db, const lh_export_options *o, lh_export_report *report,
                              lh_error *err)
{
    struct writing w = {.report = report, .options = o};
    int rc = export_format_new(o->format, &w.format, err);
    if (rc == 0)
        rc = store_open(db, STORE_READ, &w.store, err);
    if (rc == 0)
        rc = output_create(o->output, &w.output, err);
    if (rc == 0)
        rc = export_header(w.format, output_buffer(w.output));
    if (rc == 0)
        rc = write_batches(&w, err);
    if (rc == 0)
        rc = output_finish(w.output, err);
    output_free(w.output);
    store_close(w.store);
    export_format_free(w.format);
    return rc;
}

static int export_completed(const char *db, const lh_export_options *o, lh_export_report *report,
                            lh_error *err)
{
    struct appender *a = NULL;
    int64_t count = 0;
    int rc = appender_open(db, o, &a, err);
    if (rc == 0)
        rc = appender_run(a, &count, err);
    if (rc == 0)
        rc = appender_report(a, report, err);
    appender_free(a);
    return rc;
}

int lh_export(const char *db, const lh_export_options *o, lh_export_report *report, lh_error *err)
{
    *report = (lh_export_report){0};
    if (strcmp(o->order, "completed") == 0)
        return export_completed(db, o, report, err);
    if (strcmp(o->order, "input") != 0)
        return lh_error_set(err, LH_EUSAGE, "order is \"%.50s\"; it must be input or completed", o->order);
    return export_input_order(db, o, report, err);
}

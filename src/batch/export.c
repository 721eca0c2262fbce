/* Export: finished jobs into a file, in input order or in order of completion. lh_export of longhaul.h. */
#include <string.h>

#include "base/same_file.h"
#include "batch/append.h"
#include "batch/export_read.h"
#include "batch/output.h"
#include "store/files.h"

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
    if (w->options->stop != NULL && *w->options->stop != 0)
        return lh_error_set(err, LH_ESTATE, "interrupted; output %s is as it was, the same command writes it",
                            w->options->output);
    if (row->dead)
        w->report->dead++;
    else
        w->report->results++;
    int rc = export_line(w->format, row, output_buffer(w->output));
    return rc == 0 ? output_flush_if_large(w->output, err) : lh_error_nomem(err);
}

static int check_batch(const struct writing *w, const lh_batch *b, lh_error *err)
{
    if (is_same_file(w->options->output, b->input))
        return lh_error_set(err, LH_EUSAGE, "output %s is the input of batch %s; choose another name",
                            w->options->output, b->name);
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
            rc = check_batch(w, &b, err);
        return rc == 0 ? export_read_input(w->store, &b, write_row, w, err) : rc;
    }
    for (int64_t after = 0; rc == 0;) {
        rc = store_get_int(w->store, STMT_BATCH_NEXT, 0, &after, err, "i", after);
        if (rc != 0 || after == 0)
            break;
        rc = batch_get(w->store, after, &b, err);
        if (rc == 0)
            rc = check_batch(w, &b, err);
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

static bool is_one_of(const char *value, const char *a, const char *b)
{
    return strcmp(value, a) == 0 || strcmp(value, b) == 0;
}

int lh_export_check(const char *db, const lh_export_options *o, lh_error *err)
{
    if (!is_one_of(o->order, "input", "completed"))
        return lh_error_set(err, LH_EUSAGE, "--order is \"%.50s\"; it must be input or completed", o->order);
    if (!is_one_of(o->format, "jsonl", "csv"))
        return lh_error_set(err, LH_EUSAGE, "--format is \"%.50s\"; it must be jsonl or csv", o->format);
    if (o->output == NULL)
        return 0;
    int rc = store_check_not_own(db, o->output, err);
    for (size_t i = 0; rc == 0 && i < o->n_inputs; i++)
        if (is_same_file(o->output, o->inputs[i]))
            rc = lh_error_set(err, LH_EUSAGE, "output %s is the input %s; choose another name", o->output,
                              o->inputs[i]);
    return rc;
}

int lh_export(const char *db, const lh_export_options *o, lh_export_report *report, lh_error *err)
{
    *report = (lh_export_report){0};
    int rc = lh_export_check(db, o, err);
    if (rc != 0)
        return rc;
    return strcmp(o->order, "completed") == 0 ? export_completed(db, o, report, err)
                                              : export_input_order(db, o, report, err);
}

/* dead: see dead letters, send them again, give them up. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "cli/app.h"
#include "cli/text.h"

static lh_dead_filter filter_of(const struct app *app)
{
    const struct settings *s = &app->settings;
    return (lh_dead_filter){.batch = s->batch,
                            .reason = s->reason,
                            .error_class = s->error_class,
                            .error_code = s->error_code,
                            .where = s->where,
                            .limit = s->limit,
                            .job = app->n_args > 1 ? app->args[1] : NULL};
}

static bool filters_something(const lh_dead_filter *f)
{
    return f->batch != NULL || f->reason != NULL || f->error_class != NULL || f->error_code != NULL ||
           f->where != NULL || f->job != NULL;
}

struct listing {
    struct text_table *table;
    int64_t count;
};

/* The widths need rows to be seen first, and a million letters must not be held: a long list comes as several tables. */
enum { TABLE_ROWS = 2000 };

static int begin_table(struct listing *l)
{
    static const char *const head[] = {"job",   "batch", "custom_id", "reason",
                                       "error", "tries", "died",      "message"};
    if (l->table != NULL)
        text_table_print(l->table, stdout);
    text_table_free(l->table);
    l->table = text_table_new(8, 1u | 1u << 5);
    if (l->table == NULL)
        return LH_ENOMEM;
    text_table_add(l->table, head);
    return 0;
}

static int add_row(void *arg, const lh_dead_letter *d)
{
    struct listing *l = arg;
    char id[32], attempts[32], at[32];
    if (l->count % TABLE_ROWS == 0 && begin_table(l) != 0)
        return LH_ENOMEM;
    snprintf(id, sizeof id, "%lld", (long long)d->job_id);
    snprintf(attempts, sizeof attempts, "%lld", (long long)d->attempts);
    clock_format_utc(d->died_at, at, sizeof at);
    const char *cells[] = {id, d->batch, d->custom_id, d->reason, d->error_code, attempts, at, d->message};
    text_table_add(l->table, cells);
    l->count++;
    return 0;
}

static int print_json(void *arg, const lh_dead_letter *d)
{
    struct listing *l = arg;
    struct strbuf b;
    strbuf_init(&b);
    strbuf_appendf(&b, "{\"job_id\":%lld", (long long)d->job_id);
    json_append_text(&b, "batch", d->batch);
    json_append_text(&b, "custom_id", d->custom_id);
    json_append_text(&b, "reason", d->reason);
    json_append_text(&b, "error_class", d->error_class);
    json_append_text(&b, "error_code", d->error_code);
    json_append_text(&b, "message", d->message);
    strbuf_appendf(&b, ",\"attempts\":%lld,\"died_at\":%lld", (long long)d->attempts, (long long)d->died_at);
    if (d->status_code != LH_UNKNOWN)
        strbuf_appendf(&b, ",\"status_code\":%lld}\n", (long long)d->status_code);
    else
        strbuf_append_str(&b, ",\"status_code\":null}\n");
    fwrite(b.data, 1, b.len, stdout);
    strbuf_free(&b);
    l->count++;
    return 0;
}

static int list(struct app *app, const lh_dead_filter *filter)
{
    struct listing l = {0};
    lh_error err = {0};
    int rc = lh_dead_each(app->settings.db, filter, app->settings.json ? print_json : add_row, &l, &err);
    if (rc == 0 && l.table != NULL)
        text_table_print(l.table, stdout);
    if (rc == 0 && l.count == 0)
        log_info("no dead letters");
    text_table_free(l.table);
    return rc != 0 ? app_failed(&err) : app_finish_output(EXIT_DONE);
}

static int show(struct app *app, const lh_dead_filter *filter)
{
    if (filter->job == NULL) {
        log_error("dead show needs a job: longhaul dead show JOB");
        return EXIT_USAGE;
    }
    app->args++;
    app->n_args--;
    return cmd_show(app);
}

static int need_filter(const struct app *app, const lh_dead_filter *filter, const char *verb)
{
    if (filters_something(filter) || app->settings.all)
        return 0;
    log_error("dead %s needs a filter (--batch, --reason, --error-code, --where, a JOB), or --all", verb);
    return EXIT_USAGE;
}

static int requeue(struct app *app, const lh_dead_filter *filter)
{
    lh_error err = {0};
    int64_t count = 0;
    char n[32];
    int code = need_filter(app, filter, "requeue");
    if (code != 0)
        return code;
    if (lh_dead_requeue(app->settings.db, filter, &count, &err) != 0)
        return app_failed(&err);
    if (count > 0)
        log_info(
            "%s jobs are ready again; a running worker takes them up, else start `longhaul work` or the same "
            "run",
            text_count(count, n));
    else
        log_info("no dead letter is meant that can be sent again (bad lines stay); `longhaul dead list` "
                 "shows them");
    return EXIT_DONE;
}

static bool confirmed(const struct app *app)
{
    char answer[16] = "";
    if (app->settings.yes || !isatty(STDIN_FILENO))
        return app->settings.yes;
    fputs("Give these dead letters up for good? [y/N] ", stderr);
    return fgets(answer, sizeof answer, stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
}

static int drop(struct app *app, const lh_dead_filter *filter)
{
    lh_error err = {0};
    int64_t count = 0;
    char n[32];
    int code = need_filter(app, filter, "drop");
    if (code != 0)
        return code;
    if (!confirmed(app)) {
        log_error("nothing was dropped; say --yes to drop without being asked");
        return EXIT_USAGE;
    }
    if (lh_dead_drop(app->settings.db, filter, &count, &err) != 0)
        return app_failed(&err);
    log_info("%s dead letters dropped", text_count(count, n));
    return EXIT_DONE;
}

int cmd_dead(struct app *app)
{
    static const struct {
        const char *name;
        int (*run)(struct app *app, const lh_dead_filter *filter);
    } verbs[] = {{"list", list}, {"show", show}, {"requeue", requeue}, {"drop", drop}};
    static const char *const reasons[] = {"permanent", "attempts", "throttles", "invalid",
                                          "lost",      "bad_line", "deadline"};
    lh_dead_filter filter = filter_of(app);
    bool known = filter.reason == NULL;
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        known = known || strcmp(filter.reason, reasons[i]) == 0;
    if (!known) {
        log_error("--reason is \"%s\"; it must be permanent, attempts, throttles, invalid, lost, bad_line or "
                  "deadline",
                  filter.reason);
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(app->args[0], verbs[i].name) == 0)
            return verbs[i].run(app, &filter);
    log_error("there is no dead %s; there is list, show, requeue and drop", app->args[0]);
    return EXIT_USAGE;
}

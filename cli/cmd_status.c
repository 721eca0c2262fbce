/* status: how far each batch is, who works, and how it goes. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/sum.h"
#include "cli/app.h"
#include "cli/status_endpoints.h"
#include "cli/status_usage.h"
#include "cli/text.h"

struct report {
    const struct settings *settings;
    struct text_table *table;
    struct text_table *tenants;
    int64_t n_tenants;
    struct endpoint_report endpoints;
    struct usage_report usage;
    struct strbuf json, tenants_json;
    lh_batch total; /* jobs by state and tokens of all that were shown */
    int64_t batches;
    int64_t open; /* jobs of active batches that are not finished */
};

static void sum(struct report *r, const lh_batch *b)
{
    r->batches++;
    r->total.ready += b->ready;
    r->total.waiting += b->waiting;
    r->total.running += b->running;
    r->total.done += b->done;
    r->total.dead += b->dead;
    r->total.canceled += b->canceled;
    r->total.prompt_tokens += b->prompt_tokens;
    r->total.completion_tokens += b->completion_tokens;
    r->total.cached_tokens += b->cached_tokens;
    r->total.cache_write_tokens += b->cache_write_tokens;
    r->total.reasoning_tokens += b->reasoning_tokens;
    r->total.unpriced += b->unpriced;
    r->total.silent += b->silent;
    r->total.cost_nanousd = sum_capped(r->total.cost_nanousd, b->cost_nanousd);
    r->total.attempts += b->attempts;
    r->total.failed_attempts += b->failed_attempts;
    if (strcmp(b->state, "active") == 0)
        r->open += b->ready + b->waiting + b->running;
}

/* Nothing where nothing was used. What told nothing may have cost something. */
static const char *cost_of(const lh_batch *b, char out[TEXT_COST])
{
    int64_t unknown = b->unpriced + b->silent;
    bool used = b->prompt_tokens > 0 || b->completion_tokens > 0 || b->cost_nanousd > 0 || unknown > 0;
    return used ? text_cost(b->cost_nanousd, unknown, out) : "";
}

static void add_row(struct report *r, const lh_batch *b)
{
    char n[9][TEXT_COST], percent[32];
    int64_t all = lh_batch_jobs(b);
    snprintf(percent, sizeof percent, "%.1f%%",
             all > 0 ? (double)(b->done + b->dead + b->canceled) * 100 / (double)all : 0.0);
    const char *cells[] = {b->name,
                           b->state,
                           text_count(all, n[0]),
                           percent,
                           text_count(b->ready, n[1]),
                           text_count(b->waiting, n[2]),
                           text_count(b->running, n[3]),
                           text_count(b->done, n[4]),
                           text_count(b->dead, n[5]),
                           text_count(b->canceled, n[6]),
                           text_count(b->prompt_tokens + b->completion_tokens, n[7]),
                           cost_of(b, n[8]),
                           b->pause_reason};
    text_table_add(r->table, cells);
}

static void add_counts(struct strbuf *j, const lh_batch *b)
{
    json_append_int(j, "jobs", lh_batch_jobs(b));
    json_append_int(j, "ready", b->ready);
    json_append_int(j, "waiting", b->waiting);
    json_append_int(j, "running", b->running);
    json_append_int(j, "done", b->done);
    json_append_int(j, "dead", b->dead);
    json_append_int(j, "canceled", b->canceled);
    json_append_int(j, "prompt_tokens", b->prompt_tokens);
    json_append_int(j, "completion_tokens", b->completion_tokens);
    json_append_int(j, "cost_nanousd", b->cost_nanousd);
    json_append_int(j, "attempts", b->attempts);
    json_append_int(j, "failed_attempts", b->failed_attempts);
    json_append_int(j, "cached_tokens", b->cached_tokens);
    json_append_int(j, "cache_write_tokens", b->cache_write_tokens);
    json_append_int(j, "reasoning_tokens", b->reasoning_tokens);
    json_append_int(j, "unpriced", b->unpriced);
    json_append_int(j, "silent", b->silent);
}

static void add_json(struct report *r, const lh_batch *b)
{
    struct strbuf *j = &r->json;
    if (r->batches > 1)
        strbuf_append_char(j, ',');
    strbuf_append_char(j, '{');
    json_append_int(j, "id", b->id);
    json_append_text(j, "name", b->name);
    json_append_text(j, "state", b->state);
    json_append_text(j, "tenant", b->tenant);
    json_append_int(j, "priority", b->priority);
    add_counts(j, b);
    json_append_int(j, "created_at", b->created_at);
    json_append_int(j, "started_at", b->started_at);
    json_append_int(j, "finished_at", b->finished_at);
    json_append_text(j, "pause_reason", b->pause_reason);
    strbuf_append_char(j, '}');
}

static int on_batch(void *arg, const lh_batch *b)
{
    struct report *r = arg;
    sum(r, b);
    if (r->settings->json)
        add_json(r, b);
    else
        add_row(r, b);
    return 0;
}

/* A table of tenants is of use when there are several. */
static int on_tenant(void *arg, const lh_tenant *t)
{
    struct report *r = arg;
    char n[5][32];
    const char *cells[] = {t->name,
                           text_count(t->weight, n[0]),
                           text_count(t->ready, n[1]),
                           text_count(t->waiting, n[2]),
                           text_count(t->running, n[3]),
                           text_count(t->tokens, n[4])};
    text_table_add(r->tenants, cells);
    if (r->n_tenants++ > 0)
        strbuf_append_char(&r->tenants_json, ',');
    strbuf_append_char(&r->tenants_json, '{');
    json_append_text(&r->tenants_json, "name", t->name);
    json_append_int(&r->tenants_json, "weight", t->weight);
    json_append_int(&r->tenants_json, "ready", t->ready);
    json_append_int(&r->tenants_json, "waiting", t->waiting);
    json_append_int(&r->tenants_json, "running", t->running);
    json_append_int(&r->tenants_json, "tokens", t->tokens);
    strbuf_append_char(&r->tenants_json, '}');
    return 0;
}

static void say_silent(const struct report *r)
{
    char n[32];
    if (r->total.silent > 0)
        printf("%s attempt%s ended without telling what was used, and may have been billed all the same\n",
               text_count(r->total.silent, n), r->total.silent == 1 ? "" : "s");
}

static double seconds_left(const struct report *r, const lh_worker_stats *w)
{
    return w->pid != 0 && w->rate > 0.001 ? (double)r->open / w->rate : -1;
}

static void print_worker(const struct report *r, const lh_worker_stats *w, const lh_db_info *i)
{
    char a[32], b[32], c[32], d[32];
    if (w->pid == 0) {
        printf("no worker is running; database %s, write-ahead log %s\n", text_bytes(i->file_bytes, a),
               text_bytes(i->wal_bytes, b));
        endpoint_report_print_last(&r->endpoints, w);
        return;
    }
    printf("worker pid %lld: %.1f jobs/s, %lld in flight, p50 %s, p90 %s, p99 %s, errors %.1f%%",
           (long long)w->pid, w->rate, (long long)w->in_flight, text_ms(w->p50_ms, a), text_ms(w->p90_ms, b),
           text_ms(w->p99_ms, c), w->error_rate * 100);
    double left = seconds_left(r, w);
    if (left >= 0)
        printf(", %s left", text_ms((int64_t)(left * 1e3), d));
    if (w->late > 0)
        printf("\n%s jobs given up at their deadline", text_count(w->late, d));
    if (w->tokens_left != LH_UNKNOWN)
        printf("\nbudget left: %s tokens", text_count(w->tokens_left, d));
    if (w->cost_left_nanousd != LH_UNKNOWN)
        printf("\nbudget left: %s", text_usd(w->cost_left_nanousd, d));
    printf("\nlimiter: %s; database %s, write-ahead log %s\n",
           w->limiter[0] != '\0' ? w->limiter : "none binds", text_bytes(i->file_bytes, a),
           text_bytes(i->wal_bytes, b));
    endpoint_report_print(&r->endpoints);
    if (w->trouble[0] != '\0') {
        fputs("trouble: ", stdout);
        text_print_safe(stdout, w->trouble, 0);
        putchar('\n');
    }
}

static void print_json(struct report *r, const lh_worker_stats *w, const lh_db_info *i)
{
    struct strbuf *j = &r->json;
    double left = seconds_left(r, w);
    strbuf_append_str(j, "],\"tenants\":[");
    strbuf_append_str(j, r->tenants_json.data);
    strbuf_append_str(j, "],\"total\":{");
    add_counts(j, &r->total);
    strbuf_append_str(j, "},\"usage\":[");
    strbuf_append_str(j, r->usage.json.data);
    strbuf_append_str(j, "],\"worker\":{");
    json_append_int(j, "pid", w->pid != 0 ? w->pid : LH_UNKNOWN);
    json_append_int(j, "started_at", w->started_at);
    json_append_int(j, "updated_at", w->updated_at);
    json_append_double(j, "rate", w->pid != 0 ? w->rate : 0);
    json_append_int(j, "in_flight", w->pid != 0 ? w->in_flight : 0);
    json_append_int(j, "late", w->pid != 0 ? w->late : 0);
    json_append_int(j, "cost_nanousd", w->pid != 0 ? w->cost_nanousd : LH_UNKNOWN);
    json_append_int(j, "tokens_left", w->pid != 0 ? w->tokens_left : LH_UNKNOWN);
    json_append_int(j, "cost_left_nanousd", w->pid != 0 ? w->cost_left_nanousd : LH_UNKNOWN);
    json_append_int(j, "p50_ms", w->p50_ms);
    json_append_int(j, "p90_ms", w->p90_ms);
    json_append_int(j, "p99_ms", w->p99_ms);
    json_append_double(j, "error_rate", w->error_rate);
    json_append_text(j, "limiter", w->limiter);
    json_append_text(j, "trouble", w->trouble);
    json_append_key(j, "gate");
    strbuf_append_str(j, r->endpoints.first);
    json_append_key(j, "endpoints");
    strbuf_append_char(j, '[');
    strbuf_append_str(j, r->endpoints.json.data);
    strbuf_append_char(j, ']');
    json_append_key(j, "seconds_left");
    if (left >= 0)
        strbuf_appendf(j, "%.1f", left);
    else
        strbuf_append_str(j, "null");
    strbuf_append_str(j, "},\"database\":{");
    json_append_int(j, "file_bytes", i->file_bytes);
    json_append_int(j, "wal_bytes", i->wal_bytes);
    strbuf_append_str(j, "}}\n");
    fwrite(j->data, 1, j->len, stdout);
}

static int on_model(void *arg, const lh_usage *u)
{
    struct report *r = arg;
    return usage_report_add(&r->usage, u);
}

static int show_once(const struct settings *s, lh_error *err)
{
    static const char *const head[] = {"batch",   "state",   "jobs", "finished", "ready",
                                       "waiting", "running", "done", "dead",     "canceled",
                                       "tokens",  "cost",    ""};
    static const char *const tenants_head[] = {"tenant", "weight", "ready", "waiting", "running", "tokens"};
    struct report r = {.settings = s, .table = text_table_new(13, 0xffc), .tenants = text_table_new(6, 0x3e)};
    lh_worker_stats worker;
    lh_db_info info;
    if (r.table == NULL || r.tenants == NULL) {
        text_table_free(r.table);
        text_table_free(r.tenants);
        return lh_error_nomem(err);
    }
    static const lh_status_fns sums = {on_batch, on_tenant, on_model};
    text_table_add(r.table, head);
    text_table_add(r.tenants, tenants_head);
    strbuf_init(&r.json);
    strbuf_init(&r.tenants_json);
    strbuf_append_str(&r.json, "{\"batches\":[");
    int rc = usage_report_begin(&r.usage, err);
    if (rc == 0)
        rc = lh_status_sums(s->db, s->batch, &sums, &r, err);
    if (rc == 0)
        rc = lh_status_worker(s->db, &worker, err);
    if (rc == 0)
        rc = endpoint_report_read(&r.endpoints, s->db, err);
    if (rc == 0)
        rc = lh_db_info_get(s->db, &info, err);
    if (rc == 0 && s->json) {
        print_json(&r, &worker, &info);
    } else if (rc == 0) {
        if (s->watch && isatty(STDOUT_FILENO))
            fputs("\033[H\033[2J", stdout);
        text_table_print(r.table, stdout);
        if (r.n_tenants > 1)
            text_table_print(r.tenants, stdout);
        usage_report_print(&r.usage);
        say_silent(&r);
        print_worker(&r, &worker, &info);
    }
    text_table_free(r.table);
    text_table_free(r.tenants);
    endpoint_report_free(&r.endpoints);
    usage_report_free(&r.usage);
    strbuf_free(&r.json);
    strbuf_free(&r.tenants_json);
    return rc;
}

int cmd_status(struct app *app)
{
    lh_error err = {0};
    for (;;) {
        if (show_once(&app->settings, &err) != 0)
            return app_failed(&err);
        int code = app_finish_output(EXIT_DONE);
        if (!app->settings.watch || code != EXIT_DONE || ferror(stdout))
            return code;
        sleep(1);
    }
}

/* results and show: what came out. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "cli/app.h"
#include "cli/interrupt.h"
#include "cli/text.h"

int cmd_results(struct app *app)
{
    const struct settings *s = &app->settings;
    lh_export_options o;
    lh_export_report r;
    lh_error err = {0};
    char a[32], b[32], c[32];
    lh_export_options_default(&o);
    o.batch = s->batch;
    o.order = s->order;
    o.partial = s->partial;
    o.output = s->output != NULL ? s->output : "-";
    if (s->format != NULL)
        o.format = s->format;
    o.stop = interrupt_catch();
    int rc = lh_export(s->db, &o, &r, &err);
    interrupt_release();
    if (rc != 0 && err.code == LH_EPIPE)
        return EXIT_DONE;
    if (rc != 0) {
        int code = app_failed(&err);
        return interrupt_came() ? EXIT_STOPPED : code;
    }
    if (strcmp(o.output, "-") != 0)
        log_info("%s: %s results, %s dead letters%s%s", o.output, text_count(r.results, a),
                 text_count(r.dead, b), r.unfinished > 0 ? "; jobs not finished: " : "",
                 r.unfinished > 0 ? text_count(r.unfinished, c) : "");
    return EXIT_DONE;
}

/* ---- show ---- */

struct shown {
    struct strbuf json;
    bool as_json;
    int64_t attempts;
};

static void add_raw(struct strbuf *b, const char *key, const char *body)
{
    struct json_parser *parser = json_parser_new();
    json_object *value = NULL;
    json_append_key(b, key);
    if (body == NULL)
        strbuf_append_str(b, "null");
    else if (parser != NULL && json_parse(parser, body, strlen(body), &value, NULL) == 0)
        strbuf_append_str(b, body);
    else
        json_append_string(b, body, strlen(body));
    json_object_put(value);
    json_parser_free(parser);
}

static void job_to_json(struct strbuf *b, const lh_job *j)
{
    strbuf_append_char(b, '{');
    json_append_int(b, "id", j->id);
    json_append_text(b, "batch", j->batch);
    json_append_text(b, "custom_id", j->custom_id);
    json_append_text(b, "state", j->state);
    json_append_int(b, "line", j->line);
    json_append_int(b, "priority", j->priority);
    json_append_int(b, "sends", j->sends);
    json_append_int(b, "attempts_used", j->attempts);
    json_append_int(b, "throttles", j->throttles);
    json_append_int(b, "losses", j->losses);
    json_append_int(b, "created_at", j->created_at);
    json_append_int(b, "claimed_at", j->claimed_at);
    json_append_int(b, "next_retry_at", j->next_retry_at);
    json_append_int(b, "finished_at", j->finished_at);
    json_append_text(b, "url", j->url);
    add_raw(b, "request", j->request_body);
    json_append_int(b, "status_code", j->status_code);
    add_raw(b, "response", j->response_body);
    json_append_text(b, "dead_reason", j->dead_reason);
    json_append_text(b, "error_code", j->error_code);
    json_append_text(b, "error_message", j->error_message);
    json_append_key(b, "attempts");
    strbuf_append_char(b, '[');
}

static void print_time(const char *label, int64_t at)
{
    char text[32];
    if (at != LH_UNKNOWN)
        printf("%-12s %s\n", label, clock_format_utc(at, text, sizeof text));
}

static void print_text(const char *label, const char *text)
{
    if (text == NULL)
        return;
    printf("%-12s ", label);
    text_print_safe(stdout, text, 0);
    putchar('\n');
}

static void print_job(const lh_job *j)
{
    printf("%-12s %lld\n", "job", (long long)j->id);
    print_text("custom_id", j->custom_id);
    print_text("batch", j->batch);
    print_text("state", j->state);
    printf("%-12s %lld sent, %lld counted, %lld throttled, %lld lost\n", "attempts", (long long)j->sends,
           (long long)j->attempts, (long long)j->throttles, (long long)j->losses);
    print_time("created", j->created_at);
    print_time("next retry", j->next_retry_at);
    print_time("finished", j->finished_at);
    print_text("dead", j->dead_reason);
    print_text("error", j->error_message);
    printf("%-12s %s ", "request", j->method);
    text_print_safe(stdout, j->url, 0);
    putchar('\n');
    print_text("", j->request_body);
    if (j->status_code != LH_UNKNOWN)
        printf("%-12s HTTP %lld\n", "response", (long long)j->status_code);
    print_text("", j->response_body);
}

static void on_job(void *arg, const lh_job *j)
{
    struct shown *s = arg;
    if (s->as_json)
        job_to_json(&s->json, j);
    else
        print_job(j);
}

static void attempt_to_json(struct strbuf *b, const lh_attempt *a)
{
    if (b->data[b->len - 1] != '[')
        strbuf_append_char(b, ',');
    strbuf_append_char(b, '{');
    json_append_int(b, "number", a->number);
    json_append_text(b, "outcome", a->outcome);
    json_append_int(b, "status_code", a->status_code);
    json_append_text(b, "error_code", a->error_code);
    json_append_text(b, "message", a->message);
    json_append_text(b, "request_id", a->request_id);
    json_append_int(b, "started_at", a->started_at);
    json_append_int(b, "latency_ms", a->latency_ms);
    json_append_int(b, "wait_ms", a->wait_ms);
    json_append_int(b, "retry_after_ms", a->retry_after_ms);
    json_append_int(b, "prompt_tokens", a->prompt_tokens);
    json_append_int(b, "completion_tokens", a->completion_tokens);
    json_append_int(b, "cached_tokens", a->cached_tokens);
    json_append_int(b, "cache_write_tokens", a->cache_write_tokens);
    json_append_int(b, "reasoning_tokens", a->reasoning_tokens);
    json_append_int(b, "cost_nanousd", a->cost_nanousd);
    strbuf_append_char(b, '}');
}

static int64_t or_zero(int64_t tokens)
{
    return tokens > 0 ? tokens : 0;
}

static void print_part(const char *what, int64_t tokens)
{
    char n[32];
    if (tokens > 0)
        printf(", %s %s", text_count(tokens, n), what);
}

/* Nothing when the provider told nothing. */
static void print_used(const lh_attempt *a)
{
    char prompt[32], completion[32], cost[TEXT_COST];
    if (a->prompt_tokens == LH_UNKNOWN && a->completion_tokens == LH_UNKNOWN)
        return;
    printf("  %s + %s tokens", text_count(or_zero(a->prompt_tokens), prompt),
           text_count(or_zero(a->completion_tokens), completion));
    print_part("cached", a->cached_tokens);
    print_part("written to the cache", a->cache_write_tokens);
    print_part("reasoning", a->reasoning_tokens);
    bool unpriced = a->cost_nanousd == LH_UNKNOWN;
    printf(", %s%s", unpriced ? "cost " : "",
           text_cost(unpriced ? 0 : a->cost_nanousd, unpriced ? 1 : 0, cost));
}

static void on_attempt(void *arg, const lh_attempt *a)
{
    struct shown *s = arg;
    char at[32], took[32] = "";
    if (s->as_json) {
        attempt_to_json(&s->json, a);
        return;
    }
    if (a->latency_ms != LH_UNKNOWN)
        text_ms(a->latency_ms, took);
    printf("  #%-3lld %s  %-10s %8s  ", (long long)a->number, clock_format_utc(a->started_at, at, sizeof at),
           a->outcome, took);
    text_print_safe(stdout, a->message != NULL ? a->message : "", 0);
    print_used(a);
    if (a->wait_ms != LH_UNKNOWN)
        printf("  (then waited %s)", text_ms(a->wait_ms, took));
    putchar('\n');
}

int cmd_show(struct app *app)
{
    struct shown s = {.as_json = app->settings.json};
    lh_error err = {0};
    strbuf_init(&s.json);
    int rc = lh_job_show(app->settings.db, app->settings.batch, app->args[0], on_job, on_attempt, &s, &err);
    if (rc == 0 && s.as_json)
        printf("%s]}\n", s.json.data);
    strbuf_free(&s.json);
    return rc != 0 ? app_failed(&err) : app_finish_output(EXIT_DONE);
}

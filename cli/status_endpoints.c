/* Endpoints in `status`: see status_endpoints.h. What a worker wrote is read as any text that comes from a file. */
#include "cli/status_endpoints.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/text.h"

static int on_endpoint(void *arg, const char *json)
{
    struct endpoint_report *r = arg;
    json_object *o = NULL;
    if (json_parse(r->parser, json, strlen(json), &o, NULL) != 0)
        return 0;
    json_object **more = realloc(r->list, (r->count + 1) * sizeof(json_object *));
    if (more == NULL) {
        json_object_put(o);
        return LH_ENOMEM;
    }
    r->list = more;
    r->list[r->count++] = o;
    if (r->count > 1)
        strbuf_append_char(&r->json, ',');
    strbuf_append_str(&r->json, json);
    return 0;
}

int endpoint_report_read(struct endpoint_report *r, const char *db, lh_error *err)
{
    *r = (struct endpoint_report){.parser = json_parser_new(), .first = "{}"};
    strbuf_init(&r->json);
    int rc = r->parser != NULL ? lh_status_endpoints(db, on_endpoint, r, err) : LH_ENOMEM;
    if (rc == LH_ENOMEM || r->json.failed)
        return lh_error_nomem(err);
    if (r->count > 0)
        r->first = json_object_to_json_string_ext(r->list[0], JSON_C_TO_STRING_PLAIN);
    return rc;
}

void endpoint_report_free(struct endpoint_report *r)
{
    for (size_t i = 0; i < r->count; i++)
        json_object_put(r->list[i]);
    free(r->list);
    json_parser_free(r->parser);
    if (r->parser != NULL)
        strbuf_free(&r->json);
    *r = (struct endpoint_report){0};
}

/* ---- parts of a line, or cells of the table ---- */

static const char *per(int64_t seconds)
{
    return seconds == 60 ? "min" : seconds == 3600 ? "h" : seconds == 86400 ? "day" : "period";
}

static const char *text_of(json_object *o, const char *key)
{
    const char *text = json_get_string(o, key);
    return text != NULL ? text : "";
}

/* "7 of 100 in the window of 60 s" */
static void add_window(struct strbuf *b, json_object *endpoint)
{
    char used[32], limit[32], span[32];
    json_object *w = json_get(endpoint, "window");
    if (json_get_int(w, "limit", 0) > 0)
        strbuf_appendf(b, "%s%s of %s in the window of %s", b->len > 0 ? "; " : "",
                       text_count(json_get_int(w, "used", 0), used),
                       text_count(json_get_int(w, "limit", 0), limit),
                       text_ms(json_get_int(w, "per_ms", 0), span));
}

/* "500 requests/min (told), 4 left; …" */
static void add_limits(struct strbuf *b, json_object *endpoint)
{
    static const struct {
        const char *key, *name;
    } kinds[] = {{"requests", "requests"},
                 {"tokens", "tokens"},
                 {"input_tokens", "input tokens"},
                 {"output_tokens", "output tokens"}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char limit[32], left[32];
        json_object *l = json_get(json_get(endpoint, "limits"), kinds[i].key);
        if (json_get_int(l, "limit", 0) <= 0)
            continue;
        strbuf_appendf(b, "%s%s %s/%s (%s), %s left", b->len > 0 ? "; " : "",
                       text_count(json_get_int(l, "limit", 0), limit), kinds[i].name,
                       per(json_get_int(l, "per_s", 0)),
                       strcmp(text_of(l, "by"), "told") == 0 ? "told" : "given",
                       text_count(json_get_int(l, "available", 0), left));
    }
    add_window(b, endpoint);
}

static int64_t per_minute(json_object *endpoint, const char *key)
{
    return (int64_t)((double)json_get_int(endpoint, key, 0) * 60 / 1000 + 0.5);
}

/* What the gate has found out by itself; nothing while it has not. */
static void add_learned(struct strbuf *b, json_object *endpoint)
{
    char n[32];
    int64_t limit = per_minute(endpoint, "adaptive_limit_milli");
    int64_t rate = per_minute(endpoint, "adaptive_rate_milli");
    if (limit > 0)
        strbuf_appendf(b, "learned limit %s/min", text_count(limit, n));
    if (rate > 0)
        strbuf_appendf(b, "%sadaptive rate %s/min", b->len > 0 ? ", " : "", text_count(rate, n));
}

static void add_concurrency(struct strbuf *b, json_object *endpoint)
{
    int64_t most = json_get_int(endpoint, "concurrency", 0);
    int64_t now = json_get_int(endpoint, "concurrency_now", most);
    if (now < most)
        strbuf_appendf(b, "%s%lld of %lld requests at once", b->len > 0 ? ", " : "", (long long)now,
                       (long long)most);
}

static int64_t paused_ms(json_object *endpoint)
{
    int64_t now = clock_wall_ms(), until = json_get_int(endpoint, "paused_until", 0);
    return until > now ? until - now : 0;
}

static void add_state(struct strbuf *b, json_object *endpoint)
{
    char left[32];
    strbuf_append_str(b, text_of(endpoint, "state"));
    if (paused_ms(endpoint) > 0)
        strbuf_appendf(b, ", %s more", text_ms(paused_ms(endpoint), left));
}

static void add_in_flight(struct strbuf *b, json_object *endpoint)
{
    int64_t most = json_get_int(endpoint, "concurrency", 0);
    strbuf_appendf(b, "%lld of %lld", (long long)json_get_int(endpoint, "in_flight", 0),
                   (long long)json_get_int(endpoint, "concurrency_now", most));
}

static void add_name(struct strbuf *b, json_object *endpoint)
{
    strbuf_append_str(b, text_of(endpoint, "endpoint"));
}

static void add_trouble(struct strbuf *b, json_object *endpoint)
{
    strbuf_append_str(b, text_of(endpoint, "trouble"));
}

/* ---- one ---- */

typedef void add_fn(struct strbuf *b, json_object *endpoint);

static void print_line(const char *before, add_fn *first, add_fn *second, json_object *endpoint)
{
    struct strbuf b;
    strbuf_init(&b);
    first(&b, endpoint);
    if (second != NULL)
        second(&b, endpoint);
    if (b.len > 0)
        printf("%s%s\n", before, b.data);
    strbuf_free(&b);
}

/* ---- several ---- */

static void print_table(const struct endpoint_report *r, bool is_live)
{
    static const char *const head[] = {"endpoint", "state", "in flight", "limits", "learned", "trouble"};
    static add_fn *const columns[] = {add_name,   add_state,   add_in_flight,
                                      add_limits, add_learned, add_trouble};
    enum { COLUMNS = sizeof columns / sizeof *columns, IN_FLIGHT = 2 };
    struct text_table *table = text_table_new(COLUMNS, 1u << IN_FLIGHT);
    if (table == NULL)
        return;
    text_table_add(table, head);
    for (size_t i = 0; i < r->count; i++) {
        struct strbuf b[COLUMNS];
        const char *cells[COLUMNS];
        for (size_t k = 0; k < COLUMNS; k++) {
            strbuf_init(&b[k]);
            if (is_live || k != IN_FLIGHT)
                columns[k](&b[k], r->list[i]);
            cells[k] = b[k].data;
        }
        text_table_add(table, cells);
        for (size_t k = 0; k < COLUMNS; k++)
            strbuf_free(&b[k]);
    }
    text_table_print(table, stdout);
    text_table_free(table);
}

void endpoint_report_print(const struct endpoint_report *r)
{
    if (r->count > 1) {
        print_table(r, true);
    } else if (r->count == 1) {
        print_line("limits: ", add_limits, NULL, r->list[0]);
        print_line("", add_learned, add_concurrency, r->list[0]);
    }
}

void endpoint_report_print_last(const struct endpoint_report *r, const lh_worker_stats *w)
{
    char ago[32], left[32];
    int64_t now = clock_wall_ms();
    if (r->count == 0 || w->updated_at < 0)
        return;
    printf("last known, %s ago: ", text_ms(now > w->updated_at ? now - w->updated_at : 0, ago));
    if (r->count == 1) {
        fputs("circuit breaker ", stdout);
        text_print_safe(stdout, text_of(r->list[0], "breaker"), 0);
        if (paused_ms(r->list[0]) > 0)
            printf(", paused for %s more", text_ms(paused_ms(r->list[0]), left));
        fputs("; ", stdout);
    }
    fputs("limiter: ", stdout);
    text_print_safe(stdout, w->limiter[0] != '\0' ? w->limiter : "none binds", 0);
    putchar('\n');
    if (r->count > 1)
        print_table(r, false);
}

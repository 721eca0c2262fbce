/* prices: what is known of models, from the file of --prices and from the built-in table. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "cli/app.h"
#include "cli/text.h"

struct report {
    const struct settings *settings;
    struct text_table *table; /* owned; NULL with --json */
    int64_t rows;
    struct strbuf json;
};

static bool is_own(const struct report *r, const lh_model *m)
{
    for (size_t i = 0; i < r->settings->run.n_models; i++)
        if (m->name == r->settings->run.models[i].name)
            return true;
    return false;
}

/* ---- for people ---- */

enum { CELL = 48 };

/* "2.50", "0.075": two places at least, no zeros behind them; "-" when unknown. */
static const char *usd(int64_t nanousd, char out[CELL])
{
    enum { PLACES = 9, LEAST = 2 };
    if (nanousd == LH_UNKNOWN)
        return "-";
    int len = snprintf(out, CELL, "%lld.%09lld", (long long)(nanousd / 1000000000),
                       (long long)(nanousd % 1000000000));
    for (int places = PLACES; places > LEAST && out[len - 1] == '0'; places--)
        out[--len] = '\0';
    return out;
}

static const char *count(int64_t n, char out[CELL])
{
    return n != LH_UNKNOWN ? text_count(n, out) : "-";
}

static const char *percent(int64_t n, char out[CELL])
{
    if (n == LH_UNKNOWN)
        return "-";
    snprintf(out, CELL, "%lld%%", (long long)n);
    return out;
}

/* "> 272,000: 200%, 150%": of input and output. */
static const char *long_prompts(const lh_model *m, char out[CELL])
{
    char tokens[32];
    if (m->long_prompt == LH_UNKNOWN)
        return "";
    text_count(m->long_prompt, tokens);
    if (m->long_input_percent == LH_UNKNOWN)
        snprintf(out, CELL, "> %s: unknown", tokens);
    else
        snprintf(out, CELL, "> %s: %lld%%, %lld%%", tokens, (long long)m->long_input_percent,
                 (long long)m->long_output_percent);
    return out;
}

static void add_row(struct report *r, const char *asked, const lh_model *m)
{
    char c[8][CELL], name[160], source[300];
    bool same = strcmp(asked, m->name) == 0;
    snprintf(name, sizeof name, "%.70s%s%.70s%s", asked, same ? "" : " (", same ? "" : m->name,
             same ? "" : ")");
    if (is_own(r, m))
        snprintf(source, sizeof source, "own, %.200s", r->settings->prices);
    else
        snprintf(source, sizeof source, "%s", m->source + strlen("https://"));
    const char *cells[] = {name,
                           usd(m->price_input_nanousd, c[0]),
                           usd(m->price_cached_nanousd, c[1]),
                           usd(m->price_cache_write_nanousd, c[2]),
                           usd(m->price_output_nanousd, c[3]),
                           percent(m->batch_discount, c[4]),
                           long_prompts(m, c[5]),
                           count(m->context, c[6]),
                           count(m->max_output, c[7]),
                           m->date != NULL ? m->date : "-",
                           source};
    text_table_add(r->table, cells);
}

/* ---- for programs ---- */

static void add_json(struct report *r, const char *asked, const lh_model *m)
{
    struct strbuf *j = &r->json;
    if (r->rows > 0)
        strbuf_append_char(j, ',');
    strbuf_append_char(j, '{');
    json_append_text(j, "model", asked);
    json_append_text(j, "found_as", m->name);
    json_append_key(j, "own");
    strbuf_append_str(j, is_own(r, m) ? "true" : "false");
    json_append_int(j, "input_nanousd", m->price_input_nanousd);
    json_append_int(j, "cached_nanousd", m->price_cached_nanousd);
    json_append_int(j, "cache_write_nanousd", m->price_cache_write_nanousd);
    json_append_int(j, "output_nanousd", m->price_output_nanousd);
    json_append_int(j, "batch_discount", m->batch_discount);
    json_append_int(j, "long_prompt", m->long_prompt);
    json_append_int(j, "long_input_percent", m->long_input_percent);
    json_append_int(j, "long_output_percent", m->long_output_percent);
    json_append_int(j, "context", m->context);
    json_append_int(j, "max_output", m->max_output);
    json_append_text(j, "date", m->date);
    json_append_text(j, "source", m->source);
    strbuf_append_char(j, '}');
}

/* ---- which ---- */

static void add(struct report *r, const char *asked, const lh_model *m)
{
    if (r->settings->json)
        add_json(r, asked, m);
    else
        add_row(r, asked, m);
    r->rows++;
}

static int add_built_in(void *arg, const lh_model *m)
{
    add(arg, m->name, m);
    return 0;
}

static void add_all(struct report *r)
{
    const lh_run_options *o = &r->settings->run;
    for (size_t i = 0; i < o->n_models; i++) {
        lh_model m;
        if (lh_model_find(o->models, o->n_models, o->models[i].name, &m))
            add(r, m.name, &m);
    }
    lh_model_each(add_built_in, r);
}

static int add_named(struct report *r, const char *name)
{
    const lh_run_options *o = &r->settings->run;
    lh_model m;
    if (lh_model_find(o->models, o->n_models, name, &m)) {
        add(r, name, &m);
        return EXIT_DONE;
    }
    log_error(
        "the model \"%s\" is unknown; give its price with --price-input and --price-output, or in a file "
        "with --prices",
        name);
    return EXIT_FAILED;
}

static int begin(struct report *r)
{
    static const char *const headings[] = {"model",      "input",          "cached",       "cache write",
                                           "output",     "batch discount", "long prompts", "context",
                                           "max output", "date",           "source"};
    enum { COLUMNS = sizeof headings / sizeof *headings, RIGHT = 0x1BE }; /* numbers */
    strbuf_init(&r->json);
    if (r->settings->json)
        return strbuf_append_str(&r->json, "{\"models\":[");
    r->table = text_table_new(COLUMNS, RIGHT);
    if (r->table == NULL)
        return LH_ENOMEM;
    text_table_add(r->table, headings);
    return 0;
}

static void print(struct report *r)
{
    if (r->settings->json)
        printf("%s]}\n", r->json.data);
    else if (r->rows > 0)
        text_table_print(r->table, stdout);
}

int cmd_prices(struct app *app)
{
    struct report r = {.settings = &app->settings};
    lh_error err = {0};
    int code = EXIT_DONE, rc = begin(&r);
    if (rc == 0 && app->n_args == 0)
        add_all(&r);
    for (int i = 0; rc == 0 && i < app->n_args; i++)
        if (add_named(&r, app->args[i]) != EXIT_DONE)
            code = EXIT_FAILED;
    if (rc != 0 || r.json.failed)
        rc = lh_error_nomem(&err);
    else
        print(&r);
    text_table_free(r.table);
    strbuf_free(&r.json);
    return rc != 0 ? app_failed(&err) : app_finish_output(code);
}

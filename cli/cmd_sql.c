/* sql: read-only SQL, as a table, CSV or JSON. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "cli/app.h"
#include "cli/text.h"

enum form { FORM_TABLE, FORM_CSV, FORM_JSON, FORM_JSONL };

struct printer {
    enum form form;
    struct text_table *table;
    struct strbuf line;
    int64_t rows;
    const char *output; /* to be opened when the query gives its first answer; NULL: standard output */
    bool unwritable;
};

static void append_value(struct strbuf *b, const lh_value *v)
{
    switch (v->type) {
    case LH_NULL:
        break;
    case LH_INTEGER:
        strbuf_appendf(b, "%lld", (long long)v->integer);
        break;
    case LH_REAL:
        strbuf_appendf(b, "%.15g", v->real);
        break;
    case LH_TEXT:
        strbuf_append(b, v->text, v->len);
        break;
    case LH_BLOB:
        for (size_t i = 0; i < v->len; i++)
            strbuf_appendf(b, "%02x", (unsigned char)v->text[i]);
        break;
    }
}

/* As append_value; a text with a zero byte in it does not end there. */
static void append_visible(struct strbuf *b, const lh_value *v)
{
    if (v->type != LH_TEXT || memchr(v->text, 0, v->len) == NULL) {
        append_value(b, v);
        return;
    }
    for (size_t i = 0; i < v->len; i++)
        if (v->text[i] != '\0')
            strbuf_append_char(b, v->text[i]);
        else
            strbuf_append_str(b, "\\x00");
}

static void append_json_value(struct strbuf *b, const lh_value *v)
{
    struct strbuf text;
    if (v->type == LH_NULL || (v->type == LH_REAL && !isfinite(v->real))) {
        strbuf_append_str(b, "null");
    } else if (v->type == LH_TEXT) {
        json_append_string(b, v->text, v->len);
    } else if (v->type == LH_BLOB) {
        strbuf_init(&text);
        append_value(&text, v);
        json_append_string(b, text.data, text.len);
        strbuf_free(&text);
    } else {
        append_value(b, v);
    }
}

static void append_csv(struct strbuf *b, const char *text, size_t len)
{
    bool quote = memchr(text, '"', len) != NULL || memchr(text, ',', len) != NULL ||
                 memchr(text, '\n', len) != NULL || memchr(text, '\r', len) != NULL;
    if (!quote) {
        strbuf_append(b, text, len);
        return;
    }
    strbuf_append_char(b, '"');
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '"')
            strbuf_append_char(b, '"');
        strbuf_append_char(b, text[i]);
    }
    strbuf_append_char(b, '"');
}

static void print_csv(struct printer *p, int n, const char *const *names, const lh_value *values)
{
    struct strbuf cell;
    strbuf_init(&cell);
    strbuf_reset(&p->line);
    for (int i = 0; i < n; i++) {
        strbuf_reset(&cell);
        if (values != NULL)
            append_value(&cell, &values[i]);
        else
            strbuf_append_str(&cell, names[i]);
        append_csv(&p->line, cell.data, cell.len);
        strbuf_append_str(&p->line, i + 1 < n ? "," : "\r\n");
    }
    fwrite(p->line.data, 1, p->line.len, stdout);
    strbuf_free(&cell);
}

static void print_json(struct printer *p, int n, const char *const *names, const lh_value *values)
{
    strbuf_reset(&p->line);
    if (p->form == FORM_JSON)
        strbuf_append_str(&p->line, p->rows == 0 ? "[" : ",\n ");
    strbuf_append_char(&p->line, '{');
    for (int i = 0; i < n; i++) {
        if (i > 0)
            strbuf_append_char(&p->line, ',');
        json_append_string(&p->line, names[i], strlen(names[i]));
        strbuf_append_char(&p->line, ':');
        append_json_value(&p->line, &values[i]);
    }
    strbuf_append_str(&p->line, p->form == FORM_JSON ? "}" : "}\n");
    fwrite(p->line.data, 1, p->line.len, stdout);
}

enum { TABLE_MAX_COLUMNS = 60, TABLE_ROWS = 2000 };

/* The widths need rows to be seen first: a long result comes as tables of many rows each. */
static int add_to_table(struct printer *p, int n, const char *const *names, const lh_value *values)
{
    const char *cells[TABLE_MAX_COLUMNS];
    char *texts[TABLE_MAX_COLUMNS] = {NULL};
    struct strbuf cell;
    int columns = n < TABLE_MAX_COLUMNS ? n : TABLE_MAX_COLUMNS;
    if (p->table != NULL && p->rows % TABLE_ROWS == 0) {
        text_table_print(p->table, stdout);
        text_table_free(p->table);
        p->table = NULL;
    }
    if (p->table == NULL) {
        unsigned right = 0;
        for (int i = 0; values != NULL && i < columns && i < 32; i++)
            right |= values[i].type == LH_INTEGER || values[i].type == LH_REAL ? 1u << i : 0;
        p->table = text_table_new(columns, right);
        if (p->table == NULL)
            return 1;
        text_table_add(p->table, names);
    }
    for (int i = 0; values != NULL && i < columns; i++) {
        strbuf_init(&cell);
        append_visible(&cell, &values[i]);
        texts[i] = strbuf_take(&cell);
        cells[i] = texts[i];
    }
    if (values != NULL)
        text_table_add(p->table, cells);
    for (int i = 0; i < columns; i++)
        free(texts[i]);
    return 0;
}

/* A wrong query must not cost the file that was there. */
static int open_output(struct printer *p)
{
    const char *path = p->output;
    p->output = NULL;
    if (path == NULL || freopen(path, "w", stdout) != NULL)
        return 0;
    log_error("output %s: %s", path, strerror(errno));
    p->unwritable = true;
    return 1;
}

static int on_row(void *arg, int n, const char *const *names, const lh_value *values)
{
    struct printer *p = arg;
    if (open_output(p) != 0)
        return 1;
    if (p->form == FORM_TABLE && n > TABLE_MAX_COLUMNS && p->table == NULL && p->rows == 0)
        log_warn("a table shows %d of the %d columns; --format csv or json shows all", TABLE_MAX_COLUMNS, n);
    if (p->form == FORM_TABLE && add_to_table(p, n, names, values) != 0)
        return 1;
    if (p->form == FORM_CSV && p->rows == 0)
        print_csv(p, n, names, NULL);
    if (p->form == FORM_CSV && values != NULL)
        print_csv(p, n, names, values);
    if ((p->form == FORM_JSON || p->form == FORM_JSONL) && values != NULL)
        print_json(p, n, names, values);
    if (values != NULL)
        p->rows++;
    return ferror(stdout) ? 1 : 0;
}

static bool read_form(const char *name, enum form *out)
{
    static const char *const names[] = {"table", "csv", "json", "jsonl"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0) {
            *out = (enum form)i;
            return true;
        }
    return false;
}

static int read_query(const char *arg, struct strbuf *out)
{
    char chunk[4096];
    size_t n = 0;
    if (strcmp(arg, "-") != 0)
        return strbuf_append_str(out, arg);
    while ((n = fread(chunk, 1, sizeof chunk, stdin)) > 0)
        strbuf_append(out, chunk, n);
    return out->failed ? LH_ENOMEM : 0;
}

int cmd_sql(struct app *app)
{
    const struct settings *s = &app->settings;
    struct printer p = {.form = FORM_TABLE};
    struct strbuf query;
    lh_error err = {0};
    if (s->format != NULL && !read_form(s->format, &p.form)) {
        log_error("--format is \"%s\"; it must be table, csv, json or jsonl", s->format);
        return EXIT_USAGE;
    }
    if (s->output != NULL && strcmp(s->output, "-") != 0) {
        lh_export_options o;
        lh_export_options_default(&o);
        o.output = p.output = s->output;
        if (lh_export_check(s->db, &o, &err) != 0)
            return app_failed(&err);
    }
    strbuf_init(&p.line);
    strbuf_init(&query);
    int rc = read_query(app->args[0], &query);
    if (rc == 0)
        rc = lh_sql(s->db, query.data, on_row, &p, &err);
    if (p.form == FORM_TABLE && p.table != NULL)
        text_table_print(p.table, stdout);
    if (p.form == FORM_JSON && rc == 0)
        printf(p.rows == 0 ? "[]\n" : "]\n");
    text_table_free(p.table);
    strbuf_free(&p.line);
    strbuf_free(&query);
    if (p.unwritable)
        return EXIT_FAILED;
    return rc < 0 ? app_failed(&err) : app_finish_output(EXIT_DONE);
}

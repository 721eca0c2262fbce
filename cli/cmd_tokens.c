/* tokens: counts or lists the tokens of a text, of its lines, or of a field of JSON lines. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "cli/app.h"

struct counter {
    lh_encoding encoding;
    const struct settings *settings;
    const char *name; /* of the input, for people */
    FILE *in;
    struct json_parser *parser; /* owned */
    uint32_t *ids;              /* owned */
    size_t capacity;
    int64_t total, listed, line;
    lh_error err;
};

static lh_encoding choose(const struct settings *s, lh_error *err)
{
    lh_encoding encoding = LH_O200K_BASE;
    bool known = true;
    if (s->encoding != NULL)
        lh_encoding_named(s->encoding, &encoding, err);
    else if (s->model != NULL)
        encoding = lh_encoding_of_model(s->model, &known);
    if (!known)
        log_warn("the encoding of the model \"%s\" is not known; counting with %s", s->model,
                 lh_encoding_name(encoding));
    return encoding;
}

static void print_ids(struct counter *c, size_t count)
{
    for (size_t i = 0; i < count; i++)
        printf("%s%" PRIu32, c->listed++ == 0 ? "" : " ", c->ids[i]);
}

static void end_line(struct counter *c, int64_t count)
{
    if (c->settings->ids)
        putchar('\n');
    else
        printf("%" PRId64 "\n", count);
    c->listed = 0;
}

/* Counts the text, or lists its ids; how many, or a negative code with its message. */
static int64_t take(struct counter *c, const char *text, size_t len)
{
    int64_t count = c->settings->ids ? lh_tokens_encode(c->encoding, text, len, c->ids, c->capacity)
                                     : lh_tokens_count(c->encoding, text, len);
    if (c->settings->ids && count > (int64_t)c->capacity) {
        free(c->ids);
        c->capacity = (size_t)count;
        c->ids = malloc(c->capacity * sizeof *c->ids);
        if (c->ids == NULL)
            return lh_error_nomem(&c->err);
        count = lh_tokens_encode(c->encoding, text, len, c->ids, c->capacity);
    }
    if (count < 0)
        return lh_error_nomem(&c->err);
    if (c->settings->ids)
        print_ids(c, (size_t)count);
    c->total += count;
    return count;
}

static int read_failed(struct counter *c)
{
    return lh_error_set(&c->err, LH_EIO, "%s: %s", c->name, strerror(errno));
}

/* ---- the whole text, a block at a time, however long it is ---- */

enum { BLOCK = 1 << 20 };

struct block {
    char *data; /* owned */
    size_t len, size;
};

/* Reads on; 0 at the end of the input, negative when that failed, else how much came. */
static int64_t read_on(struct counter *c, struct block *b)
{
    if (b->size - b->len < BLOCK) {
        char *more = realloc(b->data, b->size = 2 * b->size + BLOCK);
        if (more == NULL)
            return lh_error_nomem(&c->err);
        b->data = more;
    }
    size_t n = fread(b->data + b->len, 1, b->size - b->len, c->in);
    b->len += n;
    return n == 0 && ferror(c->in) ? read_failed(c) : (int64_t)n;
}

static int count_whole(struct counter *c)
{
    struct block b = {NULL, 0, 0};
    int64_t rc = 0;
    while ((rc = read_on(c, &b)) > 0) {
        size_t cut = lh_tokens_cut(b.data, b.len);
        rc = take(c, b.data, cut);
        if (rc < 0 || ferror(stdout))
            break;
        memmove(b.data, b.data + cut, b.len -= cut);
    }
    if (rc == 0)
        rc = take(c, b.data, b.len);
    free(b.data);
    return rc < 0 ? (int)rc : 0;
}

/* ---- by lines ---- */

/* The field itself, or with dots in its name the field in a field. */
static json_object *find_field(json_object *line, const char *name)
{
    json_object *field = json_get(line, name);
    return field != NULL ? field : json_get_path(line, name);
}

static int64_t take_field(struct counter *c, const char *text, size_t len)
{
    const char *name = c->settings->jsonl;
    json_object *line = NULL;
    int64_t rc = json_parse(c->parser, text, len, &line, &c->err);
    if (rc == 0) {
        json_object *field = find_field(line, name);
        if (json_is_string(field))
            rc = take(c, json_object_get_string(field), (size_t)json_object_get_string_len(field));
        else
            rc = lh_error_set(&c->err, LH_EINPUT,
                              field == NULL ? "it has no field \"%s\"" : "its field \"%s\" is no text", name);
    }
    if (rc < 0)
        lh_error_prefix(&c->err, "%s, line %" PRId64, c->name, c->line);
    json_object_put(line);
    return rc;
}

static bool is_blank(const char *text, size_t len)
{
    return strspn(text, " \t\r") >= len;
}

/* A blank line among JSON has no tokens, so that counts stay beside their lines. */
static int count_lines(struct counter *c)
{
    char *line = NULL;
    size_t size = 0;
    int64_t rc = 0;
    ssize_t len = 0;
    while (rc >= 0 && !ferror(stdout) && (len = getline(&line, &size, c->in)) >= 0) {
        size_t n = (size_t)len;
        n -= n > 0 && line[n - 1] == '\n' ? 1 : 0;
        n -= n > 0 && line[n - 1] == '\r' ? 1 : 0;
        line[n] = '\0';
        c->line++;
        if (c->settings->jsonl == NULL)
            rc = take(c, line, n);
        else
            rc = is_blank(line, n) ? 0 : take_field(c, line, n);
        if (rc >= 0 && c->settings->lines)
            end_line(c, rc);
    }
    free(line);
    if (rc >= 0 && ferror(c->in))
        rc = read_failed(c);
    return rc < 0 ? (int)rc : 0;
}

static int open_input(struct app *app, struct counter *c)
{
    const char *path = app->n_args > 0 ? app->args[0] : "-";
    bool standard = strcmp(path, "-") == 0;
    c->name = standard ? "standard input" : path;
    c->in = standard ? stdin : fopen(path, "rb");
    return c->in != NULL ? 0 : lh_error_set(&c->err, LH_ENOTFOUND, "%s: %s", path, strerror(errno));
}

static int count_input(struct counter *c)
{
    const struct settings *s = c->settings;
    c->parser = json_parser_new();
    if (c->parser == NULL)
        return lh_error_nomem(&c->err);
    int rc = s->lines || s->jsonl != NULL ? count_lines(c) : count_whole(c);
    if (rc == 0 && !s->lines)
        end_line(c, c->total);
    json_parser_free(c->parser);
    free(c->ids);
    return rc;
}

int cmd_tokens(struct app *app)
{
    struct counter c = {.settings = &app->settings};
    c.encoding = choose(&app->settings, &c.err);
    int rc = c.err.code != 0 ? c.err.code : open_input(app, &c);
    if (rc == 0)
        rc = count_input(&c);
    if (c.in != NULL && c.in != stdin)
        fclose(c.in);
    return app_finish_output(rc != 0 ? app_failed(&c.err) : EXIT_DONE);
}

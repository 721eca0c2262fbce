/* One input line: see line.h. */
#include "batch/line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch/line_body.h"
#include "batch/template.h"
#include "longhaul.h"
#include "provider/provider.h"
#include "tokens/prompt.h"

enum { ID_MAX = 512, URL_MAX = 2048 };

struct line_parser {
    struct line_rules rules;
    struct json_parser *json;
    struct strbuf scratch;
    struct csv_record header, record;
};

struct line_parser *line_parser_new(const struct line_rules *rules)
{
    struct line_parser *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    p->rules = *rules;
    strbuf_init(&p->scratch);
    csv_record_init(&p->header);
    csv_record_init(&p->record);
    p->json = json_parser_new();
    if (p->json == NULL) {
        line_parser_free(p);
        return NULL;
    }
    return p;
}

void line_parser_free(struct line_parser *p)
{
    if (p == NULL)
        return;
    json_parser_free(p->json);
    strbuf_free(&p->scratch);
    csv_record_free(&p->header);
    csv_record_free(&p->record);
    free(p);
}

static int add_text(struct strbuf *text, const char *data, size_t len, size_t *offset)
{
    *offset = text->len;
    strbuf_append(text, data, len);
    strbuf_append_char(text, '\0');
    return text->failed ? LH_ENOMEM : 0;
}

static int add_line_id(struct strbuf *text, int64_t number, size_t *offset)
{
    char id[32];
    int n = snprintf(id, sizeof id, "line-%lld", (long long)number);
    return add_text(text, id, (size_t)n, offset);
}

/* ---- custom_id ---- */

static int check_id(const char *id, size_t len, lh_error *err)
{
    if (len == 0)
        return lh_error_set(err, LH_EINPUT, "custom_id is empty");
    if (len > ID_MAX)
        return lh_error_set(err, LH_EINPUT, "custom_id is longer than %d bytes", ID_MAX);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)id[i] < ' ' || id[i] == 0x7f)
            return lh_error_set(err, LH_EINPUT, "custom_id holds control characters");
    return 0;
}

/* json-c ends its integers at these two: what was written may have been larger, and would come out as another number. */
static bool is_beyond_integers(json_object *value)
{
    return json_object_is_type(value, json_type_int) &&
           (json_object_get_uint64(value) == UINT64_MAX || json_object_get_int64(value) == INT64_MIN);
}

static int take_id(json_object *value, struct strbuf *text, struct line_job *job, const char *name,
                   lh_error *err)
{
    if (!json_is_string(value) && !json_object_is_type(value, json_type_int))
        return lh_error_set(err, LH_EINPUT, "%s must be a string", name);
    if (is_beyond_integers(value))
        return lh_error_set(err, LH_EINPUT, "%s is too large for a number; write it as a string", name);
    const char *id = json_object_get_string(value);
    size_t len = strlen(id);
    if (json_is_string(value) && len != (size_t)json_object_get_string_len(value))
        return lh_error_set(err, LH_EINPUT, "%s holds control characters", name);
    int rc = check_id(id, len, err);
    return rc == 0 ? add_text(text, id, len, &job->custom_id) : rc;
}

bool line_is_url(const char *url, size_t len)
{
    bool plain = len > 0 && len <= URL_MAX && url[0] == '/';
    for (size_t i = 0; i < len && plain; i++)
        plain = (unsigned char)url[i] > ' ' && url[i] != 0x7f;
    return plain;
}

/* ---- bodies ---- */

/* Of two members with one name, one reader takes the first and another the last: what is priced may not be what is asked. */
static int check_members(const char *what, const char *data, size_t len, json_object *object, lh_error *err)
{
    struct json_members it;
    struct json_span key, value;
    int members = 0;
    json_members_begin(&it, data, len);
    while (json_members_next(&it, &key, &value))
        members++;
    if (members != json_object_object_length(object))
        return lh_error_set(err, LH_EINPUT, "a member stands twice in the %s", what);
    return 0;
}

static bool find_member(const char *data, size_t len, const char *name, struct json_span *value)
{
    struct json_members it;
    struct json_span key;
    json_members_begin(&it, data, len);
    while (json_members_next(&it, &key, value))
        if (json_span_is(key, name))
            return true;
    return false;
}

/* ---- the kinds of lines ---- */

static int parse_batch_line(struct line_parser *p, const struct source_line *line, json_object *object,
                            struct strbuf *text, struct line_job *job, lh_error *err)
{
    static const char *const known[] = {"custom_id", "method", "url", "body"};
    const char *method = json_get_string(object, "method"), *url = json_get_string(object, "url");
    size_t url_len = (size_t)json_object_get_string_len(json_get(object, "url"));
    json_object *body = json_get(object, "body");
    if (json_get(object, "custom_id") == NULL)
        return lh_error_set(err, LH_EINPUT, "custom_id is missing");
    int rc = take_id(json_get(object, "custom_id"), text, job, "custom_id", err);
    if (rc != 0)
        return rc;
    if (json_get(object, "method") != NULL && (method == NULL || strcmp(method, "POST") != 0))
        return lh_error_set(err, LH_EINPUT, "method must be \"POST\"");
    if (url == NULL || !line_is_url(url, url_len))
        return lh_error_set(err, LH_EINPUT, "url must be a path such as \"/v1/chat/completions\"");
    json_object_object_foreach(object, name, unused)
    {
        (void)unused;
        bool is_known = false;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            is_known = is_known || strcmp(name, known[i]) == 0;
        if (!is_known)
            return lh_error_set(err, LH_EINPUT,
                                "\"%.60s\" is no member of a batch line (custom_id, method, url, body)",
                                name);
    }
    struct body_edit edit = {0};
    struct json_span span = {0};
    if (json_is_object(body) && !find_member(line->data, line->len, "body", &span))
        return lh_error_set(err, LH_EINPUT, "body must be written without escapes in its name");
    if (json_is_object(body))
        rc = check_members("body", span.data, span.len, body, err);
    if (rc == 0)
        rc = line_body_check(&p->rules, url, body, text, job, &edit, err);
    if (rc == 0)
        rc = add_text(text, url, strlen(url), &job->url);
    return rc == 0 ? line_body_add(&p->rules, span, &edit, text, job, err) : rc;
}

static const char *bare_url(struct line_parser *p, json_object *object)
{
    if (p->rules.url != NULL)
        return p->rules.url;
    if (json_get(object, "messages") != NULL)
        return "/v1/chat/completions";
    return json_get(object, "prompt") != NULL ? "/v1/completions" : "/v1/responses";
}

static struct json_span whole_object(const struct source_line *line)
{
    const char *begin = line->data, *end = line->data + line->len;
    while (*begin != '{')
        begin++;
    while (end[-1] != '}')
        end--;
    return (struct json_span){begin, (size_t)(end - begin)};
}

static int parse_bare_line(struct line_parser *p, const struct source_line *line, json_object *object,
                           struct strbuf *text, struct line_job *job, lh_error *err)
{
    json_object *id = NULL;
    struct body_edit edit = {.without_id = json_object_object_get_ex(object, "custom_id", &id)};
    int rc = id != NULL ? take_id(id, text, job, "custom_id", err) : 0;
    const char *url = bare_url(p, object);
    if (rc == 0)
        rc = line_body_check(&p->rules, url, object, text, job, &edit, err);
    if (rc == 0)
        rc = add_text(text, url, strlen(url), &job->url);
    return rc == 0 ? line_body_add(&p->rules, whole_object(line), &edit, text, job, err) : rc;
}

/* ---- rows ---- */

static int object_field(void *arg, const char *name, struct strbuf *out, lh_error *err)
{
    json_object *object = arg;
    json_object *value = json_get(object, name);
    if (value == NULL)
        value = json_get_path(object, name);
    if (value == NULL)
        return lh_error_set(err, LH_EINPUT, "the row has no field \"%.100s\"", name);
    if (json_is_string(value))
        return strbuf_append(out, json_object_get_string(value), (size_t)json_object_get_string_len(value));
    if (is_beyond_integers(value))
        return lh_error_set(err, LH_EINPUT, "\"%.100s\" is too large for a number; write it as a string",
                            name);
    return strbuf_append_str(
        out, json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}

static int csv_column(const struct line_parser *p, const char *name)
{
    for (size_t i = 0; i < p->header.count; i++)
        if (strcmp(csv_field(&p->header, i), name) == 0)
            return (int)i;
    return -1;
}

static int csv_value(void *arg, const char *name, struct strbuf *out, lh_error *err)
{
    struct line_parser *p = arg;
    int column = csv_column(p, name);
    if (column < 0)
        return lh_error_set(err, LH_EINPUT, "the CSV header has no column \"%.100s\"", name);
    return strbuf_append_str(out, csv_field(&p->record, (size_t)column));
}

/* A chat request with the filled template as its one message. */
static int add_row_body(struct line_parser *p, template_field_fn field, void *arg, struct strbuf *text,
                        struct line_job *job, lh_error *err)
{
    strbuf_reset(&p->scratch);
    int rc = template_fill(p->rules.prompt_template, field, arg, &p->scratch, err);
    if (rc != 0)
        return rc;
    if (p->rules.model == NULL)
        return lh_error_set(err, LH_EINPUT, "rows need a model; give --model");
    const char *url = p->rules.url != NULL ? p->rules.url : "/v1/chat/completions";
    rc = add_text(text, url, strlen(url), &job->url);
    return rc == 0 ? line_body_add_prompt(&p->rules, url, &p->scratch, text, job, err) : lh_error_nomem(err);
}

static int row_id(struct line_parser *p, template_field_fn field, void *arg, struct strbuf *text,
                  struct line_job *job, lh_error *err)
{
    if (p->rules.id_field == NULL)
        return 0;
    strbuf_reset(&p->scratch);
    int rc = field(arg, p->rules.id_field, &p->scratch, err);
    if (rc == 0)
        rc = check_id(p->scratch.data, p->scratch.len, err);
    return rc == 0 ? add_text(text, p->scratch.data, p->scratch.len, &job->custom_id) : rc;
}

static int parse_row(struct line_parser *p, template_field_fn field, void *arg, struct strbuf *text,
                     struct line_job *job, lh_error *err)
{
    int rc = row_id(p, field, arg, text, job, err);
    return rc == 0 ? add_row_body(p, field, arg, text, job, err) : rc;
}

static int parse_csv(struct line_parser *p, const struct source_line *line, struct strbuf *text,
                     struct line_job *job, bool *blank, lh_error *err)
{
    size_t bad = 0;
    if (!utf8_is_valid(line->data, line->len, &bad))
        return lh_error_set(err, LH_EINPUT, "not valid UTF-8 at byte %zu", bad + 1);
    if (memchr(line->data, '\0', line->len) != NULL)
        return lh_error_set(err, LH_EINPUT, "a zero byte in the record");
    struct csv_record *into = line->first_of_input ? &p->header : &p->record;
    int rc = csv_split(line->data, line->len, into, err);
    if (rc != 0)
        into->count = 0;
    *blank = rc == 0 && line->first_of_input;
    if (rc != 0 || *blank)
        return rc;
    if (p->record.count != p->header.count)
        return lh_error_set(err, LH_EINPUT, "%zu fields, where the header has %zu", p->record.count,
                            p->header.count);
    return parse_row(p, csv_value, p, text, job, err);
}

static int parse_object(struct line_parser *p, const struct source_line *line, json_object *object,
                        struct strbuf *text, struct line_job *job, lh_error *err)
{
    if (!json_is_object(object))
        return lh_error_set(err, LH_EINPUT, "the line is no JSON object");
    int rc = check_members("line's object", line->data, line->len, object, err);
    if (rc != 0)
        return rc;
    if (p->rules.prompt_template != NULL)
        return parse_row(p, object_field, object, text, job, err);
    if (json_get(object, "body") != NULL || json_get(object, "url") != NULL)
        return parse_batch_line(p, line, object, text, job, err);
    if (json_get(object, "messages") != NULL || json_get(object, "prompt") != NULL ||
        json_get(object, "input") != NULL)
        return parse_bare_line(p, line, object, text, job, err);
    return lh_error_set(err, LH_EINPUT,
                        "neither a batch line (custom_id, url, body) nor a bare one (messages, prompt, "
                        "input); for other rows give "
                        "--template");
}

int line_parse(struct line_parser *p, const struct source_line *line, struct strbuf *text,
               struct line_job *job, bool *blank, lh_error *err)
{
    *job = (struct line_job){.line = line->number};
    *blank = line->is_blank;
    if (*blank)
        return 0;
    size_t begin = text->len;
    int rc = add_line_id(text, line->number, &job->custom_id);
    if (rc != 0)
        return lh_error_nomem(err);
    size_t after_id = text->len;
    if (line->first_of_input) /* a header that cannot be read must not leave that of the input before in its place */
        p->header.count = 0;
    if (line->too_long)
        return lh_error_set(err, LH_EINPUT, "longer than is allowed; raise --max-line");
    if (line->is_csv) {
        rc = parse_csv(p, line, text, job, blank, err);
    } else {
        json_object *object = NULL;
        rc = json_parse(p->json, line->data, line->len, &object, err);
        if (rc == 0)
            rc = parse_object(p, line, object, text, job, err);
        json_object_put(object);
    }
    if (rc == LH_ENOMEM)
        return lh_error_nomem(err);
    if (*blank)
        text->len = begin;
    else if (rc != 0 && job->custom_id == begin)
        text->len = after_id;
    return rc;
}

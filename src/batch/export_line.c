/* A finished job as a line of output: see export_line.h. */
#include "batch/export_line.h"

#include <stdlib.h>
#include <string.h>

#include "batch/csv.h"

struct export_format {
    bool csv;
    struct json_parser *parser;
};

int export_format_new(const char *name, struct export_format **out, lh_error *err)
{
    *out = NULL;
    bool csv = strcmp(name, "csv") == 0;
    if (!csv && strcmp(name, "jsonl") != 0)
        return lh_error_set(err, LH_EUSAGE, "format is \"%.50s\"; it must be jsonl or csv", name);
    struct export_format *f = calloc(1, sizeof *f);
    if (f == NULL || (f->parser = json_parser_new()) == NULL) {
        free(f);
        return lh_error_nomem(err);
    }
    f->csv = csv;
    *out = f;
    return 0;
}

void export_format_free(struct export_format *f)
{
    if (f == NULL)
        return;
    json_parser_free(f->parser);
    free(f);
}

/* ---- JSON lines ---- */

static void append_string(struct strbuf *out, const char *text)
{
    if (text != NULL)
        json_append_string(out, text, strlen(text));
    else
        strbuf_append_str(out, "null");
}

/* Valid JSON on one line: line ends can stand between its tokens only. */
static void append_compact(struct strbuf *out, const char *text, size_t len)
{
    size_t at = out->len;
    strbuf_append(out, text, len);
    for (char *p = out->data + at; !out->failed && p < out->data + out->len; p++)
        if (*p == '\n' || *p == '\r')
            *p = ' ';
}

static void append_body(struct export_format *f, const struct export_row *row, struct strbuf *out)
{
    json_object *value = NULL;
    /* A result's body was checked before it was stored; a dead letter's may be anything. */
    if (!row->dead || json_parse(f->parser, row->body, row->body_len, &value, NULL) == 0)
        append_compact(out, row->body, row->body_len);
    else
        json_append_string(out, row->body, row->body_len);
    json_object_put(value);
}

static void append_response(struct export_format *f, const struct export_row *row, struct strbuf *out)
{
    strbuf_append_str(out, ",\"response\":");
    if (row->body == NULL || row->status_code == INT64_MIN) {
        strbuf_append_str(out, "null");
        return;
    }
    strbuf_appendf(out, "{\"status_code\":%lld,\"request_id\":", (long long)row->status_code);
    append_string(out, row->request_id);
    strbuf_append_str(out, ",\"body\":");
    append_body(f, row, out);
    strbuf_append_char(out, '}');
}

static void append_error(const struct export_row *row, struct strbuf *out)
{
    strbuf_append_str(out, ",\"error\":");
    if (!row->dead) {
        strbuf_append_str(out, "null");
        return;
    }
    strbuf_append_str(out, "{\"code\":");
    append_string(out, row->error_code);
    strbuf_append_str(out, ",\"message\":");
    append_string(out, row->error_message);
    strbuf_append_char(out, '}');
}

static int append_json(struct export_format *f, const struct export_row *row, struct strbuf *out)
{
    strbuf_appendf(out, "{\"id\":\"lh_%lld\",\"custom_id\":", (long long)row->job_id);
    append_string(out, row->custom_id);
    append_response(f, row, out);
    append_error(row, out);
    strbuf_append_str(out, "}\n");
    return out->failed ? LH_ENOMEM : 0;
}

/* ---- CSV ---- */

static void csv_text(struct strbuf *out, const char *text)
{
    if (text != NULL)
        csv_append(out, text, strlen(text));
    strbuf_append_char(out, ',');
}

static void csv_int(struct strbuf *out, int64_t value)
{
    if (value != INT64_MIN)
        strbuf_appendf(out, "%lld", (long long)value);
    strbuf_append_char(out, ',');
}

static json_object *first_of(json_object *obj, const char *key)
{
    json_object *list = json_get(obj, key);
    return json_is_array(list) && json_object_array_length(list) > 0 ? json_object_array_get_idx(list, 0)
                                                                     : NULL;
}

static json_object *text_in(json_object *obj, const char *key)
{
    json_object *text = json_get(obj, key);
    return json_is_string(text) ? text : NULL;
}

/* The first text among the parts of a list: others (thinking, reasoning, calls of tools) may come before. */
static json_object *text_of_parts(json_object *parts)
{
    size_t n = json_is_array(parts) ? json_object_array_length(parts) : 0;
    json_object *text = NULL;
    for (size_t i = 0; i < n && text == NULL; i++)
        text = text_in(json_object_array_get_idx(parts, i), "text");
    return text;
}

static json_object *text_of_outputs(json_object *outputs)
{
    size_t n = json_is_array(outputs) ? json_object_array_length(outputs) : 0;
    json_object *text = NULL;
    for (size_t i = 0; i < n && text == NULL; i++)
        text = text_of_parts(json_get(json_object_array_get_idx(outputs, i), "content"));
    return text;
}

/* The answer's text in a body of chat, completions, messages or responses; NULL when there is none. */
static json_object *answer_of(json_object *body)
{
    json_object *choice = first_of(body, "choices");
    json_object *text = text_in(json_get(choice, "message"), "content");
    if (text == NULL)
        text = text_in(choice, "text");
    if (text == NULL)
        text = text_of_parts(json_get(body, "content"));
    return text != NULL ? text : text_of_outputs(json_get(body, "output"));
}

static void csv_answer(struct strbuf *out, json_object *text)
{
    if (text != NULL)
        csv_append(out, json_object_get_string(text), (size_t)json_object_get_string_len(text));
    strbuf_append_char(out, ',');
}

static int append_csv(struct export_format *f, const struct export_row *row, struct strbuf *out)
{
    json_object *body = NULL;
    if (!row->dead && row->body != NULL)
        json_parse(f->parser, row->body, row->body_len, &body, NULL);
    csv_text(out, row->custom_id);
    csv_text(out, row->dead ? "dead" : "done");
    csv_answer(out, answer_of(body));
    csv_text(out, row->finish_reason);
    csv_text(out, row->model);
    csv_int(out, row->prompt_tokens);
    csv_int(out, row->completion_tokens);
    csv_int(out, row->latency_ms);
    csv_int(out, row->attempts);
    csv_text(out, row->dead ? row->error_code : NULL);
    csv_text(out, row->dead ? row->error_message : NULL);
    csv_int(out, row->cached_tokens);
    if (row->cost_nanousd != INT64_MIN)
        strbuf_appendf(out, "%.9f", (double)row->cost_nanousd / 1e9);
    strbuf_append_str(out, "\r\n");
    json_object_put(body);
    return out->failed ? LH_ENOMEM : 0;
}

int export_header(struct export_format *f, struct strbuf *out)
{
    if (!f->csv)
        return 0;
    return strbuf_append_str(
        out, "custom_id,status,answer,finish_reason,model,prompt_tokens,completion_tokens,latency_ms,"
             "attempts,error_code,error_message,cached_tokens,cost_usd\r\n");
}

int export_line(struct export_format *f, const struct export_row *row, struct strbuf *out)
{
    return f->csv ? append_csv(f, row, out) : append_json(f, row, out);
}

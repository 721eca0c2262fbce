/* The body of a request as it leaves: see line_body.h. */
#include "batch/line_body.h"

#include <string.h>

#include "longhaul.h"
#include "provider/provider.h"

/* ---- measuring ---- */

static int add_model_name(struct strbuf *text, const char *model, struct line_job *job)
{
    const char *name = model != NULL ? model : "";
    job->model = text->len;
    strbuf_append(text, name, strlen(name) + 1);
    return text->failed ? LH_ENOMEM : 0;
}

static void take_count(struct line_job *job, const struct prompt_count *count)
{
    job->prompt_tokens = count->tokens;
    job->approximate_tokens = count->approximate;
    job->basis = count->basis;
}

/* A body that names no model gets that of the rules, one that bounds its answer by nothing their bound. */
static void plan_edit(const struct line_rules *rules, const char *url, json_object *body,
                      struct body_edit *edit)
{
    edit->with_model = rules->model != NULL && json_get(body, "model") == NULL;
    edit->without_model = edit->with_model && json_object_object_get_ex(body, "model", NULL);
    if (edit->with_model)
        json_object_object_add(body, "model", json_object_new_string(rules->model));
    edit->bound_key = provider_bound_key(url, provider_request_model(body));
    edit->with_bound = rules->max_tokens > 0 && edit->bound_key != NULL && !provider_names_bound(body);
    if (edit->with_bound)
        json_object_object_add(body, edit->bound_key, json_object_new_int64(rules->max_tokens));
}

int line_body_check(const struct line_rules *rules, const char *url, json_object *body, struct strbuf *text,
                    struct line_job *job, struct body_edit *edit, lh_error *err)
{
    struct prompt_count count = {0};
    if (json_is_object(body))
        plan_edit(rules, url, body, edit);
    int rc = provider_check_request(url, body, err);
    if (rc == 0)
        rc = add_model_name(text, provider_request_model(body), job);
    if (rc == 0)
        rc = prompt_count(url, body, &count);
    if (rc != 0)
        return rc;
    take_count(job, &count);
    job->prompts = provider_request_prompts(url, body);
    job->answers = provider_request_answers(url, body);
    job->tier = provider_request_tier(body);
    job->max_output_tokens = provider_request_max_output(url, body);
    if (job->max_output_tokens < 0)
        job->max_output_tokens = LH_UNKNOWN;
    return 0;
}

/* ---- writing ---- */

/* "model":"m","max_tokens":100 */
static void append_given(const struct line_rules *rules, const struct body_edit *edit, struct strbuf *text)
{
    if (edit->with_model) {
        strbuf_append_str(text, "\"model\":");
        json_append_string(text, rules->model, strlen(rules->model));
    }
    if (edit->with_bound)
        strbuf_appendf(text, "%s\"%s\":%lld", edit->with_model ? "," : "", edit->bound_key,
                       (long long)rules->max_tokens);
}

static bool is_empty_object(struct json_span body)
{
    struct json_members it;
    struct json_span key, value;
    json_members_begin(&it, body.data, body.len);
    return !json_members_next(&it, &key, &value);
}

/* The members that stay, each as it was written. LH_EINPUT when one that goes is not found under its plain name. */
static int append_members(struct strbuf *text, struct json_span body, const struct body_edit *edit,
                          bool first, lh_error *err)
{
    struct json_members it;
    struct json_span key, value;
    int left_out = 0;
    json_members_begin(&it, body.data, body.len);
    while (json_members_next(&it, &key, &value)) {
        if ((edit->without_id && json_span_is(key, "custom_id")) ||
            (edit->without_model && json_span_is(key, "model"))) {
            left_out++;
            continue;
        }
        if (!first)
            strbuf_append_char(text, ',');
        first = false;
        strbuf_append(text, key.data - 1, key.len + 2);
        strbuf_append_char(text, ':');
        strbuf_append(text, value.data, value.len);
    }
    if (left_out != edit->without_id + edit->without_model)
        return lh_error_set(err, LH_EINPUT, "the names custom_id and model must be written without escapes");
    strbuf_append_char(text, '}');
    return 0;
}

int line_body_add(const struct line_rules *rules, struct json_span span, const struct body_edit *edit,
                  struct strbuf *text, struct line_job *job, lh_error *err)
{
    bool rewrite = edit->without_id || edit->without_model, given = edit->with_model || edit->with_bound;
    int rc = 0;
    job->body = text->len;
    if (rewrite || given)
        strbuf_append_char(text, '{');
    append_given(rules, edit, text);
    if (given && !rewrite && !is_empty_object(span))
        strbuf_append_char(text, ',');
    if (rewrite)
        rc = append_members(text, span, edit, !given, err);
    else
        strbuf_append(text, span.data + (given ? 1 : 0), span.len - (given ? 1 : 0));
    job->body_len = text->len - job->body;
    strbuf_append_char(text, '\0');
    return rc == 0 && text->failed ? LH_ENOMEM : rc;
}

static bool is_chat(const char *url)
{
    return strcmp(provider_prompt_field(url), "messages") == 0;
}

static void append_prompt(const char *url, const struct strbuf *prompt, struct strbuf *text)
{
    strbuf_appendf(text, ",\"%s\":%s", provider_prompt_field(url),
                   is_chat(url) ? "[{\"role\":\"user\",\"content\":" : "");
    json_append_string(text, prompt->data, prompt->len);
    strbuf_append_str(text, is_chat(url) ? "}]}" : "}");
}

/* Chat requests, nearly all, are counted without making a tree of them. */
static int count_prompt(const struct line_rules *rules, const char *url, const struct strbuf *prompt,
                        struct prompt_count *out)
{
    if (is_chat(url) && dialect_of_url(url) == DIALECT_OPENAI)
        return prompt_count_message(rules->model, prompt->data, prompt->len, out);
    json_object *body = line_body_of_prompt(rules, url, prompt->data, prompt->len);
    int rc = body != NULL ? prompt_count(url, body, out) : LH_ENOMEM;
    json_object_put(body);
    return rc;
}

json_object *line_body_of_prompt(const struct line_rules *rules, const char *url, const char *prompt,
                                 size_t len)
{
    const char *bound_key = provider_bound_key(url, rules->model);
    json_object *body = json_object_new_object(), *message = json_object_new_object(),
                *messages = json_object_new_array(), *text = json_object_new_string_len(prompt, (int)len);
    if (body == NULL || message == NULL || messages == NULL || text == NULL) {
        json_object_put(body);
        json_object_put(message);
        json_object_put(messages);
        json_object_put(text);
        return NULL;
    }
    if (rules->model != NULL)
        json_object_object_add(body, "model", json_object_new_string(rules->model));
    if (rules->max_tokens > 0 && bound_key != NULL)
        json_object_object_add(body, bound_key, json_object_new_int64(rules->max_tokens));
    if (!is_chat(url)) {
        json_object_object_add(body, provider_prompt_field(url), text);
        json_object_put(message);
        json_object_put(messages);
        return body;
    }
    json_object_object_add(message, "role", json_object_new_string("user"));
    json_object_object_add(message, "content", text);
    json_object_array_add(messages, message);
    json_object_object_add(body, "messages", messages);
    return body;
}

int line_body_add_prompt(const struct line_rules *rules, const char *url, const struct strbuf *prompt,
                         struct strbuf *text, struct line_job *job, lh_error *err)
{
    struct prompt_count count = {0};
    struct body_edit edit = {.with_model = true, .bound_key = provider_bound_key(url, rules->model)};
    edit.with_bound = rules->max_tokens > 0 && edit.bound_key != NULL;
    int rc = add_model_name(text, rules->model, job);
    if (rc == 0)
        rc = count_prompt(rules, url, prompt, &count);
    job->body = text->len;
    strbuf_append_char(text, '{');
    append_given(rules, &edit, text);
    append_prompt(url, prompt, text);
    job->body_len = text->len - job->body;
    strbuf_append_char(text, '\0');
    take_count(job, &count);
    job->prompts = job->answers = 1;
    job->max_output_tokens = edit.bound_key == NULL ? 0 : edit.with_bound ? rules->max_tokens : LH_UNKNOWN;
    return rc == 0 && text->failed ? lh_error_nomem(err) : rc;
}

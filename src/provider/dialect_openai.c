/* Answers of the OpenAI dialect, as its many servers send them: chat completions, responses, embeddings, completions. */
#include <stdio.h>
#include <string.h>

#include "provider/dialects.h"

static int64_t first_known(int64_t a, int64_t b)
{
    return a >= 0 ? a : b;
}

static void read_usage(json_object *body, struct usage *out)
{
    json_object *usage = json_get(body, "usage");
    out->prompt_tokens = first_known(token_count(usage, "prompt_tokens"), token_count(usage, "input_tokens"));
    out->completion_tokens =
        first_known(token_count(usage, "completion_tokens"), token_count(usage, "output_tokens"));
    out->cached_tokens = first_known(token_count(json_get(usage, "prompt_tokens_details"), "cached_tokens"),
                                     token_count(json_get(usage, "input_tokens_details"), "cached_tokens"));
    out->reasoning_tokens =
        first_known(token_count(json_get(usage, "completion_tokens_details"), "reasoning_tokens"),
                    token_count(json_get(usage, "output_tokens_details"), "reasoning_tokens"));
}

static json_object *first_choice(json_object *body)
{
    json_object *choices = json_get(body, "choices");
    return json_is_array(choices) && json_object_array_length(choices) > 0
               ? json_object_array_get_idx(choices, 0)
               : NULL;
}

/* "" is an answer too, as models give it, but not of one that was held back. */
static bool is_filled(json_object *value)
{
    return json_is_array(value) ? json_object_array_length(value) > 0
                                : json_is_string(value) || json_is_object(value);
}

static bool has_text(json_object *value)
{
    return is_filled(value) && !(json_is_string(value) && json_object_get_string_len(value) == 0);
}

static bool read_chat(json_object *body, struct answer *out)
{
    static const char *const holders[] = {"content", "tool_calls",        "function_call", "refusal",
                                          "audio",   "reasoning_content", "reasoning"};
    json_object *choice = first_choice(body);
    json_object *message = json_get(choice, "message");
    copy_name(out->finish_reason, sizeof out->finish_reason, json_get_string(choice, "finish_reason"));
    bool filled = false, text = false;
    for (size_t i = 0; i < sizeof holders / sizeof *holders; i++) {
        filled |= is_filled(json_get(message, holders[i]));
        text |= has_text(json_get(message, holders[i]));
    }
    if (!text && strcmp(out->finish_reason, "content_filter") == 0)
        return refuse_content(out, "content_filter");
    return filled;
}

static bool read_completion(json_object *body, struct answer *out)
{
    json_object *choice = first_choice(body);
    copy_name(out->finish_reason, sizeof out->finish_reason, json_get_string(choice, "finish_reason"));
    json_object *text = json_get(choice, "text");
    if (!has_text(text) && strcmp(out->finish_reason, "content_filter") == 0)
        return refuse_content(out, "content_filter");
    return json_is_string(text);
}

static bool read_embeddings(json_object *body, struct answer *out)
{
    (void)out;
    json_object *data = json_get(body, "data");
    return json_is_array(data) && json_object_array_length(data) > 0 &&
           has_text(json_get(json_object_array_get_idx(data, 0), "embedding"));
}

static bool read_response(json_object *body, struct answer *out)
{
    const char *status = json_get_string(body, "status");
    const char *why = json_get_string(json_get(body, "incomplete_details"), "reason");
    copy_name(out->finish_reason, sizeof out->finish_reason, why != NULL ? why : status);
    if (status != NULL && (strcmp(status, "failed") == 0 || strcmp(status, "cancelled") == 0)) {
        snprintf(out->error_code, sizeof out->error_code, "response_%.20s", status);
        snprintf(out->message, sizeof out->message, "HTTP 200, but the response has the status %.20s",
                 status);
        return false;
    }
    json_object *output = json_get(body, "output");
    bool filled = json_is_array(output) && json_object_array_length(output) > 0;
    if (!filled && strcmp(out->finish_reason, "content_filter") == 0)
        return refuse_content(out, "content_filter");
    return filled;
}

static const struct {
    const char *path;
    bool (*read)(json_object *body, struct answer *out);
} endpoints[] = {
    {"/chat/completions", read_chat},
    {"/completions", read_completion},
    {"/embeddings", read_embeddings},
    {"/responses", read_response},
};

bool openai_read_answer(const char *url, json_object *body, struct answer *out)
{
    copy_name(out->model, sizeof out->model, json_get_string(body, "model"));
    read_usage(body, &out->usage);
    struct span path = endpoint_of_url(url);
    for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++)
        if (span_is(path, endpoints[i].path))
            return endpoints[i].read(body, out);
    return true; /* an endpoint that is not known: any object without an error is its answer */
}

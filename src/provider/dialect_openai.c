/* Answers of the OpenAI dialect, as its many servers send them: chat completions, responses, embeddings, completions. */
#include <stdio.h>
#include <string.h>

#include "provider/dialects.h"

/* Some servers write token counts as floats. */
static int64_t get_count(json_object *obj, const char *key)
{
    json_object *value = json_get(obj, key);
    if (json_object_is_type(value, json_type_double)) {
        double number = json_object_get_double(value);
        return number >= 0 && number < 1e15 ? (int64_t)number : -1;
    }
    int64_t count = json_get_int(obj, key, -1);
    return count >= 0 && count < INT64_C(1000000000000000) ? count : -1;
}

static int64_t first_known(int64_t a, int64_t b)
{
    return a >= 0 ? a : b;
}

static void read_usage(json_object *body, struct usage *out)
{
    json_object *usage = json_get(body, "usage");
    out->prompt_tokens = first_known(get_count(usage, "prompt_tokens"), get_count(usage, "input_tokens"));
    out->completion_tokens =
        first_known(get_count(usage, "completion_tokens"), get_count(usage, "output_tokens"));
    out->cached_tokens = first_known(get_count(json_get(usage, "prompt_tokens_details"), "cached_tokens"),
                                     get_count(json_get(usage, "input_tokens_details"), "cached_tokens"));
    out->reasoning_tokens =
        first_known(get_count(json_get(usage, "completion_tokens_details"), "reasoning_tokens"),
                    get_count(json_get(usage, "output_tokens_details"), "reasoning_tokens"));
}

static json_object *first_choice(json_object *body)
{
    json_object *choices = json_get(body, "choices");
    return json_is_array(choices) && json_object_array_length(choices) > 0
               ? json_object_array_get_idx(choices, 0)
               : NULL;
}

static bool is_filled(json_object *value)
{
    if (json_is_array(value))
        return json_object_array_length(value) > 0;
    return value != NULL;
}

static bool read_chat(json_object *body, struct answer *out)
{
    static const char *const holders[] = {"content", "tool_calls",        "function_call", "refusal",
                                          "audio",   "reasoning_content", "reasoning"};
    json_object *choice = first_choice(body);
    json_object *message = json_get(choice, "message");
    copy_name(out->finish_reason, sizeof out->finish_reason, json_get_string(choice, "finish_reason"));
    for (size_t i = 0; i < sizeof holders / sizeof *holders; i++)
        if (is_filled(json_get(message, holders[i])))
            return true;
    return false;
}

static bool read_completion(json_object *body, struct answer *out)
{
    json_object *choice = first_choice(body);
    copy_name(out->finish_reason, sizeof out->finish_reason, json_get_string(choice, "finish_reason"));
    return json_is_string(json_get(choice, "text"));
}

static bool read_embeddings(json_object *body, struct answer *out)
{
    (void)out;
    json_object *data = json_get(body, "data");
    return json_is_array(data) && json_object_array_length(data) > 0 &&
           is_filled(json_get(json_object_array_get_idx(data, 0), "embedding"));
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
    return json_is_array(output) && json_object_array_length(output) > 0;
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

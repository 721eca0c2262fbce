/* Answers of the OpenAI dialect, as its many servers send them: chat completions, responses, embeddings, completions. */
#include <stdio.h>
#include <string.h>

#include "provider/dialects.h"

static int64_t first_known(int64_t a, int64_t b)
{
    return a >= 0 ? a : b;
}

/* xAI and gateways to Gemini count reasoning beside completion_tokens: then the total is more than prompt and completion by just that, or
 * there is more reasoning than completion. Google's own endpoint shows it in the total only. Where the cache plays a part, what is over in a
 * total may be prompt as well. All of it is paid for as output. */
static int64_t tokens_beside(int64_t total, const struct usage *u)
{
    if (u->completion_tokens < 0)
        return 0;
    bool is_known = total >= 0 && u->prompt_tokens >= 0;
    int64_t over = is_known ? total - u->prompt_tokens - u->completion_tokens : 0;
    if (u->reasoning_tokens > 0)
        return over == u->reasoning_tokens || u->reasoning_tokens > u->completion_tokens ? u->reasoning_tokens
                                                                                         : 0;
    bool cache = u->cached_tokens > 0 || u->cache_write_tokens > 0;
    return over > 0 && !cache ? over : 0;
}

/* As OpenAI has it; else DeepSeek, Moonshot. */
static int64_t cached_tokens(json_object *usage, json_object *details)
{
    int64_t told = token_count(details, "cached_tokens");
    told = first_known(told, token_count(usage, "prompt_cache_hit_tokens"));
    return first_known(told, token_count(usage, "cached_tokens"));
}

/* OpenRouter and LiteLLM, for models of Anthropic. */
static int64_t cache_write_tokens(json_object *usage, json_object *details)
{
    int64_t told = token_count(details, "cache_write_tokens");
    told = first_known(told, token_count(details, "cache_creation_tokens"));
    return first_known(told, token_count(usage, "cache_creation_input_tokens"));
}

/* Gateways to Anthropic hand its counts on: a cache that had more than the prompt was counted beside it. */
static int64_t tokens_of_cache_beside(const struct usage *u)
{
    int64_t cached = u->cached_tokens > 0 ? u->cached_tokens : 0;
    int64_t written = u->cache_write_tokens > 0 ? u->cache_write_tokens : 0;
    return u->prompt_tokens >= 0 && cached + written > u->prompt_tokens ? cached + written : 0;
}

static json_object *first_object(json_object *usage, const char *key, const char *other)
{
    json_object *first = json_get(usage, key);
    return json_is_object(first) ? first : json_get(usage, other);
}

void openai_read_usage(json_object *body, struct usage *out)
{
    json_object *usage = json_get(body, "usage");
    json_object *input = first_object(usage, "prompt_tokens_details", "input_tokens_details");
    json_object *output = first_object(usage, "completion_tokens_details", "output_tokens_details");
    out->prompt_tokens = first_known(token_count(usage, "prompt_tokens"), token_count(usage, "input_tokens"));
    out->completion_tokens =
        first_known(token_count(usage, "completion_tokens"), token_count(usage, "output_tokens"));
    out->cached_tokens = cached_tokens(usage, input);
    out->cache_write_tokens = cache_write_tokens(usage, input);
    out->reasoning_tokens = token_count(output, "reasoning_tokens");
    out->completion_tokens += tokens_beside(token_count(usage, "total_tokens"), out);
    out->prompt_tokens += tokens_of_cache_beside(out);
    out->tier = told_tier(body, usage);
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
    struct span path = endpoint_of_url(url);
    for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++)
        if (span_is(path, endpoints[i].path))
            return endpoints[i].read(body, out);
    return true; /* an endpoint that is not known: any object without an error is its answer */
}

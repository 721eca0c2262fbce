/* Answers of the Anthropic dialect: messages. */
#include <string.h>

#include "provider/dialects.h"

static int64_t or_zero(int64_t count)
{
    return count > 0 ? count : 0;
}

/* Written to the cache for an hour costs more than for five minutes: a price that no table here tells. */
static bool is_kept_for_long(json_object *usage)
{
    return token_count(json_get(usage, "cache_creation"), "ephemeral_1h_input_tokens") > 0;
}

/* The provider's own searches are paid for each, beside the tokens. */
static bool has_searched(json_object *usage)
{
    return token_count(json_get(usage, "server_tool_use"), "web_search_requests") > 0;
}

/* Input that was read from or written to the cache is counted beside input_tokens; all of it was prompt. Fast mode has a price of its own,
 * as priority has. */
void anthropic_read_usage(json_object *body, struct usage *out)
{
    json_object *usage = json_get(body, "usage");
    int64_t input = token_count(usage, "input_tokens");
    int64_t read = token_count(usage, "cache_read_input_tokens");
    int64_t written = token_count(usage, "cache_creation_input_tokens");
    out->prompt_tokens = input < 0 ? -1 : input + or_zero(read) + or_zero(written);
    out->completion_tokens = token_count(usage, "output_tokens");
    out->cached_tokens = read;
    out->cache_write_tokens = written;
    const char *speed = json_get_string(usage, "speed");
    out->tier = speed != NULL && strcmp(speed, "fast") == 0 ? TIER_PRIORITY : told_tier(body, usage);
    if (is_kept_for_long(usage) || has_searched(usage))
        out->tier = TIER_UNKNOWN;
}

bool anthropic_read_answer(const char *url, json_object *body, struct answer *out)
{
    copy_name(out->model, sizeof out->model, json_get_string(body, "model"));
    copy_name(out->finish_reason, sizeof out->finish_reason, json_get_string(body, "stop_reason"));
    if (!span_is(endpoint_of_url(url), "/messages"))
        return true; /* count_tokens and the like: any object without an error is its answer */
    json_object *content = json_get(body, "content");
    bool empty = !json_is_array(content) || json_object_array_length(content) == 0;
    if (empty && strcmp(out->finish_reason, "refusal") == 0)
        return refuse_content(out, "refusal");
    return !empty || (json_is_array(content) && out->finish_reason[0] != '\0');
}

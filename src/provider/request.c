/* Request bodies: what they name, and what cannot be one. See provider.h. */
#include <string.h>
#include <strings.h>

#include "provider/dialects.h"

const char *provider_request_model(json_object *body)
{
    return json_get_string(body, "model");
}

static const char *const bounds[] = {"max_completion_tokens", "max_tokens", "max_output_tokens"};
enum { BOUNDS = sizeof bounds / sizeof *bounds };

bool provider_names_bound(json_object *body)
{
    bool names = false;
    for (size_t i = 0; i < BOUNDS; i++)
        names = names || json_object_object_get_ex(body, bounds[i], NULL);
    return names;
}

/* Models that reason refuse the older name: o1, o3-mini, gpt-5, gpt-6.1, … */
static bool is_reasoning(const char *model)
{
    const char *slash = model != NULL ? strrchr(model, '/') : NULL;
    const char *name = slash != NULL ? slash + 1 : model;
    if (name == NULL)
        return false;
    return (name[0] == 'o' && name[1] >= '1' && name[1] <= '9') ||
           (strncmp(name, "gpt-", 4) == 0 && name[4] >= '5' && name[4] <= '9');
}

const char *provider_bound_key(const char *url, const char *model)
{
    struct span path = endpoint_of_url(url);
    if (span_is(path, "/embeddings"))
        return NULL;
    if (span_is(path, "/responses"))
        return "max_output_tokens";
    return span_is(path, "/chat/completions") && is_reasoning(model) ? "max_completion_tokens" : "max_tokens";
}

static int64_t at_least_one(int64_t count)
{
    return count >= 1 && count <= 1000000 ? count : 1;
}

/* How many prompts a request has: strings or lists of token ids. A list of ids is one. */
static int64_t prompts_in(json_object *prompt)
{
    if (!json_is_array(prompt) || json_object_array_length(prompt) == 0)
        return 1;
    json_object *first = json_object_array_get_idx(prompt, 0);
    return json_is_string(first) || json_is_array(first) ? (int64_t)json_object_array_length(prompt) : 1;
}

int64_t provider_request_prompts(const char *url, json_object *body)
{
    struct span path = endpoint_of_url(url);
    if (span_is(path, "/embeddings"))
        return prompts_in(json_get(body, "input"));
    return span_is(path, "/completions") ? prompts_in(json_get(body, "prompt")) : 1;
}

int64_t provider_request_answers(const char *url, json_object *body)
{
    int64_t answers = at_least_one(json_get_int(body, "n", 1));
    if (!span_is(endpoint_of_url(url), "/completions"))
        return answers;
    int64_t best_of = at_least_one(json_get_int(body, "best_of", 1));
    return (best_of > answers ? best_of : answers) * prompts_in(json_get(body, "prompt"));
}

int64_t provider_request_max_output(const char *url, json_object *body)
{
    const int64_t most = INT64_C(1000000000);
    struct span path = endpoint_of_url(url);
    if (span_is(path, "/embeddings"))
        return 0;
    int64_t bound = -1;
    for (size_t i = 0; i < BOUNDS && bound < 0; i++)
        bound = json_get_int(body, bounds[i], -1);
    if (bound < 0 || bound > most)
        return -1;
    int64_t answers = provider_request_answers(url, body);
    return answers > most * 1000 / (bound > 0 ? bound : 1) ? most * 1000 : bound * answers;
}

/* Tiers that are known to cost no more than the standard one; "auto" is what the account is set to, and that is the standard one unless somebody bought
 * another. Flex counts as standard: it need not be granted. */
enum service_tier provider_request_tier(json_object *body)
{
    static const char *const others[] = {"auto", "default", "standard", "standard_only", "flex", "batch"};
    const char *tier = json_get_string(body, "service_tier"), *speed = json_get_string(body, "speed");
    bool dear = tier != NULL;
    for (size_t i = 0; dear && i < sizeof others / sizeof *others; i++)
        dear = strcasecmp(tier, others[i]) != 0;
    bool fast = speed != NULL && strcasecmp(speed, "fast") == 0;
    return dear || fast ? TIER_PRIORITY : TIER_STANDARD;
}

enum kind { ANY = 0, TEXT = 1, LIST = 2 };

static const struct {
    const char *path; /* without /v1 */
    const char *field;
    int kinds;
    const char *wanted;
} endpoints[] = {
    {"/chat/completions", "messages", LIST, "an array \"messages\""},
    {"/messages", "messages", LIST, "an array \"messages\""},
    {"/completions", "prompt", TEXT | LIST, "a \"prompt\""},
    {"/embeddings", "input", TEXT | LIST, "an \"input\""},
    {"/responses", "input", TEXT | LIST, "an \"input\""},
};

const char *provider_prompt_field(const char *url)
{
    struct span path = endpoint_of_url(url);
    for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++)
        if (span_is(path, endpoints[i].path))
            return endpoints[i].field;
    return "messages";
}

static bool has_kind(json_object *value, int kinds)
{
    return ((kinds & TEXT) != 0 && json_is_string(value)) ||
           ((kinds & LIST) != 0 && json_is_array(value) && json_object_array_length(value) > 0);
}

static int check_field(struct span path, json_object *body, lh_error *err)
{
    for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++) {
        if (!span_is(path, endpoints[i].path))
            continue;
        json_object *field = json_get(body, endpoints[i].field);
        bool prompt_by_id = span_is(path, "/responses") && json_get(body, "prompt") != NULL;
        if (!has_kind(field, endpoints[i].kinds) && !prompt_by_id)
            return lh_error_set(err, LH_EINPUT, "the body has no %s that is not empty", endpoints[i].wanted);
        if (provider_request_model(body) == NULL)
            return lh_error_set(err, LH_EINPUT, "the body names no \"model\"; put one in, or give --model");
        if (span_is(path, "/messages") && json_get_int(body, "max_tokens", -1) < 1)
            return lh_error_set(err, LH_EINPUT, "the body has no \"max_tokens\", which this API asks for");
    }
    return 0;
}

int provider_check_request(const char *url, json_object *body, lh_error *err)
{
    if (!json_is_object(body))
        return lh_error_set(err, LH_EINPUT, "the body is no JSON object");
    if (json_object_get_boolean(json_get(body, "stream")))
        return lh_error_set(err, LH_EINPUT,
                            "the body asks for a stream; answers are read whole, take \"stream\" out");
    if (json_object_get_boolean(json_get(body, "background")))
        return lh_error_set(
            err, LH_EINPUT,
            "the body asks for an answer in the background, which would never come; take \"background\" out");
    return check_field(endpoint_of_url(url), body, err);
}

void provider_read_terms(const char *url, const char *body, size_t len, struct json_parser *parser,
                         struct request_terms *out)
{
    static const char *const keys[] = {"n", "best_of", "service_tier", "speed", "prompt"};
    size_t count = span_is(endpoint_of_url(url), "/completions") ? 5 : 4;
    json_object *terms = json_object_new_object();
    struct json_members it;
    struct json_span key, value;
    json_members_begin(&it, body, len);
    while (terms != NULL && json_members_next(&it, &key, &value))
        for (size_t i = 0; i < count; i++) {
            json_object *parsed = NULL;
            if (key.len == strlen(keys[i]) && memcmp(key.data, keys[i], key.len) == 0 &&
                json_parse(parser, value.data, value.len, &parsed, NULL) == 0)
                json_object_object_add(terms, keys[i], parsed);
        }
    out->answers = provider_request_answers(url, terms);
    out->other_tier = provider_request_tier(terms) != TIER_STANDARD;
    json_object_put(terms);
}

struct json_span provider_model_span(const char *body, size_t len)
{
    struct json_members it;
    struct json_span key, value;
    json_members_begin(&it, body, len);
    while (json_members_next(&it, &key, &value))
        if (key.len == 5 && memcmp(key.data, "model", 5) == 0)
            return value;
    return (struct json_span){NULL, 0};
}

int provider_rename_model(const char *body, size_t len, const char *model, struct strbuf *out)
{
    struct json_span old = provider_model_span(body, len);
    if (old.data == NULL)
        return 0;
    size_t before = (size_t)(old.data - body), after = before + old.len;
    strbuf_append(out, body, before);
    json_append_string(out, model, strlen(model));
    strbuf_append(out, body + after, len - after);
    return out->failed ? LH_ENOMEM : 0;
}

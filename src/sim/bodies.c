/* Answers and errors: see bodies.h. */
#include "sim/bodies.h"

#include <stdio.h>
#include <string.h>

#include "tokens/prompt.h"

static const struct {
    const char *path, *field, *missing;
} endpoints[SIM_ENDPOINTS] = {
    [SIM_CHAT] = {"/v1/chat/completions", "messages", "Missing required parameter: 'messages'."},
    [SIM_COMPLETIONS] = {"/v1/completions", "prompt", "Missing required parameter: 'prompt'."},
    [SIM_EMBEDDINGS] = {"/v1/embeddings", "input", "Missing required parameter: 'input'."},
    [SIM_RESPONSES] = {"/v1/responses", "input", "Missing required parameter: 'input'."},
    [SIM_MESSAGES] = {"/v1/messages", "messages", "messages: Field required"},
};

bool sim_endpoint_of(const char *path, enum sim_endpoint *out)
{
    for (int i = 0; i < SIM_ENDPOINTS; i++)
        if (strcmp(path, endpoints[i].path) == 0) {
            *out = (enum sim_endpoint)i;
            return true;
        }
    return false;
}

/* The text that was said last: of a list, of its last member's content, of that one's first text. */
static const char *last_text(json_object *value)
{
    for (int depth = 0; depth < 8 && value != NULL; depth++) {
        if (json_is_string(value))
            return json_object_get_string(value);
        if (json_is_array(value)) {
            size_t n = json_object_array_length(value);
            value = n > 0 ? json_object_array_get_idx(value, n - 1) : NULL;
        } else {
            json_object *content = json_get(value, "content");
            value = content != NULL ? content : json_get(value, "text");
        }
    }
    return "";
}

static void copy_beginning(char *out, size_t size, const char *text)
{
    size_t len = strlen(text) < 40 ? strlen(text) : 40;
    while (len > 0 && !utf8_is_valid(text, len, NULL))
        len--;
    snprintf(out, size, "%.*s", (int)len, text);
}

static int64_t bound_of(json_object *body)
{
    static const char *const keys[] = {"max_completion_tokens", "max_tokens", "max_output_tokens"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (json_get(body, keys[i]) != NULL)
            return json_get_int(body, keys[i], -1);
    return -1;
}

bool sim_request_read(enum sim_endpoint e, json_object *body, uint64_t hash, struct sim_request *out,
                      const char **why)
{
    const char *model = json_get_string(body, "model");
    json_object *said = json_get(body, endpoints[e].field);
    *out = (struct sim_request){.endpoint = e, .hash = hash};
    *why = model == NULL ? "you must provide a model parameter" : said == NULL ? endpoints[e].missing : NULL;
    if (*why == NULL && e == SIM_MESSAGES && json_get(body, "max_tokens") == NULL)
        *why = "max_tokens: Field required";
    if (*why != NULL)
        return false;
    snprintf(out->model, sizeof out->model, "%.120s", model);
    copy_beginning(out->beginning, sizeof out->beginning, last_text(said));
    struct prompt_count count;
    if (prompt_count(endpoints[e].path, body, &count) != 0) {
        *why = "out of memory";
        return false;
    }
    out->prompt_tokens = count.tokens;
    out->max_output = bound_of(body);
    const char *tier = json_get_string(body, "service_tier");
    out->service_tier = tier != NULL && strcmp(tier, "flex") == 0 ? "flex" : "default";
    return true;
}

static void append_text(struct strbuf *out, const char *text)
{
    json_append_string(out, text, strlen(text));
}

static void append_echo(const struct sim_request *r, struct strbuf *out)
{
    char echo[128];
    snprintf(echo, sizeof echo, "echo %016llx: %s", (unsigned long long)r->hash, r->beginning);
    append_text(out, echo);
}

static void answer_chat(const struct sim_request *r, int64_t tokens, int64_t created, struct strbuf *out)
{
    bool chat = r->endpoint == SIM_CHAT;
    strbuf_appendf(out, "{\"id\":\"%s-%016llx\",\"object\":\"%s\",\"created\":%lld,\"model\":",
                   chat ? "chatcmpl" : "cmpl", (unsigned long long)r->hash,
                   chat ? "chat.completion" : "text_completion", (long long)created);
    append_text(out, r->model);
    strbuf_append_str(out, chat
                               ? ",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":"
                               : ",\"choices\":[{\"index\":0,\"text\":");
    append_echo(r, out);
    strbuf_append_str(out, chat ? ",\"refusal\":null},\"logprobs\":null,\"finish_reason\":"
                                : ",\"logprobs\":null,\"finish_reason\":");
    append_text(out, r->max_output >= 0 && tokens >= r->max_output ? "length" : "stop");
    strbuf_appendf(out,
                   "}],\"service_tier\":\"%s\",\"usage\":{\"prompt_tokens\":%lld,\"completion_tokens\":%lld,"
                   "\"total_tokens\":%lld,\"prompt_tokens_details\":{\"cached_tokens\":%lld},"
                   "\"completion_tokens_details\":{\"reasoning_tokens\":0}}}",
                   r->service_tier, (long long)r->prompt_tokens, (long long)tokens,
                   (long long)r->prompt_tokens + (long long)tokens, (long long)r->cached_tokens);
}

static void answer_embeddings(const struct sim_request *r, int64_t tokens, int64_t created,
                              struct strbuf *out)
{
    (void)tokens;
    (void)created;
    strbuf_append_str(out,
                      "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"index\":0,\"embedding\":[");
    for (int i = 0; i < 16; i++)
        strbuf_appendf(out, "%s%.6f", i > 0 ? "," : "", (double)((r->hash >> (i * 4)) & 15) / 16 - 0.5);
    strbuf_append_str(out, "]}],\"model\":");
    append_text(out, r->model);
    strbuf_appendf(out, ",\"usage\":{\"prompt_tokens\":%lld,\"total_tokens\":%lld}}",
                   (long long)r->prompt_tokens, (long long)r->prompt_tokens);
}

static void answer_responses(const struct sim_request *r, int64_t tokens, int64_t created, struct strbuf *out)
{
    strbuf_appendf(out,
                   "{\"id\":\"resp_%016llx\",\"object\":\"response\",\"created_at\":%lld,\"status\":"
                   "\"completed\",\"error\":null,"
                   "\"incomplete_details\":null,\"model\":",
                   (unsigned long long)r->hash, (long long)created);
    append_text(out, r->model);
    strbuf_appendf(out,
                   ",\"output\":[{\"type\":\"message\",\"id\":\"msg_%016llx\",\"status\":\"completed\","
                   "\"role\":\"assistant\","
                   "\"content\":[{\"type\":\"output_text\",\"annotations\":[],\"text\":",
                   (unsigned long long)r->hash);
    append_echo(r, out);
    strbuf_appendf(out,
                   "}]}],\"service_tier\":\"%s\",\"usage\":{\"input_tokens\":%lld,"
                   "\"input_tokens_details\":{\"cached_tokens\":%lld},\"output_tokens\":%lld,"
                   "\"output_tokens_details\":{\"reasoning_tokens\":0},\"total_tokens\":%lld}}",
                   r->service_tier, (long long)r->prompt_tokens, (long long)r->cached_tokens,
                   (long long)tokens, (long long)r->prompt_tokens + (long long)tokens);
}

static void answer_messages(const struct sim_request *r, int64_t tokens, int64_t created, struct strbuf *out)
{
    (void)created;
    strbuf_appendf(out, "{\"id\":\"msg_%016llx\",\"type\":\"message\",\"role\":\"assistant\",\"model\":",
                   (unsigned long long)r->hash);
    append_text(out, r->model);
    strbuf_append_str(out, ",\"content\":[{\"type\":\"text\",\"text\":");
    append_echo(r, out);
    strbuf_append_str(out, "}],\"stop_reason\":");
    append_text(out, r->max_output >= 0 && tokens >= r->max_output ? "max_tokens" : "end_turn");
    strbuf_appendf(
        out,
        ",\"stop_sequence\":null,\"usage\":{\"input_tokens\":%lld,\"cache_creation_input_tokens\":0,"
        "\"cache_read_input_tokens\":%lld,\"output_tokens\":%lld}}",
        (long long)(r->prompt_tokens - r->cached_tokens), (long long)r->cached_tokens, (long long)tokens);
}

void sim_answer(const struct sim_request *r, int64_t output_tokens, int64_t created, struct strbuf *out)
{
    static void (*const answers[SIM_ENDPOINTS])(const struct sim_request *, int64_t, int64_t,
                                                struct strbuf *) = {
        [SIM_CHAT] = answer_chat,
        [SIM_COMPLETIONS] = answer_chat,
        [SIM_EMBEDDINGS] = answer_embeddings,
        [SIM_RESPONSES] = answer_responses,
        [SIM_MESSAGES] = answer_messages,
    };
    answers[r->endpoint](r, output_tokens, created, out);
}

void sim_error(bool anthropic, const char *type, const char *code, const char *message, struct strbuf *out)
{
    strbuf_append_str(out, anthropic ? "{\"type\":\"error\",\"error\":{\"type\":" : "{\"error\":{\"type\":");
    append_text(out, type);
    strbuf_append_str(out, ",\"message\":");
    append_text(out, message);
    if (!anthropic) {
        strbuf_append_str(out, ",\"param\":null,\"code\":");
        if (code != NULL)
            append_text(out, code);
        else
            strbuf_append_str(out, "null");
    }
    strbuf_append_str(out, "}}");
}

void sim_models(struct strbuf *out)
{
    strbuf_append_str(
        out, "{\"object\":\"list\",\"data\":[{\"id\":\"sim\",\"object\":\"model\",\"created\":1700000000,"
             "\"owned_by\":\"longhaul\"}]}");
}

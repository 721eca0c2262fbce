/* What an answer means: status and body → class, message, usage. The tables here are the ones of the project's design; the
 * codes are those that the APIs document and that other servers of the same dialect send. See provider.h. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "provider/dialects.h"

static const char *const class_names[] = {
    [ANSWER_SUCCESS] = "success", [ANSWER_THROTTLED] = "throttled", [ANSWER_TRANSIENT] = "transient",
    [ANSWER_INVALID] = "invalid", [ANSWER_PERMANENT] = "permanent", [ANSWER_ACCOUNT] = "account"};

const char *answer_class_name(enum answer_class c)
{
    return class_names[c];
}

/* ---- text that goes to people ---- */

void copy_name(char *out, size_t size, const char *text)
{
    copy_message(out, size, text != NULL ? text : "", text != NULL ? strlen(text) : 0);
}

/* Providers echo keys ("Incorrect API key provided: sk-abc…"): nothing that looks like one is passed on. */
static size_t key_length(const char *text, size_t len)
{
    static const char *const prefixes[] = {"sk-", "Bearer ", "sess-", "pk-"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        size_t n = strlen(prefixes[i]);
        if (len <= n || strncmp(text, prefixes[i], n) != 0)
            continue;
        size_t end = n;
        while (end < len && (isalnum((unsigned char)text[end]) || strchr("-_*.", text[end]) != NULL) &&
               text[end] != '\0')
            end++;
        return end - n >= 6 ? end : 0;
    }
    return 0;
}

static size_t sequence_length(const char *text, size_t len)
{
    size_t n = 1;
    while (n < len && n < 4 && ((unsigned char)text[n] & 0xC0) == 0x80)
        n++;
    return utf8_is_valid(text, n, NULL) ? n : 0;
}

void copy_message(char *out, size_t size, const char *text, size_t len)
{
    size_t used = 0;
    for (size_t i = 0; i < len && used + 8 < size;) {
        bool starts_word = i == 0 || !isalnum((unsigned char)text[i - 1]);
        size_t key = starts_word ? key_length(text + i, len - i) : 0;
        size_t n = sequence_length(text + i, len - i);
        if (key > 0) {
            memcpy(out + used, "[key]", 5);
            used += 5;
            i += key;
        } else if (n == 0 || (unsigned char)text[i] < ' ' || text[i] == 0x7f) {
            if (used > 0 && out[used - 1] != ' ')
                out[used++] = ' ';
            i += n > 1 ? n : 1;
        } else {
            memcpy(out + used, text + i, n);
            used += n;
            i += n;
        }
    }
    out[used] = '\0';
}

/* ---- errors ---- */

struct told_error error_in_body(json_object *body)
{
    struct told_error told = {0};
    json_object *error = json_get(body, "error");
    if (json_is_string(error)) {
        told.message = json_object_get_string(error);
        told.there = true;
    } else if (json_is_object(error)) {
        told.type = json_get_string(error, "type");
        told.code = json_get_string(error, "code");
        told.message = json_get_string(error, "message");
        told.there = true;
    } else if (json_get_string(body, "object") != NULL &&
               strcmp(json_get_string(body, "object"), "error") == 0) {
        told.type = json_get_string(body, "type");
        told.code = json_get_string(body, "code");
        told.message = json_get_string(body, "message");
        told.there = true;
    }
    if (told.message == NULL)
        told.message = json_get_string(body, "message") != NULL ? json_get_string(body, "message")
                                                                : json_get_string(body, "detail");
    return told;
}

enum effect { THROTTLED, OVERLOADED, TRANSIENT, PERMANENT, ACCOUNT };

/* A code or type that says more than the status. */
static const struct {
    const char *word;
    enum effect effect;
} told_effects[] = {
    {"insufficient_quota", ACCOUNT},
    {"billing_not_active", ACCOUNT},
    {"billing_hard_limit_reached", ACCOUNT},
    {"billing_error", ACCOUNT},
    {"account_deactivated", ACCOUNT},
    {"invalid_api_key", ACCOUNT},
    {"authentication_error", ACCOUNT},
    {"content_policy_violation", PERMANENT},
    {"content_filter", PERMANENT},
    {"moderation", PERMANENT},
    {"context_length_exceeded", PERMANENT},
    {"model_not_found", PERMANENT},
    {"invalid_request_error", PERMANENT},
    {"not_found_error", PERMANENT},
    {"permission_error", ACCOUNT},
    {"overloaded_error", OVERLOADED},
    {"rate_limit_exceeded", THROTTLED},
    {"rate_limit_error", THROTTLED},
    {"tokens", THROTTLED},
    {"requests", THROTTLED},
    {"server_error", TRANSIENT},
    {"api_error", TRANSIENT},
    {"internal_error", TRANSIENT},
    {"timeout_error", TRANSIENT},
};

static bool effect_of_word(const char *word, enum effect *out)
{
    for (size_t i = 0; word != NULL && i < sizeof told_effects / sizeof *told_effects; i++)
        if (strcasecmp(word, told_effects[i].word) == 0) {
            *out = told_effects[i].effect;
            return true;
        }
    return false;
}

static bool contains_any(const char *text, const char *const *words)
{
    for (; text != NULL && *words != NULL; words++)
        if (strcasestr(text, *words) != NULL)
            return true;
    return false;
}

static bool is_about_money(const struct told_error *told)
{
    static const char *const words[] = {"credit balance is too low",
                                        "insufficient credits",
                                        "insufficient balance",
                                        "exceeded your current quota",
                                        "billing",
                                        NULL};
    return contains_any(told->message, words);
}

static bool is_overload(const struct answer_in *in, const struct told_error *told)
{
    static const char *const words[] = {"overload",        "capacity",  "too many requests",
                                        "try again later", "slow down", NULL};
    return contains_any(told->message, words) || contains_any(told->type, words) ||
           contains_any(told->code, words) || in->header(in->header_arg, "retry-after") != NULL ||
           in->header(in->header_arg, "retry-after-ms") != NULL;
}

static enum effect effect_of_status(int status)
{
    if (status == 429)
        return THROTTLED;
    if (status == 529)
        return OVERLOADED;
    if (status == 401 || status == 402 || status == 403)
        return ACCOUNT;
    if (status == 408 || status == 409 || status >= 500)
        return TRANSIENT;
    return PERMANENT;
}

/* A status in the 400s of its own kind outweighs a general type such as invalid_request_error, not a code that is exact. */
static enum effect effect_of(const struct answer_in *in, const struct told_error *told)
{
    enum effect effect = effect_of_status(in->status);
    enum effect said = effect;
    bool by_code = effect_of_word(told->code, &said);
    bool by_type = !by_code && effect_of_word(told->type, &said);
    if (in->status == 429)
        return said == ACCOUNT && (by_code || by_type) ? ACCOUNT
               : is_about_money(told) && !by_code      ? ACCOUNT
                                                       : THROTTLED;
    if ((in->status == 400 || in->status == 402 || in->status == 403) && is_about_money(told))
        return ACCOUNT;
    if (in->status == 401)
        return ACCOUNT;
    if (in->status == 403)
        return (by_code || by_type) && said == PERMANENT && told->code != NULL ? PERMANENT : ACCOUNT;
    if (in->status >= 200 && in->status < 300)
        return by_code || by_type ? said : TRANSIENT;
    if (in->status == 503)
        return is_overload(in, told) ? OVERLOADED : TRANSIENT;
    if (in->status >= 500)
        return said == OVERLOADED ? OVERLOADED : effect;
    return by_code && said != TRANSIENT ? said : effect;
}

void classify_error(const struct answer_in *in, const struct told_error *told, struct answer *out)
{
    static const enum answer_class classes[] = {[THROTTLED] = ANSWER_THROTTLED,
                                                [OVERLOADED] = ANSWER_THROTTLED,
                                                [TRANSIENT] = ANSWER_TRANSIENT,
                                                [PERMANENT] = ANSWER_PERMANENT,
                                                [ACCOUNT] = ANSWER_ACCOUNT};
    enum effect effect = effect_of(in, told);
    const char *should_retry = in->header(in->header_arg, "x-should-retry");
    out->class = classes[effect];
    out->overloaded = effect == OVERLOADED;
    if (should_retry != NULL && strcasecmp(should_retry, "true") == 0 && out->class == ANSWER_PERMANENT)
        out->class = ANSWER_TRANSIENT;
    if (should_retry != NULL && strcasecmp(should_retry, "false") == 0 && out->class == ANSWER_TRANSIENT)
        out->class = ANSWER_PERMANENT;
    const char *code = told->code != NULL && *told->code != '\0' ? told->code : told->type;
    if (code != NULL && *code != '\0')
        copy_name(out->error_code, sizeof out->error_code, code);
    else
        snprintf(out->error_code, sizeof out->error_code, "http_%d", in->status);
    out->retry_after_ms = provider_retry_after(in, told->message);
}

/* ---- a body that is not what it should be ---- */

static void describe_text(const struct answer_in *in, char *out, size_t size)
{
    char title[200] = "";
    size_t look = in->body_len < 8192 ? in->body_len : 8192;
    const char *open = memmem(in->body, look, "<title>", 7);
    if (open != NULL) {
        open += 7;
        const char *close = memmem(open, look - (size_t)(open - in->body), "</title>", 8);
        if (close != NULL)
            copy_message(title, sizeof title, open, (size_t)(close - open));
        snprintf(out, size, "an HTML page instead of JSON: %s", title);
        return;
    }
    size_t start = 0;
    while (start < look && isspace((unsigned char)in->body[start]))
        start++;
    copy_message(title, sizeof title, in->body + start, look - start > 150 ? 150 : look - start);
    if (start < look && in->body[start] == '<')
        snprintf(out, size, "an HTML page instead of JSON: %s", title);
    else
        snprintf(out, size, "%s%s", look == start ? "an empty body" : "", title);
}

static void set_transient(struct answer *out, const char *code)
{
    out->class = ANSWER_TRANSIENT;
    snprintf(out->error_code, sizeof out->error_code, "%s", code);
}

static void read_redirect(const struct answer_in *in, struct answer *out)
{
    const char *location = in->header(in->header_arg, "location");
    const char *host = location != NULL ? strstr(location, "://") : NULL;
    char name[128] = "";
    if (host != NULL)
        copy_message(name, sizeof name, host + 3, strcspn(host + 3, "/?#@"));
    out->class = ANSWER_PERMANENT;
    snprintf(out->error_code, sizeof out->error_code, "redirect");
    snprintf(out->message, sizeof out->message,
             "HTTP %d redirects%s%s; redirects are not followed, as the key must not travel: fix --base-url",
             in->status, name[0] != '\0' ? " to " : "", name);
}

static void read_unparsed(const struct answer_in *in, struct answer *out)
{
    struct told_error nothing = {0};
    char text[400];
    describe_text(in, text, sizeof text);
    if (in->status >= 200 && in->status < 300) {
        set_transient(out, in->body_len == 0 ? "empty_answer" : "bad_json");
        snprintf(out->message, sizeof out->message, "HTTP %d with a body that is no JSON: %s", in->status,
                 text);
        return;
    }
    nothing.message = text;
    classify_error(in, &nothing, out);
    snprintf(out->message, sizeof out->message, "HTTP %d: %s", in->status, text);
}

static void read_error(const struct answer_in *in, json_object *body, struct answer *out)
{
    struct told_error told = error_in_body(body);
    classify_error(in, &told, out);
    char text[450] = "";
    if (told.message != NULL)
        copy_message(text, sizeof text, told.message, strlen(told.message));
    snprintf(out->message, sizeof out->message, "HTTP %d%s%s", in->status, text[0] != '\0' ? ": " : "", text);
}

static void read_request_id(const struct answer_in *in, struct answer *out)
{
    static const char *const names[] = {"x-request-id", "request-id", "apim-request-id", "cf-ray"};
    for (size_t i = 0; i < sizeof names / sizeof *names && out->request_id[0] == '\0'; i++)
        copy_name(out->request_id, sizeof out->request_id, in->header(in->header_arg, names[i]));
}

static void read_json(enum dialect d, const char *url, const struct answer_in *in, json_object *body,
                      struct answer *out)
{
    bool ok = in->status >= 200 && in->status < 300;
    struct told_error told = error_in_body(body);
    if (!ok || told.there) {
        read_error(in, body, out);
        return;
    }
    bool holds =
        d == DIALECT_ANTHROPIC ? anthropic_read_answer(url, body, out) : openai_read_answer(url, body, out);
    if (holds) {
        out->class = ANSWER_SUCCESS;
        return;
    }
    if (out->error_code[0] != '\0')
        return;
    set_transient(out, "empty_answer");
    snprintf(out->message, sizeof out->message, "HTTP %d, but the body holds no answer", in->status);
}

void provider_read_answer(enum dialect d, const char *url, const struct answer_in *in,
                          struct json_parser *parser, struct answer *out)
{
    *out = (struct answer){.class = ANSWER_TRANSIENT, .usage = {-1, -1, -1, -1}, .retry_after_ms = -1};
    read_request_id(in, out);
    if (in->status >= 300 && in->status < 400) {
        read_redirect(in, out);
        return;
    }
    json_object *body = NULL;
    out->body_is_json = json_parse(parser, in->body, in->body_len, &body, NULL) == 0;
    if (out->body_is_json && json_is_object(body))
        read_json(d, url, in, body, out);
    else
        read_unparsed(in, out);
    json_object_put(body);
}

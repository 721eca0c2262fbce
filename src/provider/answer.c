/* What an answer means: status and body → class, message, usage. See provider.h; errors are judged in told_error.c. */
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

static bool is_key_byte(char c)
{
    return isalnum((unsigned char)c) || (c != '\0' && strchr("-_*.+/=~", c) != NULL);
}

/* Where a key begins at text[at], past what announces it; 0 when none does. */
static size_t key_begins(const char *text, size_t at, size_t len)
{
    static const char *const prefixes[] = {"sk-",  "Bearer ", "sess-", "pk-",    "gsk_",
                                           "xai-", "AIza",    "csk-",  "nvapi-", "pplx-"};
    static const char before[] = "key provided: ";
    const size_t n_before = sizeof before - 1;
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        size_t n = strlen(prefixes[i]);
        if (len - at > n && strncasecmp(text + at, prefixes[i], n) == 0)
            return at + n;
    }
    return at >= n_before && strncasecmp(text + at - n_before, before, n_before) == 0 ? at : 0;
}

/* Providers echo keys ("Incorrect API key provided: sk-abc…"): nothing that looks like one is passed on. */
static size_t key_length(const char *text, size_t at, size_t len)
{
    if (at > 0 && isalnum((unsigned char)text[at - 1]))
        return 0;
    size_t begin = key_begins(text, at, len), end = begin;
    while (begin > 0 && end < len && is_key_byte(text[end]))
        end++;
    return end - begin >= 6 ? end - at : 0;
}

static size_t sequence_length(const char *text, size_t len)
{
    size_t n = 1;
    while (n < len && n < 4 && ((unsigned char)text[n] & 0xC0) == 0x80)
        n++;
    return utf8_is_valid(text, n, NULL) ? n : 0;
}

/* Controls, those of the second set too, and what breaks or turns a line: a terminal would act on them. */
static bool is_control(const char *text, size_t n)
{
    const unsigned char *s = (const unsigned char *)text;
    if (n == 1)
        return s[0] < ' ' || s[0] == 0x7f;
    if (n == 2)
        return s[0] == 0xC2 && s[1] < 0xA0;
    bool punctuation = n == 3 && s[0] == 0xE2;
    return punctuation && ((s[1] == 0x80 && s[2] >= 0xA8 && s[2] <= 0xAE) || /* U+2028 to U+202E */
                           (s[1] == 0x81 && s[2] >= 0xA6 && s[2] <= 0xA9));  /* U+2066 to U+2069 */
}

void copy_message(char *out, size_t size, const char *text, size_t len)
{
    size_t used = 0;
    for (size_t i = 0; i < len && used + 8 < size;) {
        size_t key = key_length(text, i, len);
        size_t n = sequence_length(text + i, len - i);
        if (key > 0) {
            memcpy(out + used, "[key]", 5);
            used += 5;
            i += key;
        } else if (n == 0 || is_control(text + i, n)) {
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

/* ---- a body that is not what it should be ---- */

static void describe_text(const struct answer_in *in, char *out, size_t size)
{
    char title[200] = "";
    if (in->body_len == 0) {
        snprintf(out, size, "an empty body");
        return;
    }
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
    bool html = start < look && in->body[start] == '<';
    snprintf(out, size, "%s%s", html ? "an HTML page instead of JSON: " : "", title);
}

static void set_transient(struct answer *out, const char *code)
{
    out->class = ANSWER_TRANSIENT;
    snprintf(out->error_code, sizeof out->error_code, "%s", code);
}

static void read_redirect(const struct answer_in *in, struct answer *out)
{
    const char *location = in->header(in->header_arg, "location");
    char name[128] = "";
    if (location != NULL) {
        struct span host = host_of_url(location);
        copy_message(name, sizeof name, host.data, host.len);
    }
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
        snprintf(out->message, sizeof out->message, "HTTP %d with a body that is no JSON object: %s",
                 in->status, text);
        return;
    }
    nothing.message = text;
    classify_error(in, &nothing, out);
    snprintf(out->message, sizeof out->message, "HTTP %d: %s", in->status, text);
}

static void read_error(const struct answer_in *in, const struct told_error *told, struct answer *out)
{
    classify_error(in, told, out);
    provider_told_limits(in, told->message, &out->told);
    char text[450] = "";
    if (told->message != NULL)
        copy_message(text, sizeof text, told->message, strlen(told->message));
    snprintf(out->message, sizeof out->message, "HTTP %d%s%s", in->status, text[0] != '\0' ? ": " : "", text);
}

static void read_request_id(const struct answer_in *in, struct answer *out)
{
    static const char *const names[] = {"x-request-id", "request-id", "apim-request-id", "cf-ray"};
    for (size_t i = 0; i < sizeof names / sizeof *names && out->request_id[0] == '\0'; i++)
        copy_name(out->request_id, sizeof out->request_id, in->header(in->header_arg, names[i]));
}

/* More than any request has; a lie must not overflow what is summed up over a run. */
static const int64_t most_tokens = INT64_C(1000000000);

/* Some servers write token counts as floats. */
int64_t token_count(json_object *usage, const char *key)
{
    json_object *value = json_get(usage, key);
    if (json_object_is_type(value, json_type_double)) {
        double number = json_object_get_double(value);
        return number >= 0 && number <= (double)most_tokens ? (int64_t)number : -1;
    }
    int64_t count = json_get_int(usage, key, -1);
    return count >= 0 && count <= most_tokens ? count : -1;
}

/* OpenAI, Groq ("on_demand"), Anthropic ("standard"); `auto` is what was asked for where nothing else was granted. "scale" and the like are
 * bought otherwise than by the token. */
enum service_tier told_tier(json_object *body, json_object *usage)
{
    static const struct {
        const char *word;
        enum service_tier tier;
    } words[] = {{"default", TIER_STANDARD}, {"standard", TIER_STANDARD},  {"auto", TIER_STANDARD},
                 {"", TIER_STANDARD},        {"on_demand", TIER_STANDARD}, {"batch", TIER_BATCH},
                 {"flex", TIER_BATCH},       {"priority", TIER_PRIORITY},  {"fast", TIER_PRIORITY}};
    const char *told = json_get_string(body, "service_tier");
    if (told == NULL)
        told = json_get_string(usage, "service_tier");
    for (size_t i = 0; told != NULL && i < sizeof words / sizeof *words; i++)
        if (strcasecmp(told, words[i].word) == 0)
            return words[i].tier;
    return told != NULL ? TIER_UNKNOWN : TIER_STANDARD;
}

bool refuse_content(struct answer *out, const char *code)
{
    out->class = ANSWER_PERMANENT;
    snprintf(out->error_code, sizeof out->error_code, "%s", code);
    snprintf(out->message, sizeof out->message, "the provider's content policy held the answer back (%s)",
             code);
    return false;
}

/* OpenRouter tells an error beside the choices or inside the first. */
static struct told_error error_told(json_object *body)
{
    struct told_error told = error_in_body(body);
    json_object *choices = json_get(body, "choices");
    if (!told.there && json_is_array(choices) && json_object_array_length(choices) > 0) {
        struct told_error in_choice = error_in_body(json_object_array_get_idx(choices, 0));
        return in_choice.there ? in_choice : told;
    }
    return told;
}

static void read_json(enum dialect d, const char *url, const struct answer_in *in, json_object *body,
                      struct answer *out)
{
    bool ok = in->status >= 200 && in->status < 300;
    struct told_error told = error_told(body);
    if (d == DIALECT_ANTHROPIC)
        anthropic_read_usage(body, &out->usage);
    else
        openai_read_usage(body, &out->usage);
    if (!ok || told.there) {
        read_error(in, &told, out);
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

/* Gemini wraps an error in an array of one. */
static json_object *the_object(json_object *body)
{
    bool wrapped = json_is_array(body) && json_object_array_length(body) == 1 &&
                   json_get(json_object_array_get_idx(body, 0), "error") != NULL;
    json_object *object = wrapped ? json_object_array_get_idx(body, 0) : body;
    return json_is_object(object) ? object : NULL;
}

void provider_read_answer(enum dialect d, const char *url, const struct answer_in *in,
                          struct json_parser *parser, struct answer *out)
{
    *out = (struct answer){.class = ANSWER_TRANSIENT, .usage = USAGE_NOT_SAID, .retry_after_ms = -1};
    read_request_id(in, out);
    provider_told_limits(in, NULL, &out->told);
    if (in->status >= 300 && in->status < 400) {
        read_redirect(in, out);
        return;
    }
    json_object *body = NULL;
    out->body_is_json = json_parse(parser, in->body, in->body_len, &body, NULL) == 0;
    json_object *object = the_object(body);
    if (object != NULL)
        read_json(d, url, in, object, out);
    else
        read_unparsed(in, out);
    json_object_put(body);
}

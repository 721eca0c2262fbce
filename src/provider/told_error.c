/* Errors that answers tell: where they stand in a body, and how they are classed. The tables here are the ones of the
 * project's design; the codes are those that the APIs document and that other servers of the same dialect send. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "provider/dialects.h"

/* Azure writes the status as a string, vLLM, llama.cpp and OpenRouter as a number. 0: none. */
static int status_in(json_object *error)
{
    static const char *const keys[] = {"code", "status"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *text = json_get_string(error, keys[i]);
        bool digits = text != NULL && strlen(text) == 3 && strspn(text, "0123456789") == 3;
        int64_t status = digits ? atoi(text) : json_get_int(error, keys[i], 0);
        if (status >= 400 && status <= 599)
            return (int)status;
    }
    return 0;
}

static void read_object(json_object *error, struct told_error *told)
{
    told->there = true;
    told->status = status_in(error);
    told->type = json_get_string(error, "type");
    told->code = json_get_string(error, "code");
    told->message = json_get_string(error, "message");
    if (told->type == NULL)
        told->type = json_get_string(error, "status"); /* Gemini: "RESOURCE_EXHAUSTED" */
}

struct told_error error_in_body(json_object *body)
{
    struct told_error told = {0};
    json_object *error = json_get(body, "error");
    const char *object = json_get_string(body, "object");
    if (json_is_string(error)) {
        told.there = true;
        told.message = json_object_get_string(error);
    } else if (json_is_object(error)) {
        read_object(error, &told);
    } else if (object != NULL && strcmp(object, "error") == 0) {
        read_object(body, &told);
    }
    if (told.message == NULL)
        told.message = json_get_string(body, "message");
    if (told.message == NULL)
        told.message = json_get_string(body, "detail");
    return told;
}

enum effect { THROTTLED, OVERLOADED, TRANSIENT, PERMANENT, ACCOUNT };

/* A code or type that says more than the status. */
static const struct {
    const char *word;
    enum effect effect;
} told_effects[] = {
    {"insufficient_quota", ACCOUNT},
    {"exceeded_current_quota_error", ACCOUNT},
    {"billing_not_active", ACCOUNT},
    {"billing_hard_limit_reached", ACCOUNT},
    {"billing_error", ACCOUNT},
    {"account_deactivated", ACCOUNT},
    {"invalid_api_key", ACCOUNT},
    {"authentication_error", ACCOUNT},
    {"content_policy_violation", PERMANENT},
    {"image_content_policy_violation", PERMANENT},
    {"content_filter", PERMANENT},
    {"moderation", PERMANENT},
    {"context_length_exceeded", PERMANENT},
    {"model_not_found", PERMANENT},
    {"invalid_prompt", PERMANENT},
    {"invalid_image", PERMANENT},
    {"image_parse_error", PERMANENT},
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

/* Whole phrases: "billing" alone stands in ordinary rate limits (where to raise them) and in the names of people's schemas. */
static bool is_about_account(const struct told_error *told)
{
    static const char *const phrases[] = {"credit balance is too low",   "insufficient credits",
                                          "requires more credits",       "insufficient balance",
                                          "exceeded your current quota", "billing hard limit",
                                          "check your billing details",  "incorrect api key",
                                          "api key not valid",           NULL};
    return contains_any(told->message, phrases);
}

static bool is_about_content(const struct told_error *told)
{
    static const char *const phrases[] = {
        "content policy", "content management policy", "safety system", "moderation", "flagged", NULL};
    return contains_any(told->message, phrases);
}

static bool names_a_wait(const struct answer_in *in, const struct told_error *told)
{
    return provider_retry_after(in, told->message) >= 0;
}

/* "Loading model": a local server that has just been started, and will be there when it is done. */
static bool is_overload(const struct answer_in *in, const struct told_error *told)
{
    static const char *const words[] = {
        "overload",  "capacity",  "too many requests", "busy",       "try again later",
        "slow down", "slow_down", "loading model",     "is loading", "currently loading",
        NULL};
    return contains_any(told->message, words) || contains_any(told->type, words) ||
           contains_any(told->code, words) || names_a_wait(in, told);
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

static bool is_2xx(int status)
{
    return status >= 200 && status < 300;
}

/* Many send the rate limit's words and the quota's in one sentence; an empty account is one that names no wait. */
static enum effect effect_of_429(const struct answer_in *in, const struct told_error *told)
{
    enum effect by_code = PERMANENT, by_type = PERMANENT;
    effect_of_word(told->code, &by_code);
    effect_of_word(told->type, &by_type);
    if (by_code == ACCOUNT || (by_type == ACCOUNT && by_code != THROTTLED))
        return ACCOUNT;
    bool empty = by_code != THROTTLED && is_about_account(told) && !names_a_wait(in, told);
    return empty ? ACCOUNT : THROTTLED;
}

static enum effect effect_of_5xx(const struct answer_in *in, const struct told_error *told, int status)
{
    enum effect said = TRANSIENT;
    if (status == 529 || (status == 503 && is_overload(in, told)))
        return OVERLOADED;
    if (!effect_of_word(told->code, &said))
        effect_of_word(told->type, &said);
    return said == OVERLOADED ? OVERLOADED : TRANSIENT;
}

/* The statuses 400 to 499. An exact code outweighs them, a general type such as invalid_request_error does not. */
static enum effect effect_of_4xx(const struct answer_in *in, const struct told_error *told, int status)
{
    enum effect effect = effect_of_status(status), said = effect;
    bool by_code = effect_of_word(told->code, &said);
    switch (status) {
    case 401:
    case 402:
        return ACCOUNT;
    case 403:
        return (by_code && said == PERMANENT) || is_about_content(told) ? PERMANENT : ACCOUNT;
    case 413:
        return PERMANENT; /* Groq says rate_limit_exceeded to a request that is larger than a minute's limit */
    case 429:
        return effect_of_429(in, told);
    case 400:
        if (!(by_code && said == PERMANENT) && is_about_account(told))
            return ACCOUNT;
        break;
    default:
        break;
    }
    return by_code && said != TRANSIENT ? said : effect;
}

/* The status that an error in a 2xx answer should have had. */
static int status_of(const struct answer_in *in, const struct told_error *told)
{
    if (!is_2xx(in->status))
        return in->status;
    return told->status != 0 ? told->status : 500;
}

static enum effect effect_of(const struct answer_in *in, const struct told_error *told)
{
    enum effect said = TRANSIENT;
    if (is_2xx(in->status) && (effect_of_word(told->code, &said) || effect_of_word(told->type, &said)))
        return said;
    if (is_2xx(in->status) && told->status == 0 && is_about_account(told))
        return ACCOUNT;
    int status = status_of(in, told);
    return status >= 500 ? effect_of_5xx(in, told, status) : effect_of_4xx(in, told, status);
}

static void set_code(const struct answer_in *in, const struct told_error *told, struct answer *out)
{
    copy_name(out->error_code, sizeof out->error_code,
              told->code != NULL && *told->code != '\0' ? told->code : told->type);
    if (out->error_code[0] == '\0' && is_2xx(in->status) && told->status == 0)
        copy_name(out->error_code, sizeof out->error_code, "error_in_answer");
    else if (out->error_code[0] == '\0')
        snprintf(out->error_code, sizeof out->error_code, "http_%d", status_of(in, told));
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
    set_code(in, told, out);
    out->retry_after_ms = provider_retry_after(in, told->message);
}

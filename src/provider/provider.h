/* Dialects: what differs between APIs. URL and headers of a request; what an answer means.
 * Pure functions on bytes, no sockets, no state: any thread. The one place that knows the classes of answers. */
#ifndef LH_PROVIDER_PROVIDER_H
#define LH_PROVIDER_PROVIDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "provider/told_limits.h"

enum dialect { DIALECT_OPENAI, DIALECT_ANTHROPIC };

/* From the path of a job ("/v1/messages" is anthropic, all else openai). */
enum dialect dialect_of_url(const char *url);
const char *dialect_name(enum dialect d);
bool dialect_from_name(const char *name, enum dialect *out);

/* The variable a key of this dialect comes from: "OPENAI_API_KEY"; of its base URL: "OPENAI_BASE_URL"; the default base. */
const char *dialect_key_variable(enum dialect d);
const char *dialect_base_variable(enum dialect d);
const char *
dialect_default_base(enum dialect d); /* "https://api.openai.com/v1", "https://api.anthropic.com" */
bool dialect_is_official_host(enum dialect d, const char *base_url);

/* base + job url, sharing "/v1": "http://h/v1" + "/v1/chat/completions" → "http://h/v1/chat/completions";
 * "http://h" + the same → the same; "http://h/v1" + "/models" → "http://h/v1/models". A job url that is absolute
 * ("https://…") is refused unless its origin is the base's: LH_EINPUT, as the key must not go to another host. */
int provider_join_url(const char *base_url, const char *job_url, struct strbuf *out, lh_error *err);

/* The length of "scheme://host:port" at the beginning of an absolute url; 0 of any other. */
size_t provider_origin(const char *url);

/* LH_EUSAGE unless http(s)://host…, without user:password, query or fragment, control characters. */
int provider_check_base_url(const char *base_url, lh_error *err);

/* The header lines of a request ("Authorization: Bearer …", "x-api-key: …", "anthropic-version: …", content type).
 * key NULL: none. Lines are appended zero-terminated, one after the other; returns how many, or LH_ENOMEM. */
int provider_headers(enum dialect d, const char *key, struct strbuf *lines);

enum answer_class {
    ANSWER_SUCCESS,
    ANSWER_THROTTLED,
    ANSWER_TRANSIENT,
    ANSWER_INVALID,
    ANSWER_PERMANENT,
    ANSWER_ACCOUNT,
};
const char *answer_class_name(enum answer_class c); /* "success", "throttled", … as in the attempts table */

/* What the provider says it served the request as, which decides its price. */
enum service_tier {
    TIER_STANDARD, /* also when it says nothing */
    TIER_BATCH,    /* batch and flex */
    TIER_PRIORITY,
    TIER_UNKNOWN, /* a word that is not known here */
};

struct usage {
    int64_t prompt_tokens;      /* -1: not said; likewise below */
    int64_t completion_tokens;  /* all that is paid for as output: the reasoning too */
    int64_t cached_tokens;      /* part of prompt_tokens: read from the provider's cache */
    int64_t reasoning_tokens;   /* part of completion_tokens */
    int64_t cache_write_tokens; /* part of prompt_tokens: written to the provider's cache */
    enum service_tier tier;
};
#define USAGE_NOT_SAID                                                                             \
    {                                                                                              \
        .prompt_tokens = -1, .completion_tokens = -1, .cached_tokens = -1, .reasoning_tokens = -1, \
        .cache_write_tokens = -1, .tier = TIER_STANDARD                                            \
    }

/* What came back, from the caller; `header` looks a header up by name (NULL: not there). */
struct answer_in {
    int status;
    const char *body;
    size_t body_len;
    const char *(*header)(const void *arg, const char *name);
    const void *header_arg;
    /* Calls `fn` for each header, in one walk; NULL: no limits are told. Name and value are borrowed for the call. */
    void (*each_header)(const void *header_arg, told_header_fn *fn, void *fn_arg);
    int64_t now_wall_ms; /* for Retry-After dates */
};

struct answer {
    enum answer_class class;
    char error_code
        [64]; /* the provider's code or ours ("http_500", "bad_json", "empty_answer"); "" on success */
    char message[512];      /* one line, printable UTF-8; "" on success */
    char request_id[128];   /* "" when not said */
    char model[128];        /* that answered; "" when not said */
    char finish_reason[32]; /* "stop", "length", …; "" */
    struct usage usage;
    int64_t retry_after_ms;  /* -1: not said; else ≥ 0, uncapped but nonsense dropped */
    struct told_limits told; /* also by an error; any is false when nothing was */
    bool overloaded;         /* 503/529: the provider is short, not the caller's quota */
    bool body_is_json;       /* the body is JSON, valid UTF-8: may be spliced into the output as it is */
};

/* Reads an answer of the given endpoint path ("/v1/embeddings"). Never fails: what cannot be read is a class too. */
void provider_read_answer(enum dialect d, const char *url, const struct answer_in *in,
                          struct json_parser *parser, struct answer *out);

/* Retry-After (seconds, fraction allowed, or HTTP date) and retry-after-ms and waits named in texts ("try again in
 * 1m2.5s"): ms from now, or -1 when absent or nonsense (negative, NaN, over 24 h is capped to 24 h). */
int64_t provider_retry_after(const struct answer_in *in, const char *error_message);

/* The limits that an answer tells: in headers (x-ratelimit-*, anthropic-ratelimit-*, the IETF's RateLimit), and in the sentence of a
 * refusal ("… on tokens per min (TPM): Limit 30000, Used 29000, Requested 2000"; NULL: none), which is the more exact. */
void provider_told_limits(const struct answer_in *in, const char *error_message, struct told_limits *out);

/* OpenAI's durations "6m0s", "20ms", "1h2m", "1.5s"; -1 when it is none. */
int64_t provider_parse_duration(const char *text);

/* Of a request body: the model's name (borrowed from the tree; NULL). */
const char *provider_request_model(json_object *body);
/* The bound on output tokens: max_tokens, max_completion_tokens or max_output_tokens, times the answers that are asked for, and
 * of completions that are made to choose from. 0 of embeddings; -1 when not given. */
int64_t provider_request_max_output(const char *url, json_object *body);
/* How many prompts stand in it (of completions and embeddings there may be several), and how many answers that bound is for; at least 1. */
int64_t provider_request_prompts(const char *url, json_object *body);
int64_t provider_request_answers(const char *url, json_object *body);

/* Where the prompt stands in a body for that url: "messages" (a list of them; of urls that are not known too), "prompt" or "input" (a text will do). Static. */
const char *provider_prompt_field(const char *url);

/* Does it name a bound, be it null? And what a bound is called there, for that model; NULL: there is none. Static. */
bool provider_names_bound(json_object *body);
const char *provider_bound_key(const char *url, const char *model);

/* What it asks to be served as, where that may be dearer: TIER_PRIORITY ("service_tier":"priority" and words that are not known, Anthropic's "speed":"fast"),
 * else TIER_STANDARD. */
enum service_tier provider_request_tier(json_object *body);

/* What else of a body bears on the most that it may cost, read without parsing the rest of it. */
struct request_terms {
    int64_t answers; /* as provider_request_answers has it */
    bool other_tier; /* it asks for a service tier that may be dearer than the standard one */
};
void provider_read_terms(const char *url, const char *body, size_t len, struct json_parser *parser,
                         struct request_terms *out);

/* The span of the value of the top-level "model" in a body that json_parse accepted; data NULL when there is none. */
struct json_span provider_model_span(const char *body, size_t len);
/* The body with another model, all other bytes as they were. Without a model nothing is appended. */
int provider_rename_model(const char *body, size_t len, const char *model, struct strbuf *out);

/* LH_EINPUT with a reason when `body` cannot be a request for `url`: no messages/prompt/input of the right type,
 * no model, "stream": true (answers are read whole), "background": true (it would be answered before it is done). Unknown urls are only asked to be objects. */
int provider_check_request(const char *url, json_object *body, lh_error *err);

#endif

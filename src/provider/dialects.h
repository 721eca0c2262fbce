/* Inside `provider` only: the table of dialects and what each knows of its answers. */
#ifndef LH_PROVIDER_DIALECTS_H
#define LH_PROVIDER_DIALECTS_H

#include <time.h>

#include "provider/provider.h"

struct span {
    const char *data; /* borrowed */
    size_t len;
};
/* The endpoint that a job's url means, be it absolute or with a query: "/chat/completions", without "/v1". */
struct span endpoint_of_url(const char *url);
bool span_is(struct span span, const char *text);
/* Host and port of an absolute URL, without user and password; empty when it is none. */
struct span host_of_url(const char *url);

/* An error that an answer's body tells, in whatever shape. Strings are borrowed from the tree; NULL when not said. */
struct told_error {
    bool there;
    int status; /* 400 to 599 when the body names one; else 0 */
    const char *type, *code, *message;
};
struct told_error error_in_body(json_object *body);

/* What a body tells of the tokens that were used; an error's too, as some are paid for. */
void openai_read_usage(json_object *body, struct usage *out);
void anthropic_read_usage(json_object *body, struct usage *out);

/* Does a 2xx body hold an answer of this endpoint? Fills model and finish_reason as far as they are there. */
bool openai_read_answer(const char *url, json_object *body, struct answer *out);
bool anthropic_read_answer(const char *url, json_object *body, struct answer *out);

/* How many tokens a usage member counts; -1 when it is not there or no number that a request can have. */
int64_t token_count(json_object *usage, const char *key);

/* The tier that an answer names, beside its usage or in it. */
enum service_tier told_tier(json_object *body, json_object *usage);

/* The provider's content policy held the answer back: permanent. Returns false, "no answer". */
bool refuse_content(struct answer *out, const char *code);

/* The class of an answer with an error: by its type and code first, by its status else. */
void classify_error(const struct answer_in *in, const struct told_error *told, struct answer *out);

/* The three forms of RFC 9110, 5.6.7. -1: none of them. */
time_t parse_http_date(const char *text);

/* Takes up what the sentence of a refusal says of a limit; what it does not say stays. told_text.c. */
void told_from_text(const char *message, struct told_limits *t);

/* Copies `text` as one line of printable UTF-8, cut at `size`; what looks like an API key becomes "[key]". */
void copy_message(char *out, size_t size, const char *text, size_t len);
void copy_name(char *out, size_t size, const char *text); /* NULL is "" */

#endif

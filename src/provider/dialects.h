/* Inside `provider` only: the table of dialects and what each knows of its answers. */
#ifndef LH_PROVIDER_DIALECTS_H
#define LH_PROVIDER_DIALECTS_H

#include "provider/provider.h"

struct span {
    const char *data; /* borrowed */
    size_t len;
};
/* The endpoint that a job's url means, be it absolute or with a query: "/chat/completions", without "/v1". */
struct span endpoint_of_url(const char *url);
bool span_is(struct span span, const char *text);

/* An error that an answer's body tells, in whatever shape. Strings are borrowed from the tree; NULL when not said. */
struct told_error {
    bool there;
    const char *type, *code, *message;
};
struct told_error error_in_body(json_object *body);

/* Does a 2xx body hold an answer of this endpoint? Fills model, finish_reason and usage as far as they are there. */
bool openai_read_answer(const char *url, json_object *body, struct answer *out);
bool anthropic_read_answer(const char *url, json_object *body, struct answer *out);

/* The class of an answer with an error: by its type and code first, by its status else. */
void classify_error(const struct answer_in *in, const struct told_error *told, struct answer *out);

/* Copies `text` as one line of printable UTF-8, cut at `size`; what looks like an API key becomes "sk-***". */
void copy_message(char *out, size_t size, const char *text, size_t len);
void copy_name(char *out, size_t size, const char *text); /* NULL is "" */

#endif

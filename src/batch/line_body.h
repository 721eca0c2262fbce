/* The body of a request as it leaves: as it was written, but for what the rules put into one that does not say it (a model, a bound on the
 * answer) and what does not belong there (a custom_id). Inside `batch`; one thread each. */
#ifndef LH_BATCH_LINE_BODY_H
#define LH_BATCH_LINE_BODY_H

#include "batch/line.h"

struct body_edit {
    bool without_id, without_model; /* a model that is null names none */
    bool with_model, with_bound;    /* those of the rules */
    const char *bound_key;          /* static: what the bound is called there */
};

/* Checks a body against its endpoint and measures it into *job; what the rules give counts as its own, and is put into the tree. Appends the model's
 * name to `text`. LH_EINPUT with the reason, LH_ENOMEM. */
int line_body_check(const struct line_rules *rules, const char *url, json_object *body, struct strbuf *text,
                    struct line_job *job, struct body_edit *edit, lh_error *err);
/* Appends the body to `text`: `span` as it was written, what the rules give first. */
int line_body_add(const struct line_rules *rules, struct json_span span, const struct body_edit *edit,
                  struct strbuf *text, struct line_job *job, lh_error *err);
/* Appends a request with the filled template `prompt` as the API of the url has it: one message, a prompt, an input. Measures it. */
int line_body_add_prompt(const struct line_rules *rules, const char *url, const struct strbuf *prompt,
                         struct strbuf *text, struct line_job *job, lh_error *err);

/* The same request as a tree, for looking at; owned by the caller, NULL without memory. */
json_object *line_body_of_prompt(const struct line_rules *rules, const char *url, const char *prompt,
                                 size_t len);

#endif

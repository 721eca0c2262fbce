/* One input line → one request, or the reason why not. The kinds, told by their members:
 *   {"custom_id","method","url","body"}          the OpenAI Batch line; the body is kept byte for byte
 *   {"messages":[…]} {"prompt":…} {"input":…}    a bare body; a "custom_id" beside is lifted out
 *                                                 a "model" that is null counts as none
 *   any object, or a CSV record, with a template  its fields fill "Classify: {{text}}"
 * One thread each; several parsers may run at once. */
#ifndef LH_BATCH_LINE_H
#define LH_BATCH_LINE_H

#include "base/json.h"
#include "base/strbuf.h"
#include "batch/csv.h"
#include "batch/source.h"
#include "provider/provider.h"
#include "tokens/prompt.h"

struct line_rules { /* borrowed */
    const char *model, *prompt_template, *id_field, *url;
    int64_t max_tokens; /* the bound of answers that nothing bounds; 0: none */
};

struct line_parser;
struct line_parser *line_parser_new(const struct line_rules *rules); /* NULL: out of memory */
void line_parser_free(struct line_parser *p);

/* A request. Offsets into a text that the caller gave; zero-terminated there. */
struct line_job {
    int64_t line; /* over all inputs */
    size_t custom_id, url, model, body, body_len;
    int64_t prompt_tokens;
    int64_t max_output_tokens; /* LH_UNKNOWN: not bounded */
    /* For who reckons with it before it is sent: */
    int64_t approximate_tokens; /* the part of the prompt that is not counted */
    enum prompt_basis basis;
    int64_t prompts, answers; /* in it, and asked for; ≥ 1 */
    enum service_tier tier;   /* that it asks for */
};

/* Reads one line and appends its strings to `text`. 0; LH_EINPUT with the reason (without line number), and then job->custom_id
 * is still the offset of the id the line has or would have had; LH_ENOMEM. *blank: nothing there (white space, a CSV header). */
int line_parse(struct line_parser *p, const struct source_line *line, struct strbuf *text,
               struct line_job *job, bool *blank, lh_error *err);

/* A path such as /v1/chat/completions: nothing in it that could end a request's line. */
bool line_is_url(const char *url, size_t len);

#endif

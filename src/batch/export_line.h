/* A finished job as a line of output: the OpenAI Batch line, or a CSV record. Pure; any thread. */
#ifndef LH_BATCH_EXPORT_LINE_H
#define LH_BATCH_EXPORT_LINE_H

#include "base/json.h"
#include "base/strbuf.h"

struct export_row { /* texts borrowed; NULL when there are none; integers INT64_MIN when not known */
    int64_t job_id;
    const char *custom_id;
    int64_t status_code;
    const char *request_id;
    const char *body; /* the response */
    size_t body_len;
    bool dead;
    const char *error_code, *error_message, *reason; /* when dead */
    const char *model, *finish_reason;
    int64_t prompt_tokens, completion_tokens, latency_ms, attempts;
    int64_t cached_tokens, cost_nanousd;
};

struct export_format;
/* name: "jsonl" or "csv". LH_EUSAGE for another. */
int export_format_new(const char *name, struct export_format **out, lh_error *err);
void export_format_free(struct export_format *f); /* NULL-safe */

/* Appends what stands before the first line ("" for jsonl). */
int export_header(struct export_format *f, struct strbuf *out);
int export_line(struct export_format *f, const struct export_row *row, struct strbuf *out);

#endif

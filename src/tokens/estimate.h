/* How many tokens a request will take, before it is sent: bytes of its texts / 4, rounded up, until exact counting
 * comes; and how many of answer at most. Any thread; never fails. */
#ifndef LH_TOKENS_ESTIMATE_H
#define LH_TOKENS_ESTIMATE_H

#include <json-c/json.h>
#include <stdint.h>

/* The prompt of a request body (messages, prompt, input, system, tools): ≥ 1. Walks strings only, images and
 * other base64 data count a flat 1,000 each. */
int64_t tokens_estimate_prompt(json_object *body);

/* Same, of plain text. */
int64_t tokens_estimate_text(const char *text, size_t len);

#endif

/* How many tokens a request takes, before it is sent: its texts by the model's own encoding, and what a provider puts around them.
 *
 * - Chat: 3 for each message, its role, its content, a name and 1 more; 3 for the reply that is begun (OpenAI's cookbook, "How to count tokens
 *   with tiktoken", 6). Responses alike: a text as input is a user's message, instructions are a system's. Claude's messages alike, but
 *   "system" is only its text; that fits the example in Anthropic's guide "Token counting" (14).
 * - Completions and embeddings: the texts, one for each token id, nothing around.
 * - Reckoned and not counted, and so `approximate`: tools and calls of tools (tools.c), the schema of an answer (its JSON), images
 *   (images.h), files and sounds (1,000 each). Base64 is never taken for text.
 * - Members that are not known here count nothing; nor does what only the provider has (a stored prompt, an earlier response, a file's text).
 * docs/tokens.md tells the same to users. */
#ifndef LH_TOKENS_PROMPT_H
#define LH_TOKENS_PROMPT_H

#include <json-c/json.h>
#include <stddef.h>
#include <stdint.h>

enum prompt_basis {
    PROMPT_COUNTED, /* by the model's own encoding */
    PROMPT_ASSUMED, /* the model is not known: o200k_base */
    PROMPT_CLAUDE   /* there is no public tokenizer: o200k_base, until what comes back corrects it */
};

struct prompt_count {
    int64_t tokens;      /* ≥ 1 */
    int64_t approximate; /* the part of them that is reckoned by a formula */
    enum prompt_basis basis;
};

/* `url`: the job's ("/v1/chat/completions"). `body`: may be anything; recursion ends with the depth that json_parse lets pass. It is read only,
 * but json-c keeps texts in it: one thread at a time. 0 or LH_ENOMEM, and then *out is as far as it came. Memory is taken for tools and
 * schemas only. Any thread. */
int prompt_count(const char *url, json_object *body, struct prompt_count *out);

/* The same of a body that is one message of a user, a text, without making it. `model`: NULL is none. */
int prompt_count_message(const char *model, const char *text, size_t len, struct prompt_count *out);

/* How many tokens of its own a model makes of one that is counted, before it told: expected, and at most. 1 and 1 of an encoding that is known. */
struct prompt_doubt {
    double expected, most;
};
struct prompt_doubt prompt_doubt_of(const char *model);

#endif

/* For tests that count requests: a body as text, and counts of plain texts to hold them against. */
#ifndef LH_TESTS_REQUEST_TEXT_H
#define LH_TESTS_REQUEST_TEXT_H

#include "base/json.h"
#include "tokens/bpe.h"
#include "tokens/prompt.h"

#define CHAT "/v1/chat/completions"
#define MESSAGES "/v1/messages"
#define RESPONSES "/v1/responses"

static inline int64_t text_tokens(const char *text)
{
    return encoding_count(encoding_get(ENCODING_O200K_BASE), text, strlen(text));
}

static inline struct prompt_count count_of(const char *url, const char *text)
{
    struct json_parser *p = json_parser_new();
    struct prompt_count count = {0};
    json_object *body = NULL;
    lh_error err = {0};
    assert_non_null(p);
    if (json_parse(p, text, strlen(text), &body, &err) != 0)
        fail_msg("%s: %s", text, err.message);
    assert_int_equal(prompt_count(url, body, &count), 0);
    assert_true(count.tokens >= 1 && count.approximate >= 0 && count.approximate <= count.tokens);
    json_object_put(body);
    json_parser_free(p);
    return count;
}

static inline void assert_count(const char *url, const char *text, int64_t tokens, int64_t approximate)
{
    struct prompt_count count = count_of(url, text);
    if (count.tokens != tokens || count.approximate != approximate)
        fail_msg("%s takes %lld tokens, %lld of them reckoned, not %lld and %lld", text,
                 (long long)count.tokens, (long long)count.approximate, (long long)tokens,
                 (long long)approximate);
}

#endif

/* For tests that read answers: a status, headers and a body become an answer, by way of the real JSON door. */
#ifndef LH_TESTS_ANSWERS_H
#define LH_TESTS_ANSWERS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include "provider/provider.h"

#define CHAT "/v1/chat/completions"
#define RESPONSES "/v1/responses"
#define EMBEDDINGS "/v1/embeddings"
#define COMPLETIONS "/v1/completions"
#define MESSAGES "/v1/messages"

/* A literal with zero bytes in it, and its length. */
#define BYTES(literal) (literal), sizeof(literal) - 1

struct header {
    const char *name, *value;
};

static inline const char *find_header(const void *arg, const char *name)
{
    for (const struct header *h = arg; h != NULL && h->name != NULL; h++)
        if (strcasecmp(h->name, name) == 0)
            return h->value;
    return NULL;
}

/* headers: ended by one without a name, or NULL. The body is copied to a block of just its size, for the sanitizer. */
static inline struct answer read_bytes(const char *url, int status, const struct header *headers,
                                       const char *body, size_t len)
{
    struct json_parser *parser = json_parser_new();
    struct answer a;
    char *copy = malloc(len + (len == 0));
    assert_non_null(parser);
    assert_non_null(copy);
    memcpy(copy, body, len);
    struct answer_in in = {.status = status,
                           .body = copy,
                           .body_len = len,
                           .header = find_header,
                           .header_arg = headers,
                           .now_wall_ms = INT64_C(1700000000000)};
    memset(&a, 0x5a, sizeof a);
    provider_read_answer(dialect_of_url(url), url, &in, parser, &a);
    free(copy);
    json_parser_free(parser);
    return a;
}

static inline struct answer read_with(const char *url, int status, const struct header *headers,
                                      const char *body)
{
    return read_bytes(url, status, headers, body, strlen(body));
}

static inline struct answer read_plain(const char *url, int status, const char *body)
{
    return read_with(url, status, NULL, body);
}

static inline void assert_class(const struct answer *a, enum answer_class class, const char *about)
{
    if (a->class != class)
        fail_msg("%s is %s (%s: %s), not %s", about, answer_class_name(a->class), a->error_code, a->message,
                 answer_class_name(class));
}

#endif

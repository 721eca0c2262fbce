/* Parsing a line in a test, and what came of it. */
#ifndef LH_TEST_LINE_WORLD_H
#define LH_TEST_LINE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "batch/line.h"
#include "longhaul.h"
#include "provider/provider.h"

struct parsed {
    struct strbuf text;
    struct line_job job;
    bool blank;
    lh_error err;
};

/* As the 7th line over all. A copy of exactly that size, so that a sanitizer sees each byte read beyond it. */
static inline int parse_as(struct line_parser *p, struct source_line line, const char *text, size_t len,
                           struct parsed *out)
{
    char *copy = malloc(len + (len == 0));
    assert_non_null(copy);
    memcpy(copy, text, len);
    line.data = copy;
    line.len = len;
    line.number = 7;
    strbuf_reset(&out->text);
    strbuf_append(&out->text, "before", 7); /* a chunk holds other lines already */
    out->err = (lh_error){0};
    int rc = line_parse(p, &line, &out->text, &out->job, &out->blank, &out->err);
    free(copy);
    return rc;
}

static inline int parse(struct line_parser *p, const char *text, struct parsed *out)
{
    return parse_as(p, (struct source_line){0}, text, strlen(text), out);
}

static const char *at(const struct parsed *out, size_t offset)
{
    return out->text.data + offset;
}

static inline void assert_request(const struct parsed *out, const char *id, const char *url, const char *body)
{
    assert_string_equal(at(out, out->job.custom_id), id);
    assert_string_equal(at(out, out->job.url), url);
    assert_string_equal(at(out, out->job.body), body);
    assert_int_equal(out->job.body_len, strlen(body));
    assert_int_equal(out->job.line, 7);
}

static inline struct line_parser *new_parser(const char *model, const char *template, const char *id_field)
{
    struct line_rules rules = {.model = model, .prompt_template = template, .id_field = id_field};
    struct line_parser *p = line_parser_new(&rules);
    assert_non_null(p);
    return p;
}

#define CHAT "/v1/chat/completions"
#define BATCH(id, body) "{\"custom_id\":" id ",\"method\":\"POST\",\"url\":\"" CHAT "\",\"body\":" body "}"
#define MESSAGES "\"messages\":[{\"role\":\"user\",\"content\":\"q\"}]"

#endif

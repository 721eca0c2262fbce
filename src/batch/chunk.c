/* Some lines of the input: see chunk.h. */
#include "batch/chunk.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RAW_MAX = 64 * 1024, KEEP_BYTES = 2 << 20 /* of a buffer that is used again */ };

bool chunk_init(struct chunk *chunk, size_t most)
{
    *chunk = (struct chunk){0};
    strbuf_init(&chunk->text);
    strbuf_init(&chunk->raw);
    chunk->entries = calloc(most, sizeof *chunk->entries);
    chunk->read = calloc(most + 1, sizeof *chunk->read);
    return chunk->entries != NULL && chunk->read != NULL;
}

void chunk_free(struct chunk *chunk)
{
    strbuf_free(&chunk->text);
    strbuf_free(&chunk->raw);
    free(chunk->entries);
    free(chunk->read);
}

static void reset_buffer(struct strbuf *b)
{
    if (b->capacity > KEEP_BYTES)
        strbuf_free(b);
    else
        strbuf_reset(b);
}

void chunk_reset(struct chunk *chunk)
{
    reset_buffer(&chunk->text);
    reset_buffer(&chunk->raw);
    chunk->count = chunk->n_read = 0;
    chunk->cost = 0;
    chunk->last = false;
    chunk->rc = 0;
}

int chunk_add(struct chunk *chunk, const struct source_line *line, bool is_carried)
{
    chunk->read[chunk->n_read] = (struct chunk_line){*line, chunk->raw.len, is_carried};
    int rc = strbuf_append(&chunk->raw, line->data, line->len);
    chunk->n_read += rc == 0 ? 1 : 0;
    return rc;
}

const char *chunk_text(const struct chunk *chunk, size_t offset)
{
    return chunk->text.data + offset;
}

int append_valid_utf8(struct strbuf *out, const char *data, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t bad = 0;
        bool rest_ok = utf8_is_valid(data + i, len - i, &bad);
        size_t good = rest_ok ? len - i : bad;
        for (size_t k = 0; k < good; k++)
            strbuf_append_char(out, data[i + k] != '\0' ? data[i + k] : ' ');
        i += good;
        if (!rest_ok) {
            strbuf_append_str(out, "\xEF\xBF\xBD");
            i++;
        }
    }
    return out->failed ? LH_ENOMEM : 0;
}

static int add_bad(struct chunk *chunk, struct chunk_entry *e, const struct source_line *line,
                   const lh_error *why)
{
    e->bad = true;
    e->job.prompt_tokens = 0;
    e->job.max_output_tokens = INT64_MIN;
    char text[sizeof why->message + PATH_MAX];
    snprintf(text, sizeof text, "%s, line %lld: %s", line->input, (long long)line->line, why->message);
    for (char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f) /* a name in the input must not steer a terminal */
            *c = '?';
    e->why = chunk->text.len;
    append_valid_utf8(&chunk->text, text, strlen(text)); /* a reason may quote a name, cut */
    strbuf_append_char(&chunk->text, '\0');
    e->raw = chunk->text.len;
    append_valid_utf8(&chunk->text, line->data, line->len < RAW_MAX ? line->len : RAW_MAX);
    e->raw_len = chunk->text.len - e->raw;
    strbuf_append_char(&chunk->text, '\0');
    return chunk->text.failed ? LH_ENOMEM : 0;
}

static int parse_line(struct chunk *chunk, struct line_parser *parser, const struct source_line *line,
                      lh_error *err)
{
    struct chunk_entry *e = &chunk->entries[chunk->count];
    bool blank = false;
    *e = (struct chunk_entry){.input = line->input, .input_line = line->line};
    int rc = line_parse(parser, line, &chunk->text, &e->job, &blank, err);
    if (rc == LH_EINPUT)
        rc = add_bad(chunk, e, line, err);
    if (rc == 0 && !blank)
        chunk->count++;
    return rc;
}

/* A header that cannot be read was reported where it stands; the parser then knows that there is none. */
static int parse_carried(struct chunk *chunk, struct line_parser *parser, const struct source_line *line,
                         lh_error *err)
{
    struct line_job job;
    bool blank = false;
    int rc = line_parse(parser, line, &chunk->text, &job, &blank, err);
    strbuf_reset(&chunk->text);
    return rc == LH_EINPUT ? 0 : rc;
}

void chunk_parse(struct chunk *chunk, struct line_parser *parser)
{
    lh_error why = {0};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < chunk->n_read; i++) {
        struct chunk_line *l = &chunk->read[i];
        l->line.data = chunk->raw.data + l->at;
        rc = l->is_carried ? parse_carried(chunk, parser, &l->line, &why)
                           : parse_line(chunk, parser, &l->line, &why);
    }
    if (rc != 0) {
        chunk->rc = rc;
        lh_error_nomem(&chunk->error);
    }
    reset_buffer(&chunk->raw);
    chunk->n_read = 0;
}

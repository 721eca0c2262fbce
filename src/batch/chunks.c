/* The reading half of an ingest: see chunks.h. Fields of `shared` under the mutex; the source and the parser are the thread's. */
#include "batch/chunks.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { CHUNKS = 3, ENTRIES = 1000, TEXT_BYTES = 1 << 20, RAW_MAX = 64 * 1024 };

struct chunks {
    struct source *source;
    struct line_parser *parser;
    int64_t skip_lines;
    char skipped_hash[40];
    struct chunk all[CHUNKS];
    uv_thread_t thread;
    uv_mutex_t mutex;
    uv_cond_t changed;
    struct chunk *empty, *full, **full_last;
    bool stop;
};

const char *chunk_text(const struct chunk *chunk, size_t offset)
{
    return chunk->text.data + offset;
}

const char *chunks_skipped_hash(const struct chunks *c)
{
    return c->skipped_hash;
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

static int add_line(struct chunks *c, struct chunk *chunk, const struct source_line *line, lh_error *err)
{
    struct chunk_entry *e = &chunk->entries[chunk->count];
    bool blank = false;
    *e = (struct chunk_entry){.input = line->input, .input_line = line->line};
    int rc = line_parse(c->parser, line, &chunk->text, &e->job, &blank, err);
    if (rc == LH_EINPUT)
        rc = add_bad(chunk, e, line, err);
    if (rc == 0 && !blank)
        chunk->count++;
    return rc;
}

static void fill(struct chunks *c, struct chunk *chunk)
{
    struct source_line line;
    lh_error why = {0};
    strbuf_reset(&chunk->text);
    chunk->count = 0;
    chunk->rc = 1;
    while (chunk->rc == 1 && chunk->count < ENTRIES && chunk->text.len < TEXT_BYTES) {
        chunk->rc = source_next(c->source, &line, &chunk->error);
        if (chunk->rc != 1)
            break;
        int rc = add_line(c, chunk, &line, &why);
        if (rc != 0) {
            chunk->rc = rc;
            chunk->error = why;
        }
    }
    chunk->last = chunk->rc == 0;
    chunk->rc = chunk->rc == 1 ? 0 : chunk->rc;
    chunk->lines = source_lines(c->source);
    chunk->bytes = source_bytes(c->source);
    source_hash(c->source, chunk->hash);
}

static int skip(struct chunks *c, lh_error *err)
{
    struct source_line line;
    struct strbuf text;
    struct line_job job;
    bool blank = false;
    int rc = 1;
    strbuf_init(&text);
    while (rc == 1 && source_lines(c->source) < c->skip_lines) {
        rc = source_next(c->source, &line, err);
        if (rc == 1 && line.is_csv && line.first_of_input) /* the header is needed for what comes after */
            line_parse(c->parser, &line, &text, &job, &blank, err);
    }
    strbuf_free(&text);
    if (rc >= 0 && source_lines(c->source) == c->skip_lines)
        source_hash(c->source, c->skipped_hash);
    return rc < 0 ? rc : 0;
}

static struct chunk *take_empty(struct chunks *c)
{
    uv_mutex_lock(&c->mutex);
    while (c->empty == NULL && !c->stop)
        uv_cond_wait(&c->changed, &c->mutex);
    struct chunk *chunk = c->stop ? NULL : c->empty;
    if (chunk != NULL)
        c->empty = chunk->next;
    uv_mutex_unlock(&c->mutex);
    return chunk;
}

static void give_full(struct chunks *c, struct chunk *chunk)
{
    uv_mutex_lock(&c->mutex);
    chunk->next = NULL;
    *c->full_last = chunk;
    c->full_last = &chunk->next;
    uv_cond_broadcast(&c->changed);
    uv_mutex_unlock(&c->mutex);
}

static void run(void *arg)
{
    struct chunks *c = arg;
    lh_error err = {0};
    int rc = skip(c, &err);
    for (bool over = false; !over;) {
        struct chunk *chunk = take_empty(c);
        if (chunk == NULL)
            return;
        if (rc == 0) {
            fill(c, chunk);
        } else {
            chunk->count = 0;
            chunk->rc = rc;
            chunk->error = err;
        }
        over = chunk->last || chunk->rc != 0;
        give_full(c, chunk);
    }
}

static void free_chunks(struct chunks *c)
{
    for (int i = 0; i < CHUNKS; i++) {
        strbuf_free(&c->all[i].text);
        free(c->all[i].entries);
    }
    free(c);
}

static bool make_chunks(struct chunks *c)
{
    bool ok = true;
    for (int i = 0; i < CHUNKS; i++) {
        struct chunk *chunk = &c->all[i];
        strbuf_init(&chunk->text);
        chunk->entries = calloc(ENTRIES, sizeof *chunk->entries);
        ok = ok && chunk->entries != NULL;
        chunk->next = c->empty;
        c->empty = chunk;
    }
    c->full_last = &c->full;
    return ok;
}

int chunks_start(struct source *source, struct line_parser *parser, int64_t skip_lines, struct chunks **out,
                 lh_error *err)
{
    *out = NULL;
    struct chunks *c = calloc(1, sizeof *c);
    if (c == NULL)
        return lh_error_nomem(err);
    c->source = source;
    c->parser = parser;
    c->skip_lines = skip_lines;
    if (!make_chunks(c) || uv_mutex_init(&c->mutex) != 0) {
        free_chunks(c);
        return lh_error_nomem(err);
    }
    if (uv_cond_init(&c->changed) != 0 || uv_thread_create(&c->thread, run, c) != 0) {
        uv_mutex_destroy(&c->mutex);
        free_chunks(c);
        return lh_error_set(err, LH_ENOMEM, "cannot start the reader's thread");
    }
    *out = c;
    return 0;
}

struct chunk *chunks_next(struct chunks *c)
{
    uv_mutex_lock(&c->mutex);
    while (c->full == NULL)
        uv_cond_wait(&c->changed, &c->mutex);
    struct chunk *chunk = c->full;
    c->full = chunk->next;
    if (c->full == NULL)
        c->full_last = &c->full;
    uv_mutex_unlock(&c->mutex);
    return chunk;
}

void chunks_recycle(struct chunks *c, struct chunk *chunk)
{
    uv_mutex_lock(&c->mutex);
    chunk->next = c->empty;
    c->empty = chunk;
    uv_cond_broadcast(&c->changed);
    uv_mutex_unlock(&c->mutex);
}

void chunks_stop(struct chunks *c)
{
    if (c == NULL)
        return;
    uv_mutex_lock(&c->mutex);
    c->stop = true;
    uv_cond_broadcast(&c->changed);
    uv_mutex_unlock(&c->mutex);
    uv_thread_join(&c->thread);
    uv_cond_destroy(&c->changed);
    uv_mutex_destroy(&c->mutex);
    free_chunks(c);
}

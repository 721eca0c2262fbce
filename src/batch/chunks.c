/* The reading half of an ingest: see chunks.h. The chunks are a ring. Each goes around it: filled by the reader, parsed by whoever is free,
 * taken and given back by the consumer. Four counters say where each of them is; they, `parsed`, `held` and the flags are under the
 * mutex. A chunk belongs to whom the counters say, without it. */
#include "batch/chunks.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "batch/template.h"

enum {
    CHUNKS_BESIDE = 3, /* one being filled, one ready, one with the consumer */
    CHUNKS_MOST = PARSERS_MOST + CHUNKS_BESIDE,
    CHUNK_LINES = 2000, /* of 600 bytes some 3 MB of memory; a commit each */
    CHUNK_BYTES = 3 << 19,
    HELD_FACTOR = 8, /* chunks of CHUNK_BYTES that a parsing thread may be worth */
    LINE_OWN = 64,   /* about what a request has beside its body */
};

struct worker {
    struct chunks *chunks;
    struct line_parser *parser; /* NULL: not made yet */
    uv_thread_t thread;
};

enum { ROOM, WORK, READY, SIGNALS }; /* what the reader, the workers, the consumer wait for */

struct chunks {
    struct chunks_options o;
    size_t line_uses, line_own; /* see cost_of */
    struct chunk all[CHUNKS_MOST];
    bool parsed[CHUNKS_MOST];
    struct worker workers[PARSERS_MOST];
    int n_workers, n_chunks, n_signals;
    uv_thread_t thread;
    uv_mutex_t mutex;
    uv_cond_t signals[SIGNALS];
    int64_t filled, begun, taken, recycled; /* chunks so far: by the reader, the workers, the consumer */
    size_t held, held_most, peak;           /* cost of the chunks that were filled and not recycled */
    bool over, stop;

    /* the reader's */
    struct source *source;
    char skipped_hash[40];
    struct source_line header; /* of the CSV input that is being read */
    struct strbuf header_text;
    bool has_header;
};

const char *chunks_skipped_hash(const struct chunks *c)
{
    return c->skipped_hash;
}

/* ---- the reader ---- */

/* A row becomes the template with its fields in it, so a short one may become a long request. */
static size_t cost_of(const struct chunks *c, const struct source_line *line)
{
    return line->len * c->line_uses + c->line_own;
}

static void measure_rules(struct chunks *c)
{
    const struct line_rules *rules = &c->o.rules;
    c->line_uses = 1;
    c->line_own = LINE_OWN; /* that of a bound too */
    if (rules->model != NULL)
        c->line_own += strlen(rules->model);
    if (rules->prompt_template == NULL)
        return;
    c->line_own += strlen(rules->prompt_template);
    c->line_uses = template_most_uses(rules->prompt_template);
}

static bool is_full(const struct chunks *c, size_t more)
{
    return c->held > 0 && c->held + more > c->held_most;
}

/* Waits until a chunk that costs so much may be filled. False: stopped. */
static bool await_room(struct chunks *c, size_t cost)
{
    uv_mutex_lock(&c->mutex);
    while (!c->stop && is_full(c, cost))
        uv_cond_wait(&c->signals[ROOM], &c->mutex);
    bool ok = !c->stop;
    uv_mutex_unlock(&c->mutex);
    return ok;
}

/* Within chunk_bytes there is room: take_empty has waited for it. */
static int add_line(struct chunks *c, struct chunk *chunk, const struct source_line *line, bool is_carried)
{
    size_t cost = chunk->cost + cost_of(c, line);
    if (cost > c->o.chunk_bytes && !await_room(c, cost))
        return LH_ESTATE;
    chunk->cost = cost;
    int rc = chunk_add(chunk, line, is_carried);
    return rc == 0 ? 0 : lh_error_nomem(&chunk->error);
}

/* A CSV header is kept for the chunks that begin inside its input. */
static int note_header(struct chunks *c, const struct source_line *line, lh_error *err)
{
    if (!line->first_of_input || line->is_blank)
        return 0;
    c->has_header = line->is_csv;
    if (!c->has_header)
        return 0;
    strbuf_free(&c->header_text);
    c->header = *line;
    return strbuf_append(&c->header_text, line->data, line->len) == 0 ? 0 : lh_error_nomem(err);
}

static int carry_header(struct chunks *c, struct chunk *chunk)
{
    if (!c->has_header)
        return 0;
    c->header.data = c->header_text.data;
    return add_line(c, chunk, &c->header, true);
}

/* 1: more may follow. 0: the end. Negative: failed. */
static int fill_next(struct chunks *c, struct chunk *chunk)
{
    struct source_line line;
    int rc = source_next(c->source, &line, &chunk->error);
    if (rc != 1 || line.is_blank)
        return rc;
    rc = note_header(c, &line, &chunk->error);
    if (rc == 0)
        rc = add_line(c, chunk, &line, false);
    return rc == 0 ? 1 : rc;
}

static void fill(struct chunks *c, struct chunk *chunk)
{
    int64_t begin = source_bytes(c->source), most = (int64_t)c->o.chunk_bytes;
    int rc = carry_header(c, chunk);
    size_t carried_cost = chunk->cost, lines_most = chunk->n_read + c->o.chunk_lines;
    rc = rc == 0 ? 1 : rc;
    while (rc == 1 && chunk->n_read < lines_most && chunk->cost - carried_cost < c->o.chunk_bytes &&
           source_bytes(c->source) - begin < most) /* blank lines, and what was dropped of long ones */
        rc = fill_next(c, chunk);
    chunk->last = rc == 0;
    chunk->rc = rc == 1 ? 0 : rc;
    chunk->lines = source_lines(c->source);
    chunk->bytes = source_bytes(c->source);
    source_hash(c->source, chunk->hash);
}

static int skip(struct chunks *c, lh_error *err)
{
    struct source_line line;
    int rc = 1;
    while (rc == 1 && source_lines(c->source) < c->o.skip_lines) {
        rc = source_next(c->source, &line, err);
        if (rc == 1 && note_header(c, &line, err) != 0)
            rc = LH_ENOMEM;
    }
    if (rc >= 0 && source_lines(c->source) == c->o.skip_lines)
        source_hash(c->source, c->skipped_hash);
    return rc < 0 ? rc : 0;
}

static struct chunk *take_empty(struct chunks *c)
{
    uv_mutex_lock(&c->mutex);
    while (!c->stop && (c->filled - c->recycled == c->n_chunks || is_full(c, c->o.chunk_bytes)))
        uv_cond_wait(&c->signals[ROOM], &c->mutex);
    int i = (int)(c->filled % c->n_chunks);
    c->parsed[i] = false;
    struct chunk *chunk = c->stop ? NULL : &c->all[i];
    uv_mutex_unlock(&c->mutex);
    return chunk;
}

static void give_filled(struct chunks *c, const struct chunk *chunk)
{
    uv_mutex_lock(&c->mutex);
    c->filled++;
    c->held += chunk->cost;
    c->peak = c->held > c->peak ? c->held : c->peak;
    c->over = chunk->last || chunk->rc != 0;
    if (c->over)
        uv_cond_broadcast(&c->signals[WORK]);
    else
        uv_cond_signal(&c->signals[WORK]);
    uv_mutex_unlock(&c->mutex);
}

static void run_reader(void *arg)
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
            chunk->rc = rc;
            chunk->error = err;
        }
        over = chunk->last || chunk->rc != 0; /* once it is given it is another's */
        give_filled(c, chunk);
    }
}

/* ---- the workers ---- */

/* NULL: none will come. */
static struct chunk *take_filled(struct chunks *c)
{
    struct chunk *chunk = NULL;
    uv_mutex_lock(&c->mutex);
    while (!c->stop && !c->over && c->begun == c->filled)
        uv_cond_wait(&c->signals[WORK], &c->mutex);
    if (!c->stop && c->begun < c->filled)
        chunk = &c->all[c->begun++ % c->n_chunks];
    uv_mutex_unlock(&c->mutex);
    return chunk;
}

static void give_parsed(struct chunks *c, const struct chunk *chunk)
{
    uv_mutex_lock(&c->mutex);
    c->parsed[chunk - c->all] = true;
    uv_cond_signal(&c->signals[READY]);
    uv_mutex_unlock(&c->mutex);
}

/* A parser keeps the memory that its longest line needed: eight of them would keep eight times that. */
static void parse(struct worker *w, struct chunk *chunk)
{
    const struct chunks *c = w->chunks;
    bool is_large = chunk->cost > 2 * c->o.chunk_bytes;
    if (w->parser == NULL)
        w->parser = line_parser_new(&c->o.rules);
    if (w->parser == NULL)
        chunk->rc = lh_error_nomem(&chunk->error);
    else
        chunk_parse(chunk, w->parser);
    if (is_large) {
        line_parser_free(w->parser);
        w->parser = NULL;
    }
}

static void run_worker(void *arg)
{
    struct worker *w = arg;
    for (struct chunk *chunk; (chunk = take_filled(w->chunks)) != NULL;) {
        if (chunk->rc == 0)
            parse(w, chunk);
        give_parsed(w->chunks, chunk);
    }
}

/* ---- start and stop ---- */

static void set_options(struct chunks *c, const struct chunks_options *o)
{
    c->o = *o;
    if (c->o.parsers <= 0) {
        unsigned n = uv_available_parallelism();
        c->o.parsers = n > PARSERS_LEAST ? (int)n : PARSERS_LEAST;
    }
    if (c->o.parsers > PARSERS_MOST)
        c->o.parsers = PARSERS_MOST;
    if (c->o.chunk_lines == 0)
        c->o.chunk_lines = CHUNK_LINES;
    if (c->o.chunk_bytes == 0)
        c->o.chunk_bytes = CHUNK_BYTES;
    c->n_chunks = c->o.parsers + CHUNKS_BESIDE;
    c->held_most = (size_t)c->o.parsers * HELD_FACTOR * c->o.chunk_bytes;
}

static bool make_chunks(struct chunks *c)
{
    bool ok = true;
    for (int i = 0; i < c->n_chunks; i++)
        ok = chunk_init(&c->all[i], c->o.chunk_lines) && ok;
    strbuf_init(&c->header_text);
    return ok;
}

static void free_chunks(struct chunks *c)
{
    for (int i = 0; i < c->n_chunks; i++)
        chunk_free(&c->all[i]);
    for (int i = 0; i < c->n_workers; i++)
        line_parser_free(c->workers[i].parser);
    strbuf_free(&c->header_text);
    free(c);
}

/* Where a machine allows few threads, fewer parse. False: none does. */
static bool start_workers(struct chunks *c)
{
    for (int i = 0; i < c->o.parsers; i++) {
        struct worker *w = &c->workers[i];
        w->chunks = c;
        if (uv_thread_create(&w->thread, run_worker, w) != 0)
            break;
        c->n_workers++;
    }
    return c->n_workers > 0;
}

static void end_workers(struct chunks *c)
{
    uv_mutex_lock(&c->mutex);
    c->stop = true;
    uv_cond_broadcast(&c->signals[ROOM]);
    uv_cond_broadcast(&c->signals[WORK]);
    uv_mutex_unlock(&c->mutex);
    for (int i = 0; i < c->n_workers; i++)
        uv_thread_join(&c->workers[i].thread);
}

static void destroy_signals(struct chunks *c)
{
    for (int i = 0; i < c->n_signals; i++)
        uv_cond_destroy(&c->signals[i]);
    uv_mutex_destroy(&c->mutex);
}

static int make_signals(struct chunks *c, lh_error *err)
{
    if (uv_mutex_init(&c->mutex) != 0)
        return lh_error_nomem(err);
    while (c->n_signals < SIGNALS && uv_cond_init(&c->signals[c->n_signals]) == 0)
        c->n_signals++;
    if (c->n_signals == SIGNALS)
        return 0;
    destroy_signals(c);
    return lh_error_nomem(err);
}

static int start_threads(struct chunks *c, lh_error *err)
{
    int rc = make_signals(c, err);
    if (rc != 0)
        return rc;
    if (start_workers(c) && uv_thread_create(&c->thread, run_reader, c) == 0)
        return 0;
    end_workers(c);
    destroy_signals(c);
    return lh_error_set(err, LH_ENOMEM, "cannot start the reader's threads");
}

int chunks_start(struct source *source, const struct chunks_options *o, struct chunks **out, lh_error *err)
{
    *out = NULL;
    struct chunks *c = calloc(1, sizeof *c);
    if (c == NULL)
        return lh_error_nomem(err);
    c->source = source;
    set_options(c, o);
    measure_rules(c);
    int rc = make_chunks(c) ? start_threads(c, err) : lh_error_nomem(err);
    if (rc != 0)
        free_chunks(c);
    else
        *out = c;
    return rc;
}

void chunks_stop(struct chunks *c)
{
    if (c == NULL)
        return;
    source_leave(c->source);
    end_workers(c);
    uv_thread_join(&c->thread);
    destroy_signals(c);
    free_chunks(c);
}

/* ---- the consumer ---- */

struct chunk *chunks_next(struct chunks *c)
{
    uv_mutex_lock(&c->mutex);
    int i = (int)(c->taken % c->n_chunks);
    while (c->taken == c->filled || !c->parsed[i])
        uv_cond_wait(&c->signals[READY], &c->mutex);
    c->taken++;
    uv_mutex_unlock(&c->mutex);
    return &c->all[i];
}

void chunks_recycle(struct chunks *c, struct chunk *chunk)
{
    size_t cost = chunk->cost;
    chunk_reset(chunk);
    uv_mutex_lock(&c->mutex);
    c->recycled++;
    c->held -= cost;
    uv_cond_signal(&c->signals[ROOM]);
    uv_mutex_unlock(&c->mutex);
}

size_t chunks_peak(struct chunks *c)
{
    uv_mutex_lock(&c->mutex);
    size_t peak = c->peak;
    uv_mutex_unlock(&c->mutex);
    return peak;
}

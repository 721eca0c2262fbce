/* Chunks against one parser that reads line by line: whatever the input, the size of chunks and the number of threads, the same comes
 * out, and no more of it is held than is allowed. */
#include "base/random.h"
#include "batch/chunks.h"
#include "batch_world.h"

enum { INPUTS_MOST = 4, LINES_MOST = 600, MAX_LINE = 1100 };

static const char *const jsonl[] = {"a.jsonl", "b.jsonl", "c.jsonl", "d.jsonl"};
static const char *const mixed[] = {"a.csv", "b.csv", "c.jsonl", "d.csv"};

static const struct line_rules bare = {.model = "m"};
static const struct line_rules rows = {.model = "m", .prompt_template = "T {{t}}", .id_field = "k"};

/* ---- inputs ---- */

static void add_json_line(struct random *r, struct strbuf *out, bool is_row, int n)
{
    static const char *const bad[] = {"{bad", "{\"t\":1", "[]", "{\"custom_id\":\"\",\"prompt\":\"x\"}",
                                      "\xff"};
    int size = random_below(r, 8) == 0 ? (int)random_below(r, 3000) : (int)random_below(r, 60);
    uint64_t kind = random_below(r, 12);
    if (kind == 0)
        strbuf_append_str(out, " \t");
    else if (kind == 1)
        strbuf_append_str(out, bad[random_below(r, sizeof bad / sizeof *bad)]);
    else if (is_row)
        strbuf_appendf(out, "{\"k\":\"j%d\",\"t\":\"%0*d\"}", n, size, n);
    else if (kind < 6)
        strbuf_appendf(out, "{\"custom_id\":\"id%d\",\"prompt\":\"%0*d\"}", n, size, n);
    else
        strbuf_appendf(out, "{\"prompt\":\"%0*d\"}", size, n);
}

static void add_csv_line(struct random *r, struct strbuf *out, int n)
{
    int size = random_below(r, 8) == 0 ? (int)random_below(r, 3000) : (int)random_below(r, 60);
    uint64_t kind = random_below(r, 24);
    if (kind == 0)
        strbuf_append_str(out, "");
    else if (kind == 1)
        strbuf_appendf(out, "r%d,two,three,four", n);
    else if (kind == 2)
        strbuf_appendf(out, "r%d,\"x\"y", n);
    else if (kind < 8)
        strbuf_appendf(out, "r%d,\"a\n\"\"%0*d\"\", b\"", n, size, n);
    else
        strbuf_appendf(out, "r%d,%0*d", n, size, n);
}

static void add_csv_header(struct random *r, struct strbuf *out)
{
    static const char *const headers[] = {"k,t", "k,t", "k,t", "t,k", "\r\n\nk,t", "k,\"t\"x", "k", "k,u"};
    strbuf_append_str(out, headers[random_below(r, sizeof headers / sizeof *headers)]);
    if (random_below(r, 10) == 0) /* longer than is allowed */
        strbuf_appendf(out, ",%0*d", 2 * MAX_LINE, 0);
    strbuf_append_str(out, "\r\n");
}

static void write_input(struct random *r, const char *name, bool is_row)
{
    struct strbuf text;
    bool csv = strstr(name, ".csv") != NULL;
    int lines = (int)random_below(r, LINES_MOST / INPUTS_MOST / 2); /* a CSV record may have two */
    strbuf_init(&text);
    if (csv && random_below(r, 12) != 0)
        add_csv_header(r, &text);
    for (int i = 1; i <= lines; i++) {
        if (csv)
            add_csv_line(r, &text, i);
        else
            add_json_line(r, &text, is_row, i);
        if (i < lines || random_below(r, 2) == 0)
            strbuf_append_str(&text, random_below(r, 6) == 0 ? "\r\n" : "\n");
    }
    write_bytes(name, text.data, text.len);
    strbuf_free(&text);
}

/* ---- the model: what must come, as text, and where it stands after each line ---- */

struct model {
    struct strbuf text;
    size_t text_at[LINES_MOST]; /* after so many lines */
    int64_t bytes_at[LINES_MOST];
    char hash_at[LINES_MOST][40];
    int64_t lines;
    int rc;
};

static void describe(struct strbuf *out, const struct line_job *job, const char *text, const char *input,
                     int64_t line, const char *why)
{
    strbuf_appendf(out, "%s:%lld (%lld) %s ", input, (long long)line, (long long)job->line,
                   text + job->custom_id);
    if (why != NULL)
        strbuf_appendf(out, "bad: %s\n", why);
    else
        strbuf_appendf(out, "%s %s %s %lld %lld\n", text + job->url, text + job->model, text + job->body,
                       (long long)job->prompt_tokens, (long long)job->max_output_tokens);
}

static void add_to_model(struct model *m, struct line_parser *parser, const struct source_line *line)
{
    struct strbuf text;
    struct line_job job;
    bool blank = false;
    char why[1200];
    lh_error err = {0};
    strbuf_init(&text);
    int rc = line_parse(parser, line, &text, &job, &blank, &err);
    snprintf(why, sizeof why, "%s, line %lld: %s", line->input, (long long)line->line, err.message);
    if (!blank)
        describe(&m->text, &job, text.data, line->input, line->line, rc != 0 ? why : NULL);
    strbuf_free(&text);
}

static void make_model(struct model *m, const char *const *inputs, size_t n, const struct line_rules *rules)
{
    struct source *source = NULL;
    struct source_line line;
    lh_error err = {0};
    memset(m, 0, sizeof *m);
    strbuf_init(&m->text);
    assert_int_equal(source_open(inputs, n, MAX_LINE, rules->prompt_template != NULL, &source, &err), 0);
    struct line_parser *parser = line_parser_new(rules);
    source_hash(source, m->hash_at[0]);
    while ((m->rc = source_next(source, &line, &err)) == 1) {
        add_to_model(m, parser, &line);
        m->lines = source_lines(source);
        assert_true(m->lines < LINES_MOST);
        m->text_at[m->lines] = m->text.len;
        m->bytes_at[m->lines] = source_bytes(source);
        source_hash(source, m->hash_at[m->lines]);
    }
    line_parser_free(parser);
    source_close(source);
}

/* ---- what comes ---- */

struct reading {
    struct source *source;
    struct chunks *chunks;
};

static void begin(struct reading *r, const char *const *inputs, size_t n, size_t max_line,
                  const struct chunks_options *o)
{
    lh_error err = {0};
    bool csv = o->rules.prompt_template != NULL;
    assert_int_equal(source_open(inputs, n, max_line, csv, &r->source, &err), 0);
    assert_int_equal(chunks_start(r->source, o, &r->chunks, &err), 0);
}

static void end(struct reading *r)
{
    chunks_stop(r->chunks);
    source_close(r->source);
}

static void describe_chunk(struct strbuf *out, const struct chunk *chunk)
{
    for (size_t i = 0; i < chunk->count; i++) {
        const struct chunk_entry *e = &chunk->entries[i];
        describe(out, &e->job, chunk->text.data, e->input, e->input_line,
                 e->bad ? chunk_text(chunk, e->why) : NULL);
    }
}

/* One chunk against the model. *from: lines that came before it. */
static void check_chunk(const struct chunk *chunk, const struct chunks_options *o, const struct model *m,
                        struct strbuf *got, int64_t *from)
{
    strbuf_reset(got);
    describe_chunk(got, chunk);
    assert_true(chunk->lines >= *from && chunk->lines <= m->lines);
    assert_int_equal(got->len, m->text_at[chunk->lines] - m->text_at[*from]);
    assert_memory_equal(got->data, m->text.data + m->text_at[*from], got->len);
    assert_int_equal(chunk->bytes, m->bytes_at[chunk->lines]);
    assert_string_equal(chunk->hash, m->hash_at[chunk->lines]);
    assert_true(chunk->count <= o->chunk_lines);
    *from = chunk->lines;
}

/* Where the chunks end goes into `ends`, which must be the same for any number of threads. */
static void check_reading(const char *const *inputs, size_t n, const struct chunks_options *o,
                          const struct model *m, struct strbuf *ends)
{
    struct reading r;
    struct strbuf got;
    int64_t from = o->skip_lines;
    strbuf_init(&got);
    begin(&r, inputs, n, MAX_LINE, o);
    for (bool over = false, first = true; !over; first = false) {
        struct chunk *chunk = chunks_next(r.chunks);
        over = chunk->last || chunk->rc != 0;
        if (chunk->rc != 0) {
            assert_int_equal(chunk->rc, m->rc);
        } else {
            if (first)
                assert_string_equal(chunks_skipped_hash(r.chunks), m->hash_at[o->skip_lines]);
            check_chunk(chunk, o, m, &got, &from);
            assert_true(!chunk->last || (from == m->lines && m->rc == 0));
        }
        strbuf_appendf(ends, "%lld ", (long long)chunk->lines);
        chunks_recycle(r.chunks, chunk);
    }
    end(&r);
    strbuf_free(&got);
}

static void check_all_threads(const char *const *inputs, size_t n, struct chunks_options *o,
                              const struct model *m)
{
    static const int parsers[] = {1, 2, 3, 8};
    struct strbuf first, ends;
    strbuf_init(&first);
    strbuf_init(&ends);
    for (size_t i = 0; i < sizeof parsers / sizeof *parsers; i++) {
        o->parsers = parsers[i];
        strbuf_reset(&ends);
        check_reading(inputs, n, o, m, i == 0 ? &first : &ends);
        if (i > 0)
            assert_string_equal(ends.data, first.data);
    }
    strbuf_free(&first);
    strbuf_free(&ends);
}

static void any_number_of_threads_gives_what_one_gives(void **state)
{
    struct random r;
    static struct model m;
    random_seed(&r, 1);
    for (int round = 0; round < 60; round++) {
        bool is_row = round % 2 == 1;
        const char *const *inputs = is_row ? mixed : jsonl;
        size_t n = 1 + (size_t)random_below(&r, INPUTS_MOST);
        empty_folder(state);
        for (size_t i = 0; i + (random_below(&r, 8) == 0) < n; i++) /* the last may be missing */
            write_input(&r, inputs[i], is_row);
        struct chunks_options o = {.rules = is_row ? rows : bare};
        make_model(&m, inputs, n, &o.rules);
        o.skip_lines = round % 3 == 0 ? (int64_t)random_below(&r, (uint64_t)m.lines + 1) : 0;
        o.chunk_lines = 1 + (size_t)random_below(&r, 20);
        o.chunk_bytes = 1 + (size_t)random_below(&r, 4000);
        check_all_threads(inputs, n, &o, &m);
        strbuf_free(&m.text);
    }
}

/* ---- memory ---- */

static void write_lines(struct random *r, int lines, size_t longest)
{
    struct strbuf text;
    strbuf_init(&text);
    for (int i = 0; i < lines; i++)
        strbuf_appendf(&text, "{\"prompt\":\"%0*d\"}\n", 1 + (int)random_below(r, longest), 0);
    write_bytes("in.jsonl", text.data, text.len);
    strbuf_free(&text);
}

/* Takes a chunk late, so that the reader runs ahead as far as it may. */
static size_t peak_of(const struct chunks_options *o, size_t max_line, int lines)
{
    static const char *const input[] = {"in.jsonl"};
    struct reading r;
    int64_t seen = 0;
    begin(&r, input, 1, max_line, o);
    for (bool last = false; !last;) {
        struct chunk *chunk = chunks_next(r.chunks);
        assert_int_equal(chunk->rc, 0);
        seen += (int64_t)chunk->count;
        last = chunk->last;
        chunks_recycle(r.chunks, chunk);
    }
    assert_int_equal(seen, lines);
    size_t peak = chunks_peak(r.chunks);
    end(&r);
    return peak;
}

/* Lines up to `longest`: eight chunks for each thread at most; one that is longer than that, with less than a chunk beside it. */
static void no_more_is_held_than_is_allowed(void **state)
{
    (void)state;
    enum { CHUNK = 1000, BESIDE = 200 /* what a line counts beside its text */ };
    static const size_t longest[] = {50, 500, 5000, 30000, 100000};
    struct random r;
    random_seed(&r, 2);
    for (size_t i = 0; i < sizeof longest / sizeof *longest; i++) {
        write_lines(&r, 200, longest[i]);
        for (int parsers = 1; parsers <= 8; parsers += 7) {
            struct chunks_options o = {.rules = bare, .parsers = parsers, .chunk_bytes = CHUNK};
            size_t allowed = (size_t)parsers * 8 * CHUNK, alone = CHUNK + longest[i] + BESIDE;
            size_t peak = peak_of(&o, 1 << 20, 200);
            assert_true(peak > 0 && peak <= (alone > allowed ? alone : allowed));
        }
    }
}

/* Short rows and a long template are long requests. */
static void a_chunk_of_rows_is_bounded_by_what_they_become(void **state)
{
    (void)state;
    enum { TEMPLATE = 20000, FIELD = 4000, ROWS = 300, CHUNK = 100000 };
    static char template[TEMPLATE + 64];
    static const char *const input[] = {"in.csv"};
    struct strbuf text;
    struct reading r;
    strbuf_init(&text);
    strbuf_append_str(&text, "t\n");
    for (int i = 0; i < ROWS; i++)
        strbuf_appendf(&text, "%0*d\n", i % 2 == 0 ? 1 : FIELD, i);
    write_bytes("in.csv", text.data, text.len);
    memset(template, 'x', TEMPLATE);
    snprintf(template + TEMPLATE, 64, "{{t}} {{ t }} {{t}}{{t}}{{t}}");
    struct chunks_options o = {.rules = {.model = "m", .prompt_template = template}, .chunk_bytes = CHUNK};
    begin(&r, input, 1, 1 << 20, &o);
    size_t rows_seen = 0;
    for (bool last = false; !last;) {
        struct chunk *chunk = chunks_next(r.chunks);
        assert_int_equal(chunk->rc, 0);
        assert_true(chunk->text.len < CHUNK + TEMPLATE + 5 * FIELD + 200);
        rows_seen += chunk->count;
        last = chunk->last;
        chunks_recycle(r.chunks, chunk);
    }
    assert_int_equal(rows_seen, ROWS);
    end(&r);
    strbuf_free(&text);
}

/* Blank lines make no entries, and yet one chunk must not read a whole file of them. */
static void blank_lines_end_a_chunk_too(void **state)
{
    (void)state;
    static const char *const input[] = {"in.jsonl"};
    char text[5001];
    struct reading r;
    struct chunks_options o = {.rules = bare, .chunk_bytes = 1000};
    memset(text, '\n', sizeof text);
    write_bytes("in.jsonl", text, sizeof text);
    begin(&r, input, 1, 1 << 20, &o);
    for (int64_t lines = 1000; lines <= 5000; lines += 1000) {
        struct chunk *chunk = chunks_next(r.chunks);
        assert_int_equal(chunk->lines, lines);
        assert_int_equal(chunk->count, 0);
        assert_false(chunk->last);
        chunks_recycle(r.chunks, chunk);
    }
    assert_true(chunks_next(r.chunks)->last);
    end(&r);
}

/* ---- stopping ---- */

static void threads_end_at_whatever_they_are(void **state)
{
    (void)state;
    static const char *const input[] = {"in.jsonl"};
    struct random r;
    random_seed(&r, 3);
    write_lines(&r, 3000, 300);
    for (int round = 0; round < 60; round++) {
        struct chunks_options o = {.rules = bare,
                                   .parsers = 1 + round % 8,
                                   .chunk_lines = 1 + (size_t)random_below(&r, 30),
                                   .chunk_bytes = 1 + (size_t)random_below(&r, 3000)};
        struct reading reading;
        begin(&reading, input, 1, 1 << 20, &o);
        for (int taken = (int)random_below(&r, 40); taken > 0; taken--)
            chunks_recycle(reading.chunks, chunks_next(reading.chunks));
        if (round % 2 == 0) /* one that was not given back */
            chunks_next(reading.chunks);
        end(&reading);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(any_number_of_threads_gives_what_one_gives, empty_folder),
        cmocka_unit_test_setup(no_more_is_held_than_is_allowed, empty_folder),
        cmocka_unit_test_setup(a_chunk_of_rows_is_bounded_by_what_they_become, empty_folder),
        cmocka_unit_test_setup(blank_lines_end_a_chunk_too, empty_folder),
        cmocka_unit_test_setup(threads_end_at_whatever_they_are, empty_folder),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}

/* Chunks: every line of the input in order, each once, and after each chunk the position says exactly what came so far. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/random.h"
#include "batch/chunks.h"
#include "batch_world.h"

struct reading {
    struct source *source;
    struct chunks *chunks;
};

enum { LINE_MOST = 1 << 20 };

static const struct line_rules bare = {.model = "m"};
static const struct line_rules rows = {.model = "m", .prompt_template = "{{t}}"};

static void start_with(struct reading *r, const char *const *inputs, size_t n, size_t max_line,
                       const struct chunks_options *o)
{
    lh_error err = {0};
    bool csv = o->rules.prompt_template != NULL;
    assert_int_equal(source_open(inputs, n, max_line, csv, &r->source, &err), 0);
    assert_int_equal(chunks_start(r->source, o, &r->chunks, &err), 0);
}

static void start(struct reading *r, const char *const *inputs, size_t n, int64_t skip)
{
    struct chunks_options o = {.rules = strstr(inputs[0], ".csv") != NULL ? rows : bare, .skip_lines = skip};
    start_with(r, inputs, n, LINE_MOST, &o);
}

static void end(struct reading *r)
{
    chunks_stop(r->chunks);
    source_close(r->source);
}

/* Prompts that are numbered by line; blank ones, bad ones and large ones in between. */
static void random_input(struct random *r, struct strbuf *out, int lines)
{
    for (int i = 1; i <= lines; i++) {
        uint64_t kind = random_below(r, 100);
        if (kind == 0)
            strbuf_append_str(out, " ");
        else if (kind == 1)
            strbuf_append_str(out, "{bad");
        else
            strbuf_appendf(out, "{\"prompt\":\"%d %0*d\"}", i, kind == 2 ? 100000 : 1, 0);
        strbuf_append_char(out, '\n');
    }
}

/* Where line `n` (from 0) of the text begins. */
static size_t begin_of(const struct strbuf *text, int64_t n)
{
    const char *at = text->data;
    for (; n > 0; n--)
        at = strchr(at, '\n') + 1;
    return (size_t)(at - text->data);
}

static void assert_hash_of(const char *is, const char *text, size_t len)
{
    char wanted[40];
    XXH128_hash_t h = XXH3_128bits(text, len);
    snprintf(wanted, sizeof wanted, "%016llx%016llx", (unsigned long long)h.high64,
             (unsigned long long)h.low64);
    assert_string_equal(is, wanted);
}

/* Checks a chunk's entries against the lines from..chunk->lines of the text. */
static void check_entries(const struct chunk *chunk, const struct strbuf *text, int64_t from)
{
    size_t k = 0;
    const char *at = text->data + begin_of(text, from);
    for (int64_t line = from + 1; line <= chunk->lines; line++) {
        if (*at != ' ') {
            assert_true(k < chunk->count);
            const struct chunk_entry *e = &chunk->entries[k++];
            assert_int_equal(e->job.line, line);
            assert_int_equal(e->input_line, line);
            assert_int_equal(e->bad, at[1] == 'b');
            if (!e->bad)
                assert_int_equal(
                    strtol(strstr(chunk_text(chunk, e->job.body), "\"prompt\":\"") + 10, NULL, 10), line);
        }
        at = strchr(at, '\n') + 1;
    }
    assert_int_equal(k, chunk->count);
}

static int64_t read_all(const struct strbuf *text, int64_t skip)
{
    static const char *const input[] = {"in.jsonl"};
    struct reading r;
    int64_t lines = skip, chunks = 0;
    start(&r, input, 1, skip);
    for (bool last = false; !last; chunks++) {
        struct chunk *chunk = chunks_next(r.chunks);
        size_t bytes = begin_of(text, chunk->lines);
        assert_int_equal(chunk->rc, 0);
        if (chunks == 0 && skip > 0)
            assert_hash_of(chunks_skipped_hash(r.chunks), text->data, begin_of(text, skip));
        check_entries(chunk, text, lines);
        assert_int_equal(chunk->bytes, bytes);
        assert_hash_of(chunk->hash, text->data, bytes);
        lines = chunk->lines;
        last = chunk->last;
        chunks_recycle(r.chunks, chunk);
    }
    end(&r);
    return lines;
}

static void each_line_comes_once_from_wherever_it_begins(void **state)
{
    (void)state;
    struct random r;
    struct strbuf text;
    random_seed(&r, 1);
    strbuf_init(&text);
    for (int round = 0; round < 6; round++) {
        int lines = (int)random_below(&r, 2500);
        strbuf_reset(&text);
        random_input(&r, &text, lines);
        write_bytes("in.jsonl", text.data, text.len);
        assert_int_equal(read_all(&text, 0), lines);
        assert_int_equal(read_all(&text, lines), lines);
        assert_int_equal(read_all(&text, (int64_t)random_below(&r, (uint64_t)lines + 1)), lines);
    }
    strbuf_free(&text);
}

static void more_to_skip_than_there_is_has_no_hash(void **state)
{
    (void)state;
    static const char *const input[] = {"in.jsonl"};
    struct reading r;
    write_text("in.jsonl", "{\"prompt\":\"a\"}\n");
    start(&r, input, 1, 2);
    struct chunk *chunk = chunks_next(r.chunks);
    assert_true(chunk->last);
    assert_int_equal(chunk->count, 0);
    assert_string_equal(chunks_skipped_hash(r.chunks), "");
    end(&r);
}

/* Going on inside the second of two CSV inputs: its header is behind, and must be known. */
static void skipping_reads_the_csv_header(void **state)
{
    (void)state;
    static const char *const inputs[] = {"a.csv", "b.csv"};
    struct reading r;
    write_text("a.csv", "t\none\n");
    write_text("b.csv", "\nx,t\n1,two\n2,three\n");
    for (int skip = 0; skip <= 6; skip++) {
        start(&r, inputs, 2, skip);
        struct chunk *chunk = chunks_next(r.chunks);
        static const size_t left[] = {3, 3, 2, 2, 2, 1, 0};
        assert_int_equal(chunk->count, left[skip]);
        for (size_t i = 0; i < chunk->count; i++)
            assert_false(chunk->entries[i].bad);
        if (chunk->count > 0)
            assert_non_null(strstr(chunk_text(chunk, chunk->entries[chunk->count - 1].job.body), "three"));
        assert_true(chunk->last);
        end(&r);
    }
}

static void a_bad_line_is_kept_as_text_with_its_place(void **state)
{
    (void)state;
    static const char *const inputs[] = {"a.jsonl", "b.jsonl"};
    struct reading r;
    write_text("a.jsonl", "{\"prompt\":\"a\"}\n");
    write_bytes("b.jsonl", "\n{\"x\xff\":\0}\n", 10);
    start(&r, inputs, 2, 0);
    struct chunk *chunk = chunks_next(r.chunks);
    assert_int_equal(chunk->count, 2);
    const struct chunk_entry *e = &chunk->entries[1];
    assert_true(e->bad);
    assert_string_equal(chunk_text(chunk, e->why), "b.jsonl, line 2: not valid UTF-8 at byte 4");
    assert_string_equal(chunk_text(chunk, e->raw), "{\"x\xEF\xBF\xBD\": }");
    assert_int_equal(e->raw_len, strlen("{\"x\xEF\xBF\xBD\": }"));
    assert_string_equal(chunk_text(chunk, e->job.custom_id), "line-3");
    end(&r);
}

/* The reason quotes a member's name: it must neither be cut inside a character nor carry what steers a terminal. */
static void a_reason_is_printable_text(void **state)
{
    (void)state;
    static const char *const input[] = {"in.jsonl"};
    struct reading r;
    char name[200];
    for (size_t ascii = 0; ascii < 4; ascii++) {
        struct strbuf line;
        strbuf_init(&line);
        memset(name, 'x', ascii);
        for (size_t i = ascii; i + 2 < 100; i += 2)
            memcpy(name + i, "\xc3\xa9", 3);
        strbuf_appendf(&line, "{\"custom_id\":\"a\",\"url\":\"/v1/x\",\"body\":{},\"\\u001b[2J%s\":1}\n",
                       name);
        write_bytes("in.jsonl", line.data, line.len);
        start(&r, input, 1, 0);
        struct chunk *chunk = chunks_next(r.chunks);
        assert_true(chunk->entries[0].bad);
        const char *why = chunk_text(chunk, chunk->entries[0].why);
        assert_true(utf8_is_valid(why, strlen(why), NULL));
        assert_null(strchr(why, 0x1b));
        assert_non_null(strstr(why, "is no member"));
        end(&r);
        strbuf_free(&line);
    }
}

static void any_bytes_become_valid_text(void **state)
{
    (void)state;
    struct random r;
    struct strbuf out;
    char bytes[24];
    random_seed(&r, 2);
    strbuf_init(&out);
    for (int round = 0; round < 20000; round++) {
        size_t len = (size_t)random_below(&r, sizeof bytes);
        for (size_t i = 0; i < len; i++)
            bytes[i] = (char)random_below(&r, 256);
        strbuf_reset(&out);
        assert_int_equal(append_valid_utf8(&out, bytes, len), 0);
        assert_true(utf8_is_valid(out.data, out.len, NULL));
        assert_int_equal(strlen(out.data), out.len);
        if (utf8_is_valid(bytes, len, NULL) && memchr(bytes, '\0', len) == NULL) {
            assert_int_equal(out.len, len);
            assert_memory_equal(out.data, bytes, len);
        }
    }
    strbuf_free(&out);
}

static void a_failed_read_is_told_and_ends_it(void **state)
{
    (void)state;
    static const char *const inputs[] = {"in.jsonl", "none.jsonl"};
    struct reading r;
    write_text("in.jsonl", "{\"prompt\":\"a\"}\n");
    for (int skip = 0; skip < 3; skip++) { /* 2: the input is missing while lines are skipped */
        start(&r, inputs, 2, skip);
        struct chunk *chunk = chunks_next(r.chunks);
        assert_int_equal(chunk->rc, LH_ENOTFOUND);
        assert_non_null(strstr(chunk->error.message, "none.jsonl"));
        assert_false(chunk->last);
        end(&r);
    }
}

/* Memory is the few chunks: a reader far ahead waits, and can be stopped while it does. */
static void a_reader_that_is_ahead_can_be_stopped(void **state)
{
    (void)state;
    static const char *const input[] = {"in.jsonl"};
    struct strbuf text;
    struct reading r;
    strbuf_init(&text);
    for (int i = 0; i < 8000; i++)
        strbuf_append_str(&text, "{\"prompt\":\"a\"}\n");
    write_bytes("in.jsonl", text.data, text.len);
    for (int taken = 0; taken < 4; taken++) {
        start(&r, input, 1, 0);
        for (int i = 0; i < taken; i++)
            chunks_recycle(r.chunks, chunks_next(r.chunks));
        end(&r);
    }
    chunks_stop(NULL);
    strbuf_free(&text);
}

/* Whoever had enough of what came, 1,000 bad lines or a full disk, need not wait for the writer. */
static void a_reader_of_a_silent_pipe_can_be_stopped(void **state)
{
    (void)state;
    static const char *const input[] = {"pipe"};
    struct chunks_options o = {.rules = bare, .chunk_lines = 2};
    struct reading r;
    assert_int_equal(mkfifo("pipe", 0600), 0);
    int writer = open("pipe", O_RDWR | O_CLOEXEC);
    assert_int_equal(write(writer, "{}\n{}\n{}\n", 9), 9);
    start_with(&r, input, 1, LINE_MOST, &o);
    assert_int_equal(chunks_next(r.chunks)->count, 2);
    end(&r);
    close(writer);
    unlink("pipe");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_line_comes_once_from_wherever_it_begins),
        cmocka_unit_test(more_to_skip_than_there_is_has_no_hash),
        cmocka_unit_test(skipping_reads_the_csv_header),
        cmocka_unit_test(a_bad_line_is_kept_as_text_with_its_place),
        cmocka_unit_test(a_reason_is_printable_text),
        cmocka_unit_test(any_bytes_become_valid_text),
        cmocka_unit_test(a_failed_read_is_told_and_ends_it),
        cmocka_unit_test(a_reader_that_is_ahead_can_be_stopped),
        cmocka_unit_test(a_reader_of_a_silent_pipe_can_be_stopped),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}

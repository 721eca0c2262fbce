/* Input as lines: whatever pieces it comes in, the lines, their numbers and their hash are those of the plainest model. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/random.h"
#include "batch/csv.h"
#include "batch/source.h"
#include "batch_world.h"

enum { MAX_LINE = 1 << 20 };

static struct source *open_source(const char *const *inputs, size_t n, size_t max_line, bool csv)
{
    struct source *s = NULL;
    lh_error err = {0};
    assert_int_equal(source_open(inputs, n, max_line, csv, &s, &err), 0);
    return s;
}

static bool next(struct source *s, struct source_line *line)
{
    lh_error err = {0};
    int rc = source_next(s, line, &err);
    if (rc < 0)
        fail_msg("%s", err.message);
    return rc == 1;
}

static void hash_of(const char *text, size_t len, char out[40])
{
    XXH128_hash_t h = XXH3_128bits(text, len);
    snprintf(out, 40, "%016llx%016llx", (unsigned long long)h.high64, (unsigned long long)h.low64);
}

static void assert_hash(const struct source *s, const char *lines, size_t len)
{
    char is[40], wanted[40];
    source_hash(s, is);
    hash_of(lines, len, wanted);
    assert_string_equal(is, wanted);
}

static void assert_line(const struct source_line *line, const char *text)
{
    assert_int_equal(line->len, strlen(text));
    assert_memory_equal(line->data, text, line->len);
}

/* ---- against a model ---- */

/* Lines of any bytes: some empty, some with CR, some longer than a read. */
static void random_lines(struct random *r, struct strbuf *out, bool last_end)
{
    static const char letters[] = "ab\"\\ \0\r,{}";
    size_t count = (size_t)random_below(r, 40);
    for (size_t i = 0; i < count; i++) {
        size_t len = (size_t)random_below(r, random_below(r, 20) == 0 ? 600000 : 30);
        for (size_t k = 0; k < len; k++)
            strbuf_append_char(out, len > 1000 ? 'x' : letters[random_below(r, sizeof letters - 1)]);
        if (i + 1 < count || last_end)
            strbuf_append_char(out, '\n');
    }
}

static void check_against_model(const struct strbuf *text, size_t max_line)
{
    static const char *const input[] = {"in.jsonl"};
    struct source *s = open_source(input, 1, max_line, false);
    struct source_line line;
    int64_t number = 0;
    const char *at = text->data, *end = text->data + text->len;
    while (at < end) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((feed != NULL ? feed : end) - at);
        bool too_long = len > max_line;
        assert_true(next(s, &line));
        assert_int_equal(line.line, ++number);
        assert_int_equal(line.number, number);
        assert_int_equal(line.too_long, too_long);
        size_t shown = too_long ? 1024 : len > 0 && at[len - 1] == '\r' ? len - 1 : len;
        assert_int_equal(line.len, shown);
        assert_memory_equal(line.data, at, shown);
        at += len + (feed != NULL ? 1 : 0);
        assert_int_equal(source_bytes(s), at - text->data);
    }
    assert_false(next(s, &line));
    assert_int_equal(source_lines(s), number);
    source_close(s);
}

/* The hash is of the lines, each with one line feed: the same whatever max_line is, and with or without the last feed. */
static void check_hash(struct strbuf *text, size_t max_line)
{
    static const char *const input[] = {"in.jsonl"};
    struct source *s = open_source(input, 1, max_line, false);
    struct source_line line;
    while (next(s, &line))
        ;
    if (text->len > 0 && text->data[text->len - 1] != '\n')
        strbuf_append_char(text, '\n');
    assert_hash(s, text->data, text->len);
    source_close(s);
}

static void lines_and_hash_are_those_of_the_model(void **state)
{
    (void)state;
    struct random r;
    struct strbuf text;
    random_seed(&r, 1);
    strbuf_init(&text);
    for (int round = 0; round < 60; round++) {
        size_t max_line = round % 3 == 0 ? 2000 : round % 3 == 1 ? 300000 : MAX_LINE;
        strbuf_reset(&text);
        random_lines(&r, &text, random_below(&r, 2) == 0);
        write_bytes("in.jsonl", text.data, text.len);
        check_against_model(&text, max_line);
        check_hash(&text, max_line);
    }
    strbuf_free(&text);
}

/* A record of random fields, some with quotes, commas and line ends, as csv_append writes it. */
static void random_record(struct random *r, struct strbuf *out)
{
    static const char letters[] = "ab\",\n\r";
    char field[12];
    for (size_t i = 0; i < 3; i++) {
        size_t len = (size_t)random_below(r, sizeof field);
        for (size_t k = 0; k < len; k++)
            field[k] = letters[random_below(r, sizeof letters - 1)];
        if (i > 0)
            strbuf_append_char(out, ',');
        csv_append(out, field, len);
    }
}

static int64_t count_feeds(const char *text, size_t len)
{
    int64_t count = 0;
    for (size_t i = 0; i < len; i++)
        count += text[i] == '\n' ? 1 : 0;
    return count;
}

static void csv_records_are_found_whole(void **state)
{
    (void)state;
    enum { RECORDS = 300 };
    static const char *const input[] = {"in.csv"};
    struct random r;
    struct strbuf text;
    size_t begin[RECORDS + 1];
    random_seed(&r, 2);
    strbuf_init(&text);
    for (int round = 0; round < 40; round++) {
        strbuf_reset(&text);
        for (size_t i = 0; i < RECORDS; i++) {
            begin[i] = text.len;
            random_record(&r, &text);
            strbuf_append_str(&text, round % 2 == 0 ? "\n" : "\r\n");
        }
        begin[RECORDS] = text.len;
        write_bytes("in.csv", text.data, text.len);
        struct source *s = open_source(input, 1, MAX_LINE, true);
        struct source_line line;
        for (size_t i = 0; i < RECORDS; i++) {
            assert_true(next(s, &line));
            size_t len = begin[i + 1] - begin[i] - (round % 2 == 0 ? 1 : 2);
            assert_int_equal(line.len, len);
            assert_memory_equal(line.data, text.data + begin[i], len);
            assert_int_equal(line.line, 1 + count_feeds(text.data, begin[i]));
            assert_true(line.is_csv);
        }
        assert_false(next(s, &line));
        assert_hash(s, text.data, text.len);
        source_close(s);
    }
    strbuf_free(&text);
}

/* ---- CSV's corners ---- */

static void a_quote_inside_a_plain_field_swallows_no_line(void **state)
{
    (void)state;
    static const char *const input[] = {"in.csv"};
    struct source_line line;
    write_text("in.csv", "text\n5\" disk\n6\" disk\n\"a\"b\",c\nlast\n");
    struct source *s = open_source(input, 1, MAX_LINE, true);
    assert_true(next(s, &line));
    assert_true(next(s, &line));
    assert_line(&line, "5\" disk");
    assert_true(next(s, &line));
    assert_line(&line, "6\" disk");
    assert_true(next(s, &line));
    assert_line(&line, "\"a\"b\",c");
    assert_true(next(s, &line));
    assert_line(&line, "last");
    assert_int_equal(line.line, 5);
    assert_false(next(s, &line));
    source_close(s);
}

static void no_part_of_a_record_that_is_too_long_is_a_record(void **state)
{
    (void)state;
    static const char *const input[] = {"in.csv"};
    struct source_line line;
    struct strbuf text;
    strbuf_init(&text);
    strbuf_append_str(&text, "text\n\"");
    for (int i = 0; i < 3000; i++)
        strbuf_append_str(&text, "one more line\n");
    strbuf_append_str(&text, "\"\nlast\n");
    write_bytes("in.csv", text.data, text.len);
    struct source *s = open_source(input, 1, 2048, true);
    assert_true(next(s, &line));
    assert_true(next(s, &line));
    assert_true(line.too_long);
    assert_true(next(s, &line));
    assert_line(&line, "last");
    assert_int_equal(line.line, 3003);
    assert_int_equal(line.number, 3);
    assert_false(next(s, &line));
    assert_hash(s, text.data, text.len);
    source_close(s);
    strbuf_free(&text);
}

static void only_csv_by_name_and_by_wish_is_csv(void **state)
{
    (void)state;
    static const char *const inputs[] = {"a.CSV", "b.jsonl", ".csv"};
    struct source_line line;
    for (size_t i = 0; i < 3; i++)
        write_text(inputs[i], "\"a\nb\"\n");
    for (int wish = 0; wish < 2; wish++) {
        struct source *s = open_source(inputs, 3, MAX_LINE, wish == 1);
        int count = 0;
        while (next(s, &line)) {
            assert_int_equal(line.is_csv, wish == 1 && line.input_index == 0);
            count++;
        }
        assert_int_equal(count, wish == 1 ? 5 : 6);
        source_close(s);
    }
}

/* ---- several inputs ---- */

static void lines_are_numbered_in_their_input_and_over_all(void **state)
{
    (void)state;
    static const char *const inputs[] = {"a.jsonl", "empty", "b.jsonl"};
    struct source_line line;
    write_text("a.jsonl", "1\n2");
    write_text("empty", "");
    write_text("b.jsonl", "\xef\xbb\xbf\r\n \t\n3\n");
    struct source *s = open_source(inputs, 3, MAX_LINE, false);
    static const struct {
        const char *text, *input;
        int64_t line;
        bool first, blank;
    } wanted[] = {{"1", "a.jsonl", 1, true, false},
                  {"2", "a.jsonl", 2, false, false},
                  {"", "b.jsonl", 1, true, true},
                  {" \t", "b.jsonl", 2, true, true},
                  {"3", "b.jsonl", 3, true, false}};
    for (int i = 0; i < 5; i++) {
        assert_true(next(s, &line));
        assert_line(&line, wanted[i].text);
        assert_string_equal(line.input, wanted[i].input);
        assert_int_equal(line.line, wanted[i].line);
        assert_int_equal(line.number, i + 1);
        assert_int_equal(line.first_of_input, wanted[i].first);
        assert_int_equal(line.is_blank, wanted[i].blank);
    }
    assert_false(next(s, &line));
    assert_false(next(s, &line));
    assert_hash(s, "1\n2\n\r\n \t\n3\n", strlen("1\n2\n\r\n \t\n3\n"));
    source_close(s);
}

static void a_line_that_is_too_long_is_never_blank(void **state)
{
    (void)state;
    static const char *const input[] = {"in.jsonl"};
    char text[5000];
    struct source_line line;
    memset(text, ' ', sizeof text);
    text[sizeof text - 1] = 'x';
    write_bytes("in.jsonl", text, sizeof text);
    struct source *s = open_source(input, 1, 2000, false);
    assert_true(next(s, &line));
    assert_true(line.too_long);
    assert_false(line.is_blank);
    source_close(s);
}

static void nothing_gives_no_line(void **state)
{
    (void)state;
    static const char *const input[] = {"in.jsonl"};
    static const char *const nothing[] = {"", "\xef\xbb\xbf"};
    struct source_line line;
    for (size_t i = 0; i < 2; i++) {
        write_text("in.jsonl", nothing[i]);
        struct source *s = open_source(input, 1, MAX_LINE, false);
        assert_false(next(s, &line));
        assert_int_equal(source_lines(s), 0);
        source_close(s);
    }
    struct source *s = open_source(NULL, 0, MAX_LINE, false);
    assert_false(next(s, &line));
    source_close(s);
    source_close(NULL);
}

static void standard_input_is_an_input(void **state)
{
    (void)state;
    static const char *const input[] = {"-"};
    struct source_line line;
    int ends[2], kept = dup(STDIN_FILENO);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "one\ntwo", 7), 7);
    close(ends[1]);
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
    struct source *s = open_source(input, 1, MAX_LINE, true);
    assert_true(next(s, &line));
    assert_line(&line, "one");
    assert_string_equal(line.input, "standard input");
    assert_true(next(s, &line));
    assert_line(&line, "two");
    assert_false(next(s, &line));
    source_close(s);
    assert_true(fcntl(STDIN_FILENO, F_GETFD) >= 0);
    dup2(kept, STDIN_FILENO);
    close(kept);
}

static void what_is_no_text_is_refused_with_advice(void **state)
{
    (void)state;
    static const struct {
        const char *name, *bytes;
        size_t len;
        int code;
        const char *says;
    } cases[] = {
        {"none", NULL, 0, LH_ENOTFOUND, "No such file"}, {".", NULL, 0, LH_EINPUT, "folder"},
        {"a", "\x1f\x8b\x08", 3, LH_EINPUT, "gzip -dc"}, {"a", "\x28\xb5\x2f\xfd", 4, LH_EINPUT, "zstd -dc"},
        {"a", "\xff\xfe{\0", 4, LH_EINPUT, "UTF-16"},    {"a", "\xfe\xff", 2, LH_EINPUT, "UTF-16"},
    };
    struct source_line line;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *const input[] = {cases[i].name};
        lh_error err = {0};
        if (cases[i].bytes != NULL)
            write_bytes("a", cases[i].bytes, cases[i].len);
        struct source *s = open_source(input, 1, MAX_LINE, false);
        assert_int_equal(source_next(s, &line, &err), cases[i].code);
        assert_non_null(strstr(err.message, cases[i].says));
        source_close(s);
    }
}

/* A pipe that somebody holds open, or that nobody opened yet: only a stop ends the wait. */
static void a_silent_pipe_is_left_when_told_and_not_before_it_is_silent(void **state)
{
    (void)state;
    const char *const input[] = {"pipe"};
    for (int is_open = 0; is_open < 2; is_open++)
        for (int by_flag = 0; by_flag < 2; by_flag++) {
            volatile int stop = 0;
            struct source_line line;
            lh_error err = {0};
            assert_int_equal(mkfifo("pipe", 0600), 0);
            int writer = is_open ? open("pipe", O_RDWR | O_CLOEXEC) : -1;
            struct source *s = open_source(input, 1, MAX_LINE, false);
            source_stop_at(s, &stop);
            if (by_flag)
                stop = 1;
            else
                source_leave(s);
            if (is_open) {
                assert_int_equal(write(writer, "one\ntwo", 7), 7);
                assert_true(next(s, &line));
                assert_line(&line, "one");
            }
            assert_int_equal(source_next(s, &line, &err), LH_ESTATE);
            assert_non_null(strstr(err.message, "interrupted"));
            source_close(s);
            if (is_open)
                close(writer);
            unlink("pipe");
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_and_hash_are_those_of_the_model),
        cmocka_unit_test(csv_records_are_found_whole),
        cmocka_unit_test(a_quote_inside_a_plain_field_swallows_no_line),
        cmocka_unit_test(no_part_of_a_record_that_is_too_long_is_a_record),
        cmocka_unit_test(only_csv_by_name_and_by_wish_is_csv),
        cmocka_unit_test(lines_are_numbered_in_their_input_and_over_all),
        cmocka_unit_test(a_line_that_is_too_long_is_never_blank),
        cmocka_unit_test(nothing_gives_no_line),
        cmocka_unit_test(standard_input_is_an_input),
        cmocka_unit_test(a_silent_pipe_is_left_when_told_and_not_before_it_is_silent),
        cmocka_unit_test(what_is_no_text_is_refused_with_advice),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}

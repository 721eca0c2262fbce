/* Tokens of whole texts: what tiktoken 1.0.22 (npm) says of them, and that no text makes counting slow. flow/tokens.sh compares many more. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "tokens/bpe.h"

enum { MOST = 32 };

struct vector {
    const char *text;
    uint32_t o200k[MOST], cl100k[MOST]; /* 0 ends the list: no text here has the token "!" */
};

#define FAMILY "👩‍👩‍👧‍👦"
static const struct vector vectors[] = {
    {"", {0}, {0}},
    {"hello world", {24912, 2375}, {15339, 1917}},
    {"Don't SHOUT: it'S 12345 o'clock",
     {31559, 10902, 5858, 25, 480, 31233, 220, 7633, 2548, 293, 141801},
     {8161, 956, 6570, 3740, 25, 433, 13575, 220, 4513, 1774, 297, 63510}},
    {"天地玄黄，宇宙洪荒。",
     {139251, 41913, 14495, 979, 58212, 1376, 247, 111540, 166047, 788},
     {36827, 30590, 29207, 226, 30868, 226, 3922, 8676, 229, 8676, 247, 44647, 103, 76698, 240, 1811}},
    {"  \n\n  x\t\ty  ", {11691, 220, 1215, 197, 32013, 256}, {19124, 220, 865, 197, 14862, 256}},
    {FAMILY "<|endoftext|>",
     {28823, 102, 2524, 28823, 102, 2524, 28823, 100, 2524, 28823, 99, 27, 91, 419, 1440, 919, 91, 29},
     {9468, 239, 102,  378, 235, 9468, 239, 102,  378, 235, 9468, 239, 100,
      378,  235, 9468, 239, 99,  27,   91,  8862, 728, 428, 91,   29}},
    {"snake_case camelCase HTTPServer",
     {162012, 43667, 83330, 6187, 21929, 6444},
     {73239, 19640, 50252, 4301, 10339, 5592}},
    {"ſ'ſ x\xCC\x81\x41", {70067, 6, 70067, 1215, 13430, 32}, {129, 123, 6, 129, 123, 865, 54939, 32}},
};

static size_t length_of(const uint32_t *ids)
{
    size_t n = 0;
    while (ids[n] != 0)
        n++;
    return n;
}

static void assert_ids(enum encoding_id id, const char *text, size_t len, const uint32_t *wanted)
{
    const struct encoding *e = encoding_get(id);
    uint32_t ids[MOST] = {0};
    size_t n = length_of(wanted);
    assert_int_equal(encoding_encode(e, text, len, ids, MOST), n);
    assert_memory_equal(ids, wanted, n * sizeof *ids);
    assert_int_equal(encoding_count(e, text, len), n);
}

static void texts_have_the_tokens_of_the_reference(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        assert_ids(ENCODING_O200K_BASE, vectors[i].text, strlen(vectors[i].text), vectors[i].o200k);
        assert_ids(ENCODING_CL100K_BASE, vectors[i].text, strlen(vectors[i].text), vectors[i].cl100k);
    }
}

static void only_as_many_ids_are_written_as_there_is_room_for(void **state)
{
    (void)state;
    uint32_t ids[3] = {7, 7, 7};
    assert_int_equal(encoding_encode(encoding_get(ENCODING_O200K_BASE), "Don't SHOUT:", 12, ids, 2), 4);
    assert_int_equal(ids[0], 31559);
    assert_int_equal(ids[1], 10902);
    assert_int_equal(ids[2], 7);
}

/* One U+FFFD for each maximal piece of a character, as Rust and the Encoding Standard have it. */
static void bytes_that_are_no_utf8_are_read_as_replacement_characters(void **state)
{
    static const uint32_t o200k[] = {64, 3251, 65, 10123, 66, 0}, cl100k[] = {64, 5809, 65, 10178, 66, 0};
    static const char *const texts[] = {"a\xFF"
                                        "b\xC0\x80"
                                        "c",
                                        "a\xE2\x82"
                                        "b\xF0\x9F\x98\xF0\x9F"
                                        "c",
                                        "a\x80"
                                        "b\xED\xFF"
                                        "c"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_ids(ENCODING_O200K_BASE, texts[i], strlen(texts[i]), o200k);
        assert_ids(ENCODING_CL100K_BASE, texts[i], strlen(texts[i]), cl100k);
    }
    /* long ones, in memory of their own, and one that ends the text */
    char broken[1000], *whole = malloc(3 * sizeof broken);
    assert_non_null(whole);
    memset(broken, 0xFF, sizeof broken);
    for (size_t i = 0; i < sizeof broken; i++)
        memcpy(whole + 3 * i, "\xEF\xBF\xBD", 3);
    for (size_t n = 1; n <= sizeof broken; n += 37)
        assert_int_equal(encoding_count(encoding_get(ENCODING_CL100K_BASE), broken, n),
                         encoding_count(encoding_get(ENCODING_CL100K_BASE), whole, 3 * n));
    free(whole);
}

/* ---- no text is slow ---- */

static char *repeat(const char *unit, size_t len)
{
    size_t n = strlen(unit);
    char *text = malloc(len);
    assert_non_null(text);
    for (size_t i = 0; i < len; i++)
        text[i] = unit[i % n];
    return text;
}

static uint64_t steps_of(enum encoding_id id, const char *text, size_t len)
{
    uint64_t steps = 0;
    assert_true(encoding_encode_counting(encoding_get(id), text, len, NULL, 0, &steps) > 0);
    return steps;
}

/* Eight times the text is eight times the work, and a little for its ends; a byte is looked at a bounded number of times. */
static void a_megabyte_of_anything_takes_work_in_proportion(void **state)
{
    static const char *const units[] = {"a",    " ",   "\xE2\x80\x8D", "7",   "\n",
                                        "\xFF", "日A", "的一是不了人", " \n", "qzjxkvbw"};
    size_t most = getenv("LH_TEST_SCALE") != NULL ? 1 << 17 : 1 << 20;
    (void)state;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        enum encoding_id id = i % 2 == 0 ? ENCODING_O200K_BASE : ENCODING_CL100K_BASE;
        char *text = repeat(units[i], most);
        uint64_t whole = steps_of(id, text, most), part = steps_of(id, text, most / 8);
        if (whole > 8 * part + part / 10 || whole > 200 * most)
            fail_msg("%s: %llu steps for %zu bytes, %llu for an eighth", units[i], (unsigned long long)whole,
                     most, (unsigned long long)part);
        free(text);
    }
}

/* ---- threads ---- */

static void *count_many_times(void *arg)
{
    int64_t *sum = arg;
    for (int i = 0; i < 200; i++)
        for (size_t v = 0; v < sizeof vectors / sizeof *vectors; v++)
            *sum += encoding_count(encoding_get((enum encoding_id)(i % ENCODING_COUNT)), vectors[v].text,
                                   strlen(vectors[v].text));
    return NULL;
}

static void threads_count_beside_each_other(void **state)
{
    pthread_t threads[4];
    int64_t sums[4] = {0}, wanted = 0;
    (void)state;
    for (size_t v = 0; v < sizeof vectors / sizeof *vectors; v++)
        wanted += 100 * (int64_t)(length_of(vectors[v].o200k) + length_of(vectors[v].cl100k));
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_many_times, &sums[i]), 0);
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(sums[i], wanted);
    }
}

/* ---- cuts ---- */

static size_t random_text(struct random *r, char *out, size_t most)
{
    static const char *const parts[] = {"a",        "B",        "é",    "日", " ",   "\n", "\t",
                                        "\r",       "'s",       "'",    "1",  "234", "!",  "/",
                                        "\xCC\x81", "\xC2\xA0", "\xF0", "  ", ".\n", "~"};
    size_t len = 0;
    while (len + 4 < most) {
        const char *part = parts[random_below(r, sizeof parts / sizeof *parts)];
        memcpy(out + len, part, strlen(part));
        len += strlen(part);
    }
    return len;
}

/* The ids of both parts, one behind the other, are those of the whole. */
static void a_text_that_is_cut_has_the_same_tokens(void **state)
{
    struct random r;
    char text[64];
    size_t cuts = 0;
    (void)state;
    random_seed(&r, 3);
    for (int i = 0; i < 4000; i++) {
        const struct encoding *e = encoding_get((enum encoding_id)(i % ENCODING_COUNT));
        uint32_t whole[128], parts[128];
        size_t len = random_text(&r, text, sizeof text), cut = encoding_cut(text, 40);
        int64_t n = encoding_encode(e, text, len, whole, 128),
                head = encoding_encode(e, text, cut, parts, 128);
        assert_in_range(head, 0, n);
        assert_int_equal(head + encoding_encode(e, text + cut, len - cut, parts + head, 128 - (size_t)head),
                         n);
        assert_memory_equal(whole, parts, (size_t)n * sizeof *whole);
        cuts += cut > 0 ? 1 : 0;
    }
    assert_true(cuts > 2000);
}

static void a_cut_stands_before_a_space_or_a_line_end(void **state)
{
    (void)state;
    assert_int_equal(encoding_cut("one two", 7), 3);
    assert_int_equal(encoding_cut("one two ", 8), 7);
    assert_int_equal(encoding_cut("one\ntwo", 7), 3);
    assert_int_equal(encoding_cut("one.\ntwo", 8), 0); /* a sign takes the newline behind it */
    assert_int_equal(encoding_cut("onetwo", 6), 0);
    assert_int_equal(encoding_cut(" one", 4), 0);
    assert_int_equal(encoding_cut("\xC3\xA9 a", 4), 0);
    assert_int_equal(encoding_cut("", 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_have_the_tokens_of_the_reference),
        cmocka_unit_test(only_as_many_ids_are_written_as_there_is_room_for),
        cmocka_unit_test(bytes_that_are_no_utf8_are_read_as_replacement_characters),
        cmocka_unit_test(a_megabyte_of_anything_takes_work_in_proportion),
        cmocka_unit_test(threads_count_beside_each_other),
        cmocka_unit_test(a_text_that_is_cut_has_the_same_tokens),
        cmocka_unit_test(a_cut_stands_before_a_space_or_a_line_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

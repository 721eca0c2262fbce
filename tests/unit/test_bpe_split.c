/* The pre-split: where tiktoken's patterns divide a text. Each row is worked out from the patterns (see bpe_split.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "tokens/bpe_split.h"

/* The text is what stands there without the bars. */
struct row {
    const char *o200k, *cl100k; /* NULL: as o200k */
};

static const struct row rows[] = {
    {"one| two|,| three|.", NULL},
    {"don't| DON'T", "don|'t| DON|'T"},
    {"we'Re|'ll", "we|'Re|'ll"},
    {"x'ſ|y|'K", "x|'ſ|y|'K"}, /* the long s is an s; 'K is a quotation mark and a word */
    {"it|'|2", NULL},
    {"camel|Case| HTTPServers", "camelCase| HTTPServers"},
    {"日本|A", "日本A"}, /* heads give back down to the last that is a tail */
    {"日本A日", NULL},
    {"Aé|É", "AéÉ"},
    {"ǅx|ǅ|1", "ǅxǅ|1"},
    {"123|456|7|a", NULL},
    {"²³Ⅷ|٣", NULL},
    {"a|  | b", NULL}, /* the last space of a run goes with the word */
    {"a|   ", NULL},
    {"a| \n\n| | b", NULL},
    {"\r\n|\t\t|\tx", NULL},
    {"a|\n|\t", NULL},
    {"\xC2\xA0x| !|\xC2\xA0|!", NULL}, /* no other space goes with signs */
    {"!!\n/\n|x", "!!\n|/\n|x"},
    {" //| /|x", NULL},
    {"/x|?| ?", NULL},
    {"\xCC\x81|A", "\xCC\x81\x41"}, /* a mark is a tail in the one, neither letter nor number in the other */
    {"\xCC\x81\x61", NULL},
    {"\xCC\x81'd", "\xCC\x81'|d"},
    {"!\xCC\x81|!", "!\xCC\x81!"},
    {"\xFF\xFF|a", NULL},
    {"\xE2\x82\n|a", NULL},
};

/* The text without its bars into `text`, and where they stood into `borders`, the end too. */
static size_t read_row(const char *row, char *text, size_t *borders)
{
    size_t n = 0, len = 0;
    for (; *row != '\0'; row++)
        if (*row == '|')
            borders[n++] = len;
        else
            text[len++] = *row;
    borders[n++] = len;
    return n;
}

static void assert_split(bpe_split_fn *split, const char *row)
{
    char text[128];
    size_t borders[64], n = read_row(row, text, borders);
    const unsigned char *begin = (const unsigned char *)text, *p = begin, *end = begin + borders[n - 1];
    bool broken = false;
    uint64_t steps = 0;
    for (size_t i = 0; i < n; i++) {
        p = split(p, end, &broken, &steps);
        if ((size_t)(p - begin) != borders[i])
            fail_msg("%s: piece %zu ends at %zu, not %zu", row, i, (size_t)(p - begin), borders[i]);
    }
}

static void texts_are_split_as_the_patterns_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_split(bpe_split_o200k, rows[i].o200k);
        assert_split(bpe_split_cl100k, rows[i].cl100k != NULL ? rows[i].cl100k : rows[i].o200k);
    }
}

/* Of ten, three are any byte at all. */
static unsigned char random_byte(struct random *r)
{
    static const unsigned char likely[] = " aA1'\n/\xCC\x81\xE6";
    return random_below(r, 10) < 3 ? (unsigned char)random_below(r, 256)
                                   : likely[random_below(r, sizeof likely - 1)];
}

/* Every piece has a byte at least and none goes behind the text, which lies in memory of exactly its size. */
static void pieces_cover_any_bytes(void **state)
{
    struct random r;
    (void)state;
    random_seed(&r, 9);
    for (int i = 0; i < 4000; i++) {
        size_t len = 1 + random_below(&r, 40);
        unsigned char *text = malloc(len);
        uint64_t steps = 0;
        bool broken = false;
        assert_non_null(text);
        for (size_t k = 0; k < len; k++)
            text[k] = random_byte(&r);
        for (const unsigned char *p = text, *next; p < text + len; p = next) {
            next = (i % 2 == 0 ? bpe_split_o200k : bpe_split_cl100k)(p, text + len, &broken, &steps);
            assert_true(next > p && next <= text + len);
        }
        free(text);
    }
}

struct broken_row {
    const char *bytes, *clean;
};

/* The Encoding Standard's table of maximal pieces. */
static void what_is_no_utf8_becomes_replacement_characters(void **state)
{
#define R "\xEF\xBF\xBD"
    static const struct broken_row broken_rows[] = {
        {"plain", "plain"},
        {"\xC3\xA9", "\xC3\xA9"},
        {"\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80"},
        {"\xC0\xAF", R R},
        {"\xC3", R},
        {"\xE2\x82", R},
        {"\xE2\x82x", R "x"},
        {"\xE0\x80\x80", R R R},
        {"\xED\xA0\x80", R R R},
        {"\xF0\x90\x80", R},
        {"\xF0\x80\x80\x80", R R R R},
        {"\xF4\x90\x80\x80", R R R R},
        {"\xF5", R},
        {"\x80\xBF", R R},
        {"\xF0\x9F\xF0\x9F\x98\x80", R "\xF0\x9F\x98\x80"},
        {"\xED\x9F\xBF", "\xED\x9F\xBF"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof broken_rows / sizeof *broken_rows; i++) {
        const char *bytes = broken_rows[i].bytes, *clean = broken_rows[i].clean;
        unsigned char out[64];
        size_t n = bpe_clean((const unsigned char *)bytes, strlen(bytes), out);
        assert_int_equal(n, strlen(clean));
        assert_memory_equal(out, clean, n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_split_as_the_patterns_say),
        cmocka_unit_test(pieces_cover_any_bytes),
        cmocka_unit_test(what_is_no_utf8_becomes_replacement_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

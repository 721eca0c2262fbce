/* JSON's door is strict, its scanner finds what json-c finds, and what is escaped comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/random.h"

static int parse_with(struct json_parser *p, const char *text, size_t len, lh_error *err)
{
    json_object *value = NULL;
    /* A copy of exactly that size, so that a sanitizer sees each byte read beyond it. */
    char *copy = malloc(len + (len == 0));
    assert_non_null(copy);
    memcpy(copy, text, len);
    int rc = json_parse(p, copy, len, &value, err);
    if (rc != 0)
        assert_null(value);
    json_object_put(value);
    free(copy);
    return rc;
}

static int parse(const char *text, size_t len)
{
    lh_error err = {0};
    struct json_parser *p = json_parser_new();
    assert_non_null(p);
    int rc = parse_with(p, text, len, &err);
    json_parser_free(p);
    return rc;
}

struct text {
    const char *data;
    size_t len;
};
#define TEXT(literal)                  \
    {                                  \
        (literal), sizeof(literal) - 1 \
    }

static void takes_every_json_value(void **state)
{
    (void)state;
    static const struct text good[] = {
        TEXT("{}"),
        TEXT("[]"),
        TEXT(" \t\r\n{ \"a\" : [ 1 , 2 ] }\r\n "),
        TEXT("null"),
        TEXT(" true "),
        TEXT("12"),
        TEXT("-0"),
        TEXT("0.50"),
        TEXT("-1.25E+10"),
        TEXT("1e-2"),
        TEXT("18446744073709551616"),
        TEXT("-99999999999999999999999999999999999999"),
        TEXT("\"\""),
        TEXT("\"NaN Infinity 01 -.5 'x'\""),
        TEXT("{\"NaN\":\"\\\"N\"}"),
        TEXT("{\"a\":1,\"a\":2}"),
        TEXT("\"\\u0000\\ud83d\\ude00\""),
        TEXT("\"\x7f\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""),
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (parse(good[i].data, good[i].len) != 0)
            fail_msg("refused: %s", good[i].data);
}

static void takes_nothing_that_is_no_json(void **state)
{
    (void)state;
    static const struct text bad[] = {
        TEXT(""),
        TEXT(" \n"),
        TEXT("\xef\xbb\xbf{}"),
        TEXT("{"),
        TEXT("{\"a\":1"),
        TEXT("{\"a\""),
        TEXT("{\"a\"}"),
        TEXT("{\"a\":}"),
        TEXT("{\"a\":1,}"),
        TEXT("{,}"),
        TEXT("[1,]"),
        TEXT("[,1]"),
        TEXT("[1 2]"),
        TEXT("[1] x"),
        TEXT("{}{}"),
        TEXT("1 2"),
        TEXT("{'a':1}"),
        TEXT("\"a'"),
        TEXT("{a:1}"),
        TEXT("\""),
        TEXT("\"a"),
        TEXT("\"\\"),
        TEXT("\"\\x\""),
        TEXT("\"\\u12\""),
        TEXT("\"\n\""),
        TEXT("\"\t\""),
        TEXT("\"\x01\""),
        TEXT("tru"),
        TEXT("TRUE"),
        TEXT("Null"),
        TEXT("nullx"),
        TEXT("NaN"),
        TEXT("-NaN"),
        TEXT("Infinity"),
        TEXT("-Infinity"),
        TEXT("[Infinity]"),
        TEXT("{\"a\":NaN}"),
        TEXT("01"),
        TEXT("-01"),
        TEXT("1."),
        TEXT(".5"),
        TEXT("-.5"),
        TEXT("+1"),
        TEXT("-"),
        TEXT("1e"),
        TEXT("1e+"),
        TEXT("1.e5"),
        TEXT("0x10"),
        TEXT("1.5.5"),
        TEXT("1-1"),
        TEXT("// x\n1"),
        TEXT("/**/1"),
        TEXT("\v1"),
        TEXT("\"\xff\""),
        TEXT("\"\xc3\""),
        TEXT("\"\xc0\x80\""),
        TEXT("\"\xed\xa0\x80\""),
        TEXT("\"\xf4\x90\x80\x80\""),
        TEXT("\0"),
        TEXT("{}\0"),
        TEXT("1\0"),
        TEXT("1\0 2"),
        TEXT("{}\0x"),
        TEXT("[1\0]"),
        TEXT("\"a\0b\""),
        TEXT("{\"a\0\":1}"),
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (parse(bad[i].data, bad[i].len) != LH_EINPUT)
            fail_msg("not refused: %s", bad[i].data);
}

static void says_at_which_byte_it_went_wrong(void **state)
{
    (void)state;
    static const struct {
        struct text text;
        const char *says;
    } cases[] = {
        {TEXT("{\"a\": NaN}"), "byte 7"}, {TEXT("[1, 02]"), "byte 5"},      {TEXT("\"a\tb\""), "byte 3"},
        {TEXT("\"ab\xff\""), "byte 4"},   {TEXT("[1,]"), "byte 4"},         {TEXT("{} x"), "byte 4"},
        {TEXT("[1, 'x']"), "byte 5"},     {TEXT("{\"a\":[1"), "too early"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lh_error err = {0};
        struct json_parser *p = json_parser_new();
        assert_int_equal(parse_with(p, cases[i].text.data, cases[i].text.len, &err), LH_EINPUT);
        json_parser_free(p);
        if (strstr(err.message, cases[i].says) == NULL)
            fail_msg("%s: \"%s\" does not say %s", cases[i].text.data, err.message, cases[i].says);
    }
}

static int parse_nested(size_t depth, char open, char close)
{
    char text[2 * JSON_MAX_DEPTH * 8];
    assert_true(2 * depth <= sizeof text);
    memset(text, open, depth);
    memset(text + depth, close, depth);
    return parse(text, 2 * depth);
}

static void refuses_what_is_too_deep(void **state)
{
    (void)state;
    assert_int_equal(parse_nested(JSON_MAX_DEPTH - 1, '[', ']'), 0);
    assert_int_equal(parse_nested(JSON_MAX_DEPTH + 1, '[', ']'), LH_EINPUT);
    assert_int_equal(parse_nested(JSON_MAX_DEPTH * 8, '[', ']'), LH_EINPUT);
}

static void a_refused_text_does_not_touch_the_next(void **state)
{
    (void)state;
    static const struct text bad[] = {TEXT("{\"a\":[1"), TEXT("[[[[[[[["), TEXT("\"\\u12"), TEXT("12.")};
    struct json_parser *p = json_parser_new();
    lh_error err = {0};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(parse_with(p, bad[i].data, bad[i].len, &err), LH_EINPUT);
        assert_int_equal(parse_with(p, "{\"b\":2}", 7, &err), 0);
    }
    json_parser_free(p);
}

static void members_are_found_by_path_and_type(void **state)
{
    (void)state;
    static const char text[] =
        "{\"error\":{\"code\":\"x\",\"status\":429},\"n\":1.5,\"big\":99999999999999999999,"
        "\"null\":null,\"list\":[1]}";
    struct json_parser *p = json_parser_new();
    json_object *root = NULL;
    assert_int_equal(json_parse(p, text, sizeof text - 1, &root, NULL), 0);
    assert_string_equal(json_object_get_string(json_get_path(root, "error.code")), "x");
    assert_null(json_get_path(root, "error.code.deeper"));
    assert_null(json_get_path(root, "error."));
    assert_null(json_get_path(root, "none.code"));
    assert_null(json_get_path(NULL, "error.code"));
    assert_int_equal(json_get_int(json_get(root, "error"), "status", -1), 429);
    assert_int_equal(json_get_int(root, "n", -1), -1);
    assert_int_equal(json_get_int(NULL, "n", -1), -1);
    assert_null(json_get_string(root, "n"));
    assert_null(json_get_string(root, "null"));
    assert_null(json_get(json_get(root, "list"), "0"));
    assert_false(json_is_object(NULL));
    assert_true(json_is_array(json_get(root, "list")));
    json_object_put(root);
    json_parser_free(p);
}

/* ---- UTF-8, against the plainest model: decode, and see whether that code point would be written so ---- */

static size_t shortest_form(uint32_t point)
{
    return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
}

static size_t model_sequence(const unsigned char *s, size_t left)
{
    size_t n = s[0] < 0x80             ? 1
               : (s[0] & 0xE0) == 0xC0 ? 2
               : (s[0] & 0xF0) == 0xE0 ? 3
               : (s[0] & 0xF8) == 0xF0 ? 4
                                       : 0;
    if (n == 0 || n > left)
        return 0;
    uint32_t point = n == 1 ? s[0] : s[0] & (0xFFU >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0;
        point = point << 6 | (s[i] & 0x3FU);
    }
    bool surrogate = point >= 0xD800 && point <= 0xDFFF;
    return surrogate || point > 0x10FFFF || shortest_form(point) != n ? 0 : n;
}

static size_t model_first_wrong(const unsigned char *s, size_t len)
{
    size_t i = 0;
    while (i < len) {
        size_t n = model_sequence(s + i, len - i);
        if (n == 0)
            return i;
        i += n;
    }
    return len;
}

static void check_utf8(const unsigned char *s, size_t len)
{
    size_t wrong = model_first_wrong(s, len), bad = len;
    bool valid = utf8_is_valid((const char *)s, len, &bad);
    assert_int_equal(valid, wrong == len);
    assert_int_equal(bad, wrong);
}

static void utf8_is_what_the_model_says_for_every_start(void **state)
{
    (void)state;
    unsigned char s[4];
    for (uint32_t high = 0; high <= 0xFFFF; high++) {
        static const unsigned char tails[] = {0x00, 0x7F, 0x80, 0xBF, 0xC0, 0xFF};
        s[0] = (unsigned char)(high >> 8);
        s[1] = (unsigned char)high;
        for (size_t t = 0; t < sizeof tails * sizeof tails; t++) {
            s[2] = tails[t / sizeof tails];
            s[3] = tails[t % sizeof tails];
            check_utf8(s, sizeof s);
        }
    }
}

static size_t put_utf8(unsigned char *s, uint32_t point)
{
    size_t n = shortest_form(point);
    for (size_t i = n; i-- > 1; point >>= 6)
        s[i] = (unsigned char)(0x80 | (point & 0x3F));
    s[0] = (unsigned char)(n == 1 ? point : (0xF00U >> n & 0xFFU) | point);
    return n;
}

/* Mostly ASCII and whole characters, so that the fast path and its edges are met; now and then a byte is changed. */
static size_t random_text(struct random *r, unsigned char *s, size_t most)
{
    size_t len = 0;
    while (len + 4 <= most && random_below(r, 24) != 0)
        len += put_utf8(
            s + len, (uint32_t)(random_below(r, 3) == 0 ? random_below(r, 0x110000) : random_below(r, 0x80)));
    if (len > 0 && random_below(r, 3) == 0)
        s[random_below(r, len)] = (unsigned char)random_below(r, 256);
    return len;
}

static void utf8_is_what_the_model_says_at_random(void **state)
{
    (void)state;
    struct random r;
    random_seed(&r, 3);
    unsigned char s[64];
    for (int round = 0; round < 100000; round++) {
        size_t at = (size_t)random_below(&r, 8); /* every alignment */
        check_utf8(s + at, random_text(&r, s + at, sizeof s - at));
    }
}

/* ---- strings out and in again ---- */

static void random_bytes_survive_escaping(void **state)
{
    (void)state;
    struct random r;
    random_seed(&r, 5);
    struct json_parser *p = json_parser_new();
    for (int round = 0; round < 20000; round++) {
        unsigned char bytes[64];
        struct strbuf b;
        json_object *value = NULL;
        strbuf_init(&b);
        size_t len = random_text(&r, bytes, sizeof bytes);
        assert_int_equal(json_append_string(&b, (const char *)bytes, len), 0);
        assert_int_equal(json_parse(p, b.data, b.len, &value, NULL), 0);
        const char *back = json_object_get_string(value);
        size_t back_len = (size_t)json_object_get_string_len(value);
        if (utf8_is_valid((const char *)bytes, len, NULL)) {
            assert_int_equal(back_len, len);
            assert_memory_equal(back, bytes, len);
        } else {
            assert_true(utf8_is_valid(back, back_len, NULL));
            assert_non_null(memmem(back, back_len, "\xEF\xBF\xBD", 3));
        }
        json_object_put(value);
        strbuf_free(&b);
    }
    json_parser_free(p);
}

static void keys_get_their_commas(void **state)
{
    (void)state;
    struct strbuf b;
    strbuf_init(&b);
    strbuf_append_str(&b, "{");
    json_append_key(&b, "a");
    strbuf_append_str(&b, "{");
    json_append_key(&b, "b");
    json_append_string(&b, "x\"\\\n\x01", 5);
    strbuf_append_str(&b, "}");
    json_append_key(&b, "c");
    strbuf_append_str(&b, "[]}");
    assert_string_equal(b.data, "{\"a\":{\"b\":\"x\\\"\\\\\\n\\u0001\"},\"c\":[]}");
    strbuf_free(&b);
}

/* ---- the member scanner against json-c ---- */

static void random_space(struct random *r, struct strbuf *b)
{
    while (random_below(r, 4) == 0)
        strbuf_append_char(b, " \t\r\n"[random_below(r, 4)]);
}

static void random_string(struct random *r, struct strbuf *b)
{
    static const char *const pieces[] = {"a", "\\\"", "\\\\", "{",   "}",       "[",        "]",
                                         ":", ",",    " ",    "\\n", "\\u00e9", "\xc3\xa9", "null"};
    strbuf_append_char(b, '"');
    for (uint64_t n = random_below(r, 6); n > 0; n--)
        strbuf_append_str(b, pieces[random_below(r, sizeof pieces / sizeof *pieces)]);
    strbuf_append_char(b, '"');
}

static void random_value(struct random *r, struct strbuf *b, int depth);

/* Keys are numbered: json-c keeps only the last of two with one name. */
static void random_object(struct random *r, struct strbuf *b, int depth)
{
    strbuf_append_char(b, '{');
    random_space(r, b);
    for (uint64_t i = 0, n = random_below(r, 5); i < n; i++) {
        strbuf_append_str(b, i > 0 ? "," : "");
        random_space(r, b);
        strbuf_appendf(b, "\"k%d\\\"\"", (int)i);
        random_space(r, b);
        strbuf_append_char(b, ':');
        random_space(r, b);
        random_value(r, b, depth + 1);
        random_space(r, b);
    }
    strbuf_append_char(b, '}');
}

static void random_array(struct random *r, struct strbuf *b, int depth)
{
    strbuf_append_char(b, '[');
    for (uint64_t i = 0, n = random_below(r, 4); i < n; i++) {
        strbuf_append_str(b, i > 0 ? "," : "");
        random_space(r, b);
        random_value(r, b, depth + 1);
        random_space(r, b);
    }
    strbuf_append_char(b, ']');
}

static void random_value(struct random *r, struct strbuf *b, int depth)
{
    static const char *const scalars[] = {"null", "true", "false", "0", "-1.5e3", "12345678901234567890",
                                          "{}",   "[]"};
    uint64_t kind = random_below(r, depth < 4 ? 4 : 2);
    if (kind == 0)
        strbuf_append_str(b, scalars[random_below(r, sizeof scalars / sizeof *scalars)]);
    else if (kind == 1)
        random_string(r, b);
    else if (kind == 2)
        random_object(r, b, depth);
    else
        random_array(r, b, depth);
}

static json_object *parse_span(struct json_parser *p, const char *data, size_t len)
{
    json_object *value = NULL;
    lh_error err = {0};
    if (json_parse(p, data, len, &value, &err) != 0)
        fail_msg("%.*s: %s", (int)len, data, err.message);
    return value;
}

static void check_member(struct json_parser *p, json_object *root, struct json_span key,
                         struct json_span value)
{
    json_object *name = parse_span(p, key.data - 1, key.len + 2);
    json_object *found = parse_span(p, value.data, value.len), *expected = NULL;
    assert_true(json_object_object_get_ex(root, json_object_get_string(name), &expected));
    assert_true(json_object_equal(found, expected));
    assert_null(memchr(" \t\r\n,", value.data[0], 5));
    assert_null(memchr(" \t\r\n,", value.data[value.len - 1], 5));
    json_object_put(name);
    json_object_put(found);
}

static void scanner_finds_each_member_that_json_c_finds(void **state)
{
    (void)state;
    struct random r;
    random_seed(&r, 9);
    struct json_parser *p = json_parser_new();
    struct strbuf b;
    strbuf_init(&b);
    for (int round = 0; round < 5000; round++) {
        strbuf_reset(&b);
        random_space(&r, &b);
        random_object(&r, &b, 0);
        random_space(&r, &b);
        json_object *root = parse_span(p, b.data, b.len);
        struct json_members it;
        struct json_span key, value;
        int seen = 0;
        for (json_members_begin(&it, b.data, b.len); json_members_next(&it, &key, &value); seen++)
            check_member(p, root, key, value);
        assert_int_equal(seen, json_object_object_length(root));
        json_object_put(root);
    }
    strbuf_free(&b);
    json_parser_free(p);
}

static void scanner_gives_the_bytes_as_they_stand(void **state)
{
    (void)state;
    static const char text[] = " { \"a\" : [1,{\"x\":\"}\"}] ,\"b\\\"c\":\"q\\\\\", \"d\":-1.50e3 } ";
    static const char *const keys[] = {"a", "b\\\"c", "d"};
    static const char *const values[] = {"[1,{\"x\":\"}\"}]", "\"q\\\\\"", "-1.50e3"};
    struct json_members it;
    struct json_span key, value;
    json_members_begin(&it, text, sizeof text - 1);
    for (int i = 0; i < 3; i++) {
        assert_true(json_members_next(&it, &key, &value));
        assert_int_equal(key.len, strlen(keys[i]));
        assert_memory_equal(key.data, keys[i], key.len);
        assert_int_equal(value.len, strlen(values[i]));
        assert_memory_equal(value.data, values[i], value.len);
    }
    assert_false(json_members_next(&it, &key, &value));
}

static void members_are_written_with_null_for_what_is_not_known(void **state)
{
    (void)state;
    struct strbuf b;
    strbuf_init(&b);
    strbuf_append_char(&b, '{');
    json_append_int(&b, "a", INT64_MAX);
    json_append_int(&b, "b", INT64_MIN);
    json_append_double(&b, "c", 0.25);
    json_append_text(&b, "d", "x\"y");
    json_append_text(&b, "e", NULL);
    strbuf_append_char(&b, '}');
    assert_string_equal(b.data,
                        "{\"a\":9223372036854775807,\"b\":null,\"c\":0.2500,\"d\":\"x\\\"y\",\"e\":null}");
    strbuf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_written_with_null_for_what_is_not_known),
        cmocka_unit_test(takes_every_json_value),
        cmocka_unit_test(takes_nothing_that_is_no_json),
        cmocka_unit_test(says_at_which_byte_it_went_wrong),
        cmocka_unit_test(refuses_what_is_too_deep),
        cmocka_unit_test(a_refused_text_does_not_touch_the_next),
        cmocka_unit_test(members_are_found_by_path_and_type),
        cmocka_unit_test(utf8_is_what_the_model_says_for_every_start),
        cmocka_unit_test(utf8_is_what_the_model_says_at_random),
        cmocka_unit_test(random_bytes_survive_escaping),
        cmocka_unit_test(keys_get_their_commas),
        cmocka_unit_test(scanner_finds_each_member_that_json_c_finds),
        cmocka_unit_test(scanner_gives_the_bytes_as_they_stand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

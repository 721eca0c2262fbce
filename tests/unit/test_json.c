/* JSON's door is strict, and its scanner finds what json-c finds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/random.h"

static int parse(const char *text, size_t len)
{
    lh_error err = {0};
    json_object *value = NULL;
    struct json_parser *p = json_parser_new();
    int rc = json_parse(p, text, len, &value, &err);
    json_object_put(value);
    json_parser_free(p);
    return rc;
}

static void takes_json_and_nothing_else(void **state)
{
    (void)state;
    static const char *const good[] = {"{}",     "[1,2]", " null ", "12", "\"a\"", "{\"a\":\"NaN Infinity\"}",
                                       "-0.5e10"};
    static const char *const bad[] = {"",           "{",       "{\"a\":1,}", "[1] x",    "{'a':1}",    "NaN",
                                      "[Infinity]", "{\"a\"}", "tru",        "\"\xff\"", "{\"a\":NaN}"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(parse(good[i], strlen(good[i])), 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(parse(bad[i], strlen(bad[i])), LH_EINPUT);
}

static void refuses_what_is_too_deep(void **state)
{
    (void)state;
    char text[2 * 200];
    memset(text, '[', 200);
    memset(text + 200, ']', 200);
    assert_int_equal(parse(text, sizeof text), LH_EINPUT);
    assert_int_equal(parse(text + 150, 100), 0);
}

static void random_bytes_survive_escaping(void **state)
{
    (void)state;
    struct random r;
    random_seed(&r, 5);
    for (int round = 0; round < 2000; round++) {
        char bytes[40];
        struct strbuf b;
        strbuf_init(&b);
        size_t len = (size_t)random_below(&r, sizeof bytes);
        for (size_t i = 0; i < len; i++)
            bytes[i] = (char)random_below(&r, 256);
        assert_int_equal(json_append_string(&b, bytes, len), 0);
        assert_int_equal(parse(b.data, b.len), 0);
        if (utf8_is_valid(bytes, len, NULL)) {
            json_object *value = json_tokener_parse(b.data);
            assert_int_equal((size_t)json_object_get_string_len(value), len);
            assert_memory_equal(json_object_get_string(value), bytes, len);
            json_object_put(value);
        }
        strbuf_free(&b);
    }
}

static void scanner_finds_each_member(void **state)
{
    (void)state;
    static const char text[] = " { \"a\" : [1,{\"x\":\"}\"}] ,\"b\\\"c\":\"q\\\\\", \"d\":-1.5e3 } ";
    static const char *const keys[] = {"a", "b\\\"c", "d"}, *const values[] = {"[1,{\"x\":\"}\"}]",
                                                                               "\"q\\\\\"", "-1.5e3"};
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_json_and_nothing_else),
        cmocka_unit_test(refuses_what_is_too_deep),
        cmocka_unit_test(random_bytes_survive_escaping),
        cmocka_unit_test(scanner_finds_each_member),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A request's tokens, roughly: texts by their bytes, data flat, and never less than one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "tokens/estimate.h"

static int64_t tokens_of(const char *text)
{
    struct json_parser *p = json_parser_new();
    json_object *body = NULL;
    assert_non_null(p);
    assert_int_equal(json_parse(p, text, strlen(text), &body, NULL), 0);
    int64_t tokens = tokens_estimate_prompt(body);
    json_object_put(body);
    json_parser_free(p);
    return tokens;
}

static void assert_tokens(const char *text, int64_t wanted)
{
    int64_t tokens = tokens_of(text);
    if (tokens != wanted)
        fail_msg("%s takes %lld, not %lld", text, (long long)tokens, (long long)wanted);
}

static void four_bytes_are_a_token_rounded_up(void **state)
{
    (void)state;
    assert_tokens("{\"prompt\":\"12345678\"}", 2);
    assert_tokens("{\"prompt\":\"123456789\"}", 3);
    assert_tokens("{\"prompt\":[\"1234\",\"1\"]}", 2);
    assert_tokens("{\"prompt\":\"\\u20ac\\u20ac\"}", 2);
    assert_tokens("{\"prompt\":\"\\u0000\\u0000\\u0000\\u0000\\u0000\"}", 2);
    assert_int_equal(tokens_estimate_text("", 0), 0);
    assert_int_equal(tokens_estimate_text("1", 1), 1);
    assert_int_equal(tokens_estimate_text("12345", 5), 2);
}

static void a_request_takes_one_at_least(void **state)
{
    static const char *const empty[] = {"{}",
                                        "[]",
                                        "null",
                                        "\"x\"",
                                        "12",
                                        "{\"model\":\"a long name of a model\"}",
                                        "{\"messages\":[]}",
                                        "{\"prompt\":\"\"}",
                                        "{\"input\":null}"};
    (void)state;
    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++)
        assert_tokens(empty[i], 1);
    assert_int_equal(tokens_estimate_prompt(NULL), 1);
}

static void every_part_that_is_read_by_a_model_counts(void **state)
{
    static const char *const parts[] = {"messages",     "prompt", "input",     "system",
                                        "instructions", "tools",  "functions", "response_format"};
    char body[256];
    (void)state;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        snprintf(body, sizeof body,
                 "{\"%s\":[{\"content\":[{\"text\":\"1234567812345678\"}]}],\"user\":\"12345678\"}",
                 parts[i]);
        assert_tokens(body, 4);
    }
    assert_tokens("{\"system\":\"1234\",\"messages\":[{\"role\":\"user\",\"content\":\"1234\"}]}", 3);
}

static void token_ids_count_one_each(void **state)
{
    (void)state;
    assert_tokens("{\"input\":[1,2,3,4,5]}", 5);
    assert_tokens("{\"input\":[[1,2],[3]]}", 3);
}

static void images_and_files_count_flat(void **state)
{
    (void)state;
    assert_tokens("{\"messages\":[{\"image_url\":{\"url\":\"data:image/png;base64,AAAAAAAAAAAAAAAA\"}}]}",
                  1000);
    assert_tokens("{\"messages\":[{\"input_audio\":{\"data\":\"AAAAAAAAAAAAAAAA\"}},{\"text\":\"1234\"}]}",
                  1001);
    assert_tokens("{\"messages\":[{\"file\":{\"file_data\":\"AAAA\"}},{\"source\":{\"data\":\"AAAA\"}}]}",
                  2000);
}

static void a_text_that_begins_with_data_is_a_text(void **state)
{
    (void)state;
    assert_tokens("{\"prompt\":\"data: 1, 2, 3.\"}", 4);
    assert_tokens("{\"prompt\":\"data:\"}", 2);
    assert_tokens("{\"prompt\":\"data:,12\"}", 2);
    assert_tokens("{\"prompt\":\"data:base64,\"}", 3);
    assert_tokens("{\"prompt\":\"data:x and ;base64,\"}", 5);
}

static void the_deepest_body_is_walked(void **state)
{
    char body[512] = "{\"input\":";
    (void)state;
    size_t depth = JSON_MAX_DEPTH - 2, at = strlen(body);
    memset(body + at, '[', depth);
    at += depth;
    memcpy(body + at, "\"12345678\"", 10);
    at += 10;
    memset(body + at, ']', depth);
    at += depth;
    body[at] = '}';
    body[at + 1] = '\0';
    assert_tokens(body, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_bytes_are_a_token_rounded_up),
        cmocka_unit_test(a_request_takes_one_at_least),
        cmocka_unit_test(every_part_that_is_read_by_a_model_counts),
        cmocka_unit_test(token_ids_count_one_each),
        cmocka_unit_test(images_and_files_count_flat),
        cmocka_unit_test(a_text_that_begins_with_data_is_a_text),
        cmocka_unit_test(the_deepest_body_is_walked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Bodies as they leave: what the rules put into them, and what rows become. */
#include "line_world.h"

#include "provider/provider.h"

static void a_bound_goes_into_requests_that_name_none(void **state)
{
    (void)state;
    static const struct {
        const char *line, *body;
        int64_t bound;
    } cases[] = {
        {BATCH("\"a\"", "{\"model\":\"x\"," MESSAGES "}"), "{\"max_tokens\":70,\"model\":\"x\"," MESSAGES "}",
         70},
        {BATCH("\"a\"", "{" MESSAGES "}"), "{\"model\":\"m\",\"max_tokens\":70," MESSAGES "}", 70},
        {BATCH("\"a\"", "{" MESSAGES ",\"n\":3}"), "{\"model\":\"m\",\"max_tokens\":70," MESSAGES ",\"n\":3}",
         210},
        {BATCH("\"a\"", "{\"model\":\"o3\"," MESSAGES "}"),
         "{\"max_completion_tokens\":70,\"model\":\"o3\"," MESSAGES "}", 70},
        {BATCH("\"a\"", "{\"model\":null," MESSAGES "}"), "{\"model\":\"m\",\"max_tokens\":70," MESSAGES "}",
         70},
        {"{\"custom_id\":\"a\"," MESSAGES "}", "{\"model\":\"m\",\"max_tokens\":70," MESSAGES "}", 70},
        {"{\"custom_id\":\"a\",\"model\":\"x\"," MESSAGES "}",
         "{\"max_tokens\":70,\"model\":\"x\"," MESSAGES "}", 70},
        {BATCH("\"a\"", "{\"max_tokens\":5," MESSAGES "}"), "{\"model\":\"m\",\"max_tokens\":5," MESSAGES "}",
         5},
        {BATCH("\"a\"", "{\"max_completion_tokens\":5," MESSAGES "}"),
         "{\"model\":\"m\",\"max_completion_tokens\":5," MESSAGES "}", 5},
        {BATCH("\"a\"", "{\"max_tokens\":null," MESSAGES "}"),
         "{\"model\":\"m\",\"max_tokens\":null," MESSAGES "}", LH_UNKNOWN},
    };
    struct line_rules rules = {.model = "m", .max_tokens = 70};
    struct line_parser *p = line_parser_new(&rules);
    struct parsed out = {0};
    strbuf_init(&out.text);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (parse(p, cases[i].line, &out) != 0)
            fail_msg("%s: %s", cases[i].line, out.err.message);
        assert_request(&out, "a", CHAT, cases[i].body);
        assert_int_equal(out.job.max_output_tokens, cases[i].bound);
    }
    assert_int_equal(
        parse(p, "{\"custom_id\":\"a\",\"url\":\"/v1/embeddings\",\"body\":{\"input\":\"x\"}}", &out), 0);
    assert_request(&out, "a", "/v1/embeddings", "{\"model\":\"m\",\"input\":\"x\"}");
    line_parser_free(p);
    rules.prompt_template = "say {{t}}";
    p = line_parser_new(&rules);
    assert_int_equal(parse(p, "{\"t\":\"hi\"}", &out), 0);
    assert_request(
        &out, "line-7", CHAT,
        "{\"model\":\"m\",\"max_tokens\":70,\"messages\":[{\"role\":\"user\",\"content\":\"say hi\"}]}");
    assert_int_equal(out.job.max_output_tokens, 70);
    line_parser_free(p);
    strbuf_free(&out.text);
}

static void rows_become_what_their_api_takes(void **state)
{
    (void)state;
    static const struct {
        const char *url, *body;
        int64_t bound;
    } cases[] = {
        {"/v1/chat/completions",
         "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"say "
         "\\\"hi\\\"\"}]}",
         9},
        {"/v1/messages",
         "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"say "
         "\\\"hi\\\"\"}]}",
         9},
        {"/v1/completions", "{\"model\":\"m\",\"max_tokens\":9,\"prompt\":\"say \\\"hi\\\"\"}", 9},
        {"/v1/responses", "{\"model\":\"m\",\"max_output_tokens\":9,\"input\":\"say \\\"hi\\\"\"}", 9},
        {"/v1/embeddings", "{\"model\":\"m\",\"input\":\"say \\\"hi\\\"\"}", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct line_rules rules = {
            .model = "m", .prompt_template = "say {{t}}", .url = cases[i].url, .max_tokens = 9};
        struct line_parser *p = line_parser_new(&rules);
        struct json_parser *json = json_parser_new();
        struct parsed out = {0};
        struct prompt_count count;
        json_object *body = NULL;
        strbuf_init(&out.text);
        assert_int_equal(parse(p, "{\"t\":\"\\\"hi\\\"\"}", &out), 0);
        assert_request(&out, "line-7", cases[i].url, cases[i].body);
        assert_int_equal(out.job.max_output_tokens, cases[i].bound);
        assert_int_equal(json_parse(json, cases[i].body, strlen(cases[i].body), &body, NULL), 0);
        assert_int_equal(provider_check_request(cases[i].url, body, NULL), 0);
        assert_int_equal(prompt_count(cases[i].url, body, &count), 0); /* as of a line with that body */
        assert_int_equal(out.job.prompt_tokens, count.tokens);
        json_object_put(body);
        json_parser_free(json);
        strbuf_free(&out.text);
        line_parser_free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bound_goes_into_requests_that_name_none),
        cmocka_unit_test(rows_become_what_their_api_takes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

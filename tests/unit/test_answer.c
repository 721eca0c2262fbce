/* What an answer means: which bodies hold one, what those that do not are, and which usage is believed. */
#include "answers.h"

static void assert_answer(const char *url, const char *body)
{
    struct answer a = read_plain(url, 200, body);
    assert_class(&a, ANSWER_SUCCESS, body);
    assert_string_equal(a.error_code, "");
    assert_string_equal(a.message, "");
    assert_true(a.body_is_json);
    assert_int_equal(a.retry_after_ms, -1);
}

static void a_200_that_holds_an_answer_is_success(void **state)
{
    (void)state;
    assert_answer(CHAT, "{\"choices\":[{\"message\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}]}");
    assert_answer(CHAT, "{\"choices\":[{\"message\":{\"content\":\"\"},\"finish_reason\":\"length\"}]}");
    assert_answer(CHAT, "{\"choices\":[{\"message\":{\"content\":[{\"type\":\"text\"}]}}]}");
    assert_answer(CHAT, "{\"choices\":[{\"message\":{\"content\":null,\"tool_calls\":[{}]}}]}");
    assert_answer(CHAT, "{\"choices\":[{\"message\":{\"content\":null,\"function_call\":{}}}]}");
    assert_answer(CHAT, "{\"choices\":[{\"message\":{\"content\":null,\"refusal\":\"no\"}}]}");
    assert_answer(CHAT, "{\"choices\":[{\"message\":{\"content\":null,\"audio\":{}}}]}");
    assert_answer(CHAT, "{\"choices\":[{\"message\":{\"content\":null,\"reasoning_content\":\"x\"}}]}");
    assert_answer(CHAT, "{\"choices\":[{\"message\":{\"content\":\"x\"}}],\"error\":null}");
    assert_answer(RESPONSES, "{\"status\":\"completed\",\"error\":null,\"output\":[{}]}");
    assert_answer(RESPONSES, "{\"status\":\"incomplete\",\"incomplete_details\":{\"reason\":"
                             "\"max_output_tokens\"},\"output\":[{}]}");
    assert_answer(EMBEDDINGS, "{\"data\":[{\"embedding\":[0.5]}]}");
    assert_answer(EMBEDDINGS, "{\"data\":[{\"embedding\":\"AAAA\"}]}");
    assert_answer(COMPLETIONS, "{\"choices\":[{\"text\":\"\"}]}");
    assert_answer(MESSAGES, "{\"type\":\"message\",\"content\":[{\"type\":\"text\",\"text\":\"x\"}]}");
    assert_answer(MESSAGES, "{\"type\":\"message\",\"content\":[],\"stop_reason\":\"end_turn\"}");
    assert_answer("/v1/messages/count_tokens", "{\"input_tokens\":3}");
    assert_answer("/v1/rerank", "{}");
    assert_answer("/v1/models?x", "{\"data\":[]}");
}

static void any_2xx_may_hold_an_answer(void **state)
{
    struct answer a = read_plain(CHAT, 201, "{\"choices\":[{\"message\":{\"content\":\"x\"}}]}");
    (void)state;
    assert_class(&a, ANSWER_SUCCESS, "201");
}

static void a_200_without_an_answer_is_transient(void **state)
{
    static const struct {
        const char *url, *body;
    } cases[] = {
        {CHAT, "{}"},
        {CHAT, "{\"choices\":null}"},
        {CHAT, "{\"choices\":{}}"},
        {CHAT, "{\"choices\":[]}"},
        {CHAT, "{\"choices\":[null]}"},
        {CHAT, "{\"choices\":[[]]}"},
        {CHAT, "{\"choices\":[{}]}"},
        {CHAT, "{\"choices\":[{\"message\":null}]}"},
        {CHAT, "{\"choices\":[{\"message\":\"x\"}]}"},
        {CHAT, "{\"choices\":[{\"message\":{\"content\":null,\"tool_calls\":[]}}]}"},
        {CHAT, "{\"choices\":[{\"message\":{\"content\":false}}]}"},
        {CHAT, "{\"choices\":[{\"message\":{\"content\":0}}]}"},
        {CHAT, "{\"choices\":[{\"text\":\"x\"}]}"},
        {CHAT, "{\"output\":[{}]}"},
        {CHAT "?api-version=2024-06-01", "{}"},
        {"https://h" CHAT, "{}"},
        {"/chat/completions", "{}"},
        {RESPONSES, "{\"status\":\"completed\"}"},
        {RESPONSES, "{\"output\":[]}"},
        {RESPONSES, "{\"status\":\"queued\",\"output\":[]}"},
        {EMBEDDINGS, "{\"data\":[]}"},
        {EMBEDDINGS, "{\"data\":[{\"embedding\":[]}]}"},
        {EMBEDDINGS, "{\"data\":[{\"embedding\":\"\"}]}"},
        {EMBEDDINGS, "{\"data\":[{\"embedding\":true}]}"},
        {COMPLETIONS, "{\"choices\":[{\"text\":null}]}"},
        {COMPLETIONS, "{\"choices\":[{\"message\":{\"content\":\"x\"}}]}"},
        {MESSAGES, "{\"type\":\"message\"}"},
        {MESSAGES, "{\"content\":[]}"},
        {MESSAGES, "{\"content\":\"x\",\"stop_reason\":\"end_turn\"}"},
        {MESSAGES, "{\"choices\":[{\"message\":{\"content\":\"x\"}}]}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct answer a = read_plain(cases[i].url, 200, cases[i].body);
        assert_class(&a, ANSWER_TRANSIENT, cases[i].body);
        assert_string_equal(a.error_code, "empty_answer");
        assert_int_not_equal(a.message[0], '\0');
    }
}

static void a_response_that_failed_without_a_reason_is_transient(void **state)
{
    (void)state;
    struct answer a = read_plain(RESPONSES, 200, "{\"status\":\"failed\",\"error\":null,\"output\":[{}]}");
    assert_class(&a, ANSWER_TRANSIENT, "failed");
    assert_string_equal(a.error_code, "response_failed");
    a = read_plain(RESPONSES, 200, "{\"status\":\"cancelled\",\"output\":[{}]}");
    assert_class(&a, ANSWER_TRANSIENT, "cancelled");
    assert_string_equal(a.error_code, "response_cancelled");
}

static void assert_held_back(const char *url, const char *body, const char *code)
{
    struct answer a = read_plain(url, 200, body);
    assert_class(&a, ANSWER_PERMANENT, body);
    assert_string_equal(a.error_code, code);
    assert_non_null(strstr(a.message, "content policy"));
}

static void an_answer_that_the_content_policy_held_back_is_permanent(void **state)
{
    (void)state;
    assert_held_back(
        CHAT, "{\"choices\":[{\"message\":{\"role\":\"assistant\"},\"finish_reason\":\"content_filter\"}]}",
        "content_filter");
    assert_held_back(CHAT,
                     "{\"choices\":[{\"message\":{\"content\":\"\"},\"finish_reason\":\"content_filter\"}]}",
                     "content_filter");
    assert_held_back(COMPLETIONS, "{\"choices\":[{\"text\":\"\",\"finish_reason\":\"content_filter\"}]}",
                     "content_filter");
    assert_held_back(RESPONSES,
                     "{\"status\":\"incomplete\",\"incomplete_details\":{\"reason\":"
                     "\"content_filter\"},\"output\":[]}",
                     "content_filter");
    assert_held_back(MESSAGES, "{\"content\":[],\"stop_reason\":\"refusal\"}", "refusal");
    assert_answer(
        CHAT, "{\"choices\":[{\"message\":{\"content\":\"half\"},\"finish_reason\":\"content_filter\"}]}");
}

static void a_body_that_is_no_json_object_is_transient(void **state)
{
    static const struct {
        const char *body;
        size_t len;
        bool json;
    } cases[] = {
        {BYTES("{\"choices\":[{\"message\":{\"content\":\"x"), false},
        {BYTES("<html><title>Sign in</title></html>"), false},
        {BYTES("  <!DOCTYPE html>"), false},
        {BYTES("OK"), false},
        {BYTES("\0\0\0\0"), false},
        {BYTES("\xff\xfe{\0}\0"), false},
        {BYTES("{\"choices\":[{\"message\":{\"content\":\"\xff\"}}]}"), false},
        {BYTES("{\"choices\":[{\"message\":{\"content\":\"x\"}}]}{}"), false},
        {BYTES("[]"), true},
        {BYTES("null"), true},
        {BYTES("\"x\""), true},
        {BYTES("12"), true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct answer a = read_bytes(CHAT, 200, NULL, cases[i].body, cases[i].len);
        assert_class(&a, ANSWER_TRANSIENT, cases[i].body);
        assert_string_equal(a.error_code, "bad_json");
        assert_int_equal(a.body_is_json, cases[i].json);
    }
}

static void an_empty_200_is_transient(void **state)
{
    (void)state;
    struct answer a = read_bytes(CHAT, 200, NULL, "", 0);
    assert_class(&a, ANSWER_TRANSIENT, "empty");
    assert_string_equal(a.error_code, "empty_answer");
    assert_non_null(strstr(a.message, "empty body"));
    assert_false(a.body_is_json);
    a = read_plain(CHAT, 204, "");
    assert_class(&a, ANSWER_TRANSIENT, "204");
}

static void a_body_may_be_missing_altogether(void **state)
{
    struct json_parser *parser = json_parser_new();
    struct answer_in in = {.status = 502, .header = find_header};
    struct answer a;
    (void)state;
    provider_read_answer(DIALECT_OPENAI, CHAT, &in, parser, &a);
    assert_class(&a, ANSWER_TRANSIENT, "502 without a body");
    assert_string_equal(a.error_code, "http_502");
    json_parser_free(parser);
}

/* A gateway that breaks off in the middle of an answer has it paid all the same. */
static void usage_beside_an_error_is_read_too(void **state)
{
    (void)state;
    static const char body[] = "{\"error\":{\"message\":\"provider disconnected\",\"code\":502},"
                               "\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":20}}";
    static const int statuses[] = {200, 502, 400};
    for (size_t i = 0; i < 3; i++) {
        struct answer a = read_plain(CHAT, statuses[i], body);
        assert_true(a.class != ANSWER_SUCCESS);
        assert_int_equal(a.usage.prompt_tokens, 10);
        assert_int_equal(a.usage.completion_tokens, 20);
    }
}

static void an_html_page_is_told_by_its_title(void **state)
{
    (void)state;
    struct answer a = read_plain(CHAT, 502, "<html><head><title>502 Bad Gateway</title></head></html>");
    assert_class(&a, ANSWER_TRANSIENT, "502");
    assert_string_equal(a.error_code, "http_502");
    assert_string_equal(a.message, "HTTP 502: an HTML page instead of JSON: 502 Bad Gateway");
    a = read_plain(CHAT, 404, "<html>\n<title>no end");
    assert_class(&a, ANSWER_PERMANENT, "404");
}

static void model_usage_and_reason_are_read(void **state)
{
    (void)state;
    struct answer a = read_plain(
        CHAT, 200,
        "{\"model\":\"gpt\",\"choices\":[{\"message\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}],"
        "\"usage\":{"
        "\"prompt_tokens\":10,\"completion_tokens\":20,\"prompt_tokens_details\":{\"cached_tokens\":4},"
        "\"completion_tokens_details\":{\"reasoning_tokens\":7}}}");
    assert_string_equal(a.model, "gpt");
    assert_string_equal(a.finish_reason, "stop");
    assert_int_equal(a.usage.prompt_tokens, 10);
    assert_int_equal(a.usage.completion_tokens, 20);
    assert_int_equal(a.usage.cached_tokens, 4);
    assert_int_equal(a.usage.reasoning_tokens, 7);
    a = read_plain(
        RESPONSES, 200,
        "{\"status\":\"incomplete\",\"incomplete_details\":{\"reason\":\"max_output_tokens\"},"
        "\"output\":[{}],\"usage\":{\"input_tokens\":1,\"output_tokens\":2,\"input_tokens_details\":{"
        "\"cached_tokens\":0},\"output_tokens_details\":{\"reasoning_tokens\":2}}}");
    assert_string_equal(a.finish_reason, "max_output_tokens");
    assert_int_equal(a.usage.prompt_tokens, 1);
    assert_int_equal(a.usage.completion_tokens, 2);
    assert_int_equal(a.usage.cached_tokens, 0);
    assert_int_equal(a.usage.reasoning_tokens, 2);
}

static void all_input_of_anthropic_is_prompt(void **state)
{
    (void)state;
    struct answer a =
        read_plain(MESSAGES, 200,
                   "{\"model\":\"claude\",\"content\":[{}],\"stop_reason\":\"end_turn\",\"usage\":{"
                   "\"input_tokens\":10,\"cache_read_input_tokens\":100,"
                   "\"cache_creation_input_tokens\":1000,\"output_tokens\":5}}");
    assert_string_equal(a.model, "claude");
    assert_string_equal(a.finish_reason, "end_turn");
    assert_int_equal(a.usage.prompt_tokens, 1110);
    assert_int_equal(a.usage.cached_tokens, 100);
    assert_int_equal(a.usage.completion_tokens, 5);
    a = read_plain(MESSAGES, 200,
                   "{\"content\":[{}],\"usage\":{\"input_tokens\":3,\"cache_read_input_tokens\":null}}");
    assert_int_equal(a.usage.prompt_tokens, 3);
    assert_int_equal(a.usage.cached_tokens, -1);
}

struct usage_case {
    const char *usage;
    int64_t prompt, completion, cached, reasoning, cache_write;
};

static void assert_usages(const char *url, const char *answer, const struct usage_case *table, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct usage_case *c = &table[i];
        char body[1024];
        snprintf(body, sizeof body, "{%s,\"usage\":{%s}}", answer, c->usage);
        struct answer a = read_plain(url, 200, body);
        const struct usage *u = &a.usage;
        assert_class(&a, ANSWER_SUCCESS, body);
        if (u->prompt_tokens != c->prompt || u->completion_tokens != c->completion ||
            u->cached_tokens != c->cached || u->reasoning_tokens != c->reasoning ||
            u->cache_write_tokens != c->cache_write)
            fail_msg("%s: %lld %lld %lld %lld %lld", c->usage, (long long)u->prompt_tokens,
                     (long long)u->completion_tokens, (long long)u->cached_tokens,
                     (long long)u->reasoning_tokens, (long long)u->cache_write_tokens);
    }
}

static const char chat_answer[] = "\"choices\":[{\"message\":{\"content\":\"x\"}}]";

static void reasoning_is_output_whether_it_is_counted_within_or_beside(void **state)
{
    (void)state;
    static const struct usage_case table[] = {
        /* OpenAI: within. */
        {"\"prompt_tokens\":10,\"completion_tokens\":20,\"total_tokens\":30,"
         "\"completion_tokens_details\":{\"reasoning_tokens\":20}",
         10, 20, -1, 20, -1},
        /* xAI: beside, and in the total. */
        {"\"prompt_tokens\":10120,\"completion_tokens\":1499,\"total_tokens\":14428,"
         "\"prompt_tokens_details\":{\"cached_tokens\":128},\"completion_tokens_details\":{\"reasoning_"
         "tokens\":2809}",
         10120, 4308, 128, 2809, -1},
        {"\"prompt_tokens\":12,\"completion_tokens\":1500,\"total_tokens\":1812,"
         "\"completion_tokens_details\":{\"reasoning_tokens\":300}",
         12, 1800, -1, 300, -1},
        /* Less output than reasoning: it cannot be within. */
        {"\"prompt_tokens\":21,\"completion_tokens\":0,\"completion_tokens_details\":{\"reasoning_tokens\":"
         "60}",
         21, 60, -1, 60, -1},
        /* Google: in the total only. */
        {"\"prompt_tokens\":20,\"completion_tokens\":198,\"total_tokens\":623", 20, 603, -1, -1, -1},
        /* Over by something else than the reasoning that is told, or by a cache beside the prompt: the output is as it is told. */
        {"\"prompt_tokens\":20,\"completion_tokens\":50,\"total_tokens\":623,"
         "\"completion_tokens_details\":{\"reasoning_tokens\":40}",
         20, 50, -1, 40, -1},
        {"\"prompt_tokens\":20,\"completion_tokens\":50,\"total_tokens\":1070,"
         "\"prompt_tokens_details\":{\"cached_tokens\":1000}",
         1020, 50, 1000, -1, -1},
        /* A total that is too small, or none. */
        {"\"prompt_tokens\":20,\"completion_tokens\":50,\"total_tokens\":5", 20, 50, -1, -1, -1},
        {"\"completion_tokens\":50,\"total_tokens\":500", -1, 50, -1, -1, -1},
        {"\"prompt_tokens\":20,\"total_tokens\":500", 20, -1, -1, -1, -1},
    };
    assert_usages(CHAT, chat_answer, table, sizeof table / sizeof *table);
}

static void what_the_cache_did_is_read_in_each_provider_s_words(void **state)
{
    (void)state;
    static const struct usage_case chat[] = {
        {"\"prompt_tokens\":9,\"completion_tokens\":2,\"prompt_cache_hit_tokens\":4,\"prompt_cache_miss_"
         "tokens\":5",
         9, 2, 4, -1, -1},
        {"\"prompt_tokens\":9,\"completion_tokens\":2,\"cached_tokens\":3", 9, 2, 3, -1, -1},
        {"\"prompt_tokens\":9,\"completion_tokens\":2,\"prompt_tokens_details\":{\"cached_tokens\":1,"
         "\"cache_write_tokens\":7}",
         9, 2, 1, -1, 7},
        {"\"prompt_tokens\":9,\"completion_tokens\":2,\"prompt_tokens_details\":{\"cache_creation_tokens\":"
         "6}",
         9, 2, -1, -1, 6},
        /* More than the prompt has: it is counted beside it, and paid for. */
        {"\"prompt_tokens\":9,\"completion_tokens\":2,\"prompt_tokens_details\":{\"cached_tokens\":5,"
         "\"cache_write_tokens\":7}",
         21, 2, 5, -1, 7},
        {"\"prompt_tokens\":9,\"completion_tokens\":2,\"cache_creation_input_tokens\":5,\"prompt_tokens_"
         "details\":null",
         9, 2, -1, -1, 5},
    };
    static const struct usage_case messages[] = {
        {"\"input_tokens\":10,\"cache_read_input_tokens\":100,\"cache_creation_input_tokens\":1000,\"output_"
         "tokens\":5",
         1110, 5, 100, -1, 1000},
        {"\"input_tokens\":10,\"output_tokens\":5", 10, 5, -1, -1, -1},
    };
    assert_usages(CHAT, chat_answer, chat, sizeof chat / sizeof *chat);
    assert_usages(MESSAGES, "\"content\":[{}]", messages, sizeof messages / sizeof *messages);
}

static void assert_tier(const char *url, const char *answer, const char *told, enum service_tier wanted)
{
    char body[256];
    snprintf(body, sizeof body, "{%s,%s}", answer, told);
    struct answer a = read_plain(url, 200, body);
    assert_class(&a, ANSWER_SUCCESS, body);
    if (a.usage.tier != wanted)
        fail_msg("%s: tier %d", body, (int)a.usage.tier);
}

static void the_tier_that_served_is_read_and_a_new_word_is_unknown(void **state)
{
    (void)state;
    static const struct {
        const char *told;
        enum service_tier tier;
    } table[] = {
        {"\"service_tier\":\"default\"", TIER_STANDARD},
        {"\"service_tier\":\"auto\"", TIER_STANDARD},
        {"\"service_tier\":\"on_demand\"", TIER_STANDARD},
        {"\"service_tier\":null", TIER_STANDARD},
        {"\"service_tier\":7", TIER_STANDARD},
        {"\"x\":1", TIER_STANDARD},
        {"\"service_tier\":\"flex\"", TIER_BATCH},
        {"\"service_tier\":\"batch\"", TIER_BATCH},
        {"\"service_tier\":\"priority\"", TIER_PRIORITY},
        {"\"service_tier\":\"scale\"", TIER_UNKNOWN},
        {"\"service_tier\":\"platinum\"", TIER_UNKNOWN},
        {"\"usage\":{\"service_tier\":\"standard\"}", TIER_STANDARD},
        {"\"usage\":{\"service_tier\":\"batch\"}", TIER_BATCH},
        {"\"usage\":{\"service_tier\":\"priority\"}", TIER_PRIORITY},
        {"\"usage\":{\"service_tier\":\"gold\"}", TIER_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        assert_tier(CHAT, chat_answer, table[i].told, table[i].tier);
        assert_tier(MESSAGES, "\"content\":[{}]", table[i].told, table[i].tier);
    }
    assert_tier(MESSAGES, "\"content\":[{}]", "\"usage\":{\"speed\":\"fast\"}", TIER_PRIORITY);
    assert_tier(MESSAGES, "\"content\":[{}]", "\"usage\":{\"speed\":\"standard\"}", TIER_STANDARD);
    assert_tier(MESSAGES, "\"content\":[{}]", "\"usage\":{\"server_tool_use\":{\"web_search_requests\":1}}",
                TIER_UNKNOWN);
    assert_tier(MESSAGES, "\"content\":[{}]", "\"usage\":{\"server_tool_use\":{\"web_search_requests\":0}}",
                TIER_STANDARD);
}

/* A refusal of the content, or no content at all, may have been paid for. */
static void an_answer_without_content_tells_its_usage_too(void **state)
{
    (void)state;
    static const char *const empty[] = {
        "\"choices\":[]", "\"choices\":[{\"finish_reason\":\"content_filter\",\"message\":{}}]"};
    static const enum answer_class classes[] = {ANSWER_TRANSIENT, ANSWER_PERMANENT};
    for (size_t i = 0; i < 2; i++) {
        char body[256];
        snprintf(body, sizeof body, "{%s,\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":8}}", empty[i]);
        struct answer a = read_plain(CHAT, 200, body);
        assert_class(&a, classes[i], body);
        assert_int_equal(a.usage.prompt_tokens, 5);
        assert_int_equal(a.usage.completion_tokens, 8);
    }
}

static void assert_usage(const char *value, int64_t wanted)
{
    char body[512];
    snprintf(body, sizeof body,
             "{\"choices\":[{\"message\":{\"content\":\"x\"}}],\"usage\":{\"prompt_tokens\":%s,"
             "\"completion_tokens\":%s}}",
             value, value);
    struct answer a = read_plain(CHAT, 200, body);
    assert_class(&a, ANSWER_SUCCESS, body);
    assert_int_equal(a.usage.prompt_tokens, wanted);
    assert_int_equal(a.usage.completion_tokens, wanted);
    snprintf(body, sizeof body,
             "{\"content\":[{}],\"usage\":{\"input_tokens\":%s,\"cache_read_input_tokens\":%s,"
             "\"cache_creation_input_tokens\":%s,\"output_tokens\":%s}}",
             value, value, value, value);
    a = read_plain(MESSAGES, 200, body);
    assert_class(&a, ANSWER_SUCCESS, body);
    assert_int_equal(a.usage.prompt_tokens, wanted < 0 ? -1 : 3 * wanted);
    assert_int_equal(a.usage.completion_tokens, wanted);
}

static void a_usage_that_no_request_can_have_is_not_believed(void **state)
{
    static const char *const lies[] = {"-1",
                                       "-9223372036854775808",
                                       "9223372036854775807",
                                       "1e300",
                                       "99999999999999999999999",
                                       "18446744073709551615",
                                       "-0.5",
                                       "1000000001",
                                       "\"12\"",
                                       "null",
                                       "true",
                                       "[]",
                                       "{\"x\":1}"};
    (void)state;
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++)
        assert_usage(lies[i], -1);
    assert_usage("12", 12);
    assert_usage("12.0", 12);
    assert_usage("0", 0);
}

static void usage_may_be_anything_or_nothing(void **state)
{
    static const char *const usages[] = {"null", "[]", "12", "\"x\"", "{}", "{\"prompt_tokens_details\":[]}"};
    (void)state;
    for (size_t i = 0; i < sizeof usages / sizeof *usages; i++) {
        char body[256];
        snprintf(body, sizeof body, "{\"choices\":[{\"message\":{\"content\":\"x\"}}],\"usage\":%s}",
                 usages[i]);
        struct answer a = read_plain(CHAT, 200, body);
        assert_class(&a, ANSWER_SUCCESS, body);
        assert_int_equal(a.usage.prompt_tokens, -1);
        assert_int_equal(a.usage.cached_tokens, -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_200_that_holds_an_answer_is_success),
        cmocka_unit_test(any_2xx_may_hold_an_answer),
        cmocka_unit_test(a_200_without_an_answer_is_transient),
        cmocka_unit_test(a_response_that_failed_without_a_reason_is_transient),
        cmocka_unit_test(an_answer_that_the_content_policy_held_back_is_permanent),
        cmocka_unit_test(a_body_that_is_no_json_object_is_transient),
        cmocka_unit_test(an_empty_200_is_transient),
        cmocka_unit_test(a_body_may_be_missing_altogether),
        cmocka_unit_test(usage_beside_an_error_is_read_too),
        cmocka_unit_test(an_html_page_is_told_by_its_title),
        cmocka_unit_test(model_usage_and_reason_are_read),
        cmocka_unit_test(all_input_of_anthropic_is_prompt),
        cmocka_unit_test(reasoning_is_output_whether_it_is_counted_within_or_beside),
        cmocka_unit_test(what_the_cache_did_is_read_in_each_provider_s_words),
        cmocka_unit_test(the_tier_that_served_is_read_and_a_new_word_is_unknown),
        cmocka_unit_test(an_answer_without_content_tells_its_usage_too),
        cmocka_unit_test(a_usage_that_no_request_can_have_is_not_believed),
        cmocka_unit_test(usage_may_be_anything_or_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

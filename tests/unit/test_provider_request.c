/* Request bodies: what they name, what they bound, and which cannot be requests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "provider/provider.h"

static json_object *tree(const char *text)
{
    struct json_parser *p = json_parser_new();
    json_object *body = NULL;
    assert_non_null(p);
    assert_int_equal(json_parse(p, text, strlen(text), &body, NULL), 0);
    json_parser_free(p);
    return body;
}

static void assert_bound_at(const char *url, const char *text, int64_t wanted)
{
    json_object *body = tree(text);
    int64_t bound = provider_request_max_output(url, body);
    if (bound != wanted)
        fail_msg("%s bounds to %lld", text, (long long)bound);
    json_object_put(body);
}

static void assert_bound(const char *text, int64_t wanted)
{
    assert_bound_at("/v1/chat/completions", text, wanted);
}

static void output_is_bounded_by_any_of_three_names_times_n(void **state)
{
    (void)state;
    assert_bound("{\"max_tokens\":100}", 100);
    assert_bound("{\"max_completion_tokens\":100}", 100);
    assert_bound("{\"max_output_tokens\":100}", 100);
    assert_bound("{\"max_completion_tokens\":null,\"max_tokens\":7}", 7);
    assert_bound("{\"max_tokens\":100,\"n\":3}", 300);
    assert_bound("{\"max_tokens\":100,\"n\":null}", 100);
    assert_bound("{\"n\":3}", -1);
    assert_bound("{}", -1);
    assert_bound("[]", -1);
}

static void nonsense_bounds_nothing(void **state)
{
    (void)state;
    assert_bound("{\"max_tokens\":-1}", -1);
    assert_bound("{\"max_tokens\":\"100\"}", -1);
    assert_bound("{\"max_tokens\":{}}", -1);
    assert_bound("{\"max_tokens\":9223372036854775807}", -1);
    assert_bound("{\"max_tokens\":99999999999999999999999}", -1);
    assert_bound("{\"max_tokens\":1000000000,\"n\":1000000}", INT64_C(1000000000000));
    assert_bound("{\"max_tokens\":0,\"n\":1000000}", 0);
    assert_bound("{\"max_tokens\":100,\"n\":-9223372036854775808}", 100);
    assert_bound("{\"max_tokens\":100,\"n\":9223372036854775807}", 100);
    assert_bound("{\"max_tokens\":1000000000,\"n\":1000}", INT64_C(1000000000000));
}

static void completions_have_an_answer_for_each_prompt_and_are_paid_for_those_not_chosen(void **state)
{
    static const char url[] = "/v1/completions";
    (void)state;
    assert_bound_at(url, "{\"prompt\":\"a\",\"max_tokens\":10}", 10);
    assert_bound_at(url, "{\"prompt\":[\"a\",\"b\",\"c\"],\"max_tokens\":10}", 30);
    assert_bound_at(url, "{\"prompt\":[1,2,3],\"max_tokens\":10}", 10);
    assert_bound_at(url, "{\"prompt\":[[1,2],[3]],\"max_tokens\":10,\"n\":2}", 40);
    assert_bound_at(url, "{\"prompt\":[],\"max_tokens\":10}", 10);
    assert_bound_at(url, "{\"prompt\":[\"a\",\"b\"],\"max_tokens\":10,\"n\":2,\"best_of\":5}", 100);
    assert_bound("{\"prompt\":[\"a\",\"b\"],\"max_tokens\":10,\"best_of\":5}", 10);
}

static void assert_parts(const char *url, const char *text, int64_t prompts, int64_t answers)
{
    json_object *body = tree(text);
    assert_int_equal(provider_request_prompts(url, body), prompts);
    assert_int_equal(provider_request_answers(url, body), answers);
    json_object_put(body);
}

static void a_list_of_texts_is_several_prompts_and_one_of_token_ids_is_one(void **state)
{
    (void)state;
    assert_parts("/v1/completions", "{\"prompt\":\"a\"}", 1, 1);
    assert_parts("/v1/completions", "{\"prompt\":[\"a\",\"b\"],\"n\":2,\"best_of\":3}", 2, 6);
    assert_parts("/v1/completions", "{\"prompt\":[1,2,3]}", 1, 1);
    assert_parts("/v1/embeddings", "{\"input\":[\"a\",\"b\",\"c\"]}", 3, 1);
    assert_parts("/v1/embeddings", "{\"input\":[[1,2],[3]]}", 2, 1);
    assert_parts("/v1/responses", "{\"input\":[\"a\",\"b\"]}", 1, 1);
    assert_parts("/v1/chat/completions", "{\"messages\":[{},{}],\"n\":4}", 1, 4);
    assert_parts("/v1/chat/completions", "{\"n\":-1}", 1, 1);
}

static void a_bound_has_the_name_that_the_api_and_the_model_want(void **state)
{
    static const char chat[] = "/v1/chat/completions";
    (void)state;
    assert_string_equal(provider_bound_key(chat, "gpt-4o-mini"), "max_tokens");
    assert_string_equal(provider_bound_key(chat, "o3-mini"), "max_completion_tokens");
    assert_string_equal(provider_bound_key(chat, "openai/gpt-5-mini"), "max_completion_tokens");
    assert_string_equal(provider_bound_key(chat, "gpt-oss-20b"), "max_tokens");
    assert_string_equal(provider_bound_key(chat, "olmo"), "max_tokens");
    assert_string_equal(provider_bound_key(chat, NULL), "max_tokens");
    assert_string_equal(provider_bound_key("/v1/messages", "o3"), "max_tokens");
    assert_string_equal(provider_bound_key("/v1/completions", "o3"), "max_tokens");
    assert_string_equal(provider_bound_key("/v1/responses", "gpt-4o"), "max_output_tokens");
    assert_null(provider_bound_key("/v1/embeddings", "m"));
}

static void embeddings_have_no_output(void **state)
{
    (void)state;
    assert_bound_at("/v1/embeddings", "{\"input\":[\"a\",\"b\"]}", 0);
    assert_bound_at("/v1/embeddings", "{\"input\":\"a\",\"max_tokens\":10}", 0);
}

static void a_model_is_a_string(void **state)
{
    json_object *named = tree("{\"model\":\"m\"}"), *number = tree("{\"model\":4}");
    (void)state;
    assert_string_equal(provider_request_model(named), "m");
    assert_null(provider_request_model(number));
    assert_null(provider_request_model(NULL));
    json_object_put(named);
    json_object_put(number);
}

static const char *refusal(const char *url, const char *text)
{
    static lh_error err;
    json_object *body = tree(text);
    err = (lh_error){0};
    int rc = provider_check_request(url, body, &err);
    json_object_put(body);
    if (rc == 0)
        return NULL;
    assert_int_equal(rc, LH_EINPUT);
    return err.message;
}

static void assert_taken(const char *url, const char *text)
{
    const char *why = refusal(url, text);
    if (why != NULL)
        fail_msg("%s %s: %s", url, text, why);
}

static void assert_refused(const char *url, const char *text, const char *naming)
{
    const char *why = refusal(url, text);
    if (why == NULL || strstr(why, naming) == NULL)
        fail_msg("%s %s: %s", url, text, why == NULL ? "taken" : why);
}

static void what_bears_on_the_worst_case_is_read_from_the_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *url, *body;
        int64_t answers;
        bool other_tier;
    } table[] = {
        {"/v1/chat/completions", "{\"model\":\"m\"}", 1, false},
        {"/v1/chat/completions", "{\"messages\":[{\"n\":3}],\"n\":8,\"service_tier\":\"flex\"}", 8, false},
        {"/v1/chat/completions", "{\"n\":-8,\"prompt\":[\"a\",\"b\"],\"service_tier\":\"priority\"}", 1,
         true},
        {"/v1/completions", "{\"n\":2,\"best_of\":5,\"prompt\":[\"a\",\"b\"],\"service_tier\":null}", 10,
         false},
        {"/v1/messages", "{\"service_tier\":\"standard_only\"}", 1, false},
        {"/v1/messages", "{\"service_tier\":\"auto\",\"n\":\"8\"}", 1, false},
        {"/v1/responses", "{\"service_tier\":\"of tomorrow\"}", 1, true},
        {"/v1/responses", "{\"service_tier\":7}", 1, false},
    };
    struct json_parser *parser = json_parser_new();
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct request_terms terms;
        provider_read_terms(table[i].url, table[i].body, strlen(table[i].body), parser, &terms);
        if (terms.answers != table[i].answers || terms.other_tier != table[i].other_tier)
            fail_msg("%s: %lld answers, other tier: %d", table[i].body, (long long)terms.answers,
                     terms.other_tier);
    }
    json_parser_free(parser);
}

static void good_requests_are_taken(void **state)
{
    (void)state;
    assert_taken("/v1/chat/completions", "{\"model\":\"m\",\"messages\":[{}]}");
    assert_taken("/chat/completions", "{\"model\":\"m\",\"messages\":[{}],\"stream\":false}");
    assert_taken("/v1/chat/completions", "{\"model\":\"m\",\"messages\":[{}],\"stream\":null}");
    assert_taken("/v1/completions", "{\"model\":\"m\",\"prompt\":\"x\"}");
    assert_taken("/v1/completions", "{\"model\":\"m\",\"prompt\":[1,2]}");
    assert_taken("/v1/embeddings", "{\"model\":\"m\",\"input\":[\"x\"]}");
    assert_taken("/v1/responses", "{\"model\":\"m\",\"input\":\"x\"}");
    assert_taken("/v1/responses", "{\"model\":\"m\",\"prompt\":{\"id\":\"p\"}}");
    assert_taken("/v1/messages", "{\"model\":\"m\",\"max_tokens\":1,\"messages\":[{}]}");
    assert_taken("/v1/rerank", "{}");
}

static void each_endpoint_asks_for_its_field(void **state)
{
    (void)state;
    assert_refused("/v1/chat/completions", "{\"model\":\"m\"}", "messages");
    assert_refused("/v1/chat/completions", "{\"model\":\"m\",\"messages\":[]}", "messages");
    assert_refused("/v1/chat/completions", "{\"model\":\"m\",\"messages\":\"x\"}", "messages");
    assert_refused("/v1/chat/completions", "{\"model\":\"m\",\"prompt\":\"x\"}", "messages");
    assert_refused("/v1/completions", "{\"model\":\"m\",\"prompt\":1}", "prompt");
    assert_refused("/v1/embeddings", "{\"model\":\"m\",\"input\":{}}", "input");
    assert_refused("/v1/responses", "{\"model\":\"m\"}", "input");
    assert_refused("/v1/messages", "{\"model\":\"m\",\"max_tokens\":1}", "messages");
    assert_refused("/v1/messages", "{\"model\":\"m\",\"messages\":[{}]}", "max_tokens");
    assert_refused("/v1/messages", "{\"model\":\"m\",\"messages\":[{}],\"max_tokens\":0}", "max_tokens");
    assert_refused("/v1/chat/completions", "{\"messages\":[{}]}", "model");
    assert_refused("/v1/chat/completions", "[]", "object");
    assert_refused("/v1/rerank", "\"x\"", "object");
    assert_refused("/v1/rerank", "null", "object");
}

static void a_query_or_a_host_does_not_hide_the_endpoint(void **state)
{
    (void)state;
    assert_refused("/chat/completions?api-version=2024-06-01", "{\"model\":\"m\"}", "messages");
    assert_refused("https://h/v1/messages", "{\"model\":\"m\",\"messages\":[{}]}", "max_tokens");
}

static void answers_are_read_whole_and_at_once(void **state)
{
    (void)state;
    assert_refused("/v1/chat/completions", "{\"model\":\"m\",\"messages\":[{}],\"stream\":true}", "stream");
    assert_refused("/v1/rerank", "{\"stream\":1}", "stream");
    assert_refused("/v1/responses", "{\"model\":\"m\",\"input\":\"x\",\"background\":true}", "background");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_is_bounded_by_any_of_three_names_times_n),
        cmocka_unit_test(nonsense_bounds_nothing),
        cmocka_unit_test(completions_have_an_answer_for_each_prompt_and_are_paid_for_those_not_chosen),
        cmocka_unit_test(a_list_of_texts_is_several_prompts_and_one_of_token_ids_is_one),
        cmocka_unit_test(a_bound_has_the_name_that_the_api_and_the_model_want),
        cmocka_unit_test(embeddings_have_no_output),
        cmocka_unit_test(a_model_is_a_string),
        cmocka_unit_test(what_bears_on_the_worst_case_is_read_from_the_bytes),
        cmocka_unit_test(good_requests_are_taken),
        cmocka_unit_test(each_endpoint_asks_for_its_field),
        cmocka_unit_test(a_query_or_a_host_does_not_hide_the_endpoint),
        cmocka_unit_test(answers_are_read_whole_and_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

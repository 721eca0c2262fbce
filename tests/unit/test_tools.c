/* Tools: OpenAI's formula on its own example, piece by piece, and Claude's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "request_text.h"

/* The example of OpenAI's cookbook, and what its API said of it. */
static void the_cookbooks_tools_count_as_the_api_said(void **state)
{
    static const char rest[] = "\"messages\":[{\"role\":\"system\",\"content\":\"You are a helpful assistant "
                               "that can answer to questions "
                               "about the weather.\"},{\"role\":\"user\",\"content\":\"What's the weather "
                               "like in San Francisco?\"}],"
                               "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"get_current_"
                               "weather\",\"description\":\"Get the "
                               "current weather in a given "
                               "location\",\"parameters\":{\"type\":\"object\",\"properties\":{\"location\":{"
                               "\"type\":\"string\",\"description\":\"The city and state, e.g. San "
                               "Francisco, CA\"},\"unit\":{\"type\":"
                               "\"string\",\"description\":\"The unit of temperature to "
                               "return\",\"enum\":[\"celsius\",\"fahrenheit\"]}},"
                               "\"required\":[\"location\"]}}}]";
    static const struct {
        const char *model;
        int64_t tokens;
    } models[] = {{"gpt-3.5-turbo", 105}, {"gpt-4", 105}, {"gpt-4o", 101}, {"gpt-4o-mini", 101}};
    char body[2048], *tools;
    (void)state;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        snprintf(body, sizeof body, "{\"model\":\"%s\",%s}", models[i].model, rest);
        struct prompt_count with = count_of(CHAT, body);
        assert_int_equal(with.tokens, models[i].tokens);
        tools = strstr(body, ",\"tools\"");
        memcpy(tools, "}", 2);
        assert_int_equal(with.tokens - with.approximate, count_of(CHAT, body).tokens);
    }
}

/* What `tools` takes beside one empty message. */
static void assert_tools(const char *url, const char *model, const char *tools, int64_t wanted)
{
    char body[2048];
    snprintf(body, sizeof body, "{\"model\":\"%s\",\"messages\":[],%s}", model, tools);
    assert_count(url, body, 3 + wanted, wanted);
}

static void each_piece_of_a_function_has_its_price(void **state)
{
    (void)state;
    assert_tools(CHAT, "gpt-4o", "\"tools\":[{\"function\":{\"name\":\"f\"}}]", 7 + text_tokens("f:") + 12);
    assert_tools(CHAT, "gpt-4o", "\"functions\":[{\"name\":\"f\",\"description\":\"Does it.\"}]",
                 7 + text_tokens("f:Does it") + 12);
    assert_tools(CHAT, "gpt-4o",
                 "\"tools\":[{\"function\":{\"name\":\"f\"}},{\"function\":{\"name\":\"f\"}}]",
                 2 * (7 + text_tokens("f:")) + 12);
    assert_tools(CHAT, "gpt-4o",
                 "\"tools\":[{\"function\":{\"name\":\"f\",\"parameters\":{\"properties\":{\"a\":{\"type\":["
                 "\"string\","
                 "\"null\"],\"description\":\"It.\",\"enum\":[\"x\",null,12]}}}}}]",
                 7 + text_tokens("f:") + 3 + 3 + text_tokens("a:string|null:It") - 3 + 3 * 3 +
                     text_tokens("x") + text_tokens("null") + text_tokens("12") + 12);
}

/* What is nested counts as what is not. */
static void nested_schemas_count_too(void **state)
{
    const int64_t inner = 3 + 3 + text_tokens("b:integer:");
    (void)state;
    assert_tools(
        CHAT, "gpt-4o",
        "\"tools\":[{\"function\":{\"name\":\"f\",\"parameters\":{\"properties\":{\"a\":{\"type\":\"object\","
        "\"properties\":{\"b\":{\"type\":\"integer\"}}}}}}}]",
        7 + text_tokens("f:") + 3 + 3 + text_tokens("a:object:") + inner + 12);
    assert_tools(
        CHAT, "gpt-4o",
        "\"tools\":[{\"function\":{\"name\":\"f\",\"parameters\":{\"anyOf\":[{\"description\":\"One.\"},{"
        "\"items\":{\"properties\":{\"b\":{\"type\":\"integer\"}}}}]}}}]",
        7 + text_tokens("f:") + text_tokens("One") + inner + 12);
    assert_tools(CHAT, "gpt-4o",
                 "\"tools\":[{\"function\":{\"name\":\"f\",\"parameters\":{\"$defs\":{\"b\":{\"type\":"
                 "\"integer\"}}}}}]",
                 7 + text_tokens("f:") + inner + 12);
}

static void schemas_within_schemas_count_wherever_they_stand(void **state)
{
    static const char *const places[] = {"items", "anyOf", "oneOf", "allOf", "additionalProperties"};
    char tools[256];
    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        snprintf(tools, sizeof tools,
                 "\"tools\":[{\"function\":{\"name\":\"f\",\"parameters\":{\"%s\":[{\"enum\":[\"x\"]}]}}}]",
                 places[i]);
        assert_tools(CHAT, "gpt-4o", tools, 7 + text_tokens("f:") - 3 + 3 + 1 + 12);
    }
}

static void a_function_of_responses_stands_plain(void **state)
{
    (void)state;
    const int64_t function = 7 + text_tokens("f:") + 12;
    assert_count(
        RESPONSES,
        "{\"model\":\"gpt-4o\",\"input\":\"x\",\"tools\":[{\"type\":\"function\",\"name\":\"f\"},{\"type\":"
        "\"web_search\"}]}",
        3 + 1 + 1 + 3 + function, function);
}

static void tools_of_the_provider_and_broken_ones_count_nothing(void **state)
{
    (void)state;
    static const char *const none[] = {"\"tools\":[]", "\"tools\":null", "\"tools\":{\"name\":\"f\"}",
                                       "\"tools\":[1,\"f\",null,{\"type\":\"web_search\"},{\"name\":7}]"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_tools(CHAT, "gpt-4o", none[i], 0);
}

static void claudes_tools_bring_a_system_prompt_and_count_as_json(void **state)
{
    static const char schema[] = "{\"type\":\"object\",\"properties\":{\"a/b\":{\"type\":\"string\"}}}";
    static const char tool[] =
        "\"tools\":[{\"name\":\"look\",\"description\":\"Looks.\",\"input_schema\":{ \"type\":"
        "\"object\",\"properties\":{\"a/b\":{\"type\":\"string\"}}}}]";
    const int64_t tokens = text_tokens("look") + text_tokens("Looks.") + text_tokens(schema);
    char forced[512];
    (void)state;
    assert_tools(MESSAGES, "claude-sonnet-4-5", tool, 346 + tokens);
    assert_tools(CHAT, "anthropic/claude-sonnet-4.5", tool, 346 + tokens);
    snprintf(forced, sizeof forced, "%s,\"tool_choice\":{\"type\":\"any\"}", tool);
    assert_tools(MESSAGES, "claude-sonnet-4-5", forced, 313 + tokens);
}

/* Anthropic's guide "Token counting" says 403 of this; it is reckoned, and by another tokenizer. */
static void claudes_guide_is_met_within_a_hundredth(void **state)
{
    (void)state;
    struct prompt_count count = count_of(
        MESSAGES,
        "{\"model\":\"claude-sonnet-4-5\",\"tools\":[{\"name\":\"get_weather\",\"description\":\"Get the "
        "current "
        "weather in a given "
        "location\",\"input_schema\":{\"type\":\"object\",\"properties\":{\"location\":{\"type\":"
        "\"string\",\"description\":\"The city and state, e.g. San Francisco, "
        "CA\"}},\"required\":[\"location\"]}}],"
        "\"messages\":[{\"role\":\"user\",\"content\":\"What's the weather like in San Francisco?\"}]}");
    assert_in_range(count.tokens, 399, 407);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_cookbooks_tools_count_as_the_api_said),
        cmocka_unit_test(each_piece_of_a_function_has_its_price),
        cmocka_unit_test(nested_schemas_count_too),
        cmocka_unit_test(schemas_within_schemas_count_wherever_they_stand),
        cmocka_unit_test(a_function_of_responses_stands_plain),
        cmocka_unit_test(tools_of_the_provider_and_broken_ones_count_nothing),
        cmocka_unit_test(claudes_tools_bring_a_system_prompt_and_count_as_json),
        cmocka_unit_test(claudes_guide_is_met_within_a_hundredth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

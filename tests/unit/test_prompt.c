/* Whole requests: what stands in them counts once, by the published rules; what is no text is not counted as text; nothing that a body
 * may hold does harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "request_text.h"

/* The messages of OpenAI's cookbook, and what its API said of them. */
static void the_cookbooks_messages_count_as_the_api_said(void **state)
{
    static const char messages[] =
        "\"messages\":[{\"role\":\"system\",\"content\":\"You are a helpful, pattern-following assistant "
        "that "
        "translates corporate jargon into plain English.\"},"
        "{\"role\":\"system\",\"name\":\"example_user\",\"content\":\"New synergies will help drive top-line "
        "growth.\"},"
        "{\"role\":\"system\",\"name\":\"example_assistant\",\"content\":\"Things working well together will "
        "increase revenue.\"},"
        "{\"role\":\"system\",\"name\":\"example_user\",\"content\":\"Let's circle back when we have more "
        "bandwidth to touch base on opportunities for increased leverage.\"},"
        "{\"role\":\"system\",\"name\":\"example_assistant\",\"content\":\"Let's talk later when we're less "
        "busy "
        "about how to do better.\"},"
        "{\"role\":\"user\",\"content\":\"This late pivot means we don't have time to boil the ocean for the "
        "client deliverable.\"}]";
    static const struct {
        const char *model;
        int64_t tokens;
    } models[] = {
        {"gpt-3.5-turbo", 129}, {"gpt-4-0613", 129}, {"gpt-4", 129}, {"gpt-4o", 124}, {"gpt-4o-mini", 124}};
    char body[2048];
    (void)state;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        snprintf(body, sizeof body, "{\"model\":\"%s\",%s}", models[i].model, messages);
        assert_count(CHAT, body, models[i].tokens, 0);
        assert_int_equal(count_of(CHAT, body).basis, PROMPT_COUNTED);
    }
}

/* Anthropic's guide "Token counting". */
static void claudes_guide_counts_as_it_says(void **state)
{
    (void)state;
    assert_count(
        MESSAGES,
        "{\"model\":\"claude-sonnet-4-5\",\"system\":\"You are a scientist\",\"messages\":[{\"role\":"
        "\"user\",\"content\":\"Hello, Claude\"}]}",
        14, 0);
}

static void the_basis_tells_whose_encoding_it_is(void **state)
{
    static const struct {
        const char *body;
        enum prompt_basis basis;
    } bodies[] = {
        {"{\"model\":\"gpt-4o\",\"messages\":[]}", PROMPT_COUNTED},
        {"{\"model\":\"openai/gpt-5-mini\",\"messages\":[]}", PROMPT_COUNTED},
        {"{\"model\":\"llama-3.3-70b\",\"messages\":[]}", PROMPT_ASSUMED},
        {"{\"messages\":[]}", PROMPT_ASSUMED},
        {"{\"model\":7,\"messages\":[]}", PROMPT_ASSUMED},
        {"{\"model\":\"claude-opus-4-6\",\"messages\":[]}", PROMPT_CLAUDE},
        {"{\"model\":\"us.anthropic.claude-3-haiku-v1:0\",\"messages\":[]}", PROMPT_CLAUDE},
        {"null", PROMPT_ASSUMED},
        {"[{\"model\":\"gpt-4o\"}]", PROMPT_ASSUMED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        assert_int_equal(count_of(CHAT, bodies[i].body).basis, bodies[i].basis);
}

static void a_request_takes_one_at_least(void **state)
{
    static const char *const empty[] = {"{}",
                                        "[]",
                                        "null",
                                        "\"x\"",
                                        "12",
                                        "{\"model\":\"a long name of a model\"}",
                                        "{\"prompt\":\"\"}",
                                        "{\"messages\":7}",
                                        "{\"input\":null}"};
    struct prompt_count count;
    (void)state;
    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++)
        assert_count("/v1/x", empty[i], 1, 0);
    assert_int_equal(prompt_count(CHAT, NULL, &count), 0);
    assert_int_equal(count.tokens, 1);
}

static void roles_and_names_count_beside_the_text(void **state)
{
    static const char *const roles[] = {"system", "user", "assistant", "tool", "developer", "function"};
    char body[256];
    (void)state;
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        snprintf(body, sizeof body, "{\"messages\":[{\"role\":\"%s\",\"content\":\"a b c\"}]}", roles[i]);
        assert_count(CHAT, body, 3 + 1 + text_tokens("a b c") + 3, 0);
    }
    assert_count(CHAT, "{\"messages\":[{\"role\":\"user\",\"name\":\"Ann\",\"content\":\"x\"}]}",
                 3 + 1 + 1 + (text_tokens("Ann") + 1) + 3, 0);
    assert_count(CHAT, "{\"messages\":[{\"role\":\"assistant\",\"content\":null,\"refusal\":\"I won't\"}]}",
                 3 + 1 + text_tokens("I won't") + 3, 0);
}

/* Messages do not know of each other: the requests that hold them one by one take as much, but for the reply that each begins. */
static void messages_count_once_each(void **state)
{
    static const char *const messages[] = {
        "{\"role\":\"system\",\"content\":\"Be brief.\"}",
        ("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"What is this?\"},"
         "{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x/y.png\"}}]}"),
        ("{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"1\",\"function\":"
         "{\"name\":\"look\",\"arguments\":\"{}\"}}]}"),
        "{\"role\":\"tool\",\"tool_call_id\":\"1\",\"content\":\"a cat\"}"};
    char body[2048] = "{\"messages\":[", one[512];
    struct prompt_count sum = {.tokens = 3}, all;
    (void)state;
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        snprintf(one, sizeof one, "{\"messages\":[%s]}", messages[i]);
        struct prompt_count count = count_of(CHAT, one);
        sum.tokens += count.tokens - 3;
        sum.approximate += count.approximate;
        strcat(strcat(body, i > 0 ? "," : ""), messages[i]);
    }
    all = count_of(CHAT, strcat(body, "]}"));
    assert_int_equal(all.tokens, sum.tokens);
    assert_int_equal(all.approximate, sum.approximate);
    assert_int_equal(all.approximate, 765 + text_tokens("look") + text_tokens("{}"));
}

static void completions_and_embeddings_have_nothing_around(void **state)
{
    const int64_t text = text_tokens("Once upon a time");
    (void)state;
    assert_count("/v1/completions", "{\"prompt\":\"Once upon a time\"}", text, 0);
    assert_count("/v1/completions",
                 "{\"prompt\":[\"Once upon a time\",\"x\"],\"suffix\":\"x\",\"echo\":true}", text + 2, 0);
    assert_count("/v1/completions", "{\"prompt\":[1,2,3,4,5]}", 5, 0);
    assert_count("/v1/completions", "{\"prompt\":[[1,2],[3]]}", 3, 0);
    assert_count("/v1/embeddings", "{\"input\":\"Once upon a time\"}", text, 0);
    assert_count("/v1/embeddings", "{\"input\":[\"Once upon a time\",\"x\"],\"user\":\"u\"}", text + 1, 0);
    assert_count("/v1/embeddings", "{\"input\":[[99,100,101],[1]]}", 4, 0);
}

static void responses_count_as_the_chat_that_they_are(void **state)
{
    (void)state;
    struct prompt_count chat = count_of(CHAT, "{\"messages\":[{\"role\":\"system\",\"content\":\"Be "
                                              "brief.\"},{\"role\":\"user\",\"content\":\"Hello there\"}]}");
    static const char *const same[] = {
        "{\"instructions\":\"Be brief.\",\"input\":\"Hello there\"}",
        "{\"instructions\":\"Be brief.\",\"input\":[{\"role\":\"user\",\"content\":\"Hello there\"}]}",
        ("{\"instructions\":\"Be brief.\",\"input\":[{\"type\":\"message\",\"role\":\"user\",\"content\":"
         "[{\"type\":\"input_text\",\"text\":\"Hello there\"}]}]}")};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        assert_count(RESPONSES, same[i], chat.tokens, 0);
    const int64_t call = text_tokens("look") + text_tokens("{\"at\":1}");
    assert_count(
        RESPONSES,
        "{\"input\":[{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"look\",\"arguments\":\"{"
        "\\\"at\\\":1}\"},{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":\"a cat\"}]}",
        3 + call + 3 + text_tokens("a cat") + 3, call);
}

static void a_schema_that_is_asked_for_counts_as_its_json(void **state)
{
    static const char schema[] = "{\"name\":\"s\",\"schema\":{\"type\":\"object\"}}";
    const int64_t tokens = text_tokens(schema), chat = 3 + 1 + 1 + 3;
    (void)state;
    assert_count(CHAT,
                 "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"response_format\":{\"type\":\"json_"
                 "schema\",\"json_schema\":{\"name\":\"s\", \"schema\":{\"type\":\"object\"}}}}",
                 chat + tokens, tokens);
    assert_count(CHAT,
                 "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"response_format\":{\"type\":\"json_"
                 "object\"}}",
                 chat, 0);
    const int64_t inner = text_tokens("{\"type\":\"object\"}");
    assert_count(
        MESSAGES,
        "{\"model\":\"claude-x\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"output_config\":{"
        "\"format\":{\"type\":\"json_schema\",\"schema\":{\"type\":\"object\"}}}}",
        chat + inner, inner);
    const int64_t whole = text_tokens("{\"type\":\"json_schema\",\"name\":\"s\"}");
    assert_count(RESPONSES,
                 "{\"input\":\"x\",\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"s\"}}}",
                 chat + whole, whole);
}

static void members_that_are_not_known_count_nothing(void **state)
{
    (void)state;
    assert_count(
        CHAT,
        "{\"messages\":[{\"role\":\"user\",\"content\":\"x\",\"note\":\"of nobody\",\"extra\":{\"text\":"
        "\"y\"}}],\"user\":\"somebody\",\"metadata\":{\"k\":\"a long text\"},\"stop\":[\"a\",\"b\"]}",
        3 + 1 + 1 + 3, 0);
    assert_count(
        MESSAGES,
        "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"a new kind\",\"text\":\"x\"}]}]}",
        3 + 1 + 3, 0);
}

static void the_path_decides_wherever_it_stands(void **state)
{
    static const char chat[] = "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}";
    static const char *const chats[] = {"/v1/chat/completions", "/chat/completions",
                                        "https://h:1/v1/chat/completions?api-version=2",
                                        "/openai/deployments/my/chat/completions", "/of/nobody"};
    (void)state;
    for (size_t i = 0; i < sizeof chats / sizeof *chats; i++)
        assert_count(chats[i], chat, 8, 0);
    assert_count("/v1/completions", "{\"prompt\":\"x\",\"messages\":[{\"content\":\"x\"}]}", 1, 0);
    assert_count("/v1/embeddings", "{\"input\":\"x\",\"prompt\":\"x\",\"instructions\":\"x\"}", 1, 0);
    assert_count("https://h/v1/embeddings#x", "{\"input\":\"x\"}", 1, 0);
    assert_count("/of/nobody", "{\"input\":\"x\"}", 1, 0);
    assert_count("/of/nobody", "{\"prompt\":\"x\"}", 1, 0);
    assert_count("/of/nobody", "{\"instructions\":\"x\",\"input\":\"x\"}", 3 + 1 + 1 + 3 + 1 + 1 + 3, 0);
}

/* Rows are counted before they become JSON. */
static void a_message_counts_as_the_body_that_is_made_of_it(void **state)
{
    static const char *const models[] = {"gpt-4", "gpt-4o", "claude-opus-4-7", "x"};
    static const char *const pieces[] = {"data:",  "image/png", ";base64,", "AAAA", " ",
                                         "a word", "\n",        "\"\\",     "é漢",  "data: 1, 2"};
    struct random r;
    struct strbuf text, body;
    struct json_parser *parser = json_parser_new();
    int flat = 0;
    (void)state;
    random_seed(&r, 5);
    strbuf_init(&text);
    strbuf_init(&body);
    for (int round = 0; round < 2000; round++) {
        const char *model = models[random_below(&r, 4)];
        struct prompt_count of_text, of_body;
        json_object *object = NULL;
        strbuf_reset(&text);
        strbuf_reset(&body);
        for (uint64_t n = random_below(&r, 6); n > 0; n--)
            strbuf_append_str(&text, pieces[random_below(&r, 10)]);
        strbuf_appendf(&body, "{\"model\":\"%s\",\"messages\":[{\"role\":\"user\",\"content\":", model);
        json_append_string(&body, text.data, text.len);
        strbuf_append_str(&body, "}]}");
        assert_int_equal(json_parse(parser, body.data, body.len, &object, NULL), 0);
        assert_int_equal(prompt_count(round % 2 == 0 ? CHAT : MESSAGES, object, &of_body), 0);
        assert_int_equal(prompt_count_message(model, text.data, text.len, &of_text), 0);
        assert_int_equal(of_text.tokens, of_body.tokens);
        assert_int_equal(of_text.approximate, of_body.approximate);
        assert_int_equal(of_text.basis, of_body.basis);
        flat += of_text.approximate == 1000;
        json_object_put(object);
    }
    assert_true(flat > 5);
    assert_int_equal(prompt_count_message(NULL, "x", 1, &(struct prompt_count){0}), 0);
    strbuf_free(&text);
    strbuf_free(&body);
    json_parser_free(parser);
}

static void the_deepest_body_is_walked(void **state)
{
    char body[1024] = "{\"input\":";
    (void)state;
    size_t depth = JSON_MAX_DEPTH - 2, at = strlen(body);
    memset(body + at, '[', depth);
    at += depth;
    memcpy(body + at, "\"x\"", 3);
    at += 3;
    memset(body + at, ']', depth);
    at += depth;
    memcpy(body + at, "}", 2);
    assert_count("/v1/embeddings", body, 1, 0);
}

/* ---- any body ---- */

static const char *const keys[] = {
    "model",     "messages",    "role",        "content",         "name",
    "type",      "text",        "refusal",     "image_url",       "url",
    "detail",    "source",      "data",        "tools",           "function",
    "functions", "parameters",  "properties",  "items",           "anyOf",
    "enum",      "description", "tool_calls",  "arguments",       "input",
    "prompt",    "system",      "output",      "instructions",    "tool_choice",
    "format",    "schema",      "json_schema", "response_format", "input_schema",
    "$defs",     "title",       "context",     "suffix",          "thinking"};
static const char *const values[] = {"null",
                                     "1",
                                     "-1.5",
                                     "true",
                                     "\"\"",
                                     "\"text\"",
                                     "\"image\"",
                                     "\"image_url\"",
                                     "\"tool_use\"",
                                     "\"tool_result\"",
                                     "\"document\"",
                                     "\"content\"",
                                     "\"json_schema\"",
                                     "\"a text\"",
                                     "\"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAoAAAAK\"",
                                     "\"/9j/\"",
                                     "\"claude-3\"",
                                     "\"low\"",
                                     "\"high\"",
                                     "\"function_call\"",
                                     "\"search_result\"",
                                     "\"input_image\""};

/* Half the objects have a type of their own, so that what is behind the types is met. */
static void append_any(struct strbuf *b, struct random *r, int depth)
{
    static const char *const types[] = {"text",        "image_url", "image",         "tool_use",
                                        "tool_result", "document",  "search_result", "input_image",
                                        "json_schema", "file"};
    uint64_t kind = random_below(r, depth > 0 ? 4 : 1), n = random_below(r, 5);
    if (kind == 0) {
        strbuf_append_str(b, values[random_below(r, sizeof values / sizeof *values)]);
        return;
    }
    strbuf_append_char(b, kind == 1 ? '[' : '{');
    if (kind == 2)
        strbuf_appendf(b, "\"type\":\"%s\"%s", types[random_below(r, sizeof types / sizeof *types)],
                       n > 0 ? "," : "");
    for (uint64_t i = 0; i < n; i++) {
        if (i > 0)
            strbuf_append_char(b, ',');
        if (kind > 1)
            strbuf_appendf(b, "\"%s\":", keys[random_below(r, sizeof keys / sizeof *keys)]);
        append_any(b, r, depth - 1);
    }
    strbuf_append_char(b, kind == 1 ? ']' : '}');
}

static void any_body_is_counted_without_harm(void **state)
{
    static const char *const urls[] = {CHAT, MESSAGES, RESPONSES, "/v1/completions", "/v1/embeddings", "/x"};
    struct random r;
    struct strbuf body;
    struct json_parser *parser = json_parser_new();
    int64_t reckoned = 0;
    (void)state;
    random_seed(&r, 11);
    strbuf_init(&body);
    for (int round = 0; round < 2000; round++) {
        json_object *object = NULL;
        struct prompt_count count = {0}, again = {0};
        const char *url = urls[random_below(&r, 6)];
        strbuf_reset(&body);
        strbuf_append_str(&body, "{\"messages\":[{\"content\":[");
        append_any(&body, &r, 5);
        strbuf_append_str(&body, "]},");
        append_any(&body, &r, 5);
        strbuf_append_str(&body, "],\"tools\":[{\"name\":\"f\",\"parameters\":");
        append_any(&body, &r, 4);
        strbuf_append_str(&body, "},");
        append_any(&body, &r, 4);
        strbuf_append_str(&body, "],\"input\":");
        append_any(&body, &r, 4);
        strbuf_append_char(&body, '}');
        assert_int_equal(json_parse(parser, body.data, body.len, &object, NULL), 0);
        assert_int_equal(prompt_count(url, object, &count), 0);
        assert_true(count.tokens >= 1 && count.approximate >= 0 && count.approximate <= count.tokens);
        assert_int_equal(prompt_count(url, object, &again), 0);
        assert_int_equal(again.tokens, count.tokens);
        reckoned += count.approximate > 0;
        json_object_put(object);
    }
    assert_true(reckoned > 1000);
    strbuf_free(&body);
    json_parser_free(parser);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_cookbooks_messages_count_as_the_api_said),
        cmocka_unit_test(claudes_guide_counts_as_it_says),
        cmocka_unit_test(the_basis_tells_whose_encoding_it_is),
        cmocka_unit_test(a_request_takes_one_at_least),
        cmocka_unit_test(roles_and_names_count_beside_the_text),
        cmocka_unit_test(messages_count_once_each),
        cmocka_unit_test(completions_and_embeddings_have_nothing_around),
        cmocka_unit_test(responses_count_as_the_chat_that_they_are),
        cmocka_unit_test(a_schema_that_is_asked_for_counts_as_its_json),
        cmocka_unit_test(members_that_are_not_known_count_nothing),
        cmocka_unit_test(the_path_decides_wherever_it_stands),
        cmocka_unit_test(a_message_counts_as_the_body_that_is_made_of_it),
        cmocka_unit_test(the_deepest_body_is_walked),
        cmocka_unit_test(any_body_is_counted_without_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

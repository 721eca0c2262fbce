/* Parts of a content: texts are counted, images and files reckoned, and base64 is never taken for text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "request_text.h"

/* One message of a user with this content, of gpt-4o or a Claude before 4.7. */
static void assert_content(const char *url, const char *content, int64_t counted, int64_t reckoned)
{
    char body[4096];
    const char *model = strcmp(url, MESSAGES) == 0 ? "claude-sonnet-4-5" : "gpt-4o";
    snprintf(body, sizeof body, "{\"model\":\"%s\",\"messages\":[{\"role\":\"user\",\"content\":%s}]}", model,
             content);
    assert_count(url, body, 3 + 1 + counted + 3 + reckoned, reckoned);
}

static void texts_in_parts_count_as_texts(void **state)
{
    const int64_t text = text_tokens("What is this?");
    (void)state;
    assert_content(CHAT, "\"What is this?\"", text, 0);
    assert_content(CHAT, "[{\"type\":\"text\",\"text\":\"What is this?\"}]", text, 0);
    assert_content(CHAT, "[{\"text\":\"What is this?\"}]", text, 0);
    assert_content(CHAT, "[\"What is this?\"]", text, 0);
    assert_content(CHAT, "{\"type\":\"text\",\"text\":\"What is this?\"}", text, 0);
    assert_content(CHAT, "[{\"type\":\"refusal\",\"refusal\":\"What is this?\"}]", text, 0);
    assert_content(
        MESSAGES, "[{\"type\":\"thinking\",\"thinking\":\"What is this?\",\"signature\":\"AAAA\"}]", text, 0);
    assert_content(CHAT, "[{\"type\":\"text\",\"text\":\"x\"},{\"type\":\"text\",\"text\":\"x\"}]", 2, 0);
    assert_content(CHAT, "[{\"type\":\"text\",\"text\":7},null,3,[\"x\"]]", 0, 0);
}

static void images_are_reckoned_by_their_size(void **state)
{
/* A PNG of 2048 x 4096, cut behind its size. */
#define PNG "iVBORw0KGgoAAAANSUhEUgAACAAAABAA"
    (void)state;
    assert_content(CHAT,
                   "[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64," PNG "\"}}]", 0,
                   1105);
    assert_content(CHAT, "[{\"type\":\"image_url\",\"image_url\":\"data:image/png;base64," PNG "\"}]", 0,
                   1105);
    assert_content(CHAT,
                   "[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64," PNG
                   "\",\"detail\":\"low\"}}]",
                   0, 85);
    assert_content(CHAT, "[{\"type\":\"input_image\",\"detail\":\"low\",\"image_url\":\"https://x/y\"}]", 0,
                   85);
    assert_content(
        MESSAGES,
        "[{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"" PNG
        "\"}}]",
        0, 28 * 56);
}

static void an_image_of_unknown_size_is_a_square_of_1024(void **state)
{
    static const char *const unknown[] = {
        "[{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x/y.png\"}}]",
        "[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AAAA\"}}]",
        "[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,\"}}]",
        "[{\"type\":\"image_url\",\"image_url\":{\"url\":7}}]",
        "[{\"type\":\"image_url\"}]",
        "[{\"type\":\"input_image\",\"file_id\":\"file-1\"}]"};
    (void)state;
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        assert_content(CHAT, unknown[i], 0, 765);
    assert_content(MESSAGES,
                   "[{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://x/y.png\"}}]", 0,
                   37 * 37);
    assert_content(MESSAGES, "[{\"type\":\"image\",\"source\":{\"type\":\"file\",\"file_id\":\"f\"}}]", 0,
                   37 * 37);
}

static void files_and_sounds_count_flat_however_long(void **state)
{
    static const char *const flat[] = {
        "[{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"%s\",\"format\":\"wav\"}}]",
        "[{\"type\":\"file\",\"file\":{\"file_data\":\"data:application/pdf;base64,%s\"}}]",
        "[{\"type\":\"input_file\",\"filename\":\"a.pdf\",\"file_data\":\"%s\"}]",
        "[{\"type\":\"document\",\"source\":{\"type\":\"base64\",\"data\":\"%s\"}}]",
        "[{\"type\":\"document\",\"source\":{\"type\":\"url\",\"url\":\"https://x/%s.pdf\"}}]"};
    char content[1024], base64[512];
    (void)state;
    for (size_t i = 0; i < sizeof flat / sizeof *flat; i++)
        for (int len = 0; len <= 400; len += 200) {
            memset(base64, 'A', sizeof base64);
            base64[len] = '\0';
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            snprintf(content, sizeof content, flat[i], base64);
#pragma GCC diagnostic pop
            assert_content(i < 3 ? CHAT : MESSAGES, content, 0, 1000);
        }
}

static void a_document_that_is_text_is_counted(void **state)
{
    (void)state;
    assert_content(MESSAGES,
                   "[{\"type\":\"document\",\"title\":\"T\",\"context\":\"C\",\"source\":{\"type\":\"text\","
                   "\"media_type\":\"text/plain\",\"data\":\"What is this?\"}}]",
                   2 + text_tokens("What is this?"), 0);
    assert_content(
        MESSAGES,
        "[{\"type\":\"document\",\"source\":{\"type\":\"content\",\"content\":[{\"type\":\"text\",\"text\":"
        "\"What is this?\"}]}}]",
        text_tokens("What is this?"), 0);
    assert_content(
        MESSAGES,
        "[{\"type\":\"search_result\",\"title\":\"T\",\"source\":\"S\",\"content\":[{\"type\":\"text\","
        "\"text\":\"What is this?\"}]}]",
        2 + text_tokens("What is this?"), 0);
}

static void what_a_tool_was_asked_is_reckoned_and_what_it_said_counted(void **state)
{
    const int64_t use = text_tokens("look") + text_tokens("{\"at\":[1,2]}");
    (void)state;
    assert_content(MESSAGES,
                   "[{\"type\":\"tool_use\",\"id\":\"1\",\"name\":\"look\",\"input\":{\"at\": [1, "
                   "2]}},{\"type\":\"text\","
                   "\"text\":\"x\"}]",
                   1, use);
    assert_content(MESSAGES, "[{\"type\":\"tool_result\",\"tool_use_id\":\"1\",\"content\":\"a cat\"}]",
                   text_tokens("a cat"), 0);
    assert_content(
        MESSAGES,
        "[{\"type\":\"tool_result\",\"tool_use_id\":\"1\",\"content\":[{\"type\":\"text\",\"text\":\"a "
        "cat\"},{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://x\"}}]}]",
        text_tokens("a cat"), 37 * 37);
}

/* What only begins like a data: URL is a text. */
static void a_text_that_begins_with_data_is_a_text(void **state)
{
    static const char *const texts[] = {"data: 1, 2, 3.", "data:",         "data:,12",
                                        "data:base64,",   ";base64,AAAA",  "data:x and ;base64,AAAA",
                                        "data",           "data:;base64;", " data:image/png;base64,AAAA"};
    char content[256];
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        snprintf(content, sizeof content, "\"%s\"", texts[i]);
        assert_content(CHAT, content, text_tokens(texts[i]), 0);
    }
    assert_content(CHAT, "\"data:image/png;base64,AAAAAAAAAAAAAAAAAAAAAAAA\"", 0, 1000);
    assert_content(CHAT, "\"data:;base64,\"", 0, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_in_parts_count_as_texts),
        cmocka_unit_test(images_are_reckoned_by_their_size),
        cmocka_unit_test(an_image_of_unknown_size_is_a_square_of_1024),
        cmocka_unit_test(files_and_sounds_count_flat_however_long),
        cmocka_unit_test(a_document_that_is_text_is_counted),
        cmocka_unit_test(what_a_tool_was_asked_is_reckoned_and_what_it_said_counted),
        cmocka_unit_test(a_text_that_begins_with_data_is_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

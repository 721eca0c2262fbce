/* What an answer tells people: one printable line, the true host of a redirect, and never a key. */
#include "answers.h"

#include "base/random.h"

static void a_request_id_comes_from_any_of_its_headers(void **state)
{
    static const char *const names[] = {"x-request-id", "request-id", "apim-request-id", "cf-ray"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct header headers[] = {{names[i], "req_1"}, {NULL, NULL}};
        struct answer a = read_with(CHAT, 500, headers, "{}");
        assert_string_equal(a.request_id, "req_1");
    }
    struct header both[] = {{"cf-ray", "ray"}, {"x-request-id", "req_2"}, {NULL, NULL}};
    struct answer a = read_with(CHAT, 500, both, "{}");
    assert_string_equal(a.request_id, "req_2");
    a = read_plain(CHAT, 500, "{}");
    assert_string_equal(a.request_id, "");
}

static void assert_redirect(const char *location, const char *host, const char *never)
{
    struct header headers[] = {{"location", location}, {NULL, NULL}};
    struct answer a = read_with(CHAT, 307, headers, "{\"choices\":[{\"message\":{\"content\":\"x\"}}]}");
    assert_class(&a, ANSWER_PERMANENT, "redirect");
    assert_string_equal(a.error_code, "redirect");
    char wanted[64];
    snprintf(wanted, sizeof wanted, "HTTP 307 redirects%s%s;", *host != '\0' ? " to " : "", host);
    if (strncmp(a.message, wanted, strlen(wanted)) != 0)
        fail_msg("%s: %s", location, a.message);
    if (never != NULL)
        assert_null(strstr(a.message, never));
}

static void a_redirect_is_permanent_and_names_the_true_host(void **state)
{
    (void)state;
    assert_redirect("https://other.com/v1?token=abc", "other.com", "abc");
    assert_redirect("https://other.com:8443/v1", "other.com:8443", NULL);
    assert_redirect("https://api.openai.com@evil.com/v1", "evil.com", "openai");
    assert_redirect("https://user:hunter2@evil.com/v1", "evil.com", "hunter2");
    assert_redirect("https://a@b@evil.com", "evil.com", NULL);
    assert_redirect("/login?next=https://api.openai.com/", "", "openai");
    assert_redirect("https://", "", NULL);
    assert_redirect("://", "", NULL);
    assert_redirect("", "", NULL);
    struct answer a = read_plain(CHAT, 301, "");
    assert_class(&a, ANSWER_PERMANENT, "redirect to nowhere");
}

/* The key as a provider may echo it, in every field that is passed on. */
static void no_key_passes_in_any_field(void **state)
{
    static const char *const keys[] = {
        "sk-proj-abcDEF123456",
        "sk-ant-api03-abcDEF-123_456",
        "Bearer abcDEF123456ghi",
        "bearer ab+c/DEF123456==",
        "gsk_abcDEF123456",
        "AIzaabcDEF123456",
        "xai-abcDEF123456",
        "pplx-abcDEF123456",
        "SK-abcDEF123456",
        "key provided: abcDEF123456789",
        "Key Provided: 0abcDEF1234567",
    };
    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char body[1024];
        snprintf(body, sizeof body,
                 "{\"model\":\"%s\",\"error\":{\"message\":\"Incorrect API %s. (%s)\",\"code\":\"%s\"}}",
                 keys[i], keys[i], keys[i], keys[i]);
        struct header headers[] = {{"x-request-id", keys[i]}, {"location", keys[i]}, {NULL, NULL}};
        struct answer a[] = {read_with(CHAT, 401, headers, body), read_with(CHAT, 200, headers, body),
                             read_with(CHAT, 500, headers, keys[i]), read_with(CHAT, 302, headers, body)};
        for (size_t k = 0; k < sizeof a / sizeof *a; k++) {
            assert_null(strstr(a[k].message, "DEF"));
            assert_null(strstr(a[k].error_code, "DEF"));
            assert_null(strstr(a[k].request_id, "DEF"));
        }
        snprintf(
            body, sizeof body,
            "{\"model\":\"%s\",\"choices\":[{\"message\":{\"content\":\"x\"},\"finish_reason\":\"%s\"}]}",
            keys[i], keys[i]);
        struct answer good = read_plain(CHAT, 200, body);
        assert_null(strstr(good.model, "DEF"));
        assert_null(strstr(good.finish_reason, "DEF"));
    }
}

static void words_that_only_look_like_keys_stay(void **state)
{
    (void)state;
    struct answer a =
        read_plain(CHAT, 400, "{\"error\":{\"message\":\"task-oriented disk-sized sk-1 risk-adjusted_x\"}}");
    assert_string_equal(a.message, "HTTP 400: task-oriented disk-sized sk-1 risk-adjusted_x");
}

static void a_message_is_one_printable_line(void **state)
{
    (void)state;
    struct answer a = read_plain(CHAT, 400, "{\"error\":{\"message\":\"a\\u001b[2J\\r\\nb\\u0000c\"}}");
    assert_string_equal(a.message, "HTTP 400: a [2J b");
    a = read_plain(CHAT, 400, "{\"error\":{\"message\":\"a\\u009b2Jb\\u2028c\\u202ed\\u2066e\\u007ff\"}}");
    assert_string_equal(a.message, "HTTP 400: a 2Jb c d e f");
    a = read_plain(CHAT, 400, "{\"error\":{\"message\":\"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"}}");
    assert_string_equal(a.message, "HTTP 400: caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
    a = read_bytes(CHAT, 400, NULL, BYTES("bad\xff\xc3(\xed\xa0\x80 end"));
    assert_true(utf8_is_valid(a.message, strlen(a.message), NULL));
    assert_non_null(strstr(a.message, "end"));
}

static void assert_whole_strings(const struct answer *a)
{
    const struct {
        const char *text;
        size_t size;
    } fields[] = {{a->error_code, sizeof a->error_code},
                  {a->message, sizeof a->message},
                  {a->request_id, sizeof a->request_id},
                  {a->model, sizeof a->model},
                  {a->finish_reason, sizeof a->finish_reason}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        size_t len = strnlen(fields[i].text, fields[i].size);
        assert_true(len < fields[i].size);
        assert_true(utf8_is_valid(fields[i].text, len, NULL));
        for (size_t k = 0; k < len; k++)
            assert_true((unsigned char)fields[i].text[k] >= ' ');
    }
    assert_true((a->class == ANSWER_SUCCESS) == (a->error_code[0] == '\0'));
    assert_true(a->usage.prompt_tokens >= -1 && a->usage.completion_tokens >= -1);
}

static void long_texts_are_cut_between_characters(void **state)
{
    static char body[20000];
    (void)state;
    for (size_t shift = 0; shift < 4; shift++) {
        char text[4000] = "";
        memset(text, 'x', shift);
        for (size_t i = shift; i + 4 < sizeof text; i += 4)
            memcpy(text + i, "\xf0\x9f\x98\x80", 5);
        snprintf(body, sizeof body, "{\"error\":{\"message\":\"%s\",\"code\":\"%s\",\"type\":\"%s\"}}", text,
                 text, text);
        struct header headers[] = {{"x-request-id", text}, {NULL, NULL}};
        struct answer a = read_with(CHAT, 400, headers, body);
        assert_whole_strings(&a);
        assert_true(strlen(a.message) > 400);
        a = read_with(CHAT, 400, headers, text);
        assert_whole_strings(&a);
    }
}

/* Bodies are glued from pieces that mean something, cut anywhere, and a byte is turned: what is told stays well-formed. */
static void any_body_gives_a_well_formed_answer(void **state)
{
    static const char *const pieces[] = {
        "{\"error\":",
        "{\"message\":\"",
        "}",
        "]",
        "[",
        "\"choices\":[",
        "{\"content\":",
        "null",
        "\"code\":429",
        "sk-abc",
        "\xff",
        "<title>",
        "</title>",
        "\"usage\":{",
        "1e999",
        "-1",
        "Bearer ",
        ",",
        "\"x\"",
        "{}",
        "\\ud800",
    };
    static const char *const urls[] = {CHAT, RESPONSES, EMBEDDINGS, COMPLETIONS, MESSAGES, "/x"};
    static const int statuses[] = {0, 100, 200, 299, 302, 400, 403, 429, 500, 503, 529, 999, -1};
    struct random r;
    (void)state;
    random_seed(&r, 7);
    for (int i = 0; i < 5000; i++) {
        char body[512] = "";
        for (uint64_t n = random_below(&r, 20); n > 0; n--)
            strcat(body, pieces[random_below(&r, sizeof pieces / sizeof *pieces)]);
        size_t len = (size_t)random_below(&r, strlen(body) + 1);
        if (len > 0 && random_below(&r, 4) == 0)
            body[random_below(&r, len)] = (char)random_below(&r, 256);
        struct header headers[] = {
            {"retry-after", body}, {"x-request-id", body}, {"location", body}, {NULL, NULL}};
        struct answer a =
            read_bytes(urls[random_below(&r, 6)], statuses[random_below(&r, 13)], headers, body, len);
        assert_whole_strings(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_id_comes_from_any_of_its_headers),
        cmocka_unit_test(a_redirect_is_permanent_and_names_the_true_host),
        cmocka_unit_test(no_key_passes_in_any_field),
        cmocka_unit_test(words_that_only_look_like_keys_stay),
        cmocka_unit_test(a_message_is_one_printable_line),
        cmocka_unit_test(long_texts_are_cut_between_characters),
        cmocka_unit_test(any_body_gives_a_well_formed_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

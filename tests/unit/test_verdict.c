/* What libcurl's results mean, and that its sentences give no password away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "http/verdict.h"

static void each_result_has_its_outcome(void **state)
{
    static const struct {
        CURLcode code;
        enum http_outcome left, not_left;
    } cases[] = {
        {CURLE_OK, HTTP_OK, HTTP_OK},
        {CURLE_COULDNT_RESOLVE_HOST, HTTP_RESOLVE, HTTP_RESOLVE},
        {CURLE_COULDNT_RESOLVE_PROXY, HTTP_RESOLVE, HTTP_RESOLVE},
        {CURLE_COULDNT_CONNECT, HTTP_CONNECT, HTTP_CONNECT},
        {CURLE_PROXY, HTTP_CONNECT, HTTP_CONNECT},
        {CURLE_SSL_CONNECT_ERROR, HTTP_TLS, HTTP_TLS},
        {CURLE_PEER_FAILED_VERIFICATION, HTTP_TLS, HTTP_TLS},
        {CURLE_OPERATION_TIMEDOUT, HTTP_TIMEOUT, HTTP_CONNECT},
        {CURLE_SEND_ERROR, HTTP_RESET, HTTP_CONNECT},
        {CURLE_RECV_ERROR, HTTP_RESET, HTTP_CONNECT},
        {CURLE_GOT_NOTHING, HTTP_RESET, HTTP_CONNECT},
        {CURLE_PARTIAL_FILE, HTTP_RESET, HTTP_CONNECT},
        {CURLE_HTTP2, HTTP_RESET, HTTP_CONNECT},
        {CURLE_HTTP2_STREAM, HTTP_RESET, HTTP_CONNECT},
        {CURLE_FILESIZE_EXCEEDED, HTTP_TOO_LARGE, HTTP_TOO_LARGE},
        {CURLE_WEIRD_SERVER_REPLY, HTTP_PROTOCOL, HTTP_PROTOCOL},
        {CURLE_UNSUPPORTED_PROTOCOL, HTTP_PROTOCOL, HTTP_PROTOCOL},
        {CURLE_BAD_CONTENT_ENCODING, HTTP_PROTOCOL, HTTP_PROTOCOL},
        {CURLE_OUT_OF_MEMORY, HTTP_PROTOCOL, HTTP_PROTOCOL},
        {CURLE_FAILED_INIT, HTTP_INTERNAL, HTTP_INTERNAL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(verdict_of(cases[i].code, true), cases[i].left);
        assert_int_equal(verdict_of(cases[i].code, false), cases[i].not_left);
    }
}

/* Only a complete answer is one. A request that may have left is never said to have stayed. */
static void no_failure_is_taken_for_an_answer(void **state)
{
    (void)state;
    for (int code = 1; code < CURL_LAST + 10; code++) {
        assert_int_not_equal(verdict_of((CURLcode)code, true), HTTP_OK);
        assert_int_not_equal(verdict_of((CURLcode)code, false), HTTP_OK);
        assert_int_not_equal(verdict_of((CURLcode)code, false), HTTP_RESET);
        assert_int_not_equal(verdict_of((CURLcode)code, false), HTTP_TIMEOUT);
    }
}

static void each_outcome_has_a_name(void **state)
{
    (void)state;
    for (int outcome = HTTP_OK; outcome <= HTTP_INTERNAL; outcome++)
        assert_true(strlen(http_outcome_name((enum http_outcome)outcome)) > 1);
}

static void assert_message(const char *text, const char *wanted)
{
    char out[256];
    verdict_message(text, out, sizeof out);
    assert_string_equal(out, wanted);
}

static void userinfo_is_left_out(void **state)
{
    (void)state;
    assert_message("Could not resolve proxy: user:secret@proxy.example",
                   "Could not resolve proxy: proxy.example");
    assert_message("at http://user:secret@h:80/x today", "at http://h:80/x today");
    assert_message("http://secret@h and https://u:secret@i", "http://h and https://i");
    assert_message("user:secret@h", "h");
    assert_message("'http://u:secret@h'", "'http://h'");
    assert_message("@", "");
    assert_message("a @ b", "a  b");
    assert_message("", "");
}

static void no_sign_in_a_password_saves_its_beginning(void **state)
{
    static const char signs[] = "/=('\"?#:@!$&*+,;<>[]{}|\\^`~.-_";
    (void)state;
    for (const char *sign = signs; *sign != '\0'; sign++) {
        char text[64] = "proxy http://user:sec";
        size_t len = strlen(text);
        text[len] = *sign;
        memcpy(text + len + 1, "ret@h:80", 9);
        assert_message(text, "proxy http://h:80");
    }
    assert_message("proxy user:sec=ret@h", "proxy h");
    assert_message("proxy user:sec/ret@h", "proxy h");
}

static void controls_are_shown_as_question_marks(void **state)
{
    (void)state;
    assert_message("a\r\nb\x1b[2J\x7f", "a??b?[2J?");
}

/* Any text fits any room, as a string, without '@' and without controls. */
static void any_text_fits(void **state)
{
    static const char alphabet[] = "ab:/@ \n\x80'";
    struct random r;
    (void)state;
    random_seed(&r, 19);
    for (int i = 0; i < 20000; i++) {
        char text[64];
        size_t n = (size_t)random_below(&r, sizeof text), size = 1 + (size_t)random_below(&r, 70);
        for (size_t k = 0; k < n; k++)
            text[k] = alphabet[random_below(&r, sizeof alphabet - 1)];
        text[n < sizeof text ? n : n - 1] = '\0';
        char *out = malloc(size); /* of just that size, for the sanitizer */
        assert_non_null(out);
        verdict_message(text, out, size);
        assert_true(strlen(out) < size);
        assert_null(strpbrk(out, "@\n"));
        free(out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_result_has_its_outcome),
        cmocka_unit_test(no_failure_is_taken_for_an_answer),
        cmocka_unit_test(each_outcome_has_a_name),
        cmocka_unit_test(userinfo_is_left_out),
        cmocka_unit_test(no_sign_in_a_password_saves_its_beginning),
        cmocka_unit_test(controls_are_shown_as_question_marks),
        cmocka_unit_test(any_text_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

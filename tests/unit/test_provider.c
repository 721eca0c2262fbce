/* Where a request goes and what it carries: URLs are joined on one host, a key goes into one header or nowhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "provider/provider.h"

static void a_path_tells_the_dialect(void **state)
{
    static const struct {
        const char *url;
        enum dialect dialect;
    } cases[] = {
        {"/v1/messages", DIALECT_ANTHROPIC},
        {"/messages", DIALECT_ANTHROPIC},
        {"/v1/messages?beta=true", DIALECT_ANTHROPIC},
        {"/v1/messages/count_tokens", DIALECT_ANTHROPIC},
        {"https://api.anthropic.com/v1/messages", DIALECT_ANTHROPIC},
        {"https://h:8443/messages?x=1", DIALECT_ANTHROPIC},
        {"/v1/chat/completions", DIALECT_OPENAI},
        {"/v1/embeddings", DIALECT_OPENAI},
        {"/v1/messages_of_mine", DIALECT_OPENAI},
        {"/v1/threads/thread_1/messages", DIALECT_OPENAI},
        {"/v1/chat/completions?next=https://h/v1/messages", DIALECT_OPENAI},
        {"/v1/chat/completions#/messages", DIALECT_OPENAI},
        {"https://h", DIALECT_OPENAI},
        {"://", DIALECT_OPENAI},
        {"", DIALECT_OPENAI},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (dialect_of_url(cases[i].url) != cases[i].dialect)
            fail_msg("%s is taken for %s", cases[i].url, dialect_name(dialect_of_url(cases[i].url)));
}

static void names_of_dialects_come_back(void **state)
{
    enum dialect d = DIALECT_OPENAI;
    (void)state;
    for (int i = DIALECT_OPENAI; i <= DIALECT_ANTHROPIC; i++) {
        assert_true(dialect_from_name(dialect_name((enum dialect)i), &d));
        assert_int_equal(d, i);
    }
    assert_false(dialect_from_name("OpenAI ", &d));
    assert_false(dialect_from_name("", &d));
    assert_string_equal(dialect_key_variable(DIALECT_OPENAI), "OPENAI_API_KEY");
    assert_string_equal(dialect_key_variable(DIALECT_ANTHROPIC), "ANTHROPIC_API_KEY");
    assert_string_equal(dialect_base_variable(DIALECT_OPENAI), "OPENAI_BASE_URL");
    assert_string_equal(dialect_base_variable(DIALECT_ANTHROPIC), "ANTHROPIC_BASE_URL");
    assert_string_equal(dialect_default_base(DIALECT_OPENAI), "https://api.openai.com/v1");
    assert_string_equal(dialect_default_base(DIALECT_ANTHROPIC), "https://api.anthropic.com");
}

static void classes_have_the_names_of_the_contract(void **state)
{
    (void)state;
    assert_string_equal(answer_class_name(ANSWER_SUCCESS), "success");
    assert_string_equal(answer_class_name(ANSWER_THROTTLED), "throttled");
    assert_string_equal(answer_class_name(ANSWER_TRANSIENT), "transient");
    assert_string_equal(answer_class_name(ANSWER_INVALID), "invalid");
    assert_string_equal(answer_class_name(ANSWER_PERMANENT), "permanent");
    assert_string_equal(answer_class_name(ANSWER_ACCOUNT), "account");
}

static void assert_joined(const char *base, const char *job, const char *wanted)
{
    struct strbuf out;
    lh_error err = {0};
    strbuf_init(&out);
    int rc = provider_join_url(base, job, &out, &err);
    if (rc != 0)
        fail_msg("%s + %s: %s", base, job, err.message);
    assert_string_equal(out.data, wanted);
    strbuf_free(&out);
}

static void urls_share_v1(void **state)
{
    (void)state;
    assert_joined("http://h/v1", "/v1/chat/completions", "http://h/v1/chat/completions");
    assert_joined("http://h/v1/", "/v1/chat/completions", "http://h/v1/chat/completions");
    assert_joined("http://h/v1///", "/v1/chat/completions", "http://h/v1/chat/completions");
    assert_joined("http://h", "/v1/chat/completions", "http://h/v1/chat/completions");
    assert_joined("http://h/", "/v1/chat/completions", "http://h/v1/chat/completions");
    assert_joined("http://h/v1", "/models", "http://h/v1/models");
    assert_joined("http://h/api/v1", "/v1/embeddings", "http://h/api/v1/embeddings");
    assert_joined("http://h/proxy", "/v1/embeddings", "http://h/proxy/v1/embeddings");
    assert_joined("http://h/v1", "/v1beta/x", "http://h/v1/v1beta/x");
    assert_joined("http://h/notv1", "/v1/x", "http://h/notv1/v1/x");
    assert_joined("https://api.anthropic.com", "/v1/messages", "https://api.anthropic.com/v1/messages");
    assert_joined("https://r.openai.azure.com/openai/deployments/d",
                  "/chat/completions?api-version=2024-06-01",
                  "https://r.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-06-01");
}

static void a_host_named_v1_is_no_path(void **state)
{
    (void)state;
    assert_joined("http://v1", "/v1/chat/completions", "http://v1/v1/chat/completions");
    assert_joined("http://v1/v1", "/v1/chat/completions", "http://v1/v1/chat/completions");
}

static void an_absolute_job_url_stays_on_its_origin(void **state)
{
    (void)state;
    assert_joined("https://h:8443/v1", "https://h:8443/other/x", "https://h:8443/other/x");
    assert_joined("https://H/v1", "HTTPS://h/v1/x", "HTTPS://h/v1/x");
}

static void an_address_in_a_query_is_no_other_host(void **state)
{
    (void)state;
    assert_joined("https://h/v1", "/v1/x?callback=https://other/y",
                  "https://h/v1/x?callback=https://other/y");
}

static void assert_not_joined(const char *base, const char *job)
{
    struct strbuf out;
    lh_error err = {0};
    strbuf_init(&out);
    if (provider_join_url(base, job, &out, &err) != LH_EINPUT)
        fail_msg("%s + %s gave %s", base, job, out.data);
    assert_int_not_equal(err.message[0], '\0');
    strbuf_free(&out);
}

static void no_job_url_leads_to_another_server(void **state)
{
    static const char *const urls[] = {
        "https://evil.com/v1/x",
        "http://api.openai.com/v1/x", /* without TLS */
        "https://api.openai.com:8443/v1/x",
        "https://api.openai.com@evil.com/v1/x",
        "https://api.openai.com:443@evil.com/v1/x",
        "https://api.openai.com.evil.com/v1/x",
        "https://api.openai.co",
        "https://api.openai.com\\@evil.com/v1/x",
        "ftp://api.openai.com/x",
        "file:///etc/passwd",
        "@evil.com/",
        ".evil.com/",
        ":80@evil.com/",
        "evil",
        "",
        "\\\\evil.com\\x",
        "/v1/x\r\nHost: evil.com",
        "/v1/x y",
        "/v1/\x7f",
    };
    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++)
        assert_not_joined("https://api.openai.com/v1", urls[i]);
}

/* Whatever a job's url is made of, what comes out begins with the base's origin and a slash, or is refused. */
static void any_joined_url_begins_with_the_origin(void **state)
{
    static const char *const pieces[] = {"/",  "//",    "@",   ":",     "?",  "#",    "\\",  "..",
                                         "v1", "https", "://", "h.com", ".x", "evil", "%2f", "https://h.com"};
    struct random r;
    (void)state;
    random_seed(&r, 3);
    for (int i = 0; i < 20000; i++) {
        char job[256] = "";
        for (uint64_t n = 1 + random_below(&r, 7); n > 0; n--)
            strcat(job, pieces[random_below(&r, sizeof pieces / sizeof *pieces)]);
        struct strbuf out;
        strbuf_init(&out);
        if (provider_join_url("https://h.com", job, &out, NULL) == 0) {
            assert_memory_equal(out.data, "https://h.com", 13);
            assert_true(out.data[13] == '\0' || strchr("/?#", out.data[13]) != NULL);
        }
        strbuf_free(&out);
    }
}

static void base_urls_are_checked(void **state)
{
    static const char *const good[] = {
        "https://api.openai.com/v1", "http://localhost:8000", "HTTP://h",
        "http://[::1]:8080/v1/",     "https://h/a/b",
    };
    static const char *const bad[] = {
        "",
        "api.openai.com",
        "//h",
        "ftp://h",
        "file:///x",
        "https:/h",
        "https://",
        "https:///v1",
        "https://:443/v1",
        "https://?x",
        "https://user:secret@h/v1",
        "https://secret@h",
        "https://h/v1?key=1",
        "https://h/v1#x",
        "https://h /v1",
        "https://h/v1\n",
        "https://h\t",
        " https://h",
        "https://h/\x7f",
    };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(provider_check_base_url(good[i], NULL), 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        lh_error err = {0};
        if (provider_check_base_url(bad[i], &err) != LH_EUSAGE)
            fail_msg("taken: %s", bad[i]);
        assert_int_not_equal(err.message[0], '\0');
        assert_null(strstr(err.message, "secret"));
    }
}

static void only_the_providers_own_host_is_official(void **state)
{
    static const char *const others[] = {
        "https://api.openai.com.evil.com/v1", "https://xapi.openai.com/v1", "https://openai.com/v1",
        "https://h/api.openai.com",           "http://localhost:8000",      "api.openai.com",
        "https://api.anthropic.com",
    };
    (void)state;
    assert_true(dialect_is_official_host(DIALECT_OPENAI, "https://api.openai.com/v1"));
    assert_true(dialect_is_official_host(DIALECT_OPENAI, "https://API.OpenAI.com:443"));
    assert_true(dialect_is_official_host(DIALECT_ANTHROPIC, "https://api.anthropic.com"));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(dialect_is_official_host(DIALECT_OPENAI, others[i]));
}

/* The lines as one text, each ended by '|'. */
static void assert_headers(enum dialect d, const char *key, int count, const char *wanted)
{
    struct strbuf lines;
    strbuf_init(&lines);
    assert_int_equal(provider_headers(d, key, &lines), count);
    for (size_t i = 0; i < lines.len; i++)
        if (lines.data[i] == '\0')
            lines.data[i] = '|';
    assert_string_equal(lines.data, wanted);
    strbuf_free(&lines);
}

static void each_dialect_has_its_header_for_the_key(void **state)
{
    (void)state;
    assert_headers(DIALECT_OPENAI, "sk-1", 3,
                   "Content-Type: application/json|Accept: application/json|Authorization: Bearer sk-1|");
    assert_headers(DIALECT_ANTHROPIC, "sk-2", 4,
                   "Content-Type: application/json|Accept: application/json|anthropic-version: 2023-06-01|"
                   "x-api-key: sk-2|");
    assert_headers(DIALECT_OPENAI, NULL, 2, "Content-Type: application/json|Accept: application/json|");
    assert_headers(DIALECT_ANTHROPIC, NULL, 3,
                   "Content-Type: application/json|Accept: application/json|anthropic-version: 2023-06-01|");
}

static void a_key_that_would_add_a_header_is_refused(void **state)
{
    static const char *const keys[] = {"sk\r\nX: y", "sk\n", "s k", "\tsk", "sk\x7f", " "};
    (void)state;
    for (int d = DIALECT_OPENAI; d <= DIALECT_ANTHROPIC; d++)
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
            struct strbuf lines;
            strbuf_init(&lines);
            assert_int_equal(provider_headers((enum dialect)d, keys[i], &lines), LH_EINPUT);
            assert_int_equal(lines.len, 0);
            strbuf_free(&lines);
        }
}

static void a_long_key_goes_whole(void **state)
{
    char key[5001], wanted[5200];
    (void)state;
    memset(key, 'k', sizeof key - 1);
    key[sizeof key - 1] = '\0';
    snprintf(wanted, sizeof wanted,
             "Content-Type: application/json|Accept: application/json|Authorization: Bearer %s|", key);
    assert_headers(DIALECT_OPENAI, key, 3, wanted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_tells_the_dialect),
        cmocka_unit_test(names_of_dialects_come_back),
        cmocka_unit_test(classes_have_the_names_of_the_contract),
        cmocka_unit_test(urls_share_v1),
        cmocka_unit_test(a_host_named_v1_is_no_path),
        cmocka_unit_test(an_absolute_job_url_stays_on_its_origin),
        cmocka_unit_test(an_address_in_a_query_is_no_other_host),
        cmocka_unit_test(no_job_url_leads_to_another_server),
        cmocka_unit_test(any_joined_url_begins_with_the_origin),
        cmocka_unit_test(base_urls_are_checked),
        cmocka_unit_test(only_the_providers_own_host_is_official),
        cmocka_unit_test(each_dialect_has_its_header_for_the_key),
        cmocka_unit_test(a_key_that_would_add_a_header_is_refused),
        cmocka_unit_test(a_long_key_goes_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

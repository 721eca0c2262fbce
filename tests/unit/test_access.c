/* Which key goes to which host: from the environment into one header of its own dialect, and into no error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "schedule/access.h"

static int warnings;

static void count_warning(void *arg)
{
    (void)arg;
    warnings++;
}

static int clear_environment(void **state)
{
    (void)state;
    warnings = 0;
    log_set_hook(count_warning, NULL, NULL);
    return unsetenv("OPENAI_API_KEY") + unsetenv("ANTHROPIC_API_KEY") + unsetenv("OPENAI_BASE_URL") +
           unsetenv("ANTHROPIC_BASE_URL");
}

static bool holds(const struct access *e, const char *line)
{
    for (size_t i = 0; i < e->n_headers; i++)
        if (strcmp(e->headers[i], line) == 0)
            return true;
    return false;
}

static bool mentions(const struct access *e, const char *text)
{
    for (size_t i = 0; i < e->n_headers; i++)
        if (strstr(e->headers[i], text) != NULL)
            return true;
    return false;
}

static struct access resolve(enum dialect d, const char *base_url)
{
    struct access e = {0};
    lh_error err = {0};
    if (access_resolve(&e, d, base_url, dialect_key_variable(d), &err) != 0)
        fail_msg("%s", err.message);
    assert_true(e.ready);
    assert_int_equal(e.dialect, d);
    return e;
}

static void assert_refused(enum dialect d, const char *base_url, int code, const char *naming)
{
    struct access e = {0};
    lh_error err = {0};
    assert_int_equal(access_resolve(&e, d, base_url, dialect_key_variable(d), &err), code);
    if (strstr(err.message, naming) == NULL)
        fail_msg("%s", err.message);
    assert_null(strstr(err.message, "secret"));
    assert_false(e.ready);
    assert_null(e.base_url); /* nothing is left to free */
    assert_null(e.lines.data);
}

static void each_dialect_takes_its_own_key_and_no_other(void **state)
{
    (void)state;
    setenv("OPENAI_API_KEY", "sk-open", 1);
    setenv("ANTHROPIC_API_KEY", "sk-ant", 1);
    struct access o = resolve(DIALECT_OPENAI, NULL), a = resolve(DIALECT_ANTHROPIC, NULL);
    assert_string_equal(o.base_url, "https://api.openai.com/v1");
    assert_string_equal(a.base_url, "https://api.anthropic.com");
    assert_true(holds(&o, "Authorization: Bearer sk-open"));
    assert_true(holds(&a, "x-api-key: sk-ant"));
    assert_false(mentions(&o, "sk-ant"));
    assert_false(mentions(&a, "sk-open"));
    access_free(&o);
    access_free(&a);
}

static void the_base_of_one_dialect_draws_no_key_of_the_other(void **state)
{
    (void)state;
    setenv("OPENAI_API_KEY", "sk-open", 1);
    setenv("ANTHROPIC_API_KEY", "sk-ant", 1);
    setenv("OPENAI_BASE_URL", "https://proxy.example/v1", 1);
    struct access o = resolve(DIALECT_OPENAI, NULL), a = resolve(DIALECT_ANTHROPIC, NULL);
    assert_string_equal(o.base_url, "https://proxy.example/v1");
    assert_string_equal(a.base_url, "https://api.anthropic.com");
    access_free(&o);
    access_free(&a);
}

static void an_option_goes_before_the_environment(void **state)
{
    (void)state;
    setenv("OPENAI_BASE_URL", "https://environment.example/v1", 1);
    struct access e = resolve(DIALECT_OPENAI, "https://option.example/v1");
    assert_string_equal(e.base_url, "https://option.example/v1");
    access_free(&e);
    e = resolve(DIALECT_OPENAI, NULL);
    assert_string_equal(e.base_url, "https://environment.example/v1");
    access_free(&e);
}

static void an_empty_variable_is_no_variable(void **state)
{
    (void)state;
    setenv("OPENAI_BASE_URL", "", 1);
    setenv("OPENAI_API_KEY", "", 1);
    assert_refused(DIALECT_OPENAI, NULL, LH_EINPUT, "OPENAI_API_KEY");
    setenv("OPENAI_API_KEY", "sk-1", 1);
    struct access e = resolve(DIALECT_OPENAI, NULL);
    assert_string_equal(e.base_url, "https://api.openai.com/v1");
    access_free(&e);
}

static void the_official_host_is_not_asked_without_a_key(void **state)
{
    (void)state;
    assert_refused(DIALECT_OPENAI, NULL, LH_EINPUT, "OPENAI_API_KEY");
    assert_refused(DIALECT_ANTHROPIC, NULL, LH_EINPUT, "ANTHROPIC_API_KEY");
    assert_refused(DIALECT_OPENAI, "https://API.OPENAI.COM/v1", LH_EINPUT, "OPENAI_API_KEY");
    setenv("ANTHROPIC_API_KEY", "sk-ant-secret", 1); /* does not help the other */
    assert_refused(DIALECT_OPENAI, NULL, LH_EINPUT, "OPENAI_API_KEY");
}

static void another_server_needs_no_key(void **state)
{
    (void)state;
    struct access e = resolve(DIALECT_OPENAI, "http://localhost:8000/v1");
    assert_int_equal(e.n_headers, 2);
    assert_false(mentions(&e, "Authorization"));
    access_free(&e);
}

static void a_bad_base_url_is_refused_wherever_it_comes_from(void **state)
{
    (void)state;
    setenv("OPENAI_API_KEY", "sk-secret-1", 1);
    assert_refused(DIALECT_OPENAI, "localhost:8000", LH_EUSAGE, "http");
    assert_refused(DIALECT_OPENAI, "https://user:secret@h/v1", LH_EUSAGE, "environment");
    assert_refused(DIALECT_OPENAI, "", LH_EUSAGE, "http");
    setenv("OPENAI_BASE_URL", "file:///secret", 1);
    struct access e = {0};
    assert_int_equal(access_resolve(&e, DIALECT_OPENAI, NULL, NULL, NULL), LH_EUSAGE);
}

static void a_key_that_cannot_stand_in_a_header_is_named_by_its_variable_only(void **state)
{
    static const char *const keys[] = {"sk-secret\n", "sk-secret\r\nX-Evil: 1", " sk-secret", "sk secret",
                                       "\x7fsecret"};
    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        setenv("OPENAI_API_KEY", keys[i], 1);
        setenv("ANTHROPIC_API_KEY", keys[i], 1);
        assert_refused(DIALECT_OPENAI, NULL, LH_EINPUT, "OPENAI_API_KEY");
        assert_refused(DIALECT_ANTHROPIC, "http://h", LH_EINPUT, "ANTHROPIC_API_KEY");
    }
    assert_int_equal(warnings, 0);
}

static int warnings_for(const char *base_url)
{
    warnings = 0;
    struct access e = resolve(DIALECT_OPENAI, base_url);
    access_free(&e);
    return warnings;
}

static void a_key_that_travels_in_the_clear_is_warned_of(void **state)
{
    static const char *const open[] = {"http://h/v1", "HTTP://h/v1", "http://127.evil.example/v1",
                                       "http://localhost.evil.example",
                                       "http://127.0.0.1.evil.example:80/v1"};
    static const char *const closed[] = {"https://h/v1",          "http://localhost/v1",
                                         "http://LOCALHOST:8000", "http://127.0.0.1:1/v1",
                                         "http://127.1",          "http://[::1]:8000/v1"};
    (void)state;
    setenv("OPENAI_API_KEY", "sk-1", 1);
    for (size_t i = 0; i < sizeof open / sizeof *open; i++)
        if (warnings_for(open[i]) != 1)
            fail_msg("no warning of %s", open[i]);
    for (size_t i = 0; i < sizeof closed / sizeof *closed; i++)
        if (warnings_for(closed[i]) != 0)
            fail_msg("a warning of %s", closed[i]);
    unsetenv("OPENAI_API_KEY");
    assert_int_equal(warnings_for("http://h/v1"), 0);
}

static void freeing_leaves_an_empty_endpoint(void **state)
{
    static const struct access empty;
    (void)state;
    setenv("OPENAI_API_KEY", "sk-1", 1);
    struct access e = resolve(DIALECT_OPENAI, NULL);
    access_free(&e);
    assert_memory_equal(&e, &empty, sizeof e);
    access_free(&e);
}

static void key_is_hidden_wherever_a_provider_echoes_it(void **state)
{
    (void)state;
    setenv("OPENAI_API_KEY", "key-0123456789abcdef", 1);
    struct access e = resolve(DIALECT_OPENAI, "http://127.0.0.1/v1");
    char text[] = "key-0123456789abcdef,key-0123456789abcdefkey-0123456789abcdef and key-0123456789abcde";
    access_hide_key(&e, text, sizeof text - 1);
    assert_string_equal(
        text, "********************,**************************************** and key-0123456789abcde");
    char cut[] = "xkey-0123456789abcdef"; /* only what is inside the length is touched */
    access_hide_key(&e, cut, sizeof cut - 2);
    assert_string_equal(cut, "xkey-0123456789abcdef");
    access_free(&e);
    static const char *const harmless[] = {"lm-studio", "not-needed", "a-placeholder-without-digits",
                                           "17640000001764000000"};
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless;
         i++) { /* words and numbers that answers hold */
        char word[64];
        setenv("OPENAI_API_KEY", harmless[i], 1);
        e = resolve(DIALECT_OPENAI, "http://127.0.0.1/v1");
        snprintf(word, sizeof word, "an answer with %s", harmless[i]);
        access_hide_key(&e, word, strlen(word));
        assert_non_null(strstr(word, harmless[i]));
        access_free(&e);
    }
    unsetenv("OPENAI_API_KEY");
    setenv("ANTHROPIC_API_KEY", "another-key-9876543210", 1);
    e = resolve(DIALECT_ANTHROPIC, "http://127.0.0.1");
    char other[] = "another-key-9876543210";
    access_hide_key(&e, other, sizeof other - 1);
    assert_string_equal(other, "**********************");
    access_free(&e);
    unsetenv("ANTHROPIC_API_KEY");
    e = resolve(DIALECT_OPENAI, "http://127.0.0.1/v1");
    access_hide_key(&e, other, sizeof other - 1);
    access_free(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(key_is_hidden_wherever_a_provider_echoes_it, clear_environment),
        cmocka_unit_test_setup(each_dialect_takes_its_own_key_and_no_other, clear_environment),
        cmocka_unit_test_setup(the_base_of_one_dialect_draws_no_key_of_the_other, clear_environment),
        cmocka_unit_test_setup(an_option_goes_before_the_environment, clear_environment),
        cmocka_unit_test_setup(an_empty_variable_is_no_variable, clear_environment),
        cmocka_unit_test_setup(the_official_host_is_not_asked_without_a_key, clear_environment),
        cmocka_unit_test_setup(another_server_needs_no_key, clear_environment),
        cmocka_unit_test_setup(a_bad_base_url_is_refused_wherever_it_comes_from, clear_environment),
        cmocka_unit_test_setup(a_key_that_cannot_stand_in_a_header_is_named_by_its_variable_only,
                               clear_environment),
        cmocka_unit_test_setup(a_key_that_travels_in_the_clear_is_warned_of, clear_environment),
        cmocka_unit_test_setup(freeing_leaves_an_empty_endpoint, clear_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

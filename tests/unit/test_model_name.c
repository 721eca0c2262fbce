/* Names of models: what stands around them, families, versions of Claude. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tokens/model_name.h"

static void a_bare_name_is_without_provider_and_fine_tune(void **state)
{
    (void)state;
    assert_string_equal(model_bare_name("gpt-4o"), "gpt-4o");
    assert_string_equal(model_bare_name("openrouter/openai/gpt-4o"), "gpt-4o");
    assert_string_equal(model_bare_name("ft:gpt-4o:me::x"), "gpt-4o:me::x");
    assert_string_equal(model_bare_name("openai/ft:gpt-4o"), "gpt-4o");
    assert_string_equal(model_bare_name(""), "");
}

static void a_family_ends_where_a_name_may_end(void **state)
{
    (void)state;
    static const char *const of_gpt_4[] = {"gpt-4", "gpt-4-turbo", "gpt-4.1", "gpt-4:x", "gpt-4@x"};
    static const char *const not_of_it[] = {"gpt-4o", "gpt-45", "gpt-", "xgpt-4", ""};
    for (size_t i = 0; i < 5; i++) {
        assert_true(model_name_begins(of_gpt_4[i], "gpt-4"));
        assert_false(model_name_begins(not_of_it[i], "gpt-4"));
    }
}

static void claudes_are_told_by_version(void **state)
{
    static const char *const since[] = {"claude-opus-4-7",
                                        "claude-opus-4-8-20260401",
                                        "claude-opus-4.7",
                                        "claude-sonnet-5",
                                        "claude-opus-10",
                                        "us.anthropic.claude-opus-4-7-v1:0",
                                        "anthropic/claude-fable-5.1",
                                        "claude-latest"};
    static const char *const before[] = {"claude-sonnet-4-6",
                                         "claude-sonnet-4-20250514",
                                         "claude-3-7-sonnet-latest",
                                         "claude-3-opus-20240229",
                                         "claude-2.1",
                                         "claude-instant-1.2",
                                         "anthropic.claude-v2:1",
                                         "claude-opus-4-1-20250805",
                                         "claude-3-5-haiku@20241022",
                                         "gpt-5"};
    (void)state;
    for (size_t i = 0; i < sizeof since / sizeof *since; i++)
        assert_true(model_is_claude(since[i]) && model_claude_since(since[i], 4, 7));
    for (size_t i = 0; i < sizeof before / sizeof *before; i++)
        assert_false(model_claude_since(before[i], 4, 7));
    assert_false(model_is_claude("gpt-5"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bare_name_is_without_provider_and_fine_tune),
        cmocka_unit_test(a_family_ends_where_a_name_may_end),
        cmocka_unit_test(claudes_are_told_by_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The public face of counting: names of encodings, models, and the three calls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "longhaul.h"

static void encodings_are_known_by_their_names(void **state)
{
    lh_encoding e = LH_O200K_BASE;
    lh_error err = {0};
    (void)state;
    assert_int_equal(lh_encoding_named("cl100k_base", &e, &err), 0);
    assert_int_equal(e, LH_CL100K_BASE);
    assert_int_equal(lh_encoding_named("o200k_base", &e, &err), 0);
    assert_int_equal(e, LH_O200K_BASE);
    assert_string_equal(lh_encoding_name(LH_O200K_BASE), "o200k_base");
    assert_string_equal(lh_encoding_name(LH_CL100K_BASE), "cl100k_base");
    assert_int_equal(lh_encoding_named("o200k", &e, &err), LH_EUSAGE);
    assert_non_null(strstr(err.message, "\"o200k\""));
}

static void assert_models(const char *const *models, lh_encoding wanted, bool must_be_known)
{
    for (; *models != NULL; models++) {
        bool known = !must_be_known;
        if (lh_encoding_of_model(*models, &known) != wanted || known != must_be_known)
            fail_msg("%s", *models);
        assert_int_equal(lh_encoding_of_model(*models, NULL), wanted);
    }
}

static void models_have_the_encoding_of_their_family(void **state)
{
    static const char *const o200k[] = {"gpt-4o",
                                        "gpt-4o-mini",
                                        "gpt-4o-2024-08-06",
                                        "gpt-4.1",
                                        "gpt-4.1-nano",
                                        "gpt-4.5-preview",
                                        "gpt-5",
                                        "gpt-5-mini",
                                        "gpt-5.1",
                                        "chatgpt-4o-latest",
                                        "o1",
                                        "o1-preview",
                                        "o3",
                                        "o3-mini-2025-01-31",
                                        "o4-mini",
                                        "ft:gpt-4o-mini:org::id",
                                        "openai/gpt-4o",
                                        NULL};
    static const char *const cl100k[] = {"gpt-4",
                                         "gpt-4-turbo",
                                         "gpt-4-32k-0613",
                                         "gpt-3.5-turbo",
                                         "gpt-3.5-turbo-16k",
                                         "gpt-35-turbo",
                                         "text-embedding-3-small",
                                         "text-embedding-3-large",
                                         "text-embedding-ada-002",
                                         "ft:gpt-3.5-turbo:org:name:id",
                                         "openai/gpt-4",
                                         NULL};
    (void)state;
    assert_models(o200k, LH_O200K_BASE, true);
    assert_models(cl100k, LH_CL100K_BASE, true);
}

static void an_unknown_model_is_said_to_be_unknown(void **state)
{
    static const char *const unknown[] = {"",    "claude-sonnet-4", "llama3", "gpt-45", "gpt-2", "o10", "o",
                                          "gpt", "gpt-4omega",      NULL};
    (void)state;
    assert_models(unknown, LH_O200K_BASE, false);
}

static void counting_and_listing_agree(void **state)
{
    uint32_t ids[2] = {0};
    (void)state;
    assert_int_equal(lh_tokens_count(LH_O200K_BASE, "hello world", 11), 2);
    assert_int_equal(lh_tokens_encode(LH_O200K_BASE, "hello world", 11, ids, 2), 2);
    assert_int_equal(ids[0], 24912);
    assert_int_equal(ids[1], 2375);
    assert_int_equal(lh_tokens_encode(LH_CL100K_BASE, "hello world", 11, ids, 1), 2);
    assert_int_equal(ids[0], 15339);
    assert_int_equal(lh_tokens_count(LH_CL100K_BASE, "", 0), 0);
    assert_int_equal(lh_tokens_count(LH_CL100K_BASE, NULL, 0), 0);
    assert_int_equal(lh_tokens_cut("hello world", 11), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodings_are_known_by_their_names),
        cmocka_unit_test(models_have_the_encoding_of_their_family),
        cmocka_unit_test(an_unknown_model_is_said_to_be_unknown),
        cmocka_unit_test(counting_and_listing_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* An error keeps its code, is cut rather than overrun, and its NULL form is as good. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

static void keeps_code_and_message(void **state)
{
    (void)state;
    lh_error err = {0};
    assert_int_equal(lh_error_set(&err, LH_EFULL, "%s is full, %d bytes", "x.db", 7), LH_EFULL);
    assert_int_equal(err.code, LH_EFULL);
    assert_string_equal(err.message, "x.db is full, 7 bytes");
    assert_int_equal(lh_error_nomem(&err), LH_ENOMEM);
    assert_int_equal(err.code, LH_ENOMEM);
}

static void without_a_place_for_it_the_code_still_comes_back(void **state)
{
    (void)state;
    assert_int_equal(lh_error_set(NULL, LH_EIO, "%s", "x"), LH_EIO);
    assert_int_equal(lh_error_nomem(NULL), LH_ENOMEM);
    assert_true(lh_error_prefix(NULL, "x") < 0);
}

static void a_long_message_is_cut_with_its_zero(void **state)
{
    (void)state;
    struct {
        lh_error err;
        char guard[16];
    } box = {.guard = "untouched"};
    char longer[2 * sizeof box.err.message];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    lh_error_set(&box.err, LH_EIO, "%s", longer);
    assert_int_equal(strlen(box.err.message), sizeof box.err.message - 1);
    assert_string_equal(box.guard, "untouched");
}

static void a_prefix_stands_before_and_the_end_is_what_gets_lost(void **state)
{
    (void)state;
    lh_error err = {0};
    char text[sizeof err.message];
    lh_error_set(&err, LH_EIO, "cause");
    assert_int_equal(lh_error_prefix(&err, "line %d", 3), LH_EIO);
    assert_int_equal(lh_error_prefix(&err, "in.jsonl"), LH_EIO);
    assert_string_equal(err.message, "in.jsonl: line 3: cause");

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    lh_error_set(&err, LH_EIO, "%s", text);
    assert_int_equal(lh_error_prefix(&err, "why"), LH_EIO);
    assert_int_equal(strlen(err.message), sizeof err.message - 1);
    assert_memory_equal(err.message, "why: xxx", 8);
    assert_int_equal(lh_error_prefix(&err, "%s", text), LH_EIO);
    assert_string_equal(err.message, text);
}

static void every_code_has_its_own_name(void **state)
{
    (void)state;
    for (int a = 0; a >= LH_EPIPE; a--) {
        assert_memory_equal(lh_code_name(a), "LH_", 3);
        assert_string_not_equal(lh_code_name(a), "LH_?");
        for (int b = 0; b > a; b--)
            assert_string_not_equal(lh_code_name(a), lh_code_name(b));
    }
    assert_string_equal(lh_code_name(LH_EPIPE), "LH_EPIPE");
    assert_string_equal(lh_code_name(LH_EPIPE - 1), "LH_?");
    assert_string_equal(lh_code_name(1), "LH_?");
    assert_string_equal(lh_code_name(INT32_MIN), "LH_?");
    assert_string_equal(lh_code_name(INT32_MAX), "LH_?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_code_and_message),
        cmocka_unit_test(without_a_place_for_it_the_code_still_comes_back),
        cmocka_unit_test(a_long_message_is_cut_with_its_zero),
        cmocka_unit_test(a_prefix_stands_before_and_the_end_is_what_gets_lost),
        cmocka_unit_test(every_code_has_its_own_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

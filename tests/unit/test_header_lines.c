/* Header lines go out as they came in, one each, and no line smuggles in a second or shows its value in an error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "http/header_lines.h"

/* The list is the lines in order, then the one that every request has. */
static void assert_holds(const struct header_lines *h, const char *const *lines, size_t n)
{
    const struct curl_slist *node = h->nodes;
    for (size_t i = 0; i < n; i++, node = node->next) {
        assert_non_null(node);
        assert_string_equal(node->data, lines[i]);
        assert_ptr_not_equal(node->data, lines[i]); /* a copy */
    }
    assert_string_equal(node->data, "Expect:");
    assert_null(node->next);
}

static void lines_are_copied_in_order(void **state)
{
    static const char *const lines[] = {"Content-Type: application/json", "Authorization: Bearer sk-1", "X:y",
                                        "X: y:z"};
    struct header_lines h = {0};
    (void)state;
    for (size_t n = 0; n <= 4; n++) {
        assert_int_equal(header_lines_set(&h, lines, n, NULL), 0);
        assert_holds(&h, lines, n);
    }
    header_lines_free(&h);
    assert_null(h.nodes);
    header_lines_free(&h);
}

static void a_list_is_used_again_for_any_lines(void **state)
{
    struct header_lines h = {0};
    struct random r;
    (void)state;
    random_seed(&r, 23);
    for (int i = 0; i < 2000; i++) {
        char texts[12][300];
        const char *lines[12];
        size_t n = (size_t)random_below(&r, 13);
        for (size_t k = 0; k < n; k++) {
            int len = (int)random_below(&r, 250);
            snprintf(texts[k], sizeof texts[k], "Name-%zu: %0*d", k, len, i);
            lines[k] = texts[k];
        }
        assert_int_equal(header_lines_set(&h, lines, n, NULL), 0);
        assert_holds(&h, lines, n);
    }
    header_lines_free(&h);
}

static void a_line_that_is_no_header_or_two_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "secret",
        ": secret",
        " X: secret",
        "X : secret",
        "X\t: secret",
        "X secret: y",
        "\r\nX: secret",
        "X: secret\r\nY: z",
        "X: secret\n",
        "X: \rsecret",
        "Authorization: Bearer secret\nHost: evil",
        "X\n: secret",
    };
    static const char *const good[] = {"A: b"};
    struct header_lines h = {0};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *lines[] = {"A: b", bad[i]};
        lh_error err = {0};
        if (header_lines_set(&h, lines, 2, &err) != LH_EUSAGE)
            fail_msg("taken: %s", bad[i]);
        assert_int_not_equal(err.message[0], '\0');
        assert_null(strstr(err.message, "secret"));
    }
    assert_int_equal(header_lines_set(&h, good, 1, NULL), 0);
    assert_holds(&h, good, 1);
    header_lines_free(&h);
}

static void a_refused_header_is_named(void **state)
{
    const char *lines[] = {"Authorization: Bearer secret\n"};
    struct header_lines h = {0};
    lh_error err = {0};
    (void)state;
    assert_int_equal(header_lines_set(&h, lines, 1, &err), LH_EUSAGE);
    assert_non_null(strstr(err.message, "Authorization"));
    header_lines_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_copied_in_order),
        cmocka_unit_test(a_list_is_used_again_for_any_lines),
        cmocka_unit_test(a_line_that_is_no_header_or_two_is_refused),
        cmocka_unit_test(a_refused_header_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Templates: fields go where their names stand, and nothing else is touched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "batch/template.h"

/* Every field's text is its name between < and >; "none" is missing. */
static int show_name(void *arg, const char *name, struct strbuf *out, lh_error *err)
{
    int *calls = arg;
    (*calls)++;
    if (strcmp(name, "none") == 0)
        return lh_error_set(err, LH_EINPUT, "no field %s", name);
    return strbuf_appendf(out, "<%s>", name);
}

static int fill(const char *text, struct strbuf *out, int *calls)
{
    lh_error err = {0};
    *calls = 0;
    strbuf_reset(out);
    return template_fill(text, show_name, calls, out, &err);
}

static void fields_go_where_their_names_stand(void **state)
{
    (void)state;
    static const struct {
        const char *text, *filled;
        int calls;
    } cases[] = {
        {"", "", 0},
        {"plain", "plain", 0},
        {"{{a}}", "<a>", 1},
        {"x {{ a }} y", "x <a> y", 1},
        {"{{a}}{{b}}", "<a><b>", 2},
        {"{{a.b c}}!", "<a.b c>!", 1},
        {"{ {a} } }}", "{ {a} } }}", 0},
        {"{\"k\": {{v}}}", "{\"k\": <v>}", 1},
        {"{{\xc3\xa9}}", "<\xc3\xa9>", 1},
        {"100% {{a}} %s", "100% <a> %s", 1},
    };
    struct strbuf out;
    int calls = 0;
    strbuf_init(&out);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(fill(cases[i].text, &out, &calls), 0);
        assert_string_equal(out.data, cases[i].filled);
        assert_int_equal(calls, cases[i].calls);
    }
    strbuf_free(&out);
}

static void what_a_field_holds_is_not_filled_again(void **state)
{
    (void)state;
    struct strbuf out;
    int calls = 0;
    strbuf_init(&out);
    /* The name itself holds braces, so the field's text does too. */
    assert_int_equal(fill("{{{{b}}", &out, &calls), 0);
    assert_string_equal(out.data, "<{{b>");
    assert_int_equal(calls, 1);
    strbuf_free(&out);
}

static void wrong_templates_are_the_users(void **state)
{
    (void)state;
    static const char *const wrong[] = {"{{", "{{a", "{{a}", "x {{}} y", "{{   }}", "{{a}} {{b"};
    struct strbuf out;
    int calls = 0;
    strbuf_init(&out);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(fill(wrong[i], &out, &calls), LH_EUSAGE);
    strbuf_free(&out);
}

static void a_missing_field_ends_it(void **state)
{
    (void)state;
    struct strbuf out;
    int calls = 0;
    strbuf_init(&out);
    assert_int_equal(fill("{{none}} {{a}}", &out, &calls), LH_EINPUT);
    assert_int_equal(calls, 1);
    strbuf_free(&out);
}

static void names_are_bounded(void **state)
{
    (void)state;
    char text[260] = "{{";
    struct strbuf out;
    int calls = 0;
    strbuf_init(&out);
    memset(text + 2, 'n', 127);
    strcpy(text + 129, "}}");
    assert_int_equal(fill(text, &out, &calls), 0);
    assert_int_equal(out.len, 129);
    memset(text + 2, 'n', 128);
    strcpy(text + 130, "}}");
    assert_int_equal(fill(text, &out, &calls), LH_EUSAGE);
    strbuf_free(&out);
}

static void the_most_used_field_is_counted(void **state)
{
    (void)state;
    char many[40 * 8] = "";
    assert_int_equal(template_most_uses(""), 1);
    assert_int_equal(template_most_uses("plain"), 1);
    assert_int_equal(template_most_uses("{{a}} {{b}}{{c.d}}"), 1);
    assert_int_equal(template_most_uses("{{a}} {{b}} {{ a }}{{b}}{{a}}"), 3);
    for (int i = 0; i < 32; i++)
        snprintf(many + strlen(many), 8, "{{%d}}", i);
    assert_int_equal(template_most_uses(many), 1);
    strcat(many, "{{31}}{{x}}{{x}}{{x}}"); /* the 33rd name is not looked at */
    assert_int_equal(template_most_uses(many), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_go_where_their_names_stand),
        cmocka_unit_test(what_a_field_holds_is_not_filled_again),
        cmocka_unit_test(wrong_templates_are_the_users),
        cmocka_unit_test(a_missing_field_ends_it),
        cmocka_unit_test(names_are_bounded),
        cmocka_unit_test(the_most_used_field_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

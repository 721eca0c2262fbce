/* The statistics as text: JSON that a parser takes, with each figure once, and a page that stands alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "sim/page.h"

static struct limits busy(void)
{
    struct limits l = {.rpm = 600};
    lh_error err = {0};
    assert_int_equal(script_parse(NULL, "1s..2s:529", &l.script, &err), 0);
    score_begin(&l.score, 1000);
    for (int64_t i = 0; i < 3; i++) {
        score_came(&l.score, 1000 + i * 1000);
        score_granted(&l.score, 1000 + i * 1000, 5);
    }
    score_came(&l.score, 3500);
    score_refused(&l.score, 3500);
    score_advance(&l.score, 3999, 0, 600, 0);
    return l;
}

static const struct sim_stats stats = {.requests = 4,
                                       .answers = 3,
                                       .elapsed_ms = 2999,
                                       .rpm = 600,
                                       .allowance_requests = 12,
                                       .allowance_tokens = -1,
                                       .granted_requests = 3,
                                       .granted_tokens = 15,
                                       .refused_for_rate = 1,
                                       .too_early = 7};

static void json_tells_every_figure(void **state)
{
    (void)state;
    struct limits l = busy();
    struct strbuf out;
    json_object *root = NULL;
    lh_error err = {0};
    struct json_parser *parser = json_parser_new();
    strbuf_init(&out);
    page_json(&stats, &l, &out);
    assert_int_equal(json_parse(parser, out.data, out.len, &root, &err), 0);
    assert_int_equal(json_get_int(root, "requests", -1), 4);
    assert_int_equal(json_get_int(root, "too_early", -1), 7);
    assert_int_equal(json_get_int(root, "allowance_requests", -1), 12);
    assert_int_equal(json_get_int(root, "allowance_tokens", -5), -5); /* null */
    assert_float_equal(json_object_get_double(json_get(root, "utilisation_requests_percent")), 25, 1e-9);
    assert_null(json_get(root, "utilisation_tokens_percent"));
    assert_float_equal(json_object_get_double(json_get(root, "refused_percent")), 25, 1e-9);
    assert_string_equal(
        json_object_to_json_string_ext(json_get(root, "series_granted"), JSON_C_TO_STRING_PLAIN), "[1,1,1]");
    assert_string_equal(
        json_object_to_json_string_ext(json_get(root, "series_refused"), JSON_C_TO_STRING_PLAIN), "[0,0,1]");
    assert_string_equal(json_object_to_json_string_ext(json_get(root, "outages"), JSON_C_TO_STRING_PLAIN),
                        "[{\"from_ms\":1000,\"to_ms\":2000,\"kind\":\"529\"}]");
    json_object_put(root);
    json_parser_free(parser);
    strbuf_free(&out);
}

static void the_page_needs_nothing_from_elsewhere(void **state)
{
    (void)state;
    struct limits l = busy(), idle = {0};
    struct strbuf out;
    strbuf_init(&out);
    page_html(&stats, &l, &out);
    assert_non_null(strstr(
        out.data, "<polyline fill=\"none\" stroke=\"#080\" points=\"0.0,80.0 266.7,80.0 533.3,80.0 \""));
    assert_non_null(strstr(out.data, "<tr><td>requests used of those allowed<td>25.00 %"));
    assert_non_null(strstr(out.data, "<tr><td>tokens allowed so far<td>no limit"));
    assert_non_null(strstr(out.data, "<tr><td>outage (529)<td>1 s to 2 s"));
    assert_null(strstr(out.data, "<script"));
    assert_null(strstr(out.data, "://"));
    strbuf_reset(&out);
    page_html(&stats, &idle, &out); /* before the first request */
    assert_null(strstr(out.data, "<svg"));
    strbuf_free(&out);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_tells_every_figure),
        cmocka_unit_test(the_page_needs_nothing_from_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A load's checkpoint comes back as it was; its parameters are equal texts when they are equal, and named when they are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "batch/load_state.h"

static void random_hex(struct random *r, char out[40])
{
    for (int i = 0; i < 32; i++)
        out[i] = "0123456789abcdef"[random_below(r, 16)];
    out[32] = '\0';
}

static void a_state_comes_back_as_it_was(void **state)
{
    (void)state;
    static const char *const states[] = {"", "active", "paused", "finished"};
    struct random r;
    random_seed(&r, 1);
    for (int round = 0; round < 2000; round++) {
        struct load_state was = {.complete = random_below(&r, 2) == 1,
                                 .discarding = random_below(&r, 2) == 1,
                                 .lines = (int64_t)(random_u64(&r) >> 1),
                                 .bytes = (int64_t)(random_u64(&r) >> 1),
                                 .base_lines = (int64_t)(random_u64(&r) >> 1),
                                 .base_bytes = (int64_t)(random_u64(&r) >> 1),
                                 .base_last_job_id = (int64_t)random_u64(&r)};
        struct load_state is;
        random_hex(&r, was.hash);
        random_hex(&r, was.base_hash);
        strcpy(was.base_state, states[random_below(&r, 4)]);
        char *text = load_state_write(&was), *again = NULL;
        assert_true(load_state_read(text, &is));
        again = load_state_write(&is);
        assert_string_equal(again, text);
        assert_int_equal(is.complete, was.complete);
        assert_int_equal(is.discarding, was.discarding);
        assert_true(is.lines == was.lines && is.bytes == was.bytes && is.base_lines == was.base_lines &&
                    is.base_bytes == was.base_bytes && is.base_last_job_id == was.base_last_job_id);
        assert_string_equal(is.hash, was.hash);
        assert_string_equal(is.base_hash, was.base_hash);
        assert_string_equal(is.base_state, was.base_state);
        free(text);
        free(again);
    }
}

static void damage_is_seen(void **state)
{
    (void)state;
    static const char *const damaged[] = {NULL, "", "{", "[]", "null", "7", "{\"lines\":"};
    struct load_state s;
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++)
        assert_false(load_state_read(damaged[i], &s));
}

static void a_text_that_is_too_long_is_cut(void **state)
{
    (void)state;
    struct load_state s;
    char text[300] = "{\"hash\":\"", *end = text + strlen(text);
    memset(end, 'a', 200);
    strcpy(end + 200, "\"}");
    assert_true(load_state_read(text, &s));
    assert_int_equal(strlen(s.hash), sizeof s.hash - 1);
}

static char *params_of(const char *model, const char *template, const char *id_field, const char *url)
{
    lh_ingest_options o;
    lh_ingest_options_default(&o);
    o.model = model;
    o.prompt_template = template;
    o.id_field = id_field;
    o.url = url;
    return load_params_write(&o);
}

static void parameters_are_json_in_a_fixed_order(void **state)
{
    (void)state;
    char *none = params_of(NULL, NULL, NULL, NULL), *all = params_of("m", "T \"{{x}}\"\n", "id", "/v1/x");
    assert_string_equal(none, "{}");
    assert_string_equal(
        all, "{\"model\":\"m\",\"template\":\"T \\\"{{x}}\\\"\\n\",\"id_field\":\"id\",\"url\":\"/v1/x\"}");
    free(none);
    free(all);
}

static void a_bound_is_one_of_them(void **state)
{
    (void)state;
    lh_ingest_options o;
    lh_error err = {0};
    lh_ingest_options_default(&o);
    o.model = "m";
    o.max_tokens = 100;
    char *a = load_params_write(&o), *b = params_of("m", NULL, NULL, NULL);
    assert_string_equal(a, "{\"model\":\"m\",\"max_tokens\":\"100\"}");
    assert_int_equal(load_params_compare("b1", a, b, &err), LH_EMISMATCH);
    assert_non_null(strstr(err.message, "--max-tokens was 100 and is now (none)"));
    free(a);
    free(b);
}

static void what_differs_is_named(void **state)
{
    (void)state;
    char *a = params_of("m", "old {{x}}", NULL, "/v1/x"), *b = params_of("other", "old {{x}}", "id", NULL);
    lh_error err = {0};
    assert_int_equal(load_params_compare("b1", a, a, &err), 0);
    assert_int_equal(load_params_compare("b1", a, b, &err), LH_EMISMATCH);
    assert_non_null(strstr(err.message, "batch b1"));
    assert_non_null(strstr(err.message, "--model was m and is now other"));
    assert_non_null(strstr(err.message, "--id-field was (none) and is now id"));
    assert_non_null(strstr(err.message, "--url was /v1/x and is now (none)"));
    assert_null(strstr(err.message, "--template"));
    assert_non_null(strstr(err.message, "--fresh"));
    free(a);
    free(b);
}

/* Two long templates that part late: what is shown must be the place where they do. */
static void a_late_difference_is_shown(void **state)
{
    (void)state;
    char old[3000], new[3000];
    memset(old, 'x', sizeof old - 1);
    old[sizeof old - 1] = '\0';
    memcpy(new, old, sizeof new);
    memcpy(old + 2000, "CATS", 4);
    memcpy(new + 2000, "DOGS", 4);
    char *a = params_of("m", old, NULL, NULL), *b = params_of("m", new, NULL, NULL);
    lh_error err = {0};
    assert_int_equal(load_params_compare("b1", a, b, &err), LH_EMISMATCH);
    assert_non_null(strstr(err.message, "CATS"));
    assert_non_null(strstr(err.message, "DOGS"));
    assert_non_null(strstr(err.message, "--fresh"));
    free(a);
    free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_comes_back_as_it_was),
        cmocka_unit_test(damage_is_seen),
        cmocka_unit_test(a_text_that_is_too_long_is_cut),
        cmocka_unit_test(parameters_are_json_in_a_fixed_order),
        cmocka_unit_test(a_bound_is_one_of_them),
        cmocka_unit_test(what_differs_is_named),
        cmocka_unit_test(a_late_difference_is_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

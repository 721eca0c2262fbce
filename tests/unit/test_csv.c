/* CSV: what is written comes back, whatever it is; what is no record is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "batch/csv.h"

/* A copy of exactly that size, so that a sanitizer sees each byte read beyond it. */
static int split(const char *data, size_t len, struct csv_record *r, lh_error *err)
{
    char *copy = malloc(len + (len == 0));
    assert_non_null(copy);
    memcpy(copy, data, len);
    int rc = csv_split(copy, len, r, err);
    free(copy);
    return rc;
}

static void fields_are_split(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t count;
        const char *fields[4];
    } cases[] = {
        {"", 1, {""}},
        {",", 2, {"", ""}},
        {"a", 1, {"a"}},
        {"a,b", 2, {"a", "b"}},
        {" a , b ", 2, {" a ", " b "}},
        {"\"a,b\",c", 2, {"a,b", "c"}},
        {"\"\"", 1, {""}},
        {"\"\",", 2, {"", ""}},
        {"\"\"\"\"", 1, {"\""}},
        {"\"a\"\"b\"", 1, {"a\"b"}},
        {"\"a\r\nb\",c", 2, {"a\r\nb", "c"}},
        {"5\" pipe,6\"", 2, {"5\" pipe", "6\""}},
        {"a,,\"\",d", 4, {"a", "", "", "d"}},
    };
    struct csv_record r;
    csv_record_init(&r);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(split(cases[i].text, strlen(cases[i].text), &r, NULL), 0);
        assert_int_equal(r.count, cases[i].count);
        for (size_t k = 0; k < r.count; k++)
            assert_string_equal(csv_field(&r, k), cases[i].fields[k]);
    }
    csv_record_free(&r);
}

static void what_is_no_record_is_refused_with_its_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"\"", "not closed"},      {"\"a", "not closed"},           {"a,\"b", "not closed"},
        {"\"a\"\"", "not closed"}, {"\"a\"b", "follows a closing"}, {"\"a\" ,b", "follows a closing"},
    };
    struct csv_record r;
    csv_record_init(&r);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lh_error err = {0};
        assert_int_equal(split(cases[i].text, strlen(cases[i].text), &r, &err), LH_EINPUT);
        assert_non_null(strstr(err.message, cases[i].says));
    }
    csv_record_free(&r);
}

static void the_number_of_fields_is_bounded(void **state)
{
    (void)state;
    char text[CSV_MAX_FIELDS + 1];
    struct csv_record r;
    csv_record_init(&r);
    memset(text, ',', sizeof text);
    assert_int_equal(split(text, CSV_MAX_FIELDS - 1, &r, NULL), 0);
    assert_int_equal(r.count, CSV_MAX_FIELDS);
    assert_int_equal(split(text, CSV_MAX_FIELDS, &r, NULL), LH_EINPUT);
    assert_int_equal(split("a,b", 3, &r, NULL), 0);
    assert_int_equal(r.count, 2);
    csv_record_free(&r);
}

static size_t random_field(struct random *r, char *out, size_t most)
{
    static const char letters[] = "ab\",\r\n\x80 '";
    size_t len = (size_t)random_below(r, most);
    for (size_t i = 0; i < len; i++)
        out[i] = letters[random_below(r, sizeof letters - 1)];
    out[len] = '\0';
    return len;
}

static void what_is_written_comes_back(void **state)
{
    (void)state;
    struct random r;
    struct csv_record record;
    struct strbuf text;
    char fields[6][16];
    random_seed(&r, 1);
    csv_record_init(&record);
    strbuf_init(&text);
    for (int round = 0; round < 20000; round++) {
        size_t count = 1 + (size_t)random_below(&r, 6);
        strbuf_reset(&text);
        for (size_t i = 0; i < count; i++) {
            size_t len = random_field(&r, fields[i], sizeof fields[i]);
            if (i > 0)
                strbuf_append_char(&text, ',');
            csv_append(&text, fields[i], len);
        }
        assert_int_equal(split(text.data, text.len, &record, NULL), 0);
        assert_int_equal(record.count, count);
        for (size_t i = 0; i < count; i++)
            assert_string_equal(csv_field(&record, i), fields[i]);
    }
    strbuf_free(&text);
    csv_record_free(&record);
}

static void any_bytes_are_a_record_or_refused(void **state)
{
    (void)state;
    struct random r;
    struct csv_record record;
    char text[32];
    random_seed(&r, 2);
    csv_record_init(&record);
    for (int round = 0; round < 20000; round++) {
        size_t len = random_field(&r, text, sizeof text);
        int rc = split(text, len, &record, NULL);
        assert_true(rc == 0 || rc == LH_EINPUT);
    }
    csv_record_free(&record);
}

static void only_what_must_be_is_quoted(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"a b", "a b"},         {"", ""},           {"a,b", "\"a,b\""},
                                           {"a\"b", "\"a\"\"b\""}, {"a\n", "\"a\n\""}, {"\r", "\"\r\""}};
    struct strbuf out;
    strbuf_init(&out);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        strbuf_reset(&out);
        csv_append(&out, cases[i][0], strlen(cases[i][0]));
        assert_string_equal(out.data, cases[i][1]);
    }
    strbuf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_split),
        cmocka_unit_test(what_is_no_record_is_refused_with_its_reason),
        cmocka_unit_test(the_number_of_fields_is_bounded),
        cmocka_unit_test(what_is_written_comes_back),
        cmocka_unit_test(any_bytes_are_a_record_or_refused),
        cmocka_unit_test(only_what_must_be_is_quoted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

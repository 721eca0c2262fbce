/* A line of output: valid JSON on one line whatever came back, with the very body; a CSV record with its answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "batch/csv.h"
#include "batch/export_line.h"

static const struct export_row done = {.job_id = 5,
                                       .custom_id = "a\"b",
                                       .status_code = 200,
                                       .request_id = "req",
                                       .finish_reason = "stop",
                                       .model = "m",
                                       .prompt_tokens = 7,
                                       .completion_tokens = 3,
                                       .latency_ms = 12,
                                       .attempts = 2,
                                       .cached_tokens = 4,
                                       .cost_nanousd = 1230000045};
static const struct export_row dead = {.job_id = 6,
                                       .custom_id = "x",
                                       .status_code = 500,
                                       .dead = true,
                                       .error_code = "http_500",
                                       .error_message = "no, \"never\"",
                                       .reason = "attempts",
                                       .prompt_tokens = INT64_MIN,
                                       .completion_tokens = INT64_MIN,
                                       .latency_ms = INT64_MIN,
                                       .attempts = 5,
                                       .cached_tokens = INT64_MIN,
                                       .cost_nanousd = INT64_MIN};

static void write_row(const char *format, struct export_row row, const char *body, size_t len,
                      struct strbuf *out)
{
    struct export_format *f = NULL;
    assert_int_equal(export_format_new(format, &f, NULL), 0);
    row.body = body;
    row.body_len = len;
    strbuf_reset(out);
    assert_int_equal(export_line(f, &row, out), 0);
    export_format_free(f);
}

static void assert_row(const char *format, struct export_row row, const char *body, const char *wanted)
{
    struct strbuf out;
    strbuf_init(&out);
    write_row(format, row, body, body != NULL ? strlen(body) : 0, &out);
    assert_string_equal(out.data, wanted);
    strbuf_free(&out);
}

static void a_result_is_the_batch_line(void **state)
{
    (void)state;
    assert_row(
        "jsonl", done, "{\"x\": 1.50}",
        "{\"id\":\"lh_5\",\"custom_id\":\"a\\\"b\",\"response\":{\"status_code\":200,\"request_id\":\"req\","
        "\"body\":{\"x\": 1.50}},\"error\":null}\n");
    struct export_row row = done;
    row.request_id = NULL;
    assert_row(
        "jsonl", row, "{\n  \"x\": \"a\\nb\"\r\n}\n",
        "{\"id\":\"lh_5\",\"custom_id\":\"a\\\"b\",\"response\":{\"status_code\":200,\"request_id\":null,"
        "\"body\":{   \"x\": \"a\\nb\"  } },\"error\":null}\n");
}

static void a_dead_letter_has_its_error_and_what_came_last(void **state)
{
    (void)state;
#define ERROR "\"error\":{\"code\":\"http_500\",\"message\":\"no, \\\"never\\\"\"}}\n"
#define BEGIN "{\"id\":\"lh_6\",\"custom_id\":\"x\",\"response\":"
    assert_row("jsonl", dead, NULL, BEGIN "null," ERROR);
    assert_row("jsonl", dead, "{\"e\":\n1}",
               BEGIN "{\"status_code\":500,\"request_id\":null,\"body\":{\"e\": 1}}," ERROR);
    assert_row("jsonl", dead, "<html>\n\"",
               BEGIN "{\"status_code\":500,\"request_id\":null,\"body\":\"<html>\\n\\\"\"}," ERROR);
    assert_row("jsonl", dead, "", BEGIN "{\"status_code\":500,\"request_id\":null,\"body\":\"\"}," ERROR);
    assert_row("jsonl", dead, "{} {}",
               BEGIN "{\"status_code\":500,\"request_id\":null,\"body\":\"{} {}\"}," ERROR);
    assert_row("jsonl", dead, "NaN",
               BEGIN "{\"status_code\":500,\"request_id\":null,\"body\":\"NaN\"}," ERROR);
    struct export_row row = dead;
    row.status_code = INT64_MIN;
    assert_row("jsonl", row, "{}", BEGIN "null," ERROR);
}

/* Any bytes may come back from what is no provider at all. */
static void any_body_of_a_dead_letter_is_one_line_of_json(void **state)
{
    (void)state;
    struct random r;
    struct strbuf out;
    struct json_parser *p = json_parser_new();
    char body[24];
    random_seed(&r, 1);
    strbuf_init(&out);
    for (int round = 0; round < 20000; round++) {
        size_t len = (size_t)random_below(&r, sizeof body);
        for (size_t i = 0; i < len; i++)
            body[i] = random_below(&r, 2) == 0 ? "{}[]\":,1\n\r\0e"[random_below(&r, 12)]
                                               : (char)random_below(&r, 256);
        write_row("jsonl", dead, body, len, &out);
        json_object *line = NULL;
        assert_int_equal(json_parse(p, out.data, out.len, &line, NULL), 0);
        assert_ptr_equal(memchr(out.data, '\n', out.len), out.data + out.len - 1);
        assert_string_equal(json_get_string(line, "custom_id"), "x");
        assert_int_equal(json_object_object_length(line), 4);
        json_object_put(line);
    }
    strbuf_free(&out);
    json_parser_free(p);
}

static void csv_has_a_column_for_each_name(void **state)
{
    (void)state;
    struct export_format *f = NULL;
    struct strbuf header, line;
    struct csv_record names, fields;
    strbuf_init(&header);
    strbuf_init(&line);
    csv_record_init(&names);
    csv_record_init(&fields);
    assert_int_equal(export_format_new("csv", &f, NULL), 0);
    assert_int_equal(export_header(f, &header), 0);
    export_format_free(f);
    assert_int_equal(csv_split(header.data, header.len - 2, &names, NULL), 0);
    static const struct export_row *const rows[] = {&done, &dead};
    static const char body[] = "{\"choices\":[{\"message\":{\"content\":\"a,\\n\\\"b\\\"\"}}]}";
    for (size_t i = 0; i < 2; i++) {
        write_row("csv", *rows[i], body, sizeof body - 1, &line);
        assert_string_equal(line.data + line.len - 2, "\r\n");
        assert_int_equal(csv_split(line.data, line.len - 2, &fields, NULL), 0);
        assert_int_equal(fields.count, names.count);
        assert_string_equal(csv_field(&names, 2), "answer");
        assert_string_equal(csv_field(&fields, 2), i == 0 ? "a,\n\"b\"" : "");
    }
    strbuf_free(&header);
    strbuf_free(&line);
    csv_record_free(&names);
    csv_record_free(&fields);
}

static void csv_records_are_as_they_should_be(void **state)
{
    (void)state;
    assert_row("csv", done, "{\"choices\":[{\"text\":\"t\"}]}",
               "\"a\"\"b\",done,t,stop,m,7,3,12,2,,,4,1.230000045\r\n");
    assert_row("csv", dead, "{}", "x,dead,,,,,,,5,http_500,\"no, \"\"never\"\"\",,\r\n");
    assert_row("csv", dead, NULL, "x,dead,,,,,,,5,http_500,\"no, \"\"never\"\"\",,\r\n");
}

static void the_answer_is_found_in_each_dialect(void **state)
{
    (void)state;
    static const char *const bodies[][2] = {
        {"{\"choices\":[{\"message\":{\"content\":\"yes\"}}]}", "yes"},
        {"{\"choices\":[{\"text\":\"yes\"}]}", "yes"},
        {"{\"content\":[{\"type\":\"text\",\"text\":\"yes\"}]}", "yes"},
        {"{\"content\":[{\"type\":\"thinking\",\"thinking\":\"hm\"},{\"type\":\"text\",\"text\":\"yes\"}]}",
         "yes"},
        {"{\"output\":[{\"type\":\"reasoning\"},{\"content\":[{\"text\":\"yes\"}]}]}", "yes"},
        {"{\"choices\":[]}", ""},
        {"{\"choices\":[{\"message\":{\"content\":null,\"tool_calls\":[]}}]}", ""},
        {"{\"choices\":7,\"content\":\"x\",\"output\":{}}", ""},
        {"[]", ""},
    };
    struct strbuf line;
    struct csv_record fields;
    strbuf_init(&line);
    csv_record_init(&fields);
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        write_row("csv", done, bodies[i][0], strlen(bodies[i][0]), &line);
        assert_int_equal(csv_split(line.data, line.len - 2, &fields, NULL), 0);
        assert_string_equal(csv_field(&fields, 2), bodies[i][1]);
    }
    strbuf_free(&line);
    csv_record_free(&fields);
}

static void only_two_formats_are_known(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "CSV", "json", "csvx"};
    struct export_format *f = NULL;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(export_format_new(wrong[i], &f, NULL), LH_EUSAGE);
        assert_null(f);
    }
    export_format_free(NULL);
    struct strbuf out;
    strbuf_init(&out);
    assert_int_equal(export_format_new("jsonl", &f, NULL), 0);
    assert_int_equal(export_header(f, &out), 0);
    assert_int_equal(out.len, 0);
    export_format_free(f);
    strbuf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_result_is_the_batch_line),
        cmocka_unit_test(a_dead_letter_has_its_error_and_what_came_last),
        cmocka_unit_test(any_body_of_a_dead_letter_is_one_line_of_json),
        cmocka_unit_test(csv_has_a_column_for_each_name),
        cmocka_unit_test(csv_records_are_as_they_should_be),
        cmocka_unit_test(the_answer_is_found_in_each_dialect),
        cmocka_unit_test(only_two_formats_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

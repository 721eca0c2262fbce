/* One line: the request that it becomes, byte for byte, or the reason why it becomes none. */
#include "line_world.h"

static void requests_are_kept_byte_for_byte(void **state)
{
    (void)state;
    static const struct {
        const char *line, *id, *url, *body;
    } cases[] = {
        {BATCH("\"a\"", "{\"model\":\"x\"," MESSAGES "}"), "a", CHAT, "{\"model\":\"x\"," MESSAGES "}"},
        {BATCH("\"a\"", "{ \"temperature\" : 1.0e0, \"model\" : \"\\u0078\", " MESSAGES " }"), "a", CHAT,
         "{ \"temperature\" : 1.0e0, \"model\" : \"\\u0078\", " MESSAGES " }"},
        {" \t" BATCH("\"a\"", "{" MESSAGES "}") " ", "a", CHAT, "{\"model\":\"m\"," MESSAGES "}"},
        {BATCH("17", "{\"model\":\"x\"," MESSAGES "}"), "17", CHAT, "{\"model\":\"x\"," MESSAGES "}"},
        {BATCH("\"\\u00e9\\\"\"", "{\"model\":\"x\"," MESSAGES "}"), "\xc3\xa9\"", CHAT,
         "{\"model\":\"x\"," MESSAGES "}"},
        {"{\"body\":{\"a\":1},\"url\":\"/v1/other\",\"custom_id\":\"b\"}", "b", "/v1/other",
         "{\"model\":\"m\",\"a\":1}"},
        {"{\"body\":{},\"url\":\"/x\",\"custom_id\":\"b\"}", "b", "/x", "{\"model\":\"m\"}"},
        {"{" MESSAGES "}", "line-7", CHAT, "{\"model\":\"m\"," MESSAGES "}"},
        {"{\"prompt\":\"p\"}", "line-7", "/v1/completions", "{\"model\":\"m\",\"prompt\":\"p\"}"},
        {"{\"input\":\"p\"}", "line-7", "/v1/responses", "{\"model\":\"m\",\"input\":\"p\"}"},
        {"  { \"prompt\" : \"p\" }  ", "line-7", "/v1/completions", "{\"model\":\"m\", \"prompt\" : \"p\" }"},
        {"{\"custom_id\":\"c\", \"prompt\" : \"p\" , \"n\":1.50}", "c", "/v1/completions",
         "{\"model\":\"m\",\"prompt\":\"p\",\"n\":1.50}"},
        {"{\"model\":\"x\",\"prompt\":\"p\",\"custom_id\":3}", "3", "/v1/completions",
         "{\"model\":\"x\",\"prompt\":\"p\"}"},
        /* what is null is not there, and must not be sent beside what takes its place */
        {"{\"custom_id\":null,\"prompt\":\"p\"}", "line-7", "/v1/completions",
         "{\"model\":\"m\",\"prompt\":\"p\"}"},
        {"{\"model\":null,\"prompt\":\"p\"}", "line-7", "/v1/completions",
         "{\"model\":\"m\",\"prompt\":\"p\"}"},
        {BATCH("\"a\"", "{\"model\":null, " MESSAGES "}"), "a", CHAT, "{\"model\":\"m\"," MESSAGES "}"},
    };
    struct line_parser *p = new_parser("m", NULL, NULL);
    struct parsed out = {0};
    strbuf_init(&out.text);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (parse(p, cases[i].line, &out) != 0)
            fail_msg("%s: %s", cases[i].line, out.err.message);
        assert_request(&out, cases[i].id, cases[i].url, cases[i].body);
    }
    strbuf_free(&out.text);
    line_parser_free(p);
}

static void what_is_no_request_is_refused_with_its_reason(void **state)
{
    (void)state;
    static const struct {
        const char *line, *says, *id;
    } cases[] = {
        {"{\"prompt\":", "too early", "line-7"},
        {"x", "bad JSON", "line-7"},
        {"[1]", "no JSON object", "line-7"},
        {"null", "no JSON object", "line-7"},
        {"\"text\"", "no JSON object", "line-7"},
        {"{}", "--template", "line-7"},
        {"{\"text\":\"row\"}", "--template", "line-7"},
        {"{\"prompt\":\"a\"} {}", "byte 16", "line-7"},
        {"{\"prompt\":\"a\",\"prompt\":\"b\"}", "twice", "line-7"},
        {"{\"custom_id\":\"x\",\"url\":\"/v1/chat/"
         "completions\",\"body\":{\"model\":\"a\",\"messages\":[{}],\"model\":\"b\"}}",
         "twice in the body", "x"},
        {"{\"custom_id\":\"x\",\"url\":\"/v1/chat/"
         "completions\",\"body\":{\"model\":\"a\",\"messages\":[{}],\"\\u006dodel\":\"b\"}}",
         "twice in the body", "x"},
        {"{\"prompt\":\"\xff\"}", "UTF-8", "line-7"},
        {"{\"prompt\":7}", "prompt", "line-7"},
        {"{\"prompt\":\"a\",\"stream\":true}", "stream", "line-7"},
        {"{\"messages\":\"a\"}", "messages", "line-7"},
        {"{\"messages\":[]}", "messages", "line-7"},
        {"{\"custom_id\":1.5,\"prompt\":\"a\"}", "custom_id must be a string", "line-7"},
        {"{\"custom_id\":\"\",\"prompt\":\"a\"}", "empty", "line-7"},
        {"{\"custom_id\":\"a\\nb\",\"prompt\":\"a\"}", "control", "line-7"},
        {"{\"custom_id\":\"a\\u0000b\",\"prompt\":\"a\"}", "control", "line-7"},
        {"{\"custom_id\":99999999999999999999,\"prompt\":\"a\"}", "too large", "line-7"},
        {"{\"custom_id\":-99999999999999999999,\"prompt\":\"a\"}", "too large", "line-7"},
        {"{\"custom\\u005fid\":\"a\",\"prompt\":\"a\"}", "escapes", "a"},
        {"{\"mod\\u0065l\":null,\"prompt\":\"a\"}", "escapes", "line-7"},
        {"{\"url\":\"/v1/x\",\"body\":{}}", "custom_id is missing", "line-7"},
        {"{\"custom_id\":null,\"url\":\"/v1/x\",\"body\":{}}", "custom_id is missing", "line-7"},
        {"{\"custom_id\":\"a\",\"url\":\"/v1/x\"}", "no JSON object", "a"},
        {"{\"custom_id\":\"a\",\"url\":\"/v1/x\",\"body\":null}", "no JSON object", "a"},
        {"{\"custom_id\":\"a\",\"url\":\"/v1/x\",\"body\":[]}", "no JSON object", "a"},
        {"{\"custom_id\":\"a\",\"body\":{}}", "url must be a path", "a"},
        {"{\"custom_id\":\"a\",\"url\":7,\"body\":{}}", "url must be a path", "a"},
        {"{\"custom_id\":\"a\",\"url\":\"https://evil/v1\",\"body\":{}}", "url must be a path", "a"},
        {"{\"custom_id\":\"a\",\"url\":\"/v1\\r\\nX: y\",\"body\":{}}", "url must be a path", "a"},
        {"{\"custom_id\":\"a\",\"url\":\"/v1\\u0000/x\",\"body\":{}}", "url must be a path", "a"},
        {"{\"custom_id\":\"a\",\"method\":\"GET\",\"url\":\"/v1/x\",\"body\":{}}", "POST", "a"},
        {"{\"custom_id\":\"a\",\"method\":7,\"url\":\"/v1/x\",\"body\":{}}", "POST", "a"},
        {"{\"custom_id\":\"a\",\"url\":\"/v1/x\",\"body\":{},\"extra\":1}", "\"extra\" is no member", "a"},
        {"{\"custom_id\":\"a\",\"url\":\"/v1/x\",\"bo\\u0064y\":{}}", "escapes", "a"},
    };
    struct line_parser *p = new_parser("m", NULL, NULL);
    struct parsed out = {0};
    strbuf_init(&out.text);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (parse(p, cases[i].line, &out) != LH_EINPUT)
            fail_msg("%s is not refused", cases[i].line);
        if (strstr(out.err.message, cases[i].says) == NULL)
            fail_msg("%s: \"%s\" does not say %s", cases[i].line, out.err.message, cases[i].says);
        assert_string_equal(at(&out, out.job.custom_id), cases[i].id);
        assert_false(out.blank);
    }
    strbuf_free(&out.text);
    line_parser_free(p);
}

static void a_request_without_a_model_is_refused(void **state)
{
    (void)state;
    struct line_parser *p = new_parser(NULL, NULL, NULL);
    struct parsed out = {0};
    strbuf_init(&out.text);
    assert_int_equal(parse(p, "{\"prompt\":\"a\"}", &out), LH_EINPUT);
    assert_non_null(strstr(out.err.message, "--model"));
    assert_int_equal(parse(p, "{\"prompt\":\"a\",\"model\":null}", &out), LH_EINPUT);
    assert_int_equal(parse(p, "{\"prompt\":\"a\",\"model\":\"x\"}", &out), 0);
    assert_request(&out, "line-7", "/v1/completions", "{\"prompt\":\"a\",\"model\":\"x\"}");
    strbuf_free(&out.text);
    line_parser_free(p);
}

static void blank_and_too_long_are_as_the_source_says(void **state)
{
    (void)state;
    struct line_parser *p = new_parser("m", NULL, NULL);
    struct parsed out = {0};
    strbuf_init(&out.text);
    assert_int_equal(parse_as(p, (struct source_line){.is_blank = true}, " \t", 2, &out), 0);
    assert_true(out.blank);
    assert_int_equal(out.text.len, 7);
    assert_int_equal(parse_as(p, (struct source_line){.too_long = true}, "{\"pro", 5, &out), LH_EINPUT);
    assert_non_null(strstr(out.err.message, "--max-line"));
    assert_string_equal(at(&out, out.job.custom_id), "line-7");
    assert_int_equal(parse_as(p, (struct source_line){0}, "{\"prompt\":\"a\"}\0", 15, &out), LH_EINPUT);
    assert_int_equal(parse_as(p, (struct source_line){0}, "\0", 1, &out), LH_EINPUT);
    strbuf_free(&out.text);
    line_parser_free(p);
}

static void ids_have_512_bytes_at_most(void **state)
{
    (void)state;
    char line[700];
    struct line_parser *p = new_parser("m", NULL, NULL);
    struct parsed out = {0};
    strbuf_init(&out.text);
    for (int len = 512; len <= 513; len++) {
        snprintf(line, sizeof line, "{\"custom_id\":\"%0*d\",\"prompt\":\"a\"}", len, 1);
        assert_int_equal(parse(p, line, &out), len == 512 ? 0 : LH_EINPUT);
        assert_int_equal(strlen(at(&out, out.job.custom_id)), len == 512 ? 512 : strlen("line-7"));
    }
    strbuf_free(&out.text);
    line_parser_free(p);
}

static void deep_nesting_is_refused(void **state)
{
    (void)state;
    struct line_parser *p = new_parser("m", NULL, NULL);
    struct parsed out = {0};
    struct strbuf line;
    strbuf_init(&out.text);
    strbuf_init(&line);
    for (int depth = 100; depth <= 100000; depth *= 1000) {
        strbuf_reset(&line);
        strbuf_append_str(&line, "{\"prompt\":\"a\",\"x\":");
        for (int i = 0; i < depth; i++)
            strbuf_append_char(&line, '[');
        for (int i = 0; i < depth; i++)
            strbuf_append_char(&line, ']');
        strbuf_append_char(&line, '}');
        assert_int_equal(parse(p, line.data, &out), depth == 100 ? 0 : LH_EINPUT);
    }
    strbuf_free(&line);
    strbuf_free(&out.text);
    line_parser_free(p);
}

/* ---- rows ---- */

static void rows_fill_the_template(void **state)
{
    (void)state;
    static const struct {
        const char *row, *id, *content; /* NULL: refused, `content` is said */
    } cases[] = {
        {"{\"t\":\"a\",\"k\":\"x\"}", "x", "T: a"},
        {"{\"t\":\"\\\"a\\n\",\"k\":\"x\"}", "x", "T: \\\"a\\n"},
        {"{\"t\":\"a\\u0000b\",\"k\":\"x\"}", "x", "T: a\\u0000b"},
        {"{\"t\":7,\"k\":12}", "12", "T: 7"},
        {"{\"t\":1.50,\"k\":\"x\"}", "x", "T: 1.50"},
        {"{\"t\":true,\"k\":\"x\"}", "x", "T: true"},
        {"{\"t\":[1, {\"a\":\"b/c\"}],\"k\":\"x\"}", "x", "T: [1,{\\\"a\\\":\\\"b/c\\\"}]"},
        {"{\"k\":\"x\"}", NULL, "no field \"t\""},
        {"{\"t\":null,\"k\":\"x\"}", NULL, "no field \"t\""},
        {"{\"t\":\"a\"}", NULL, "no field \"k\""},
        {"{\"t\":\"a\",\"k\":\"\"}", NULL, "empty"},
        {"{\"t\":\"a\",\"k\":\"a\\tb\"}", NULL, "control"},
        {"{\"t\":123456789012345678901,\"k\":\"x\"}", NULL, "too large"},
        {"[\"t\"]", NULL, "no JSON object"},
    };
    struct line_parser *p = new_parser("m", "T: {{t}}", "k");
    struct parsed out = {0};
    char body[256];
    strbuf_init(&out.text);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int rc = parse(p, cases[i].row, &out);
        snprintf(body, sizeof body, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}]}",
                 cases[i].content);
        if (cases[i].id != NULL && rc != 0)
            fail_msg("%s: %s", cases[i].row, out.err.message);
        if (cases[i].id != NULL)
            assert_request(&out, cases[i].id, CHAT, body);
        else if (rc != LH_EINPUT || strstr(out.err.message, cases[i].content) == NULL)
            fail_msg("%s: %d %s", cases[i].row, rc, out.err.message);
    }
    strbuf_free(&out.text);
    line_parser_free(p);
}

static void inner_fields_have_dotted_names(void **state)
{
    (void)state;
    struct line_parser *p = new_parser("m", "{{a.b}} {{a.c}}", NULL);
    struct parsed out = {0};
    strbuf_init(&out.text);
    assert_int_equal(parse(p, "{\"a\":{\"b\":\"x\"},\"a.c\":\"y\"}", &out), 0);
    assert_request(&out, "line-7", CHAT,
                   "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x y\"}]}");
    strbuf_free(&out.text);
    line_parser_free(p);
}

static int parse_csv(struct line_parser *p, const char *text, bool header, struct parsed *out)
{
    return parse_as(p, (struct source_line){.is_csv = true, .first_of_input = header}, text, strlen(text),
                    out);
}

static void csv_records_are_read_by_their_header(void **state)
{
    (void)state;
    struct line_parser *p = new_parser("m", "T: {{t}}", "k");
    struct parsed out = {0};
    strbuf_init(&out.text);
    assert_int_equal(parse_csv(p, "k,other,t", true, &out), 0);
    assert_true(out.blank);
    assert_int_equal(parse_csv(p, "id1,o,\"a \"\"b\"\"\"", false, &out), 0);
    assert_request(&out, "id1", CHAT,
                   "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"T: a \\\"b\\\"\"}]}");
    assert_int_equal(parse_csv(p, "id1,o", false, &out), LH_EINPUT);
    assert_non_null(strstr(out.err.message, "2 fields, where the header has 3"));
    assert_int_equal(parse_csv(p, "id1,o,\xff", false, &out), LH_EINPUT);
    assert_int_equal(parse_csv(p, "t,k", true, &out), 0);
    assert_int_equal(parse_csv(p, "text,id2", false, &out), 0);
    assert_string_equal(at(&out, out.job.custom_id), "id2");
    strbuf_free(&out.text);
    line_parser_free(p);
}

/* The rows of a second file must not be read by the columns of the first. */
static void a_bad_header_leaves_none(void **state)
{
    (void)state;
    static const char *const bad[] = {"t,\"k", "t,\xff", "t,\"k\"x"};
    struct line_parser *p = new_parser("m", "T: {{t}}", "k");
    struct parsed out = {0};
    strbuf_init(&out.text);
    for (size_t i = 0; i <= sizeof bad / sizeof *bad; i++) {
        assert_int_equal(parse_csv(p, "k,t", true, &out), 0);
        struct source_line line = {.is_csv = true, .first_of_input = true, .too_long = i == 3};
        const char *text = i == 3 ? "t,k" : bad[i];
        assert_int_equal(parse_as(p, line, text, strlen(text), &out), LH_EINPUT);
        assert_int_equal(parse_csv(p, "a,b", false, &out), LH_EINPUT);
        assert_non_null(strstr(out.err.message, "the header has 0"));
    }
    strbuf_free(&out.text);
    line_parser_free(p);
}

static void rows_need_a_model(void **state)
{
    (void)state;
    struct line_parser *p = new_parser(NULL, "T: {{t}}", NULL);
    struct parsed out = {0};
    strbuf_init(&out.text);
    assert_int_equal(parse(p, "{\"t\":\"a\"}", &out), LH_EINPUT);
    assert_non_null(strstr(out.err.message, "--model"));
    strbuf_free(&out.text);
    line_parser_free(p);
}

static void tokens_are_measured(void **state)
{
    (void)state;
    struct line_parser *p = new_parser("m", NULL, NULL);
    struct parsed out = {0};
    strbuf_init(&out.text);
    assert_int_equal(parse(p, "{\"prompt\":\"12345678\",\"max_tokens\":40,\"n\":2}", &out), 0);
    assert_int_equal(out.job.prompt_tokens, 3); /* 123 456 78 */
    assert_int_equal(out.job.max_output_tokens, 80);
    assert_int_equal(parse(p, "{\"messages\":[{\"role\":\"user\",\"content\":\"12345678\"}]}", &out), 0);
    assert_int_equal(out.job.prompt_tokens, 3 + 1 + 3 + 3);
    assert_true(out.job.max_output_tokens == LH_UNKNOWN);
    strbuf_free(&out.text);
    line_parser_free(p);
}

/* A row's tokens are those of the body that becomes of it. */
static void rows_are_measured_as_their_bodies(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "a b c",
        "12345678",
        "\\\"\\n\\u00e9",
        "data:image/png;base64,AAAA",
        "\u0928\u092e\u0938\u094d\u0924\u0947 \u0926\u0941\u0928\u093f\u092f\u093e"};
    struct line_parser *p = new_parser("gpt-4", "{{t}}", NULL), *bare = new_parser(NULL, NULL, NULL);
    struct parsed row = {0}, body = {0};
    char line[128];
    strbuf_init(&row.text);
    strbuf_init(&body.text);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        snprintf(line, sizeof line, "{\"t\":\"%s\"}", texts[i]);
        assert_int_equal(parse(p, line, &row), 0);
        assert_int_equal(parse(bare, at(&row, row.job.body), &body), 0);
        assert_int_equal(row.job.prompt_tokens, body.job.prompt_tokens);
    }
    strbuf_free(&row.text);
    strbuf_free(&body.text);
    line_parser_free(bare);
    line_parser_free(p);
}

/* ---- any line ---- */

/* Whatever is cut out of or put into a good line: a request whose body is JSON, or a reason; and never a broken id. */
static void any_bytes_are_a_request_or_refused(void **state)
{
    (void)state;
    static const char good[] =
        "{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\",\"body\":{\"model\":null,"
        "\"messages\":[{\"role\":\"user\",\"content\":\"q\"}],\"x\":[1,{}]}}";
    struct random r;
    struct line_parser *p = new_parser("m", NULL, NULL);
    struct json_parser *json = json_parser_new();
    struct parsed out = {0};
    char text[sizeof good];
    int taken = 0;
    random_seed(&r, 3);
    strbuf_init(&out.text);
    for (int round = 0; round < 20000; round++) {
        memcpy(text, good, sizeof good);
        size_t len = sizeof good - 1;
        for (uint64_t changes = random_below(&r, 3); changes > 0; changes--)
            text[random_below(&r, len)] = "\"{}[]:,\\n\0 u"[random_below(&r, 12)];
        if (random_below(&r, 4) == 0)
            len = (size_t)random_below(&r, len);
        int rc = parse_as(p, (struct source_line){0}, text, len, &out);
        assert_true(rc == 0 || rc == LH_EINPUT);
        assert_true(out.text.len >= 7 && memcmp(out.text.data, "before", 7) == 0);
        assert_true(strlen(at(&out, out.job.custom_id)) > 0);
        if (rc != 0)
            continue;
        json_object *body = NULL;
        assert_int_equal(json_parse(json, at(&out, out.job.body), out.job.body_len, &body, NULL), 0);
        assert_non_null(json_get_string(body, "model"));
        json_object_put(body);
        taken++;
    }
    assert_true(taken > 2000);
    strbuf_free(&out.text);
    json_parser_free(json);
    line_parser_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_kept_byte_for_byte),
        cmocka_unit_test(what_is_no_request_is_refused_with_its_reason),
        cmocka_unit_test(a_request_without_a_model_is_refused),
        cmocka_unit_test(blank_and_too_long_are_as_the_source_says),
        cmocka_unit_test(ids_have_512_bytes_at_most),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(rows_fill_the_template),
        cmocka_unit_test(inner_fields_have_dotted_names),
        cmocka_unit_test(csv_records_are_read_by_their_header),
        cmocka_unit_test(a_bad_header_leaves_none),
        cmocka_unit_test(rows_need_a_model),
        cmocka_unit_test(tokens_are_measured),
        cmocka_unit_test(rows_are_measured_as_their_bodies),
        cmocka_unit_test(any_bytes_are_a_request_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

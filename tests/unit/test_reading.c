/* Reading: the lines of an ingest's options, made into requests as the options say, without a database. */
#include "batch/reading.h"
#include "batch_world.h"

static void assert_request(const struct chunk *chunk, size_t i, const char *id, const char *url,
                           const char *body)
{
    const struct chunk_entry *e = &chunk->entries[i];
    assert_false(e->bad);
    assert_string_equal(chunk_text(chunk, e->job.custom_id), id);
    assert_string_equal(chunk_text(chunk, e->job.url), url);
    assert_string_equal(chunk_text(chunk, e->job.body), body);
}

static void lines_become_what_the_options_say(void **state)
{
    (void)state;
    static const char *const inputs[] = {"a.csv", "b.jsonl"};
    lh_ingest_options o = options_for(inputs, 2);
    struct reading r;
    lh_error err = {0};
    write_text("a.csv", "k,t\none,1\ntwo,2\n");
    write_text("b.jsonl", "{\"k\":\"three\",\"t\":3}\n");
    o.model = "small";
    o.prompt_template = "T{{t}}";
    o.id_field = "k";
    o.url = "/v1/x";
    assert_int_equal(reading_open(&r, &o, 2, &err), 0);
    struct chunk *chunk = chunks_next(r.chunks);
    assert_int_equal(chunk->rc, 0);
    assert_int_equal(chunk->count, 2);
    assert_request(chunk, 0, "two", "/v1/x",
                   "{\"model\":\"small\",\"messages\":[{\"role\":\"user\",\"content\":\"T2\"}]}");
    assert_request(chunk, 1, "three", "/v1/x",
                   "{\"model\":\"small\",\"messages\":[{\"role\":\"user\",\"content\":\"T3\"}]}");
    assert_true(chunk->last);
    reading_close(&r);
    reading_close(&r);
    assert_int_equal(count_files(".db"), 0);
}

static void a_longest_line_is_that_of_the_options(void **state)
{
    (void)state;
    static const char *const inputs[] = {"in.csv"};
    lh_ingest_options o = options_for(inputs, 1);
    struct strbuf text;
    struct reading r;
    lh_error err = {0};
    strbuf_init(&text);
    strbuf_appendf(&text, "{\"prompt\":\"%0*d\"}\n", 1024 - 13, 0);
    strbuf_appendf(&text, "{\"prompt\":\"%0*d\"}\n", 1025 - 13, 0);
    write_bytes("in.csv", text.data, text.len); /* without a template its name says nothing */
    o.max_line = 1024;
    assert_int_equal(reading_open(&r, &o, 0, &err), 0);
    struct chunk *chunk = chunks_next(r.chunks);
    assert_int_equal(chunk->count, 2);
    assert_false(chunk->entries[0].bad);
    assert_true(chunk->entries[1].bad);
    reading_close(&r);
    strbuf_free(&text);
}

static void what_is_wrong_with_an_input_comes_with_its_chunk(void **state)
{
    (void)state;
    static const char *const inputs[] = {"none.jsonl"};
    lh_ingest_options o = options_for(inputs, 1);
    struct reading r;
    lh_error err = {0};
    assert_int_equal(reading_open(&r, &o, 0, &err), 0);
    assert_int_equal(chunks_next(r.chunks)->rc, LH_ENOTFOUND);
    reading_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(lines_become_what_the_options_say, empty_folder),
        cmocka_unit_test_setup(a_longest_line_is_that_of_the_options, empty_folder),
        cmocka_unit_test_setup(what_is_wrong_with_an_input_comes_with_its_chunk, empty_folder),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}

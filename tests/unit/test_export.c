/* lh_export: each finished job exactly once, in the order that was asked for, and never over what matters. */
#include "base/json.h"
#include "batch_world.h"

static lh_error err;
static lh_export_report report;

static lh_export_options options(void)
{
    lh_export_options o;
    lh_export_options_default(&o);
    o.batch = "in";
    o.output = "out";
    return o;
}

static int export_with(const lh_export_options *o)
{
    err = (lh_error){0};
    return lh_export(DB, o, &report, &err);
}

/* The custom_ids of the file, one a line; every line is checked to be JSON of the contract. */
static char *ids_of_file(void)
{
    struct strbuf file, ids;
    struct json_parser *p = json_parser_new();
    strbuf_init(&file);
    strbuf_init(&ids);
    read_whole("out", &file);
    for (char *at = file.data, *end; *at != '\0'; at = end + 1) {
        json_object *line = NULL;
        end = strchr(at, '\n');
        assert_non_null(end);
        assert_int_equal(json_parse(p, at, (size_t)(end - at), &line, NULL), 0);
        assert_int_equal(json_object_object_length(line), 4);
        assert_true((json_get(line, "error") != NULL) || (json_get(line, "response") != NULL));
        strbuf_appendf(&ids, "%s\n", json_get_string(line, "custom_id"));
        json_object_put(line);
    }
    strbuf_free(&file);
    json_parser_free(p);
    return strbuf_take(&ids);
}

static void assert_ids(const char *sql)
{
    char *ids = ids_of_file();
    assert_asked(sql, ids);
    free(ids);
}

/* Done; dead with a body that is JSON, HTML, broken, missing; by id. */
static struct ending varied(int64_t job_id)
{
    switch (job_id % 6) {
    case 0:
        return (struct ending){.dead = true, .status_code = 500, .body = "<html>\n\"\xff", .body_len = 9};
    case 1:
        return (struct ending){.dead = true, .status_code = 400, .body = "{\"error\":\n{}}"};
    case 2:
        return (struct ending){.dead = true};
    default:
        return (struct ending){.status_code = 200, .body = "{\n \"choices\": [ { \"text\": \"yes\" } ] }"};
    }
}

static void input_order_holds_each_job_once(void **state)
{
    (void)state;
    lh_export_options o = options();
    load_jobs(50);
    finish_jobs(30, varied);
    finish_jobs(20, varied);
    assert_int_equal(export_with(&o), 0);
    assert_int_equal(report.results + report.dead, 50);
    assert_int_equal(report.results, ask("SELECT jobs_done FROM batches"));
    assert_int_equal(report.unfinished, 0);
    assert_ids("SELECT custom_id FROM jobs ORDER BY line");
}

static void completed_order_holds_each_job_once(void **state)
{
    (void)state;
    lh_export_options o = options();
    o.order = "completed";
    load_jobs(50);
    for (int i = 0; i < 2; i++) {
        finish_jobs(25, varied);
        assert_int_equal(export_with(&o), 0);
        assert_int_equal(report.unfinished, 25 - 25 * i);
        assert_ids("SELECT custom_id FROM (SELECT job_id, seq FROM results UNION ALL SELECT job_id, seq FROM "
                   "dead_letters) JOIN jobs ON id = job_id ORDER BY seq");
    }
}

/* More jobs than a page has, whose ends are mixed: pages are cut within one stream or the other. */
static void an_interrupted_export_leaves_what_was_there(void **state)
{
    (void)state;
    const volatile int stop = 1; /* as a signal sets it */
    lh_export_options o = options();
    load_jobs(20);
    finish_jobs(20, all_done);
    write_text("out", "older");
    o.stop = &stop;
    assert_int_equal(export_with(&o), LH_ESTATE);
    assert_non_null(strstr(err.message, "interrupted"));
    assert_file("out", "older");
    assert_int_equal(count_files("out"), 1);
}

static void pages_lose_and_repeat_nothing(void **state)
{
    (void)state;
    lh_export_options o = options();
    load_jobs(1);
    /* Rows as a worker would have left them, made at once. */
    ask("UPDATE batches SET jobs_ready = 0, jobs_done = 8000, jobs_dead = 4001, last_job_id = 12001, state = "
        "'finished'");
    ask("DROP TRIGGER jobs_legal_transition");
    ask("DROP TRIGGER jobs_legal_first_state");
    ask("WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 12001) INSERT INTO jobs "
        "(id, batch_id, "
        "custom_id, line, state, priority, created_at) SELECT i, 1, 'line-' || i, i, 'ready', 500, 0 FROM n");
    ask("UPDATE jobs SET state = CASE WHEN id * 7919 % 12001 < 8000 THEN 'done' ELSE 'dead' END");
    ask("INSERT INTO results (job_id, batch_id, seq, status_code, latency_ms, finished_at, body) SELECT id, "
        "1, id * 5003 % "
        "12011, 200, 1, 1, '{}' FROM jobs WHERE state = 'done'");
    ask("INSERT INTO dead_letters (job_id, batch_id, seq, reason, error_class, error_code, message, "
        "attempts, died_at) "
        "SELECT id, 1, id * 5003 % 12011, 'permanent', 'x', 'x', 'x', 1, 1 FROM jobs WHERE state = 'dead'");
    assert_int_equal(export_with(&o), 0);
    assert_int_equal(report.results + report.dead, 12001);
    assert_ids("SELECT custom_id FROM jobs ORDER BY line");
    o.order = "completed";
    unlink("out");
    assert_int_equal(export_with(&o), 0);
    assert_ids("SELECT custom_id FROM (SELECT job_id, seq FROM results UNION ALL SELECT job_id, seq FROM "
               "dead_letters) JOIN "
               "jobs ON id = job_id ORDER BY seq");
}

static void what_is_unfinished_is_exported_only_when_asked(void **state)
{
    (void)state;
    lh_export_options o = options();
    load_jobs(10);
    finish_jobs(4, varied);
    write_text("out", "old");
    assert_int_equal(export_with(&o), LH_ESTATE);
    assert_non_null(strstr(err.message, "6 jobs are left; --partial"));
    assert_file("out", "old");
    o.partial = true;
    assert_int_equal(export_with(&o), 0);
    assert_int_equal(report.unfinished, 6);
    assert_ids("SELECT custom_id FROM jobs WHERE state IN ('done', 'dead') ORDER BY line");
}

static void dropped_jobs_have_no_line(void **state)
{
    (void)state;
    lh_export_options o = options();
    const lh_dead_filter all = {.batch = "in"};
    int64_t count = 0;
    load_jobs(12);
    finish_jobs(12, varied);
    assert_int_equal(lh_dead_drop(DB, &all, &count, &err), 0);
    assert_int_equal(export_with(&o), 0);
    assert_int_equal(report.dead, 0);
    assert_ids("SELECT custom_id FROM jobs WHERE state = 'done' ORDER BY line");
}

static void all_batches_come_one_after_the_other(void **state)
{
    (void)state;
    lh_export_options o = options();
    o.batch = NULL;
    load_jobs(3);
    ask("UPDATE batches SET name = 'first'");
    load_jobs(2);
    finish_jobs(10, varied);
    assert_int_equal(export_with(&o), 0);
    assert_ids("SELECT custom_id FROM jobs ORDER BY batch_id, line");
    o.batch = "in";
    assert_int_equal(export_with(&o), 0);
    assert_ids("SELECT custom_id FROM jobs WHERE batch_id = 2 ORDER BY line");
    o.batch = "none";
    assert_int_equal(export_with(&o), LH_ENOTFOUND);
}

static void csv_has_a_header_and_a_record_for_each_job(void **state)
{
    (void)state;
    lh_export_options o = options();
    o.format = "csv";
    load_jobs(2);
    finish_jobs(1, all_done);
    finish_jobs(1, all_dead);
    static const char wanted[] =
        "custom_id,status,answer,finish_reason,model,prompt_tokens,completion_"
        "tokens,latency_ms,attempts,error_code,"
        "error_message,cached_tokens,cost_usd\r\nline-1,done,yes,,,7,3,3,1,,,,\r\nline-2,dead,,,,,,,1,bad_"
        "request,\"no, \"\"never\"\"\",,\r\n";
    assert_int_equal(export_with(&o), 0);
    assert_file("out", wanted);
    unlink("out");
    o.order = "completed";
    assert_int_equal(export_with(&o), 0);
    assert_file("out", wanted);
}

static void bad_lines_are_in_the_output_too(void **state)
{
    (void)state;
    static const char *const input[] = {"in.jsonl"};
    lh_ingest_options load = options_for(input, 1);
    lh_ingest_report loaded;
    lh_export_options o = options();
    load.skip_bad = true;
    write_text("in.jsonl", "{bad\n{\"prompt\":\"a\"}\n");
    assert_int_equal(load_with(&load, &loaded, &err), 0);
    finish_jobs(1, all_done);
    assert_int_equal(export_with(&o), 0);
    assert_ids("SELECT custom_id FROM jobs ORDER BY line");
    struct strbuf file;
    strbuf_init(&file);
    read_whole("out", &file);
    static const char begin[] =
        "{\"id\":\"lh_1\",\"custom_id\":\"line-1\",\"response\":null,\"error\":{\"code\":\"bad_line\",";
    assert_memory_equal(file.data, begin, sizeof begin - 1);
    strbuf_free(&file);
}

static void what_matters_is_never_written_over(void **state)
{
    (void)state;
    static const char *const own[] = {DB, "./" DB, DB "-wal", DB ".lock", "in.jsonl", "link"};
    static const char *const inputs[] = {"other.jsonl", "in.jsonl"};
    lh_export_options o = options();
    load_jobs(1);
    finish_jobs(1, all_done);
    assert_int_equal(symlink("in.jsonl", "link"), 0);
    o.inputs = inputs;
    o.n_inputs = 2;
    for (int order = 0; order < 2; order++) {
        o.order = order == 0 ? "input" : "completed";
        for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
            o.output = own[i];
            assert_int_equal(export_with(&o), LH_EUSAGE);
        }
    }
    assert_file("in.jsonl", "{\"prompt\":\"0\"}\n");
    assert_sound();
}

static void options_are_checked(void **state)
{
    (void)state;
    lh_export_options o = options();
    load_jobs(1);
    o.order = "backwards";
    assert_int_equal(export_with(&o), LH_EUSAGE);
    assert_non_null(strstr(err.message, "--order"));
    o = options();
    o.format = "xml";
    assert_int_equal(export_with(&o), LH_EUSAGE);
    assert_non_null(strstr(err.message, "--format"));
    o = options();
    assert_int_equal(lh_export("none.db", &o, &report, &err), LH_ENOTFOUND);
    assert_int_equal(count_files("out"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_interrupted_export_leaves_what_was_there, empty_folder),
        cmocka_unit_test_setup(input_order_holds_each_job_once, empty_folder),
        cmocka_unit_test_setup(completed_order_holds_each_job_once, empty_folder),
        cmocka_unit_test_setup(pages_lose_and_repeat_nothing, empty_folder),
        cmocka_unit_test_setup(what_is_unfinished_is_exported_only_when_asked, empty_folder),
        cmocka_unit_test_setup(dropped_jobs_have_no_line, empty_folder),
        cmocka_unit_test_setup(all_batches_come_one_after_the_other, empty_folder),
        cmocka_unit_test_setup(csv_has_a_header_and_a_record_for_each_job, empty_folder),
        cmocka_unit_test_setup(bad_lines_are_in_the_output_too, empty_folder),
        cmocka_unit_test_setup(what_matters_is_never_written_over, empty_folder),
        cmocka_unit_test_setup(options_are_checked, empty_folder),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}

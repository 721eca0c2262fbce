/* Output in order of completion: after any crash the file is repaired from the checkpoint, each line once; what others wrote is left. */
#include <fcntl.h>

#include "base/random.h"
#include "batch/append.h"
#include "batch_world.h"

static lh_error err;

static lh_export_options options(const char *format)
{
    lh_export_options o;
    lh_export_options_default(&o);
    o.batch = "in";
    o.output = "out";
    o.order = "completed";
    o.format = format;
    return o;
}

static int open_with(const char *format, struct appender **a)
{
    lh_export_options o = options(format);
    err = (lh_error){0};
    return appender_open(DB, &o, a, &err);
}

/* Opens, appends what there is, closes: one life of the process. How many lines; negative: an error. */
static int64_t append_as(const char *format)
{
    struct appender *a = NULL;
    int64_t count = 0;
    int rc = open_with(format, &a);
    if (rc == 0)
        rc = appender_run(a, &count, &err);
    appender_free(a);
    return rc == 0 ? count : rc;
}

/* Done and dead in turn, so that both streams are merged. */
static struct ending mixed(int64_t job_id)
{
    return job_id % 3 == 0 ? all_dead(job_id) : all_done(job_id);
}

/* The ids of the file in its order, against those of the store in order of completion. */
static void assert_file_is_whole(void)
{
    struct strbuf file, ids;
    strbuf_init(&file);
    strbuf_init(&ids);
    read_whole("out", &file);
    for (const char *at = file.data; (at = strstr(at, "\"custom_id\":\"")) != NULL;) {
        at += strlen("\"custom_id\":\"");
        strbuf_append(&ids, at, strcspn(at, "\""));
        strbuf_append_char(&ids, '\n');
    }
    assert_true(file.len == 0 || file.data[file.len - 1] == '\n');
    assert_asked("SELECT custom_id FROM (SELECT job_id, seq FROM results UNION ALL SELECT job_id, seq FROM "
                 "dead_letters) "
                 "JOIN jobs ON id = job_id ORDER BY seq",
                 ids.data);
    strbuf_free(&file);
    strbuf_free(&ids);
}

static void jobs_are_appended_as_they_finish(void **state)
{
    (void)state;
    load_jobs(20);
    assert_int_equal(append_as("jsonl"), 0);
    for (int i = 0; i < 5; i++) {
        finish_jobs(5, mixed);
        assert_int_equal(append_as("jsonl"), i < 4 ? 5 : 0);
        assert_file_is_whole();
    }
}

static void one_appender_goes_on_and_reports(void **state)
{
    (void)state;
    struct appender *a = NULL;
    lh_export_report report;
    int64_t count = 0;
    load_jobs(9);
    assert_int_equal(open_with("jsonl", &a), 0);
    finish_jobs(6, mixed);
    assert_int_equal(appender_run(a, &count, &err), 0);
    assert_int_equal(count, 6);
    assert_int_equal(appender_run(a, &count, &err), 0);
    assert_int_equal(count, 0);
    assert_int_equal(appender_report(a, &report, &err), 0);
    assert_int_equal(report.results, 4);
    assert_int_equal(report.dead, 2);
    assert_int_equal(report.unfinished, 3);
    appender_free(a);
    appender_free(NULL);
    assert_file_is_whole();
}

/* Killed while a page went out: anything of what would have come next, or rubbish, stands behind the good part. */
static void a_torn_tail_of_any_length_is_repaired(void **state)
{
    (void)state;
    struct strbuf before, after;
    strbuf_init(&before);
    strbuf_init(&after);
    load_jobs(4);
    finish_jobs(2, mixed);
    assert_int_equal(append_as("jsonl"), 2);
    read_whole("out", &before);
    char *checkpoint = ask_text("SELECT value FROM checkpoints WHERE kind LIKE 'export:%'");
    finish_jobs(2, mixed);
    assert_int_equal(append_as("jsonl"), 2);
    read_whole("out", &after);
    for (size_t len = before.len; len <= after.len; len++) {
        char sql[600];
        snprintf(sql, sizeof sql, "UPDATE checkpoints SET value = '%.*s' WHERE kind LIKE 'export:%%'",
                 (int)strlen(checkpoint) - 1, checkpoint);
        ask(sql);
        write_bytes("out", after.data, len);
        assert_int_equal(append_as("jsonl"), 2);
        assert_file("out", after.data);
    }
    free(checkpoint);
    strbuf_free(&before);
    strbuf_free(&after);
}

/* A disk that lost what it had promised, or a person who emptied the file. */
static void a_file_that_is_too_short_is_made_anew(void **state)
{
    (void)state;
    struct strbuf whole;
    strbuf_init(&whole);
    load_jobs(3);
    finish_jobs(3, mixed);
    assert_int_equal(append_as("jsonl"), 3);
    read_whole("out", &whole);
    for (size_t len = 0; len < whole.len; len += 7) {
        write_bytes("out", whole.data, len);
        assert_int_equal(append_as("jsonl"), 3);
        assert_file("out", whole.data);
    }
    unlink("out");
    assert_int_equal(append_as("jsonl"), 3);
    assert_file("out", whole.data);
    strbuf_free(&whole);
}

static void a_requeue_makes_the_file_anew(void **state)
{
    (void)state;
    const lh_dead_filter all = {.batch = "in"};
    struct appender *a = NULL;
    int64_t count = 0;
    load_jobs(6);
    finish_jobs(6, mixed);
    assert_int_equal(append_as("jsonl"), 6);
    assert_int_equal(open_with("jsonl", &a), 0); /* one that is open meanwhile */
    assert_int_equal(lh_dead_requeue(DB, &all, &count, &err), 0);
    assert_int_equal(count, 2);
    assert_int_equal(appender_run(a, &count, &err), 0);
    assert_int_equal(count, 4);
    assert_file_is_whole();
    finish_jobs(6, all_done);
    assert_int_equal(appender_run(a, &count, &err), 0);
    assert_int_equal(count, 2);
    appender_free(a);
    assert_file_is_whole();
}

/* The folder is not there at the moment when the file has to be made anew: an error, and later it goes on. */
static void making_anew_is_tried_again(void **state)
{
    (void)state;
    const lh_dead_filter all = {.batch = "in"};
    lh_export_options o = options("csv");
    struct appender *a = NULL;
    int64_t count = 0;
    o.output = "folder/out";
    assert_int_equal(mkdir("folder", 0700), 0);
    load_jobs(3);
    finish_jobs(3, mixed);
    assert_int_equal(appender_open(DB, &o, &a, &err), 0);
    assert_int_equal(appender_run(a, &count, &err), 0);
    assert_int_equal(lh_dead_requeue(DB, &all, &count, &err), 0);
    assert_int_equal(rename("folder", "away"), 0);
    assert_int_not_equal(appender_run(a, &count, &err), 0);
    assert_int_not_equal(appender_run(a, &count, &err), 0);
    assert_int_equal(rename("away", "folder"), 0);
    assert_int_equal(appender_run(a, &count, &err), 0);
    assert_int_equal(count, 2);
    appender_free(a);
    struct strbuf file;
    strbuf_init(&file);
    read_whole("folder/out", &file);
    assert_memory_equal(file.data, "custom_id,status,", 17);
    strbuf_free(&file);
    unlink("folder/out");
}

static void what_cannot_be_appended_to_is_refused(void **state)
{
    (void)state;
    lh_export_options o = options("jsonl");
    struct appender *a = NULL;
    load_jobs(1);
    o.output = "/dev/full";
    assert_int_equal(appender_open(DB, &o, &a, &err), LH_EUSAGE);
    assert_non_null(strstr(err.message, "no regular file"));
    o.output = "-";
    assert_int_equal(appender_open(DB, &o, &a, &err), LH_EUSAGE);
    o.output = "none/out";
    assert_int_equal(appender_open(DB, &o, &a, &err), LH_ENOTFOUND);
    o.output = "out";
    o.batch = "none";
    assert_int_equal(appender_open(DB, &o, &a, &err), LH_ENOTFOUND);
    o.batch = NULL;
    assert_int_equal(appender_open(DB, &o, &a, &err), LH_EUSAGE);
    assert_null(a);
    assert_int_equal(count_files("out"), 0);
}

/* ---- what is not ours ---- */

static void assert_left_alone(const char *text)
{
    write_text("out", text);
    assert_int_equal(append_as("jsonl"), LH_ESTATE);
    assert_non_null(strstr(err.message, "did not append"));
    assert_file("out", text);
}

static void a_foreign_file_is_left_alone(void **state)
{
    (void)state;
    struct strbuf other;
    strbuf_init(&other);
    load_jobs(3);
    finish_jobs(3, mixed);
    assert_left_alone("notes of mine\n");
    unlink("out");
    assert_int_equal(append_as("jsonl"), 3);
    /* Now a checkpoint is there, and another file has taken the name: longer, or shorter than ours. */
    assert_left_alone("notes of mine\n");
    for (int i = 0; i < 500; i++)
        strbuf_appendf(&other, "{\"id\":\"lh_%d\",\"custom_id\":\"of another batch\"}\n", i);
    assert_left_alone(other.data);
    unlink("out");
    assert_int_equal(append_as("jsonl"), 3);
    assert_file_is_whole();
    strbuf_free(&other);
}

static void before_the_first_line_a_foreign_file_is_left_alone_too(void **state)
{
    (void)state;
    load_jobs(1);
    assert_int_equal(append_as("jsonl"), 0);
    assert_left_alone("notes of mine\n");
}

static void another_format_makes_the_file_anew(void **state)
{
    (void)state;
    struct strbuf jsonl, csv;
    strbuf_init(&jsonl);
    strbuf_init(&csv);
    load_jobs(4);
    finish_jobs(2, mixed);
    assert_int_equal(append_as("jsonl"), 2);
    read_whole("out", &jsonl);
    assert_int_equal(append_as("csv"), 2);
    read_whole("out", &csv);
    assert_memory_equal(csv.data, "custom_id,status,", 17);
    assert_null(strchr(csv.data, '{'));
    assert_int_equal(append_as("jsonl"), 2);
    assert_file("out", jsonl.data);
    strbuf_free(&jsonl);
    strbuf_free(&csv);
}

/* A way through many lives: jobs finish, the process dies anywhere in a page, dead letters are requeued. */
static void whatever_happens_the_file_becomes_whole(void **state)
{
    (void)state;
    const lh_dead_filter all = {.batch = "in"};
    struct random r;
    random_seed(&r, 1);
    load_jobs(60);
    for (int round = 0; round < 40; round++) {
        int64_t count = 0;
        struct stat st;
        uint64_t what = random_below(&r, 8);
        if (what < 4)
            finish_jobs(1 + (int64_t)random_below(&r, 6), mixed);
        if (what == 4)
            assert_int_equal(lh_dead_requeue(DB, &all, &count, &err), 0);
        if (what == 5 && stat("out", &st) == 0 && st.st_size > 0)
            assert_int_equal(truncate("out", (off_t)random_below(&r, (uint64_t)st.st_size)), 0);
        if (what == 6 && stat("out", &st) == 0 && st.st_size > 0) {
            FILE *f = fopen("out", "a");
            fprintf(f, "{\"id\":\"lh_7\",\"cus");
            fclose(f);
        }
        assert_true(append_as("jsonl") >= 0);
        assert_file_is_whole();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(jobs_are_appended_as_they_finish, empty_folder),
        cmocka_unit_test_setup(one_appender_goes_on_and_reports, empty_folder),
        cmocka_unit_test_setup(a_torn_tail_of_any_length_is_repaired, empty_folder),
        cmocka_unit_test_setup(a_file_that_is_too_short_is_made_anew, empty_folder),
        cmocka_unit_test_setup(a_requeue_makes_the_file_anew, empty_folder),
        cmocka_unit_test_setup(making_anew_is_tried_again, empty_folder),
        cmocka_unit_test_setup(what_cannot_be_appended_to_is_refused, empty_folder),
        cmocka_unit_test_setup(a_foreign_file_is_left_alone, empty_folder),
        cmocka_unit_test_setup(before_the_first_line_a_foreign_file_is_left_alone_too, empty_folder),
        cmocka_unit_test_setup(another_format_makes_the_file_anew, empty_folder),
        cmocka_unit_test_setup(whatever_happens_the_file_becomes_whole, empty_folder),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}

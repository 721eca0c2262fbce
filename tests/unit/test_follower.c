/* A follower: what finished before it stops is in the file, each once; a failure on its way is told at the end. */
#include "batch_world.h"

static lh_error err;
static lh_export_report report;

static lh_export_options options(void)
{
    lh_export_options o;
    lh_export_options_default(&o);
    o.batch = "in";
    o.output = "out";
    o.order = "completed";
    return o;
}

static int64_t count_lines(const char *name)
{
    struct strbuf file;
    int64_t lines = 0;
    strbuf_init(&file);
    read_whole(name, &file);
    for (size_t i = 0; i < file.len; i++)
        lines += file.data[i] == '\n' ? 1 : 0;
    strbuf_free(&file);
    return lines;
}

static lh_follower *start(void)
{
    lh_export_options o = options();
    lh_follower *f = NULL;
    assert_int_equal(lh_follower_start(DB, &o, &f, &err), 0);
    return f;
}

static void all_that_finished_before_the_stop_is_there(void **state)
{
    (void)state;
    load_jobs(30);
    for (int i = 1; i <= 3; i++) {
        lh_follower *f = start();
        finish_jobs(10, i == 2 ? all_dead : all_done);
        assert_int_equal(lh_follower_stop(f, &report, &err), 0);
        assert_int_equal(count_lines("out"), 10 * i);
        assert_int_equal(report.results + report.dead, 10 * i);
        assert_int_equal(report.unfinished, 30 - 10 * i);
    }
    assert_int_equal(report.dead, 10);
}

static void a_follower_with_nothing_to_do_makes_an_empty_file(void **state)
{
    (void)state;
    load_jobs(1);
    assert_int_equal(lh_follower_stop(start(), &report, &err), 0);
    assert_file("out", "");
    assert_int_equal(report.unfinished, 1);
}

static void what_cannot_be_followed_is_told_at_once(void **state)
{
    (void)state;
    lh_export_options o = options();
    lh_follower *f = NULL;
    load_jobs(1);
    write_text("out", "mine\n");
    assert_int_equal(lh_follower_start(DB, &o, &f, &err), LH_ESTATE);
    assert_null(f);
    o.batch = "none";
    assert_int_equal(lh_follower_start(DB, &o, &f, &err), LH_ENOTFOUND);
    o = options();
    o.output = DB;
    assert_int_equal(lh_follower_start(DB, &o, &f, &err), LH_EUSAGE);
    assert_file("out", "mine\n");
}

/* Jobs are requeued while the folder of the output is away: no crash, an error at the end, and the next export mends it. */
static void a_failure_on_the_way_is_told_at_the_end(void **state)
{
    (void)state;
    const lh_dead_filter all = {.batch = "in"};
    lh_export_options o = options();
    lh_follower *f = NULL;
    int64_t count = 0;
    o.output = "folder/out";
    assert_int_equal(mkdir("folder", 0700), 0);
    load_jobs(2);
    finish_jobs(2, all_dead);
    assert_int_equal(lh_follower_start(DB, &o, &f, &err), 0);
    assert_int_equal(rename("folder", "away"), 0);
    assert_int_equal(lh_dead_requeue(DB, &all, &count, &err), 0);
    assert_int_not_equal(lh_follower_stop(f, &report, &err), 0);
    assert_non_null(strstr(err.message, "folder/out"));
    assert_int_equal(rename("away", "folder"), 0);
    finish_jobs(2, all_done);
    assert_int_equal(lh_export(DB, &o, &report, &err), 0);
    assert_int_equal(count_lines("folder/out"), 2);
    assert_int_equal(report.results, 2);
    unlink("folder/out");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(all_that_finished_before_the_stop_is_there, empty_folder),
        cmocka_unit_test_setup(a_follower_with_nothing_to_do_makes_an_empty_file, empty_folder),
        cmocka_unit_test_setup(what_cannot_be_followed_is_told_at_once, empty_folder),
        cmocka_unit_test_setup(a_failure_on_the_way_is_told_at_the_end, empty_folder),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}

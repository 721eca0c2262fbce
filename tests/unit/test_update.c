/* A batch that is there already: what is added with --update, what --fresh makes, and what is said when neither was asked. */
#include "batch_world.h"

static const char *const in_jsonl[] = {"in.jsonl"};

static lh_ingest_report report;
static lh_error err;
static int stop = 1;

static lh_ingest_options options(void)
{
    return options_for(in_jsonl, 1);
}

static lh_ingest_options updating(void)
{
    lh_ingest_options o = options();
    o.update = true;
    return o;
}

static void assert_refused(int rc, int code, const char *says)
{
    assert_int_equal(rc, code);
    if (strstr(err.message, says) == NULL)
        fail_msg("\"%s\" does not say %s", err.message, says);
}

static void write_lines(int from, int to, const char *mode)
{
    FILE *f = fopen("in.jsonl", mode);
    assert_non_null(f);
    for (int i = from; i <= to; i++)
        fprintf(f, "{\"prompt\":\"%d\"}\n", i);
    fclose(f);
}

static void write_bad(void)
{
    FILE *f = fopen("in.jsonl", "a");
    fputs("{bad\n", f);
    fclose(f);
}

static void load_lines(int n)
{
    lh_ingest_options o = options();
    write_lines(1, n, "w");
    assert_int_equal(load_with(&o, &report, &err), 0);
}

/* The batch, but for what a later load may change. */
static const char whole_batch[] =
    "SELECT concat FROM (SELECT state || ' ' || ifnull(pause_reason, '-') || ' ' || ifnull(finished_at, '-') "
    "|| ' ' || "
    "input_lines || ' ' || input_hash || ' ' || jobs_ready || ' ' || jobs_done || ' ' || jobs_dead || ' ' || "
    "(SELECT value FROM checkpoints WHERE scope = 'batch/in' AND kind = 'ingest') || ' ' || "
    "(SELECT group_concat(custom_id || state) FROM jobs) AS concat FROM batches)";

/* ---- --update ---- */

static void added_lines_are_loaded_only_when_asked(void **state)
{
    (void)state;
    load_lines(3);
    write_lines(4, 5, "a");
    lh_ingest_options o = options();
    assert_refused(load_with(&o, &report, &err), LH_EMISMATCH, "first 3 lines of this input; 2 were added");
    assert_non_null(strstr(err.message, "--update"));
    o.update = true;
    assert_int_equal(load_with(&o, &report, &err), 0);
    assert_int_equal(report.jobs_added, 2);
    assert_asked("SELECT custom_id FROM jobs ORDER BY id", "line-1\nline-2\nline-3\nline-4\nline-5\n");
    assert_asked("SELECT state || input_lines || jobs_ready FROM batches", "active55\n");
    assert_int_equal(load_with(&o, &report, &err), 0);
    assert_true(report.unchanged);
    assert_sound();
}

static void an_update_of_changed_lines_is_refused(void **state)
{
    (void)state;
    load_lines(3);
    char *before = ask_text(whole_batch);
    lh_ingest_options o = updating();
    write_lines(2, 6, "w");
    assert_refused(load_with(&o, &report, &err), LH_EMISMATCH,
                   "another input (in.jsonl, 3 lines; this one has 5)");
    write_lines(1, 2, "w");
    assert_refused(load_with(&o, &report, &err), LH_EMISMATCH, "this one has 2");
    assert_asked(whole_batch, before);
    free(before);
}

static void a_refused_update_leaves_the_batch_as_it_was(void **state)
{
    for (int kind = 0; kind < 3; kind++) {
        empty_folder(state);
        load_lines(3);
        if (kind == 1) {
            finish_jobs(10, all_done); /* finished, at some time */
        } else if (kind == 2) {
            finish_jobs(1, all_dead);
            assert_int_equal(lh_pause(DB, "in", "for lunch", &err), 0);
        }
        char *before = ask_text(whole_batch);
        write_lines(4, 3000, "a");
        write_bad();
        lh_ingest_options o = updating();
        o.stop = &stop; /* some of it is in when the bad line is met */
        assert_int_equal(load_with(&o, &report, &err), LH_ESTATE);
        assert_asked("SELECT state FROM batches", "loading\n");
        assert_true(ask("SELECT count(*) FROM jobs") > 3);
        o.stop = NULL;
        assert_refused(load_with(&o, &report, &err), LH_EINPUT, "nothing was added");
        assert_asked(whole_batch, before);
        assert_sound();
        free(before);
    }
}

static void an_interrupted_update_goes_on(void **state)
{
    (void)state;
    load_lines(3);
    finish_jobs(10, all_done);
    write_lines(4, 6000, "a");
    lh_ingest_options o = updating();
    o.stop = &stop;
    int rc = LH_ESTATE, calls = 0;
    for (; rc == LH_ESTATE && calls < 100; calls++) {
        rc = load_with(&o, &report, &err);
        o.update = false; /* the plain command goes on with it too */
    }
    assert_int_equal(rc, 0);
    assert_true(calls > 2);
    assert_int_equal(ask("SELECT count(*) FROM jobs"), 6000);
    assert_asked("SELECT state || ' ' || jobs_ready || ' ' || jobs_done || ' ' || ifnull(finished_at, '-') "
                 "FROM batches",
                 "active 5997 3 -\n");
    assert_sound();
}

static void a_paused_batch_stays_paused(void **state)
{
    (void)state;
    load_lines(1);
    assert_int_equal(lh_pause(DB, "in", "for lunch", &err), 0);
    write_lines(2, 2, "a");
    lh_ingest_options o = updating();
    assert_int_equal(load_with(&o, &report, &err), 0);
    assert_asked("SELECT state || ' ' || pause_reason || ' ' || jobs_ready FROM batches",
                 "paused for lunch 2\n");
}

static void a_canceled_batch_takes_no_lines(void **state)
{
    (void)state;
    int64_t canceled = 0;
    load_lines(2);
    assert_int_equal(lh_cancel(DB, "in", &canceled, &err), 0);
    write_lines(3, 3, "a");
    lh_ingest_options o = updating();
    assert_refused(load_with(&o, &report, &err), LH_ESTATE, "canceled");
    assert_asked("SELECT state FROM batches", "canceled\n");
}

/* Bad lines that are added while jobs finish: one count of completion, so that an export in that order misses none. */
struct work_meanwhile {
    int jobs;
};

static void finish_one(void *arg, int64_t lines, int64_t bytes)
{
    struct work_meanwhile *w = arg;
    (void)lines;
    (void)bytes;
    w->jobs++;
    ask("UPDATE batches SET next_seq = next_seq + 5");
}

static void added_dead_letters_are_numbered_behind_what_has_finished(void **state)
{
    (void)state;
    struct work_meanwhile w = {0};
    load_lines(1);
    write_lines(2, 2001, "a");
    write_bad();
    write_bad();
    lh_ingest_options o = updating();
    o.skip_bad = true;
    o.progress =
        finish_one; /* called after the first chunk: as if five jobs had finished since the load began */
    o.progress_arg = &w;
    assert_int_equal(load_with(&o, &report, &err), 0);
    assert_true(w.jobs > 0);
    assert_asked("SELECT seq FROM dead_letters ORDER BY seq", "6\n7\n");
}

/* ---- --fresh ---- */

static void fresh_makes_the_next_name(void **state)
{
    (void)state;
    lh_ingest_options o = options();
    o.fresh = true;
    write_lines(1, 2, "w");
    static const char *const names[] = {"in", "in-2", "in-3"};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(load_with(&o, &report, &err), 0);
        assert_string_equal(report.batch, names[i]);
        assert_int_equal(report.jobs_added, 2);
    }
    assert_asked("SELECT name || jobs_ready FROM batches", "in2\nin-22\nin-32\n");
    assert_sound();
}

static void fresh_goes_on_with_its_own_interrupted_load_only(void **state)
{
    (void)state;
    lh_ingest_options o = options();
    write_lines(1, 5000, "w");
    o.stop = &stop;
    assert_int_equal(load_with(&o, &report, &err), LH_ESTATE);
    o.fresh = true;
    assert_int_equal(load_with(&o, &report, &err), LH_ESTATE);
    assert_string_equal(report.batch, "in");
    assert_true(report.resumed);
    o.stop = NULL;
    write_lines(2, 3, "w"); /* the interrupted load was of something else, which must not be in the way */
    assert_int_equal(load_with(&o, &report, &err), 0);
    assert_string_equal(report.batch, "in-2");
    assert_int_equal(report.jobs_added, 2);
    write_lines(1, 5000, "w");
    assert_int_equal(load_with(&o, &report, &err), 0);
    assert_string_equal(report.batch, "in");
    assert_asked("SELECT name || ' ' || state || ' ' || jobs_ready FROM batches",
                 "in active 5000\nin-2 active 2\n");
    assert_sound();
}

/* ---- settings ---- */

static void other_settings_are_refused_by_name(void **state)
{
    (void)state;
    load_lines(1);
    lh_ingest_options o = options();
    o.model = "other";
    assert_refused(load_with(&o, &report, &err), LH_EMISMATCH, "--model was m and is now other");
    o = options();
    o.prompt_template = "{{x}}";
    assert_refused(load_with(&o, &report, &err), LH_EMISMATCH, "--template was (none) and is now {{x}}");
    o = options();
    o.url = "/v1/x";
    assert_refused(load_with(&o, &report, &err), LH_EMISMATCH, "--url was (none) and is now /v1/x");
    assert_int_equal(ask("SELECT count(*) FROM jobs"), 1);
}

/* A prompt of several kilobytes is common; the same command must find its batch again. */
static void a_long_template_is_recognised(void **state)
{
    (void)state;
    char template[9000];
    memset(template, 'p', sizeof template);
    strcpy(template + sizeof template - 8, "{{x}}");
    lh_ingest_options o = options();
    o.prompt_template = template;
    write_text("in.jsonl", "{\"x\":1}\n{\"x\":2}\n");
    assert_int_equal(load_with(&o, &report, &err), 0);
    assert_int_equal(load_with(&o, &report, &err), 0);
    assert_true(report.unchanged);
    template[4000] = 'q';
    assert_refused(load_with(&o, &report, &err), LH_EMISMATCH, "--template was");
}

static void options_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    static const struct {
        lh_ingest_options o;
        const char *says;
    } cases[] = {
        {{.n_inputs = 0, .priority = 5, .weight = 1, .max_line = 1 << 20}, "no input"},
        {{.n_inputs = 1, .priority = 1001, .weight = 1, .max_line = 1 << 20}, "priority"},
        {{.n_inputs = 1, .priority = -1, .weight = 1, .max_line = 1 << 20}, "priority"},
        {{.n_inputs = 1, .weight = 0, .max_line = 1 << 20}, "weight"},
        {{.n_inputs = 1, .weight = 1, .max_line = 1023}, "max-line"},
        {{.n_inputs = 1, .weight = 1, .max_line = ((size_t)512 << 20) + 1}, "max-line"},
        {{.n_inputs = 1, .weight = 1, .max_line = 1 << 20, .update = true, .fresh = true}, "choose one"},
        {{.n_inputs = 1, .weight = 1, .max_line = 1 << 20, .url = "https://x"}, "must be a path"},
        {{.n_inputs = 1, .weight = 1, .max_line = 1 << 20, .url = "/a b"}, "must be a path"},
        {{.n_inputs = 1, .weight = 1, .max_line = 1 << 20, .id_field = "x"}, "--template"},
        {{.n_inputs = 1, .weight = 1, .max_line = 1 << 20, .prompt_template = "{{"}, "template"},
        {{.n_inputs = 1, .weight = 1, .max_line = 1 << 20, .prompt_template = "x", .url = "/v1/messages"},
         "give --max-tokens"},
        {{.n_inputs = 1, .weight = 1, .max_line = 1 << 20, .tenant = ""}, "tenant"},
        {{.n_inputs = 1, .weight = 1, .max_line = 1 << 20, .tenant = "\xff"}, "tenant"},
        {{.n_inputs = 1, .weight = 1, .max_line = 1 << 20, .batch = ""}, "--batch"},
        {{.n_inputs = 1, .weight = 1, .max_line = 1 << 20, .batch = "a\nb"}, "control"},
        {{.n_inputs = 1, .weight = 1, .max_line = 1 << 20, .batch = "a\xff"}, "UTF-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lh_ingest_options o = cases[i].o;
        o.inputs = in_jsonl;
        if (o.tenant == NULL)
            o.tenant = "default";
        assert_refused(load_with(&o, &report, &err), LH_EUSAGE, cases[i].says);
    }
    assert_int_not_equal(access(DB, F_OK), 0);
}

static void a_template_goes_to_any_api(void **state)
{
    (void)state;
    static const char *const urls[] = {"/v1/chat/completions",
                                       "/openai/deployments/d/chat/completions?v=1",
                                       "/ask",
                                       "/v1/embeddings",
                                       "/v1/completions",
                                       "/v1/responses"};
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        lh_ingest_options o = options_for(in_jsonl, 1);
        o.prompt_template = "x";
        o.model = "m";
        o.url = urls[i];
        o.fresh = true;
        write_text("in.jsonl", "{}\n");
        assert_int_equal(load_with(&o, &report, &err), 0);
    }
}

static void a_batch_is_named_for_its_first_input(void **state)
{
    (void)state;
    static const char *const names[][2] = {
        {"in.jsonl", "in"}, {"./a.b.jsonl", "a.b"}, {".hidden", ".hidden"}, {"plain", "plain"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *const input[] = {names[i][0]};
        lh_ingest_options o = options_for(input, 1);
        write_text(names[i][0], "{\"prompt\":\"a\"}\n");
        assert_int_equal(load_with(&o, &report, &err), 0);
        assert_string_equal(report.batch, names[i][1]);
    }
}

/* A name in Latin-1 is a legal path; what the database holds is text. */
static void a_path_that_is_no_text_is_shown_as_text(void **state)
{
    (void)state;
    static const char *const input[] = {"caf\xe9.jsonl"};
    lh_ingest_options o = options_for(input, 1);
    write_text(input[0], "{\"prompt\":\"a\"}\n");
    assert_refused(load_with(&o, &report, &err), LH_EUSAGE, "--batch");
    o.batch = "cafe";
    assert_int_equal(load_with(&o, &report, &err), 0);
    assert_asked("SELECT input FROM batches", "caf\xEF\xBF\xBD.jsonl\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(added_lines_are_loaded_only_when_asked, empty_folder),
        cmocka_unit_test_setup(an_update_of_changed_lines_is_refused, empty_folder),
        cmocka_unit_test_setup(a_refused_update_leaves_the_batch_as_it_was, empty_folder),
        cmocka_unit_test_setup(an_interrupted_update_goes_on, empty_folder),
        cmocka_unit_test_setup(a_paused_batch_stays_paused, empty_folder),
        cmocka_unit_test_setup(a_canceled_batch_takes_no_lines, empty_folder),
        cmocka_unit_test_setup(added_dead_letters_are_numbered_behind_what_has_finished, empty_folder),
        cmocka_unit_test_setup(fresh_makes_the_next_name, empty_folder),
        cmocka_unit_test_setup(fresh_goes_on_with_its_own_interrupted_load_only, empty_folder),
        cmocka_unit_test_setup(other_settings_are_refused_by_name, empty_folder),
        cmocka_unit_test_setup(a_long_template_is_recognised, empty_folder),
        cmocka_unit_test_setup(options_that_make_no_sense_are_refused, empty_folder),
        cmocka_unit_test_setup(a_template_goes_to_any_api, empty_folder),
        cmocka_unit_test_setup(a_batch_is_named_for_its_first_input, empty_folder),
        cmocka_unit_test_setup(a_path_that_is_no_text_is_shown_as_text, empty_folder),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}

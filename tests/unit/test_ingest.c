/* lh_ingest on a store: whatever interrupts it, each line is there exactly once; what is refused leaves nothing. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/random.h"
#include "batch_world.h"

static const char *const in_jsonl[] = {"in.jsonl"};

static lh_ingest_report report;
static lh_error err;
static int stop;

static lh_ingest_options options(void)
{
    return options_for(in_jsonl, 1);
}

static int load_default(void)
{
    lh_ingest_options o = options();
    return load_with(&o, &report, &err);
}

static void assert_refused(int rc, int code, const char *says)
{
    assert_int_equal(rc, code);
    if (strstr(err.message, says) == NULL)
        fail_msg("\"%s\" does not say %s", err.message, says);
}

static void assert_nothing_stored(void)
{
    assert_asked("SELECT (SELECT count(*) FROM jobs) + (SELECT count(*) FROM requests) + "
                 "(SELECT count(*) FROM batches) + (SELECT count(*) FROM dead_letters) + "
                 "(SELECT count(*) FROM checkpoints WHERE scope LIKE 'batch/%')",
                 "0\n");
}

/* ---- each line exactly once ---- */

struct model { /* what must be stored, as ask_text gives it */
    struct strbuf input, ids;
    int64_t lines, good, bad;
};

enum { CUT_LINE = 300000 }; /* three or four of these end a chunk */

static void add_random_line(struct random *r, struct model *m, bool with_bad)
{
    uint64_t kind = random_below(r, 1000);
    long long n = (long long)++m->lines;
    if (kind < 50) {
        strbuf_append_str(&m->input, kind < 25 ? "\r" : " \t");
    } else if (kind < 100 && with_bad) {
        strbuf_append_str(&m->input, kind < 75 ? "{\"prompt\":7}" : "\xff");
        strbuf_appendf(&m->ids, "line-%lld %lld dead\n", n, n);
        m->bad++;
    } else if (kind < 500) {
        strbuf_appendf(&m->input, "{\"custom_id\":\"id%lld\",\"prompt\":\"p\"}", n);
        strbuf_appendf(&m->ids, "id%lld %lld ready\n", n, n);
        m->good++;
    } else {
        strbuf_appendf(&m->input, "{\"prompt\":\"%0*d\"}", kind > 900 ? CUT_LINE : 1, 0);
        strbuf_appendf(&m->ids, "line-%lld %lld ready\n", n, n);
        m->good++;
    }
}

static void make_model(struct random *r, struct model *m, int lines, bool with_bad)
{
    *m = (struct model){0};
    strbuf_init(&m->input);
    strbuf_init(&m->ids);
    for (int i = 0; i < lines; i++) {
        add_random_line(r, m, with_bad);
        if (i + 1 < lines || random_below(r, 2) == 0)
            strbuf_append_str(&m->input, random_below(r, 10) == 0 ? "\r\n" : "\n");
    }
    write_bytes("in.jsonl", m->input.data, m->input.len);
}

static void free_model(struct model *m)
{
    strbuf_free(&m->input);
    strbuf_free(&m->ids);
}

static void assert_stored(const struct model *m)
{
    assert_asked("SELECT custom_id || ' ' || line || ' ' || state FROM jobs ORDER BY id", m->ids.data);
    assert_sound();
}

/* Asked to stop before it began, each call does one chunk and no more. */
static int load_in_pieces(lh_ingest_options *o, int *calls)
{
    int rc = LH_ESTATE;
    stop = 1;
    o->stop = &stop;
    for (*calls = 0; rc == LH_ESTATE && *calls < 1000; (*calls)++) {
        rc = load_with(o, &report, &err);
        if (rc == LH_ESTATE)
            assert_non_null(strstr(err.message, "interrupted"));
    }
    return rc;
}

static void a_load_from_a_silent_pipe_can_be_interrupted(void **state)
{
    (void)state;
    static const char *const input[] = {"pipe"};
    lh_ingest_options o = options();
    assert_int_equal(mkfifo("pipe", 0600), 0);
    int writer = open("pipe", O_RDWR | O_CLOEXEC);
    assert_int_equal(write(writer, "{\"prompt\":\"a\"}\n", 15), 15);
    stop = 1;
    o.stop = &stop;
    o.inputs = input;
    o.batch = "b";
    assert_int_equal(load_with(&o, &report, &err), LH_ESTATE);
    assert_string_equal(err.message, "interrupted; the same command goes on with the load");
    close(writer);
}

static void interrupted_anywhere_each_line_is_stored_once(void **state)
{
    struct random r;
    struct model m;
    int pieces = 0;
    random_seed(&r, 1);
    for (int round = 0; round < 8; round++) {
        lh_ingest_options o = options();
        int calls = 0;
        char counts[64];
        empty_folder(state);
        o.skip_bad = round % 2 == 1;
        make_model(&r, &m, 20 + (int)random_below(&r, 150), o.skip_bad);
        assert_int_equal(load_in_pieces(&o, &calls), 0);
        assert_int_equal(report.resumed, calls > 1);
        assert_int_equal(report.lines, m.lines);
        assert_stored(&m);
        snprintf(counts, sizeof counts, "active %lld %lld %lld\n", (long long)m.lines, (long long)m.good,
                 (long long)m.bad);
        assert_asked(
            "SELECT state || ' ' || input_lines || ' ' || jobs_ready || ' ' || jobs_dead FROM batches",
            counts);
        pieces += calls;
        free_model(&m);
    }
    assert_true(pieces > 12);
}

static void a_load_again_changes_nothing(void **state)
{
    (void)state;
    load_jobs(3);
    int64_t before = ask("SELECT sum(updated_at) FROM checkpoints");
    assert_int_equal(load_default(), 0);
    assert_true(report.unchanged);
    assert_int_equal(report.jobs_added, 0);
    assert_int_equal(report.lines, 3);
    assert_int_equal(ask("SELECT sum(updated_at) FROM checkpoints"), before);
    assert_int_equal(ask("SELECT count(*) FROM jobs"), 3);
}

static void marks_line_ends_and_blank_lines_are_no_matter(void **state)
{
    (void)state;
    write_text("in.jsonl", "\xef\xbb\xbf{\"prompt\":\"a\"}\r\n\r\n \t\n{\"prompt\":\"b\"}");
    assert_int_equal(load_default(), 0);
    assert_asked("SELECT custom_id || ' ' || url || ' ' || body FROM jobs JOIN requests ON job_id = id",
                 "line-1 /v1/completions {\"model\":\"m\",\"prompt\":\"a\"}\n"
                 "line-4 /v1/completions {\"model\":\"m\",\"prompt\":\"b\"}\n");
    /* a last line feed more is the same input */
    write_text("in.jsonl", "\xef\xbb\xbf{\"prompt\":\"a\"}\r\n\r\n \t\n{\"prompt\":\"b\"}\n");
    assert_int_equal(load_default(), 0);
    assert_true(report.unchanged);
}

/* Whole processes at once: they may tell each other to wait, but no line comes twice, and none is missing. */
static void two_processes_store_each_line_once(void **state)
{
    struct random r;
    struct model m;
    random_seed(&r, 2);
    for (int round = 0; round < 4; round++) {
        pid_t children[2];
        empty_folder(state);
        load_jobs(1); /* the store is there; batch "in" makes room for the one to come */
        ask("UPDATE batches SET name = 'other'");
        make_model(&r, &m, 300, false);
        for (int i = 0; i < 2; i++)
            if ((children[i] = fork()) == 0) {
                int rc = LH_ESTATE;
                while (rc == LH_ESTATE)
                    rc = load_default();
                if (rc != 0)
                    print_error("%s\n", err.message);
                _exit(rc == 0 ? 0 : 1);
            }
        for (int i = 0; i < 2; i++) {
            int status = -1;
            assert_int_equal(waitpid(children[i], &status, 0), children[i]);
            assert_int_equal(status, 0);
        }
        assert_asked(
            "SELECT custom_id || ' ' || line || ' ' || state FROM jobs WHERE batch_id = 2 ORDER BY id",
            m.ids.data);
        assert_asked("SELECT state FROM batches", "active\nactive\n");
        assert_sound();
        free_model(&m);
    }
}

/* ---- refusal ---- */

#define GOOD "{\"prompt\":\"a\"}\n"

static void a_refused_batch_leaves_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len; /* 0: strlen */
        const char *says;
    } cases[] = {
        {"", 0, "empty"},
        {"\n \n\r\n", 0, "empty"},
        {GOOD "{\"prompt\":\n", 0, "1 bad line"},
        {GOOD "{\"prompt\":7}\n[]\n", 0, "2 bad lines"},
        {GOOD "{\"prompt\":\"\xc3\"}\n", 0, "1 bad line"},
        {GOOD "\0\n", sizeof(GOOD "\0\n") - 1, "1 bad line"},
        {"{\"custom_id\":\"a\",\"prompt\":\"x\"}\n{\"custom_id\":\"a\",\"prompt\":\"x\"}\n", 0, "1 bad line"},
        {"{\"custom_id\":\"line-2\",\"prompt\":\"x\"}\n" GOOD, 0, "1 bad line"},
        {GOOD "{\"custom_id\":1.5,\"prompt\":\"x\"}\n", 0, "1 bad line"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_bytes("in.jsonl", cases[i].text, cases[i].len > 0 ? cases[i].len : strlen(cases[i].text));
        assert_refused(load_default(), LH_EINPUT, cases[i].says);
        assert_nothing_stored();
    }
    load_text(GOOD);
}

static void a_line_that_is_too_long_is_refused(void **state)
{
    (void)state;
    lh_ingest_options o = options();
    struct strbuf text;
    strbuf_init(&text);
    strbuf_appendf(&text, "{\"prompt\":\"%0*d\"}\n" GOOD, 5000, 0);
    write_bytes("in.jsonl", text.data, text.len);
    o.max_line = 2000;
    assert_refused(load_with(&o, &report, &err), LH_EINPUT, "1 bad line");
    assert_nothing_stored();
    o.skip_bad = true;
    assert_int_equal(load_with(&o, &report, &err), 0);
    assert_asked("SELECT state || ' ' || custom_id FROM jobs ORDER BY id", "dead line-1\nready line-2\n");
    o.max_line = 10000; /* another bound makes it no other input */
    assert_int_equal(load_with(&o, &report, &err), 0);
    assert_true(report.unchanged);
    strbuf_free(&text);
}

static void a_bad_line_at_the_end_takes_all_of_it_back(void **state)
{
    struct random r;
    struct model m;
    random_seed(&r, 3);
    for (int round = 0; round < 2; round++) {
        lh_ingest_options o = options();
        int calls = 0;
        empty_folder(state);
        make_model(&r, &m, 300, false);
        strbuf_append_str(&m.input, "\n{bad\n");
        write_bytes("in.jsonl", m.input.data, m.input.len);
        int rc = round == 0 ? load_default() : load_in_pieces(&o, &calls);
        assert_refused(rc, LH_EINPUT, "nothing was stored");
        assert_true(round == 0 || calls > 2);
        assert_nothing_stored();
        free_model(&m);
    }
}

/* The process died while it took a refused load back. */
static void a_discard_that_was_interrupted_goes_on(void **state)
{
    (void)state;
    lh_ingest_options o = options();
    struct random r;
    struct model m;
    random_seed(&r, 4);
    make_model(&r, &m, 200, false);
    stop = 1;
    o.stop = &stop;
    assert_int_equal(load_with(&o, &report, &err), LH_ESTATE);
    ask("UPDATE checkpoints SET value = json_set(value, '$.discarding', 1) WHERE kind = 'ingest'");
    o.stop = NULL;
    assert_int_equal(load_with(&o, &report, &err), 0);
    assert_stored(&m);
    free_model(&m);
}

static void what_differs_within_what_is_loaded_is_refused(void **state)
{
    (void)state;
    lh_ingest_options o = options();
    struct random r;
    struct model m;
    random_seed(&r, 5);
    make_model(&r, &m, 200, false);
    stop = 1;
    o.stop = &stop;
    assert_int_equal(load_with(&o, &report, &err), LH_ESTATE);
    int64_t stored = ask("SELECT count(*) FROM jobs");
    assert_true(stored > 0);
    char *first = strchr(m.input.data, 'p');
    *first = 'q';
    write_bytes("in.jsonl", m.input.data, m.input.len);
    assert_refused(load_default(), LH_EMISMATCH, "made from another input");
    write_text("in.jsonl", GOOD);
    assert_refused(load_default(), LH_EMISMATCH, "made from another input");
    unlink("in.jsonl");
    assert_refused(load_default(), LH_ENOTFOUND, "in.jsonl");
    assert_int_equal(ask("SELECT count(*) FROM jobs"), stored);
    *first = 'p';
    write_bytes("in.jsonl", m.input.data, m.input.len);
    assert_int_equal(load_default(), 0);
    assert_stored(&m);
    free_model(&m);
}

static void a_checkpoint_that_is_lost_is_told(void **state)
{
    (void)state;
    load_jobs(2);
    ask("DELETE FROM checkpoints WHERE kind = 'ingest'");
    assert_refused(load_default(), LH_ECORRUPT, "db check");
}

/* ---- bad lines kept ---- */

static void bad_lines_become_dead_letters(void **state)
{
    (void)state;
    lh_ingest_options o = options();
    o.skip_bad = true;
    write_text("in.jsonl",
               "{\"custom_id\":\"a\",\"prompt\":\"1\"}\n{bad\n{\"custom_id\":\"a\",\"prompt\":\"2\"}\n"
               "{\"custom_id\":\"b\",\"prompt\":7}\n{\"prompt\":\"\xff\"}\n");
    assert_int_equal(load_with(&o, &report, &err), 0);
    assert_int_equal(report.bad_lines, 4);
    assert_int_equal(report.jobs_added, 1);
    assert_asked("SELECT custom_id || ' ' || seq || ' ' || reason || ' ' || error_code FROM dead_letters "
                 "JOIN jobs ON id = job_id ORDER BY id",
                 "line-2 1 bad_line bad_line\nline-3 2 bad_line bad_line\nb 3 bad_line bad_line\n"
                 "line-5 4 bad_line bad_line\n");
    assert_asked("SELECT body FROM requests ORDER BY job_id LIMIT 2 OFFSET 1",
                 "{bad\n{\"model\":\"m\",\"prompt\":\"2\"}\n");
    assert_asked("SELECT message FROM dead_letters WHERE seq = 2",
                 "in.jsonl, line 3: custom_id a stands on line 1 already\n");
    assert_asked("SELECT state || jobs_ready || jobs_dead FROM batches", "active14\n");
    assert_sound();
}

static void only_bad_lines_make_a_finished_batch(void **state)
{
    (void)state;
    lh_ingest_options o = options();
    o.skip_bad = true;
    write_text("in.jsonl", "{bad\n");
    assert_int_equal(load_with(&o, &report, &err), 0);
    assert_asked("SELECT state || (finished_at > 0) FROM batches", "finished1\n");
}

/* ---- several inputs, rows, standard input ---- */

static void several_inputs_are_one_batch(void **state)
{
    (void)state;
    static const char *const inputs[] = {"a.jsonl", "b.jsonl"};
    lh_ingest_options o = options_for(inputs, 2);
    write_text("a.jsonl", "{\"prompt\":\"1\"}\n{\"custom_id\":\"x\",\"prompt\":\"2\"}");
    write_text("b.jsonl", "\n{\"custom_id\":\"x\",\"prompt\":\"3\"}\n{\"prompt\":\"4\"}\n");
    assert_refused(load_with(&o, &report, &err), LH_EINPUT, "1 bad line");
    assert_nothing_stored();
    o.skip_bad = true;
    assert_int_equal(load_with(&o, &report, &err), 0);
    assert_string_equal(report.batch, "a");
    assert_asked("SELECT custom_id || ' ' || line FROM jobs ORDER BY id",
                 "line-1 1\nx 2\nline-4 4\nline-5 5\n");
    assert_asked("SELECT message FROM dead_letters",
                 "b.jsonl, line 2: custom_id x stands on line 2 of all inputs already\n");
    assert_asked("SELECT input FROM batches", "a.jsonl b.jsonl\n");
}

static void a_missing_input_leaves_nothing(void **state)
{
    (void)state;
    static const char *const inputs[] = {"in.jsonl", "none.jsonl"};
    lh_ingest_options o = options_for(inputs, 2);
    struct random r;
    struct model m;
    random_seed(&r, 6);
    make_model(&r, &m, 200, false);
    assert_refused(load_with(&o, &report, &err), LH_ENOTFOUND, "none.jsonl");
    assert_nothing_stored();
    free_model(&m);
}

static void rows_of_csv_go_on_inside_a_file(void **state)
{
    (void)state;
    static const char *const inputs[] = {"in.csv"};
    lh_ingest_options o = options_for(inputs, 1);
    struct strbuf text;
    int calls = 0;
    strbuf_init(&text);
    strbuf_append_str(&text, "\r\nid,text\r\n");
    for (int i = 0; i < 5000; i++)
        strbuf_appendf(&text, "r%d,\"a\nb, %d\"\r\n", i, i);
    write_bytes("in.csv", text.data, text.len);
    o.prompt_template = "Q: {{text}}";
    o.id_field = "id";
    assert_int_equal(load_in_pieces(&o, &calls), 0);
    assert_true(calls > 2);
    assert_int_equal(ask("SELECT count(*) FROM jobs"), 5000);
    assert_int_equal(ask("SELECT count(*) FROM jobs JOIN requests ON job_id = id WHERE "
                         "json_extract(body, '$.messages[0].content') = "
                         "'Q: a' || char(10) || 'b, ' || substr(custom_id, 2)"),
                     5000);
    strbuf_free(&text);
}

static int load_standard_input(lh_ingest_options *o, const char *file)
{
    FILE *f = fopen(file, "rb");
    int kept = dup(STDIN_FILENO);
    assert_non_null(f);
    dup2(fileno(f), STDIN_FILENO);
    fclose(f);
    int rc = load_with(o, &report, &err);
    dup2(kept, STDIN_FILENO);
    close(kept);
    return rc;
}

static void standard_input_goes_on_when_it_is_given_again(void **state)
{
    (void)state;
    static const char *const inputs[] = {"-"};
    lh_ingest_options o = options_for(inputs, 1);
    struct random r;
    struct model m;
    random_seed(&r, 7);
    make_model(&r, &m, 200, false);
    stop = 1;
    o.stop = &stop;
    assert_int_equal(load_standard_input(&o, "in.jsonl"), LH_ESTATE);
    o.stop = NULL;
    assert_int_equal(load_standard_input(&o, "in.jsonl"), 0);
    assert_true(report.resumed);
    assert_string_equal(report.batch, "stdin");
    assert_stored(&m);
    strbuf_append_str(&m.input, "\n" GOOD);
    write_bytes("in.jsonl", m.input.data, m.input.len);
    o.update = true;
    assert_refused(load_standard_input(&o, "in.jsonl"), LH_EUSAGE, "twice");
    free_model(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_load_from_a_silent_pipe_can_be_interrupted, empty_folder),
        cmocka_unit_test_setup(interrupted_anywhere_each_line_is_stored_once, empty_folder),
        cmocka_unit_test_setup(a_load_again_changes_nothing, empty_folder),
        cmocka_unit_test_setup(marks_line_ends_and_blank_lines_are_no_matter, empty_folder),
        cmocka_unit_test_setup(two_processes_store_each_line_once, empty_folder),
        cmocka_unit_test_setup(a_refused_batch_leaves_nothing, empty_folder),
        cmocka_unit_test_setup(a_line_that_is_too_long_is_refused, empty_folder),
        cmocka_unit_test_setup(a_bad_line_at_the_end_takes_all_of_it_back, empty_folder),
        cmocka_unit_test_setup(a_discard_that_was_interrupted_goes_on, empty_folder),
        cmocka_unit_test_setup(what_differs_within_what_is_loaded_is_refused, empty_folder),
        cmocka_unit_test_setup(a_checkpoint_that_is_lost_is_told, empty_folder),
        cmocka_unit_test_setup(bad_lines_become_dead_letters, empty_folder),
        cmocka_unit_test_setup(only_bad_lines_make_a_finished_batch, empty_folder),
        cmocka_unit_test_setup(several_inputs_are_one_batch, empty_folder),
        cmocka_unit_test_setup(a_missing_input_leaves_nothing, empty_folder),
        cmocka_unit_test_setup(rows_of_csv_go_on_inside_a_file, empty_folder),
        cmocka_unit_test_setup(standard_input_goes_on_when_it_is_given_again, empty_folder),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}

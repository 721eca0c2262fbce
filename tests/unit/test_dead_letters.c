/* Dead letters: every filter, conditions that try to be more than one, and what requeue and drop leave behind. */
#include "store_world.h"

struct found {
    int64_t ids[4000];
    int64_t count;
    int64_t stop_at; /* 0: never */
};

static int on_letter(void *arg, const lh_dead_letter *d)
{
    struct found *f = arg;
    f->ids[f->count++] = d->job_id;
    return f->stop_at != 0 && f->count == f->stop_at ? LH_ESTATE : 0;
}

static int64_t count_letters(struct world *w, const lh_dead_filter *filter)
{
    static struct found f;
    f = (struct found){0};
    if (lh_dead_each(w->path, filter, on_letter, &f, &w->err) != 0)
        fail_msg("%s", w->err.message);
    for (int64_t i = 1; i < f.count; i++)
        assert_true(f.ids[i - 1] < f.ids[i]);
    return f.count;
}

static void bury(struct world *w, int64_t batch, int64_t n, const char *reason, const char *code)
{
    struct claim_list list;
    world_claim(w, batch, n, &list);
    for (struct claimed_job *job = list.first; job != NULL; job = job->next) {
        struct outcome o = world_outcome(job, OUTCOME_DEAD);
        o.dead_reason = reason;
        o.attempt_outcome = strcmp(reason, "permanent") == 0 ? "permanent" : "transient";
        snprintf(o.answer.error_code, sizeof o.answer.error_code, "%s", code);
        world_apply(w, &o);
    }
    claim_list_free(&list);
}

/* Batch a: j1, j2 permanent bad_model, j3 attempts timeout, j4 ready. Batch b: j1 permanent too_long. */
static void set_up(struct world *w)
{
    world_open(w);
    int64_t a = world_batch(w, "a", 500, 4), b = world_batch(w, "b", 500, 1);
    bury(w, a, 2, "permanent", "bad_model");
    bury(w, a, 1, "attempts", "timeout");
    bury(w, b, 1, "permanent", "too_long");
}

static void each_filter_narrows(void **state)
{
    (void)state;
    static const struct {
        lh_dead_filter filter;
        int64_t expected;
    } table[] = {
        {{0}, 4},
        {{.batch = "a"}, 3},
        {{.reason = "permanent"}, 3},
        {{.reason = "permanent", .batch = "a"}, 2},
        {{.error_class = "transient"}, 1},
        {{.error_code = "too_long"}, 1},
        {{.error_code = "nothing"}, 0},
        {{.job = "1"}, 1},
        {{.job = "j1"}, 2},
        {{.job = "j1", .batch = "b"}, 1},
        {{.job = "1x"}, 0},
        {{.job = ""}, 0},
        {{.job = "99999999999999999999"}, 0},
        {{.limit = 2}, 2},
        {{.limit = 100}, 4},
        {{.where = "status_code = 500"}, 4},
        {{.where = "custom_id LIKE 'j1' AND error_code <> 'bad_model'"}, 1},
        {{.where = "b.name = 'b' OR j.sends > 7"}, 1},
        {{.where = "d.job_id IN (SELECT job_id FROM attempts WHERE outcome = 'transient')"}, 1},
        {{.where = "json_extract(d.body, '$.choices') IS NOT NULL", .batch = "a"}, 3},
        {{.where = "0"}, 0},
        /* the condition stands in its own parentheses: its OR does not widen the other filters */
        {{.where = "0 OR 1", .batch = "b"}, 1},
    };
    struct world w;
    set_up(&w);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        assert_int_equal(count_letters(&w, &table[i].filter), table[i].expected);
    world_close(&w);
}

static void a_condition_is_one_condition_that_reads(void **state)
{
    (void)state;
    static const char *const hostile[] = {
        "",
        " ",
        "1) OR (1",
        "1); DELETE FROM jobs",
        "1; DELETE FROM jobs",
        "1 -- ",
        "1) -- ",
        "1 /* ",
        "1 */ OR /* 1",
        "1, 2",
        "*",
        "1 AS x",
        "DISTINCT 1",
        "count(*)",
        "count(*) > 0",
        "1 FROM jobs",
        "1 FROM dead_letters WHERE 1 UNION SELECT 1",
        "1) UNION SELECT 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 FROM jobs WHERE (1",
        "1 ORDER BY 1",
        "1 LIMIT 1",
        "SELECT 1",
        "'",
        "\"",
        "[",
        "`",
        "(",
        ")",
        "no_such_column = 1",
        "no_such_function(1)",
        "load_extension('x')",
        "(DELETE FROM jobs RETURNING 1)",
        "(SELECT * FROM pragma_journal_mode('delete'))",
        "1 = (UPDATE jobs SET state = 'dead')",
        "EXISTS (ATTACH 'x' AS y)",
        "\x01",
        "1 \xff\xfe",
    };
    struct world w;
    set_up(&w);
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        const lh_dead_filter f = {.where = hostile[i]};
        struct found *found = calloc(1, sizeof *found);
        int64_t n = -1;
        assert_non_null(found);
        if (lh_dead_each(w.path, &f, on_letter, found, &w.err) != LH_ESQL)
            fail_msg("allowed: %s", hostile[i]);
        assert_int_equal(found->count, 0);
        assert_true(w.err.message[0] != '\0');
        assert_int_equal(lh_dead_requeue(w.path, &f, &n, &w.err), LH_ESQL);
        assert_int_equal(lh_dead_drop(w.path, &f, &n, &w.err), LH_ESQL);
        assert_int_equal(n, 0);
        free(found);
    }
    assert_int_equal(world_int(&w, "SELECT count(*) FROM jobs"), 5);
    assert_int_equal(world_int(&w, "SELECT count(*) FROM dead_letters"), 4);
    assert_int_equal(world_faults(&w), 0);
    world_close(&w);
}

static void an_unknown_batch_is_an_error_not_an_empty_list(void **state)
{
    (void)state;
    struct world w;
    struct found f = {0};
    const lh_dead_filter filter = {.batch = "c"};
    set_up(&w);
    assert_int_equal(lh_dead_each(w.path, &filter, on_letter, &f, &w.err), LH_ENOTFOUND);
    assert_int_equal(lh_dead_each("no_such.db", &filter, on_letter, &f, &w.err), LH_ENOTFOUND);
    world_close(&w);
}

static void the_walk_ends_when_told_to(void **state)
{
    (void)state;
    struct world w;
    struct found f = {.stop_at = 2};
    const lh_dead_filter filter = {0};
    set_up(&w);
    assert_int_equal(lh_dead_each(w.path, &filter, on_letter, &f, &w.err), LH_ESTATE);
    assert_int_equal(f.count, 2);
    world_close(&w);
}

static void a_requeue_makes_ready_and_keeps_the_history(void **state)
{
    (void)state;
    struct world w;
    int64_t n = 0;
    const lh_dead_filter filter = {.error_code = "too_long"};
    set_up(&w);
    assert_true(world_batch_is(&w, 2, "finished"));
    assert_int_equal(lh_dead_requeue(w.path, &filter, &n, &w.err), 0);
    assert_int_equal(n, 1);
    int64_t id = world_job(&w, 2, 1);
    assert_true(world_job_is(&w, id, "ready"));
    assert_true(world_batch_is(&w, 2, "active"));
    assert_int_equal(world_int(&w, "SELECT generation FROM jobs WHERE id = %lld", (long long)id), 1);
    assert_int_equal(world_int(&w, "SELECT attempts FROM jobs WHERE id = %lld", (long long)id), 0);
    assert_int_equal(world_int(&w, "SELECT count(*) FROM attempts WHERE job_id = %lld", (long long)id), 1);
    assert_int_equal(world_int(&w, "SELECT requeues FROM batches WHERE id = 2"), 1);
    assert_int_equal(world_int(&w, "SELECT requeues FROM batches WHERE id = 1"), 0);
    assert_int_equal(world_faults(&w), 0);
    struct claim_list list;
    world_claim(&w, 2, 1, &list);
    assert_int_equal(list.first->number, 2); /* its attempts go on counting */
    struct outcome o = world_outcome(list.first, OUTCOME_DONE);
    assert_false(world_apply(&w, &o));
    assert_int_equal(world_int(&w, "SELECT seq FROM results"),
                     2); /* and no line takes the number of the one taken back */
    assert_int_equal(world_faults(&w), 0);
    claim_list_free(&list);
    world_close(&w);
}

static void a_drop_gives_up_for_good(void **state)
{
    (void)state;
    struct world w;
    int64_t n = 0;
    const lh_dead_filter filter = {.batch = "a", .reason = "permanent"};
    set_up(&w);
    assert_int_equal(lh_dead_drop(w.path, &filter, &n, &w.err), 0);
    assert_int_equal(n, 2);
    assert_int_equal(world_int(&w, "SELECT count(*) FROM dead_letters"), 2);
    assert_int_equal(world_int(&w, "SELECT jobs_canceled FROM batches WHERE id = 1"), 2);
    assert_int_equal(world_int(&w, "SELECT requeues FROM batches WHERE id = 1"), 1);
    assert_true(world_batch_is(&w, 1, "active"));
    assert_int_equal(world_faults(&w), 0);
    assert_int_equal(lh_dead_drop(w.path, &filter, &n, &w.err), 0);
    assert_int_equal(n, 0);
    world_close(&w);
}

static void add_bad_line(struct world *w, int64_t batch)
{
    world_sql(w,
              "INSERT INTO jobs (batch_id, custom_id, line, state, priority, created_at, finished_at) "
              "VALUES (%lld, 'bad', 9, 'dead', 500, 1, 1);"
              "INSERT INTO requests (job_id, url, body) VALUES (last_insert_rowid(), '', 'x');"
              "INSERT INTO dead_letters (job_id, batch_id, seq, reason, error_class, error_code, message, "
              "attempts, "
              "died_at) SELECT max(job_id), %lld, 90, 'bad_line', 'invalid_input', 'bad_line', 'm', 0, 1 "
              "FROM requests;"
              "UPDATE batches SET jobs_dead = jobs_dead + 1, next_seq = 91 WHERE id = %lld",
              (long long)batch, (long long)batch, (long long)batch);
}

static void a_bad_line_is_never_sent(void **state)
{
    (void)state;
    struct world w;
    int64_t n = 0;
    const lh_dead_filter all = {0}, bad = {.reason = "bad_line"};
    const lh_retry_options o = {.dead = true};
    set_up(&w);
    add_bad_line(&w, 1);
    assert_int_equal(lh_dead_requeue(w.path, &all, &n, &w.err), 0);
    assert_int_equal(n, 4);
    assert_int_equal(lh_retry(w.path, "a", &o, &n, &w.err), 0);
    assert_int_equal(n, 0);
    assert_int_equal(count_letters(&w, &bad), 1);
    assert_int_equal(world_faults(&w), 0);
    assert_int_equal(lh_dead_drop(w.path, &bad, &n, &w.err), 0);
    assert_int_equal(n, 1);
    assert_int_equal(world_faults(&w), 0);
    world_close(&w);
}

static void many_letters_go_page_by_page_each_once(void **state)
{
    (void)state;
    enum { JOBS = 2105 };
    struct world w;
    int64_t n = 0;
    const lh_dead_filter all = {0}, some = {.limit = 1500};
    world_open(&w);
    int64_t b = world_batch(&w, "b", 500, JOBS);
    bury(&w, b, JOBS, "attempts", "timeout");
    assert_int_equal(count_letters(&w, &all), JOBS);
    assert_int_equal(count_letters(&w, &some), 1500);
    assert_int_equal(lh_dead_requeue(w.path, &some, &n, &w.err), 0);
    assert_int_equal(n, 1500);
    assert_int_equal(lh_dead_requeue(w.path, &all, &n, &w.err), 0);
    assert_int_equal(n, JOBS - 1500);
    assert_int_equal(world_int(&w, "SELECT jobs_ready FROM batches"), JOBS);
    assert_int_equal(world_int(&w, "SELECT max(generation) FROM jobs"), 1);
    assert_int_equal(world_faults(&w), 0);
    world_close(&w);
}

/* A load that is refused puts the batch back as it was: nothing may move in it meanwhile. */
static void letters_of_a_batch_that_loads_are_left(void **state)
{
    (void)state;
    struct world w;
    int64_t n = 0;
    const lh_dead_filter filter = {.batch = "a"};
    set_up(&w);
    world_sql(&w, "UPDATE batches SET state = 'loading' WHERE id = 1");
    assert_int_equal(lh_dead_requeue(w.path, &filter, &n, &w.err), LH_ESTATE);
    assert_int_equal(lh_dead_drop(w.path, &filter, &n, &w.err), LH_ESTATE);
    assert_int_equal(n, 0);
    assert_int_equal(count_letters(&w, &filter), 3);
    assert_int_equal(world_faults(&w), 0);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_filter_narrows),
        cmocka_unit_test(a_condition_is_one_condition_that_reads),
        cmocka_unit_test(an_unknown_batch_is_an_error_not_an_empty_list),
        cmocka_unit_test(the_walk_ends_when_told_to),
        cmocka_unit_test(a_requeue_makes_ready_and_keeps_the_history),
        cmocka_unit_test(a_drop_gives_up_for_good),
        cmocka_unit_test(a_bad_line_is_never_sent),
        cmocka_unit_test(many_letters_go_page_by_page_each_once),
        cmocka_unit_test(letters_of_a_batch_that_loads_are_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

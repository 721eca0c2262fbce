/* Batches as callers see them. */
#include "store_world.h"

#include "store/batches.h"

static void every_column_arrives_in_its_field(void **state)
{
    (void)state;
    struct world w;
    lh_batch b;
    world_open(&w);
    world_sql(
        &w,
        "INSERT INTO batches (id, name, state, pause_reason, tenant, weight, priority, input, input_hash, "
        "input_bytes, input_lines, params, jobs_ready, jobs_waiting, jobs_running, jobs_done, jobs_dead, "
        "jobs_canceled, prompt_tokens, completion_tokens, cached_tokens, cost_nanousd, attempts, "
        "failed_attempts, first_job_id, last_job_id, next_seq, requeues, created_at, started_at, "
        "finished_at, cache_write_tokens, reasoning_tokens, unpriced) "
        "VALUES (3, 'n', 'paused', 'why', 't', 4, 5, 'in', 'hash', 6, 7, '{\"model\":\"m\"}', 10, 11, 12, "
        "13, "
        "14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31)");
    assert_int_equal(lh_batch_find(w.path, "n", &b, &w.err), 0);
    assert_int_equal(b.id, 3);
    assert_string_equal(b.name, "n");
    assert_string_equal(b.state, "paused");
    assert_string_equal(b.pause_reason, "why");
    assert_string_equal(b.tenant, "t");
    assert_string_equal(b.input, "in");
    assert_string_equal(b.input_hash, "hash");
    assert_string_equal(b.params, "{\"model\":\"m\"}");
    const int64_t numbers[] = {b.weight,           b.priority,      b.input_bytes,
                               b.input_lines,      b.ready,         b.waiting,
                               b.running,          b.done,          b.dead,
                               b.canceled,         b.prompt_tokens, b.completion_tokens,
                               b.cached_tokens,    b.cost_nanousd,  b.attempts,
                               b.failed_attempts,  b.first_job_id,  b.last_job_id,
                               b.next_seq,         b.requeues,      b.created_at,
                               b.started_at,       b.finished_at,   b.cache_write_tokens,
                               b.reasoning_tokens, b.unpriced};
    const int64_t expected[] = {4,  5,  6,  7,  10, 11, 12, 13, 14, 15, 16, 17, 18,
                                19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        assert_int_equal(numbers[i], expected[i]);
    assert_int_equal(lh_batch_jobs(&b), 75);
    world_close(&w);
}

static void what_is_not_known_is_unknown(void **state)
{
    (void)state;
    struct world w;
    lh_batch b;
    world_open(&w);
    world_sql(&w, "INSERT INTO batches (name, input, created_at) VALUES ('n', '', 1)");
    assert_int_equal(batch_get(w.store, 1, &b, &w.err), 0);
    assert_string_equal(b.state, "loading");
    assert_string_equal(b.pause_reason, "");
    assert_string_equal(b.input_hash, "");
    assert_int_equal(b.started_at, LH_UNKNOWN);
    assert_int_equal(b.finished_at, LH_UNKNOWN);
    assert_int_equal(b.first_job_id, LH_UNKNOWN);
    assert_int_equal(lh_batch_jobs(&b), 0);
    assert_int_equal(batch_get(w.store, 2, &b, &w.err), LH_ENOTFOUND);
    world_close(&w);
}

static void a_mistyped_name_is_answered_with_those_there_are(void **state)
{
    (void)state;
    struct world w;
    lh_batch b;
    world_open(&w);
    assert_int_equal(lh_batch_find(w.path, "x", &b, &w.err), LH_ENOTFOUND);
    assert_non_null(strstr(w.err.message, "it has none"));
    world_batch(&w, "one", 500, 0);
    world_batch(&w, "two", 500, 0);
    assert_int_equal(lh_batch_find(w.path, "x", &b, &w.err), LH_ENOTFOUND);
    assert_non_null(strstr(w.err.message, "one, two"));
    world_close(&w);
}

/* Names of 255 bytes, more of them than a message holds. */
static void long_names_do_not_overflow_the_answer(void **state)
{
    (void)state;
    struct world w;
    lh_batch b;
    char name[256];
    world_open(&w);
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    for (char c = 'a'; c <= 'l'; c++) {
        name[0] = c;
        world_batch(&w, name, 500, 0);
    }
    assert_int_equal(lh_batch_find(w.path, "x", &b, &w.err), LH_ENOTFOUND);
    assert_int_equal(lh_batch_find(w.path, name, &b, &w.err), 0);
    assert_string_equal(b.name, name);
    world_close(&w);
}

struct walk {
    int64_t ids[8];
    int count, stop_at;
};

static int on_batch(void *arg, const lh_batch *b)
{
    struct walk *walk = arg;
    walk->ids[walk->count++] = b->id;
    return walk->count == walk->stop_at ? 55 : 0;
}

static void all_batches_come_in_order_until_the_caller_has_enough(void **state)
{
    (void)state;
    struct world w;
    struct walk all = {0}, some = {.stop_at = 2};
    world_open(&w);
    world_batch(&w, "z", 900, 0);
    world_batch(&w, "a", 100, 0);
    world_batch(&w, "m", 500, 0);
    assert_int_equal(lh_batch_each(w.path, on_batch, &all, &w.err), 0);
    assert_int_equal(all.count, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(all.ids[i], i + 1);
    assert_int_equal(lh_batch_each(w.path, on_batch, &some, &w.err), 55);
    assert_int_equal(some.count, 2);
    assert_int_equal(lh_batch_each("no_such.db", on_batch, &some, &w.err), LH_ENOTFOUND);
    world_close(&w);
}

struct tenants {
    lh_tenant found[4];
    size_t count;
};

static int keep_tenant(void *arg, const lh_tenant *t)
{
    struct tenants *all = arg;
    assert_true(all->count < 4);
    all->found[all->count++] = *t;
    return 0;
}

static void tenants_with_open_jobs_are_summed_over_their_batches(void **state)
{
    (void)state;
    struct world w;
    struct tenants all = {0};
    world_open(&w);
    world_sql(
        &w, "INSERT INTO batches (name, state, tenant, weight, input, created_at, jobs_ready, jobs_waiting, "
            "jobs_running, jobs_done, prompt_tokens, completion_tokens) VALUES "
            "('z', 'active', 'zoe', 2, '', 1, 1, 2, 3, 4, 10, 20),"
            "('a1', 'active', 'amy', 1, '', 1, 5, 0, 0, 0, 0, 0),"
            "('a2', 'paused', 'amy', 4, '', 1, 0, 6, 0, 0, 1, 2),"
            "('a3', 'finished', 'amy', 9, '', 1, 0, 0, 0, 7, 3, 4),"
            "('m', 'finished', 'max', 1, '', 1, 0, 0, 0, 7, 3, 4)");
    assert_int_equal(lh_tenant_each(w.path, keep_tenant, &all, &w.err), 0);
    assert_int_equal(all.count, 2);
    assert_string_equal(all.found[0].name, "amy");
    assert_int_equal(all.found[0].weight, 4); /* that of a finished batch counts no more */
    assert_int_equal(all.found[0].ready, 5);
    assert_int_equal(all.found[0].waiting, 6);
    assert_int_equal(all.found[0].running, 0);
    assert_int_equal(all.found[0].tokens, 10);
    assert_string_equal(all.found[1].name, "zoe");
    assert_int_equal(all.found[1].weight, 2);
    assert_int_equal(all.found[1].running, 3);
    assert_int_equal(all.found[1].tokens, 30);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_column_arrives_in_its_field),
        cmocka_unit_test(what_is_not_known_is_unknown),
        cmocka_unit_test(a_mistyped_name_is_answered_with_those_there_are),
        cmocka_unit_test(long_names_do_not_overflow_the_answer),
        cmocka_unit_test(all_batches_come_in_order_until_the_caller_has_enough),
        cmocka_unit_test(tenants_with_open_jobs_are_summed_over_their_batches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

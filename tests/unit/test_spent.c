/* What was used so far: committed usage, and the worst case of what may have been paid for without a word. */
#include "store_world.h"

#include "store/spent.h"

struct seen {
    struct spent committed;
    struct spent_unpriced sum; /* of all groups */
    int groups;
    char names[400]; /* "model@endpoint " of each, '-' without one */
};

static int see(void *arg, const struct spent_unpriced *u)
{
    struct seen *s = arg;
    size_t used = strlen(s->names);
    snprintf(s->names + used, sizeof s->names - used, "%s@%s ", u->model,
             u->endpoint != NULL ? u->endpoint : "-");
    s->groups++;
    s->sum.told += u->told;
    s->sum.told_prompt += u->told_prompt;
    s->sum.told_completion += u->told_completion;
    s->sum.told_cached += u->told_cached;
    s->sum.told_cache_write += u->told_cache_write;
    s->sum.silent += u->silent;
    s->sum.silent_prompt += u->silent_prompt;
    s->sum.silent_bounded += u->silent_bounded;
    s->sum.silent_unbounded += u->silent_unbounded;
    s->sum.other_tier |= u->other_tier;
    return 0;
}

static struct seen read_spent(struct world *w, int64_t batch_id)
{
    struct seen s = {.groups = 0};
    if (spent_read(w->path, batch_id, true, &s.committed, see, &s, &w->err) != 0)
        fail_msg("%s", w->err.message);
    return s;
}

/* Job n of the batch gets one attempt with this outcome and code (NULL: none), and the usage that `usage` says in SQL. */
static void attempt(struct world *w, int64_t batch, int64_t n, const char *outcome, const char *code,
                    const char *usage)
{
    world_sql(w,
              "INSERT INTO attempts (job_id, number, outcome, error_code, started_at, prompt_tokens, "
              "completion_tokens, "
              "cached_tokens, cost_nanousd) VALUES (%lld, 1, '%s', %s%s%s, 1, %s)",
              (long long)world_job(w, batch, n), outcome, code != NULL ? "'" : "",
              code != NULL ? code : "NULL", code != NULL ? "'" : "", usage);
}

static const char silent[] = "NULL, NULL, NULL, NULL";

static void an_empty_store_has_spent_nothing(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    struct seen s = read_spent(&w, LH_UNKNOWN);
    assert_int_equal(s.committed.tokens + s.committed.nanousd + s.groups, 0);
    world_close(&w);
}

/* What a provider charges nothing for, and what never reached it, counts nothing. All else that told no usage counts whole. */
static void what_told_no_usage_counts_at_its_worst_case_unless_it_was_refused(void **state)
{
    (void)state;
    static const struct {
        const char *outcome, *code;
        bool counts;
    } table[] = {{"lost", "lost", true},
                 {"canceled", "stopped", true},
                 {"transient", "timeout", true},
                 {"transient", "http_500", true},
                 {"transient", NULL, true},
                 {"invalid", "not_json", true},
                 {"success", NULL, true},
                 {"permanent", "response_too_large", true},
                 {"transient", "connect", false},
                 {"transient", "resolve", false},
                 {"transient", "tls", false},
                 {"throttled", "rate_limit", false},
                 {"account", "invalid_api_key", false},
                 {"permanent", "invalid_request_error", false},
                 {"permanent", NULL, false}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct world w;
        world_open(&w);
        int64_t b = world_batch(&w, "b", 500, 1);
        world_sql(&w, "UPDATE jobs SET prompt_tokens = 30, max_output_tokens = 40");
        attempt(&w, b, 1, table[i].outcome, table[i].code, silent);
        struct spent_unpriced s = read_spent(&w, b).sum;
        int64_t n = table[i].counts ? 1 : 0;
        if (s.silent != n || s.silent_prompt != 30 * n || s.silent_bounded != 40 * n ||
            s.silent_unbounded != 0)
            fail_msg("%s %s counts %lld", table[i].outcome, table[i].code, (long long)s.silent_prompt);
        world_close(&w);
    }
}

static void answers_that_nothing_bounds_are_counted(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    int64_t b = world_batch(&w, "b", 500, 1);
    attempt(&w, b, 1, "lost", "lost", silent);
    struct spent_unpriced s = read_spent(&w, b).sum;
    assert_int_equal(s.silent_unbounded, 1);
    assert_int_equal(s.silent_bounded, 0);
    world_close(&w);
}

static void each_of_several_answers_that_nothing_bounds_counts(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    int64_t b = world_batch(&w, "b", 500, 4);
    world_sql(&w,
              "UPDATE requests SET body = '{\"model\":\"x\",\"n\":8}' WHERE job_id = %lld;"
              "UPDATE requests SET body = '{\"model\":\"x\",\"prompt\":[\"a\",\"b\"],\"best_of\":3}' WHERE "
              "job_id = %lld;"
              "UPDATE requests SET body = '{\"model\":\"x\",\"n\":\"many\"}' WHERE job_id = %lld;"
              "UPDATE requests SET body = 'x' WHERE job_id = %lld",
              (long long)world_job(&w, b, 1), (long long)world_job(&w, b, 2), (long long)world_job(&w, b, 3),
              (long long)world_job(&w, b, 4));
    for (int64_t n = 1; n <= 4; n++)
        attempt(&w, b, n, "lost", "lost", silent);
    assert_int_equal(read_spent(&w, b).sum.silent_unbounded, 8 + 6 + 1 + 1);
    world_sql(&w, "UPDATE jobs SET max_output_tokens = 100"); /* the bound is that of all answers together */
    assert_int_equal(read_spent(&w, b).sum.silent_unbounded, 0);
    world_close(&w);
}

static void attempts_at_dearer_tiers_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *tier;
        bool other;
    } table[] = {{"auto", false},          {"default", false}, {"flex", false},
                 {"standard_only", false}, {"priority", true}, {"fast", true}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct world w;
        world_open(&w);
        int64_t b = world_batch(&w, "b", 500, 2);
        world_sql(
            &w,
            "UPDATE requests SET body = '{\"model\":\"x\",\"service_tier\":\"%s\"}' WHERE job_id = %lld;"
            "UPDATE requests SET body = '{\"model\":\"x\"}' WHERE job_id = %lld",
            table[i].tier, (long long)world_job(&w, b, 1), (long long)world_job(&w, b, 2));
        attempt(&w, b, 1, "lost", "lost", silent);
        attempt(&w, b, 2, "success", NULL, "10, 5, 4, NULL");
        struct seen s = read_spent(&w, b);
        assert_int_equal(s.groups, table[i].other ? 2 : 1);
        assert_int_equal(s.sum.other_tier, table[i].other);
        /* one that nobody asked for */
        world_sql(&w,
                  "UPDATE requests SET body = '{\"model\":\"x\"}';"
                  "INSERT INTO results (job_id, batch_id, seq, status_code, latency_ms, finished_at, body) "
                  "VALUES (%lld, %lld, 1, 200, 1, 1, '{\"%s\":%s\"%s\"%s}')",
                  (long long)world_job(&w, b, 2), (long long)b, i % 2 == 0 ? "service_tier" : "usage",
                  i % 2 == 0 ? "" : "{\"service_tier\":", table[i].tier, i % 2 == 0 ? "" : "}");
        if (i != 3) /* standard_only is a word of requests alone */
            assert_int_equal(read_spent(&w, b).sum.other_tier, table[i].other);
        world_close(&w);
    }
}

static void usage_without_a_price_is_told_apart(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    int64_t b = world_batch(&w, "b", 500, 3);
    attempt(&w, b, 1, "success", NULL, "10, 5, 4, NULL");
    attempt(&w, b, 2, "success", NULL, "100, NULL, NULL, NULL");
    attempt(&w, b, 3, "success", NULL, "1000, 500, 400, 777");
    world_sql(&w, "UPDATE batches SET prompt_tokens = 1110, completion_tokens = 505, cost_nanousd = 777");
    struct seen s = read_spent(&w, b);
    assert_int_equal(s.committed.tokens, 1615);
    assert_int_equal(s.committed.nanousd, 777);
    assert_int_equal(s.sum.told, 2);
    assert_int_equal(s.sum.told_prompt, 110);
    assert_int_equal(s.sum.told_completion, 5);
    assert_int_equal(s.sum.told_cached, 4);
    assert_int_equal(s.sum.silent, 0);
    world_close(&w);
}

/* What is not known is not 0. Embeddings have no completion to tell: their bound is 0. */
static void of_half_a_usage_the_other_half_counts_at_its_worst(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    int64_t b = world_batch(&w, "b", 500, 4);
    world_sql(&w, "UPDATE jobs SET prompt_tokens = 30, max_output_tokens = 40;"
                  "UPDATE jobs SET max_output_tokens = 0 WHERE line = 3; UPDATE jobs SET max_output_tokens = "
                  "NULL WHERE line = 4");
    attempt(&w, b, 1, "success", NULL, "100, NULL, NULL, NULL");
    attempt(&w, b, 2, "success", NULL, "NULL, 5, NULL, NULL");
    attempt(&w, b, 3, "success", NULL, "100, NULL, NULL, NULL");
    attempt(&w, b, 4, "success", NULL, "100, NULL, NULL, NULL");
    struct spent_unpriced s = read_spent(&w, b).sum;
    assert_int_equal(s.told, 4);
    assert_int_equal(s.told_prompt, 300);
    assert_int_equal(s.told_completion, 5);
    assert_int_equal(s.silent, 0);
    assert_int_equal(s.silent_prompt, 30);
    assert_int_equal(s.silent_bounded, 40);
    assert_int_equal(s.silent_unbounded, 1);
    world_close(&w);
}

static void attempts_are_told_apart_by_model_and_endpoint(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    int64_t b = world_batch(&w, "b", 500, 4);
    world_sql(&w, "INSERT INTO routes (id, dialect, model, origin) VALUES (1, 'openai', 'x', ''), (2, "
                  "'openai', 'y', '');"
                  "UPDATE jobs SET route = 1 WHERE line <= 2; UPDATE jobs SET route = 2 WHERE line = 3;"
                  "UPDATE requests SET body = '{\"model\":\"z\"}'");
    for (int64_t n = 1; n <= 4; n++)
        attempt(&w, b, n, "lost", "lost", silent);
    world_sql(&w, "UPDATE attempts SET endpoint = 'east' WHERE job_id = (SELECT min(id) FROM jobs)");
    assert_string_equal(read_spent(&w, b).names, "x@- x@east y@- z@- ");
    world_close(&w);
}

static int see_route(void *arg, const struct open_route *r)
{
    char *names = arg;
    strcat(names, r->model);
    return 0;
}

static void only_routes_with_ready_jobs_of_the_scope_are_open(void **state)
{
    (void)state;
    struct world w;
    char of_a[64] = "", of_all[64] = "";
    world_open(&w);
    int64_t a = world_batch(&w, "a", 500, 2);
    int64_t b = world_batch(&w, "b", 500, 2);
    world_sql(
        &w, "INSERT INTO routes (id, dialect, model, origin) VALUES (1, 'openai', 'x', ''), (2, 'openai', "
            "'y', ''), (3, 'openai', 'z', '');"
            "UPDATE jobs SET route = batch_id; UPDATE jobs SET state = 'canceled', route = 3 WHERE line = 2");
    assert_int_equal(spent_open_routes(w.path, a, see_route, of_a, &w.err), 0);
    assert_int_equal(spent_open_routes(w.path, LH_UNKNOWN, see_route, of_all, &w.err), 0);
    assert_string_equal(of_a, a == 1 ? "x" : "y");
    assert_string_equal(of_all, "xy");
    world_sql(&w, "UPDATE batches SET state = 'paused' WHERE id = %lld", (long long)b);
    strcpy(of_all, "");
    assert_int_equal(spent_open_routes(w.path, LH_UNKNOWN, see_route, of_all, &w.err), 0);
    assert_string_equal(of_all, of_a); /* what is paused asks for nothing */
    world_close(&w);
}

/* 30 MB of names are sorted with 4 MB of pages, and what a connection holds besides. */
static void what_is_summed_up_is_not_held_in_memory(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    int64_t b = world_batch(&w, "b", 500, 20000);
    world_sql(&w,
              "INSERT INTO attempts (job_id, number, outcome, started_at, endpoint) SELECT id, 1, 'lost', 1, "
              "printf('%%.*c', 1500, 'e') FROM jobs");
    int64_t before = sqlite3_memory_used();
    sqlite3_memory_highwater(1);
    assert_int_equal(read_spent(&w, b).sum.silent, 20000);
    assert_true(sqlite3_memory_highwater(0) - before < 12000000);
    world_close(&w);
}

static void a_batch_counts_its_own_and_the_store_all(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    int64_t a = world_batch(&w, "a", 500, 2), b = world_batch(&w, "b", 500, 2);
    /* lines that were added to `a` later stand behind the jobs of `b` */
    world_sql(
        &w,
        "INSERT INTO jobs (batch_id, custom_id, line, priority, created_at) VALUES (%lld, 'j3', 3, 500, 1);"
        "UPDATE batches SET last_job_id = (SELECT max(id) FROM jobs) WHERE id = %lld;"
        "UPDATE jobs SET prompt_tokens = batch_id, max_output_tokens = 0;"
        "UPDATE batches SET prompt_tokens = id * 100",
        (long long)a, (long long)a);
    attempt(&w, a, 1, "lost", "lost", silent);
    attempt(&w, a, 3, "lost", "lost", silent);
    attempt(&w, b, 2, "lost", "lost", silent);
    assert_int_equal(read_spent(&w, a).sum.silent_prompt, 2 * a);
    assert_int_equal(read_spent(&w, b).sum.silent_prompt, b);
    assert_int_equal(read_spent(&w, LH_UNKNOWN).sum.silent_prompt, 2 * a + b);
    assert_int_equal(read_spent(&w, b).committed.tokens, 100 * b);
    assert_int_equal(read_spent(&w, LH_UNKNOWN).committed.tokens, 100 * (a + b));
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_store_has_spent_nothing),
        cmocka_unit_test(what_told_no_usage_counts_at_its_worst_case_unless_it_was_refused),
        cmocka_unit_test(answers_that_nothing_bounds_are_counted),
        cmocka_unit_test(each_of_several_answers_that_nothing_bounds_counts),
        cmocka_unit_test(attempts_at_dearer_tiers_are_told_apart),
        cmocka_unit_test(usage_without_a_price_is_told_apart),
        cmocka_unit_test(of_half_a_usage_the_other_half_counts_at_its_worst),
        cmocka_unit_test(what_is_summed_up_is_not_held_in_memory),
        cmocka_unit_test(attempts_are_told_apart_by_model_and_endpoint),
        cmocka_unit_test(only_routes_with_ready_jobs_of_the_scope_are_open),
        cmocka_unit_test(a_batch_counts_its_own_and_the_store_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

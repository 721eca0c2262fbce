/* What was used so far: committed usage, and the worst case of what may have been paid for without a word. */
#include "store_world.h"

#include "store/spent.h"

enum { UNBOUNDED = 256 };

static struct spent read_spent(struct world *w, int64_t batch_id)
{
    struct spent s;
    if (spent_read(w->path, batch_id, UNBOUNDED, &s, &w->err) != 0)
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
    struct spent s = read_spent(&w, LH_UNKNOWN);
    assert_int_equal(s.tokens + s.nanousd + s.silent_prompt + s.silent_output + s.unpriced_prompt, 0);
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
        struct spent s = read_spent(&w, b);
        if (s.silent_prompt != (table[i].counts ? 30 : 0) || s.silent_output != (table[i].counts ? 40 : 0))
            fail_msg("%s %s counts %lld", table[i].outcome, table[i].code, (long long)s.silent_prompt);
        world_close(&w);
    }
}

static void answers_that_nothing_bounds_count_as_given(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    int64_t b = world_batch(&w, "b", 500, 1);
    attempt(&w, b, 1, "lost", "lost", silent);
    assert_int_equal(read_spent(&w, b).silent_output, UNBOUNDED);
    world_close(&w);
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
    struct spent s = read_spent(&w, b);
    assert_int_equal(s.tokens, 1615);
    assert_int_equal(s.nanousd, 777);
    assert_int_equal(s.unpriced_prompt, 110);
    assert_int_equal(s.unpriced_completion, 5);
    assert_int_equal(s.unpriced_cached, 4);
    assert_int_equal(s.silent_prompt + s.silent_output, 0);
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
    assert_int_equal(read_spent(&w, a).silent_prompt, 2 * a);
    assert_int_equal(read_spent(&w, b).silent_prompt, b);
    assert_int_equal(read_spent(&w, LH_UNKNOWN).silent_prompt, 2 * a + b);
    assert_int_equal(read_spent(&w, b).tokens, 100 * b);
    assert_int_equal(read_spent(&w, LH_UNKNOWN).tokens, 100 * (a + b));
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_store_has_spent_nothing),
        cmocka_unit_test(what_told_no_usage_counts_at_its_worst_case_unless_it_was_refused),
        cmocka_unit_test(answers_that_nothing_bounds_count_as_given),
        cmocka_unit_test(usage_without_a_price_is_told_apart),
        cmocka_unit_test(a_batch_counts_its_own_and_the_store_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What was used: every sum is that of the raw rows, once for each attempt, whatever fails in between. */
#include "drain_world.h"

#include "base/random.h"

/* ---- cells against rows ---- */

static const char *const models[] = {"gpt-4o", "claude", ""};

static int64_t maybe(struct random *r, int64_t most)
{
    return random_below(r, 4) == 0 ? -1 : (int64_t)random_below(r, (uint64_t)most);
}

static struct outcome random_outcome(struct random *r, const struct claimed_job *job)
{
    static const enum outcome_move moves[] = {OUTCOME_DONE, OUTCOME_DONE, OUTCOME_DEAD, OUTCOME_READY,
                                              OUTCOME_GIVE_BACK};
    struct outcome o = world_outcome(job, moves[random_below(r, 5)]);
    o.answer.usage =
        (struct usage){maybe(r, 300), maybe(r, 300), maybe(r, 20), maybe(r, 20), maybe(r, 20), TIER_STANDARD};
    o.started_at = (int64_t)random_below(r, 3 * INT64_C(86400000));
    o.latency_ms = (int64_t)random_below(r, 5000);
    o.cost_nanousd = random_below(r, 3) == 0 ? LH_UNKNOWN : (int64_t)random_below(r, 1000000);
    o.asked_model = models[random_below(r, 3)];
    snprintf(o.answer.model, sizeof o.answer.model, "another");
    return o;
}

static const char recomputed[] =
    "SELECT j.batch_id, date(a.started_at / 1000, 'unixepoch') AS day, m.model, count(*), "
    "SUM(a.outcome <> 'success'), SUM(a.cost_nanousd IS NULL), SUM(ifnull(a.prompt_tokens, 0)), "
    "SUM(ifnull(a.cached_tokens, 0)), SUM(ifnull(a.cache_write_tokens, 0)), "
    "SUM(ifnull(a.completion_tokens, 0)), SUM(ifnull(a.reasoning_tokens, 0)), SUM(ifnull(a.cost_nanousd, "
    "0)), "
    "SUM(c.counts), SUM(c.counts * ifnull(a.prompt_tokens, 0)), SUM(c.counts * j.prompt_tokens), "
    "SUM(c.counts * ifnull(abs(a.prompt_tokens - j.prompt_tokens), 0)), "
    "max(c.counts * ifnull(a.prompt_tokens * 1.0 / j.prompt_tokens, 0.0)), SUM(c.answers), "
    "SUM(c.answers * ifnull(a.completion_tokens, 0)), "
    "SUM(c.answers * ifnull(a.completion_tokens * a.completion_tokens, 0)) * 1.0, "
    "max(c.answers * ifnull(a.completion_tokens, 0)), SUM(c.answers * a.latency_ms) "
    "FROM attempts a JOIN jobs j ON j.id = a.job_id JOIN asked m ON m.job_id = a.job_id AND m.number = "
    "a.number "
    "JOIN (SELECT a.job_id, a.number, a.prompt_tokens IS NOT NULL AND j.prompt_tokens > 0 AS counts, "
    "a.outcome = 'success' AND a.completion_tokens IS NOT NULL AS answers FROM attempts a JOIN jobs j ON "
    "j.id = "
    "a.job_id) c ON c.job_id = a.job_id AND c.number = a.number "
    "WHERE a.prompt_tokens >= 0 OR a.completion_tokens >= 0 OR a.cached_tokens >= 0 OR a.reasoning_tokens >= "
    "0 "
    "OR a.cache_write_tokens >= 0 OR a.cost_nanousd >= 0 GROUP BY 1, 2, 3";

static void every_sum_is_that_of_the_raw_rows(void **state)
{
    (void)state;
    struct worker k;
    struct random r;
    random_seed(&r, 7);
    world_open(&k.w);
    for (int b = 0; b < 3; b++)
        world_batch(&k.w, models[b][0] != '\0' ? models[b] : "third", 500, 60);
    world_sql(
        &k.w,
        "UPDATE jobs SET prompt_tokens = id %% 7 * 20; CREATE TEMP TABLE asked (job_id, number, model)");
    worker_start(&k, &(struct drain_tuning){0});
    int64_t told = 0;
    for (int i = 0; i < 40; i++) {
        struct claim_list claims, none;
        struct outcome outcomes[16];
        size_t n = 0;
        assert_int_equal(worker_drain(&k, 1000, NULL, 8, &claims), 0);
        for (struct claimed_job *job = claims.first; job != NULL; job = job->next) {
            struct outcome o = random_outcome(&r, job);
            if (o.move != OUTCOME_GIVE_BACK)
                world_sql(&k.w, "INSERT INTO asked VALUES (%lld, %lld, '%s')", (long long)o.job_id,
                          (long long)o.number, o.asked_model);
            outcomes[n++] = o;
        }
        link_outcomes(outcomes, (int64_t)n);
        told += (int64_t)n;
        assert_int_equal(worker_drain(&k, 1000, n > 0 ? outcomes : NULL, 0, &none), 0);
        claim_list_free(&claims);
        claim_list_free(&none);
    }
    assert_true(told > 250);
    assert_true(world_int(&k.w, "SELECT count(*) FROM usage") >= 20);
    assert_int_equal(world_int(&k.w, "SELECT count(*) FROM (SELECT * FROM usage EXCEPT %s)", recomputed), 0);
    assert_int_equal(world_int(&k.w, "SELECT count(*) FROM (%s EXCEPT SELECT * FROM usage)", recomputed), 0);
    assert_int_equal(world_faults(&k.w), 0);
    worker_stop(&k);
}

/* ---- one attempt ---- */

/* A batch of `jobs` claimed jobs, each counted as ten tokens. */
static void begin(struct world *w, int64_t jobs, struct claim_list *claims)
{
    world_open(w);
    int64_t batch = world_batch(w, "b", 500, jobs);
    world_sql(w, "UPDATE jobs SET prompt_tokens = 10");
    world_claim(w, batch, jobs, claims);
}

static void end(struct world *w, struct claim_list *claims)
{
    assert_int_equal(world_faults(w), 0);
    claim_list_free(claims);
    world_close(w);
}

static void what_tells_nothing_stands_in_no_row(void **state)
{
    (void)state;
    struct world w;
    struct claim_list claims;
    begin(&w, 2, &claims);
    struct outcome o = world_outcome(claims.first, OUTCOME_WAIT);
    o.answer.usage = (struct usage)USAGE_NOT_SAID;
    assert_false(world_apply(&w, &o));
    struct recovery recovery = {.max_attempts = 5, .now_ms = 2000};
    assert_int_equal(recover_orphans(w.store, &recovery, &w.err), 0);
    assert_int_equal(world_int(&w, "SELECT attempts FROM batches"), 2);
    assert_int_equal(world_int(&w, "SELECT unpriced FROM batches"), 0);
    assert_int_equal(world_int(&w, "SELECT count(*) FROM usage"), 0);
    end(&w, &claims);
}

/* HTTP 200 with usage and no answer: it was paid for, and is tried again. */
static void a_failed_attempt_that_was_billed_is_counted(void **state)
{
    (void)state;
    struct world w;
    struct claim_list claims;
    begin(&w, 1, &claims);
    struct outcome o = world_outcome(claims.first, OUTCOME_WAIT);
    o.status_code = 200;
    o.cost_nanousd = 77;
    o.answer.usage = (struct usage){12, 30, 4, 25, 3, TIER_STANDARD};
    assert_false(world_apply(&w, &o));
    assert_true(
        world_text_is(&w,
                      "SELECT attempts || ',' || failed || ',' || unpriced || ',' || prompt_tokens || "
                      "',' || cached_tokens || ',' || cache_write_tokens || ',' || completion_tokens || "
                      "',' || reasoning_tokens || ',' || cost_nanousd FROM usage",
                      "1,1,0,12,4,3,30,25,77"));
    assert_true(
        world_text_is(&w,
                      "SELECT told_prompts || ',' || told_tokens || ',' || counted_tokens || ',' || "
                      "counted_error || ',' || prompt_share_max || ',' || answers || ',' || answer_max || "
                      "',' || latency_ms FROM usage",
                      "1,12,10,2,1.2,0,0,0"));
    assert_true(
        world_text_is(&w,
                      "SELECT cache_write_tokens || ',' || reasoning_tokens || ',' || unpriced || ',' || "
                      "cost_nanousd FROM batches",
                      "3,25,0,77"));
    assert_true(
        world_text_is(&w, "SELECT reasoning_tokens || ',' || cache_write_tokens FROM attempts", "25,3"));
    end(&w, &claims);
}

static void a_late_answer_adds_nothing(void **state)
{
    (void)state;
    struct world w;
    struct claim_list claims;
    begin(&w, 1, &claims);
    struct outcome o = world_outcome(claims.first, OUTCOME_DONE);
    assert_false(world_apply(&w, &o));
    assert_true(world_apply(&w, &o));
    assert_int_equal(world_int(&w, "SELECT attempts FROM usage"), 1);
    assert_int_equal(world_int(&w, "SELECT unpriced FROM batches"), 1);
    end(&w, &claims);
}

static void the_model_is_the_one_asked_for_else_the_one_that_answered(void **state)
{
    (void)state;
    struct world w;
    struct claim_list claims;
    begin(&w, 3, &claims);
    static const char *const asked[] = {"asked", NULL, NULL};
    static const char *const answered[] = {"other", "answered", ""};
    struct claimed_job *job = claims.first;
    for (size_t i = 0; i < 3; i++, job = job->next) {
        struct outcome o = world_outcome(job, OUTCOME_DONE);
        o.asked_model = asked[i];
        snprintf(o.answer.model, sizeof o.answer.model, "%s", answered[i]);
        world_apply(&w, &o);
    }
    assert_true(world_text_is(&w,
                              "SELECT group_concat(model, ',') FROM (SELECT model FROM usage ORDER BY model)",
                              ",answered,asked"));
    end(&w, &claims);
}

static void the_day_is_that_of_the_start_in_utc(void **state)
{
    (void)state;
    static const struct {
        int64_t started_at;
        const char *day;
    } table[] = {{0, "1970-01-01"},
                 {INT64_C(86399999), "1970-01-01"},
                 {INT64_C(86400000), "1970-01-02"},
                 {INT64_C(1709164800000), "2024-02-29"},
                 {INT64_C(1709251199999), "2024-02-29"}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct world w;
        struct claim_list claims;
        begin(&w, 1, &claims);
        struct outcome o = world_outcome(claims.first, OUTCOME_DONE);
        o.started_at = table[i].started_at;
        world_apply(&w, &o);
        assert_true(world_text_is(&w, "SELECT day FROM usage", table[i].day));
        end(&w, &claims);
    }
}

static void a_job_that_was_not_counted_says_nothing_of_the_count(void **state)
{
    (void)state;
    struct world w;
    struct claim_list claims;
    world_open(&w);
    world_claim(&w, world_batch(&w, "b", 500, 2), 2, &claims);
    struct outcome o = world_outcome(claims.first, OUTCOME_DONE),
                   p = world_outcome(claims.first->next, OUTCOME_DONE);
    p.counted_prompt = LH_UNKNOWN;
    world_apply(&w, &o);
    world_apply(&w, &p);
    assert_true(world_text_is(&w,
                              "SELECT prompt_tokens || ',' || told_prompts || ',' || told_tokens || ',' || "
                              "counted_tokens || ',' || counted_error || ',' || prompt_share_max FROM usage",
                              "14,0,0,0,0,0.0"));
    assert_int_equal(world_int(&w, "SELECT count(*) FROM usage_by_model WHERE count_off_by IS NULL"), 1);
    end(&w, &claims);
}

/* ---- drains ---- */

static int count_upserts(unsigned mask, void *arg, void *stmt, void *text)
{
    (void)mask;
    (void)stmt;
    if (strstr(text, "INSERT INTO usage") != NULL)
        ++*(int *)arg;
    return 0;
}

static void claim_many(struct worker *k, int64_t n, struct claim_list *claims)
{
    world_open(&k->w);
    world_batch(&k->w, "b", 500, n);
    worker_start(k, &(struct drain_tuning){0});
    assert_int_equal(worker_drain(k, 1000, NULL, n, claims), 0);
    assert_int_equal(claims->count, n);
}

static void give(struct worker *k, struct outcome *outcomes, int rc)
{
    struct claim_list none;
    assert_int_equal(worker_drain(k, 1000, outcomes, 0, &none), rc);
    claim_list_free(&none);
}

static void a_drain_writes_each_touched_cell_once(void **state)
{
    (void)state;
    enum { JOBS = 64 };
    struct worker k;
    struct claim_list claims;
    struct outcome outcomes[JOBS];
    int upserts = 0;
    claim_many(&k, JOBS, &claims);
    size_t n = 0;
    for (struct claimed_job *job = claims.first; job != NULL; job = job->next, n++) {
        outcomes[n] = worker_outcome(job, OUTCOME_DONE);
        outcomes[n].asked_model = models[n % 2];
    }
    link_outcomes(outcomes, JOBS);
    sqlite3_trace_v2(k.d.store->db, SQLITE_TRACE_STMT, count_upserts, &upserts);
    give(&k, outcomes, 0);
    sqlite3_trace_v2(k.d.store->db, 0, NULL, NULL);
    assert_int_equal(upserts, 2);
    assert_null(k.d.ledger.usage.first); /* nothing is kept beyond the transaction */
    assert_int_equal(
        world_int(&k.w, "SELECT count(*) FROM usage WHERE attempts = 32 AND prompt_tokens = 32 * 7"), 2);
    claim_list_free(&claims);
    worker_stop(&k);
}

static void as_many_models_as_jobs_are_told_apart(void **state)
{
    (void)state;
    enum { JOBS = 2000 };
    struct worker k;
    struct claim_list claims;
    claim_many(&k, JOBS, &claims);
    struct outcome *outcomes = calloc(JOBS, sizeof *outcomes);
    char(*names)[16] = calloc(JOBS, sizeof *names);
    assert_true(outcomes != NULL && names != NULL);
    size_t n = 0;
    for (struct claimed_job *job = claims.first; job != NULL; job = job->next, n++) {
        snprintf(names[n], sizeof names[n], "m%lld", (long long)job->id);
        outcomes[n] = worker_outcome(job, OUTCOME_DONE);
        outcomes[n].asked_model = names[n];
        outcomes[n].answer.usage.completion_tokens = job->id;
    }
    link_outcomes(outcomes, JOBS);
    give(&k, outcomes, 0);
    assert_int_equal(
        world_int(&k.w, "SELECT count(*) FROM usage WHERE model = 'm' || answer_max AND attempts = 1"), JOBS);
    assert_int_equal(world_faults(&k.w), 0);
    free(outcomes);
    free(names);
    claim_list_free(&claims);
    worker_stop(&k);
}

/* The same outcomes are given again after a commit that failed: each counts once. */
static void a_drain_that_failed_counts_nothing_twice(void **state)
{
    (void)state;
    struct worker k;
    struct claim_list claims;
    struct outcome outcomes[8];
    claim_many(&k, 8, &claims);
    size_t n = 0;
    for (struct claimed_job *job = claims.first; job != NULL; job = job->next)
        outcomes[n++] = worker_outcome(job, OUTCOME_DONE);
    link_outcomes(outcomes, 8);
    world_sql(&k.w,
              "CREATE TRIGGER broken BEFORE UPDATE ON batches BEGIN SELECT RAISE(ROLLBACK, 'broken'); END");
    struct claim_list none;
    assert_int_not_equal(worker_drain(&k, 1000, outcomes, 0, &none), 0);
    assert_int_equal(world_int(&k.w, "SELECT count(*) FROM usage"), 0);
    world_sql(&k.w, "DROP TRIGGER broken");
    give(&k, outcomes, 0);
    assert_int_equal(world_int(&k.w, "SELECT attempts FROM usage"), 8);
    assert_int_equal(world_faults(&k.w), 0);
    claim_list_free(&claims);
    worker_stop(&k);
}

/* ---- reading ---- */

struct seen {
    char text[512];
    lh_usage sum;
    int64_t stop_at, count;
};

static int see(void *arg, const lh_usage *u)
{
    struct seen *s = arg;
    size_t len = strlen(s->text);
    snprintf(s->text + len, sizeof s->text - len, "%s:%lld,%lld,%lld ", u->name, (long long)u->attempts,
             (long long)u->unpriced, (long long)u->cost_nanousd);
    s->sum = *u;
    return ++s->count == s->stop_at ? 7 : 0;
}

static int see_model(void *arg, int64_t batch_id, const lh_usage *u)
{
    struct seen *s = arg;
    size_t len = strlen(s->text);
    snprintf(s->text + len, sizeof s->text - len, "%lld/", (long long)batch_id);
    return see(arg, u);
}

/* Batches a and c are of one tenant; b's cost is not known at all, and one of a's is not. */
static void plant(struct world *w)
{
    world_open(w);
    world_batch(w, "a", 500, 0);
    world_batch(w, "b", 500, 0);
    world_batch(w, "c", 500, 0);
    world_sql(
        w,
        "UPDATE batches SET tenant = iif(name = 'b', 'y', 'x');"
        "INSERT INTO usage VALUES (1, '2025-01-01', 'm', 3, 1, 1, 10, 11, 12, 13, 14, 1500, 15, 16, 17, 18, "
        "1.5, 2, 20, 21.5, 22, 23);"
        "INSERT INTO usage VALUES (1, '2025-01-02', 'm', 1, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2.5, 1, 1, "
        "1.0, 1, 1);"
        "INSERT INTO usage VALUES (2, '2025-01-02', 'n', 2, 0, 2, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 0.5, 1, 1, "
        "1.0, 99, 1);"
        "INSERT INTO usage VALUES (3, '2025-01-02', 'm', 1, 0, 0, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 0.5, 1, 1, "
        "1.0, 1, 1)");
}

static void assert_seen(struct world *w, const char *batch, lh_usage_by by, const char *wanted)
{
    struct seen s = {0};
    assert_int_equal(lh_usage_each(w->path, batch, by, see, &s, &w->err), 0);
    assert_string_equal(s.text, wanted);
}

static void usage_is_read_by_model_batch_tenant_and_day(void **state)
{
    (void)state;
    struct world w;
    struct seen s = {0};
    plant(&w);
    assert_seen(&w, NULL, LH_BY_MODEL, "m:5,1,1503 n:2,2,0 ");
    assert_seen(&w, NULL, LH_BY_BATCH, "a:4,1,1501 b:2,2,0 c:1,0,2 ");
    assert_seen(&w, NULL, LH_BY_TENANT, "x:5,1,1503 y:2,2,0 ");
    assert_seen(&w, NULL, LH_BY_DAY, "2025-01-01:3,1,1500 2025-01-02:4,2,3 ");
    assert_seen(&w, "a", LH_BY_MODEL, "m:4,1,1501 ");
    assert_seen(&w, "b", LH_BY_TENANT, "y:2,2,0 ");
    assert_int_equal(lh_usage_each(w.path, "none", LH_BY_MODEL, see, &s, &w.err), LH_ENOTFOUND);
    assert_int_equal(lh_usage_each("no_such.db", NULL, LH_BY_MODEL, see, &s, &w.err), LH_ENOTFOUND);
    s = (struct seen){.stop_at = 1};
    assert_int_equal(lh_usage_each(w.path, NULL, LH_BY_DAY, see, &s, &w.err), 7);
    assert_int_equal(s.count, 1);
    world_close(&w);
}

static void every_column_of_usage_arrives_in_its_field(void **state)
{
    (void)state;
    struct world w;
    struct seen s = {0};
    plant(&w);
    assert_int_equal(lh_usage_each(w.path, "a", LH_BY_MODEL, see, &s, &w.err), 0);
    const lh_usage *u = &s.sum;
    const int64_t numbers[] = {u->attempts,          u->failed,           u->unpriced,
                               u->prompt_tokens,     u->cached_tokens,    u->cache_write_tokens,
                               u->completion_tokens, u->reasoning_tokens, u->cost_nanousd,
                               u->told_prompts,      u->told_tokens,      u->counted_tokens,
                               u->counted_error,     u->answers,          u->answer_tokens,
                               u->answer_max,        u->latency_ms};
    const int64_t wanted[] = {4, 1, 1, 11, 12, 13, 14, 15, 1501, 16, 17, 18, 19, 3, 21, 22, 24};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        assert_int_equal(numbers[i], wanted[i]);
    assert_true(u->prompt_share_max == 2.5);
    assert_true(u->answer_squares == 22.5);
    world_close(&w);
}

static void a_run_reads_each_model_of_each_batch(void **state)
{
    (void)state;
    struct world w;
    struct seen s = {0};
    plant(&w);
    assert_int_equal(usage_of_models(w.store, LH_UNKNOWN, see_model, &s, &w.err), 0);
    assert_string_equal(s.text, "1/m:4,1,1501 2/n:2,2,0 3/m:1,0,2 ");
    s = (struct seen){0};
    assert_int_equal(usage_of_models(w.store, 3, see_model, &s, &w.err), 0);
    assert_string_equal(s.text, "3/m:1,0,2 ");
    s = (struct seen){.stop_at = 2};
    assert_int_equal(usage_of_models(w.store, LH_UNKNOWN, see_model, &s, &w.err), 7);
    world_close(&w);
}

/* Unknown is never 0. */
static void views_say_what_money_is_not_known(void **state)
{
    (void)state;
    struct world w;
    plant(&w);
    assert_true(world_text_is(&w, "SELECT group_concat(batch || '=' || cost, ',') FROM usage_by_batch",
                              "a=at least 0.000002 USD,b=unknown,c=0.000001 USD"));
    assert_int_equal(world_int(&w, "SELECT cost_usd IS NULL FROM usage_by_model WHERE model = 'n'"), 1);
    assert_int_equal(world_int(&w, "SELECT cost_usd = 1503e-9 FROM usage_by_tenant WHERE tenant = 'x'"), 1);
    assert_int_equal(world_int(&w, "SELECT count(*) FROM usage_by_day WHERE attempts = prompt_tokens"), 0);
    assert_int_equal(world_int(&w,
                               "SELECT mean_answer_tokens = 7 AND mean_latency_s = 0.008 FROM usage_by_batch "
                               "WHERE batch = 'a'"),
                     1);
    world_sql(&w, "UPDATE batches SET unpriced = (id <> 3), cost_nanousd = iif(id = 2, 0, 2000000000)");
    assert_true(world_text_is(&w, "SELECT group_concat(batch || '=' || cost, ',') FROM batch_summary",
                              "a=at least 2.000000 USD,b=unknown,c=2.000000 USD"));
    world_sql(&w, "UPDATE batches SET silent = unpriced, unpriced = 0");
    assert_true(world_text_is(
        &w,
        "SELECT group_concat(batch || '=' || cost || '=' || ifnull(cost_usd, '?'), ',') FROM batch_summary",
        "a=at least 2.000000 USD=2.0,b=unknown=?,c=2.000000 USD=2.0"));
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sum_is_that_of_the_raw_rows),
        cmocka_unit_test(what_tells_nothing_stands_in_no_row),
        cmocka_unit_test(a_failed_attempt_that_was_billed_is_counted),
        cmocka_unit_test(a_late_answer_adds_nothing),
        cmocka_unit_test(the_model_is_the_one_asked_for_else_the_one_that_answered),
        cmocka_unit_test(the_day_is_that_of_the_start_in_utc),
        cmocka_unit_test(a_job_that_was_not_counted_says_nothing_of_the_count),
        cmocka_unit_test(a_drain_writes_each_touched_cell_once),
        cmocka_unit_test(as_many_models_as_jobs_are_told_apart),
        cmocka_unit_test(a_drain_that_failed_counts_nothing_twice),
        cmocka_unit_test(usage_is_read_by_model_batch_tenant_and_day),
        cmocka_unit_test(every_column_of_usage_arrives_in_its_field),
        cmocka_unit_test(a_run_reads_each_model_of_each_batch),
        cmocka_unit_test(views_say_what_money_is_not_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

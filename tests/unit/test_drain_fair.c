/* Drains are fair among tenants: through commits, failures, reloads and whatever comes back. Every job is charged 256 tokens, that
 * of an answer that nothing bounds, unless its row says otherwise. */
#include "drain_world.h"

enum { CHARGE = 256, MOST = 400 };

static int64_t plant(struct world *w, const char *batch, const char *tenant, int64_t weight, int64_t priority,
                     int64_t jobs)
{
    int64_t id = world_batch(w, batch, priority, jobs);
    world_sql(w, "UPDATE batches SET tenant = '%s', weight = %lld WHERE id = %lld", tenant, (long long)weight,
              (long long)id);
    return id;
}

/* Claims `n` and notes in `order` of which batches they are; appends to what is there. */
static void claim(struct worker *k, int64_t now, int64_t n, int64_t *order, size_t *count)
{
    struct claim_list claims;
    assert_int_equal(worker_drain(k, now, NULL, n, &claims), 0);
    for (const struct claimed_job *job = claims.first; job != NULL; job = job->next)
        order[(*count)++] = job->batch_id;
    claim_list_free(&claims);
}

static int64_t count_of(const int64_t *order, size_t count, int64_t batch_id)
{
    int64_t n = 0;
    for (size_t i = 0; i < count; i++)
        n += order[i] == batch_id ? 1 : 0;
    return n;
}

static void tenants_share_by_weight_whatever_their_number_of_batches(void **state)
{
    (void)state;
    struct worker k;
    int64_t order[MOST];
    size_t count = 0;
    world_open(&k.w);
    int64_t a1 = plant(&k.w, "a1", "a", 1, 500, 200), a2 = plant(&k.w, "a2", "a", 1, 500, 200);
    int64_t b = plant(&k.w, "b", "b", 3, 500, 400);
    worker_start(&k, &(struct drain_tuning){0});
    while (count < 200)
        claim(&k, 1000, 4, order, &count);
    const double bound = (double)(CHARGE + FAIR_QUANTUM) / 1 + (double)(CHARGE + FAIR_QUANTUM) / 3;
    double of_a = (double)(count_of(order, count, a1) * CHARGE),
           of_b = (double)(count_of(order, count, b) * CHARGE);
    assert_true(of_a - of_b / 3 <= bound && of_b / 3 - of_a <= bound);
    assert_int_equal(count_of(order, count, a2), 0); /* its turn comes after the first batch of the tenant */
    worker_stop(&k);
}

/* A claim of many at once, as at a start, is no more for one tenant than claims of few. */
static void a_large_claim_is_shared_as_well(void **state)
{
    (void)state;
    struct worker k;
    int64_t order[MOST];
    size_t count = 0;
    world_open(&k.w);
    int64_t a = plant(&k.w, "a", "a", 1, 500, 200), b = plant(&k.w, "b", "b", 1, 500, 200);
    worker_start(&k, &(struct drain_tuning){0});
    claim(&k, 1000, 64, order, &count);
    const int64_t most = (2 * (CHARGE + FAIR_QUANTUM) + CHARGE - 1) / CHARGE;
    assert_in_range(count_of(order, count, a), 32 - most / 2, 32 + most / 2);
    assert_int_equal(count_of(order, count, a) + count_of(order, count, b), 64);
    worker_stop(&k);
}

static void a_job_is_charged_its_prompt_and_what_its_answer_may_have(void **state)
{
    (void)state;
    struct worker k;
    struct claim_list claims;
    world_open(&k.w);
    plant(&k.w, "b", "t", 5, 500, 2);
    world_sql(&k.w, "UPDATE jobs SET prompt_tokens = 100, max_output_tokens = 40 WHERE custom_id = 'j1';"
                    "UPDATE jobs SET prompt_tokens = 7 WHERE custom_id = 'j2'");
    worker_start(&k, &(struct drain_tuning){0});
    assert_int_equal(worker_drain(&k, 1000, NULL, 2, &claims), 0);
    assert_int_equal(claims.first->charge.tokens, 140);
    assert_int_equal(claims.first->charge.weight, 5);
    assert_int_equal(claims.first->next->charge.tokens, 7 + CHARGE);
    claim_list_free(&claims);
    worker_stop(&k);
}

enum trouble { NO_TROUBLE, COMMITS_FAIL, OTHERS_COMMIT };

/* Sixty claims of three tenants, and what became of them, with trouble in between. */
static void walk(enum trouble trouble, int64_t *order, size_t *count)
{
    struct worker k;
    world_open(&k.w);
    plant(&k.w, "a", "a", 1, 500, 100);
    plant(&k.w, "b", "b", 2, 500, 100);
    plant(&k.w, "c", "c", 5, 500, 100);
    worker_start(&k, &(struct drain_tuning){0});
    struct claim_list held = {0}, claims;
    claim_list_init(&held);
    *count = 0;
    for (int step = 0; step < 30; step++) {
        struct outcome outcomes[2];
        int64_t n = 0;
        for (const struct claimed_job *job = held.first; job != NULL && n < 2; job = job->next, n++)
            outcomes[n] = worker_outcome(job, n == 0 ? OUTCOME_DONE : OUTCOME_GIVE_BACK);
        link_outcomes(outcomes, n);
        if (trouble == COMMITS_FAIL) {
            failing_disk_break(SQLITE_FULL, 0);
            assert_int_equal(worker_drain(&k, 1000, n > 0 ? outcomes : NULL, 5, &claims), LH_EFULL);
            failing_disk_mend();
        }
        if (trouble == OTHERS_COMMIT)
            world_sql(&k.w, "INSERT OR REPLACE INTO checkpoints VALUES ('x', 'x', '{}', %d)", step);
        assert_int_equal(worker_drain(&k, 1000, n > 0 ? outcomes : NULL, 5, &claims), 0);
        claim_list_free(&held);
        held = claims;
        if (held.first == NULL)
            held.last = &held.first;
        for (const struct claimed_job *job = held.first; job != NULL; job = job->next)
            order[(*count)++] = job->id;
    }
    claim_list_free(&held);
    assert_int_equal(world_faults(&k.w), 0);
    worker_stop(&k);
}

static void tags_are_those_of_the_last_commit_whatever_comes_between(void **state)
{
    (void)state;
    int64_t quiet[MOST], troubled[MOST];
    size_t count = 0, other = 0;
    walk(NO_TROUBLE, quiet, &count);
    assert_int_equal(count, 150);
    walk(COMMITS_FAIL, troubled, &other);
    assert_int_equal(other, count);
    assert_memory_equal(quiet, troubled, count * sizeof *quiet);
    walk(OTHERS_COMMIT, troubled, &other);
    assert_int_equal(other, count);
    assert_memory_equal(quiet, troubled, count * sizeof *quiet);
}

/* Fifty claims of one tenant come back so; then both tenants get the same again, or the first is behind by what it used. */
static int64_t share_after(const struct outcome *example, bool late)
{
    struct worker k;
    struct claim_list claims;
    static struct outcome outcomes[50];
    int64_t order[MOST], n = 0;
    size_t count = 0;
    world_open(&k.w);
    int64_t a = plant(&k.w, "a", "a", 1, 500, 200);
    worker_start(&k, &(struct drain_tuning){0});
    assert_int_equal(worker_drain(&k, 1000, NULL, 10, &claims), 0);
    claim_list_free(&claims);
    plant(&k.w, "b", "b", 1, 500, 200);
    assert_int_equal(worker_drain(&k, 1000, NULL, 100, &claims), 0);
    for (const struct claimed_job *job = claims.first; job != NULL && n < 50; job = job->next)
        if (job->batch_id == a) {
            struct outcome o = worker_outcome(job, example->move);
            o.unused = example->unused;
            o.answer.usage = example->answer.usage;
            o.number += late ? 1 : 0; /* of another send */
            o.next_retry_at = 1000000;
            outcomes[n++] = o;
        }
    link_outcomes(outcomes, n);
    claim_list_free(&claims);
    assert_int_equal(worker_drain(&k, 1000, outcomes, 0, &claims), 0);
    while (count < 100)
        claim(&k, 1000, 10, order, &count);
    worker_stop(&k);
    return count_of(order, count, a);
}

static void what_used_nothing_is_refunded_and_usage_corrects_the_rest(void **state)
{
    (void)state;
    const struct usage none = USAGE_NOT_SAID, as_charged = {56, 200, -1, -1, -1, TIER_STANDARD},
                       little = {1, 1, -1, -1, -1, TIER_STANDARD};
    const struct outcome throttled = {.move = OUTCOME_WAIT, .unused = true, .answer.usage = none};
    const struct outcome unsent = {.move = OUTCOME_GIVE_BACK, .answer.usage = none};
    const struct outcome good = {.move = OUTCOME_DONE, .answer.usage = as_charged};
    const struct outcome small = {.move = OUTCOME_DONE, .answer.usage = little};
    const struct outcome fault = {.move = OUTCOME_WAIT, .answer.usage = none};
    const int64_t slack = 2 * (CHARGE + FAIR_QUANTUM) / CHARGE;
    assert_in_range(share_after(&good, false), 50 - slack, 50 + slack);
    assert_in_range(share_after(&fault, false), 50 - slack, 50 + slack);
    assert_in_range(share_after(&throttled, false), 75 - slack, 75 + slack);
    assert_in_range(share_after(&unsent, false), 75 - slack, 75 + slack);
    assert_in_range(share_after(&small, false), 75 - slack, 75 + slack);
    assert_in_range(share_after(&good, true), 75 - slack, 75 + slack);
}

static int64_t low_jobs_of(int64_t ageing_ms)
{
    struct worker k;
    int64_t order[MOST];
    size_t count = 0;
    world_open(&k.w);
    plant(&k.w, "high", "a", 1, 100, 400);
    int64_t low = plant(&k.w, "low", "b", 1, 900, 50);
    worker_start(&k, &(struct drain_tuning){.ageing_ms = ageing_ms});
    for (int64_t second = 0; second < 60; second++)
        claim(&k, second * 1000, 5, order, &count);
    assert_int_equal(count, 300);
    worker_stop(&k);
    return count_of(order, count, low);
}

static void low_priority_starves_without_ageing_and_not_with_it(void **state)
{
    (void)state;
    assert_int_equal(low_jobs_of(0), 0);
    assert_int_equal(low_jobs_of(10000), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tenants_share_by_weight_whatever_their_number_of_batches),
        cmocka_unit_test(a_large_claim_is_shared_as_well),
        cmocka_unit_test(a_job_is_charged_its_prompt_and_what_its_answer_may_have),
        cmocka_unit_test(tags_are_those_of_the_last_commit_whatever_comes_between),
        cmocka_unit_test(what_used_nothing_is_refunded_and_usage_corrects_the_rest),
        cmocka_unit_test(low_priority_starves_without_ageing_and_not_with_it),
    };
    failing_disk_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

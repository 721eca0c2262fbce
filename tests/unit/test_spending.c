/* What an answer leaves of a budget: all that it may have cost, whatever it tells. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "schedule/fares.h"
#include "schedule/run.h"

static struct lh_run *run;

/* One endpoint; "gpt-4o-mini" at 0.15 and 0.60 USD from the list; a dollar to spend. */
static int open_run(void **state)
{
    (void)state;
    lh_run_options o;
    lh_error err = {0};
    lh_run_options_default(&o);
    o.endpoint.base_url = "http://127.0.0.1:9";
    run = calloc(1, sizeof *run);
    assert_non_null(run);
    o.max_cost_nanousd = 1000000000;
    assert_int_equal(spending_take_options(&run->spending, &o, &err), 0);
    assert_int_equal(endpoints_open(&run->endpoints, &o, 0, &err), 0);
    assert_int_equal(models_open(&run->models, &o, &run->endpoints, &err), 0);
    return 0;
}

static int close_run(void **state)
{
    (void)state;
    models_free(&run->models);
    endpoints_free(&run->endpoints);
    free(run);
    return 0;
}

/* A request of 1,000 tokens whose answer is bounded so has ended with this usage: what its cost is said to be. */
static int64_t settle(int64_t bound, int64_t prompt, int64_t completion, enum service_tier tier)
{
    struct claimed_job job = {.batch_id = 1, .prompt_tokens = 1000, .max_output_tokens = bound};
    struct outcome o = {.attempt_outcome = "success", .answer = {.usage = USAGE_NOT_SAID}};
    job.use = models_use(&run->models, 1, "gpt-4o-mini");
    struct flight f = {.run = run, .job = &job, .endpoint = &run->endpoints.list[0]};
    f.held = spending_take(run, f.endpoint, &job);
    o.answer.usage.prompt_tokens = prompt;
    o.answer.usage.completion_tokens = completion;
    o.answer.usage.tier = tier;
    return spending_settle(&f, &o);
}

static int64_t spent(void)
{
    return run->spending.budget.used.nanousd;
}

static void a_whole_usage_is_its_cost(void **state)
{
    (void)state;
    assert_int_equal(settle(1000, 900, 100, TIER_STANDARD), 900 * 150 + 100 * 600);
    assert_int_equal(spent(), 900 * 150 + 100 * 600);
    assert_int_equal(run->spending.budget.used.tokens, 1000);
}

static void half_a_usage_has_no_cost_and_counts_as_what_was_held(void **state)
{
    (void)state;
    const int64_t held = 1000 * 150 + 1000 * 600;
    assert_int_equal(settle(1000, 900, -1, TIER_STANDARD), LH_UNKNOWN);
    assert_int_equal(spent(), held);
    assert_int_equal(run->spending.budget.used.tokens, 2000);
    assert_int_equal(settle(1000, -1, 100, TIER_STANDARD), LH_UNKNOWN);
    assert_int_equal(spent(), 2 * held);
    assert_int_equal(settle(1000, -1, 1000, TIER_STANDARD), LH_UNKNOWN);
    assert_int_equal(spent(), 3 * held);
    assert_int_equal(settle(1000, 1000000, -1, TIER_STANDARD),
                     LH_UNKNOWN); /* or as more, when it tells more */
    assert_int_equal(spent(), 3 * held + 1000000 * 150);
}

static void embeddings_have_no_completion_to_tell(void **state)
{
    (void)state;
    assert_int_equal(settle(0, 900, -1, TIER_STANDARD), 900 * 150);
    assert_int_equal(spent(), 900 * 150);
}

static void an_answer_at_another_tier_makes_all_of_its_model_dearer(void **state)
{
    (void)state;
    struct claimed_job job = {.batch_id = 1, .prompt_tokens = 1000, .max_output_tokens = 1000};
    struct budget_sum before, after;
    job.use = models_use(&run->models, 1, "gpt-4o-mini");
    job_worst(&job, 0, &before);
    settle(1000, 900, 100, TIER_BATCH);
    job_worst(&job, 0, &after);
    assert_int_equal(after.nanousd, before.nanousd);
    int64_t so_far = spent();
    assert_int_equal(settle(1000, 900, 100, TIER_PRIORITY), LH_UNKNOWN);
    assert_int_equal(spent() - so_far, 2 * (900 * 150 + 100 * 600));
    job_worst(&job, 0, &after);
    assert_int_equal(after.nanousd, 2 * before.nanousd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_whole_usage_is_its_cost, open_run, close_run),
        cmocka_unit_test_setup_teardown(half_a_usage_has_no_cost_and_counts_as_what_was_held, open_run,
                                        close_run),
        cmocka_unit_test_setup_teardown(embeddings_have_no_completion_to_tell, open_run, close_run),
        cmocka_unit_test_setup_teardown(an_answer_at_another_tier_makes_all_of_its_model_dearer, open_run,
                                        close_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

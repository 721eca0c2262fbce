/* What a job is expected to use, what it may use at most, and what that costs where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schedule/model_use.h"

static struct endpoints one, two;

static void open_endpoints(struct endpoints *s, const lh_endpoint_options *list, size_t count)
{
    lh_run_options o;
    lh_error err = {0};
    lh_run_options_default(&o);
    o.endpoints = list;
    o.n_endpoints = count;
    if (endpoints_open(s, &o, 0, &err) != 0)
        fail_msg("%s", err.message);
}

static lh_endpoint_options entry(const char *name)
{
    lh_run_options o;
    lh_run_options_default(&o);
    o.endpoint.name = name;
    o.endpoint.base_url = "http://127.0.0.1:9";
    return o.endpoint;
}

static int open_all(void **state)
{
    static const char *const models[] = {"here=gpt-4o-mini", "own", "gpt-4o-mini"};
    lh_endpoint_options list[] = {entry("listed"), entry("given")};
    (void)state;
    list[0].models = models;
    list[0].n_models = 3;
    list[1].price_input_nanousd = 7000000;
    list[1].price_output_nanousd = 9000000;
    open_endpoints(&one, list, 1);
    open_endpoints(&two, list, 2);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    endpoints_free(&one);
    endpoints_free(&two);
    return 0;
}

static struct models *open_models(const struct endpoints *endpoints, const lh_model *own, size_t n_own,
                                  enum reserve reserve)
{
    struct models *m = calloc(1, sizeof *m);
    lh_run_options o;
    lh_run_options_default(&o);
    o.models = own;
    o.n_models = n_own;
    assert_non_null(m);
    m->reserve = reserve;
    assert_int_equal(models_open(m, &o, endpoints, NULL), 0);
    return m;
}

static void close_models(struct models *m)
{
    models_free(m);
    free(m);
}

static lh_model own_model(const char *name, int64_t input, int64_t output)
{
    lh_model m;
    lh_model_default(&m, name);
    m.price_input_nanousd = input;
    m.price_output_nanousd = output;
    return m;
}

static void a_price_is_the_endpoints_or_by_the_name_there_or_here(void **state)
{
    (void)state;
    lh_model listed;
    const lh_model own[] = {own_model("own", 1000000, 2000000)};
    struct models *m = open_models(&two, own, 1, RESERVE_HIGH);
    assert_true(lh_model_find(NULL, 0, "gpt-4o-mini", &listed));
    const struct model *here = models_find(m, "here"), *mine = models_find(m, "own"),
                       *none = models_find(m, "nobody's");
    assert_true(here->prices[0].known);
    assert_int_equal(here->prices[0].input, listed.price_input_nanousd);
    assert_int_equal(here->prices[1].input, 7000000);
    assert_int_equal(mine->prices[0].output, 2000000);
    assert_int_equal(mine->prices[1].output, 9000000);
    assert_false(none->prices[0].known);
    assert_int_equal(model_priced(none, 2), 2);
    assert_int_equal(model_priced(mine, 2), 3);
    assert_int_equal(model_price(mine, 2, 0).output, 2000000);
    assert_int_equal(model_price(mine, 2, LH_UNKNOWN).output, 9000000);
    close_models(m);
}

static struct usage told(int64_t prompt, int64_t completion)
{
    struct usage u = USAGE_NOT_SAID;
    u.prompt_tokens = prompt;
    u.completion_tokens = completion;
    return u;
}

static void learn(struct model_use *use, int64_t n, int64_t counted, int64_t prompt, int64_t completion)
{
    struct usage u = told(prompt, completion);
    for (int64_t i = 0; i < n; i++)
        model_learn(use, counted, &u, true, 100);
}

static void before_any_answer_the_bound_is_expected(void **state)
{
    (void)state;
    struct models *m = open_models(&one, NULL, 0, RESERVE_HIGH);
    struct claimed_job job = {.prompt_tokens = 100, .max_output_tokens = 4000};
    job.use = models_use(m, 1, "own");
    assert_int_equal(job_expected(&job).output_tokens, 4000);
    assert_int_equal(job_expected(&job).bound_tokens, 4000);
    job.max_output_tokens = LH_UNKNOWN;
    assert_int_equal(job_expected(&job).output_tokens, CLAIM_OUTPUT_TOKENS);
    assert_int_equal(job_expected(&job).bound_tokens, 0);
    close_models(m);
}

static void answers_teach_what_to_expect_of_the_batch_and_of_the_model(void **state)
{
    (void)state;
    struct models *m = open_models(&one, NULL, 0, RESERVE_HIGH);
    struct model_use *first = models_use(m, 1, "own"), *second = models_use(m, 2, "own"),
                     *other = models_use(m, 1, "x");
    struct claimed_job job = {.prompt_tokens = 100, .max_output_tokens = 4000, .use = first};
    learn(first, MEASURED_ENOUGH, 100, 130, 50);
    assert_int_equal(job_expected(&job).prompt_tokens, 130);
    assert_int_equal(job_expected(&job).output_tokens, 50);
    assert_int_equal(job_expected(&job).bound_tokens, 4000);
    job.use = second; /* nothing of its own yet */
    assert_int_equal(job_expected(&job).output_tokens, 50);
    learn(second, MEASURED_ENOUGH, 100, 130, 700);
    assert_int_equal(job_expected(&job).output_tokens, 700);
    job.use = first;
    assert_int_equal(job_expected(&job).output_tokens, 50);
    job.use = other;
    assert_int_equal(job_expected(&job).output_tokens, 4000);
    assert_int_equal(job_expected(&job).prompt_tokens, 100);
    close_models(m);
}

static void failures_teach_prompts_but_no_answers(void **state)
{
    (void)state;
    struct models *m = open_models(&one, NULL, 0, RESERVE_HIGH);
    struct model_use *use = models_use(m, 1, "own");
    struct usage u = told(200, 5), nothing = USAGE_NOT_SAID;
    for (int i = 0; i < 40; i++) {
        model_learn(use, 100, &u, false, 100);
        model_learn(use, 100, &nothing, true, 100);
    }
    struct claimed_job job = {.prompt_tokens = 100, .max_output_tokens = 4000, .use = use};
    assert_int_equal(job_expected(&job).output_tokens, 4000);
    assert_int_equal(job_expected(&job).prompt_tokens, 200);
    close_models(m);
}

static void reserving_the_bound_is_left_to_choose(void **state)
{
    (void)state;
    struct models *m = open_models(&one, NULL, 0, RESERVE_MAX);
    struct model_use *use = models_use(m, 1, "own");
    learn(use, 100, 100, 100, 50);
    struct claimed_job job = {.prompt_tokens = 100, .max_output_tokens = 4000, .use = use};
    assert_int_equal(job_expected(&job).output_tokens, 4000);
    close_models(m);
}

static void the_worst_is_the_bound_at_the_price_of_the_endpoint(void **state)
{
    (void)state;
    const lh_model own[] = {own_model("gpt-4o-mini", 1000000, 2000000)};
    struct models *m = open_models(&two, own, 1, RESERVE_MEAN);
    struct model_use *use = models_use(m, 1, "gpt-4o-mini");
    struct budget_sum worst;
    learn(use, 1000, 100, 100, 5);
    struct claimed_job job = {.prompt_tokens = 100, .max_output_tokens = 4000, .use = use};
    assert_true(job_worst(&job, 0, &worst));
    assert_int_equal(worst.tokens, 4100);
    assert_int_equal(worst.nanousd, 100 * 1 + 4000 * 2);
    assert_true(job_worst(&job, 1, &worst));
    assert_int_equal(worst.nanousd, 100 * 7 + 4000 * 9);
    close_models(m);
}

static void the_worst_of_an_unbounded_answer_is_the_models_own_bound(void **state)
{
    (void)state;
    lh_model own[] = {own_model("own", 1000000, 2000000), own_model("gpt-4o", 1000000, 2000000)};
    own[0].max_output = 16384;
    own[1].max_output = LH_UNKNOWN;
    struct models *m = open_models(&one, own, 1, RESERVE_HIGH);
    struct budget_sum worst;
    struct claimed_job job = {.prompt_tokens = 0, .max_output_tokens = LH_UNKNOWN};
    job.use = models_use(m, 1, "own");
    job_worst(&job, 0, &worst);
    assert_int_equal(worst.tokens, 16384);
    job.use = models_use(m, 1, "nobody's");
    assert_false(job_worst(&job, 0, &worst));
    assert_int_equal(worst.tokens, UNBOUNDED_OUTPUT_MOST);
    assert_int_equal(worst.nanousd, 0);
    learn(job.use, 1, 10, 10, 100000); /* one of twice the length of the longest may come */
    job_worst(&job, 0, &worst);
    assert_int_equal(worst.tokens, 200000);
    learn(job.use, 1, 10, 10, 900000000); /* a lie is not believed beyond what a model can */
    job_worst(&job, 0, &worst);
    assert_int_equal(worst.tokens, 1000000);
    close_models(m);
}

static void an_unbounded_answer_is_as_long_as_the_name_at_an_endpoint_allows(void **state)
{
    (void)state;
    lh_model own[] = {own_model("gpt-4o-mini", 1, 1)};
    struct budget_sum worst;
    own[0].max_output = 30000;
    struct models *m = open_models(&two, own, 1, RESERVE_HIGH);
    struct claimed_job job = {.prompt_tokens = 0, .max_output_tokens = LH_UNKNOWN};
    job.use = models_use(m, 1, "here"); /* there "gpt-4o-mini" */
    assert_true(job_worst(&job, 0, &worst));
    assert_int_equal(worst.tokens, 30000);
    close_models(m);
}

static void several_answers_and_a_dearer_tier_are_in_the_worst_case(void **state)
{
    (void)state;
    lh_model own[] = {own_model("own", 1000000, 2000000)};
    struct budget_sum one_answer, worst;
    own[0].max_output = 1000;
    struct models *m = open_models(&two, own, 1, RESERVE_HIGH);
    struct claimed_job job = {.prompt_tokens = 0, .max_output_tokens = LH_UNKNOWN};
    job.use = models_use(m, 1, "own");
    job_worst(&job, 0, &one_answer);
    job.answers = 8;
    job_worst(&job, 0, &worst);
    assert_int_equal(worst.tokens, 8000);
    assert_int_equal(worst.nanousd, 8 * one_answer.nanousd);
    job.other_tier = true;
    job_worst(&job, 0, &worst);
    assert_int_equal(worst.nanousd, 16 * one_answer.nanousd);
    job_worst(&job, 1, &worst); /* what was given for the endpoint is its price at any tier */
    assert_int_equal(worst.nanousd, 8000 * 9);
    job.max_output_tokens = 500; /* of all answers together */
    job_worst(&job, 1, &worst);
    assert_int_equal(worst.tokens, 500);
    close_models(m);
}

static void a_prompt_of_an_unknown_encoding_may_be_half_as_long_again(void **state)
{
    (void)state;
    struct models *m = open_models(&one, NULL, 0, RESERVE_HIGH);
    struct budget_sum worst;
    struct claimed_job job = {.prompt_tokens = 1000, .max_output_tokens = 0};
    job.use = models_use(m, 1, "nobodys");
    job_worst(&job, 0, &worst);
    assert_int_equal(worst.tokens, 1500);
    assert_int_equal(job_expected(&job).prompt_tokens, 1000);
    job.use = models_use(m, 1, "claude-sonnet-4-5");
    job_worst(&job, 0, &worst);
    assert_int_equal(worst.tokens, 1500);
    assert_int_equal(job_expected(&job).prompt_tokens, 1200);
    job.use = models_use(m, 1, "claude-opus-4-7");
    job_worst(&job, 0, &worst);
    assert_int_equal(worst.tokens, 2000);
    assert_int_equal(job_expected(&job).prompt_tokens, 1550);
    job.use = models_use(m, 1, "gpt-4o-mini");
    job_worst(&job, 0, &worst);
    assert_int_equal(worst.tokens, 1000);
    close_models(m);
}

/* What a run that was killed is reckoned at afterwards is no less than what it held. */
static void the_past_is_reckoned_as_the_present(void **state)
{
    (void)state;
    struct models *m = open_models(&two, NULL, 0, RESERVE_HIGH);
    const char *const names[] = {"gpt-4o-mini", "own", "here"};
    for (size_t n = 0; n < 3; n++) {
        struct model_use *use = models_use(m, 1, names[n]);
        struct budget_sum held = {0}, worst, past;
        struct attempts_past a = {0};
        for (int64_t i = 0; i < 50; i++) {
            bool bounded = i % 3 > 0;
            struct claimed_job job = {
                .prompt_tokens = 13 * i, .max_output_tokens = bounded ? 40 * i : LH_UNKNOWN, .use = use};
            job_worst(&job, 1, &worst);
            held.tokens += worst.tokens;
            held.nanousd += worst.nanousd;
            a.prompt += job.prompt_tokens;
            a.bounded_output += bounded ? job.max_output_tokens : 0;
            a.unbounded += bounded ? 0 : 1;
        }
        model_worst(use->model, &use->model->prices[1], &a, &past);
        assert_true(past.tokens + 50 >= held.tokens && past.tokens <= held.tokens); /* each is rounded up */
        assert_true(past.nanousd + 50 * 9 >= held.nanousd && past.nanousd <= held.nanousd);
    }
    close_models(m);
}

static void more_models_than_a_run_keeps_share_one_of_unknown_price(void **state)
{
    (void)state;
    struct models *m = open_models(&one, NULL, 0, RESERVE_HIGH);
    char name[32];
    const struct model *rest = NULL;
    for (int i = 0; i < MODELS_MOST + 100; i++) {
        snprintf(name, sizeof name, "model-%d", i);
        const struct model *model = models_find(m, name);
        assert_string_equal(model->name, i < MODELS_MOST ? name : "");
        rest = model;
    }
    assert_ptr_equal(models_find(m, "gpt-4o-mini"), rest);
    assert_false(rest->prices[0].known);
    close_models(m);
}

static void the_name_is_read_from_the_body(void **state)
{
    (void)state;
    struct json_parser *parser = json_parser_new();
    char name[MODEL_NAME_MOST + 1], plain[] = "{\"messages\":[],\"model\":\"a\\u0062c\"}",
                                    none[] = "{\"model\":5}";
    struct claimed_job job = {.body = plain, .body_len = strlen(plain)};
    job_model_name(&job, parser, name);
    assert_string_equal(name, "abc");
    job = (struct claimed_job){.body = none, .body_len = strlen(none)};
    job_model_name(&job, parser, name);
    assert_string_equal(name, "");
    json_parser_free(parser);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_price_is_the_endpoints_or_by_the_name_there_or_here),
        cmocka_unit_test(before_any_answer_the_bound_is_expected),
        cmocka_unit_test(answers_teach_what_to_expect_of_the_batch_and_of_the_model),
        cmocka_unit_test(failures_teach_prompts_but_no_answers),
        cmocka_unit_test(reserving_the_bound_is_left_to_choose),
        cmocka_unit_test(the_worst_is_the_bound_at_the_price_of_the_endpoint),
        cmocka_unit_test(the_worst_of_an_unbounded_answer_is_the_models_own_bound),
        cmocka_unit_test(an_unbounded_answer_is_as_long_as_the_name_at_an_endpoint_allows),
        cmocka_unit_test(several_answers_and_a_dearer_tier_are_in_the_worst_case),
        cmocka_unit_test(a_prompt_of_an_unknown_encoding_may_be_half_as_long_again),
        cmocka_unit_test(the_past_is_reckoned_as_the_present),
        cmocka_unit_test(more_models_than_a_run_keeps_share_one_of_unknown_price),
        cmocka_unit_test(the_name_is_read_from_the_body),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}

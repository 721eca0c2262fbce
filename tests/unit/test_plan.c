/* The simulated provider's decisions: the same by the same seed whatever the order of arrival, faults at their rates, and refusals
 * as real providers write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sim/plan.h"

static struct planner *new_planner(const struct sim_options *o)
{
    struct planner *p = NULL;
    lh_error err = {0};
    if (planner_new(o, 1000, &p, &err) != 0)
        fail_msg("%s", err.message);
    return p;
}

static void ask_at(struct planner *p, int64_t now_ms, const char *path, int n, const char *text,
                   struct plan *out)
{
    char body[256];
    snprintf(body, sizeof body,
             "{\"model\":\"m\",\"max_tokens\":40,\"messages\":[{\"role\":\"user\",\"content\":\"%s %d\"}]}",
             text, n);
    struct plan_input in = {
        .now_ms = now_ms, .path = path, .method = "POST", .body = body, .body_len = strlen(body)};
    planner_decide(p, &in, out);
}

static void ask(struct planner *p, int n, const char *text, struct plan *out)
{
    ask_at(p, 1000, "/v1/chat/completions", n, text, out);
}

static struct sim_options faulty(uint64_t seed)
{
    struct sim_options o;
    sim_options_default(&o);
    o.fault_rate = 20;
    o.seed = seed;
    return o;
}

static bool same(const struct plan *a, const struct plan *b)
{
    return a->end == b->end && a->status == b->status && a->html == b->html && a->fault == b->fault &&
           a->delay_ms == b->delay_ms && a->retry_after_ms == b->retry_after_ms && a->body.len == b->body.len;
}

enum { ASKED = 500 };

/* How many of ASKED requests meet the same with both seeds; the second planner is asked backwards. */
static int alike(uint64_t one, uint64_t other)
{
    struct sim_options a = faulty(one), b = faulty(other);
    struct planner *forward = new_planner(&a), *backward = new_planner(&b);
    struct plan plans[ASKED], plan;
    int count = 0;
    for (int i = 0; i < ASKED; i++)
        ask(forward, i, "question", &plans[i]);
    for (int i = ASKED - 1; i >= 0; i--) {
        ask(backward, i, "question", &plan);
        count += same(&plan, &plans[i]) ? 1 : 0;
        strbuf_free(&plan.body);
        strbuf_free(&plans[i].body);
    }
    planner_free(forward);
    planner_free(backward);
    return count;
}

static void one_seed_decides_alike_in_any_order(void **state)
{
    (void)state;
    assert_int_equal(alike(7, 7), ASKED);
    assert_true(alike(7, 8) < ASKED / 4);
}

static void faults_come_at_their_rate_and_end_after_the_most(void **state)
{
    (void)state;
    struct sim_options o = faulty(3);
    o.max_faults = 2;
    struct planner *p = new_planner(&o);
    struct plan plan;
    int faults = 0;
    for (int i = 0; i < 5000; i++) {
        ask(p, i, "question", &plan);
        faults += plan.fault ? 1 : 0;
        strbuf_free(&plan.body);
    }
    assert_in_range(faults, 900, 1100); /* 20 % of 5,000; five standard deviations are 141 */
    for (int i = 0; i < 200; i++) {
        int met = 0;
        for (int again = 0; again < 60; again++) {
            ask(p, 10000 + i, "question", &plan);
            met += plan.fault ? 1 : 0;
            strbuf_free(&plan.body);
        }
        assert_in_range(met, 0, 2);
    }
    planner_free(p);
}

static void poison_fails_each_time_in_its_kind(void **state)
{
    (void)state;
    static const struct {
        const char *kind;
        int status;
        enum plan_end end;
        const char *holds;
    } kinds[] = {{"400", 400, PLAN_SEND, "invalid_prompt"},
                 {"500", 500, PLAN_SEND, "server_error"},
                 {"policy", 400, PLAN_SEND, "content_policy_violation"},
                 {"reset", 200, PLAN_RESET, ""},
                 {"hang", 200, PLAN_RESET, ""}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct sim_options o;
        struct plan plan;
        sim_options_default(&o);
        o.poison = "POISON";
        o.poison_kind = kinds[i].kind;
        struct planner *p = new_planner(&o);
        for (int again = 0; again < 5; again++) {
            ask(p, 1, "POISON", &plan);
            assert_int_equal(plan.status, kinds[i].status);
            assert_int_equal(plan.end, kinds[i].end);
            assert_non_null(strstr(plan.body.data, kinds[i].holds));
            strbuf_free(&plan.body);
        }
        ask(p, 1, "question", &plan);
        assert_int_equal(plan.status, 200);
        assert_non_null(strstr(plan.body.data, "\"usage\""));
        strbuf_free(&plan.body);
        planner_free(p);
    }
}

static void more_than_is_granted_is_refused_with_a_wait(void **state)
{
    (void)state;
    struct sim_options o;
    struct plan plan;
    sim_options_default(&o);
    o.rpm = 6; /* one at a time, the next after ten seconds */
    struct planner *p = new_planner(&o);
    ask(p, 1, "question", &plan);
    assert_int_equal(plan.status, 200);
    assert_true(plan.has_limits);
    strbuf_free(&plan.body);
    ask(p, 2, "question", &plan);
    assert_int_equal(plan.status, 429);
    assert_true(plan.limited);
    assert_int_equal(plan.retry_after_ms, 10000);
    assert_non_null(strstr(plan.body.data, "rate_limit_exceeded"));
    assert_non_null(strstr(plan.body.data, "Please try again in "));
    strbuf_free(&plan.body);
    assert_int_equal(plan.limits.rpm, 6);
    assert_int_equal(plan.limits.rpm_left, 0);
    planner_free(p);
}

static int status_at(struct planner *p, int64_t now_ms)
{
    struct plan plan;
    ask_at(p, now_ms, "/v1/chat/completions", 1, "question", &plan);
    strbuf_free(&plan.body);
    return plan.status;
}

static void a_refusal_tells_no_wait_when_it_is_not_to(void **state)
{
    (void)state;
    struct sim_options o;
    struct plan plan;
    sim_options_default(&o);
    o.rpm = 6;
    o.no_retry_after = true;
    struct planner *p = new_planner(&o);
    assert_int_equal(status_at(p, 1000), 200);
    ask(p, 2, "question", &plan);
    assert_int_equal(plan.status, 429);
    assert_int_equal(plan.retry_after_ms, -1);
    assert_null(strstr(plan.body.data, "try again"));
    strbuf_free(&plan.body);
    assert_int_equal(status_at(p, 1060), 429);
    assert_int_equal(planner_limits(p, 1060)->score.too_early, 0); /* nobody was told */
    planner_free(p);
    o.rpm = 0;
    o.faults = "429=100";
    p = new_planner(&o);
    ask(p, 1, "question", &plan);
    assert_int_equal(plan.status, 429);
    assert_int_equal(plan.retry_after_ms, -1);
    assert_null(strstr(plan.body.data, "try again"));
    strbuf_free(&plan.body);
    planner_free(p);
}

static void limits_are_told_in_the_words_that_were_asked_for(void **state)
{
    (void)state;
    static const struct {
        const char *kind, *path;
        bool has, anthropic;
    } cases[] = {
        {"auto", "/v1/chat/completions", true, false},  {"auto", "/v1/messages", true, true},
        {"openai", "/v1/messages", true, false},        {"anthropic", "/v1/chat/completions", true, true},
        {"none", "/v1/chat/completions", false, false}, {"none", "/v1/messages", false, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sim_options o;
        struct plan plan;
        sim_options_default(&o);
        o.rpm = 600;
        o.limit_headers = cases[i].kind;
        struct planner *p = new_planner(&o);
        ask_at(p, 1000, cases[i].path, 1, "question", &plan);
        assert_int_equal(plan.has_limits, cases[i].has);
        if (cases[i].has)
            assert_int_equal(plan.anthropic_limits, cases[i].anthropic);
        strbuf_free(&plan.body);
        planner_free(p);
    }
}

static void each_enforcement_grants_as_it_is_named(void **state)
{
    (void)state;
    /* Ten a minute; twenty come in the last second of the first minute, twenty in the next. */
    static const struct {
        const char *kind;
        int first, second;
    } kinds[] = {{"bucket", 1, 0}, {"window", 10, 0}, {"minute", 10, 10}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct sim_options o;
        sim_options_default(&o);
        o.rpm = 10;
        o.enforce = kinds[i].kind;
        struct planner *p = new_planner(&o); /* at 1,000 */
        int granted[2] = {0};
        for (int n = 0; n < 40; n++)
            granted[n / 20] += status_at(p, n < 20 ? 60500 : 61500) == 200 ? 1 : 0;
        assert_int_equal(granted[0], kinds[i].first);
        assert_int_equal(granted[1], kinds[i].second);
        planner_free(p);
    }
}

static void tokens_that_no_limit_can_grant_are_refused_without_a_wait(void **state)
{
    (void)state;
    struct sim_options o;
    struct plan plan;
    sim_options_default(&o);
    o.tpm = 10; /* the question asks for 40 and more */
    o.enforce = "window";
    struct planner *p = new_planner(&o);
    ask(p, 1, "question", &plan);
    assert_int_equal(plan.status, 429);
    assert_int_equal(plan.retry_after_ms, -1);
    assert_non_null(strstr(plan.body.data, "Request too large for tokens per min."));
    strbuf_free(&plan.body);
    planner_free(p);
}

static void a_bound_beyond_all_numbers_is_only_too_large(void **state)
{
    (void)state;
    static const char body[] = "{\"model\":\"m\",\"max_tokens\":9223372036854775807,\"messages\":[{\"role\":"
                               "\"user\",\"content\":\"a question of a few words\"}]}";
    struct sim_options o;
    struct plan plan;
    sim_options_default(&o);
    o.tpm = 1000;
    o.enforce = "minute";
    struct planner *p = new_planner(&o);
    struct plan_input in = {.now_ms = 1000,
                            .path = "/v1/chat/completions",
                            .method = "POST",
                            .body = body,
                            .body_len = sizeof body - 1};
    planner_decide(p, &in, &plan);
    assert_int_equal(plan.status, 429);
    strbuf_free(&plan.body);
    planner_free(p);
}

static void limits_change_by_the_time_since_the_first_request(void **state)
{
    (void)state;
    struct sim_options o;
    sim_options_default(&o);
    o.rpm = 60;
    o.enforce = "window";
    o.change = "30s:rpm=2,90s:rpm=600";
    struct planner *p = new_planner(&o);
    assert_int_equal(status_at(p, 5000), 200); /* which is the first */
    assert_int_equal(status_at(p, 34999), 200);
    assert_int_equal(status_at(p, 35000), 429); /* two there were in the last minute */
    assert_int_equal(planner_limits(p, 35000)->rpm, 2);
    assert_int_equal(status_at(p, 94999), 200);
    assert_int_equal(planner_limits(p, 125000)->rpm, 600);
    /* 30 s at 60, 60 s at 2, 30 s at 600 */
    assert_int_equal(score_allowance(&planner_limits(p, 125000)->score.requests), 30 + 2 + 300);
    assert_int_equal(planner_limits(p, 125000)->score.granted_requests, 3);
    assert_int_equal(planner_limits(p, 125000)->score.refused, 1);
    planner_free(p);
}

static void an_outage_refuses_all_at_once_and_takes_no_allowance(void **state)
{
    (void)state;
    static const struct {
        const char *outage, *path;
        int status;
        enum plan_end end;
        const char *holds;
    } cases[] = {
        {"10s..20s", "/v1/chat/completions", 503, PLAN_SEND, "currently overloaded"},
        {"10s..20s:529", "/v1/messages", 529, PLAN_SEND, "overloaded_error"},
        {"10s..20s:reset", "/v1/chat/completions", 503, PLAN_RESET, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sim_options o;
        struct plan plan;
        sim_options_default(&o);
        o.rpm = 60;
        o.outage = cases[i].outage;
        struct planner *p = new_planner(&o);
        assert_int_equal(status_at(p, 2000), 200);
        ask_at(p, 12000, cases[i].path, 2, "question", &plan);
        assert_int_equal(plan.status, cases[i].status);
        assert_int_equal(plan.end, cases[i].end);
        assert_int_equal(plan.delay_ms, 0);
        assert_true(plan.fault);
        assert_non_null(strstr(plan.body.data, cases[i].holds));
        strbuf_free(&plan.body);
        assert_int_equal(status_at(p, 22000), 200); /* over */
        const struct score *score = &planner_limits(p, 32000)->score;
        assert_int_equal(score->in_outage, 1);
        assert_int_equal(score->granted_requests, 2);
        assert_int_equal(score_allowance(&score->requests), 20); /* of thirty seconds ten were an outage */
        planner_free(p);
    }
}

static void who_comes_back_before_the_wait_is_over_is_counted(void **state)
{
    (void)state;
    struct sim_options o;
    sim_options_default(&o);
    o.rpm = 6;
    struct planner *p = new_planner(&o);
    assert_int_equal(status_at(p, 1000), 200);
    assert_int_equal(status_at(p, 2000), 429); /* until 11,000 */
    assert_int_equal(status_at(p, 10000), 429);
    assert_int_equal(status_at(p, 10960), 429);
    assert_int_equal(status_at(p, 11000), 200);
    assert_int_equal(planner_limits(p, 11000)->score.too_early, 1);
    planner_free(p);
}

static void options_that_make_no_sense_are_refused_by_name(void **state)
{
    (void)state;
    static const char *const names[] = {"enforce", "limit-headers", "change",       "outage", "burst",
                                        "rpm",     "latency",       "output",       "output", "cached",
                                        "cached",  "claude-factor", "claude-factor"};
    enum { WRONG = sizeof names / sizeof *names };
    struct sim_options wrong[WRONG];
    for (size_t i = 0; i < WRONG; i++)
        sim_options_default(&wrong[i]);
    wrong[0].enforce = "leaky";
    wrong[1].limit_headers = "both";
    wrong[2].change = "rpm";
    wrong[3].outage = "now";
    wrong[4].burst_ms = 3600001;
    wrong[5].rpm = BUCKET_MOST_TOKENS + 1;
    wrong[6].latency = "soon";
    wrong[7].output = "many";
    wrong[8].output = "0..5";
    wrong[9].cached = 101;
    wrong[10].cached = -1;
    wrong[11].claude_factor = 0;
    wrong[12].claude_factor = 11;
    for (size_t i = 0; i < WRONG; i++) {
        struct planner *p = NULL;
        lh_error err = {0};
        assert_int_equal(planner_new(&wrong[i], 0, &p, &err), LH_EUSAGE);
        assert_null(p);
        assert_non_null(strstr(err.message, names[i]));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_seed_decides_alike_in_any_order),
        cmocka_unit_test(faults_come_at_their_rate_and_end_after_the_most),
        cmocka_unit_test(poison_fails_each_time_in_its_kind),
        cmocka_unit_test(more_than_is_granted_is_refused_with_a_wait),
        cmocka_unit_test(a_refusal_tells_no_wait_when_it_is_not_to),
        cmocka_unit_test(limits_are_told_in_the_words_that_were_asked_for),
        cmocka_unit_test(each_enforcement_grants_as_it_is_named),
        cmocka_unit_test(tokens_that_no_limit_can_grant_are_refused_without_a_wait),
        cmocka_unit_test(a_bound_beyond_all_numbers_is_only_too_large),
        cmocka_unit_test(limits_change_by_the_time_since_the_first_request),
        cmocka_unit_test(an_outage_refuses_all_at_once_and_takes_no_allowance),
        cmocka_unit_test(who_comes_back_before_the_wait_is_over_is_counted),
        cmocka_unit_test(options_that_make_no_sense_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

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
    if (planner_new(o, &p, &err) != 0)
        fail_msg("%s", err.message);
    return p;
}

static void ask(struct planner *p, int n, const char *text, struct plan *out)
{
    char body[256];
    snprintf(body, sizeof body,
             "{\"model\":\"m\",\"max_tokens\":40,\"messages\":[{\"role\":\"user\",\"content\":\"%s %d\"}]}",
             text, n);
    struct plan_input in = {
        .path = "/v1/chat/completions", .method = "POST", .body = body, .body_len = strlen(body)};
    planner_decide(p, &in, out);
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
    struct plan_limits limits;
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
    assert_in_range(plan.retry_after_ms, 5000, 10000);
    assert_non_null(strstr(plan.body.data, "rate_limit_exceeded"));
    assert_non_null(strstr(plan.body.data, "Please try again in "));
    strbuf_free(&plan.body);
    planner_limits(p, &limits);
    assert_int_equal(limits.rpm, 6);
    assert_int_equal(limits.rpm_left, 0);
    planner_free(p);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_seed_decides_alike_in_any_order),
        cmocka_unit_test(faults_come_at_their_rate_and_end_after_the_most),
        cmocka_unit_test(poison_fails_each_time_in_its_kind),
        cmocka_unit_test(more_than_is_granted_is_refused_with_a_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

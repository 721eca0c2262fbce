/* What follows from an answer: attempts, throttles and waits, over a job's whole life and for any class. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "schedule/policy.h"

static const struct policy standard = {
    .max_attempts = 5,
    .max_throttles = 50,
    .max_retry_after_ms = 900000,
    .backoff = {.initial_ms = 1000, .max_ms = 60000, .base = 2, .jitter = JITTER_NONE}};

static struct random random_source;

static int start_random(void **state)
{
    (void)state;
    random_seed(&random_source, 11);
    return 0;
}

static struct answer answer_of(enum answer_class class)
{
    return (struct answer){.class = class, .usage = USAGE_NOT_SAID, .retry_after_ms = -1};
}

static struct decision decide(const struct policy *p, const struct claimed_job *job, enum answer_class class)
{
    struct answer a = answer_of(class);
    return policy_decide(p, job, &a, false, &random_source);
}

/* The job as it is claimed the next time. */
static void live_on(struct claimed_job *job, const struct decision *d)
{
    job->attempts = d->attempts;
    job->throttles = d->throttles;
    job->invalids = d->invalids;
    job->generation = d->generation;
    if (d->move == OUTCOME_WAIT)
        job->wait_ms = d->wait_ms;
}

static void success_is_done_and_counts_as_an_attempt(void **state)
{
    struct claimed_job job = {.attempts = 3, .throttles = 2, .invalids = 1, .generation = 4};
    struct decision d = decide(&standard, &job, ANSWER_SUCCESS);
    (void)state;
    assert_int_equal(d.move, OUTCOME_DONE);
    assert_int_equal(d.attempts, 4);
    assert_int_equal(d.throttles, 2);
    assert_int_equal(d.invalids, 1);
    assert_int_equal(d.generation, 4);
    assert_false(d.account);
}

static void transient_errors_wait_longer_each_time_and_die_of_attempts(void **state)
{
    static const int64_t waits[] = {1000, 2000, 4000, 8000};
    struct claimed_job job = {0};
    (void)state;
    for (int64_t i = 0; i < 4; i++) {
        struct decision d = decide(&standard, &job, ANSWER_TRANSIENT);
        assert_int_equal(d.move, OUTCOME_WAIT);
        assert_int_equal(d.attempts, i + 1);
        assert_int_equal(d.wait_ms, waits[i]);
        assert_int_equal(d.generation, 0); /* the same key: the first answer may still come */
        live_on(&job, &d);
    }
    struct decision d = decide(&standard, &job, ANSWER_TRANSIENT);
    assert_int_equal(d.move, OUTCOME_DEAD);
    assert_int_equal(d.attempts, 5);
    assert_string_equal(d.dead_reason, "attempts");
}

static void throttles_eat_no_attempts_and_are_bounded(void **state)
{
    struct claimed_job job = {.attempts = 4};
    (void)state;
    for (int64_t i = 1; i <= 50; i++) {
        struct decision d = decide(&standard, &job, ANSWER_THROTTLED);
        assert_int_equal(d.move, OUTCOME_WAIT);
        assert_int_equal(d.throttles, i);
        assert_int_equal(d.attempts, 4);
        assert_int_equal(d.wait_ms, i > 6 ? 60000 : 1000 << (i - 1));
        live_on(&job, &d);
    }
    struct decision d = decide(&standard, &job, ANSWER_THROTTLED);
    assert_int_equal(d.move, OUTCOME_DEAD);
    assert_int_equal(d.attempts, 4);
    assert_string_equal(d.dead_reason, "throttles");
}

static void no_throttle_at_all_may_be_allowed(void **state)
{
    struct policy p = standard;
    struct claimed_job job = {0};
    (void)state;
    p.max_throttles = 0;
    assert_int_equal(decide(&p, &job, ANSWER_THROTTLED).move, OUTCOME_DEAD);
}

static void one_attempt_means_no_second(void **state)
{
    struct policy p = standard;
    struct claimed_job job = {0};
    (void)state;
    p.max_attempts = 1;
    assert_int_equal(decide(&p, &job, ANSWER_TRANSIENT).move, OUTCOME_DEAD);
    assert_int_equal(decide(&p, &job, ANSWER_INVALID).move, OUTCOME_DEAD);
    assert_int_equal(decide(&p, &job, ANSWER_THROTTLED).move, OUTCOME_WAIT);
}

static void a_permanent_error_is_dead_at_once(void **state)
{
    struct claimed_job job = {0};
    struct decision d = decide(&standard, &job, ANSWER_PERMANENT);
    (void)state;
    assert_int_equal(d.move, OUTCOME_DEAD);
    assert_int_equal(d.attempts, 1);
    assert_string_equal(d.dead_reason, "permanent");
}

static void an_account_error_costs_the_job_nothing(void **state)
{
    struct claimed_job job = {.attempts = 4, .throttles = 50, .invalids = 2, .generation = 2};
    struct decision d = decide(&standard, &job, ANSWER_ACCOUNT);
    (void)state;
    assert_int_equal(d.move, OUTCOME_READY);
    assert_true(d.account);
    assert_int_equal(d.attempts, 4);
    assert_int_equal(d.throttles, 50);
    assert_int_equal(d.invalids, 2);
    assert_int_equal(d.generation, 2);
}

static void an_invalid_answer_is_asked_again_under_a_new_key(void **state)
{
    struct claimed_job job = {.generation = 7};
    struct decision d = decide(&standard, &job, ANSWER_INVALID);
    (void)state;
    assert_int_equal(d.move, OUTCOME_WAIT);
    assert_int_equal(d.generation, 8);
    assert_int_equal(d.invalids, 1);
    job.attempts = 4;
    d = decide(&standard, &job, ANSWER_INVALID);
    assert_int_equal(d.move, OUTCOME_DEAD);
    assert_string_equal(d.dead_reason, "invalid");
}

static void a_server_that_is_not_reached_costs_nothing_however_often(void **state)
{
    struct claimed_job job = {.attempts = 4, .throttles = 50};
    (void)state;
    for (int i = 0; i < 1000; i++) {
        struct answer a;
        policy_classify_failure(HTTP_CONNECT, "", &a);
        struct decision d = policy_decide(&standard, &job, &a, true, &random_source);
        assert_int_equal(d.move, OUTCOME_WAIT);
        assert_int_equal(d.attempts, 4);
        assert_int_equal(d.throttles, 50);
        assert_int_equal(d.wait_ms, 1000);
        live_on(&job, &d);
    }
}

/* Whatever the jitter, a wait is between nothing and the bound; without a wish of the provider's. */
static void every_jitter_stays_in_its_range(void **state)
{
    (void)state;
    for (int jitter = JITTER_FULL; jitter <= JITTER_NONE; jitter++) {
        struct policy p = standard;
        p.backoff.jitter = (enum jitter)jitter;
        p.max_attempts = 1000;
        struct claimed_job job = {0};
        for (int i = 0; i < 999; i++) {
            struct decision d = decide(&p, &job, ANSWER_TRANSIENT);
            int64_t whole = i > 5 ? 60000 : 1000 << i;
            int64_t previous = job.wait_ms > 1000 ? job.wait_ms : 1000;
            int64_t thrice = previous > 20000 ? 60000 : previous * 3;
            const int64_t least[] = {0, whole / 2, 1000, whole}, most[] = {whole, whole, thrice, whole};
            assert_int_equal(d.move, OUTCOME_WAIT);
            assert_in_range(d.wait_ms, least[jitter], most[jitter]);
            live_on(&job, &d);
        }
    }
}

static struct decision decide_told(enum answer_class class, int64_t retry_after_ms, int64_t cap_ms,
                                   int jitter)
{
    struct policy p = standard;
    struct claimed_job job = {0};
    struct answer a = answer_of(class);
    p.max_retry_after_ms = cap_ms;
    p.backoff.jitter = (enum jitter)jitter;
    a.retry_after_ms = retry_after_ms;
    return policy_decide(&p, &job, &a, false, &random_source);
}

/* The floor is kept, and what is added so that not all come back together is bounded. */
static void retry_after_is_a_floor_under_every_jitter(void **state)
{
    static const enum answer_class classes[] = {ANSWER_THROTTLED, ANSWER_TRANSIENT, ANSWER_INVALID};
    static const int64_t floors[] = {0, 1, 999, 5000, 60001, 899999, 900000};
    (void)state;
    for (int jitter = JITTER_FULL; jitter <= JITTER_NONE; jitter++)
        for (size_t c = 0; c < 3; c++)
            for (size_t f = 0; f < sizeof floors / sizeof *floors; f++)
                for (int i = 0; i < 50; i++) {
                    int64_t wait = decide_told(classes[c], floors[f], 900000, jitter).wait_ms;
                    int64_t most = floors[f] + 1000 > 3000 ? floors[f] + 1000 : 3000;
                    assert_in_range(wait, floors[f], most);
                }
}

static void no_provider_makes_a_job_wait_longer_than_the_cap(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) {
        assert_in_range(decide_told(ANSWER_THROTTLED, 86400000, 900000, JITTER_FULL).wait_ms, 900000, 901000);
        assert_in_range(decide_told(ANSWER_THROTTLED, INT64_MAX, 900000, JITTER_FULL).wait_ms, 900000,
                        901000);
        assert_in_range(decide_told(ANSWER_TRANSIENT, 86400000, 0, JITTER_FULL).wait_ms, 0, 1000);
    }
}

static void every_failure_of_an_exchange_has_class_code_and_sentence(void **state)
{
    static const struct {
        enum http_outcome outcome;
        enum answer_class class;
        const char *code;
        bool unreachable;
    } cases[] = {
        {HTTP_RESOLVE, ANSWER_TRANSIENT, "resolve", true},
        {HTTP_CONNECT, ANSWER_TRANSIENT, "connect", true},
        {HTTP_TLS, ANSWER_TRANSIENT, "tls", true},
        {HTTP_TIMEOUT, ANSWER_TRANSIENT, "timeout", false},
        {HTTP_STALL, ANSWER_TRANSIENT, "stall", false},
        {HTTP_RESET, ANSWER_TRANSIENT, "reset", false},
        {HTTP_TOO_LARGE, ANSWER_PERMANENT, "response_too_large", false},
        {HTTP_PROTOCOL, ANSWER_TRANSIENT, "protocol", false},
        {HTTP_CANCELED, ANSWER_TRANSIENT, "stopped", false},
        {HTTP_INTERNAL, ANSWER_TRANSIENT, "internal", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct answer a;
        memset(&a, 0x5a, sizeof a);
        policy_classify_failure(cases[i].outcome, "why", &a);
        assert_int_equal(a.class, cases[i].class);
        assert_string_equal(a.error_code, cases[i].code);
        assert_non_null(strstr(a.message, ": why"));
        assert_int_equal(a.usage.prompt_tokens, -1);
        assert_int_equal(a.usage.completion_tokens, -1);
        assert_int_equal(a.retry_after_ms, -1);
        assert_false(a.body_is_json);
        assert_int_equal(policy_is_unreachable(cases[i].outcome), cases[i].unreachable);
        policy_classify_failure(cases[i].outcome, "", &a);
        assert_string_equal(a.message, http_outcome_name(cases[i].outcome));
    }
    assert_false(policy_is_unreachable(HTTP_OK));
}

static void a_long_detail_is_cut(void **state)
{
    char detail[4000];
    struct answer a;
    (void)state;
    memset(detail, 'x', sizeof detail - 1);
    detail[sizeof detail - 1] = '\0';
    policy_classify_failure(HTTP_RESET, detail, &a);
    assert_int_equal(strlen(a.message), sizeof a.message - 1);
}

/* Any life: random answers until the end. It ends, within what was allowed, and counts never go back. */
static void every_life_ends_within_its_bounds(void **state)
{
    (void)state;
    for (int life = 0; life < 500; life++) {
        struct policy p = standard;
        p.max_attempts = 1 + (int64_t)random_below(&random_source, 8);
        p.max_throttles = (int64_t)random_below(&random_source, 20);
        struct claimed_job job = {0};
        struct decision d = {.move = OUTCOME_WAIT};
        int steps = 0;
        while (d.move == OUTCOME_WAIT) {
            static const enum answer_class classes[] = {ANSWER_THROTTLED, ANSWER_TRANSIENT, ANSWER_INVALID};
            d = decide(&p, &job, classes[random_below(&random_source, 3)]);
            assert_int_equal(d.attempts + d.throttles, job.attempts + job.throttles + 1);
            live_on(&job, &d);
            assert_true(++steps <= 8 + 21);
        }
        assert_int_equal(d.move, OUTCOME_DEAD);
        assert_true(d.attempts == p.max_attempts || d.throttles == p.max_throttles + 1);
        assert_true(d.attempts <= p.max_attempts && d.throttles <= p.max_throttles + 1);
        assert_non_null(d.dead_reason);
    }
}

static void health_is_the_endpoints_and_not_the_jobs(void **state)
{
    (void)state;
    struct answer a = {.class = ANSWER_SUCCESS};
    assert_int_equal(policy_health(HTTP_OK, &a), BREAKER_GOOD);
    static const enum answer_class lives[] = {ANSWER_INVALID, ANSWER_PERMANENT, ANSWER_ACCOUNT,
                                              ANSWER_THROTTLED};
    for (size_t i = 0; i < sizeof lives / sizeof *lives; i++) {
        a.class = lives[i];
        assert_int_equal(policy_health(HTTP_OK, &a), BREAKER_GOOD);
    }
    a.overloaded = true; /* 503, 529: a throttle for the job, a fault of the endpoint */
    assert_int_equal(policy_health(HTTP_OK, &a), BREAKER_FAULT);
    a = (struct answer){.class = ANSWER_TRANSIENT};
    assert_int_equal(policy_health(HTTP_OK, &a), BREAKER_FAULT);
    static const enum http_outcome faults[] = {HTTP_RESOLVE, HTTP_CONNECT, HTTP_TLS,     HTTP_TIMEOUT,
                                               HTTP_STALL,   HTTP_RESET,   HTTP_PROTOCOL};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        assert_int_equal(policy_health(faults[i], &a), BREAKER_FAULT);
    assert_int_equal(policy_health(HTTP_TOO_LARGE, &a), BREAKER_GOOD);
    assert_int_equal(policy_health(HTTP_CANCELED, &a), BREAKER_NOTHING);
    assert_int_equal(policy_health(HTTP_INTERNAL, &a), BREAKER_NOTHING);
}

static void no_attempt_and_no_wait_goes_beyond_the_deadline(void **state)
{
    static const struct {
        int64_t deadline_at, timeout_ms, wait_ms; /* at 10,000, of 5,000 and 5,000 */
        bool late;
    } table[] = {{0, 5000, 5000, false},     {15001, 5000, 5000, false}, {15000, 5000, 5000, false},
                 {14999, 4999, 4999, false}, {10001, 1, 1, false},       {10000, 1, 0, true},
                 {9000, 1, 0, true}};
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct claimed_job job = {.deadline_at = table[i].deadline_at};
        struct decision d = {.move = OUTCOME_WAIT, .wait_ms = 5000};
        policy_hold_deadline(&d, job.deadline_at, 10000);
        assert_int_equal(d.wait_ms, table[i].wait_ms);
        assert_int_equal(policy_timeout_ms(5000, job.deadline_at, 10000), table[i].timeout_ms);
        assert_int_equal(policy_is_late(&job, 10000), table[i].late);
    }
}

static void only_a_retry_that_its_deadline_cut_tells_nothing(void **state)
{
    (void)state;
    static const struct {
        enum http_outcome outcome;
        bool is_first;
        int64_t timeout_ms, took_ms;
        bool is_cut;
    } table[] = {
        {HTTP_TIMEOUT, false, 4999, 4999, true},  {HTTP_TIMEOUT, false, 5000, 5000, false},
        {HTTP_TIMEOUT, true, 4999, 4999, false},  {HTTP_CONNECT, false, 10, 10, true},
        {HTTP_CONNECT, false, 10, 11, true},      {HTTP_CONNECT, false, 10, 9, false}, /* refused */
        {HTTP_CONNECT, false, 5000, 5000, false}, {HTTP_CONNECT, true, 10, 10, false},
        {HTTP_RESET, false, 10, 10, false},       {HTTP_STALL, false, 10, 10, false},
        {HTTP_OK, false, 10, 10, false},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        assert_int_equal(policy_is_cut_short(table[i].outcome, table[i].is_first, table[i].timeout_ms, 5000,
                                             table[i].took_ms),
                         table[i].is_cut);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_attempt_and_no_wait_goes_beyond_the_deadline),
        cmocka_unit_test(health_is_the_endpoints_and_not_the_jobs),
        cmocka_unit_test(success_is_done_and_counts_as_an_attempt),
        cmocka_unit_test(transient_errors_wait_longer_each_time_and_die_of_attempts),
        cmocka_unit_test(throttles_eat_no_attempts_and_are_bounded),
        cmocka_unit_test(no_throttle_at_all_may_be_allowed),
        cmocka_unit_test(one_attempt_means_no_second),
        cmocka_unit_test(a_permanent_error_is_dead_at_once),
        cmocka_unit_test(an_account_error_costs_the_job_nothing),
        cmocka_unit_test(an_invalid_answer_is_asked_again_under_a_new_key),
        cmocka_unit_test(a_server_that_is_not_reached_costs_nothing_however_often),
        cmocka_unit_test(every_jitter_stays_in_its_range),
        cmocka_unit_test(retry_after_is_a_floor_under_every_jitter),
        cmocka_unit_test(no_provider_makes_a_job_wait_longer_than_the_cap),
        cmocka_unit_test(every_failure_of_an_exchange_has_class_code_and_sentence),
        cmocka_unit_test(a_long_detail_is_cut),
        cmocka_unit_test(only_a_retry_that_its_deadline_cut_tells_nothing),
        cmocka_unit_test(every_life_ends_within_its_bounds),
    };
    return cmocka_run_group_tests(tests, start_random, NULL);
}

/* Which endpoint a job goes to: by model, dialect and origin; by tier, weight and what is in flight; never to one that is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schedule/model_use.h"

static lh_endpoint_options entry(const char *name, const char *base_url)
{
    lh_run_options o;
    lh_run_options_default(&o);
    o.endpoint.name = name;
    o.endpoint.base_url = base_url;
    o.endpoint.rpm = 1000000000; /* with a limit given, none go ahead to hear of one */
    return o.endpoint;
}

static struct endpoints open_list(const lh_endpoint_options *list, size_t count)
{
    struct endpoints s;
    lh_run_options o;
    lh_error err = {0};
    lh_run_options_default(&o);
    o.endpoints = list;
    o.n_endpoints = count;
    if (endpoints_open(&s, &o, 0, &err) != 0)
        fail_msg("%s", err.message);
    return s;
}

static uint64_t served_by(const struct endpoints *s, const char *url, const char *body)
{
    struct json_parser *parser = json_parser_new();
    char u[200], b[200];
    snprintf(u, sizeof u, "%s", url);
    snprintf(b, sizeof b, "%s", body);
    struct claimed_job job = {.url = u, .body = b, .body_len = strlen(b)};
    char model[MODEL_NAME_MOST + 1];
    job_model_name(&job, parser, model);
    uint64_t can = endpoints_for(s, &job, model);
    json_parser_free(parser);
    return can;
}

static void a_job_goes_where_its_model_dialect_and_origin_are_served(void **state)
{
    (void)state;
    static const char *const models[] = {"a", "b=there"};
    lh_endpoint_options list[] = {entry("any", "http://h:1/v1"), entry("two", "http://h:2/v1"),
                                  entry("claude", "http://h:3")};
    list[1].models = models;
    list[1].n_models = 2;
    list[2].dialect = "anthropic";
    struct endpoints s = open_list(list, 3);
    assert_int_equal(served_by(&s, "/v1/chat/completions", "{\"model\":\"a\"}"), 3);
    assert_int_equal(served_by(&s, "/v1/chat/completions", "{\"x\":{\"model\":\"a\"},\"model\":\"b\"}"), 3);
    assert_int_equal(served_by(&s, "/v1/chat/completions", "{\"model\":\"\\u0061\"}"), 3);
    assert_int_equal(served_by(&s, "/v1/chat/completions", "{\"model\":\"there\"}"), 1);
    assert_int_equal(served_by(&s, "/v1/chat/completions", "{\"model\":7}"), 1);
    assert_int_equal(served_by(&s, "/v1/chat/completions", "{}"), 1);
    assert_int_equal(served_by(&s, "/v1/messages", "{\"model\":\"a\"}"), 7);
    assert_int_equal(served_by(&s, "http://h:2/v1/chat/completions", "{\"model\":\"a\"}"), 2);
    assert_int_equal(served_by(&s, "http://H:3/v1/messages", "{\"model\":\"a\"}"), 4);
    assert_int_equal(served_by(&s, "http://h:22/v1/chat/completions", "{\"model\":\"a\"}"), 0);
    assert_string_equal(endpoint_model_there(&s.list[1], "b"), "there");
    assert_null(endpoint_model_there(&s.list[1], "a"));
    assert_null(endpoint_model_there(&s.list[0], "b"));
    endpoints_free(&s);
}

/* Sends n requests as they are picked, none of which ends; how many went to each. */
static void send_all(struct endpoints *s, uint64_t can, int n, int64_t counts[3])
{
    struct claimed_job job = {.can = can};
    struct endpoint_wait wait;
    memset(counts, 0, 3 * sizeof *counts);
    for (int i = 0; i < n; i++) {
        struct gate_request q = {0};
        struct endpoint *e = endpoints_pick(s, &job, UINT64_MAX, 1000, &wait);
        if (e == NULL)
            return;
        gate_take(e->gate, 1000, &q);
        e->in_flight++;
        counts[e - s->list]++;
    }
}

static void work_is_shared_by_weight_and_concurrency(void **state)
{
    (void)state;
    lh_endpoint_options list[] = {entry("a", "http://h:1"), entry("b", "http://h:2"),
                                  entry("c", "http://h:3")};
    int64_t counts[3];
    list[0].concurrency = 100;
    list[1].concurrency = 200;
    list[2].concurrency = 100;
    list[2].weight = 3;
    struct endpoints s = open_list(list, 3);
    send_all(&s, 7, 120, counts);
    assert_int_equal(counts[0], 20);
    assert_int_equal(counts[1], 40);
    assert_int_equal(counts[2], 60);
    send_all(&s, 7, 1000, counts); /* what one cannot take goes to the others, until all are full */
    assert_int_equal(s.list[0].in_flight, 100);
    assert_int_equal(s.list[1].in_flight, 200);
    assert_int_equal(s.list[2].in_flight, 100);
    assert_int_equal(endpoints_capacity(&s), 400);
    assert_false(endpoints_have_room(&s, 1000));
    endpoints_free(&s);
}

static void a_higher_tier_is_asked_only_while_the_lower_is_down(void **state)
{
    (void)state;
    lh_endpoint_options list[] = {entry("a", "http://h:1"), entry("b", "http://h:2"),
                                  entry("c", "http://h:3")};
    struct claimed_job job = {.can = 7};
    struct endpoint_wait wait;
    int64_t counts[3];
    list[0].concurrency = list[1].concurrency = list[2].concurrency = 5;
    list[2].tier = 4;
    struct endpoints s = open_list(list, 3);
    send_all(&s, 7, 100, counts);
    assert_int_equal(counts[2], 0); /* full is not down */
    assert_null(endpoints_pick(&s, &job, UINT64_MAX, 1000, &wait));
    assert_int_equal(wait.ready_at, INT64_MAX);
    assert_false(endpoints_refuse(&s, &s.list[0], "no money"));
    assert_null(endpoints_pick(&s, &job, UINT64_MAX, 1000, &wait));
    struct gate_outcome pause = {.used_tokens = 0, .throttled = true, .retry_after_ms = 60000};
    gate_settle(s.list[1].gate, 1000, &pause);
    assert_ptr_equal(endpoints_pick(&s, &job, UINT64_MAX, 1000, &wait), &s.list[2]);
    assert_false(endpoints_refuse(&s, &s.list[2], "no money"));
    assert_null(endpoints_pick(&s, &job, UINT64_MAX, 1000,
                               &wait)); /* all are down: the pause of the one that is left is waited for */
    assert_int_equal(wait.ready_at, 61000);
    assert_true(endpoints_refuse(&s, &s.list[1], "no money"));
    assert_int_equal(endpoints_capacity(&s), 0);
    endpoints_free(&s);
}

static void of_those_that_can_serve_only_some_may_be_asked_for(void **state)
{
    (void)state;
    lh_endpoint_options list[] = {entry("a", "http://h:1"), entry("b", "http://h:2"),
                                  entry("c", "http://h:3")};
    struct claimed_job job = {.can = 3};
    struct endpoint_wait wait;
    list[2].tier = 4;
    struct endpoints s = open_list(list, 3);
    assert_ptr_equal(endpoints_pick(&s, &job, 1, 1000, &wait), &s.list[0]);
    assert_ptr_equal(endpoints_pick(&s, &job, 2, 1000, &wait), &s.list[1]);
    assert_null(endpoints_pick(&s, &job, 4, 1000, &wait)); /* it cannot serve the job */
    job.can = 7;
    assert_ptr_equal(endpoints_pick(&s, &job, 4, 1000, &wait), &s.list[2]); /* whatever its tier */
    endpoints_free(&s);
}

/* Else the route would be closed until the pause ends, and the one that is full stay idle once it is not. */
static void a_full_endpoint_is_waited_for_beside_one_that_pauses(void **state)
{
    (void)state;
    lh_endpoint_options list[] = {entry("a", "http://h:1"), entry("b", "http://h:2")};
    struct claimed_job job = {.can = 3};
    struct gate_request q = {0};
    struct endpoint_wait wait;
    list[1].concurrency = 1;
    struct endpoints s = open_list(list, 2);
    struct gate_outcome pause = {.used_tokens = 0, .throttled = true, .retry_after_ms = 60000};
    pause.ticket = gate_take(s.list[0].gate, 1000, &q);
    gate_settle(s.list[0].gate, 1000, &pause);
    assert_true(endpoints_have_other(&s, &job, &s.list[0], 1000));
    assert_false(endpoints_have_other(&s, &job, &s.list[1], 1000)); /* the pause is long */
    assert_ptr_equal(endpoints_pick(&s, &job, UINT64_MAX, 1000, &wait), &s.list[1]);
    assert_false(wait.is_for_end);
    gate_take(s.list[1].gate, 1000, &q);
    assert_null(endpoints_pick(&s, &job, UINT64_MAX, 1000, &wait));
    assert_int_equal(wait.ready_at, 61000);
    assert_true(wait.is_for_end);
    job.can = 1;
    assert_null(endpoints_pick(&s, &job, UINT64_MAX, 1000, &wait));
    assert_false(wait.is_for_end);
    endpoints_free(&s);
}

static void each_key_is_an_endpoint_of_its_own(void **state)
{
    (void)state;
    static const char *const keys[] = {"LH_TEST_KEY_A", "LH_TEST_KEY_B"};
    lh_endpoint_options list[] = {entry("a", "http://127.0.0.1:1"), entry("b", "http://127.0.0.1:2")};
    lh_error err = {0};
    setenv(keys[0], "secret-a", 1);
    setenv(keys[1], "secret-b", 1);
    setenv("OPENAI_API_KEY", "sk-of-openai", 1);
    list[0].keys = keys;
    list[0].n_keys = 2;
    struct endpoints s = open_list(list, 2);
    assert_int_equal(s.count, 3);
    assert_string_equal(s.list[0].name, "a/LH_TEST_KEY_A");
    assert_string_equal(s.list[1].name, "a/LH_TEST_KEY_B");
    assert_string_equal(s.list[2].name, "b");
    assert_string_equal(endpoint_access(&s.list[0], DIALECT_OPENAI, &err)->key, "secret-a");
    assert_string_equal(endpoint_access(&s.list[1], DIALECT_OPENAI, &err)->key, "secret-b");
    assert_string_equal(endpoint_access(&s.list[1], DIALECT_ANTHROPIC, &err)->key, "secret-b");
    assert_null(
        endpoint_access(&s.list[2], DIALECT_OPENAI, &err)->key); /* an entry that names no key sends none */
    endpoints_free(&s);
}

static int refused(const lh_endpoint_options *list, size_t count, const char *why)
{
    struct endpoints s;
    lh_run_options o;
    lh_error err = {0};
    lh_run_options_default(&o);
    o.endpoints = list;
    o.n_endpoints = count;
    int rc = endpoints_open(&s, &o, 0, &err);
    endpoints_free(&s);
    assert_non_null(strstr(err.message, why));
    return rc;
}

static void what_cannot_be_is_refused_by_name(void **state)
{
    (void)state;
    static const char *const missing[] = {"LH_TEST_NOT_SET"};
    lh_endpoint_options twice[] = {entry("a", "http://h:1"), entry("a", "http://h:2")};
    lh_endpoint_options no_key = entry("k", "http://h:1"), official = entry("o", NULL);
    lh_endpoint_options many[ENDPOINTS_MOST + 1];
    char names[ENDPOINTS_MOST + 1][8];
    unsetenv(missing[0]);
    unsetenv("OPENAI_BASE_URL");
    no_key.keys = missing;
    no_key.n_keys = 1;
    official.dialect = "openai";
    assert_int_equal(refused(twice, 2, "two endpoints have the name a"), LH_EUSAGE);
    assert_int_equal(refused(&no_key, 1, "$LH_TEST_NOT_SET"), LH_EINPUT);
    setenv(missing[0], "", 1); /* set to nothing is not set */
    assert_int_equal(refused(&no_key, 1, "$LH_TEST_NOT_SET"), LH_EINPUT);
    unsetenv(missing[0]);
    assert_int_equal(refused(&official, 1, "asks for a key"), LH_EINPUT);
    for (int i = 0; i <= ENDPOINTS_MOST; i++) {
        snprintf(names[i], sizeof names[i], "e%d", i);
        many[i] = entry(names[i], "http://h");
    }
    assert_int_equal(refused(many, ENDPOINTS_MOST + 1, "64"), LH_EUSAGE);
    struct endpoints s = open_list(many, ENDPOINTS_MOST);
    assert_true(served_by(&s, "/v1/embeddings", "{}") == UINT64_MAX);
    endpoints_free(&s);
}

static void without_a_list_each_dialect_has_its_own_server(void **state)
{
    (void)state;
    struct endpoints s;
    lh_run_options o;
    lh_run_options_default(&o);
    assert_int_equal(endpoints_open(&s, &o, 0, NULL), 0);
    assert_int_equal(s.count, 2);
    assert_int_equal(served_by(&s, "/v1/chat/completions", "{}"), 1);
    assert_int_equal(served_by(&s, "/v1/messages", "{}"), 2);
    assert_false(endpoint_is_in_use(&s.list[0]));
    endpoints_free(&s);
    o.endpoint.base_url = "http://127.0.0.1:9";
    assert_int_equal(endpoints_open(&s, &o, 0, NULL), 0);
    assert_int_equal(s.count, 1);
    assert_int_equal(served_by(&s, "/v1/messages", "{}"), 1);
    assert_int_equal(served_by(&s, "https://other/v1/embeddings", "{}"),
                     1); /* refused with its reason when it is sent */
    endpoints_free(&s);
    o.endpoint.dialect = "anthropic";
    assert_int_equal(endpoints_open(&s, &o, 0, NULL), 0);
    assert_int_equal(served_by(&s, "/v1/odd", "{}"), 1);
    struct claimed_job job = {.url = (char[]){"/v1/odd"}};
    assert_int_equal(endpoints_dialect(&s, &job), DIALECT_ANTHROPIC);
    endpoints_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_goes_where_its_model_dialect_and_origin_are_served),
        cmocka_unit_test(work_is_shared_by_weight_and_concurrency),
        cmocka_unit_test(a_higher_tier_is_asked_only_while_the_lower_is_down),
        cmocka_unit_test(of_those_that_can_serve_only_some_may_be_asked_for),
        cmocka_unit_test(a_full_endpoint_is_waited_for_beside_one_that_pauses),
        cmocka_unit_test(each_key_is_an_endpoint_of_its_own),
        cmocka_unit_test(what_cannot_be_is_refused_by_name),
        cmocka_unit_test(without_a_list_each_dialect_has_its_own_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Of an endpoint without limits, four requests go before the first answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "limit/gate.h"

static const struct gate_request request = {.prompt_tokens = 1};

static struct gate *open_gate(int64_t rpm, bool ignore_told)
{
    struct gate_options o;
    struct gate *g = NULL;
    gate_options_default(&o);
    o.concurrency = 1000;
    o.rpm = rpm;
    o.burst_ms = 30000;
    o.ignore_told = ignore_told;
    o.scout = 4;
    o.scout_ms = 2000;
    assert_int_equal(gate_new(&o, 0, &g, NULL), 0);
    return g;
}

static int64_t start_all(struct gate *g, int64_t now_ms)
{
    int64_t n = 0;
    for (; gate_ready_at(g, now_ms, &request) == now_ms && n < 1000; n++)
        gate_take(g, now_ms, &request);
    return n;
}

static void settle(struct gate *g, int64_t now_ms, bool answered)
{
    struct gate_outcome o = {.used_tokens = -1, .retry_after_ms = -1, .answered = answered};
    gate_settle(g, now_ms, &o);
}

static void four_go_and_the_rest_follow_the_first_answer(void **state)
{
    struct gate *g = open_gate(0, false);
    struct gate_state s;
    (void)state;
    assert_int_equal(start_all(g, 10), 4);
    assert_int_equal(gate_ready_at(g, 10, &request), 2010);
    gate_get_state(g, 10, &s);
    assert_int_equal(s.binding, GATE_SCOUT);
    settle(g, 11, true);
    assert_int_equal(start_all(g, 11), 997);
    gate_free(g);
}

static void what_was_not_answered_opens_nothing_but_makes_room(void **state)
{
    struct gate *g = open_gate(0, false);
    (void)state;
    assert_int_equal(start_all(g, 0), 4);
    settle(g, 5, false);
    assert_int_equal(start_all(g, 5), 1);
    gate_free(g);
}

static void twice_as_many_go_after_each_wait(void **state)
{
    struct gate *g = open_gate(0, false);
    int64_t started = 0;
    (void)state;
    for (int64_t now = 0; now < 8000; now += 100) {
        started += start_all(g, now);
        assert_int_equal(started, INT64_C(4) << (now / 2000));
    }
    gate_free(g);
}

static void there_is_none_with_a_limit_and_none_where_nothing_told_is_heard(void **state)
{
    (void)state;
    struct gate *limited = open_gate(1200, false), *deaf = open_gate(0, true);
    assert_int_equal(start_all(limited, 0), 600);
    assert_int_equal(start_all(deaf, 0), 1000);
    gate_free(limited);
    gate_free(deaf);
}

static void a_run_that_had_an_answer_spares_the_next_one_the_wait(void **state)
{
    (void)state;
    for (int answered = 0; answered < 2; answered++) {
        struct gate *before = open_gate(0, false), *after = open_gate(0, false);
        struct strbuf saved;
        strbuf_init(&saved);
        start_all(before, 0);
        settle(before, 1, answered != 0);
        gate_save(before, 1, &saved);
        json_object *tree = json_tokener_parse(saved.data);
        assert_non_null(tree);
        gate_load(after, 0, 1000, tree);
        assert_int_equal(start_all(after, 0), answered ? 1000 : 4);
        json_object_put(tree);
        strbuf_free(&saved);
        gate_free(before);
        gate_free(after);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_go_and_the_rest_follow_the_first_answer),
        cmocka_unit_test(what_was_not_answered_opens_nothing_but_makes_room),
        cmocka_unit_test(twice_as_many_go_after_each_wait),
        cmocka_unit_test(there_is_none_with_a_limit_and_none_where_nothing_told_is_heard),
        cmocka_unit_test(a_run_that_had_an_answer_spares_the_next_one_the_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

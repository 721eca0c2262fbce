/* The adaptive rate in the gate: what is kept over a restart, and what it refuses to be made of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "limit/gate.h"

static struct adaptive_options mode(enum adaptive_mode m)
{
    struct adaptive_options o;
    adaptive_options_default(&o);
    o.mode = m;
    return o;
}

static struct gate *open_gate(enum adaptive_mode m)
{
    struct gate_options g;
    struct gate *gate = NULL;
    gate_options_default(&g);
    g.adaptive = mode(m);
    assert_int_equal(gate_new(&g, 0, &gate, NULL), 0);
    return gate;
}

static struct gate_state load(enum adaptive_mode m, int64_t age_ms, const char *text)
{
    struct gate *gate = open_gate(m);
    struct gate_state s;
    json_object *saved = json_tokener_parse(text);
    gate_load(gate, 1000, age_ms, saved);
    json_object_put(saved);
    gate_get_state(gate, 1000, &s);
    gate_free(gate);
    return s;
}

static void what_was_learned_is_there_after_a_restart(void **state)
{
    struct strbuf text;
    struct gate *gate = open_gate(ADAPTIVE_AUTO);
    const char *own = "\"adaptive\":{\"triggered\":1,\"rate\":50000000,\"limit\":100000000,\"slow\":0}";
    char known[128];
    (void)state;
    snprintf(known, sizeof known, "{%s}", own);
    json_object *saved = json_tokener_parse(known);
    gate_load(gate, 1000, 60000, saved);
    json_object_put(saved);
    strbuf_init(&text);
    gate_save(gate, 1000, &text);
    assert_non_null(strstr(text.data, own));
    strbuf_free(&text);
    gate_free(gate);
    struct gate_state s = load(ADAPTIVE_AUTO, 60000, known);
    assert_true(s.adaptive_triggered);
    assert_int_equal(s.adaptive_rate_milli, 50000);
    assert_int_equal(s.adaptive_limit_milli, 100000);
}

static void nothing_learned_is_open_after_a_restart_too(void **state)
{
    struct strbuf text;
    struct gate *gate = open_gate(ADAPTIVE_AUTO);
    (void)state;
    strbuf_init(&text);
    gate_save(gate, 1000, &text);
    struct gate_state s = load(ADAPTIVE_AUTO, 0, text.data);
    assert_false(s.adaptive_triggered);
    strbuf_free(&text);
    gate_free(gate);
    s = load(ADAPTIVE_OFF, 0, "{\"adaptive\":{\"triggered\":1,\"rate\":5,\"limit\":5,\"slow\":0}}");
    assert_int_equal(s.adaptive, ADAPTIVE_OFF);
}

/* One in ten is refused: after ten seconds that is tried at a lower rate, and a run that ends then has learned nothing. */
static void a_trial_is_not_taken_up(void **state)
{
    struct strbuf text;
    struct gate *gate = open_gate(ADAPTIVE_AUTO);
    const struct gate_request request = {.prompt_tokens = 1};
    struct gate_state s;
    (void)state;
    for (int64_t i = 0; i <= 1010; i++) {
        struct gate_outcome o = {
            .ticket = gate_take(gate, i * 10, &request), .throttled = i % 10 == 0, .retry_after_ms = -1};
        gate_settle(gate, i * 10, &o);
    }
    gate_get_state(gate, 10100, &s);
    assert_true(s.adaptive_triggered);
    assert_true(s.adaptive_rate_milli > 0);
    strbuf_init(&text);
    gate_save(gate, 10100, &text);
    s = load(ADAPTIVE_AUTO, 0, text.data);
    assert_false(s.adaptive_triggered);
    strbuf_free(&text);
    gate_free(gate);
}

static void hostile_memories_are_ignored_or_brought_within_bounds(void **state)
{
    static const char *const ignored[] = {
        "null",
        "[]",
        "{\"adaptive\":7}",
        "{\"adaptive\":{}}",
        "{\"adaptive\":{\"triggered\":1}}",
        "{\"adaptive\":{\"triggered\":2,\"rate\":5000000,\"limit\":5000000}}",
        "{\"adaptive\":{\"triggered\":1,\"rate\":\"5\",\"limit\":5}}",
        "{\"adaptive\":{\"triggered\":1,\"rate\":0,\"limit\":5}}",
        "{\"adaptive\":{\"triggered\":1,\"rate\":-9223372036854775808,\"limit\":5}}",
        "{\"adaptive\":{\"triggered\":1,\"rate\":5,\"limit\":-1}}",
    };
    static const char *const clamped[] = {
        "{\"adaptive\":{\"triggered\":1,\"rate\":9223372036854775807,\"limit\":9223372036854775807}}",
        "{\"adaptive\":{\"triggered\":1,\"rate\":1,\"limit\":1,\"slow\":9}}",
        "{\"adaptive\":{\"triggered\":1,\"rate\":9223372036854775807,\"limit\":0,\"slow\":0}}",
        "{\"adaptive\":{\"triggered\":1,\"rate\":1e300,\"limit\":3,\"slow\":\"\"}}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        if (load(ADAPTIVE_AUTO, 0, ignored[i]).adaptive_triggered)
            fail_msg("taken up: %s", ignored[i]);
    for (size_t i = 0; i < sizeof clamped / sizeof *clamped; i++) {
        struct gate_state s = load(ADAPTIVE_ON, 0, clamped[i]);
        assert_in_range(s.adaptive_rate_milli, 16, ADAPTIVE_MOST_RPM * 1000 / 60);
        assert_in_range(s.adaptive_limit_milli, 0, ADAPTIVE_MOST_RPM * 1000 / 60);
    }
    struct gate_state s = load(ADAPTIVE_AUTO, INT64_MAX, clamped[0]);
    assert_false(s.adaptive_triggered);
}

static void senseless_rates_are_refused_by_name(void **state)
{
    static const struct {
        struct adaptive_options o;
        const char *named;
    } bad[] = {
        {{.mode = ADAPTIVE_ON, .step_rpm = 1, .initial_rpm = 0}, "adaptive-initial"},
        {{.mode = ADAPTIVE_ON, .step_rpm = 0, .initial_rpm = 1}, "adaptive-step"},
        {{.mode = ADAPTIVE_ON, .step_rpm = 1, .initial_rpm = 1, .min_rpm = -1}, "adaptive-min"},
        {{.mode = ADAPTIVE_AUTO, .step_rpm = 1, .initial_rpm = 1, .max_rpm = INT64_MAX}, "adaptive-max"},
        {{.mode = ADAPTIVE_AUTO, .step_rpm = 1, .initial_rpm = 1, .min_rpm = 2, .max_rpm = 1},
         "adaptive-min"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct gate_options g;
        struct gate *gate = NULL;
        lh_error err = {0};
        gate_options_default(&g);
        g.adaptive = bad[i].o;
        assert_int_equal(gate_new(&g, 0, &gate, &err), LH_EUSAGE);
        assert_non_null(strstr(err.message, bad[i].named));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_learned_is_there_after_a_restart),
        cmocka_unit_test(nothing_learned_is_open_after_a_restart_too),
        cmocka_unit_test(a_trial_is_not_taken_up),
        cmocka_unit_test(hostile_memories_are_ignored_or_brought_within_bounds),
        cmocka_unit_test(senseless_rates_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

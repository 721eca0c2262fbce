/* After a pause that a provider asked for, requests come back over a tenth of it, a second at most, and not together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "limit/gate.h"

static const struct gate_request request = {.prompt_tokens = 1};

static struct gate *open_gate(int64_t concurrency)
{
    struct gate_options o;
    struct gate *g = NULL;
    gate_options_default(&o);
    o.concurrency = concurrency;
    assert_int_equal(gate_new(&o, 0, &g, NULL), 0);
    return g;
}

static void pause_for(struct gate *g, int64_t now_ms, int64_t wait_ms)
{
    struct gate_outcome o = {.throttled = true, .retry_after_ms = wait_ms};
    gate_take(g, now_ms, &request);
    gate_settle(g, now_ms, &o);
}

/* Starts all that may go; each ends at once, so that only the pause holds back. */
static int64_t start_all(struct gate *g, int64_t now_ms, int64_t most)
{
    struct gate_outcome good = {.used_tokens = -1, .retry_after_ms = -1};
    int64_t n = 0;
    for (; n < most && gate_ready_at(g, now_ms, &request) == now_ms; n++) {
        gate_take(g, now_ms, &request);
        gate_settle(g, now_ms, &good);
    }
    return n;
}

static void hundred_refused_come_back_over_a_second(void **state)
{
    (void)state;
    struct gate *g = open_gate(100);
    pause_for(g, 0, 20000);
    int64_t started = 0;
    for (int64_t now = 0; now < 20000; now += 10)
        assert_int_equal(start_all(g, now, 1000), 0);
    for (int64_t now = 20000; now < 21000; now++) {
        started += start_all(g, now, 1000);
        assert_int_equal(started, 1 + (now - 20000) / 10); /* one each 10 ms, and none is held back longer */
    }
    assert_int_equal(start_all(g, 21000, 1000), 1000); /* then the pause is over */
    gate_free(g);
}

static void the_time_that_is_told_is_the_time_at_which_it_goes(void **state)
{
    (void)state;
    struct gate *g = open_gate(7);
    pause_for(g, 0, 5000);
    int64_t now = 0;
    for (int i = 0; i < 7; i++) {
        now = gate_ready_at(g, now, &request);
        assert_int_equal(now, 5000 + (i * 500 + 6) / 7);
        assert_int_equal(start_all(g, now, 1), 1);
    }
    gate_free(g);
}

static void a_single_slot_goes_at_the_end_of_the_pause(void **state)
{
    (void)state;
    struct gate *g = open_gate(1);
    pause_for(g, 0, 500);
    assert_int_equal(gate_ready_at(g, 0, &request), 500);
    assert_int_equal(start_all(g, 500, 1), 1);
    assert_int_equal(gate_ready_at(g, 500, &request), 550);
    gate_free(g);
}

static void a_second_pause_begins_the_ramp_again(void **state)
{
    (void)state;
    struct gate *g = open_gate(10);
    pause_for(g, 0, 1000);
    assert_int_equal(start_all(g, 1050, 100), 6);
    pause_for(g, 1060, 1000);
    assert_int_equal(start_all(g, 2059, 100), 0);
    assert_int_equal(start_all(g, 2060, 100), 1);
    gate_free(g);
}

static void without_a_pause_all_go_at_once(void **state)
{
    (void)state;
    struct gate *g = open_gate(100);
    assert_int_equal(start_all(g, 0, 100), 100);
    gate_free(g);
}

/* The gate of the next run, on a clock of its own, `age_ms` after the save. */
static struct gate *restarted(struct gate *g, int64_t now_ms, int64_t new_now_ms, int64_t age_ms)
{
    struct strbuf b;
    strbuf_init(&b);
    gate_save(g, now_ms, &b);
    json_object *saved = json_tokener_parse(b.data);
    assert_non_null(saved);
    strbuf_free(&b);
    struct gate *next = open_gate(100);
    gate_load(next, new_now_ms, age_ms, saved);
    json_object_put(saved);
    gate_free(g);
    return next;
}

static void a_pause_holds_over_a_restart(void **state)
{
    (void)state;
    struct gate *g = open_gate(100);
    pause_for(g, 1000, 20000);
    g = restarted(g, 6000, 500, 4000);
    assert_int_equal(gate_ready_at(g, 500, &request), 11500); /* 15 s were left, 4 went by */
    assert_int_equal(start_all(g, 11500 + 500, 1000), 51);    /* and the ramp follows */
    g = restarted(g, 12000, 0, 100);
    assert_int_equal(start_all(g, 0, 1000), 10);
    g = restarted(g, 0, 0, 900);
    assert_int_equal(start_all(g, 0, 1000), 1000);
    gate_free(g);
}

static void a_pause_of_our_own_does_not(void **state)
{
    (void)state;
    struct gate_outcome nobody = {.throttled = true, .unreachable = true, .retry_after_ms = 60000};
    struct gate *g = open_gate(100);
    gate_take(g, 0, &request);
    gate_settle(g, 0, &nobody);
    assert_int_equal(gate_ready_at(g, 0, &request), 60000);
    pause_for(g, 0, 5000); /* asked for, and hidden by the longer one */
    g = restarted(g, 1000, 0, 0);
    assert_int_equal(gate_ready_at(g, 0, &request), 4000);
    g = restarted(g, 4000, 0, 7);
    assert_int_equal(gate_ready_at(g, 0, &request), 0);
    gate_free(g);
}

static void a_pause_without_end_ends_in_the_next_run(void **state)
{
    (void)state;
    struct gate *g = open_gate(100);
    pause_for(g, 0, INT64_MAX);
    g = restarted(g, 5, 0, 0);
    assert_int_equal(gate_ready_at(g, 0, &request), 900000); /* the longest that is believed by default */
    gate_free(g);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(hundred_refused_come_back_over_a_second),
        cmocka_unit_test(the_time_that_is_told_is_the_time_at_which_it_goes),
        cmocka_unit_test(a_single_slot_goes_at_the_end_of_the_pause),
        cmocka_unit_test(a_second_pause_begins_the_ramp_again),
        cmocka_unit_test(without_a_pause_all_go_at_once),
        cmocka_unit_test(a_pause_holds_over_a_restart),
        cmocka_unit_test(a_pause_of_our_own_does_not),
        cmocka_unit_test(a_pause_without_end_ends_in_the_next_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

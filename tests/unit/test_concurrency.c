/* Requests at once: fixed, and adaptive. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "limit/gate.h"

static const struct gate_request request = {.prompt_tokens = 1};

struct client {
    struct gate *gate;
    struct gate_ticket tickets[4096]; /* in flight, the oldest first */
    int first, last;
};

static struct client *open_client(int64_t concurrency, bool adaptive)
{
    static struct client c;
    struct gate_options o;
    gate_options_default(&o);
    o.concurrency = concurrency;
    o.adaptive_concurrency = adaptive;
    o.breaker.percent = 0;
    c = (struct client){0};
    assert_int_equal(gate_new(&o, 0, &c.gate, NULL), 0);
    return &c;
}

static int in_flight(const struct client *c)
{
    return c->last - c->first;
}

static void fill(struct client *c)
{
    while (gate_ready_at(c->gate, 0, &request) == 0)
        c->tickets[c->last++ % 4096] = gate_take(c->gate, 0, &request);
}

static void end(struct client *c, struct gate_outcome o)
{
    o.ticket = c->tickets[c->first++ % 4096];
    o.used_tokens = -1;
    gate_settle(c->gate, 0, &o);
}

static const struct gate_outcome good = {.health = BREAKER_GOOD, .retry_after_ms = -1},
                                 fault = {.health = BREAKER_FAULT, .retry_after_ms = -1},
                                 refused = {.health = BREAKER_GOOD, .throttled = true, .retry_after_ms = -1},
                                 canceled = {.health = BREAKER_NOTHING, .retry_after_ms = -1};

static int64_t allowed(struct client *c)
{
    struct gate_state s;
    gate_get_state(c->gate, 0, &s);
    assert_int_equal(s.in_flight, in_flight(c));
    return s.concurrency;
}

static void fixed_it_never_changes(void **state)
{
    (void)state;
    struct client *c = open_client(50, false);
    for (int i = 0; i < 2000; i++) {
        fill(c);
        assert_int_equal(in_flight(c), 50);
        end(c, i % 3 == 0 ? fault : i % 3 == 1 ? refused : good);
        assert_int_equal(allowed(c), 50);
    }
    gate_free(c->gate);
}

static void it_starts_with_eight_and_grows_by_one_each_round_up_to_the_concurrency(void **state)
{
    (void)state;
    struct client *c = open_client(20, true);
    for (int64_t n = 8; n < 20; n++)
        for (int64_t i = 0; i < n; i++) {
            assert_int_equal(allowed(c), n);
            fill(c);
            assert_int_equal(in_flight(c), n);
            end(c, good);
        }
    for (int i = 0; i < 1000; i++) {
        fill(c);
        end(c, good);
        assert_int_equal(allowed(c), 20);
    }
    gate_free(c->gate);
    c = open_client(3, true); /* fewer than eight are fewer */
    assert_int_equal(allowed(c), 3);
    gate_free(c->gate);
}

static void what_is_not_used_proves_nothing(void **state)
{
    (void)state;
    struct client *c = open_client(100, true);
    for (int i = 0; i < 1000; i++) { /* seven at once where eight may */
        while (in_flight(c) < 7)
            c->tickets[c->last++ % 4096] = gate_take(c->gate, 0, &request);
        end(c, good);
    }
    assert_int_equal(allowed(c), 8);
    for (int i = 0; i < 1000; i++) {
        fill(c);
        end(c, canceled);
    }
    assert_int_equal(allowed(c), 8);
    gate_free(c->gate);
}

static void grow_to(struct client *c, int64_t n)
{
    while (allowed(c) < n) {
        fill(c);
        end(c, good);
    }
    fill(c);
}

static void a_round_of_faults_takes_one_tenth(void **state)
{
    static const struct gate_outcome *const bad[] = {&fault, &refused};
    (void)state;
    for (int k = 0; k < 2; k++) {
        struct client *c = open_client(100, true);
        grow_to(c, 40);
        for (int i = 0; i < 40; i++) { /* all that were in flight, and none that started since */
            end(c, *bad[k]);
            assert_int_equal(allowed(c), 36);
        }
        fill(c);
        end(c, *bad[k]);
        assert_int_equal(allowed(c), 32);
        for (int i = 0; i < 1000; i++) {
            fill(c);
            end(c, *bad[k]);
        }
        assert_int_equal(allowed(c), 1);
        gate_free(c->gate);
    }
}

/* The pause holds all back already; and who was not reached said nothing. */
static void a_refusal_that_names_a_wait_and_an_unreachable_endpoint_leave_it(void **state)
{
    struct gate_outcome told = refused, unreachable = fault;
    (void)state;
    told.retry_after_ms = 1;
    unreachable.throttled = unreachable.unreachable = true;
    struct client *c = open_client(100, true);
    grow_to(c, 40);
    end(c, told);
    end(c, unreachable);
    unreachable.throttled = false;
    end(c, unreachable);
    assert_int_equal(allowed(c), 40);
    gate_free(c->gate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed_it_never_changes),
        cmocka_unit_test(it_starts_with_eight_and_grows_by_one_each_round_up_to_the_concurrency),
        cmocka_unit_test(what_is_not_used_proves_nothing),
        cmocka_unit_test(a_round_of_faults_takes_one_tenth),
        cmocka_unit_test(a_refusal_that_names_a_wait_and_an_unreachable_endpoint_leave_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

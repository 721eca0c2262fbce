/* The budget: never passed while each answer keeps to its bound, however many are in flight, and never given up while one could give back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "limit/budget.h"

static const struct price dear = {.known = true, .input = 150000000, .output = 600000000, .cached = 75000000};

static struct budget tokens_only(int64_t most)
{
    return (struct budget){.max_tokens = most, .max_nanousd = INT64_MAX};
}

static struct gate_request request(int64_t prompt, int64_t output)
{
    return (struct gate_request){.prompt_tokens = prompt, .output_tokens = output};
}

static struct token_usage usage(int64_t prompt, int64_t completion)
{
    return (struct token_usage){.prompt = prompt, .completion = completion};
}

static void a_request_waits_while_one_in_flight_may_give_back(void **state)
{
    (void)state;
    struct budget b = tokens_only(150);
    struct gate_request q = request(50, 50);
    const struct token_usage little = usage(50, 0);
    assert_int_equal(budget_allows(&b, &q), BUDGET_GO);
    budget_take(&b, &q);
    assert_int_equal(budget_left(&b).tokens, 50);
    assert_int_equal(budget_allows(&b, &q), BUDGET_WAIT);
    budget_settle(&b, &q, &little, NULL);
    assert_int_equal(budget_left(&b).tokens, 100);
    assert_int_equal(budget_allows(&b, &q), BUDGET_GO); /* exactly what is left */
    budget_take(&b, &q);
    budget_settle(&b, &q, NULL, NULL);
    assert_int_equal(b.used.tokens, 150);
    assert_int_equal(budget_allows(&b, &q), BUDGET_NEVER);
    q = request(0, 0);
    assert_int_equal(budget_allows(&b, &q), BUDGET_GO);
}

/* Where it goes is not known when it is reckoned: at the dearest; where it went is, when it has ended. */
static void the_dearest_is_held_and_what_it_cost_there_is_counted(void **state)
{
    (void)state;
    const struct price unknown = {.known = false};
    const struct price a = {.known = true, .input = 1000000, .output = 9000000, .cached = 5},
                       b = {.known = true, .input = 4000000, .output = 2000000, .cached = 7};
    struct budget budget = {.max_tokens = INT64_MAX, .max_nanousd = 100000, .price = price_worst(&a, &b)};
    struct gate_request q = request(100, 10);
    const struct token_usage used = usage(100, 10);
    assert_int_equal(budget.price.input, 4000000);
    assert_int_equal(budget.price.output, 9000000);
    assert_int_equal(budget.price.cached, 7);
    assert_int_equal(price_worst(&unknown, &b).output, 2000000);
    assert_int_equal(price_worst(&a, &unknown).output, 9000000);
    assert_false(price_worst(&unknown, &unknown).known);
    budget_take(&budget, &q);
    assert_int_equal(budget_left(&budget).nanousd, 100000 - (100 * 4 + 10 * 9));
    budget_settle(&budget, &q, &used, &a);
    assert_int_equal(budget.used.nanousd, 100 * 1 + 10 * 9);
    budget_take(&budget, &q);
    budget_settle(&budget, &q, &used, &unknown);
    assert_int_equal(budget.used.nanousd, 190 + 100 * 4 + 10 * 9);
    budget_take(&budget, &q);
    budget_settle(&budget, &q, NULL, &a); /* not known: the worst */
    assert_int_equal(budget.used.nanousd, 680 + 490);
    assert_int_equal(budget_left(&budget).nanousd, 100000 - 1170);
}

static void an_ended_request_without_usage_counts_at_its_worst_case(void **state)
{
    (void)state;
    struct budget b = {.max_tokens = 1000, .max_nanousd = INT64_C(1000000), .price = dear};
    struct gate_request q = request(100, 10);
    budget_take(&b, &q);
    budget_settle(&b, &q, NULL, NULL);
    assert_int_equal(b.used.tokens, 110);
    assert_int_equal(b.used.nanousd, 100 * 150 + 10 * 600);
    assert_int_equal(budget_left(&b).nanousd, 1000000 - 21000);
}

static void money_binds_as_tokens_do(void **state)
{
    (void)state;
    struct budget b = {.max_tokens = INT64_MAX, .max_nanousd = 21000, .price = dear};
    struct gate_request fits = request(100, 10), dearer = request(100, 11);
    assert_int_equal(budget_allows(&b, &fits), BUDGET_GO);
    assert_int_equal(budget_allows(&b, &dearer), BUDGET_NEVER);
    b.price.cached = 300000000; /* a cache that costs more than input: that is the worst case */
    assert_int_equal(budget_allows(&b, &fits), BUDGET_NEVER);
}

static void without_a_limit_all_go(void **state)
{
    (void)state;
    struct budget b = {.max_tokens = INT64_MAX, .max_nanousd = INT64_MAX};
    struct gate_request q = request(INT64_MAX, INT64_MAX);
    assert_false(budget_is_set(&b));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(budget_allows(&b, &q), BUDGET_GO);
        budget_take(&b, &q);
    }
    for (int i = 0; i < 3; i++)
        budget_settle(&b, &q, NULL, NULL);
    assert_int_equal(b.used.tokens, INT64_MAX);
    assert_int_equal(b.flying.tokens, 0);
    assert_int_equal(budget_allows(&b, &q), BUDGET_GO);
    assert_int_equal(budget_left(&b).tokens, INT64_MAX);
    assert_int_equal(budget_left(&b).nanousd, INT64_MAX);
}

static int64_t any(struct random *r, int64_t most)
{
    return (int64_t)random_below(r, (uint64_t)most + 1);
}

/* A thousand in flight, of any size, that end in any order with any usage within their bounds, or with none told. */
static void the_budget_is_never_passed_and_used_to_the_last_request(void **state)
{
    (void)state;
    enum { FLYING = 1000, LARGEST = 2000 };
    static struct gate_request flying[FLYING];
    struct random r;
    random_seed(&r, 4);
    for (int round = 0; round < 20; round++) {
        struct budget b = {.max_tokens = 400000 + any(&r, 400000), .max_nanousd = INT64_MAX, .price = dear};
        if (round % 2 == 1)
            b.max_nanousd = 100000000 + any(&r, 100000000);
        int64_t n = 0, tokens = 0, nanousd = 0;
        struct gate_request next = request(1 + any(&r, LARGEST), any(&r, LARGEST));
        for (;;) {
            enum budget_verdict verdict = budget_allows(&b, &next);
            assert_true(verdict != BUDGET_NEVER || n == 0);
            if (verdict == BUDGET_NEVER)
                break;
            if (verdict == BUDGET_GO && n < FLYING) {
                budget_take(&b, &next);
                flying[n++] = next;
                next = request(1 + any(&r, LARGEST), any(&r, LARGEST));
                continue;
            }
            int64_t at = any(&r, n - 1);
            struct gate_request ended = flying[at];
            flying[at] = flying[--n];
            bool silent = any(&r, 9) == 0;
            struct token_usage used = usage(ended.prompt_tokens, any(&r, ended.output_tokens));
            budget_settle(&b, &ended, silent ? NULL : &used, NULL);
            if (silent)
                used.completion = ended.output_tokens;
            tokens += used.prompt + used.completion;
            nanousd += price_of(&dear, &used);
            assert_true(tokens <= b.max_tokens && nanousd <= b.max_nanousd);
        }
        assert_int_equal(b.used.tokens, tokens);
        assert_int_equal(b.used.nanousd, nanousd);
        const struct token_usage worst = usage(next.prompt_tokens, next.output_tokens);
        assert_true(tokens + next.prompt_tokens + next.output_tokens > b.max_tokens ||
                    nanousd + price_of(&dear, &worst) > b.max_nanousd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_waits_while_one_in_flight_may_give_back),
        cmocka_unit_test(the_dearest_is_held_and_what_it_cost_there_is_counted),
        cmocka_unit_test(an_ended_request_without_usage_counts_at_its_worst_case),
        cmocka_unit_test(money_binds_as_tokens_do),
        cmocka_unit_test(without_a_limit_all_go),
        cmocka_unit_test(the_budget_is_never_passed_and_used_to_the_last_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The budget: never passed while no answer is more than was held for it, however many are in flight, and never given up while one could give
 * back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "limit/budget.h"

static struct budget_sum sum(int64_t tokens, int64_t nanousd)
{
    return (struct budget_sum){tokens, nanousd};
}

static void a_request_waits_while_one_in_flight_may_give_back(void **state)
{
    (void)state;
    struct budget b = {.max_tokens = 150, .max_nanousd = INT64_MAX};
    struct budget_sum hundred = sum(100, 0), fifty = sum(50, 0), none = sum(0, 0);
    assert_int_equal(budget_allows(&b, &hundred), BUDGET_GO);
    struct budget_sum held = budget_take(&b, &hundred);
    assert_int_equal(budget_left(&b).tokens, 50);
    assert_int_equal(budget_allows(&b, &hundred), BUDGET_WAIT);
    budget_settle(&b, &held, &fifty);
    assert_int_equal(budget_left(&b).tokens, 100);
    assert_int_equal(budget_allows(&b, &hundred), BUDGET_GO); /* exactly what is left */
    held = budget_take(&b, &hundred);
    budget_settle(&b, &held, NULL);
    assert_int_equal(b.used.tokens, 150);
    assert_int_equal(budget_allows(&b, &hundred), BUDGET_NEVER);
    assert_int_equal(budget_allows(&b, &none), BUDGET_GO);
}

static void what_ends_without_a_word_counts_as_held_and_is_told_apart(void **state)
{
    (void)state;
    struct budget b = {.max_tokens = 1000, .max_nanousd = 1000000};
    struct budget_sum worst = sum(110, 21000), used = sum(20, 3000), held = budget_take(&b, &worst);
    budget_settle(&b, &held, NULL);
    held = budget_take(&b, &worst);
    budget_settle(&b, &held, &used);
    assert_int_equal(b.used.tokens, 130);
    assert_int_equal(b.used.nanousd, 24000);
    assert_int_equal(b.silent.tokens, 110);
    assert_int_equal(b.silent.nanousd, 21000);
    assert_int_equal(budget_left(&b).nanousd, 1000000 - 24000);
}

static void earlier_runs_count(void **state)
{
    (void)state;
    struct budget b = {.max_tokens = 1000, .max_nanousd = INT64_MAX};
    const struct budget_sum used = sum(300, 7), silent = sum(200, 5);
    budget_begin(&b, &used, &silent);
    budget_begin(&b, &used, &silent);
    assert_int_equal(budget_left(&b).tokens, 0);
    assert_int_equal(b.used.nanousd, 24);
    assert_int_equal(b.silent.tokens, 400);
}

static void money_binds_as_tokens_do(void **state)
{
    (void)state;
    struct budget b = {.max_tokens = INT64_MAX, .max_nanousd = 21000};
    struct budget_sum fits = sum(110, 21000), dearer = sum(110, 21001);
    assert_int_equal(budget_allows(&b, &fits), BUDGET_GO);
    assert_int_equal(budget_allows(&b, &dearer), BUDGET_NEVER);
}

static void what_was_held_is_taken_off_though_it_was_cut(void **state)
{
    (void)state;
    struct budget b = {.max_tokens = INT64_MAX, .max_nanousd = INT64_MAX};
    struct budget_sum endless = sum(INT64_MAX, INT64_MAX), held[3];
    assert_false(budget_is_set(&b));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(budget_allows(&b, &endless), BUDGET_GO);
        held[i] = budget_take(&b, &endless);
    }
    for (int i = 0; i < 3; i++)
        budget_settle(&b, &held[i], i == 0 ? &endless : NULL);
    assert_int_equal(b.used.tokens, INT64_MAX);
    assert_int_equal(b.flying.tokens, 0);
    assert_int_equal(b.flying.nanousd, 0);
    assert_int_equal(budget_allows(&b, &endless), BUDGET_GO);
    assert_int_equal(budget_left(&b).tokens, INT64_MAX);
    assert_int_equal(budget_left(&b).nanousd, INT64_MAX);
}

static int64_t any(struct random *r, int64_t most)
{
    return (int64_t)random_below(r, (uint64_t)most + 1);
}

/* A thousand in flight, of any size, that end in any order with any usage within what was held, or with none told. */
static void the_budget_is_never_passed_and_used_to_the_last_request(void **state)
{
    (void)state;
    enum { FLYING = 1000, LARGEST = 4000 };
    static struct budget_sum flying[FLYING];
    struct random r;
    random_seed(&r, 4);
    for (int round = 0; round < 20; round++) {
        struct budget b = {.max_tokens = 400000 + any(&r, 400000), .max_nanousd = INT64_MAX};
        if (round % 2 == 1)
            b.max_nanousd = 100000000 + any(&r, 100000000);
        int64_t n = 0;
        struct budget_sum used = {0}, next = sum(1 + any(&r, LARGEST), any(&r, 600 * LARGEST));
        for (;;) {
            enum budget_verdict verdict = budget_allows(&b, &next);
            assert_true(verdict != BUDGET_NEVER || n == 0);
            if (verdict == BUDGET_NEVER)
                break;
            if (verdict == BUDGET_GO && n < FLYING) {
                flying[n++] = budget_take(&b, &next);
                next = sum(1 + any(&r, LARGEST), any(&r, 600 * LARGEST));
                continue;
            }
            int64_t at = any(&r, n - 1);
            struct budget_sum held = flying[at], told = sum(any(&r, held.tokens), any(&r, held.nanousd));
            flying[at] = flying[--n];
            bool silent = any(&r, 9) == 0;
            budget_settle(&b, &held, silent ? NULL : &told);
            used.tokens += silent ? held.tokens : told.tokens;
            used.nanousd += silent ? held.nanousd : told.nanousd;
            assert_true(used.tokens <= b.max_tokens && used.nanousd <= b.max_nanousd);
        }
        assert_int_equal(b.used.tokens, used.tokens);
        assert_int_equal(b.used.nanousd, used.nanousd);
        assert_true(used.tokens + next.tokens > b.max_tokens || used.nanousd + next.nanousd > b.max_nanousd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_waits_while_one_in_flight_may_give_back),
        cmocka_unit_test(what_ends_without_a_word_counts_as_held_and_is_told_apart),
        cmocka_unit_test(earlier_runs_count),
        cmocka_unit_test(money_binds_as_tokens_do),
        cmocka_unit_test(what_was_held_is_taken_off_though_it_was_cut),
        cmocka_unit_test(the_budget_is_never_passed_and_used_to_the_last_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

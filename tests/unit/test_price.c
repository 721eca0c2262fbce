/* What tokens cost: each kind at its price, rounded up, as arithmetic without bounds has it; what is not known is never 0. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "longhaul.h"
#include "tokens/price.h"

static const struct price dear = {.known = true,
                                  .input = 150000000,
                                  .output = 600000000,
                                  .cached = 75000000,
                                  .cache_write = 187500000,
                                  .batch_discount = 50};

static void each_kind_has_its_price_and_is_rounded_up(void **state)
{
    (void)state;
    static const struct {
        struct token_usage used;
        int64_t nanousd;
    } table[] = {
        {{.prompt = 1000000}, 150000000},
        {{.completion = 1000000}, 600000000},
        {{.prompt = 1, .completion = 1}, 750},
        {{.prompt = 100, .cached = 40, .completion = 10}, 60 * 150 + 40 * 75 + 10 * 600},
        {{.prompt = 100, .cached = 40, .cache_write = 60}, 40 * 75 + 11250},
        {{.prompt = 1, .cache_write = 1}, 188},    /* 187.5 */
        {{.prompt = 10, .cached = 50}, 10 * 75},   /* no more was cached than there was */
        {{.prompt = 10, .cache_write = 50}, 1875}, /* nor written */
        {{.prompt = 10, .cached = 8, .cache_write = 8}, 8 * 75 + 375},
        {{.prompt = -1, .cached = -1, .cache_write = -1, .completion = 7}, 7 * 600},
        {{.prompt = 0}, 0},
        {{.prompt = 100, .completion = 10, .tier = TIER_BATCH}, 100 * 75 + 10 * 300},
        {{.prompt = 3, .cached = 1, .cache_write = 1, .tier = TIER_BATCH}, 75 + 38 + 94}, /* 37.5, 93.75 */
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        assert_int_equal(price_of(&dear, &table[i].used), table[i].nanousd);
    const struct price fine = {.known = true, .input = 1, .output = 37500000, .cached = 1};
    assert_int_equal(price_of(&fine, &(struct token_usage){.prompt = 1, .completion = 1}), 1 + 38);
    assert_int_equal(price_of(&fine, &(struct token_usage){.completion = 2}), 75);
}

static void a_sum_stops_at_the_largest_integer(void **state)
{
    (void)state;
    const int64_t most = INT64_C(1000000000000);
    const struct price highest = {.known = true, .input = most, .output = most, .cached = most};
    const struct token_usage all = {.prompt = INT64_MAX, .completion = INT64_MAX};
    assert_int_equal(price_of(&highest, &all), INT64_MAX);
    assert_int_equal(price_of(&highest, &(struct token_usage){.prompt = 999999}), INT64_C(999999000000));
}

static void what_is_not_known_is_never_nothing(void **state)
{
    (void)state;
    const struct price unknown = {.input = 1, .output = 1};
    struct price list = dear;
    struct token_usage u = {.prompt = 100, .completion = 10};
    assert_int_equal(price_of(&unknown, &u), LH_UNKNOWN);
    list.is_list = true;
    assert_int_equal(price_of(&list, &u), 100 * 150 + 10 * 600);
    u.tier = TIER_PRIORITY;
    assert_int_equal(price_of(&list, &u), LH_UNKNOWN);
    assert_int_equal(price_of(&dear, &u),
                     100 * 150 + 10 * 600); /* given for the endpoint: holds for all that it serves */
    u.tier = TIER_UNKNOWN;
    assert_int_equal(price_of(&list, &u), LH_UNKNOWN);
    assert_int_equal(price_of(&dear, &u), 100 * 150 + 10 * 600);
    u.tier = TIER_BATCH;
    assert_int_equal(price_of(&list, &u), 100 * 75 + 10 * 300);
}

static void a_long_prompt_costs_its_percent_on_every_token(void **state)
{
    (void)state;
    struct price p = dear;
    p.long_prompt = 1000;
    p.long_input_percent = 200;
    p.long_output_percent = 150;
    assert_int_equal(price_of(&p, &(struct token_usage){.prompt = 1000, .completion = 10}),
                     1000 * 150 + 10 * 600);
    assert_int_equal(price_of(&p, &(struct token_usage){.prompt = 1001, .cached = 1, .completion = 10}),
                     1000 * 300 + 150 + 10 * 900);
    assert_int_equal(
        price_of(&p, &(struct token_usage){.prompt = 1001, .completion = 10, .tier = TIER_BATCH}),
        1001 * 150 + 10 * 450);
    p.long_input_percent = p.long_output_percent = 0; /* nobody knows */
    assert_int_equal(price_of(&p, &(struct token_usage){.prompt = 1000}), 1000 * 150);
    assert_int_equal(price_of(&p, &(struct token_usage){.prompt = 1001}), LH_UNKNOWN);
}

/* ---- properties ---- */

static int64_t any(struct random *r, int64_t most)
{
    return (int64_t)random_below(r, (uint64_t)most + 1);
}

static struct price any_price(struct random *r)
{
    const int64_t most = INT64_C(1000000000000);
    bool has_step = any(r, 1) == 1, knows_it = any(r, 3) > 0;
    return (struct price){.known = any(r, 9) > 0,
                          .input = any(r, any(r, 1) == 1 ? most : 1000),
                          .output = any(r, most),
                          .cached = any(r, most),
                          .cache_write = any(r, most),
                          .batch_discount = any(r, 100),
                          .is_list = any(r, 1) == 1,
                          .long_prompt = has_step ? 1 + any(r, 500000) : 0,
                          .long_input_percent = has_step && knows_it ? 100 + any(r, 800) : 0,
                          .long_output_percent = has_step && knows_it ? 100 + any(r, 800) : 0};
}

static struct token_usage any_usage(struct random *r)
{
    return (struct token_usage){.prompt = any(r, 1000000) - 1,
                                .cached = any(r, 1000000) - 1,
                                .cache_write = any(r, 1000000) - 1,
                                .completion = any(r, 1000000) - 1,
                                .tier = (enum service_tier)any(r, 3)};
}

typedef unsigned __int128 wide;

static wide up(wide value, wide by)
{
    return (value + by - 1) / by;
}

/* The price of a million tokens is rounded up, then that of the tokens. */
static wide reference_kind(int64_t tokens, int64_t price, int64_t length, int64_t tier)
{
    wide per_million = up((wide)price * (wide)length * (wide)tier, 10000);
    return up((wide)tokens * per_million, 1000000);
}

static int64_t reference(const struct price *p, const struct token_usage *u)
{
    int64_t left = u->prompt > 0 ? u->prompt : 0, cached = u->cached > 0 ? u->cached : 0;
    int64_t written = u->cache_write > 0 ? u->cache_write : 0, answer = u->completion > 0 ? u->completion : 0;
    bool is_long = p->long_prompt > 0 && left > p->long_prompt;
    if (!p->known || (p->is_list && u->tier > TIER_BATCH) || (is_long && p->long_input_percent == 0))
        return LH_UNKNOWN;
    cached = cached > left ? left : cached;
    left -= cached;
    written = written > left ? left : written;
    left -= written;
    int64_t tier = u->tier == TIER_BATCH ? 100 - p->batch_discount : 100;
    int64_t in = is_long ? p->long_input_percent : 100, out = is_long ? p->long_output_percent : 100;
    wide sum = reference_kind(left, p->input, in, tier) + reference_kind(cached, p->cached, in, tier) +
               reference_kind(written, p->cache_write, in, tier) +
               reference_kind(answer, p->output, out, tier);
    return sum > INT64_MAX ? INT64_MAX : (int64_t)sum;
}

static void a_price_is_that_of_wide_arithmetic(void **state)
{
    struct random r;
    (void)state;
    random_seed(&r, 41);
    for (int i = 0; i < 20000; i++) {
        struct price p = any_price(&r);
        struct token_usage u = any_usage(&r);
        assert_int_equal(price_of(&p, &u), reference(&p, &u));
    }
}

/* As money: what is not known could be anything. */
static int64_t or_more(int64_t nanousd)
{
    return nanousd != LH_UNKNOWN ? nanousd : INT64_MAX;
}

static void the_worst_of_two_prices_is_never_below_either(void **state)
{
    struct random r;
    (void)state;
    random_seed(&r, 42);
    for (int i = 0; i < 20000; i++) {
        struct price a = any_price(&r), b = any_price(&r), worst = price_worst(&a, &b);
        struct token_usage u = any_usage(&r);
        if (u.tier > TIER_BATCH)
            u.tier = TIER_STANDARD;
        assert_int_equal(worst.known, a.known || b.known);
        assert_true(!a.known || or_more(price_of(&worst, &u)) >= or_more(price_of(&a, &u)));
        assert_true(!b.known || or_more(price_of(&worst, &u)) >= or_more(price_of(&b, &u)));
    }
}

static void the_most_is_never_below_what_it_costs(void **state)
{
    struct random r;
    (void)state;
    random_seed(&r, 43);
    for (int i = 0; i < 20000; i++) {
        struct price p = any_price(&r);
        struct token_usage u = any_usage(&r);
        if (u.tier > TIER_BATCH)
            u.tier = TIER_STANDARD;
        int64_t most = price_most(&p, u.prompt, u.completion), cost = price_of(&p, &u);
        assert_true(p.known ? most >= or_more(cost) || (cost == LH_UNKNOWN && most == INT64_MAX)
                            : most == LH_UNKNOWN);
    }
    assert_int_equal(price_most(&dear, 100, 10), 18750 + 10 * 600); /* all of it goes into the cache */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_has_its_price_and_is_rounded_up),
        cmocka_unit_test(a_sum_stops_at_the_largest_integer),
        cmocka_unit_test(what_is_not_known_is_never_nothing),
        cmocka_unit_test(a_long_prompt_costs_its_percent_on_every_token),
        cmocka_unit_test(a_price_is_that_of_wide_arithmetic),
        cmocka_unit_test(the_worst_of_two_prices_is_never_below_either),
        cmocka_unit_test(the_most_is_never_below_what_it_costs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

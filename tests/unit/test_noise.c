/* Refusals by chance: what is forgiven, when, and how much. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "limit/noise.h"

struct client {
    struct noise n;
    int64_t serial;
};

static void start(struct client *c, enum noise_phase phase, int count)
{
    for (int i = 0; i < count; i++)
        noise_start(&c->n, ++c->serial, phase);
}

/* The one that started last. */
static enum noise_kind refuse(struct client *c, enum noise_phase phase)
{
    return noise_refused(&c->n, c->serial, phase);
}

/* Whatever is refused while nothing is held back: 27 of 32 in a row are a limit, 26 are not. */
static void while_open_only_what_is_dense_counts(void **state)
{
    (void)state;
    for (int granted = 5; granted <= 6; granted++) {
        struct client c = {0};
        int dense = 0;
        start(&c, NOISE_OPEN, 100);
        for (int i = 0; i < 320; i++) {
            start(&c, NOISE_OPEN, 1);
            if (i % 32 >= granted)
                dense += refuse(&c, NOISE_OPEN) == NOISE_DENSE ? 1 : 0;
        }
        if (granted == 6)
            assert_int_equal(dense, 0);
        else
            assert_true(dense > 0);
    }
}

/* The order in which refusals come says nothing: starts have an order, and that counts. */
static void refusals_in_any_order_are_as_dense(void **state)
{
    struct random r;
    (void)state;
    random_seed(&r, 3);
    for (int round = 0; round < 50; round++) {
        struct client c = {0};
        int order[64], dense = 0;
        start(&c, NOISE_OPEN, 64);
        for (int i = 0; i < 64; i++) {
            int other = (int)random_below(&r, (uint64_t)i + 1);
            order[i] = order[other];
            order[other] = i;
        }
        for (int i = 0; i < 64; i++)
            dense += noise_refused(&c.n, order[i] + 1, NOISE_OPEN) == NOISE_DENSE ? 1 : 0;
        assert_true(dense > 0);
    }
}

/* Two of eight may be chance, once fewer than one in 200 were refused; three are none. */
static void a_limit_that_is_full_shows_by_three_of_eight(void **state)
{
    struct client c = {0};
    (void)state;
    start(&c, NOISE_LOW, 1000);
    assert_int_equal(refuse(&c, NOISE_TRIED), NOISE_FORGIVEN);
    start(&c, NOISE_TRIED, 3);
    assert_int_equal(refuse(&c, NOISE_TRIED), NOISE_FORGIVEN);
    start(&c, NOISE_TRIED, 4);
    assert_int_equal(refuse(&c, NOISE_TRIED), NOISE_DENSE);
}

/* One in 20 refused, ten grants in between at least: more than is forgiven without a share that is known, and never dense. */
static void more_than_was_seen_is_scattered(void **state)
{
    struct client c = {0};
    int scattered = 0;
    (void)state;
    start(&c, NOISE_LOW, 1000);
    for (int i = 0; i < 20; i++) {
        start(&c, NOISE_TRIED, 20);
        enum noise_kind kind = refuse(&c, NOISE_TRIED);
        assert_int_not_equal(kind, NOISE_DENSE);
        scattered += kind == NOISE_SCATTERED ? 1 : 0;
    }
    assert_true(scattered > 0);
}

/* A share that was seen where the rate was low is forgiven where it is not, nearly always, and three times as much is not. */
static void what_was_seen_at_a_low_rate_is_forgiven(void **state)
{
    struct client c = {0};
    struct random r;
    int forgiven[2] = {0}, refused[2] = {0};
    (void)state;
    random_seed(&r, 5);
    for (int i = 0; i < 20000; i++) {
        start(&c, NOISE_LOW, 1);
        if (random_below(&r, 100) < 2)
            refuse(&c, NOISE_LOW);
    }
    assert_true(noise_is_known(&c.n));
    assert_in_range(noise_chance(&c.n), 12, 28);
    for (int many = 0; many < 2; many++)
        for (int i = 0; i < 50000; i++) {
            start(&c, NOISE_TRIED, 1);
            if (random_below(&r, 100) >= (many != 0 ? 12u : 2u))
                continue;
            refused[many]++;
            forgiven[many] += refuse(&c, NOISE_TRIED) == NOISE_FORGIVEN ? 1 : 0;
        }
    assert_true(forgiven[0] * 100 >= refused[0] * 99);
    assert_true(forgiven[1] * 2 < refused[1]);
}

/* What led to a cut was no chance. */
static void refusals_that_led_to_a_cut_are_no_evidence(void **state)
{
    struct client c = {0};
    (void)state;
    for (int round = 0; round < 10; round++) {
        start(&c, NOISE_LOW, 100);
        while (refuse(&c, NOISE_LOW) == NOISE_FORGIVEN)
            start(&c, NOISE_LOW, 1);
        noise_cut(&c.n);
    }
    start(&c, NOISE_LOW, 1000);
    assert_int_equal(c.n.low_refused, 0);
}

static void evidence_grows_old(void **state)
{
    struct client c = {0};
    (void)state;
    noise_learn(&c.n, 200, 20);
    assert_int_equal(noise_chance(&c.n), 20500 / 264);
    start(&c, NOISE_LOW, 5 * 2048);
    assert_true(noise_chance(&c.n) < 2);
}

static void what_a_trial_has_shown_is_known(void **state)
{
    struct client c = {0};
    (void)state;
    assert_false(noise_is_known(&c.n));
    noise_learn(&c.n, 127, 5);
    assert_false(noise_is_known(&c.n));
    noise_learn(&c.n, 1, 0);
    assert_true(noise_is_known(&c.n));
}

/* Serials that never were, or were long ago, are nobody's. */
static void a_share_is_of_the_starts_that_are_remembered(void **state)
{
    struct client c = {0};
    (void)state;
    start(&c, NOISE_OPEN, 10000);
    for (int64_t serial = 9001; serial <= 9100; serial += 4)
        noise_refused(&c.n, serial, NOISE_OPEN);
    assert_int_equal(noise_share(&c.n, 9001, 9100), 250);
    assert_int_equal(noise_share(&c.n, 9002, 9004), 0);
    assert_int_equal(noise_share(&c.n, 9002, 9001), 0);
    assert_int_equal(noise_refused(&c.n, 10000 - NOISE_STARTS, NOISE_OPEN), NOISE_FORGIVEN);
    assert_int_equal(noise_refused(&c.n, 10001, NOISE_OPEN), NOISE_FORGIVEN);
    assert_int_equal(noise_refused(&c.n, INT64_MIN, NOISE_OPEN), NOISE_FORGIVEN);
    start(&c, NOISE_OPEN, NOISE_STARTS);
    assert_int_equal(noise_share(&c.n, c.serial - NOISE_STARTS + 1, c.serial), 0);
}

static void after_an_episode_as_much_is_forgiven_as_ever(void **state)
{
    struct client c = {0};
    (void)state;
    start(&c, NOISE_TRIED, 1000);
    noise_cut(&c.n);
    assert_int_equal(refuse(&c, NOISE_TRIED), NOISE_SCATTERED);
    noise_recovered(&c.n);
    start(&c, NOISE_TRIED, 20);
    assert_int_equal(refuse(&c, NOISE_TRIED), NOISE_FORGIVEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(while_open_only_what_is_dense_counts),
        cmocka_unit_test(refusals_in_any_order_are_as_dense),
        cmocka_unit_test(a_limit_that_is_full_shows_by_three_of_eight),
        cmocka_unit_test(more_than_was_seen_is_scattered),
        cmocka_unit_test(what_was_seen_at_a_low_rate_is_forgiven),
        cmocka_unit_test(refusals_that_led_to_a_cut_are_no_evidence),
        cmocka_unit_test(evidence_grows_old),
        cmocka_unit_test(what_a_trial_has_shown_is_known),
        cmocka_unit_test(a_share_is_of_the_starts_that_are_remembered),
        cmocka_unit_test(after_an_episode_as_much_is_forgiven_as_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

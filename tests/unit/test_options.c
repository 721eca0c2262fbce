/* Options of a run: the defaults of the contract, and every bound from both sides. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schedule/run.h"

/* Takes them into a run of their own; 0 or the code, with the message in *err. */
static int take(const lh_run_options *o, lh_error *err)
{
    struct lh_run *r = calloc(1, sizeof *r);
    assert_non_null(r);
    int rc = run_take_options(r, o, err);
    free(r);
    return rc;
}

static lh_run_options defaults(void)
{
    lh_run_options o;
    memset(&o, 0x5a, sizeof o);
    lh_run_options_default(&o);
    return o;
}

static void defaults_are_those_of_the_contract(void **state)
{
    lh_run_options o = defaults();
    (void)state;
    assert_int_equal(o.endpoint.concurrency, 50);
    assert_int_equal(o.endpoint.timeout_ms, 120000);
    assert_int_equal(o.endpoint.rpm, 0);
    assert_int_equal(o.endpoint.tpm, 0);
    assert_int_equal(o.endpoint.window_count, 0);
    assert_null(o.endpoint.base_url);
    assert_null(o.endpoint.dialect);
    assert_string_equal(o.endpoint.adaptive, "auto");
    assert_string_equal(o.endpoint.adaptive_mode, "multiplicative");
    assert_int_equal(o.endpoint.adaptive_step, 6);
    assert_int_equal(o.endpoint.adaptive_min, 0);
    assert_int_equal(o.endpoint.adaptive_max, 0);
    assert_int_equal(o.endpoint.adaptive_initial, 60);
    assert_false(o.endpoint.adaptive_concurrency);
    assert_int_equal(o.max_attempts, 5);
    assert_int_equal(o.max_throttles, 50);
    assert_int_equal(o.backoff_initial_ms, 1000);
    assert_int_equal(o.backoff_max_ms, 60000);
    assert_true(o.backoff_base == 2);
    assert_string_equal(o.jitter, "full");
    assert_int_equal(o.max_retry_after_ms, 900000);
    assert_int_equal(o.grace_ms, 60000);
    assert_string_equal(o.durability, "full");
    assert_true(o.guard);
    assert_false(o.fail_fast);
    assert_false(o.follow);
    assert_null(o.batch);
    assert_int_equal(take(&o, NULL), 0);
}

static const struct bound {
    const char *name;
    size_t at;
    int64_t least, most;
} bounds[] = {
    {"concurrency", offsetof(lh_run_options, endpoint.concurrency), 1, 100000},
    {"rpm", offsetof(lh_run_options, endpoint.rpm), 0, INT64_C(1000000000)},
    {"adaptive-step", offsetof(lh_run_options, endpoint.adaptive_step), 1, INT64_C(1000000000)},
    {"adaptive-min", offsetof(lh_run_options, endpoint.adaptive_min), 0, INT64_C(1000000000)},
    {"adaptive-max", offsetof(lh_run_options, endpoint.adaptive_max), 0, INT64_C(1000000000)},
    {"adaptive-initial", offsetof(lh_run_options, endpoint.adaptive_initial), 1, INT64_C(1000000000)},
    {"tpm", offsetof(lh_run_options, endpoint.tpm), 0, INT64_C(1000000000000)},
    {"batch-deadline (ms)", offsetof(lh_run_options, batch_deadline_ms), 0, INT64_C(31536000000)},
    {"job-deadline (ms)", offsetof(lh_run_options, job_deadline_ms), 0, INT64_C(31536000000)},
    {"window count", offsetof(lh_run_options, endpoint.window_count), 0, 10000000},
    {"window (ms)", offsetof(lh_run_options, endpoint.window_ms), 0, 86400000},
    {"timeout (ms)", offsetof(lh_run_options, endpoint.timeout_ms), 1, 86400000},
    {"connect timeout", offsetof(lh_run_options, endpoint.connect_timeout_ms), 1, 86400000},
    {"stall timeout", offsetof(lh_run_options, endpoint.stall_timeout_ms), 0, 86400000},
    {"max-attempts", offsetof(lh_run_options, max_attempts), 1, 1000},
    {"max-throttles", offsetof(lh_run_options, max_throttles), 0, 1000000},
    {"backoff-initial", offsetof(lh_run_options, backoff_initial_ms), 1, 60000},
    {"backoff-max", offsetof(lh_run_options, backoff_max_ms), 1000, 86400000},
    {"retry-budget", offsetof(lh_run_options, retry_budget), 0, 1000},
    {"ageing", offsetof(lh_run_options, ageing_ms), 0, 86400000},
    {"max-retry-after", offsetof(lh_run_options, max_retry_after_ms), 0, 86400000},
    {"grace", offsetof(lh_run_options, grace_ms), 0, 86400000},
};

static int take_with(const struct bound *b, int64_t value, lh_error *err)
{
    lh_run_options o = defaults();
    memcpy((char *)&o + b->at, &value, sizeof value);
    if (b->at == offsetof(lh_run_options, endpoint.window_count))
        o.endpoint.window_ms = 1000;
    return take(&o, err);
}

static void every_number_has_its_bounds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        const struct bound *b = &bounds[i];
        const int64_t beyond[] = {b->least - 1, b->most + 1, INT64_MIN, INT64_MAX};
        if (take_with(b, b->least, NULL) != 0 || take_with(b, b->most, NULL) != 0)
            fail_msg("a bound of %s is refused", b->name);
        for (size_t k = 0; k < sizeof beyond / sizeof *beyond; k++) {
            lh_error err = {0};
            if (take_with(b, beyond[k], &err) != LH_EUSAGE)
                fail_msg("%s may be %lld", b->name, (long long)beyond[k]);
        }
    }
}

/* backoff-initial beyond backoff-max is told as the latter. */
static void a_refusal_names_the_option(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        lh_error err = {0};
        assert_int_equal(take_with(&bounds[i], INT64_MIN, &err), LH_EUSAGE);
        assert_non_null(strstr(err.message, bounds[i].name));
    }
}

static void names_of_the_adaptive_rate_are_known_or_refused(void **state)
{
    static const char *const good[] = {"auto", "on", "off", NULL}, *const bad[] = {"", "ON", "yes"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        lh_run_options o = defaults();
        o.endpoint.adaptive = good[i];
        assert_int_equal(take(&o, NULL), 0);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        lh_run_options o = defaults();
        o.endpoint.adaptive = bad[i];
        assert_int_equal(take(&o, NULL), LH_EUSAGE);
        o = defaults();
        o.endpoint.adaptive_mode = bad[i];
        assert_int_equal(take(&o, NULL), LH_EUSAGE);
    }
    lh_run_options o = defaults();
    o.endpoint.adaptive_mode = "additive";
    assert_int_equal(take(&o, NULL), 0);
    o.endpoint.adaptive_min = 11;
    o.endpoint.adaptive_max = 10;
    assert_int_equal(take(&o, NULL), LH_EUSAGE);
}

static void a_window_needs_both_its_numbers(void **state)
{
    lh_run_options o = defaults();
    (void)state;
    o.endpoint.window_count = 10;
    assert_int_equal(take(&o, NULL), LH_EUSAGE);
    o.endpoint.window_ms = 1;
    assert_int_equal(take(&o, NULL), 0);
}

static void a_response_has_a_size(void **state)
{
    static const size_t bad[] = {0, ((size_t)1 << 30) + 1, SIZE_MAX};
    lh_run_options o = defaults();
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        o.endpoint.max_response = bad[i];
        assert_int_equal(take(&o, NULL), LH_EUSAGE);
    }
    o.endpoint.max_response = (size_t)1 << 30;
    assert_int_equal(take(&o, NULL), 0);
}

static void a_base_of_backoff_is_a_number_from_1_to_100(void **state)
{
    static const double bad[] = {0, 0.999, -2, 100.1, (double)NAN, HUGE_VAL, -HUGE_VAL};
    static const double good[] = {1, 1.5, 100};
    lh_run_options o = defaults();
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        o.backoff_base = bad[i];
        assert_int_equal(take(&o, NULL), LH_EUSAGE);
    }
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        o.backoff_base = good[i];
        assert_int_equal(take(&o, NULL), 0);
    }
}

static void names_are_known_or_refused(void **state)
{
    static const char *const jitters[] = {"full", "equal", "decorrelated", "none"};
    lh_run_options o = defaults();
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        o.jitter = jitters[i];
        assert_int_equal(take(&o, NULL), 0);
    }
    o.jitter = "Full";
    assert_int_equal(take(&o, NULL), LH_EUSAGE);
    o = defaults();
    o.durability = "normal";
    assert_int_equal(take(&o, NULL), 0);
    o.durability = "off";
    assert_int_equal(take(&o, NULL), LH_EUSAGE);
    o = defaults();
    o.endpoint.dialect = "gemini";
    assert_int_equal(take(&o, NULL), LH_EUSAGE);
    o = defaults();
    o.endpoint.base_url = "http://user:secret@h";
    lh_error err = {0};
    assert_int_equal(take(&o, &err), LH_EUSAGE);
    assert_null(strstr(err.message, "secret"));
    o.endpoint.base_url = "";
    assert_int_equal(take(&o, NULL), LH_EUSAGE);
}

static void what_is_taken_stands_in_the_run(void **state)
{
    struct lh_run *r = calloc(1, sizeof *r);
    lh_run_options o = defaults();
    char base[] = "http://h/v1", ca[] = "/ca.pem", jitter[] = "equal", durability[] = "normal";
    (void)state;
    assert_non_null(r);
    o.endpoint.base_url = base;
    o.endpoint.ca_file = ca;
    o.endpoint.dialect = "anthropic";
    o.jitter = jitter;
    o.durability = durability;
    o.max_attempts = 7;
    o.max_throttles = 8;
    o.max_retry_after_ms = 9;
    o.backoff_initial_ms = 10;
    o.backoff_max_ms = 11;
    o.backoff_base = 3;
    assert_int_equal(run_take_options(r, &o, NULL), 0);
    memset(base, 'x', sizeof base - 1); /* the caller's strings are its own again */
    memset(ca, 'x', sizeof ca - 1);
    memset(durability, 'x', sizeof durability - 1);
    assert_null(r->options.endpoint.base_url);
    assert_null(r->options.endpoint.ca_file);
    assert_null(r->options.endpoint.dialect);
    assert_null(r->options.endpoints);
    assert_string_equal(r->options.durability, "normal");
    assert_int_equal(r->policy.backoff.jitter, JITTER_EQUAL);
    assert_int_equal(r->policy.max_attempts, 7);
    assert_int_equal(r->policy.max_throttles, 8);
    assert_int_equal(r->policy.max_retry_after_ms, 9);
    assert_int_equal(r->policy.backoff.initial_ms, 10);
    assert_int_equal(r->policy.backoff.max_ms, 11);
    assert_true(r->policy.backoff.base == 3);
    free(r);
}

static uint64_t first_random(uint64_t seed)
{
    struct lh_run *r = calloc(1, sizeof *r);
    lh_run_options o = defaults();
    o.seed = seed;
    assert_non_null(r);
    assert_int_equal(run_take_options(r, &o, NULL), 0);
    uint64_t value = random_u64(&r->random);
    free(r);
    return value;
}

static void a_seed_replays_and_none_does_not(void **state)
{
    (void)state;
    assert_true(first_random(5) == first_random(5));
    assert_true(first_random(5) != first_random(6));
    assert_true(first_random(0) != first_random(0));
}

/* Without a price nothing is known of a cost: it is not 0. Which models a budget needs prices of is seen when the store is open. */
static void one_price_alone_is_refused_and_so_are_bounds_without_sense(void **state)
{
    static const struct {
        int64_t most, input, output, cached;
        const char *says; /* NULL: fine */
    } table[] = {{LH_UNKNOWN, LH_UNKNOWN, LH_UNKNOWN, LH_UNKNOWN, NULL},
                 {1, LH_UNKNOWN, LH_UNKNOWN, LH_UNKNOWN, NULL},
                 {1, 5, LH_UNKNOWN, LH_UNKNOWN, "--price-output"},
                 {1, LH_UNKNOWN, 5, LH_UNKNOWN, "--price-input"},
                 {LH_UNKNOWN, LH_UNKNOWN, LH_UNKNOWN, 5, "--price-input"},
                 {1, 0, 0, LH_UNKNOWN, NULL},
                 {LH_UNKNOWN, 5, 5, 5, NULL},
                 {0, 5, 5, 5, "max-cost must be more than 0"},
                 {-1, 5, 5, 5, "max-cost"},
                 {INT64_MAX, 5, 5, 5, "max-cost"},
                 {1, -1, 5, 5, "price"},
                 {1, INT64_C(1000000000001), 5, 5, "price"},
                 {INT64_C(1000000000000000000), INT64_C(1000000000000), 5, 5, NULL}};
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        lh_run_options o = defaults();
        lh_error err = {0};
        o.max_cost_nanousd = table[i].most;
        o.endpoint.price_input_nanousd = table[i].input;
        o.endpoint.price_output_nanousd = table[i].output;
        o.endpoint.price_cached_nanousd = table[i].cached;
        assert_int_equal(take(&o, &err), table[i].says == NULL ? 0 : LH_EUSAGE);
        if (table[i].says != NULL)
            assert_non_null(strstr(err.message, table[i].says));
    }
}

/* What goes into the provider's cache costs as other input, unless that is told too. */
static void a_price_of_cache_writes_is_taken_or_that_of_input(void **state)
{
    (void)state;
    lh_run_options o = defaults();
    lh_error err = {0};
    struct price p;
    o.endpoint.price_cache_write_nanousd = 5;
    assert_int_equal(take(&o, &err), LH_EUSAGE);
    assert_non_null(strstr(err.message, "--price-input and --price-output"));
    o.endpoint.price_input_nanousd = 4;
    o.endpoint.price_output_nanousd = 9;
    assert_int_equal(take(&o, &err), 0);
    assert_int_equal(spending_read_price(&o.endpoint, &p, &err), 0);
    assert_true(p.known && !p.is_list);
    assert_int_equal(p.cache_write, 5);
    assert_int_equal(p.cached, 4);
    o.endpoint.price_cache_write_nanousd = LH_UNKNOWN;
    assert_int_equal(spending_read_price(&o.endpoint, &p, &err), 0);
    assert_int_equal(p.cache_write, 4);
    o.endpoint.price_cache_write_nanousd = -1;
    assert_int_equal(take(&o, &err), LH_EUSAGE);
}

static void own_models_are_checked_with_the_options(void **state)
{
    (void)state;
    lh_run_options o = defaults();
    lh_error err = {0};
    lh_model mine[2];
    lh_model_default(&mine[0], "a");
    lh_model_default(&mine[1], "a");
    o.models = mine;
    o.n_models = 1;
    assert_int_equal(take(&o, &err), 0);
    o.n_models = 2;
    assert_int_equal(take(&o, &err), LH_EUSAGE);
    assert_non_null(strstr(err.message, "\"a\" is there twice"));
}

static void a_bound_on_tokens_is_more_than_none(void **state)
{
    (void)state;
    static const int64_t bad[] = {0, -1, INT64_C(1000000000000001), INT64_MAX},
                         good[] = {LH_UNKNOWN, 1, INT64_C(1000000000000000)};
    lh_run_options o = defaults();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        o.max_tokens_total = bad[i];
        assert_int_equal(take(&o, NULL), LH_EUSAGE);
    }
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        o.max_tokens_total = good[i];
        assert_int_equal(take(&o, NULL), 0);
    }
}

static void a_wrong_alert_is_told_with_the_options(void **state)
{
    lh_run_options o = defaults();
    lh_error err = {0};
    (void)state;
    o.alert_errors = "5%:shout";
    assert_int_equal(lh_run_options_check(&o, &err), LH_EUSAGE);
    assert_non_null(strstr(err.message, "5%:shout"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_price_alone_is_refused_and_so_are_bounds_without_sense),
        cmocka_unit_test(a_price_of_cache_writes_is_taken_or_that_of_input),
        cmocka_unit_test(own_models_are_checked_with_the_options),
        cmocka_unit_test(a_bound_on_tokens_is_more_than_none),
        cmocka_unit_test(a_wrong_alert_is_told_with_the_options),
        cmocka_unit_test(defaults_are_those_of_the_contract),
        cmocka_unit_test(every_number_has_its_bounds),
        cmocka_unit_test(a_refusal_names_the_option),
        cmocka_unit_test(names_of_the_adaptive_rate_are_known_or_refused),
        cmocka_unit_test(a_window_needs_both_its_numbers),
        cmocka_unit_test(a_response_has_a_size),
        cmocka_unit_test(a_base_of_backoff_is_a_number_from_1_to_100),
        cmocka_unit_test(names_are_known_or_refused),
        cmocka_unit_test(what_is_taken_stands_in_the_run),
        cmocka_unit_test(a_seed_replays_and_none_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

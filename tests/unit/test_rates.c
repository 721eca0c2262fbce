/* Told limits, in simulated time: no rolling minute above them, 98 % of them used, and no refusal by a provider that
 * keeps the same token bucket behind a network of varying delay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/random.h"
#include "limit/bucket.h"
#include "limit/gate.h"

/* A request of so many tokens; alive until the end of the calling block. */
#define of(tokens) (&(struct gate_request){.prompt_tokens = (tokens)})

enum { MINUTE = 60000, HOUR = 60 * MINUTE };

struct start {
    int64_t at_ms, tokens;
};

struct starts {
    struct start *all;
    size_t count, capacity;
};

static void remember(struct starts *s, int64_t at_ms, int64_t tokens)
{
    if (s->count == s->capacity) {
        s->capacity = s->capacity * 2 + 1024;
        s->all = realloc(s->all, s->capacity * sizeof *s->all);
        assert_non_null(s->all);
    }
    s->all[s->count++] = (struct start){at_ms, tokens};
}

static struct gate *open_gate(int64_t rpm, int64_t tpm)
{
    struct gate_options o;
    struct gate *g = NULL;
    gate_options_default(&o);
    o.concurrency = INT64_MAX;
    o.rpm = rpm;
    o.tpm = tpm;
    assert_int_equal(gate_new(&o, 0, &g, NULL), 0);
    return g;
}

/* Starts whatever may start for `length_ms`; each start may be late by up to `late_ms`, as timers are, and now and then
 * there is nothing to send for a while. */
static struct starts run(struct gate *g, int64_t length_ms, int64_t late_ms, int64_t most_tokens, bool idles,
                         struct random *r)
{
    struct starts s = {0};
    int64_t now = 0;
    while (now < length_ms) {
        int64_t tokens = most_tokens > 1 ? 1 + (int64_t)random_below(r, (uint64_t)most_tokens) : 1;
        int64_t at = gate_ready_at(g, now, of(tokens));
        if (at > now) {
            now = at + (int64_t)random_below(r, (uint64_t)late_ms + 1);
            continue;
        }
        gate_take(g, now, of(tokens));
        struct gate_outcome o = {.used_tokens = -1, .retry_after_ms = -1};
        gate_settle(g, now, &o);
        remember(&s, now, tokens);
        if (idles && random_below(r, 200) == 0)
            now += (int64_t)random_below(r, 3 * MINUTE);
    }
    return s;
}

/* The most that starts in any [t, t + minute), in requests or tokens. */
static int64_t busiest_minute(const struct starts *s, bool tokens)
{
    int64_t inside = 0, most = 0;
    for (size_t first = 0, next = 0; next < s->count; next++) {
        inside += tokens ? s->all[next].tokens : 1;
        while (s->all[next].at_ms - s->all[first].at_ms >= MINUTE)
            inside -= tokens ? s->all[first++].tokens : (first++, 1);
        most = inside > most ? inside : most;
    }
    return most;
}

static const int64_t rpms[] = {1, 2, 3, 7, 10, 50, 60, 61, 119, 120, 121, 180, 239, 240, 500, 3000, 100000};
enum { RPMS = sizeof rpms / sizeof *rpms };

static void no_rolling_minute_has_more_starts_than_rpm(void **state)
{
    struct random r;
    (void)state;
    random_seed(&r, 1);
    for (size_t i = 0; i < RPMS; i++)
        for (int idles = 0; idles < 2; idles++) {
            struct gate *g = open_gate(rpms[i], 0);
            int64_t length = rpms[i] > 10000 ? 5 * MINUTE : 3 * HOUR;
            struct starts s = run(g, length, idles * 3, 1, idles != 0, &r);
            assert_true(busiest_minute(&s, false) <= rpms[i]);
            free(s.all);
            gate_free(g);
        }
}

static void ninety_eight_percent_of_rpm_is_used_though_timers_are_late(void **state)
{
    struct random r;
    (void)state;
    random_seed(&r, 2);
    for (size_t i = 0; i < RPMS; i++) {
        struct gate *g = open_gate(rpms[i], 0);
        int64_t minutes = rpms[i] > 10000 ? 5 : rpms[i] < 50 ? 3000 : 200;
        struct starts s = run(g, minutes * MINUTE, 2, 1, false, &r);
        assert_true((int64_t)s.count * 100 >= rpms[i] * minutes * 98);
        free(s.all);
        gate_free(g);
    }
}

static void tokens_keep_a_rolling_minute_but_for_one_large_request(void **state)
{
    static const int64_t most[] = {1, 50, 400, 5000};
    struct random r;
    (void)state;
    random_seed(&r, 3);
    for (size_t i = 0; i < 4; i++) {
        const int64_t tpm = 60000;
        struct gate *g = open_gate(0, tpm);
        struct starts s = run(g, 30 * MINUTE, 2, most[i], i == 2, &r);
        int64_t excess = most[i] > tpm / 120 ? most[i] - tpm / 120 : 0, all = 0;
        assert_true(busiest_minute(&s, true) <= tpm + excess);
        for (size_t k = 0; k < s.count; k++)
            all += s.all[k].tokens;
        if (i != 2)
            assert_true(all * 100 >= tpm * 30 * 98);
        free(s.all);
        gate_free(g);
    }
}

static int by_time(const void *a, const void *b)
{
    const struct start *x = a, *y = b;
    return (x->at_ms > y->at_ms) - (x->at_ms < y->at_ms);
}

/* The provider's bucket holds a second's allowance, one request at least. The first requests open connections: slow. */
static void a_provider_with_the_same_bucket_never_refuses(void **state)
{
    static const int64_t told[] = {60, 120, 240, 600, 6000, 60000};
    struct random r;
    (void)state;
    random_seed(&r, 4);
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        struct gate *g = open_gate(told[i], 0);
        struct starts s = run(g, 20 * MINUTE, 2, 1, i % 2 == 1, &r);
        struct bucket provider;
        int64_t slow_ms = told[i] > 120 ? 200 : 5;
        for (size_t k = 0; k < s.count; k++)
            s.all[k].at_ms += s.all[k].at_ms < 200 ? slow_ms : (int64_t)random_below(&r, 5);
        qsort(s.all, s.count, sizeof *s.all, by_time);
        bucket_init(&provider, told[i], told[i] / 60, 0);
        for (size_t k = 0; k < s.count; k++) {
            assert_int_equal(bucket_ready_at(&provider, s.all[k].at_ms, 1), s.all[k].at_ms);
            bucket_take(&provider, s.all[k].at_ms, 1);
        }
        free(s.all);
        gate_free(g);
    }
}

/* Reservations are four times what is used; the provider settles as the gate does. */
static void settled_usage_fills_the_allowance(void **state)
{
    enum { IN_FLIGHT = 64, LATENCY = 700 };
    const int64_t tpm = 600000, reserved = 1000, used = 250;
    struct gate *g = open_gate(0, tpm);
    int64_t ends[IN_FLIGHT] = {0}, now = 0, sum = 0;
    size_t first = 0, count = 0;
    struct gate_ticket ticket = {0};
    (void)state;
    while (now < 30 * MINUTE) {
        int64_t at = gate_ready_at(g, now, of(reserved));
        bool full = count == IN_FLIGHT;
        if (at == now && !full) {
            ticket = gate_take(g, now, of(reserved));
            ends[(first + count++) % IN_FLIGHT] = now + LATENCY;
            continue;
        }
        bool ends_first = count > 0 && (full || ends[first] <= at);
        now = ends_first ? ends[first] : at;
        if (!ends_first)
            continue;
        struct gate_outcome o = {.ticket = ticket, .used_tokens = used, .retry_after_ms = -1};
        gate_settle(g, now, &o);
        sum += used;
        first = (first + 1) % IN_FLIGHT;
        count--;
    }
    assert_true(sum * 100 >= tpm * 30 * 98);
    assert_true(sum <= tpm * 30);
    gate_free(g);
}

/* Answers use an eighth of their bound, and the provider charges the bound for good: after the first refusals there are no more, and what it
 * grants is used. q: what is told of it beforehand. */
static void charge_the_bound_for_good(const struct gate_request *q)
{
    enum { IN_FLIGHT = 64, LATENCY = 500, LENGTH = 9 * MINUTE };
    const int64_t tpm = 600000, reserved = 400, used = 50;
    struct told_limits named = {.met = 1u << TOLD_TOKENS, .any = true};
    struct gate *g = open_gate(0, tpm);
    struct bucket provider;
    struct {
        int64_t at_ms;
        bool granted;
        struct gate_ticket ticket;
    } out[IN_FLIGHT];
    int64_t now = 0, refused = 0, late = 0, charged = 0;
    size_t first = 0, count = 0;
    bucket_init(&provider, tpm, tpm / 60, 0);
    while (now < LENGTH) {
        int64_t at = gate_ready_at(g, now, q);
        bool full = count == IN_FLIGHT;
        if (at == now && !full) {
            size_t i = (first + count++) % IN_FLIGHT;
            out[i].ticket = gate_take(g, now, q);
            out[i].at_ms = now + LATENCY;
            out[i].granted = bucket_ready_at(&provider, now, reserved) == now;
            if (out[i].granted)
                bucket_take(&provider, now, reserved);
            charged += out[i].granted ? reserved : 0;
            refused += out[i].granted ? 0 : 1;
            late += !out[i].granted && now > MINUTE ? 1 : 0;
            continue;
        }
        bool ends_first = count > 0 && (full || out[first].at_ms <= at);
        now = ends_first ? out[first].at_ms : at;
        if (!ends_first)
            continue;
        struct gate_outcome o = {.ticket = out[first].ticket,
                                 .used_tokens = out[first].granted ? used : 0,
                                 .used_input = -1,
                                 .used_output = -1,
                                 .answered = true,
                                 .throttled = !out[first].granted,
                                 .told = out[first].granted ? NULL : &named,
                                 .retry_after_ms = -1};
        gate_settle(g, now, &o);
        first = (first + 1) % IN_FLIGHT;
        count--;
    }
    assert_true(refused > 0 && refused <= 2 * IN_FLIGHT);
    assert_int_equal(late, 0);
    assert_true(charged * 100 >= tpm * 9 * 97);
    gate_free(g);
}

static void a_provider_that_keeps_the_bound_refuses_a_few_and_then_none(void **state)
{
    (void)state;
    charge_the_bound_for_good(&(struct gate_request){.output_tokens = 400});
}

static void what_is_expected_is_reserved_until_a_provider_keeps_the_bound(void **state)
{
    (void)state;
    charge_the_bound_for_good(&(struct gate_request){.output_tokens = 60, .bound_tokens = 400});
    charge_the_bound_for_good(&(struct gate_request){.output_tokens = 50, .bound_tokens = 400});
    charge_the_bound_for_good(&(struct gate_request){.output_tokens = 40, .bound_tokens = 400});
}

/* Answers as long as expected, bounds eighty times as long, a provider that gives the rest back: all of the allowance is used at once. */
static void expected_answers_fill_the_allowance_at_once(void **state)
{
    enum { LATENCY = 2000, LENGTH = 60000, MOST = 4096 };
    const struct gate_request q = {.prompt_tokens = 10, .output_tokens = 50, .bound_tokens = 4000};
    const int64_t tpm = 600000, each = 60;
    static struct gate_ticket out[MOST];
    static int64_t ends[MOST];
    struct gate *g = open_gate(0, tpm);
    size_t first = 0, count = 0;
    int64_t started = 0;
    (void)state;
    for (int64_t now = 0; now < LENGTH; now++) {
        while (count > 0 && ends[first % MOST] <= now) {
            struct gate_outcome o = {
                .ticket = out[first++ % MOST], .used_tokens = each, .retry_after_ms = -1};
            gate_settle(g, now, &o);
            count--;
        }
        for (; gate_ready_at(g, now, &q) == now && count < MOST; started++) {
            size_t i = (first + count++) % MOST;
            out[i] = gate_take(g, now, &q);
            ends[i] = now + LATENCY;
        }
    }
    assert_true(started * each * 100 >= tpm * 98 && started * each <= tpm);
    gate_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_rolling_minute_has_more_starts_than_rpm),
        cmocka_unit_test(ninety_eight_percent_of_rpm_is_used_though_timers_are_late),
        cmocka_unit_test(tokens_keep_a_rolling_minute_but_for_one_large_request),
        cmocka_unit_test(a_provider_with_the_same_bucket_never_refuses),
        cmocka_unit_test(settled_usage_fills_the_allowance),
        cmocka_unit_test(a_provider_that_keeps_the_bound_refuses_a_few_and_then_none),
        cmocka_unit_test(what_is_expected_is_reserved_until_a_provider_keeps_the_bound),
        cmocka_unit_test(expected_answers_fill_the_allowance_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

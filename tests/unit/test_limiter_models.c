/* Breaker, pause, concurrency and budget on random traffic, each against a reference that keeps all that ever happened and reckons anew from its
 * beginning, or from its last change, at each question. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "limit/breaker.h"
#include "limit/budget.h"
#include "limit/gate.h"

static int64_t below(struct random *r, int64_t n)
{
    return (int64_t)random_below(r, (uint64_t)n);
}

/* ---- breaker ---- */

struct breaker_reference {
    struct breaker_options o;
    enum breaker_state state;
    int64_t since, until, cool, in_flight, usual, opened;
    uint32_t epoch;
    bool probe_is_out;
    bool *faults; /* of all outcomes since the last change of state */
    int64_t outcomes;
};

static void change_state(struct breaker_reference *b, enum breaker_state state, int64_t now)
{
    b->state = state;
    b->since = now;
    b->epoch++;
    b->outcomes = 0;
    b->probe_is_out = false;
}

static void open_it(struct breaker_reference *b, int64_t now, bool again)
{
    b->cool = !again ? b->o.cool_ms : b->cool * 2 < b->o.cool_most_ms ? b->cool * 2 : b->o.cool_most_ms;
    change_state(b, BREAKER_OPEN, now);
    b->until = now + b->cool;
    b->opened++;
}

static void pass_time(struct breaker_reference *b, int64_t now)
{
    if (b->state == BREAKER_OPEN && now >= b->until)
        change_state(b, BREAKER_PROBING, now);
    if (b->state == BREAKER_RAMPING && now - b->since >= 3 * b->o.ramp_ms)
        change_state(b, BREAKER_CLOSED, now);
}

static int64_t reference_ready_at(struct breaker_reference *b, int64_t now)
{
    pass_time(b, now);
    if (b->state == BREAKER_OPEN)
        return b->until;
    if (b->state == BREAKER_PROBING)
        return b->probe_is_out ? INT64_MAX : now;
    if (b->state == BREAKER_CLOSED)
        return now;
    const int64_t parts[] = {8, 4, 2};
    int64_t step = (now - b->since) / b->o.ramp_ms, cap = b->usual / parts[step];
    return b->in_flight < (cap > 1 ? cap : 1) ? now : b->since + (step + 1) * b->o.ramp_ms;
}

static void reference_settle(struct breaker_reference *b, int64_t now, uint32_t epoch, enum breaker_outcome o)
{
    pass_time(b, now);
    b->in_flight--;
    if (epoch != b->epoch || b->state == BREAKER_OPEN)
        return;
    if (b->state == BREAKER_PROBING) {
        b->probe_is_out = false;
        if (o == BREAKER_GOOD)
            change_state(b, BREAKER_RAMPING, now);
        else if (o == BREAKER_FAULT)
            open_it(b, now, true);
        return;
    }
    if (o == BREAKER_NOTHING)
        return;
    b->faults[b->outcomes++] = o == BREAKER_FAULT;
    int64_t seen = b->outcomes < b->o.count ? b->outcomes : b->o.count, bad = 0;
    for (int64_t i = b->outcomes - seen; i < b->outcomes; i++)
        bad += b->faults[i] ? 1 : 0;
    if (o == BREAKER_FAULT && seen >= b->o.least && bad * 100 >= seen * b->o.percent)
        open_it(b, now, b->state == BREAKER_RAMPING);
}

static void breaker_is_its_reference(void **state)
{
    enum { STEPS = 60000, MOST = 64 };
    static struct breaker b;
    struct breaker_reference r = {.faults = calloc(STEPS, sizeof(bool))};
    struct random random;
    uint32_t out[MOST];
    int64_t n = 0, now = 0, phases[4] = {0};
    (void)state;
    random_seed(&random, 11);
    breaker_options_default(&r.o);
    breaker_options_fit(&r.o, 16);
    r.cool = r.o.cool_ms;
    breaker_init(&b, &r.o, 0);
    for (int i = 0; i < STEPS; i++) {
        int64_t bad = i / 500 % 3 == 1 ? 80 : 5; /* percent of faults: good times and bad */
        now += below(&random, 100) == 0 ? below(&random, 20000) : below(&random, 60);
        assert_int_equal(breaker_ready_at(&b, now), reference_ready_at(&r, now));
        assert_int_equal(b.state, r.state);
        assert_int_equal(b.opened, r.opened);
        phases[r.state]++;
        if (n < MOST && below(&random, 2) == 0 && reference_ready_at(&r, now) == now) {
            out[n++] = breaker_take(&b, now);
            r.in_flight++;
            r.probe_is_out = r.state == BREAKER_PROBING;
            if (r.state == BREAKER_CLOSED && r.in_flight > r.usual)
                r.usual = r.in_flight;
            assert_int_equal(out[n - 1], r.epoch);
        } else if (n > 0) {
            int64_t which = below(&random, n), dice = below(&random, 100);
            enum breaker_outcome o = dice < bad ? BREAKER_FAULT : dice == 99 ? BREAKER_NOTHING : BREAKER_GOOD;
            breaker_settle(&b, now, out[which], o);
            reference_settle(&r, now, out[which], o);
            out[which] = out[--n];
        }
    }
    for (int s = 0; s < 4; s++)
        assert_true(phases[s] > 100);
    free(r.faults);
}

/* ---- concurrency ---- */

struct event {
    int64_t serial; /* of the start that this is, or that ends */
    bool is_end, is_good, is_bad;
};

/* All from the beginning: how many are out, and how many may be. */
static void count_all(const struct event *log, int64_t n, int64_t most, int64_t *out, int64_t *allowed)
{
    int64_t good = 0, starts = 0, news_from = 0;
    *out = 0;
    *allowed = most < 8 ? most : 8;
    for (int64_t i = 0; i < n; i++) {
        bool full = *out >= *allowed;
        *out += log[i].is_end ? -1 : 1;
        if (!log[i].is_end) {
            starts = log[i].serial;
        } else if (log[i].is_bad && log[i].serial >= news_from) {
            *allowed = *allowed * 9 / 10 > 1 ? *allowed * 9 / 10 : 1;
            good = 0;
            news_from = starts + 1;
        } else if (log[i].is_good && full && ++good >= *allowed && *allowed < most) {
            ++*allowed;
            good = 0;
        }
    }
}

static struct gate_options only_concurrency(int64_t most)
{
    struct gate_options o;
    gate_options_default(&o);
    o.concurrency = most;
    o.breaker.percent = 0;
    o.ignore_told = true;
    o.rpm = 1000000000; /* so that none go ahead to hear of limits */
    return o;
}

static void adaptive_concurrency_is_its_reference(void **state)
{
    enum { STEPS = 3000, MOST = 40 };
    static struct event log[STEPS];
    struct gate_ticket tickets[MOST];
    struct random random;
    struct gate_options o = only_concurrency(MOST);
    struct gate_request q = {0};
    struct gate *g = NULL;
    int64_t n = 0, out = 0, allowed = 0, highest = 0, lowest = MOST;
    (void)state;
    random_seed(&random, 12);
    o.adaptive_concurrency = true;
    assert_int_equal(gate_new(&o, 0, &g, NULL), 0);
    for (int64_t now = 0; n < STEPS; now += 10) {
        struct gate_state s;
        count_all(log, n, MOST, &out, &allowed);
        gate_get_state(g, now, &s);
        assert_int_equal(s.concurrency, allowed);
        assert_int_equal(s.in_flight, out);
        assert_int_equal(gate_ready_at(g, now, &q), out < allowed ? now : INT64_MAX);
        highest = allowed > highest ? allowed : highest;
        lowest = n > STEPS / 2 && allowed < lowest ? allowed : lowest;
        if (out < allowed && below(&random, 5) > 0) {
            tickets[out] = gate_take(g, now, &q);
            log[n++] = (struct event){.serial = tickets[out].serial};
            continue;
        }
        if (out == 0)
            continue;
        int64_t which = below(&random, out), dice = below(&random, n < STEPS / 2 ? 200 : 10);
        struct gate_outcome end = {.ticket = tickets[which],
                                   .health = dice == 0   ? BREAKER_FAULT
                                             : dice == 1 ? BREAKER_NOTHING
                                                         : BREAKER_GOOD,
                                   .used_tokens = -1,
                                   .retry_after_ms = -1,
                                   .answered = true};
        gate_settle(g, now, &end);
        log[n++] = (struct event){tickets[which].serial, true, dice > 1, dice == 0};
        tickets[which] = tickets[out - 1];
    }
    assert_true(highest > 16);
    assert_true(lowest < 8);
    gate_free(g);
}

/* ---- pause ---- */

struct asked {
    int64_t at, wait;
};

/* The asks that held are walked through in order; starts since the last of them are counted one by one. */
static int64_t pause_ready_at(const struct asked *asks, int64_t n_asks, const int64_t *starts,
                              int64_t n_starts, int64_t concurrency, int64_t now)
{
    int64_t until = INT64_MIN, ramp = 0, started = 0;
    for (int64_t i = 0; i < n_asks; i++)
        if (asks[i].at + asks[i].wait > until) {
            until = asks[i].at + asks[i].wait;
            ramp = asks[i].wait / 10 < 1000 ? asks[i].wait / 10 : 1000;
        }
    if (until > now || until == INT64_MIN)
        return until > now ? until : now;
    if (now - until >= ramp)
        return now;
    for (int64_t i = 0; i < n_starts; i++)
        started += starts[i] >= until ? 1 : 0;
    started = started < concurrency ? started : concurrency;
    int64_t at = until + (started * ramp + concurrency - 1) / concurrency;
    return at > now ? at : now;
}

static void pause_is_its_reference(void **state)
{
    enum { STEPS = 4000, MOST = 20 };
    static struct asked asks[STEPS];
    static int64_t starts[STEPS];
    int64_t n_asks = 0, n_starts = 0, out = 0, held = 0;
    struct random random;
    struct gate_options o = only_concurrency(MOST);
    struct gate_request q = {0};
    struct gate_ticket tickets[MOST];
    struct gate *g = NULL;
    (void)state;
    random_seed(&random, 13);
    assert_int_equal(gate_new(&o, 0, &g, NULL), 0);
    for (int64_t i = 0, now = 0; i < STEPS; i++, now += 1 + below(&random, 40)) {
        int64_t expected = out < MOST ? pause_ready_at(asks, n_asks, starts, n_starts, MOST, now) : INT64_MAX;
        assert_int_equal(gate_ready_at(g, now, &q), expected);
        held += expected > now && expected < INT64_MAX ? 1 : 0;
        if (expected == now && below(&random, 3) > 0) {
            tickets[out++] = gate_take(g, now, &q);
            starts[n_starts++] = now;
        } else if (out > 0) {
            bool refused = below(&random, 60) == 0;
            struct gate_outcome end = {.ticket = tickets[--out],
                                       .health = BREAKER_GOOD,
                                       .used_tokens = -1,
                                       .answered = true,
                                       .throttled = refused,
                                       .retry_after_ms = refused ? 1 + below(&random, 3000) : -1};
            gate_settle(g, now, &end);
            if (refused)
                asks[n_asks++] = (struct asked){now, end.retry_after_ms};
        }
    }
    assert_true(n_asks > 10 && held > 100);
    gate_free(g);
}

/* ---- budget ---- */

static void budget_is_its_reference(void **state)
{
    enum { STEPS = 20000, MOST = 100, TOKENS = 1000000, NANOUSD = 2000000 };
    struct budget_sum out[MOST], used = {0, 0};
    struct random random;
    struct budget b = {.max_tokens = TOKENS, .max_nanousd = NANOUSD};
    int64_t n = 0, silent_tokens = 0, verdicts[3] = {0};
    (void)state;
    random_seed(&random, 14);
    for (int i = 0; i < STEPS; i++) {
        struct budget_sum worst = {.tokens = below(&random, 800), .nanousd = below(&random, 1600)};
        int64_t tokens = used.tokens + worst.tokens, nanousd = used.nanousd + worst.nanousd;
        for (int64_t k = 0; k < n; k++) {
            tokens += out[k].tokens;
            nanousd += out[k].nanousd;
        }
        enum budget_verdict expected = tokens <= TOKENS && nanousd <= NANOUSD ? BUDGET_GO
                                       : n > 0                                ? BUDGET_WAIT
                                                                              : BUDGET_NEVER;
        assert_int_equal(budget_allows(&b, &worst), expected);
        assert_int_equal(b.used.tokens, used.tokens);
        assert_int_equal(b.used.nanousd, used.nanousd);
        assert_int_equal(b.silent.tokens, silent_tokens);
        verdicts[expected]++;
        if (expected == BUDGET_GO && n < MOST && below(&random, 3) > 0) {
            out[n++] = budget_take(&b, &worst);
            assert_memory_equal(&out[n - 1], &worst, sizeof worst);
        } else if (n > 0) {
            int64_t which = below(&random, n);
            bool is_known = below(&random, 10) > 0;
            struct budget_sum u = {.tokens = below(&random, out[which].tokens + 1),
                                   .nanousd = below(&random, out[which].nanousd + 1)};
            budget_settle(&b, &out[which], is_known ? &u : NULL);
            used.tokens += is_known ? u.tokens : out[which].tokens;
            used.nanousd += is_known ? u.nanousd : out[which].nanousd;
            silent_tokens += is_known ? 0 : out[which].tokens;
            out[which] = out[--n];
        }
        assert_true(used.tokens <= TOKENS && used.nanousd <= NANOUSD);
    }
    for (int v = 0; v < 3; v++)
        assert_true(verdicts[v] > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(breaker_is_its_reference),
        cmocka_unit_test(adaptive_concurrency_is_its_reference),
        cmocka_unit_test(pause_is_its_reference),
        cmocka_unit_test(budget_is_its_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

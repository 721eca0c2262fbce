/* Fair queuing against a reference: the same rules, found by looking at everything; with transactions that fail in between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "store/fair.h"

enum { TENANTS = 6, LANES_EACH = 3, LANES = TENANTS * LANES_EACH, LEVELS = 2, MOST_OPEN = 400 };

static const int64_t unit = 1 << 20;

/* ---- a reference: the same rules, found by looking at everything ---- */

struct ref_flow {
    int64_t tag, lead, epoch, since;
    bool active;
};

struct ref {
    struct ref_flow flows[LEVELS][TENANTS];
    int64_t virtual_time[LEVELS];
    bool ready[LEVELS][LANES];
    int64_t weight[LANES];
    int64_t epoch;
};

static int64_t ref_weight(const struct ref *r, int level, int tenant)
{
    int64_t most = 1;
    for (int lane = tenant; lane < LANES; lane += TENANTS)
        if (r->ready[level][lane] && r->weight[lane] > most)
            most = r->weight[lane];
    return most;
}

static int ref_first_lane(const struct ref *r, int level, int tenant)
{
    for (int lane = tenant; lane < LANES; lane += TENANTS)
        if (r->ready[level][lane])
            return lane;
    return -1;
}

static int ref_least(const struct ref *r, int level, int but)
{
    int least = -1;
    for (int t = 0; t < TENANTS; t++)
        if (t != but && r->flows[level][t].active &&
            (least < 0 || r->flows[level][t].tag < r->flows[level][least].tag))
            least = t;
    return least;
}

static void ref_start(struct ref *r, int level, int tenant, int64_t now)
{
    struct ref_flow *flow = &r->flows[level][tenant];
    int least = ref_least(r, level, -1);
    int64_t v = r->virtual_time[level];
    if (least >= 0 && r->flows[level][least].tag < v)
        v = r->flows[level][least].tag;
    flow->lead = flow->tag - v;
    flow->tag = flow->tag > v ? flow->tag : v;
    flow->epoch = ++r->epoch;
    flow->since = now;
    flow->active = true;
}

static void ref_settle(struct ref *r, int64_t now)
{
    for (int level = 0; level < LEVELS; level++) {
        for (int t = 0; t < TENANTS; t++)
            if (ref_first_lane(r, level, t) < 0)
                r->flows[level][t].active = false;
        for (int t = 0; t < TENANTS; t++)
            if (ref_first_lane(r, level, t) >= 0 && !r->flows[level][t].active)
                ref_start(r, level, t, now);
    }
}

static void ref_take(struct ref *r, int level, int tenant, int64_t tokens, int64_t now)
{
    struct ref_flow *flow = &r->flows[level][tenant];
    int64_t start = flow->tag;
    flow->tag += tokens * unit / ref_weight(r, level, tenant);
    flow->since = now;
    int64_t least = r->flows[level][ref_least(r, level, -1)].tag;
    r->virtual_time[level] = start < least ? start : least;
}

static void ref_correct(struct ref *r, int level, int tenant, const struct fair_charge *c, int64_t epoch,
                        int64_t used)
{
    struct ref_flow *flow = &r->flows[level][tenant];
    int64_t change = used * unit / c->weight - c->tokens * unit / c->weight;
    if (epoch == flow->epoch) {
        flow->tag += change;
        return;
    }
    int64_t was = flow->lead > 0 ? flow->lead : 0;
    flow->lead += change;
    flow->tag += (flow->lead > 0 ? flow->lead : 0) - was;
}

/* ---- both side by side ---- */

struct both {
    struct fair f;
    struct fair_lane lanes[LEVELS][LANES];
    struct ref ref, saved;
    struct random random;
    int64_t now;
    struct {
        struct fair_charge charge;
        int64_t ref_epoch;
        int level, lane;
    } open[MOST_OPEN], saved_open[MOST_OPEN];
    size_t n_open, saved_n_open;
};

static int64_t below(struct both *b, int64_t n)
{
    return (int64_t)random_below(&b->random, (uint64_t)n);
}

static void tell_lanes(struct both *b)
{
    char name[16];
    for (int level = 0; level < LEVELS; level++)
        for (int i = 0; i < LANES; i++) {
            snprintf(name, sizeof name, "t%d", i % TENANTS);
            assert_true(
                fair_lane_add(&b->f, &b->lanes[level][i], 100 + level, name, i + 1, b->ref.weight[i]));
            assert_true(fair_lane_set(&b->f, &b->lanes[level][i], b->ref.ready[level][i]));
        }
}

static void start_both(struct both *b, uint64_t seed)
{
    *b = (struct both){0};
    random_seed(&b->random, seed);
    fair_init(&b->f, 0);
    for (int i = 0; i < LANES; i++)
        b->ref.weight[i] = 1 + below(b, 4);
    tell_lanes(b);
}

static void turn_a_lane(struct both *b)
{
    int level = (int)below(b, LEVELS), lane = (int)below(b, LANES);
    b->ref.ready[level][lane] = !b->ref.ready[level][lane];
    assert_true(fair_lane_set(&b->f, &b->lanes[level][lane], b->ref.ready[level][lane]));
}

/* The picked lane is the reference's; the run ends when the tag has passed the next by the quantum. */
static void take_a_run(struct both *b)
{
    struct fair_lane *lane = fair_pick(&b->f, b->now);
    ref_settle(&b->ref, b->now);
    int level = 0;
    while (level < LEVELS && ref_least(&b->ref, level, -1) < 0)
        level++;
    if (level == LEVELS) {
        assert_null(lane);
        return;
    }
    int tenant = ref_least(&b->ref, level, -1), next = ref_least(&b->ref, level, tenant);
    int number = ref_first_lane(&b->ref, level, tenant);
    assert_ptr_equal(lane, &b->lanes[level][number]);
    int64_t end =
        next < 0 ? INT64_MAX
                 : b->ref.flows[level][next].tag + FAIR_QUANTUM * unit / ref_weight(&b->ref, level, tenant);
    bool goes_on = true;
    for (int n = 0; goes_on && n < 10; n++) {
        int64_t tokens = below(b, 3000);
        size_t at = b->n_open < MOST_OPEN ? b->n_open++ : (size_t)below(b, MOST_OPEN);
        goes_on = fair_take(&b->f, lane, tokens, &b->open[at].charge);
        b->open[at].level = level;
        b->open[at].lane = number;
        b->open[at].ref_epoch = b->ref.flows[level][tenant].epoch;
        ref_take(&b->ref, level, tenant, tokens, b->now);
        assert_int_equal(goes_on, b->ref.flows[level][tenant].tag <= end);
    }
}

static void correct_one(struct both *b)
{
    if (b->n_open == 0)
        return;
    size_t at = (size_t)below(b, (int64_t)b->n_open);
    const struct fair_charge charge = b->open[at].charge;
    int level = b->open[at].level, lane = b->open[at].lane;
    int64_t epoch = b->open[at].ref_epoch;
    int64_t used = below(b, 3) == 0 ? 0 : below(b, charge.tokens * 2 + 1);
    b->open[at] = b->open[--b->n_open];
    fair_correct(&b->f, &b->lanes[level][lane], &charge, used);
    ref_correct(&b->ref, level, lane % TENANTS, &charge, epoch, used);
}

/* The commit failed: tags are as they were, and all lanes are told anew as they are now. */
static void commit_fails(struct both *b)
{
    bool ready[LEVELS][LANES];
    memcpy(ready, b->ref.ready, sizeof ready);
    b->ref = b->saved;
    memcpy(b->ref.ready, ready, sizeof ready);
    b->n_open = b->saved_n_open;
    memcpy(b->open, b->saved_open, sizeof b->open);
    fair_rollback(&b->f);
    fair_begin(&b->f);
    fair_drop_lanes(&b->f);
    tell_lanes(b);
    fair_purge(&b->f);
}

static void picks_are_those_of_the_reference(void **state)
{
    (void)state;
    static struct both b;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        start_both(&b, seed);
        for (int step = 0; step < 1500; step++) {
            b.now += below(&b, 10);
            fair_begin(&b.f);
            b.saved = b.ref;
            b.saved_n_open = b.n_open;
            memcpy(b.saved_open, b.open, sizeof b.open);
            if (below(&b, 2) == 0)
                correct_one(&b);
            for (int64_t turns = below(&b, 6); turns > 0; turns--)
                turn_a_lane(&b);
            take_a_run(&b);
            if (below(&b, 5) == 0)
                commit_fails(&b);
        }
        fair_free(&b.f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(picks_are_those_of_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

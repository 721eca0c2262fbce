/* Which lane gives the next job: see fair.h. */
#include "store/fair.h"

#include <stdlib.h>
#include <string.h>

enum { JOB_MOST = 1 << 24 }; /* tokens of one job: more is a lie, and would make tags overflow */

static const int64_t unit = INT64_C(1) << 20; /* of a tag, a token by weight 1; weights go to a million */
static const int64_t rebase_at = INT64_C(1) << 61;

struct tags {
    int64_t tag;
    int64_t
        lead; /* tag − virtual time at the last start: what a correction of earlier charges may still take away */
    int64_t epoch;    /* of the last start */
    int64_t since_ms; /* waits for its next job since then */
    bool active;      /* in the heaps of its level */
};

struct fair_flow {
    struct heap_node by_tag, by_age;
    struct fair_level *level;
    struct heap by_id, by_weight; /* lanes with ready jobs */
    size_t n_lanes;               /* all lanes told */
    int64_t number;               /* order of ties */
    struct tags now, before;
    int64_t saved_in; /* the transaction that `before` is from */
    struct fair_flow *next_dirty, *next_touched;
    bool is_dirty;
    char tenant[]; /* name */
};

struct fair_level {
    int64_t priority;
    int64_t virtual_time, virtual_before;
    struct heap by_tag, by_age;
    struct fair_flow **flows; /* by name */
    size_t count, capacity;
    int64_t numbered;
};

static bool tag_before(struct heap_node *a, struct heap_node *b)
{
    const struct fair_flow *x = HEAP_OWNER(a, struct fair_flow, by_tag);
    const struct fair_flow *y = HEAP_OWNER(b, struct fair_flow, by_tag);
    return x->now.tag != y->now.tag ? x->now.tag < y->now.tag : x->number < y->number;
}

static bool age_before(struct heap_node *a, struct heap_node *b)
{
    const struct fair_flow *x = HEAP_OWNER(a, struct fair_flow, by_age);
    const struct fair_flow *y = HEAP_OWNER(b, struct fair_flow, by_age);
    return x->now.since_ms != y->now.since_ms ? x->now.since_ms < y->now.since_ms : x->number < y->number;
}

static bool id_before(struct heap_node *a, struct heap_node *b)
{
    return HEAP_OWNER(a, struct fair_lane, by_id)->id < HEAP_OWNER(b, struct fair_lane, by_id)->id;
}

static bool weight_before(struct heap_node *a, struct heap_node *b)
{
    return HEAP_OWNER(a, struct fair_lane, by_weight)->weight >
           HEAP_OWNER(b, struct fair_lane, by_weight)->weight;
}

static struct fair_flow *least(const struct fair_level *level)
{
    struct heap_node *node = heap_first(&level->by_tag);
    return node != NULL ? HEAP_OWNER(node, struct fair_flow, by_tag) : NULL;
}

static int64_t min_of(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t max_of(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t units(int64_t tokens, int64_t weight)
{
    return tokens * unit / weight;
}

/* ---- making and finding ---- */

void fair_init(struct fair *f, int64_t ageing_ms)
{
    *f = (struct fair){.ageing_ms = ageing_ms};
}

static void flow_free(struct fair_flow *flow)
{
    heap_free(&flow->by_id);
    heap_free(&flow->by_weight);
    free(flow);
}

void fair_free(struct fair *f)
{
    for (size_t i = 0; i < f->n_levels; i++) {
        struct fair_level *level = f->levels[i];
        for (size_t j = 0; j < level->count; j++)
            flow_free(level->flows[j]);
        heap_free(&level->by_tag);
        heap_free(&level->by_age);
        free(level->flows);
        free(level);
    }
    free(f->levels);
    *f = (struct fair){0};
}

/* Makes room for a pointer at `at` in a sorted array. */
static bool make_room(void ***array, size_t *count, size_t *capacity, size_t at)
{
    if (*count == *capacity) {
        size_t more = *capacity == 0 ? 4 : *capacity * 2;
        void **bigger = realloc(*array, more * sizeof *bigger);
        if (bigger == NULL)
            return false;
        *array = bigger;
        *capacity = more;
    }
    memmove(*array + at + 1, *array + at, (*count - at) * sizeof **array);
    ++*count;
    return true;
}

static struct fair_level *level_of(struct fair *f, int64_t priority)
{
    size_t at = 0, end = f->n_levels;
    while (at < end) {
        size_t middle = at + (end - at) / 2;
        if (f->levels[middle]->priority < priority)
            at = middle + 1;
        else
            end = middle;
    }
    if (at < f->n_levels && f->levels[at]->priority == priority)
        return f->levels[at];
    struct fair_level *level = calloc(1, sizeof *level);
    if (level == NULL || !make_room((void ***)&f->levels, &f->n_levels, &f->levels_capacity, at)) {
        free(level);
        return NULL;
    }
    level->priority = priority;
    level->by_tag.before = tag_before;
    level->by_age.before = age_before;
    f->levels[at] = level;
    return level;
}

static struct fair_flow *flow_new(struct fair_level *level, const char *tenant)
{
    size_t len = strlen(tenant);
    struct fair_flow *flow = calloc(1, sizeof *flow + len + 1);
    if (flow == NULL)
        return NULL;
    memcpy(flow->tenant, tenant, len + 1);
    flow->level = level;
    flow->number = level->numbered++;
    flow->by_id.before = id_before;
    flow->by_weight.before = weight_before;
    return flow;
}

static struct fair_flow *flow_of(struct fair_level *level, const char *tenant)
{
    size_t at = 0, end = level->count;
    while (at < end) {
        size_t middle = at + (end - at) / 2;
        if (strcmp(level->flows[middle]->tenant, tenant) < 0)
            at = middle + 1;
        else
            end = middle;
    }
    if (at < level->count && strcmp(level->flows[at]->tenant, tenant) == 0)
        return level->flows[at];
    struct fair_flow *flow = flow_new(level, tenant);
    if (flow == NULL || !make_room((void ***)&level->flows, &level->count, &level->capacity, at)) {
        free(flow);
        return NULL;
    }
    level->flows[at] = flow;
    return flow;
}

/* ---- lanes ---- */

static void mark_dirty(struct fair *f, struct fair_flow *flow)
{
    if (flow->is_dirty)
        return;
    flow->is_dirty = true;
    flow->next_dirty = f->dirty;
    f->dirty = flow;
}

bool fair_lane_add(struct fair *f, struct fair_lane *lane, int64_t level, const char *tenant, int64_t id,
                   int64_t weight)
{
    struct fair_level *l = level_of(f, level);
    *lane = (struct fair_lane){.id = id, .weight = max_of(weight, 1)};
    lane->flow = l != NULL ? flow_of(l, tenant) : NULL;
    if (lane->flow == NULL)
        return false;
    lane->flow->n_lanes++;
    return true;
}

bool fair_lane_set(struct fair *f, struct fair_lane *lane, bool has_ready)
{
    struct fair_flow *flow = lane->flow;
    if (has_ready == (lane->by_id.place != 0))
        return true;
    mark_dirty(f, flow);
    if (has_ready && heap_push(&flow->by_id, &lane->by_id) && heap_push(&flow->by_weight, &lane->by_weight))
        return true;
    heap_remove(&flow->by_id, &lane->by_id);
    heap_remove(&flow->by_weight, &lane->by_weight);
    return !has_ready;
}

void fair_lane_remove(struct fair *f, struct fair_lane *lane)
{
    if (lane->flow == NULL)
        return;
    fair_lane_set(f, lane, false);
    lane->flow->n_lanes--;
    lane->flow = NULL;
}

void fair_drop_lanes(struct fair *f)
{
    for (size_t i = 0; i < f->n_levels; i++)
        for (size_t j = 0; j < f->levels[i]->count; j++) {
            struct fair_flow *flow = f->levels[i]->flows[j];
            heap_forget(&flow->by_id);
            heap_forget(&flow->by_weight);
            flow->n_lanes = 0;
            mark_dirty(f, flow);
        }
}

/* ---- one transaction ---- */

static void save(struct fair *f, struct fair_flow *flow)
{
    if (flow->saved_in == f->transaction)
        return;
    flow->before = flow->now;
    flow->saved_in = f->transaction;
    flow->next_touched = f->touched;
    f->touched = flow;
}

/* Tags are of meaning only beside each other: before they overflow, all of a level go back together. */
static void rebase(struct fair_level *level)
{
    if (level->virtual_time < rebase_at)
        return;
    for (size_t i = 0; i < level->count; i++)
        level->flows[i]->now.tag -= level->virtual_time;
    level->virtual_time = 0;
}

void fair_begin(struct fair *f)
{
    f->transaction++;
    f->touched = NULL;
    for (size_t i = 0; i < f->n_levels; i++) {
        rebase(f->levels[i]);
        f->levels[i]->virtual_before = f->levels[i]->virtual_time;
    }
}

/* All leave before any comes back: so no heap has to grow, and none is ordered by a tag that is about to change. */
void fair_rollback(struct fair *f)
{
    for (size_t i = 0; i < f->n_levels; i++)
        f->levels[i]->virtual_time = f->levels[i]->virtual_before;
    for (struct fair_flow *flow = f->touched; flow != NULL; flow = flow->next_touched) {
        heap_remove(&flow->level->by_tag, &flow->by_tag);
        heap_remove(&flow->level->by_age, &flow->by_age);
    }
    for (struct fair_flow *flow = f->touched; flow != NULL; flow = flow->next_touched) {
        flow->now = flow->before;
        if (!flow->now.active)
            continue;
        heap_push(&flow->level->by_tag, &flow->by_tag);
        heap_push(&flow->level->by_age, &flow->by_age);
    }
    f->touched = NULL;
    f->transaction++;
}

/* ---- coming and going ---- */

static void activate(struct fair *f, struct fair_flow *flow, int64_t now_ms)
{
    struct fair_level *level = flow->level;
    const struct fair_flow *first = least(level);
    /* a correction may have brought others before the virtual time */
    int64_t start = first != NULL ? min_of(level->virtual_time, first->now.tag) : level->virtual_time;
    if (!heap_push(&level->by_tag, &flow->by_tag))
        return;
    if (!heap_push(&level->by_age, &flow->by_age)) {
        heap_remove(&level->by_tag, &flow->by_tag);
        return;
    }
    save(f, flow);
    flow->now = (struct tags){.tag = max_of(flow->now.tag, start),
                              .lead = flow->now.tag - start,
                              .epoch = ++f->epoch,
                              .since_ms = now_ms,
                              .active = true};
    heap_fix(&level->by_tag, &flow->by_tag);
    heap_fix(&level->by_age, &flow->by_age);
}

static void deactivate(struct fair *f, struct fair_flow *flow)
{
    save(f, flow);
    heap_remove(&flow->level->by_tag, &flow->by_tag);
    heap_remove(&flow->level->by_age, &flow->by_age);
    flow->now.active = false;
}

/* Who leaves does so before anybody comes, who would start beside them. */
static void settle_dirty(struct fair *f, int64_t now_ms)
{
    for (struct fair_flow *flow = f->dirty; flow != NULL; flow = flow->next_dirty)
        if (flow->now.active && flow->by_id.count == 0)
            deactivate(f, flow);
    while (f->dirty != NULL) {
        struct fair_flow *flow = f->dirty;
        f->dirty = flow->next_dirty;
        flow->is_dirty = false;
        if (!flow->now.active && flow->by_id.count > 0)
            activate(f, flow, now_ms);
    }
}

void fair_purge(struct fair *f)
{
    for (size_t i = 0; i < f->n_levels; i++) {
        struct fair_level *level = f->levels[i];
        size_t kept = 0;
        for (size_t j = 0; j < level->count; j++) {
            struct fair_flow *flow = level->flows[j];
            if (flow->n_lanes > 0 || flow->is_dirty || flow->now.active ||
                flow->now.tag > level->virtual_time || flow->saved_in == f->transaction)
                level->flows[kept++] = flow;
            else
                flow_free(flow);
        }
        level->count = kept;
    }
}

size_t fair_tenants(const struct fair *f)
{
    size_t count = 0;
    for (size_t i = 0; i < f->n_levels; i++)
        count += f->levels[i]->count;
    return count;
}

/* ---- picking ---- */

static const struct fair_flow *oldest(const struct fair_level *level)
{
    struct heap_node *node = heap_first(&level->by_age);
    return node != NULL ? HEAP_OWNER(node, struct fair_flow, by_age) : NULL;
}

static struct fair_lane *first_lane(const struct fair_flow *flow)
{
    return HEAP_OWNER(heap_first(&flow->by_id), struct fair_lane, by_id);
}

static int64_t weight_of(const struct fair_flow *flow)
{
    return HEAP_OWNER(heap_first(&flow->by_weight), struct fair_lane, by_weight)->weight;
}

static const struct fair_flow *aged(const struct fair *f, size_t above)
{
    const struct fair_flow *found = NULL;
    for (size_t i = above + 1; i < f->n_levels; i++) {
        const struct fair_flow *flow = oldest(f->levels[i]);
        if (flow != NULL && f->now_ms - flow->now.since_ms >= f->ageing_ms &&
            (found == NULL || flow->now.since_ms < found->now.since_ms))
            found = flow;
    }
    return found;
}

static int64_t end_of_run(const struct fair_flow *flow)
{
    struct heap_node *second = heap_second(&flow->level->by_tag);
    if (second == NULL)
        return INT64_MAX;
    return HEAP_OWNER(second, struct fair_flow, by_tag)->now.tag + units(FAIR_QUANTUM, weight_of(flow));
}

struct fair_lane *fair_pick(struct fair *f, int64_t now_ms)
{
    f->now_ms = now_ms;
    settle_dirty(f, now_ms);
    size_t top = 0;
    while (top < f->n_levels && f->levels[top]->by_tag.count == 0)
        top++;
    if (top == f->n_levels)
        return NULL;
    const struct fair_flow *flow = f->ageing_ms > 0 && !f->aged_last ? aged(f, top) : NULL;
    f->aged_last = flow != NULL;
    f->run_until = INT64_MIN;
    if (flow == NULL) {
        flow = least(f->levels[top]);
        f->run_until = end_of_run(flow);
    }
    return first_lane(flow);
}

static int64_t believed(int64_t tokens, int64_t most)
{
    return min_of(max_of(tokens, 0), most);
}

bool fair_take(struct fair *f, struct fair_lane *lane, int64_t tokens, struct fair_charge *out)
{
    struct fair_flow *flow = lane->flow;
    struct fair_level *level = flow->level;
    save(f, flow);
    int64_t start = flow->now.tag;
    *out = (struct fair_charge){
        .tokens = believed(tokens, JOB_MOST), .weight = weight_of(flow), .epoch = flow->now.epoch};
    flow->now.tag += units(out->tokens, out->weight);
    flow->now.since_ms = f->now_ms;
    heap_fix(&level->by_tag, &flow->by_tag);
    heap_fix(&level->by_age, &flow->by_age);
    level->virtual_time = min_of(start, least(level)->now.tag);
    return flow->now.tag <= f->run_until;
}

void fair_correct(struct fair *f, struct fair_lane *lane, const struct fair_charge *charge, int64_t used)
{
    struct fair_flow *flow = lane->flow;
    if (charge->weight <= 0)
        return;
    used = believed(used, charge->tokens * FAIR_CORRECTION_MOST);
    int64_t change = units(used, charge->weight) - units(charge->tokens, charge->weight);
    save(f, flow);
    if (charge->epoch == flow->now.epoch) {
        flow->now.tag += change;
    } else {
        int64_t before = max_of(flow->now.lead, 0);
        flow->now.lead += change;
        flow->now.tag += max_of(flow->now.lead, 0) - before;
    }
    if (flow->now.active)
        heap_fix(&flow->level->by_tag, &flow->by_tag);
}

/* What an input comes to: see sums.h. */
#include "estimate/sums.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sum.h"

void sums_init(struct sums *s, struct models *models, const struct endpoints *endpoints, int64_t batch_id,
               bool needs_price)
{
    *s = (struct sums){
        .models = models, .endpoints = endpoints, .batch_id = batch_id, .needs_price = needs_price};
    strbuf_init(&s->last_model);
    strbuf_init(&s->last_url);
}

static void free_cell(struct cell *c)
{
    free(c->money);
    free(c);
}

void sums_free(struct sums *s)
{
    for (struct cell *c = s->first, *next; c != NULL; c = next) {
        next = c->next;
        free_cell(c);
    }
    strbuf_free(&s->last_model);
    strbuf_free(&s->last_url);
    s->first = NULL;
}

/* ---- cells ---- */

static bool is_in(uint64_t set, size_t i)
{
    return (set & (UINT64_C(1) << i)) != 0;
}

/* As a run chooses: by dialect, model and origin; of the lowest tier, as none is known to be down. */
static uint64_t endpoints_of(const struct sums *s, const struct model *model, const char *url)
{
    const struct endpoints *e = s->endpoints;
    enum dialect dialect = e->dialect_is_forced ? e->forced : dialect_of_url(url);
    uint64_t can = 0, lowest = 0;
    int64_t tier = INT64_MAX;
    char origin[512];
    snprintf(origin, sizeof origin, "%.*s", (int)provider_origin(url), url);
    for (size_t i = 0; i < e->count; i++)
        if (endpoint_can_serve(&e->list[i], dialect, model->name, origin))
            can |= UINT64_C(1) << i;
    uint64_t priced = can & model_priced(model, e->count);
    if (s->needs_price && priced != 0)
        can = priced;
    for (size_t i = 0; i < e->count; i++)
        if (is_in(can, i) && e->list[i].options.tier < tier)
            tier = e->list[i].options.tier;
    for (size_t i = 0; i < e->count; i++)
        if (is_in(can, i) && e->list[i].options.tier == tier)
            lowest |= UINT64_C(1) << i;
    return lowest;
}

/* What fits anywhere fits. What one endpoint's model has no known limit of, is not limited. */
static int64_t larger(int64_t a, int64_t b)
{
    return a == LH_UNKNOWN || b == LH_UNKNOWN ? LH_UNKNOWN : a > b ? a : b;
}

static struct fit_limits limits_at(const struct sums *s, size_t endpoint, const char *name)
{
    const char *there = endpoint_model_there(&s->endpoints->list[endpoint], name);
    lh_model m;
    lh_model_default(&m, name);
    if (there == NULL || !lh_model_find(s->models->own, s->models->n_own, there, &m))
        lh_model_find(s->models->own, s->models->n_own, name, &m);
    return (struct fit_limits){m.context, m.max_output};
}

static struct fit_limits limits_of(const struct sums *s, const struct cell *c)
{
    struct fit_limits all = {LH_UNKNOWN, LH_UNKNOWN};
    bool first = true;
    for (size_t i = 0; i < s->endpoints->count; i++) {
        if (!is_in(c->can, i))
            continue;
        struct fit_limits one = limits_at(s, i, c->use->model->name);
        all.context = first ? one.context : larger(all.context, one.context);
        all.max_output = first ? one.max_output : larger(all.max_output, one.max_output);
        first = false;
    }
    return all;
}

static bool is_same_price(const struct price *a, const struct price *b)
{
    return a->known == b->known && a->input == b->input && a->output == b->output && a->cached == b->cached &&
           a->cache_write == b->cache_write && a->is_list == b->is_list &&
           a->batch_discount == b->batch_discount && a->long_prompt == b->long_prompt &&
           a->long_input_percent == b->long_input_percent && a->long_output_percent == b->long_output_percent;
}

static struct money *find_money(struct cell *c, const struct price *p)
{
    for (size_t i = 0; i < c->n_money; i++)
        if (is_same_price(&c->money[i].price, p))
            return &c->money[i];
    c->money[c->n_money].price = *p;
    return &c->money[c->n_money++];
}

static int collect_prices(const struct sums *s, struct cell *c)
{
    c->money = calloc(s->endpoints->count + 1, sizeof *c->money);
    if (c->money == NULL)
        return LH_ENOMEM;
    for (size_t i = 0; i < s->endpoints->count; i++)
        if (is_in(c->can, i))
            find_money(c, &c->use->model->prices[i])->at |= UINT64_C(1) << i;
    return 0;
}

static struct cell *new_cell(struct sums *s, const char *model, uint64_t can)
{
    struct cell *c = calloc(1, sizeof *c);
    if (c == NULL || (c->use = models_use(s->models, s->batch_id, model)) == NULL) {
        free(c);
        return NULL;
    }
    c->can = can;
    if (collect_prices(s, c) != 0) {
        free_cell(c);
        return NULL;
    }
    c->limits = limits_of(s, c);
    c->answers = measured_whose(&c->use->measured, &c->use->model->measured);
    c->mean = c->answers != NULL ? measured_mean(c->answers) : 0;
    c->calibration = measured_calibration(&c->use->model->measured);
    if (s->last_added != NULL)
        s->last_added->next = c;
    else
        s->first = c;
    s->last_added = c;
    s->n_cells++;
    return c;
}

static struct cell *find_cell(struct sums *s, const char *model_name, const char *url)
{
    const char *name = strlen(model_name) <= MODEL_NAME_MOST ? model_name : "";
    const struct model *model = models_find(s->models, name);
    if (model == NULL)
        return NULL;
    uint64_t can = endpoints_of(s, model, url);
    size_t bucket = ((size_t)(uintptr_t)model / sizeof *model + can) % SUMS_BUCKETS;
    struct cell *c = s->buckets[bucket];
    while (c != NULL && (c->use->model != model || c->can != can))
        c = c->next_in_bucket;
    if (c != NULL || (c = new_cell(s, model->name, can)) == NULL)
        return c;
    c->next_in_bucket = s->buckets[bucket];
    s->buckets[bucket] = c;
    return c;
}

/* The next line is most often of the same model and url. */
static struct cell *cell_of(struct sums *s, const char *model, const char *url)
{
    if (s->last_used != NULL && strcmp(model, s->last_model.data) == 0 && strcmp(url, s->last_url.data) == 0)
        return s->last_used;
    strbuf_reset(&s->last_model);
    strbuf_reset(&s->last_url);
    strbuf_append_str(&s->last_model, model);
    strbuf_append_str(&s->last_url, url);
    struct cell *c = find_cell(s, model, url);
    s->last_used = s->last_model.failed || s->last_url.failed ? NULL : c;
    return c;
}

/* ---- a line ---- */

static int64_t carry(struct carried *c, double tokens)
{
    double whole = floor(tokens + c->rest + 1e-9);
    c->rest = fmax(tokens + c->rest - whole, 0);
    c->sum = sum_capped(c->sum, (int64_t)whole);
    return (int64_t)whole;
}

static int64_t calibrated(const struct cell *c, int64_t counted)
{
    return measured_calibrated(&c->use->model->measured, counted);
}

/* LH_UNKNOWN: neither the request nor its model bounds it. */
static int64_t bound_of(const struct cell *c, const struct line_job *job)
{
    int64_t bound = LH_UNKNOWN;
    if (job->max_output_tokens != LH_UNKNOWN)
        return job->max_output_tokens;
    if (c->limits.max_output == LH_UNKNOWN ||
        __builtin_mul_overflow(c->limits.max_output, job->answers, &bound))
        return LH_UNKNOWN;
    return bound;
}

static int64_t cost(struct money *m, int64_t prompt, int64_t completion, enum service_tier tier)
{
    return price_of(&m->price,
                    &(struct token_usage){.prompt = prompt, .completion = completion, .tier = tier});
}

static void add_money(struct money *m, int64_t prompt, int64_t expected, int64_t bound,
                      enum service_tier tier)
{
    int64_t low = cost(m, prompt, 0, tier);
    if (low == LH_UNKNOWN) {
        m->unpriced++;
        return;
    }
    m->sum.low = sum_capped(m->sum.low, low);
    m->sum.expected = sum_capped(m->sum.expected, cost(m, prompt, expected, tier));
    m->sum.high = sum_capped(m->sum.high, price_most(&m->price, prompt, bound != LH_UNKNOWN ? bound : 0));
}

static void add_served(struct sums *s, struct cell *c, const struct line_job *job)
{
    int64_t bound = bound_of(c, job);
    double limit = bound != LH_UNKNOWN ? (double)bound : (double)INFINITY;
    int64_t prompt = carry(&c->prompt, (double)job->prompt_tokens * c->calibration);
    int64_t expected = carry(&c->expected, fmin(c->mean, limit));
    s->requests++;
    c->requests++;
    c->counted = sum_capped(c->counted, job->prompt_tokens);
    c->approximate = sum_capped(c->approximate, job->approximate_tokens);
    c->answered += bound != 0 ? 1 : 0;
    if (bound == LH_UNKNOWN)
        c->unbounded++;
    else
        c->bounded = sum_capped(c->bounded, bound);
    for (size_t i = 0; i < c->n_money; i++)
        add_money(&c->money[i], prompt, expected, bound, job->tier);
}

int sums_add(struct sums *s, const struct line_job *job, const char *model, const char *url, lh_unservable *u)
{
    struct cell *c = cell_of(s, model, url);
    if (c == NULL)
        return LH_ENOMEM;
    int64_t prompt = calibrated(c, job->prompt_tokens);
    c->basis = job->basis;
    *u = (lh_unservable){.reason = LH_NO_ENDPOINT, .limit = LH_UNKNOWN};
    bool too_large = fit_is_too_large(&c->limits, job, prompt, u);
    if (c->can == 0 || too_large) {
        u->reason = c->can == 0 ? LH_NO_ENDPOINT : u->reason;
        s->no_endpoint += c->can == 0 ? 1 : 0;
        s->unservable++;
        c->unservable++;
        return 1;
    }
    histogram_record(&s->prompts, (uint64_t)prompt);
    add_served(s, c, job);
    return 0;
}

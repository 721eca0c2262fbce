/* Sums as a report: see summary.h. */
#include "estimate/summary.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sum.h"
#include "estimate/forecast.h"

/* Where nobody knows how long answers take: what large models of 2025 do, from the fastest to the slowest. */
enum { ASSUMED_FIRST_MS = 1000 };
enum scenario { LOW, EXPECTED, HIGH, SCENARIOS };
static const double assumed_ms_per_token[SCENARIOS] = {10, 20, 50};

/* ---- ranges ---- */

static int64_t add_known(int64_t a, int64_t b)
{
    return a == LH_UNKNOWN || b == LH_UNKNOWN ? LH_UNKNOWN : sum_capped(a, b);
}

static void add_range(lh_range *to, const lh_range *r)
{
    to->low = add_known(to->low, r->low);
    to->expected = add_known(to->expected, r->expected);
    to->high = add_known(to->high, r->high);
}

static lh_range output_of(const struct cell *c)
{
    lh_range r = {.low = 0, .expected = LH_UNKNOWN, .high = LH_UNKNOWN};
    if (c->unbounded == 0)
        r.high = c->bounded;
    if (c->answers != NULL)
        r.expected = c->expected.sum + (c->expected.rest > 1e-6 ? 1 : 0);
    else if (c->answered == 0)
        r.expected = 0;
    return r;
}

/* ---- money ---- */

/* One endpoint whose price is not known may get all of it. */
static int64_t unpriced_of(const struct cell *c)
{
    int64_t most = c->n_money == 0 ? c->requests : 0;
    for (size_t i = 0; i < c->n_money; i++)
        most = c->money[i].unpriced > most ? c->money[i].unpriced : most;
    return most;
}

static double part_at(const struct sums *s, const double *share, uint64_t at)
{
    double sum = 0;
    for (size_t i = 0; i < s->endpoints->count; i++)
        sum += (at & (UINT64_C(1) << i)) != 0 ? share[i] : 0;
    return sum;
}

/* The cheapest endpoint at least, the dearest at most; as expected by their parts of the work. */
static lh_range cost_of(const struct sums *s, const struct cell *c, const double *share)
{
    bool pays_output = false;
    double expected = 0;
    lh_range out = output_of(c), r = {0, 0, 0};
    if (unpriced_of(c) >= c->requests)
        return r;
    for (size_t i = 0; i < c->n_money; i++) {
        const struct money *m = &c->money[i];
        r.low = i == 0 || m->sum.low < r.low ? m->sum.low : r.low;
        r.high = i == 0 || m->sum.high > r.high ? m->sum.high : r.high;
        expected += (double)m->sum.expected * part_at(s, share, m->at);
        pays_output = pays_output || m->price.output > 0;
    }
    r.expected = c->n_money == 1 ? c->money[0].sum.expected : (int64_t)ceil(expected - 1e-3);
    if (pays_output && out.expected == LH_UNKNOWN)
        r.expected = LH_UNKNOWN;
    if (pays_output && out.high == LH_UNKNOWN)
        r.high = LH_UNKNOWN;
    return r;
}

static int64_t discounted(int64_t cost, int64_t percent)
{
    if (cost == LH_UNKNOWN)
        return LH_UNKNOWN;
    return (int64_t)(((__int128)cost * (100 - percent) + 99) / 100);
}

/* The same through the provider's batch API; unknown where a price has no discount for it. */
static lh_range batch_cost_of(const struct cell *c, const lh_range *cost)
{
    int64_t percent = 100;
    for (size_t i = 0; i < c->n_money; i++)
        percent = c->money[i].price.batch_discount < percent ? c->money[i].price.batch_discount : percent;
    if (c->n_money == 0 || percent == 0 || unpriced_of(c) > 0)
        return (lh_range){LH_UNKNOWN, LH_UNKNOWN, LH_UNKNOWN};
    return (lh_range){discounted(cost->low, percent), discounted(cost->expected, percent),
                      discounted(cost->high, percent)};
}

/* ---- time ---- */

struct times {
    struct forecast_endpoint *endpoints; /* all owned */
    struct forecast_work *work;          /* cells of the same endpoints are one */
    size_t *work_of, n_work;             /* of each cell, in their order */
    double *share;                       /* of the last scenario that was reckoned */
};

static void times_free(struct times *t)
{
    free(t->endpoints);
    free(t->work);
    free(t->work_of);
    free(t->share);
}

static int times_make(struct times *t, const struct sums *s)
{
    size_t n = s->endpoints->count + 1, cells = s->n_cells + 1, i = 0;
    *t = (struct times){.endpoints = calloc(n, sizeof *t->endpoints),
                        .work = calloc(cells, sizeof *t->work),
                        .work_of = calloc(cells, sizeof *t->work_of)};
    if (t->endpoints == NULL || t->work == NULL || t->work_of == NULL)
        return LH_ENOMEM;
    for (i = 0; i < s->endpoints->count; i++)
        forecast_endpoint_of(&s->endpoints->list[i].options, &t->endpoints[i]);
    i = 0;
    for (const struct cell *c = s->first; c != NULL; c = c->next, i++) {
        size_t w = 0;
        while (w < t->n_work && t->work[w].can != c->can)
            w++;
        t->work_of[i] = w;
        t->work[w].can = c->can;
        t->n_work = w == t->n_work ? w + 1 : t->n_work;
    }
    t->share = calloc((t->n_work + 1) * n, sizeof *t->share);
    return t->share != NULL ? 0 : LH_ENOMEM;
}

static double tokens_in(const struct cell *c, enum scenario scenario)
{
    lh_range r = output_of(c);
    if (scenario == LOW)
        return (double)r.low;
    if (scenario == EXPECTED)
        return r.expected != LH_UNKNOWN ? (double)r.expected : (double)NAN;
    return r.high != LH_UNKNOWN ? (double)r.high : (double)INFINITY;
}

static lh_latency_basis latency_basis(const struct cell *c, int64_t given_ms)
{
    if (given_ms != LH_UNKNOWN)
        return LH_LATENCY_GIVEN;
    return c->answers != NULL && c->answers->latency_ms > 0 ? LH_LATENCY_MEASURED : LH_LATENCY_ASSUMED;
}

static double latency_of_all(const struct cell *c, enum scenario scenario, int64_t given_ms)
{
    switch (latency_basis(c, given_ms)) {
    case LH_LATENCY_GIVEN:
        return (double)c->requests * (double)given_ms;
    case LH_LATENCY_MEASURED:
        return (double)c->requests * c->answers->latency_ms / (double)c->answers->answers;
    case LH_LATENCY_ASSUMED:
        break;
    }
    return (double)c->requests * ASSUMED_FIRST_MS + tokens_in(c, scenario) * assumed_ms_per_token[scenario];
}

static void reckon(struct times *t, const struct sums *s, enum scenario scenario, int64_t given_ms,
                   struct forecast *out)
{
    size_t i = 0;
    for (size_t w = 0; w < t->n_work; w++)
        memset(t->work[w].use, 0, sizeof t->work[w].use);
    for (const struct cell *c = s->first; c != NULL; c = c->next, i++) {
        double *use = t->work[t->work_of[i]].use, tokens = tokens_in(c, scenario);
        if (c->requests == 0)
            continue;
        use[FORECAST_CONCURRENCY] += latency_of_all(c, scenario, given_ms);
        use[FORECAST_RPM] += (double)c->requests;
        use[FORECAST_TPM] += (double)c->prompt.sum + tokens;
        use[FORECAST_ITPM] += (double)c->prompt.sum;
        use[FORECAST_OTPM] += tokens;
        use[FORECAST_WINDOW] += (double)c->requests;
    }
    forecast(t->endpoints, s->endpoints->count, t->work, t->n_work, t->share, out);
}

static int64_t ms_of(const struct forecast *f)
{
    return isfinite(f->ms) && f->ms < 9e18 ? (int64_t)ceil(f->ms - 1e-6) : LH_UNKNOWN;
}

static int write_endpoints(const struct sums *s, const struct forecast *f, lh_estimate_report *out)
{
    out->endpoints = calloc(s->endpoints->count + 1, sizeof *out->endpoints);
    if (out->endpoints == NULL)
        return LH_ENOMEM;
    for (size_t i = 0; i < s->endpoints->count; i++) {
        const struct forecast_part *p = &f->at[i];
        lh_endpoint_estimate *e = &out->endpoints[out->n_endpoints];
        if (p->requests < 0.5)
            continue;
        snprintf(e->name, sizeof e->name, "%s", s->endpoints->list[i].name);
        e->requests = llround(p->requests);
        e->wall_ms = isfinite(p->ms) ? (int64_t)ceil(p->ms - 1e-6) : LH_UNKNOWN;
        e->limiter = forecast_limit_name(p->limit);
        out->n_endpoints++;
    }
    return 0;
}

/* The shares that stay are those of the expected time. */
static int write_times(struct times *t, const struct sums *s, int64_t given_ms, lh_estimate_report *out)
{
    struct forecast f[SCENARIOS];
    static const enum scenario order[] = {LOW, HIGH, EXPECTED};
    for (int i = 0; i < SCENARIOS; i++)
        reckon(t, s, order[i], given_ms, &f[order[i]]);
    out->wall_ms = (lh_range){ms_of(&f[LOW]), ms_of(&f[EXPECTED]), ms_of(&f[HIGH])};
    if (out->wall_ms.expected == LH_UNKNOWN && out->wall_ms.low == out->wall_ms.high)
        out->wall_ms.expected = out->wall_ms.low;
    enum scenario shown = ms_of(&f[EXPECTED]) != LH_UNKNOWN ? EXPECTED
                          : out->wall_ms.high != LH_UNKNOWN ? HIGH
                                                            : LOW;
    out->limiter = forecast_limit_name(f[shown].limit);
    return write_endpoints(s, &f[shown], out);
}

/* ---- rows ---- */

static lh_model_estimate *new_row(lh_estimate_report *out, const struct cell *c, int64_t given_ms)
{
    lh_model_estimate *row = &out->models[out->n_models];
    const struct measured *of_model = &c->use->model->measured;
    *row = (lh_model_estimate){.name = strdup(c->use->model->name),
                               .basis = (lh_count_basis)c->basis,
                               .latency_basis = latency_basis(c, given_ms),
                               .latency_ms = given_ms,
                               .context = c->limits.context,
                               .max_output = c->limits.max_output};
    if (row->name == NULL)
        return NULL;
    if (c->calibration != 1 && measured_is_calibrated(of_model))
        row->calibrated_by = of_model->prompts;
    if (c->answers != NULL) {
        row->answers = c->answers->answers;
        row->is_of_batch = c->answers == &c->use->measured;
    }
    if (row->latency_basis == LH_LATENCY_MEASURED)
        row->latency_ms = llround(c->answers->latency_ms / (double)c->answers->answers);
    out->n_models++;
    return row;
}

/* Cells of one model differ in their endpoints; there are few. */
static lh_model_estimate *row_of(lh_estimate_report *out, const struct cell *c, int64_t given_ms)
{
    for (size_t i = 0; i < out->n_models; i++)
        if (strcmp(out->models[i].name, c->use->model->name) == 0)
            return &out->models[i];
    return new_row(out, c, given_ms);
}

static void add_to_row(lh_model_estimate *row, const struct cell *c, const lh_range *output,
                       const lh_range *cost, const lh_range *batch_cost)
{
    row->requests += c->requests;
    row->unservable += c->unservable;
    row->prompt_tokens = add_known(row->prompt_tokens, c->prompt.sum);
    row->counted_tokens = add_known(row->counted_tokens, c->counted);
    row->approximate_tokens = add_known(row->approximate_tokens, c->approximate);
    row->unbounded += c->unbounded;
    row->unpriced += unpriced_of(c);
    add_range(&row->output_tokens, output);
    add_range(&row->cost_nanousd, cost);
    add_range(&row->batch_cost_nanousd, batch_cost);
}

static void add_to_total(lh_estimate_report *out, const lh_model_estimate *row)
{
    out->prompt_tokens = add_known(out->prompt_tokens, row->prompt_tokens);
    out->counted_tokens = add_known(out->counted_tokens, row->counted_tokens);
    out->approximate_tokens = add_known(out->approximate_tokens, row->approximate_tokens);
    out->unbounded += row->unbounded;
    out->unpriced += row->unpriced;
    if (row->requests > 0 && row->latency_basis > out->latency_basis)
        out->latency_basis = row->latency_basis;
    add_range(&out->output_tokens, &row->output_tokens);
    add_range(&out->cost_nanousd, &row->cost_nanousd);
    add_range(&out->batch_cost_nanousd, &row->batch_cost_nanousd);
}

static int compare_rows(const void *a, const void *b)
{
    const lh_model_estimate *x = a, *y = b;
    int64_t all_x = x->requests + x->unservable, all_y = y->requests + y->unservable;
    return all_x != all_y ? (all_x < all_y) - (all_x > all_y) : strcmp(x->name, y->name);
}

static int write_models(const struct sums *s, const struct times *t, int64_t given_ms,
                        lh_estimate_report *out)
{
    size_t i = 0;
    out->models = calloc(s->n_cells + 1, sizeof *out->models);
    int rc = out->models != NULL ? 0 : LH_ENOMEM;
    for (const struct cell *c = s->first; rc == 0 && c != NULL; c = c->next, i++) {
        lh_model_estimate *row = row_of(out, c, given_ms);
        lh_range output = output_of(c), nothing = {0, 0, 0};
        lh_range cost = cost_of(s, c, &t->share[t->work_of[i] * s->endpoints->count]);
        lh_range batch_cost = c->requests > 0 ? batch_cost_of(c, &cost) : nothing;
        if (row != NULL)
            add_to_row(row, c, &output, &cost, &batch_cost);
        rc = row != NULL ? 0 : LH_ENOMEM;
    }
    for (i = 0; i < out->n_models; i++)
        add_to_total(out, &out->models[i]);
    if (out->n_models > 0)
        qsort(out->models, out->n_models, sizeof *out->models, compare_rows);
    return rc;
}

int summary_write(const struct sums *s, int64_t latency_ms, lh_estimate_report *out)
{
    struct times t;
    int rc = times_make(&t, s);
    if (rc == 0)
        rc = write_times(&t, s, latency_ms, out);
    if (rc == 0)
        rc = write_models(s, &t, latency_ms, out);
    out->prompt_p50 = (int64_t)histogram_percentile(&s->prompts, 0.5);
    out->prompt_p99 = (int64_t)histogram_percentile(&s->prompts, 0.99);
    out->prompt_max = (int64_t)s->prompts.max;
    times_free(&t);
    return rc;
}

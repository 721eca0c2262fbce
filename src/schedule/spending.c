/* What a run may spend: see spending.h. */
#include "schedule/spending.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/sum.h"
#include "schedule/fares.h"
#include "store/spent.h"

/* ---- options ---- */

#define MOST_TOKENS INT64_C(1000000000000000)
#define MOST_NANOUSD INT64_C(1000000000000000000) /* 10^9 USD */

static int check_most(const char *name, int64_t value, int64_t most, lh_error *err)
{
    if (value == LH_UNKNOWN || (value > 0 && value <= most))
        return 0;
    return lh_error_set(err, LH_EUSAGE, "%s must be more than 0, and 10^%d at most", name,
                        most == MOST_TOKENS ? 15 : 9);
}

/* A price that is not given is never 0. */
int spending_read_price(const lh_endpoint_options *o, struct price *out, lh_error *err)
{
    const int64_t most = INT64_C(1000000000000); /* 1,000 USD per million tokens */
    const int64_t given[] = {o->price_input_nanousd, o->price_output_nanousd, o->price_cached_nanousd,
                             o->price_cache_write_nanousd};
    bool any = false;
    *out = (struct price){.known = false};
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        any = any || given[i] != LH_UNKNOWN;
        if (given[i] != LH_UNKNOWN && (given[i] < 0 || given[i] > most))
            return lh_error_set(err, LH_EUSAGE, "a price must be 0 to 1000 USD per million tokens");
    }
    if (!any)
        return 0;
    if (given[0] == LH_UNKNOWN || given[1] == LH_UNKNOWN)
        return lh_error_set(
            err, LH_EUSAGE,
            "%s%sthe cost of a request needs both prices: give --price-input and --price-output, in USD per "
            "million tokens",
            o->name != NULL ? o->name : "", o->name != NULL ? ": " : "");
    *out = (struct price){.known = true,
                          .input = given[0],
                          .output = given[1],
                          .cached = given[2] != LH_UNKNOWN ? given[2] : given[0],
                          .cache_write = given[3] != LH_UNKNOWN ? given[3] : given[0]};
    return 0;
}

static int check_prices(const lh_run_options *o, lh_error *err)
{
    struct price price;
    int rc = o->n_endpoints == 0 ? spending_read_price(&o->endpoint, &price, err) : 0;
    for (size_t i = 0; rc == 0 && i < o->n_endpoints; i++)
        rc = spending_read_price(&o->endpoints[i], &price, err);
    return rc;
}

int spending_take_options(struct spending *s, const lh_run_options *o, lh_error *err)
{
    *s = (struct spending){0};
    int rc = check_most("max-tokens-total", o->max_tokens_total, MOST_TOKENS, err);
    if (rc == 0)
        rc = check_most("max-cost", o->max_cost_nanousd, MOST_NANOUSD, err);
    if (rc == 0)
        rc = check_prices(o, err);
    s->budget.max_tokens = o->max_tokens_total != LH_UNKNOWN ? o->max_tokens_total : INT64_MAX;
    s->budget.max_nanousd = o->max_cost_nanousd != LH_UNKNOWN ? o->max_cost_nanousd : INT64_MAX;
    return rc;
}

/* ---- before the run ---- */

static bool has_money_limit(const struct spending *s)
{
    return s->budget.max_nanousd != INT64_MAX;
}

static int say_unpriced(const char *model, lh_error *err)
{
    return lh_error_set(
        err, LH_EUSAGE,
        "--max-cost needs prices, and that of the model \"%.100s\" is not known: give --price-input "
        "and --price-output, in USD per million tokens, or a file of prices with --prices",
        model);
}

struct looking {
    struct lh_run *run;
    lh_error *err;
};

static int check_route(void *arg, const struct open_route *route)
{
    struct looking *l = arg;
    struct lh_run *r = l->run;
    enum dialect dialect = DIALECT_OPENAI;
    uint64_t can = 0;
    const struct model *model = models_find(&r->models, route->model);
    if (model == NULL)
        return lh_error_nomem(l->err);
    if (r->endpoints.dialect_is_forced)
        dialect = r->endpoints.forced;
    else if (!dialect_from_name(route->dialect, &dialect))
        return 0;
    for (size_t i = 0; i < r->endpoints.count; i++)
        if (endpoint_can_serve(&r->endpoints.list[i], dialect, route->model, route->origin))
            can |= UINT64_C(1) << i;
    bool none = can != 0 && (can & model_priced(model, r->endpoints.count)) == 0;
    return none ? say_unpriced(route->model, l->err) : 0;
}

static int64_t endpoint_named(const struct endpoints *s, const char *name)
{
    for (size_t i = 0; name != NULL && i < s->count; i++)
        if (strcmp(s->list[i].name, name) == 0)
            return (int64_t)i;
    return s->count == 1 ? 0 : LH_UNKNOWN;
}

/* Of many requests together it is not known which were long: all are reckoned as if they had been, where that is dearer. */
static struct price of_many(struct price p)
{
    int64_t in = p.long_prompt > 0 && p.long_input_percent > 100 ? p.long_input_percent : 100;
    int64_t out = p.long_prompt > 0 && p.long_output_percent > 100 ? p.long_output_percent : 100;
    p.input = p.input * in / 100;
    p.cached = p.cached * in / 100;
    p.cache_write = p.cache_write * in / 100;
    p.output = p.output * out / 100;
    p.long_prompt = 0;
    return p;
}

/* A tier whose price is not known costs twice as much at most (OpenAI's and Anthropic's pages, 2025). */
static int64_t at_other_tier(const struct price *p, const struct token_usage *u)
{
    int64_t once = price_most(p, u->prompt, u->completion);
    return once < INT64_MAX / 2 ? 2 * once : INT64_MAX;
}

/* Attempts of earlier runs that have no cost: what they told at today's price, what they may have used at its worst. */
static int count_unpriced(void *arg, const struct spent_unpriced *u)
{
    struct looking *l = arg;
    struct lh_run *r = l->run;
    struct model *model = models_find(&r->models, u->model);
    if (model == NULL)
        return lh_error_nomem(l->err);
    model->other_tier = model->other_tier || (u->other_tier && u->told > 0);
    struct price price =
        of_many(model_price(model, r->endpoints.count, endpoint_named(&r->endpoints, u->endpoint)));
    const struct attempts_past past = {u->silent_prompt, u->silent_bounded, u->silent_unbounded,
                                       u->other_tier};
    const struct token_usage told = {.prompt = u->told_prompt,
                                     .cached = u->told_cached,
                                     .cache_write = u->told_cache_write,
                                     .completion = u->told_completion};
    struct budget_sum used = {0}, silent = {0};
    if (!price.known && has_money_limit(&r->spending))
        return say_unpriced(u->model, l->err);
    if (price.known)
        used.nanousd =
            u->other_tier && price.is_list ? at_other_tier(&price, &told) : price_of(&price, &told);
    model_worst(model, &price, &past, &silent);
    budget_begin(&r->spending.budget, &used, &silent);
    return 0;
}

int spending_open(struct lh_run *r, const char *db, lh_error *err)
{
    struct looking l = {r, err};
    struct spent spent;
    int rc = 0;
    if (has_money_limit(&r->spending))
        rc = spent_open_routes(db, r->batch_id, check_route, &l, err);
    if (rc != 0 || !budget_is_set(&r->spending.budget))
        return rc;
    rc = spent_read(db, r->batch_id, has_money_limit(&r->spending), &spent, count_unpriced, &l, err);
    const struct budget_sum committed = {spent.tokens, spent.nanousd}, nothing = {0};
    budget_begin(&r->spending.budget, &committed, &nothing);
    return rc;
}

/* ---- while it runs ---- */

uint64_t spending_leave_unpriced(struct lh_run *r, struct model *model, uint64_t can)
{
    if (!has_money_limit(&r->spending))
        return can;
    uint64_t priced = can & model_priced(model, r->endpoints.count);
    if (can != 0 && priced == 0 && !model->is_left) {
        model->is_left = true;
        r->spending.left = model;
        log_warn(
            "the price of the model \"%.100s\" is not known: under --max-cost its jobs are left as they are",
            model->name);
    }
    return priced;
}

bool spending_finish_unpriced(struct lh_run *r)
{
    lh_error why = {0};
    if (r->spending.left == NULL)
        return false;
    say_unpriced(r->spending.left->name, &why);
    run_finish(r, LH_RUN_BUDGET, "%s", why.message);
    return true;
}

void spending_read_terms(struct lh_run *r, struct claimed_job *job)
{
    struct request_terms terms;
    if (!budget_is_set(&r->spending.budget))
        return;
    provider_read_terms(job->url, job->body, job->body_len, r->parser, &terms);
    job->answers = terms.answers;
    job->other_tier = terms.other_tier;
}

static void say_spent(struct lh_run *r)
{
    const struct budget *b = &r->spending.budget;
    char tokens[160] = "", money[160] = "";
    if (b->max_tokens != INT64_MAX)
        snprintf(tokens, sizeof tokens, ": %lld of %lld tokens are used, and job %lld may need %lld",
                 (long long)b->used.tokens, (long long)b->max_tokens, (long long)r->spending.short_job,
                 (long long)r->spending.needs.tokens);
    if (b->max_nanousd != INT64_MAX)
        snprintf(money, sizeof money, "%s %.6f of %.6f USD are spent, and job %lld may need %.6f",
                 *tokens != '\0' ? ";" : ":", (double)b->used.nanousd / 1e9, (double)b->max_nanousd / 1e9,
                 (long long)r->spending.short_job, (double)r->spending.needs.nanousd / 1e9);
    bool is_silent = b->silent.tokens > 0 || b->silent.nanousd > 0;
    run_finish(r, LH_RUN_BUDGET, "the budget is reached%s%s%s; raise %s and give the same command again",
               tokens, money,
               is_silent
                   ? " (requests that ended without telling what they used count as the most they may have)"
                   : "",
               *tokens != '\0' && *money != '\0' ? "--max-tokens-total or --max-cost"
               : *money != '\0'                  ? "--max-cost"
                                                 : "--max-tokens-total");
}

void spending_begin(struct lh_run *r)
{
    r->spending.held = r->spending.is_spent = false;
}

static void warn_of_unbounded(struct spending *s, const struct claimed_job *job)
{
    if (job->max_output_tokens != LH_UNKNOWN || job->use->model->most_output != LH_UNKNOWN || s->warned)
        return;
    s->warned = true;
    log_warn(
        "some requests do not bound their answers (max_tokens), and how long those of \"%.100s\" may be is "
        "not known: the budget may be passed by those in flight",
        job->use->model->name);
}

static bool fits(const struct lh_run *r, size_t endpoint, const struct claimed_job *job,
                 struct budget_sum *worst)
{
    job_worst(job, endpoint, worst);
    return budget_allows(&r->spending.budget, worst) == BUDGET_GO;
}

bool spending_allow(struct lh_run *r, const struct endpoint *e, const struct claimed_job *next)
{
    struct budget_sum worst;
    if (!budget_is_set(&r->spending.budget))
        return true;
    warn_of_unbounded(&r->spending, next);
    return fits(r, (size_t)(e - r->endpoints.list), next, &worst);
}

/* A run that goes slowly for no reason that could be seen. */
static void warn_of_few(struct lh_run *r, const struct claimed_job *job, const struct budget_sum *worst)
{
    struct spending *s = &r->spending;
    bool few = r->in_flight > 0 && r->in_flight < endpoints_capacity(&r->endpoints) / 2;
    if (s->warned_few || !few || !has_money_limit(s) || job->max_output_tokens != LH_UNKNOWN)
        return;
    s->warned_few = true;
    log_warn(
        "the budget lets no more than %lld requests fly at once: an answer of \"%.100s\" that nothing bounds "
        "may cost %.6f USD. max_tokens in the requests, or --max-tokens, bounds it",
        (long long)r->in_flight, job->use->model->name, (double)worst->nanousd / 1e9);
}

/* One that was never reached is no hope: the run would wait for it for good. */
uint64_t spending_allow_elsewhere(struct lh_run *r, const struct claimed_job *next)
{
    struct spending *s = &r->spending;
    uint64_t can = next->can & ~r->endpoints.refused & ~endpoints_never_reached(&r->endpoints), allowed = 0;
    uint64_t asked = can != 0 ? can : next->can;
    struct budget_sum least = {INT64_MAX, INT64_MAX}, worst;
    for (size_t i = 0; i < r->endpoints.count; i++) {
        if ((asked >> i & 1) == 0)
            continue;
        if (fits(r, i, next, &worst))
            allowed |= can & UINT64_C(1) << i;
        if (worst.nanousd < least.nanousd)
            least = worst;
    }
    if (allowed == 0 && !s->is_spent) {
        s->short_job = next->id;
        s->needs = least;
    }
    if (allowed == 0)
        warn_of_few(r, next, &least);
    s->held = s->held || allowed == 0;
    s->is_spent = s->is_spent || (allowed == 0 && r->in_flight == 0);
    return allowed;
}

void spending_see_end(struct lh_run *r)
{
    if (r->spending.is_spent && r->in_flight == 0)
        say_spent(r);
}

struct budget_sum spending_take(struct lh_run *r, const struct endpoint *e, const struct claimed_job *job)
{
    struct budget_sum worst;
    job_worst(job, (size_t)(e - r->endpoints.list), &worst);
    return budget_take(&r->spending.budget, &worst);
}

static int64_t at_least_none(int64_t tokens)
{
    return tokens > 0 ? tokens : 0;
}

int64_t spending_settle(const struct flight *f, const struct outcome *o)
{
    struct budget *b = &f->run->spending.budget;
    const struct price *price = &f->job->use->model->prices[f->endpoint - f->run->endpoints.list];
    const struct usage *u = &o->answer.usage;
    const struct token_usage used = {.prompt = u->prompt_tokens,
                                     .cached = u->cached_tokens,
                                     .cache_write = u->cache_write_tokens,
                                     .completion = u->completion_tokens,
                                     .tier = u->tier};
    bool told = used.prompt >= 0 || used.completion >= 0;
    bool whole = used.prompt >= 0 && (used.completion >= 0 || f->job->max_output_tokens == 0);
    int64_t cost = told ? price_of(price, &used) : LH_UNKNOWN;
    struct budget_sum sum = {0};
    if (told && (used.tier == TIER_PRIORITY || used.tier == TIER_UNKNOWN))
        f->job->use->model->other_tier = true;
    if (told) {
        sum.tokens = sum_capped(at_least_none(used.prompt), at_least_none(used.completion));
        sum.nanousd = cost != LH_UNKNOWN ? cost : price->known ? at_other_tier(price, &used) : 0;
    }
    if (told && !whole) { /* what it left out may be as much as was held for it */
        sum.tokens = sum.tokens > f->held.tokens ? sum.tokens : f->held.tokens;
        sum.nanousd = sum.nanousd > f->held.nanousd ? sum.nanousd : f->held.nanousd;
    }
    budget_settle(b, &f->held, outcome_is_silent(o) ? NULL : &sum);
    return whole ? cost : LH_UNKNOWN;
}

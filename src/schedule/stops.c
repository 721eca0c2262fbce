/* What ends a run early: see stops.h. */
#include "schedule/stops.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "schedule/request.h"
#include "schedule/run.h"
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
int stops_read_price(const lh_endpoint_options *o, bool needed, struct price *out, lh_error *err)
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
    if (!any && !needed)
        return 0;
    if (given[0] == LH_UNKNOWN || given[1] == LH_UNKNOWN)
        return lh_error_set(
            err, LH_EUSAGE,
            "%s%s%s needs prices: give --price-input and --price-output, in USD per million tokens",
            o->name != NULL ? o->name : "", o->name != NULL ? ": " : "",
            needed ? "--max-cost" : "the cost of a request");
    *out = (struct price){.known = true,
                          .input = given[0],
                          .output = given[1],
                          .cached = given[2] != LH_UNKNOWN ? given[2] : given[0],
                          .cache_write = given[3] != LH_UNKNOWN ? given[3] : given[0]};
    return 0;
}

/* The dearest of all endpoints: where a request will go is not known when it is reckoned. */
static int read_prices(const lh_run_options *o, struct price *out, lh_error *err)
{
    bool needed = o->max_cost_nanousd != LH_UNKNOWN;
    if (o->n_endpoints == 0)
        return stops_read_price(&o->endpoint, needed, out, err);
    *out = (struct price){.known = false};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < o->n_endpoints; i++) {
        struct price one;
        rc = stops_read_price(&o->endpoints[i], needed, &one, err);
        if (rc == 0)
            *out = price_worst(out, &one);
    }
    return rc;
}

int stops_take_options(struct stops *s, const lh_run_options *o, lh_error *err)
{
    *s = (struct stops){.error_batch = LH_UNKNOWN};
    int rc = check_most("max-tokens-total", o->max_tokens_total, MOST_TOKENS, err);
    if (rc == 0)
        rc = check_most("max-cost", o->max_cost_nanousd, MOST_NANOUSD, err);
    if (rc == 0)
        rc = read_prices(o, &s->budget.price, err);
    s->budget.max_tokens = o->max_tokens_total != LH_UNKNOWN ? o->max_tokens_total : INT64_MAX;
    s->budget.max_nanousd = o->max_cost_nanousd != LH_UNKNOWN ? o->max_cost_nanousd : INT64_MAX;
    return rc == 0 ? alert_parse(o->alert_errors, &s->alert, err) : rc;
}

/* ---- the budget ---- */

int stops_open(struct lh_run *r, const char *db, lh_error *err)
{
    struct budget *b = &r->stops.budget;
    const struct claimed_job unbounded = {.max_output_tokens = LH_UNKNOWN};
    struct spent spent;
    if (!budget_is_set(b))
        return 0;
    int rc = spent_read(db, r->batch_id, job_request(&unbounded).output_tokens, &spent, err);
    if (rc != 0)
        return rc;
    const struct token_usage unpriced = {.prompt = spent.unpriced_prompt,
                                         .completion = spent.unpriced_completion,
                                         .cached = spent.unpriced_cached};
    b->used.tokens = spent.tokens + spent.silent_prompt + spent.silent_output;
    if (b->price.known)
        b->used.nanousd = spent.nanousd + price_of(&b->price, &unpriced) +
                          price_most(&b->price, spent.silent_prompt, spent.silent_output);
    return 0;
}

static void say_spent(struct lh_run *r)
{
    const struct budget *b = &r->stops.budget;
    char tokens[160] = "", money[160] = "";
    if (b->max_tokens != INT64_MAX)
        snprintf(tokens, sizeof tokens, ": %lld of %lld tokens are used", (long long)b->used.tokens,
                 (long long)b->max_tokens);
    if (b->max_nanousd != INT64_MAX)
        snprintf(money, sizeof money, ": %.6f of %.6f USD are spent", (double)b->used.nanousd / 1e9,
                 (double)b->max_nanousd / 1e9);
    run_finish(r, LH_RUN_BUDGET,
               "the budget is reached%s%s (lost requests at their worst case), and the next request may need "
               "more than is "
               "left; raise %s and give the same command again",
               tokens, money,
               *tokens != '\0' && *money != '\0' ? "--max-tokens-total or --max-cost"
               : *money != '\0'                  ? "--max-cost"
                                                 : "--max-tokens-total");
}

bool stops_allow(struct lh_run *r, const struct claimed_job *next)
{
    struct stops *s = &r->stops;
    s->held = false;
    if (!budget_is_set(&s->budget))
        return true;
    if (next->max_output_tokens == LH_UNKNOWN && !s->warned) {
        s->warned = true;
        log_warn("some requests do not bound their answers (max_tokens): the budget may be passed by those "
                 "in flight");
    }
    struct gate_request q = job_request(next);
    enum budget_verdict verdict = budget_allows(&s->budget, &q);
    s->held = verdict == BUDGET_WAIT;
    if (verdict == BUDGET_NEVER)
        say_spent(r);
    return verdict == BUDGET_GO;
}

/* Refused, or it never reached the provider: nothing was used. As in the statement `spent_unknown`. */
static bool is_free(enum http_outcome http, const struct answer *a)
{
    return policy_is_unreachable(http) || a->class == ANSWER_THROTTLED || a->class == ANSWER_ACCOUNT ||
           (a->class == ANSWER_PERMANENT && http != HTTP_TOO_LARGE);
}

int64_t stops_settle(struct stops *s, const struct price *at, const struct gate_request *taken,
                     enum http_outcome http, const struct answer *a)
{
    struct token_usage used = {.prompt = a->usage.prompt_tokens,
                               .completion = a->usage.completion_tokens,
                               .cached = a->usage.cached_tokens};
    bool told = used.prompt >= 0 || used.completion >= 0;
    budget_settle(&s->budget, taken, told || is_free(http, a) ? &used : NULL, at);
    return told ? price_of(at, &used) : LH_UNKNOWN;
}

/* ---- errors ---- */

void stops_count(struct lh_run *r, const struct outcome *o)
{
    if (o->answer.class == ANSWER_THROTTLED || strcmp(o->attempt_outcome, "canceled") == 0)
        return;
    bool failed = o->move != OUTCOME_DONE;
    alert_attempt(&r->stops.alert, clock_monotonic_ms(), failed);
    if (failed)
        r->stops.error_batch = o->batch_id;
}

static void pause_for_errors(struct lh_run *r, const char *what)
{
    struct stops *s = &r->stops;
    bool one = r->batch_id != LH_UNKNOWN;
    struct steer_note note = {.batch_id = one ? r->batch_id : s->error_batch};
    snprintf(note.reason, sizeof note.reason, "%s", what);
    writer_steer(r->writer, &note);
    alert_forget(&s->alert);
    if (one)
        run_finish(r, LH_RUN_PAUSED, "%s", what);
    else
        log_warn("batch paused: %s", what);
}

static void act(struct lh_run *r, const char *what)
{
    switch (r->stops.alert.action) {
    case ALERT_PAUSE:
        pause_for_errors(r, what);
        break;
    case ALERT_STOP:
        run_finish(r, LH_RUN_ERRORS, "%s", what);
        break;
    case ALERT_WARN:
    case ALERT_NONE:
        log_warn("%s", what);
    }
}

static void look_at_errors(struct lh_run *r)
{
    int64_t failed = 0, attempts = 0;
    if (!alert_is_crossed(&r->stops.alert, clock_monotonic_ms(), &failed, &attempts))
        return;
    const struct lh_error_count *e = tally_most_common(&r->tally);
    char what[500];
    snprintf(what, sizeof what,
             "%.1f%% of the attempts of the last minute failed (%lld of %lld)%s%s %s%s%.250s",
             (double)failed * 100 / (double)attempts, (long long)failed, (long long)attempts,
             e != NULL ? "; most common in this run: " : "", e != NULL ? e->class_name : "",
             e != NULL ? e->code : "", e != NULL ? ": " : "", e != NULL ? e->message : "");
    act(r, what);
}

/* ---- time ---- */

static void look_at_deadline(struct lh_run *r)
{
    int64_t most = r->options.batch_deadline_ms;
    if (most > 0 && clock_monotonic_ms() - r->tally.started_ms >= most)
        run_finish(r, LH_RUN_DEADLINE, "the %.1f s of --batch-deadline are over", (double)most / 1e3);
}

/* The store buries what is late; with --fail-fast that is a death like any other. */
static void look_at_late(struct lh_run *r)
{
    if (r->view.late == r->stops.late_seen)
        return;
    r->stops.late_seen = r->view.late;
    if (r->options.fail_fast)
        run_fail_fast(r, r->view.late_batch, "no answer within its deadline");
}

void stops_look(struct lh_run *r)
{
    if (r->phase != RUN_WORKING)
        return;
    look_at_late(r);
    look_at_errors(r);
    look_at_deadline(r);
}

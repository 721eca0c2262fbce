/* How an endpoint fares: see fares.h. */
#include "schedule/fares.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"

enum {
    USED_MOST = 16, /* times what was reserved: usage beyond that is not believed by the limiter */
    UNREACHABLE_WAIT_MS = 60000,
};

/* Is there another one that may work? */
static bool has_other(const struct lh_run *r, const struct endpoint *e)
{
    for (size_t i = 0; i < r->endpoints.count; i++) {
        const struct endpoint *other = &r->endpoints.list[i];
        if (other != e && other->is_named && !other->is_refused &&
            (other->is_reached || other->unreachable == 0))
            return true;
    }
    return false;
}

/* While it cannot be reached all its requests wait together, longer each time; jobs lose nothing by it. An address that
 * never answered at all is a mistake to be told soon. */
int64_t fares_unreachable(struct lh_run *r, const struct flight *f, const struct answer *a)
{
    struct endpoint *e = f->endpoint;
    e->unreachable++;
    if (f->started_ms >= e->silent_since_ms) { /* those that were out together are one failure */
        e->silences++;
        e->silent_since_ms = clock_monotonic_ms() + 1;
    }
    if (!e->is_reached && e->unreachable >= UNREACHABLE_GIVE_UP && r->fatal.code == 0 && !has_other(r, e)) {
        lh_error_set(&r->fatal, LH_ENET, "cannot reach %s%s: %s; check %s and the network",
                     e->is_named ? "endpoint " : "the provider", e->is_named ? e->name : "", a->message,
                     e->is_named ? "its base-url" : "--base-url");
        run_finish(r, LH_RUN_STOPPED, "%s", r->fatal.message);
    }
    snprintf(e->trouble, sizeof e->trouble, "cannot reach %.60s: %.180s",
             e->is_named ? e->name : "the provider", a->message);
    int64_t shift = e->silences < 8 ? e->silences : 8;
    int64_t wait = (INT64_C(125) << shift);
    return wait < UNREACHABLE_WAIT_MS ? wait : UNREACHABLE_WAIT_MS;
}

static int64_t at_most(int64_t value, int64_t most)
{
    return value < most ? value : most;
}

/* Anthropic's limits on input leave out what was read from a cache; elsewhere it counts. */
static int64_t counted_input(const struct flight *f, const struct usage *u)
{
    bool anthropic = f->access->dialect == DIALECT_ANTHROPIC;
    bool cached = anthropic && u->cached_tokens > 0 && u->cached_tokens <= u->prompt_tokens;
    return u->prompt_tokens - (cached ? u->cached_tokens : 0);
}

static bool has_token_limit(struct endpoint *e)
{
    struct gate_state g;
    gate_get_state(e->gate, clock_monotonic_ms(), &g);
    return g.rates[TOLD_TOKENS].limit > 0 || g.rates[TOLD_INPUT_TOKENS].limit > 0 ||
           g.rates[TOLD_OUTPUT_TOKENS].limit > 0;
}

void fares_reached(struct lh_run *r, struct endpoint *e)
{
    e->unreachable = e->silences = 0;
    e->is_reached = true;
    if (!e->is_refused)
        e->trouble[0] = '\0';
    if (hand_is_closed(r) && has_token_limit(e))
        hand_reopen(r); /* tokens that it did not use may let others go */
}

bool fares_is_cut_short(const struct flight *f, enum http_outcome http)
{
    return policy_is_cut_short(http, f->job->claim_set_deadline, f->timeout_ms,
                               f->endpoint->options.timeout_ms, clock_monotonic_ms() - f->started_ms);
}

void fares_settle(struct flight *f, enum http_outcome http, const struct answer *a, int64_t pause_ms)
{
    struct lh_run *r = f->run;
    int64_t used = -1, input = counted_input(f, &a->usage), output = a->usage.completion_tokens;
    if (a->usage.prompt_tokens >= 0 || a->usage.completion_tokens >= 0)
        used = (a->usage.prompt_tokens > 0 ? a->usage.prompt_tokens : 0) +
               (a->usage.completion_tokens > 0 ? a->usage.completion_tokens : 0);
    else if (a->class == ANSWER_THROTTLED || a->class == ANSWER_PERMANENT || a->class == ANSWER_ACCOUNT ||
             policy_is_unreachable(http))
        used = input = output = 0;
    /* A lie must not put the limiter in debt for days; an estimate is rarely wrong by more. */
    int64_t most = (gate_request_tokens(&f->asked) + f->asked.bound_tokens) * USED_MOST;
    int64_t retry_after =
        a->retry_after_ms > r->policy.max_retry_after_ms ? r->policy.max_retry_after_ms : a->retry_after_ms;
    struct gate_outcome g = {.ticket = f->ticket,
                             .health = fares_is_cut_short(f, http) ? BREAKER_NOTHING : policy_health(http, a),
                             .used_tokens = at_most(used, most),
                             .used_input = at_most(input, most),
                             .used_output = at_most(output, most),
                             .answered = http == HTTP_OK,
                             .told = a->told.any ? &a->told : NULL,
                             .throttled = a->class == ANSWER_THROTTLED || pause_ms > 0,
                             .unreachable = pause_ms > 0,
                             .retry_after_ms = pause_ms > 0 ? pause_ms : retry_after};
    gate_settle(f->endpoint->gate, clock_monotonic_ms(), &g);
}

/* An endpoint less: the others go on with its jobs, if there are any. */
void fares_refused(struct lh_run *r, struct endpoint *e, const struct answer *a)
{
    char why[sizeof e->trouble];
    bool again = e->is_refused;
    snprintf(why, sizeof why, "the account is refused (%s): %.150s", a->error_code, a->message);
    bool is_last = endpoints_refuse(&r->endpoints, e, why);
    /* Without a list the other dialect's jobs may not have had their turn yet: the end of what is left is seen elsewhere. */
    if (is_last && (e->is_named || r->options.follow || endpoints_capacity(&r->endpoints) == 0))
        run_finish(r, LH_RUN_ACCOUNT,
                   "the provider refuses the account (%s): %s; check the key, the quota and the billing",
                   a->error_code, a->message);
    else if (!again && e->is_named)
        log_warn("endpoint %s: %s; it gets nothing more in this run", e->name, why);
}

/* What follows from an answer: see policy.h. */
#include "schedule/policy.h"

#include <stdio.h>

static const struct {
    enum answer_class class;
    const char *code;
} failures[] = {
    [HTTP_OK] = {ANSWER_SUCCESS, ""},
    [HTTP_RESOLVE] = {ANSWER_TRANSIENT, "resolve"},
    [HTTP_CONNECT] = {ANSWER_TRANSIENT, "connect"},
    [HTTP_TLS] = {ANSWER_TRANSIENT, "tls"},
    [HTTP_TIMEOUT] = {ANSWER_TRANSIENT, "timeout"},
    [HTTP_STALL] = {ANSWER_TRANSIENT, "stall"},
    [HTTP_RESET] = {ANSWER_TRANSIENT, "reset"},
    [HTTP_TOO_LARGE] = {ANSWER_PERMANENT, "response_too_large"},
    [HTTP_PROTOCOL] = {ANSWER_TRANSIENT, "protocol"},
    [HTTP_CANCELED] = {ANSWER_TRANSIENT, "stopped"},
    [HTTP_INTERNAL] = {ANSWER_TRANSIENT, "internal"},
};

void policy_classify_failure(enum http_outcome outcome, const char *detail, struct answer *a)
{
    *a = (struct answer){.class = failures[outcome].class, .usage = USAGE_NOT_SAID, .retry_after_ms = -1};
    snprintf(a->error_code, sizeof a->error_code, "%s", failures[outcome].code);
    snprintf(a->message, sizeof a->message, "%s%s%s", http_outcome_name(outcome), *detail != '\0' ? ": " : "",
             detail);
}

bool policy_is_unreachable(enum http_outcome outcome)
{
    return outcome == HTTP_RESOLVE || outcome == HTTP_CONNECT || outcome == HTTP_TLS;
}

enum breaker_outcome policy_health(enum http_outcome outcome, const struct answer *a)
{
    if (outcome == HTTP_CANCELED || outcome == HTTP_INTERNAL)
        return BREAKER_NOTHING;
    if (outcome != HTTP_OK)
        return outcome == HTTP_TOO_LARGE ? BREAKER_GOOD : BREAKER_FAULT;
    return a->class == ANSWER_TRANSIENT || a->overloaded ? BREAKER_FAULT : BREAKER_GOOD;
}

static int64_t floor_ms(const struct policy *p, const struct answer *a)
{
    return a->retry_after_ms > p->max_retry_after_ms ? p->max_retry_after_ms : a->retry_after_ms;
}

static void wait_again(const struct policy *p, const struct claimed_job *job, const struct answer *a,
                       int64_t failures_in_a_row, struct random *random, struct decision *d)
{
    d->move = OUTCOME_WAIT;
    d->wait_ms = backoff_wait_ms(&p->backoff, failures_in_a_row, job->wait_ms, floor_ms(p, a), random);
}

static void bury(struct decision *d, const char *reason)
{
    d->move = OUTCOME_DEAD;
    d->dead_reason = reason;
}

static void use_attempt(const struct policy *p, const struct claimed_job *job, const struct answer *a,
                        const char *reason, struct random *random, struct decision *d)
{
    d->attempts++;
    if (d->attempts >= p->max_attempts)
        bury(d, reason);
    else
        wait_again(p, job, a, d->attempts, random, d);
}

static void on_throttle(const struct policy *p, const struct claimed_job *job, const struct answer *a,
                        struct random *random, struct decision *d)
{
    d->throttles++;
    if (d->throttles > p->max_throttles)
        bury(d, "throttles");
    else
        wait_again(p, job, a, d->throttles, random, d);
}

struct decision policy_decide(const struct policy *p, const struct claimed_job *job, const struct answer *a,
                              bool unreachable, struct random *random)
{
    struct decision d = {.move = OUTCOME_DONE,
                         .attempts = job->attempts,
                         .throttles = job->throttles,
                         .invalids = job->invalids,
                         .generation = job->generation};
    if (unreachable) {
        wait_again(p, job, a, 1, random, &d);
        return d;
    }
    switch (a->class) {
    case ANSWER_SUCCESS:
        d.attempts++;
        break;
    case ANSWER_THROTTLED:
        on_throttle(p, job, a, random, &d);
        break;
    case ANSWER_TRANSIENT:
        use_attempt(p, job, a, "attempts", random, &d);
        break;
    case ANSWER_INVALID:
        d.invalids++;
        d.generation++;
        use_attempt(p, job, a, "invalid", random, &d);
        break;
    case ANSWER_PERMANENT:
        d.attempts++;
        bury(&d, "permanent");
        break;
    case ANSWER_ACCOUNT:
        d.move = OUTCOME_READY;
        d.account = true;
        break;
    }
    return d;
}

bool policy_is_late(const struct claimed_job *job, int64_t now_wall_ms)
{
    return job->deadline_at != 0 && job->deadline_at <= now_wall_ms;
}

int64_t policy_timeout_ms(int64_t timeout_ms, int64_t deadline_at, int64_t now_wall_ms)
{
    int64_t left = deadline_at - now_wall_ms;
    if (deadline_at == 0 || left >= timeout_ms)
        return timeout_ms;
    return left > 1 ? left : 1;
}

/* Connecting that is refused ends at once; one that is cut ends with its time. */
bool policy_is_cut_short(enum http_outcome outcome, bool is_first, int64_t timeout_ms, int64_t full_ms,
                         int64_t took_ms)
{
    if (is_first || timeout_ms >= full_ms)
        return false;
    return outcome == HTTP_TIMEOUT || (outcome == HTTP_CONNECT && took_ms >= timeout_ms);
}

void policy_hold_deadline(struct decision *d, int64_t deadline_at, int64_t now_wall_ms)
{
    int64_t left = deadline_at > now_wall_ms ? deadline_at - now_wall_ms : 0;
    if (deadline_at != 0 && d->move == OUTCOME_WAIT && d->wait_ms > left)
        d->wait_ms = left;
}

/* What follows from an answer: the one place where a job's fate is decided. Pure: options, the job's history and the answer
 * go in, the next step comes out. Randomness (jitter) is passed in. Any thread; never fails. */
#ifndef LH_SCHEDULE_POLICY_H
#define LH_SCHEDULE_POLICY_H

#include "http/http.h"
#include "limit/backoff.h"
#include "limit/breaker.h"
#include "provider/provider.h"
#include "store/claim.h"
#include "store/outcome.h"

struct policy {
    int64_t max_attempts;
    int64_t max_throttles;
    int64_t max_retry_after_ms;
    struct backoff backoff;
};

/* How an exchange without a complete answer counts. `sent`: whether the request may have reached the provider. */
void policy_classify_failure(enum http_outcome outcome, const char *detail, struct answer *a);

/* True when the request never left, so that the endpoint and not the job is in trouble: uses up nothing. */
bool policy_is_unreachable(enum http_outcome outcome);

/* What an exchange tells of the endpoint's health: its own faults are resets, timeouts, 5xx, overload and answers that are none. An
 * answer that refuses the request, the account or the rate shows that it lives. */
enum breaker_outcome policy_health(enum http_outcome outcome, const struct answer *a);

struct decision {
    enum outcome_move move;
    int64_t attempts, throttles, invalids, generation; /* of the job, as they are to be */
    int64_t wait_ms;                                   /* OUTCOME_WAIT */
    const char *dead_reason;                           /* OUTCOME_DEAD */
    bool account;                                      /* stop claiming from this endpoint */
};

/* history: the job as it was claimed. unreachable: see above. */
struct decision policy_decide(const struct policy *p, const struct claimed_job *history,
                              const struct answer *a, bool unreachable, struct random *random);

/* A job with a deadline (wall ms, 0: none): no attempt takes longer than what is left of it (1 ms at least), … */
int64_t policy_timeout_ms(int64_t timeout_ms, int64_t deadline_at, int64_t now_wall_ms);
/* … and no wait goes beyond it. */
void policy_hold_deadline(struct decision *d, int64_t deadline_at, int64_t now_wall_ms);
/* An attempt that ended only because the deadline left it less time than `full_ms`, what any has: it tells nothing of the endpoint. A first
 * attempt does: a deadline that is always too short must not hide a provider that is down. */
bool policy_is_cut_short(enum http_outcome outcome, bool is_first, int64_t timeout_ms, int64_t full_ms,
                         int64_t took_ms);
/* Its deadline is over: not to be sent. */
bool policy_is_late(const struct claimed_job *job, int64_t now_wall_ms);

#endif

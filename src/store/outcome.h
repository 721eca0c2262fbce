/* Outcomes: what became of a claimed job, decided by the scheduler, written by the store thread. */
#ifndef LH_STORE_OUTCOME_H
#define LH_STORE_OUTCOME_H

#include "provider/provider.h"
#include "store/ledger.h"

enum outcome_move {
    OUTCOME_DONE,      /* the answer is `body` */
    OUTCOME_WAIT,      /* again at next_retry_at */
    OUTCOME_DEAD,      /* for dead_reason; `body` is the last response or NULL */
    OUTCOME_READY,     /* sent, but nothing that counts came back: ready at once, the attempt is on record */
    OUTCOME_GIVE_BACK, /* never sent: as if it had not been claimed */
};

/* One block; moves from the loop to the store thread. Strings without "owned" are static. */
struct outcome {
    struct outcome *next;
    enum outcome_move move;
    int64_t job_id, batch_id;
    int64_t number;                                    /* of the attempt */
    int64_t attempts, throttles, invalids, generation; /* of the job, as they are to be */
    int64_t sent_generation;                           /* as it was sent */
    int64_t next_retry_at, wait_ms;                    /* OUTCOME_WAIT */
    int64_t deadline_at;                               /* of the job; 0: none */
    bool claim_set_deadline;                           /* OUTCOME_GIVE_BACK takes it back */
    int64_t started_at, latency_ms, finished_at;
    int status_code;             /* 0: no answer */
    bool retry_is_counted;       /* OUTCOME_WAIT: after a fault; the retry budget says when it goes again */
    bool was_counted_retry;      /* as it was claimed */
    bool unused;                 /* nothing of what was charged was used: throttled, never left, cut off */
    struct fair_charge charge;   /* as it was claimed */
    const char *attempt_outcome; /* "success", "throttled", … */
    const char *dead_reason;     /* OUTCOME_DEAD */
    const char *endpoint;        /* its name; NULL when there is but one. Lives as long as the writer */
    const char
        *asked_model;       /* that the job names; NULL: the one that answered. Lives as long as the writer */
    int64_t counted_prompt; /* the job's prompt_tokens, counted before it was sent; LH_UNKNOWN: not known */
    int64_t cost_nanousd;   /* LH_UNKNOWN: not known */
    struct answer answer;   /* codes, message, model, usage */
    char *body;             /* owned; NULL */
    size_t body_len;
};
void outcome_free(struct outcome *o); /* NULL-safe */

/* Writes one outcome inside a write transaction. A job that is not running any more, or runs a
 * later send, is left as it is (*stale = true): the first answer wins. */
int outcome_apply(struct store *s, struct ledger *l, const struct outcome *o, int64_t now_ms, bool *stale,
                  lh_error *err);

/* What the outcome tells of the tokens that its claim was charged for: how many were used, -1 when it does not. */
int64_t outcome_used_tokens(const struct outcome *o, bool stale);

/* It told what it used, and what that costs is not known. */
bool outcome_is_unpriced(const struct outcome *o);
/* It told nothing of what it used, and may have been paid for all the same: it was not refused, and reached the provider. The statements
 * spent_unpriced and check_totals hold the same rule. */
bool outcome_is_silent(const struct outcome *o);

struct recovery {
    int64_t max_attempts;
    int64_t now_ms;
    int64_t recovered, buried; /* out: made ready, and dead because they were lost too often */
};
/* Every running job is an orphan when a worker begins: records the lost attempt, makes it ready or, when it was lost
 * three times and has no attempts left, dead. In a transaction of its own for each batch, under the worker lock. */
int recover_orphans(struct store *s, struct recovery *r, lh_error *err);

#endif

/* Claims: ready jobs become running, with what is needed to send them. Inside a write transaction, store thread. */
#ifndef LH_STORE_CLAIM_H
#define LH_STORE_CLAIM_H

#include "store/ledger.h"
#include "store/route_set.h"

enum { CLAIM_OUTPUT_TOKENS = 256 }; /* reckoned for an answer that nothing bounds; the usage corrects it */

struct model_use;

/* A job that this worker has. One owner at a time: the store thread hands it to the loop. */
struct claimed_job {
    struct claimed_job *next;
    int64_t id, batch_id, route;
    int64_t number;   /* of the attempt to be made, from 1 */
    int64_t attempts; /* so far, of those that count */
    int64_t throttles, losses, invalids, generation;
    int64_t prompt_tokens;
    bool prompt_is_guessed;    /* and doubled, as the guess may be half of it */
    int64_t max_output_tokens; /* LH_UNKNOWN: not bounded */
    bool batch_has_results;
    bool is_counted_retry;     /* it came back from a fault, by the retry budget */
    struct fair_charge charge; /* what its tenant was charged; goes back with the outcome */
    int64_t wait_ms;           /* the last backoff, 0 at first */
    int64_t deadline_at;       /* wall ms when it is given up; 0: never */
    bool claim_set_deadline;
    char *url;  /* owned */
    char *body; /* owned; may be moved out */
    size_t body_len;
    /* The loop's: when it came, and which endpoints can serve it, by bit. */
    int64_t arrival;
    uint64_t can;
    int64_t answers;       /* that are asked for at once, and … */
    bool other_tier;       /* … whether at a tier that may be dearer; read when there is a budget */
    struct model_use *use; /* its batch's of its model; NULL before it is in hand */
};

struct claim_list {
    struct claimed_job *first, **last;
    int64_t count;
    size_t bytes;
    int64_t first_deadline; /* in: what jobs that have no deadline get with their claim; 0: none */
};
void claim_list_init(struct claim_list *list);
/* What the job is reckoned to cost before it is sent, beside its prompt_tokens. */
int64_t claimed_job_output_tokens(const struct claimed_job *job);
void claimed_job_free(struct claimed_job *job); /* NULL-safe */
void claim_list_free(struct claim_list *list);

struct claim_wish {
    int64_t limit;                /* jobs at most */
    size_t max_bytes;             /* of the bodies in the whole list; one job is had at least */
    int64_t now_ms;               /* wall */
    const struct route_set *shut; /* routes that are passed over; NULL: none */
    struct fair *fair; /* charged for each job; the lane is the one that it picked. NULL: nobody is charged */
    uint64_t passed_over; /* out: the shut routes that have ready jobs, by route_bit; 0: none */
    bool turn_is_over;    /* out: it is another tenant's */
};
/* Appends jobs of the lane, first in first out. */
int claim_from_lane(struct store *s, struct lane *lane, struct claim_wish *wish, struct claim_list *list,
                    lh_error *err);

/* Makes jobs of the batch (LH_UNKNOWN: of all) ready whose next-retry time has come, up to `limit`: those that wait after a fault (`counted`)
 * or all others. *moved: how many. */
int promote_due(struct store *s, struct ledger *l, int64_t batch_id, bool counted, int64_t now_ms,
                int64_t limit, int64_t *moved, lh_error *err);

#endif

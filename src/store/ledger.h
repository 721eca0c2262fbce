/* The ledger of one write transaction: which batches it touched, and by how much their counters move.
 * Whoever moves jobs (worker, steering, requeue) tells the ledger each move, and writes it before the commit, so that
 * counters and rows can never part. One owner, inside one transaction or across the worker's many. */
#ifndef LH_STORE_LEDGER_H
#define LH_STORE_LEDGER_H

#include "store/states.h"
#include "store/store.h"

struct lane { /* one batch */
    int64_t batch_id;
    char name[256];
    char pause_reason[512];
    int64_t priority;
    bool loading, active, paused, canceled; /* else finished */
    bool touched;                           /* by this transaction */
    bool revived;                           /* it took dead or canceled jobs back */
    bool left;                              /* became finished in it */
    int64_t jobs[JOB_STATES];               /* as they will be after the commit */
    int64_t delta[JOB_STATES];
    int64_t next_seq;
    int64_t requeues;
    int64_t prompt_tokens, completion_tokens, cached_tokens, cost_nanousd, attempts,
        failed_attempts; /* deltas */
};

struct ledger {
    struct lane *lanes; /* by priority, then id: the order of claims */
    size_t count, capacity;
};

void ledger_init(struct ledger *l);
void ledger_free(struct ledger *l);

/* Reads the batches that can still change, or just `batch_id` (LH_UNKNOWN: all of them), whatever its state. */
int ledger_load(struct ledger *l, struct store *s, int64_t batch_id, lh_error *err);

/* The lane of a batch, reading it when it is not there yet. *out stays valid until the next lane is read. */
int ledger_lane(struct ledger *l, struct store *s, int64_t batch_id, struct lane **out, lh_error *err);

/* One job of the lane moved (checked against the table of legal moves: LH_EINTERNAL when it is not legal). */
int lane_move(struct lane *lane, enum job_state from, enum job_state to, lh_error *err);

/* Writes the counters of touched lanes. An active or paused batch with nothing left to do becomes finished; a finished or
 * canceled one becomes active when it took jobs back. One that is loading stays so. Call last in the transaction. */
int ledger_write(struct ledger *l, struct store *s, int64_t now_ms, lh_error *err);

int64_t lane_open_jobs(const struct lane *lane); /* ready + waiting + running */

#endif

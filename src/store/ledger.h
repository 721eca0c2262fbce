/* The ledger of one write transaction: which batches it touched, and by how much their counters move.
 * Whoever moves jobs (worker, steering, requeue) tells the ledger each move, and writes it before the commit, so that
 * counters and rows can never part. One owner, inside one transaction or across the worker's many. */
#ifndef LH_STORE_LEDGER_H
#define LH_STORE_LEDGER_H

#include "store/fair.h"
#include "store/id_map.h"
#include "store/states.h"
#include "store/store.h"
#include "store/usage.h"

struct lane { /* one batch */
    int64_t batch_id;
    char name[256];
    char pause_reason[512];
    char tenant[128];
    int64_t priority, weight;
    bool loading, active, paused, canceled; /* else finished; the ledger's functions change it */
    bool is_guessed; /* an older version took its prompts for a fourth of their bytes */
    bool touched;    /* by this transaction */
    bool revived;    /* it took dead or canceled jobs back */
    uint64_t
        shut; /* the worker's: all its ready jobs are of these routes, by route_bit, which are shut; 0: not so */
    struct fair_lane fair; /* the worker's */
    struct ledger *ledger; /* that it stands in */
    size_t place;          /* in ledger.lanes */
    struct lane *next_touched, *next_left;
    int64_t jobs[JOB_STATES]; /* as they will be after the commit */
    int64_t delta[JOB_STATES];
    int64_t next_seq;
    int64_t requeues;
    int64_t prompt_tokens, completion_tokens, cached_tokens, cache_write_tokens, reasoning_tokens,
        cost_nanousd, unpriced, silent, attempts, failed_attempts; /* deltas */
};

struct ledger_totals { /* over all lanes, kept with each move: there may be thousands of lanes */
    int64_t jobs[JOB_STATES];
    int64_t claimable;  /* ready jobs of active batches */
    int64_t working;    /* lanes with open jobs that are active or canceled */
    int64_t held;       /* lanes that are paused, or being added to by another process */
    int64_t canceled;   /* lanes */
    int64_t cancelable; /* ready and waiting jobs of canceled batches */
};

struct ledger {
    struct lane *
        *lanes; /* owned; by priority, then id, as they were loaded; what comes and goes changes that */
    size_t count, capacity;
    struct id_map by_id;
    struct ledger_totals totals;
    struct lane *touched;     /* a list, until the ledger is written */
    struct lane *left;        /* a list: became finished; until the caller has emptied it */
    struct usage_cells usage; /* of this transaction */
};

void ledger_init(struct ledger *l);
void ledger_free(struct ledger *l);

/* Reads the batches that can still change, or just `batch_id` (LH_UNKNOWN: all of them), whatever its state. */
int ledger_load(struct ledger *l, struct store *s, int64_t batch_id, lh_error *err);

/* The lane of a batch, reading it when it is not there yet. *out stays valid as long as the lane is in the ledger. */
int ledger_lane(struct ledger *l, struct store *s, int64_t batch_id, struct lane **out, lh_error *err);
struct lane *ledger_find(const struct ledger *l, int64_t batch_id); /* NULL when it is not there */
void ledger_remove(struct ledger *l, struct lane *lane); /* and frees it; not while it is touched */

/* One job of the lane moved (checked against the table of legal moves: LH_EINTERNAL when it is not legal). */
int lane_move(struct lane *lane, enum job_state from, enum job_state to, lh_error *err);

/* The batch of an active lane was paused, or canceled: the caller writes that to the database. */
void lane_stop(struct lane *lane, bool cancel, const char *reason);

/* Writes the usage, and the counters of touched lanes. An active or paused batch with nothing left to do becomes finished; a finished or
 * canceled one becomes active when it took jobs back. One that is loading stays so. Call last in the transaction. */
int ledger_write(struct ledger *l, struct store *s, int64_t now_ms, lh_error *err);

int64_t lane_open_jobs(const struct lane *lane); /* ready + waiting + running */
/* A batch that another process is adding to is left alone until its lines are in: for a run of that batch, a pause. */
bool lane_is_held(const struct lane *lane);

#endif

/* Steering: moving many jobs of a batch in bounded transactions, beside a worker. Any thread with a writing store. */
#ifndef LH_STORE_STEER_H
#define LH_STORE_STEER_H

#include "store/ledger.h"

enum { STEER_AT_ONCE = 2000 };

struct steer_move {   /* one kind of move, in the database and in the ledger */
    enum stmt_id ids; /* yields job ids for (batch, limit) */
    enum job_state from, to;
    int (*one)(struct store *s, int64_t job_id, int64_t now_ms, lh_error *err);
};

/* Moves up to `limit` jobs (STEER_AT_ONCE at most) in one open transaction. *moved: how many, 0 when there are none left. */
int steer_some(struct store *s, struct lane *lane, const struct steer_move *move, int64_t limit,
               int64_t now_ms, int64_t *moved, lh_error *err);

/* What a cancel does, to ready jobs and to waiting ones. */
extern const struct steer_move steer_cancel_ready, steer_cancel_waiting;

int steer_cancel_job(struct store *s, int64_t job_id, int64_t now_ms, lh_error *err);
/* dead or canceled → ready: the dead letter goes, the history stays. */
int steer_revive_job(struct store *s, int64_t job_id, int64_t now_ms, lh_error *err);

#endif

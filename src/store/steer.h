/* Steering: moving many jobs of a batch in bounded transactions, beside a worker. Any thread with a writing store. */
#ifndef LH_STORE_STEER_H
#define LH_STORE_STEER_H

#include "store/ledger.h"

enum { STEER_AT_ONCE = 2000 };

/* Reads the ids that a statement yields (batch, limit) and applies `one` to each, in one open transaction, with the ledger
 * told `from` → `to`. *moved: how many, 0 when there are none left. */
int steer_some(struct store *s, struct lane *lane, enum stmt_id ids, enum job_state from, enum job_state to,
               int (*one)(struct store *s, int64_t job_id, int64_t now_ms, lh_error *err), int64_t now_ms,
               int64_t *moved, lh_error *err);

int steer_cancel_job(struct store *s, int64_t job_id, int64_t now_ms, lh_error *err);
/* dead or canceled → ready: the dead letter goes, the history stays. */
int steer_revive_job(struct store *s, int64_t job_id, int64_t now_ms, lh_error *err);

#endif

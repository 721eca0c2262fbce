/* Deadlines of jobs: from the first claim until a job is given up, waits and retries included. Burying what is late, and letting the
 * clock stand still while no worker serves a batch. Inside the worker; store thread, or before it starts. */
#ifndef LH_STORE_DEADLINES_H
#define LH_STORE_DEADLINES_H

#include "store/ledger.h"

enum { BURY_AT_ONCE = 1000 };

struct deadlines {
    int64_t batch_id;  /* scope; LH_UNKNOWN: all */
    int64_t worker_id; /* the worker that is at it */
    int64_t job_ms;    /* that a first claim gives; 0: none */
    int64_t
        next_ms; /* no ready or waiting job in scope is late before this; INT64_MAX: none has a deadline */
    bool in_use; /* some job has, or may get, a deadline */
};

/* A worker begins: the deadlines of its batches move on by the time in which none of its kind was there. Each piece is a transaction
 * of its own, with where it is; killed at any time, the next call goes on there. */
int deadlines_begin(struct deadlines *d, struct store *s, int64_t now_ms, lh_error *err);

/* To be called with each heartbeat and at the worker's end, inside a transaction or not: its batches were served until now. */
int deadlines_served(const struct deadlines *d, struct store *s, int64_t now_ms, lh_error *err);

/* A job with this deadline is, or may be, ready or waiting again. */
void deadlines_watch(struct deadlines *d, int64_t deadline_at);
void deadlines_look_again(struct deadlines *d); /* the database is not as it was */

/* Inside a write transaction: ready and waiting jobs whose deadline has passed become dead, without an attempt of their own; `limit`
 * (BURY_AT_ONCE at most) a call. *more: some are left, and claims must wait for the next drain.
 * *last_batch: of the last one buried, unchanged without. */
int deadlines_bury(struct deadlines *d, struct store *s, struct ledger *l, int64_t now_ms, int64_t limit,
                   int64_t *buried, int64_t *last_batch, bool *more, lh_error *err);

#endif

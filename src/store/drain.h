/* One drain: everything that waits for the database, in one transaction. Outcomes first, then due retries, then the next
 * claims, so that a slot that an outcome frees is filled by the same commit. Store thread only. */
#ifndef LH_STORE_DRAIN_H
#define LH_STORE_DRAIN_H

#include "store/claim.h"
#include "store/deadlines.h"
#include "store/notes.h"
#include "store/outcome.h"
#include "store/retry_budget.h"
#include "store/settled.h"
#include "store/wal.h"

enum scope_state { SCOPE_WORKING, SCOPE_FINISHED, SCOPE_PAUSED, SCOPE_CANCELED };

struct scope_view { /* what is left to do, as of the last commit */
    enum scope_state state;
    int64_t jobs[JOB_STATES];
    /* Ready jobs of active batches; 0 when a claim would get none of them: the log is full, or their routes are shut. */
    int64_t claimable;
    int64_t next_due_ms;   /* wall clock: of the next retry or deadline; LH_UNKNOWN when there is none */
    bool retries_held;     /* some are due, and wait for the retry budget */
    int64_t retry_balance; /* of it, in thousandths of a retry */
    int64_t steered; /* how often a batch was found paused or canceled: claims not yet sent should go back */
    int64_t to_cancel;  /* ready and waiting jobs of canceled batches: gone after so many more drains */
    bool unfinished;    /* the next drain has work without any other cause: to cancel, or to bury */
    int64_t late;       /* jobs that this worker buried as their deadline had passed */
    int64_t late_batch; /* of the last of them */
    char batch[256];    /* of the paused or canceled batch */
    char pause_reason[512];
};

struct drain {
    struct store *store;
    struct wal wal;
    struct ledger ledger;
    int64_t batch_id; /* scope; LH_UNKNOWN: all */
    int64_t worker_id;
    int64_t data_version;
    bool loaded; /* the ledger is what the database says */
    struct settled settled;
    struct fair fair;
    struct retry_budget budget;
    int64_t next_due
        [2]; /* when the first retry is due: of those that are not counted, and of those that are; LH_UNKNOWN */
    bool exhausted; /* the last claim got all there was for it */
    int64_t shuts;  /* of the last claim */
    struct route_set shut;
    int64_t heartbeat_at;
    struct deadlines deadlines;
    bool more_late; /* a drain buries a bounded number */
    struct scope_view view;
};

struct steer_note {   /* pause or cancel asked by the scheduler */
    int64_t batch_id; /* 0: none */
    bool cancel;
    char reason[512];
    struct steer_note *next;
};

struct drain_work {
    struct outcome *outcomes;       /* a list; stays the caller's */
    int64_t want;                   /* claims */
    const struct route_set *shut;   /* routes of which none is wanted; NULL: every one is */
    int64_t shuts;                  /* changes when they do */
    size_t max_bytes;               /* of claimed bodies */
    const struct notes *notes;      /* stay the caller's; NULL: none */
    const struct steer_note *steer; /* a list, in order; stays the caller's; NULL: none */
    int64_t now_ms;                 /* wall */
    struct claim_list claims;       /* out, on success */
    int64_t stale;                  /* out: outcomes that came too late */
};

struct drain_tuning {
    int64_t ageing_ms;     /* a tenant of a lower priority that waited so long gets one job; 0: never */
    int64_t retry_percent; /* of the retry budget; 0: off */
};

int drain_open(struct drain *d, const char *db, enum durability durability, int64_t batch_id, lh_error *err);
/* Jobs get a deadline with their first claim (0: none), and the clock of those that have one goes on. After recovery,
 * before the first drain. */
int drain_begin_deadlines(struct drain *d, int64_t job_deadline_ms, int64_t now_ms, lh_error *err);
/* Before the first drain; without it both are off. */
void drain_tune(struct drain *d, const struct drain_tuning *t);
void drain_close(struct drain *d, const char *reason);

/* True when another process has committed since the last drain, or when something is due: a drain is worth it. */
bool drain_is_due(struct drain *d, int64_t now_ms);

/* All or nothing. On failure everything is as before, claims are empty, and the same work may be given again. */
int drain_run(struct drain *d, struct drain_work *w, lh_error *err);

#endif

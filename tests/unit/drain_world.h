/* A worker's drain for tests, on a store of its own. */
#ifndef LH_TEST_DRAIN_WORLD_H
#define LH_TEST_DRAIN_WORLD_H

#include "store_world.h"

#include "failing_disk.h"
#include "store/drain.h"

struct worker {
    struct world w;
    struct drain d;
};

static inline void worker_start(struct worker *k, const struct drain_tuning *tuning)
{
    assert_int_equal(drain_open(&k->d, k->w.path, DURABILITY_NORMAL, LH_UNKNOWN, &k->w.err), 0);
    drain_tune(&k->d, tuning);
}

static inline void worker_stop(struct worker *k)
{
    drain_close(&k->d, "done");
    world_close(&k->w);
}

/* One drain with these outcomes; *claims is the caller's. */
static inline int worker_drain(struct worker *k, int64_t now, struct outcome *outcomes, int64_t want,
                               struct claim_list *claims)
{
    struct drain_work work = {.outcomes = outcomes, .want = want, .max_bytes = 1 << 20, .now_ms = now};
    int rc = drain_run(&k->d, &work, &k->w.err);
    *claims = work.claims;
    return rc;
}

/* The outcome of a claim, as the scheduler fills it: it carries the charge back. */
static inline struct outcome worker_outcome(const struct claimed_job *job, enum outcome_move move)
{
    struct outcome o = world_outcome(job, move);
    o.charge = job->charge;
    o.was_counted_retry = job->is_counted_retry;
    return o;
}

static inline void link_outcomes(struct outcome *outcomes, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        outcomes[i].next = i + 1 < n ? &outcomes[i + 1] : NULL;
}

#endif

/* What the attempts of a batch, or of all, have used so far, as a budget must reckon it. Any thread; a reading connection of its own. */
#ifndef LH_STORE_SPENT_H
#define LH_STORE_SPENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct spent { /* committed: prompt and completion; and the cost of the attempts that have one */
    int64_t tokens, nanousd;
};

/* Attempts without a cost, of one model at one endpoint. */
struct spent_unpriced {
    const char *model;    /* "" when it cannot be told; borrowed, as all strings here, for the call */
    const char *endpoint; /* NULL: not named, or not known (lost) */
    int64_t told, told_prompt, told_completion, told_cached,
        told_cache_write; /* those that told their usage */
    /* Those that may have been paid for and did not tell (lost, cut off, 5xx, …), by what was counted before. In all but the first are also those
     * that told, and left this part out. */
    int64_t silent, silent_prompt;
    int64_t silent_bounded;   /* the bounds of their answers, summed */
    int64_t silent_unbounded; /* answers without a bound */
    bool
        other_tier; /* all of these asked for a service tier that may be dearer than the standard one, or were served at one */
};

/* Reads every attempt of the scope once: for a run with a budget. After the recovery of orphans. A non-zero return of `fn` ends the walk and is
 * returned; errors of store_open. batch_id LH_UNKNOWN: all. with_tiers: tell other_tier, for which each of their bodies must be read. */
int spent_read(const char *db, int64_t batch_id, bool with_tiers, struct spent *out,
               int (*fn)(void *arg, const struct spent_unpriced *u), void *arg, lh_error *err);

struct open_route { /* of jobs that are ready in active batches; ROUTE_LOOSE is not among them */
    const char *dialect, *model, *origin;
};
int spent_open_routes(const char *db, int64_t batch_id, int (*fn)(void *arg, const struct open_route *r),
                      void *arg, lh_error *err);

#endif

/* Whose turn it is: see turns.h. */
#include "store/turns.h"

static int tell_lane(struct drain *d, struct lane *lane, lh_error *err)
{
    if (lane->fair.flow == NULL &&
        !fair_lane_add(&d->fair, &lane->fair, lane->priority, lane->tenant, lane->batch_id, lane->weight))
        return lh_error_nomem(err);
    return fair_lane_set(&d->fair, &lane->fair, lane->active && lane->shut == 0 && lane->jobs[JOB_READY] > 0)
               ? 0
               : lh_error_nomem(err);
}

int turns_tell_all(struct drain *d, lh_error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < d->ledger.count; i++)
        rc = tell_lane(d, d->ledger.lanes[i], err);
    fair_purge(&d->fair);
    return rc;
}

/* Other routes are shut now: lanes of which nothing could be claimed are looked at again when one of theirs has opened, as there may be
 * thousands of them; and so are all jobs, whether or not any are wanted at this time: who wants some later finds in the view whether a
 * claim may get them. */
static int open_lanes(struct drain *d, const struct drain_work *w, lh_error *err)
{
    int rc = 0;
    if (w->shuts == d->shuts)
        return 0;
    uint64_t opened = route_set_opened(&d->shut, w->shut);
    for (size_t i = 0; rc == 0 && opened != 0 && i < d->ledger.count; i++) {
        struct lane *lane = d->ledger.lanes[i];
        if ((lane->shut & opened) == 0)
            continue;
        lane->shut = 0;
        rc = tell_lane(d, lane, err);
    }
    d->exhausted = d->exhausted && opened == 0;
    d->shuts = w->shuts;
    d->shut.count = 0;
    if (w->shut != NULL)
        d->shut = *w->shut;
    return rc;
}

static int tell_touched_lanes(struct drain *d, lh_error *err)
{
    int rc = 0;
    for (struct lane *lane = d->ledger.touched; rc == 0 && lane != NULL; lane = lane->next_touched)
        rc = tell_lane(d, lane, err);
    return rc;
}

int turns_correct(struct drain *d, const struct outcome *o, bool stale, lh_error *err)
{
    int64_t used = outcome_used_tokens(o, stale);
    struct lane *lane = ledger_find(&d->ledger, o->batch_id);
    if (used < 0 || lane == NULL)
        return 0;
    int rc = tell_lane(d, lane, err);
    if (rc == 0)
        fair_correct(&d->fair, &lane->fair, &o->charge, used);
    return rc;
}

static bool is_filled(const struct drain_work *w)
{
    return w->claims.count >= w->want || (w->claims.count > 0 && w->claims.bytes >= w->max_bytes);
}

int turns_claim(struct drain *d, struct drain_work *w, lh_error *err)
{
    struct fair_lane *next = NULL;
    int rc = tell_touched_lanes(d, err);
    if (rc == 0)
        rc = open_lanes(d, w, err);
    if (rc != 0 || wal_is_full(&d->wal) || w->want <= 0)
        return rc;
    while (rc == 0 && !is_filled(w) && (next = fair_pick(&d->fair, w->now_ms)) != NULL) {
        struct lane *lane = HEAP_OWNER(next, struct lane, fair);
        int64_t before = w->claims.count;
        struct claim_wish wish = {.limit = w->want - before,
                                  .max_bytes = w->max_bytes,
                                  .now_ms = w->now_ms,
                                  .shut = w->shut,
                                  .fair = &d->fair};
        rc = claim_from_lane(d->store, lane, &wish, &w->claims, err);
        lane->shut = w->claims.count == before ? wish.passed_over : 0;
        if (rc == 0 && w->claims.count == before && lane->shut == 0)
            rc = drain_say_missing(d, lane->name, "ready", err);
        if (rc == 0)
            rc = tell_lane(d, lane, err);
    }
    d->exhausted = !is_filled(w);
    return rc;
}

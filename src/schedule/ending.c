/* When a run is over: all is done, what is left can go nowhere, or what was told to stop has stopped. Loop thread. */
#include "base/clock.h"
#include "schedule/run.h"

static bool is_quiet(const struct lh_run *r)
{
    return r->in_flight == 0 && r->hand.held == 0 && r->posted == r->committed;
}

static int64_t left_of(const struct lh_run *r)
{
    return r->view.jobs[JOB_READY] + r->view.jobs[JOB_RUNNING]; /* running: those that lie aside */
}

/* Of the endpoints that could serve what is left: one whose account is refused, else one that was never reached; NULL: there are none. */
static const struct endpoint *who_is_missed(const struct lh_run *r)
{
    const struct endpoint *silent = NULL;
    for (size_t i = 0; i < r->hand.count; i++)
        for (size_t k = 0; hand_is_lost(r, r->hand.routes[i]) && k < r->endpoints.count; k++) {
            const struct endpoint *e = &r->endpoints.list[k];
            if ((r->hand.routes[i]->can & (UINT64_C(1) << k)) == 0)
                continue;
            if (e->is_refused)
                return e;
            silent = e;
        }
    return silent;
}

/* What is left can go nowhere: say why. */
static void finish_stuck(struct lh_run *r)
{
    const struct endpoint *e = who_is_missed(r);
    if (e == NULL && spending_finish_unpriced(r))
        return;
    if (e == NULL)
        run_finish(r, LH_RUN_UNSERVED,
                   "the %lld jobs that are left ask for a model that no endpoint serves; add it to one",
                   (long long)left_of(r));
    else if (e->is_refused)
        run_finish(r, LH_RUN_ACCOUNT, "%s%s: %s; check the key, the quota and the billing",
                   e->is_named ? "" : "the provider refuses the account for ", e->name, e->trouble);
    else
        run_finish(r, LH_RUN_UNSERVED,
                   "no endpoint that serves the %lld jobs that are left was ever reached: %s; "
                   "check its base-url and the network",
                   (long long)left_of(r), e->trouble);
}

static void see_scope(struct lh_run *r)
{
    if (!r->has_view || r->phase != RUN_WORKING)
        return;
    if (r->batch_id != LH_UNKNOWN && r->view.state == SCOPE_PAUSED)
        run_finish(r, LH_RUN_PAUSED, "batch %s is paused%s%s", r->batch,
                   r->view.pause_reason[0] != '\0' ? ": " : "", r->view.pause_reason);
    else if (r->view.state == SCOPE_CANCELED)
        run_finish(r, LH_RUN_CANCELED, "batch %s is canceled", r->batch);
    else if (r->options.follow || !is_quiet(r))
        return;
    else if (r->view.state == SCOPE_WORKING && hand_is_stuck(r))
        finish_stuck(r);
    else if (r->view.state == SCOPE_FINISHED)
        run_finish(r, LH_RUN_DONE, "%s", "");
    else if (r->view.state == SCOPE_PAUSED)
        run_finish(r, LH_RUN_PAUSED, "batch %s is paused%s%s; all others are done", r->view.batch,
                   r->view.pause_reason[0] != '\0' ? ": " : "", r->view.pause_reason);
}

/* All is in but for what a store that cannot write now still has to take: it is given a while. */
static bool has_lost_patience(struct lh_run *r)
{
    int64_t now = clock_monotonic_ms();
    if (!r->store_failing || r->in_flight > 0)
        r->failing_since_ms = 0;
    else if (r->failing_since_ms == 0)
        r->failing_since_ms = now;
    return r->failing_since_ms != 0 && now - r->failing_since_ms >= STOP_PATIENCE_MS;
}

void run_see_end(struct lh_run *r)
{
    see_scope(r);
    if (r->phase == RUN_WORKING || r->phase == RUN_OVER)
        return;
    bool canceling = r->end == LH_RUN_FAIL_FAST && r->phase == RUN_FINISHING && r->view.to_cancel > 0;
    bool store_is_through =
        (r->posted == r->committed && !canceling) || r->store_gone || has_lost_patience(r);
    if (r->in_flight == 0 && (store_is_through || r->stops_seen > 1)) {
        r->phase = RUN_OVER;
        uv_stop(&r->loop);
    }
}

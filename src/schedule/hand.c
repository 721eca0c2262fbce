/* The hand: claims that are not sent yet, by route. Enough that an ended request is followed at once, and no more: what is in hand is
 * `lost` with a crash, and in the way of what comes with a higher priority. A route whose endpoints take nothing more must not keep the
 * others waiting: the store is told to pass it over. Loop thread. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "schedule/run.h"

enum {
    PREFETCH_MIN = 2,
    PREFETCH_MAX = 1024,
    TIMER_SLACK_MS = 2, /* a timer may fire so much early */
};

static struct route *add_route(struct lh_run *r, const struct claimed_job *job)
{
    struct hand *h = &r->hand;
    struct route *route = h->count < HAND_ROUTES ? calloc(1, sizeof *route) : NULL;
    if (route == NULL)
        return NULL;
    route->id = job->route;
    route->prefetch = PREFETCH_MIN;
    claim_list_init(&route->jobs);
    if (job->route != ROUTE_LOOSE) {
        char model[MODEL_NAME_MOST + 1];
        job_model_name(job, r->parser, model);
        route->model = strdup(model);
        if (route->model == NULL) {
            free(route);
            return NULL;
        }
    }
    h->routes[h->count++] = route;
    return route;
}

static struct route *find_route(struct lh_run *r, const struct claimed_job *job)
{
    for (size_t i = 0; i < r->hand.count; i++)
        if (r->hand.routes[i]->id == job->route)
            return r->hand.routes[i];
    return add_route(r, job);
}

/* A budget of money leaves out the endpoints where the price is not known. */
static uint64_t endpoints_of(struct lh_run *r, const struct claimed_job *job)
{
    struct model *model = job->use->model;
    uint64_t can = endpoints_for(&r->endpoints, job, model->name);
    return spending_leave_unpriced(r, model, can);
}

/* Which model it asks for, and who can serve it. False: out of memory. */
static bool find_model(struct lh_run *r, struct route *route, struct claimed_job *job)
{
    char name[MODEL_NAME_MOST + 1];
    bool is_first = route->use == NULL;
    if (route->use != NULL && route->use->batch_id == job->batch_id && route->id != ROUTE_LOOSE) {
        job->use = route->use;
    } else {
        if (route->id == ROUTE_LOOSE)
            job_model_name(job, r->parser, name);
        job->use = models_use(&r->models, job->batch_id, route->id == ROUTE_LOOSE ? name : route->model);
        if (job->use == NULL)
            return false;
        route->use = job->use;
    }
    if (route->id == ROUTE_LOOSE || is_first)
        route->can = endpoints_of(r, job);
    job->can = route->can;
    spending_read_terms(r, job);
    return true;
}

static void put(struct lh_run *r, struct route *route, struct claimed_job *job)
{
    job->next = NULL;
    job->arrival = r->hand.arrived;
    *route->jobs.last = job;
    route->jobs.last = &job->next;
    route->jobs.count++;
    r->hand.held++;
}

/* How many claims to hold: twice what left while the last ones were on their way, so that the wire never waits for the disk.
 * More would only keep a high-priority job waiting behind them, and be lost with a crash. A supply that is used up whole
 * doubles; one that is not is let go by an eighth each time. */
static void adapt_prefetch(struct route *route)
{
    int64_t enough = 2 * route->sent_since_claims;
    int64_t eased = route->prefetch - (route->prefetch + 7) / 8;
    route->prefetch = enough > eased ? enough : eased;
    if (route->prefetch < PREFETCH_MIN)
        route->prefetch = PREFETCH_MIN;
    if (route->prefetch > PREFETCH_MAX)
        route->prefetch = PREFETCH_MAX;
    route->sent_since_claims = 0;
}

void hand_take(struct lh_run *r, struct claim_list *claims)
{
    struct route *last = NULL;
    for (size_t i = 0; i < r->hand.count; i++)
        r->hand.routes[i]->is_fed = false;
    for (struct claimed_job *job = claims->first, *next; job != NULL; job = next) {
        next = job->next;
        struct route *route = last != NULL && last->id == job->route ? last : find_route(r, job);
        r->hand.arrived++;
        if (route == NULL || !find_model(r, route, job)) { /* out of memory */
            job->next = NULL;
            flight_give_back(r, job);
            run_finish(r, LH_RUN_STOPPED, "out of memory");
            continue;
        }
        if (!route->is_fed)
            adapt_prefetch(route);
        route->is_fed = true;
        last = route;
        put(r, route, job);
    }
    claim_list_init(claims);
}

struct route *hand_next(struct lh_run *r)
{
    struct route *first = NULL;
    for (size_t i = 0; i < r->hand.count; i++) {
        struct route *route = r->hand.routes[i];
        if (route->jobs.first != NULL && !route->is_blocked &&
            (first == NULL || route->jobs.first->arrival < first->jobs.first->arrival))
            first = route;
    }
    return first;
}

struct claimed_job *hand_pop(struct lh_run *r, struct route *route)
{
    struct claimed_job *job = route->jobs.first;
    route->jobs.first = job->next;
    if (job->next == NULL)
        route->jobs.last = &route->jobs.first;
    job->next = NULL;
    route->jobs.count--;
    route->sent_since_claims++;
    r->hand.held--;
    return job;
}

bool hand_lay_aside(struct lh_run *r, struct route *route)
{
    struct claim_list *aside = &r->hand.aside;
    if (route->id != ROUTE_LOOSE || aside->count >= ASIDE_MOST ||
        (route->jobs.first->can & ~r->endpoints.refused) != 0)
        return false;
    struct claimed_job *job = hand_pop(r, route);
    if (aside->first == NULL)
        claim_list_init(aside);
    *aside->last = job;
    aside->last = &job->next;
    aside->count++;
    return true;
}

static void give_back(struct lh_run *r, struct route *route)
{
    struct claimed_job *first = route->jobs.first;
    r->hand.held -= route->jobs.count;
    claim_list_init(&route->jobs);
    flight_give_back(r, first);
}

void run_give_back(struct lh_run *r)
{
    for (size_t i = 0; i < r->hand.count; i++)
        give_back(r, r->hand.routes[i]);
    struct claimed_job *aside = r->hand.aside.first;
    claim_list_init(&r->hand.aside);
    flight_give_back(r, aside);
}

void hand_close(struct lh_run *r, struct route *route, int64_t until_ms)
{
    route->closed_until_ms = until_ms;
    route->prefetch = PREFETCH_MIN;
    give_back(r, route);
}

bool hand_is_closed(const struct lh_run *r)
{
    for (size_t i = 0; i < r->hand.count; i++)
        if (r->hand.routes[i]->closed_until_ms > 0)
            return true;
    return false;
}

void hand_reopen(struct lh_run *r)
{
    for (size_t i = 0; i < r->hand.count; i++)
        r->hand.routes[i]->closed_until_ms = 0;
}

bool hand_is_hopeless(const struct lh_run *r, const struct route *route)
{
    if (route->id !=
        ROUTE_LOOSE) /* there each job has its own, and those that none can serve lie aside while there is room */
        return (route->can & ~r->endpoints.refused) == 0;
    return r->hand.aside.count >= ASIDE_MOST;
}

/* An address that never answered is a mistake; one that once did comes back, and is waited for. */
bool hand_is_lost(const struct lh_run *r, const struct route *route)
{
    if (route->id == ROUTE_LOOSE)
        return hand_is_hopeless(r, route);
    return (route->can & ~r->endpoints.refused & ~endpoints_never_reached(&r->endpoints)) == 0;
}

bool hand_is_stuck(const struct lh_run *r)
{
    const struct hand *h = &r->hand;
    bool hopeless = h->aside.count > 0;
    for (size_t i = 0; i < h->count; i++) {
        bool is = hand_is_lost(r, h->routes[i]);
        if (!is && route_set_has(&h->shut, h->routes[i]->id))
            return false;
        hopeless = hopeless || is;
    }
    const struct scope_view *v = &r->view;
    return hopeless && h->held == 0 && h->shuts == h->shuts_in_view && v->claimable == 0 &&
           v->jobs[JOB_WAITING] == 0 && v->jobs[JOB_RUNNING] == h->aside.count;
}

/* ---- asking ---- */

/* How many more are wanted, and of which routes none. While an endpoint has room that what is in hand cannot use, more of that is not wanted. */
/* An endpoint has room that the route cannot use: others come first, once it has what it needs itself. It stays passed over until a quarter of
 * that has gone, so that the store is not told anew with each answer. */
static bool gives_way(const struct hand *h, const struct route *route, int64_t lack)
{
    return route->is_blocked && lack <= (route_set_has(&h->shut, route->id) ? route->prefetch / 4 : 0);
}

static int64_t reckon_need(struct lh_run *r, struct route_set *shut, int64_t *prefetch)
{
    const struct hand *h = &r->hand;
    int64_t now = clock_monotonic_ms(), need = 0;
    bool others = false, has_room = false;
    *prefetch = 0;
    for (size_t i = 0; i < h->count; i++)
        others = others || h->routes[i]->is_blocked;
    has_room = others && r->endpoints.count > 1 && endpoints_have_room(&r->endpoints, now);
    for (size_t i = 0; i < h->count; i++) {
        const struct route *route = h->routes[i];
        int64_t lack = route->prefetch - route->jobs.count;
        bool closed = now + TIMER_SLACK_MS < route->closed_until_ms;
        if (closed || hand_is_hopeless(r, route) || (has_room && gives_way(h, route, lack))) {
            route_set_add(shut, route->id);
            continue;
        }
        *prefetch += route->prefetch;
        need += lack > 0 ? lack : 0;
    }
    if (need == 0 && (h->count == 0 || shut->count > 0)) /* of routes that have not been seen */
        *prefetch = need = PREFETCH_MIN;
    return need;
}

static bool is_same(const struct route_set *a, const struct route_set *b)
{
    return a->count == b->count && memcmp(a->ids, b->ids, a->count * sizeof *a->ids) == 0;
}

void hand_ask(struct lh_run *r, bool starving)
{
    struct hand *h = &r->hand;
    struct route_set shut;
    int64_t prefetch = 0;
    if (r->phase != RUN_WORKING)
        return;
    shut.count = 0;
    int64_t need = reckon_need(r, &shut, &prefetch);
    int64_t coming = h->asked - h->arrived;
    int64_t want = need - coming;
    bool quiet = r->has_view && r->view.claimable == 0;
    if (want <= 0 || (want < prefetch / 4 && !starving))
        want = 0;
    if (want > 0 || (starving && coming > 0 && !quiet && r->in_flight == 0)) {
        h->asked += want;
        writer_ask(r->writer, want, starving && !quiet);
    }
    if (!is_same(&shut, &h->shut)) {
        h->shut = shut;
        h->shuts++;
        writer_shut(r->writer, &shut);
    }
}

void hand_free(struct lh_run *r)
{
    for (size_t i = 0; i < r->hand.count; i++) {
        claim_list_free(&r->hand.routes[i]->jobs);
        free(r->hand.routes[i]->model);
        free(r->hand.routes[i]);
    }
    claim_list_free(&r->hand.aside);
    r->hand.count = 0;
}

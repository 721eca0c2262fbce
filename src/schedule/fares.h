/* How an endpoint fares by an exchange: reached or not, its gate settled, its account refused. Inside the scheduler; loop thread. */
#ifndef LH_SCHEDULE_FARES_H
#define LH_SCHEDULE_FARES_H

#include "schedule/run.h"

struct flight {
    struct flight *next, **link; /* in lh_run.flights */
    struct lh_run *run;
    struct claimed_job *job; /* owned; its body has moved to the client */
    struct http_request *request;
    struct endpoint *endpoint;
    const struct access *access;
    struct gate_request asked;
    struct budget_sum held; /* of the budget */
    struct gate_ticket ticket;
    int64_t started_wall_ms, started_ms, timeout_ms;
};

/* The connection was not made. Returns how long all its requests wait. An address that never answered ends the run, unless another endpoint
 * may work. */
int64_t fares_unreachable(struct lh_run *r, const struct flight *f, const struct answer *a);
void fares_reached(struct lh_run *r, struct endpoint *e);
/* It was stopped by the deadline of its job, and tells nothing of the endpoint. */
bool fares_is_cut_short(const struct flight *f, enum http_outcome http);
/* Tells the gate. pause_ms: of fares_unreachable, else 0. */
void fares_settle(struct flight *f, enum http_outcome http, const struct answer *a, int64_t pause_ms);
void fares_refused(struct lh_run *r, struct endpoint *e, const struct answer *a);

#endif

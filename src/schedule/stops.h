/* What ends a run early by itself: its budget, its deadline, too many errors, a job that died at its deadline with --fail-fast. Loop thread. */
#ifndef LH_SCHEDULE_STOPS_H
#define LH_SCHEDULE_STOPS_H

#include "http/http.h"
#include "limit/budget.h"
#include "longhaul.h"
#include "provider/provider.h"
#include "schedule/alert.h"
#include "store/outcome.h"

struct lh_run;
struct claimed_job;

struct stops {
    struct budget budget;
    struct alert alert;
    bool held;           /* the next request waits for what is in flight to leave something of the budget */
    bool warned;         /* of answers that nothing bounds */
    int64_t error_batch; /* of the last error */
    int64_t late_seen;   /* of view.late */
};

/* What an endpoint's options say of its price. needed: for a budget in money. LH_EUSAGE says what is missing or makes no sense. */
int stops_read_price(const lh_endpoint_options *e, bool needed, struct price *out, lh_error *err);
/* Copies the options. LH_EUSAGE names the one that makes no sense. */
int stops_take_options(struct stops *s, const lh_run_options *o, lh_error *err);
/* Reads what was used so far, when there is a budget. After the recovery of orphans. */
int stops_open(struct lh_run *r, const char *db, lh_error *err);

/* May the job go, as far as the budget is concerned? When it never may, the run finishes. */
bool stops_allow(struct lh_run *r, const struct claimed_job *next);
/* A request that was taken from the budget has ended. Returns its cost, LH_UNKNOWN when that is not known. */
int64_t stops_settle(struct stops *s, const struct price *at, const struct gate_request *taken,
                     enum http_outcome http, const struct answer *a);
/* An attempt has ended. */
void stops_count(struct lh_run *r, const struct outcome *o);
/* Now and then: is it time to end? */
void stops_look(struct lh_run *r);

#endif

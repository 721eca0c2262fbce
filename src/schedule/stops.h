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
struct endpoint;
struct flight;
struct model;
struct price;

struct stops {
    struct budget budget;
    struct alert alert;
    bool held; /* in this tick: some request waits for what is in flight to leave something of the budget */
    bool is_spent;            /* in this tick: and one of them does so though nothing is in flight */
    int64_t short_job;        /* the job that does so, and … */
    struct budget_sum needs;  /* … the least that it may need, of the endpoints that can serve it */
    bool warned;              /* of answers that nothing bounds, and whose most is not known */
    bool warned_few;          /* that they let few fly */
    const struct model *left; /* the last one whose jobs are left, as its price is not known; NULL */
    int64_t error_batch;      /* of the last error */
    int64_t late_seen;        /* of view.late */
};

/* What an endpoint's options say of its price. LH_EUSAGE says what is missing or makes no sense. */
int stops_read_price(const lh_endpoint_options *e, struct price *out, lh_error *err);
/* Copies the options. LH_EUSAGE names the one that makes no sense. */
int stops_take_options(struct stops *s, const lh_run_options *o, lh_error *err);
/* Reads what was used so far, when there is a budget. After the recovery of orphans. LH_EUSAGE: a budget of money, and a model of unknown price. */
int stops_open(struct lh_run *r, const char *db, lh_error *err);

/* Of the endpoints that can serve a model, those that a budget of money allows: where its price is known. When there are none its jobs are left,
 * and the work of others goes on. */
uint64_t stops_leave_unpriced(struct lh_run *r, struct model *model, uint64_t can);
/* Nothing else is left: finishes the run, if there are such. */
bool stops_finish_unpriced(struct lh_run *r);

/* When there is a budget: what the job's body says of its worst case. */
void stops_read_terms(struct lh_run *r, struct claimed_job *job);

/* A tick: stops_begin, then for each job that may go: is there enough of the budget left for it at that endpoint? */
void stops_begin(struct lh_run *r);
bool stops_allow(struct lh_run *r, const struct endpoint *e, const struct claimed_job *next);
/* When there is not: the other endpoints, by bit, where there is. When there are none even with nothing in flight, stops_see_budget finishes
 * the run. */
uint64_t stops_allow_elsewhere(struct lh_run *r, const struct claimed_job *next);
void stops_see_budget(struct lh_run *r);
/* Takes its worst case from the budget, and returns it. */
struct budget_sum stops_take(struct lh_run *r, const struct endpoint *e, const struct claimed_job *job);
/* A request has ended. Returns its cost, LH_UNKNOWN when that is not known. */
int64_t stops_settle(const struct flight *f, const struct outcome *o);
/* An attempt has ended. */
void stops_count(struct lh_run *r, const struct outcome *o);
/* Now and then: is it time to end? */
void stops_look(struct lh_run *r);

#endif

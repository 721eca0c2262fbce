/* What a run may spend: prices, and the budgets of tokens and money, asked for each job that may go and settled with what it used. Loop thread. */
#ifndef LH_SCHEDULE_SPENDING_H
#define LH_SCHEDULE_SPENDING_H

#include <stdbool.h>

#include "limit/budget.h"
#include "longhaul.h"

struct lh_run;
struct claimed_job;
struct endpoint;
struct flight;
struct model;
struct outcome;
struct price;

struct spending {
    struct budget budget;
    bool held; /* in this tick: some request waits for what is in flight to leave something of the budget */
    bool is_spent;            /* in this tick: and one of them does so though nothing is in flight */
    int64_t short_job;        /* the job that does so, and … */
    struct budget_sum needs;  /* … the least that it may need, of the endpoints that can serve it */
    bool warned;              /* of answers that nothing bounds, and whose most is not known */
    bool warned_few;          /* that they let few fly */
    const struct model *left; /* the last one whose jobs are left, as its price is not known; NULL */
};

/* What an endpoint's options say of its price. LH_EUSAGE says what is missing or makes no sense. */
int spending_read_price(const lh_endpoint_options *e, struct price *out, lh_error *err);
/* Copies the options. LH_EUSAGE names the one that makes no sense. */
int spending_take_options(struct spending *s, const lh_run_options *o, lh_error *err);
/* Reads what was used so far, when there is a budget. After the recovery of orphans. LH_EUSAGE: a budget of money, and a model of unknown price. */
int spending_open(struct lh_run *r, const char *db, lh_error *err);

/* Of the endpoints that can serve a model, those that a budget of money allows: where its price is known. When there are none its jobs are left,
 * and the work of others goes on. */
uint64_t spending_leave_unpriced(struct lh_run *r, struct model *model, uint64_t can);
/* Nothing else is left: finishes the run, if there are such. */
bool spending_finish_unpriced(struct lh_run *r);

/* When there is a budget: what the job's body says of its worst case. */
void spending_read_terms(struct lh_run *r, struct claimed_job *job);

/* A tick: stops_begin, then for each job that may go: is there enough of the budget left for it at that endpoint? */
void spending_begin(struct lh_run *r);
bool spending_allow(struct lh_run *r, const struct endpoint *e, const struct claimed_job *next);
/* When there is not: the other endpoints, by bit, where there is. When there are none even with nothing in flight, stops_see_budget finishes
 * the run. */
uint64_t spending_allow_elsewhere(struct lh_run *r, const struct claimed_job *next);
void spending_see_end(struct lh_run *r);
/* Takes its worst case from the budget, and returns it. */
struct budget_sum spending_take(struct lh_run *r, const struct endpoint *e, const struct claimed_job *job);
/* A request has ended. Returns its cost, LH_UNKNOWN when that is not known. */
int64_t spending_settle(const struct flight *f, const struct outcome *o);
#endif

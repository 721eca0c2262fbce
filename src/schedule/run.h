/* Inside the scheduler only: the state of a run. One loop thread owns all of it; the store thread is behind `writer`. */
#ifndef LH_SCHEDULE_RUN_H
#define LH_SCHEDULE_RUN_H

#include <stdatomic.h>
#include <uv.h>

#include "http/http.h"
#include "limit/gate.h"
#include "longhaul.h"
#include "schedule/endpoints.h"
#include "schedule/guard.h"
#include "schedule/model_use.h"
#include "schedule/policy.h"
#include "schedule/spending.h"
#include "schedule/stops.h"
#include "schedule/tally.h"
#include "store/writer.h"

enum run_phase {
    RUN_WORKING,   /* claims and sends */
    RUN_FINISHING, /* sends nothing new; what is in flight may finish */
    RUN_ABORTING,  /* in flight was cut off; commits what there is */
    RUN_OVER       /* all is committed; the loop ends */
};

/* Jobs of one route in hand, first to go first. */
struct route {
    int64_t id;
    uint64_t can; /* endpoints that can serve it, by bit; of ROUTE_LOOSE each job has its own */
    struct claim_list jobs;
    char *model;               /* owned: its jobs' model; of ROUTE_LOOSE each has its own */
    struct model_use *use;     /* by the batch of the job that came last */
    int64_t prefetch;          /* how many to hold or have coming */
    int64_t sent_since_claims; /* requests that left since claims last came */
    int64_t
        closed_until_ms; /* no gate opens sooner: nothing of it is claimed, for others may need it first */
    bool is_fed;         /* by the claims that came last */
    bool is_blocked;     /* in this tick: the first may not go yet */
    struct endpoint_wait wait;
};

enum {
    HAND_ROUTES = ROUTES_MOST + 1,
    ASIDE_MOST = 1024,
    STOP_PATIENCE_MS =
        30000, /* how long the last commit is tried on a full disk before the next run must redo it */
};

struct hand {                          /* see hand.c */
    struct route *routes[HAND_ROUTES]; /* owned; those that have been seen */
    size_t count;
    int64_t held; /* jobs in all of them */
    /* Of ROUTE_LOOSE, which the store cannot pass over: those that no endpoint serves, so that they stand in nobody's way. */
    struct claim_list aside;
    int64_t asked;         /* claims asked for, ever */
    int64_t arrived;       /* and come */
    struct route_set shut; /* as the store was told last */
    int64_t shuts;         /* how often it was told */
    int64_t shuts_in_view; /* and how often it had been told when it made the view */
};

struct lh_run {
    uv_loop_t loop;
    uv_async_t wake;       /* from the store thread, lh_run_stop */
    uv_timer_t gate_timer; /* when the gate opens again */
    uv_timer_t pulse;      /* progress, statistics */
    uv_timer_t grace;
    uv_signal_t sigint, sigterm;
    int open_handles;
    atomic_int stop_calls; /* of lh_run_stop */
    int stops_seen;

    /* options, copied */
    struct policy policy;
    lh_run_options options; /* no pointer in it but progress is valid */
    int64_t batch_id;       /* scope; LH_UNKNOWN: all */
    char batch[256];        /* "" for all */

    struct writer *writer;
    struct http_client *http;
    struct endpoints endpoints;
    struct json_parser *parser;
    struct guard *guard;
    struct random random;
    struct tally tally;
    struct stops stops;
    struct spending spending;
    struct models models;

    struct hand hand;

    struct flight *flights; /* in flight, a list */
    int64_t in_flight;
    int64_t posted, committed; /* outcomes */
    int64_t claimed_total;

    struct scope_view view;
    bool has_view;
    int64_t drains;
    int64_t steered;

    int64_t failing_since_ms; /* finishing, with nothing in flight, and the store cannot write; 0: not so */
    enum run_phase phase;
    enum lh_run_end end;
    char reason[512];
    lh_error fatal;          /* code 0 unless the run could not go on */
    bool store_gone;         /* its thread has ended with an error: nothing will be committed any more */
    bool store_failing;      /* answers cannot be kept: nothing is sent, claims wait in the buffer */
    char store_trouble[256]; /* the store's; "" when all is well */

    int64_t recovered;
    int64_t last_note_ms;

    int64_t attempts_before; /* in the store when this run began */
};

/* Makes progress: collects from the store, sends what the gate lets go, asks for more, sees the end. Called once after
 * each event; never from inside a callback of the HTTP client's start. */
void run_tick(struct lh_run *r);
/* ending.c: is it over? The last thing of a tick. */
void run_see_end(struct lh_run *r);

/* No new requests from now on; the run ends when the last is committed. The first reason stays. */
void run_finish(struct lh_run *r, enum lh_run_end end, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Cuts off what is in flight; its jobs become ready again. */
void run_abort(struct lh_run *r);
/* --fail-fast: a job of the batch died; what was not sent is canceled. */
void run_fail_fast(struct lh_run *r, int64_t batch_id, const char *why);
/* Gives unsent claims back to the store. */
void run_give_back(struct lh_run *r);

/* hand.c: the claims that are not sent yet. */
void hand_take(struct lh_run *r, struct claim_list *claims); /* from the store */
/* The route whose first job came first, of those that are not blocked in this tick; NULL: none. */
struct route *hand_next(struct lh_run *r);
struct claimed_job *hand_pop(struct lh_run *r, struct route *route); /* its first; there must be one */
/* Asks the store for more where there is too little in hand or coming. starving: more could go than there is. */
void hand_ask(struct lh_run *r, bool starving);
/* Gives its jobs back and asks for none until then (monotonic). */
void hand_close(struct lh_run *r, struct route *route, int64_t until_ms);
bool hand_is_closed(const struct lh_run *r); /* some route is */
void hand_reopen(struct lh_run *r);          /* all: their gates may have opened */
/* Lays the first of ROUTE_LOOSE aside, as no endpoint is left that could serve it. False: it is not so, or too many lie there. */
bool hand_lay_aside(struct lh_run *r, struct route *route);
/* No endpoint is left that could serve it. */
bool hand_is_hopeless(const struct lh_run *r, const struct route *route);
/* Nor one that was ever reached in this run, after some tries. */
bool hand_is_lost(const struct lh_run *r, const struct route *route);
/* All that is left in the store is of such routes. */
bool hand_is_stuck(const struct lh_run *r);
void hand_free(struct lh_run *r);

/* options.c: copies and checks them. LH_EUSAGE names the option. */
int run_take_options(struct lh_run *r, const lh_run_options *o, lh_error *err);

/* flight.c: sends a job to an endpoint; takes it over. Returns false when it could not leave (given back, the run finishing or fatal). */
bool flight_start(struct lh_run *r, struct endpoint *e, struct claimed_job *job);
void flight_give_back(struct lh_run *r, struct claimed_job *first); /* a list of jobs that were not sent */
void flight_cancel_all(struct lh_run *r);

/* keep.c: takes up what the last run knew of the endpoints' limits, and saves it all for the next: when it is due, or at once. */
int keep_open(struct lh_run *r, const char *db, lh_error *err);
void keep_now(struct lh_run *r, bool at_once);

/* pulse.c: progress to the caller, statistics to the store. */
void pulse_now(struct lh_run *r, bool last);
/* The cost of this run, and what its budget leaves; LH_UNKNOWN without prices, without a limit. */
void pulse_budget(const struct lh_run *r, int64_t *cost_nanousd, int64_t *tokens_left,
                  int64_t *cost_left_nanousd);

#endif

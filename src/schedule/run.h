/* Inside the scheduler only: the state of a run. One loop thread owns all of it; the store thread is behind `writer`. */
#ifndef LH_SCHEDULE_RUN_H
#define LH_SCHEDULE_RUN_H

#include <stdatomic.h>
#include <uv.h>

#include "http/http.h"
#include "limit/gate.h"
#include "longhaul.h"
#include "schedule/endpoint.h"
#include "schedule/guard.h"
#include "schedule/policy.h"
#include "schedule/tally.h"
#include "store/writer.h"

enum { DIALECTS = 2 };

enum run_phase {
    RUN_WORKING,   /* claims and sends */
    RUN_FINISHING, /* sends nothing new; what is in flight may finish */
    RUN_ABORTING,  /* in flight was cut off; commits what there is */
    RUN_OVER       /* all is committed; the loop ends */
};

struct lh_run {
    uv_loop_t loop;
    uv_async_t wake;       /* from the store thread, lh_run_stop */
    uv_timer_t gate_timer; /* when the gate opens again */
    uv_timer_t pulse;      /* progress, statistics */
    uv_timer_t grace;
    uv_signal_t sigint, sigterm;
    int open_handles;
    atomic_int stops; /* lh_run_stop calls */
    int stops_seen;

    /* options, copied */
    struct policy policy;
    lh_run_options options;
    char *base_url, *ca_file; /* owned copies that options point to */
    int64_t batch_id;         /* scope; LH_UNKNOWN: all */
    char batch[256];          /* "" for all */
    bool dialect_forced;      /* else by each job's url */
    enum dialect forced;

    struct writer *writer;
    struct http_client *http;
    struct gate *gate;
    struct endpoint endpoints[DIALECTS];
    struct json_parser *parser;
    struct guard *guard;
    struct random random;
    struct tally tally;

    /* claims that are not sent yet, first to go first */
    struct claim_list buffer;
    int64_t asked;             /* claims asked for, ever */
    int64_t arrived;           /* and come */
    int64_t prefetch;          /* how many to hold or have coming */
    int64_t sent_since_claims; /* requests that left since claims last came */
    int64_t shut_until_ms; /* the gate opens no sooner: nothing is claimed, for others may need it first */

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
    lh_error fatal;             /* code 0 unless the run could not go on */
    bool store_gone;            /* its thread has ended with an error: nothing will be committed any more */
    bool store_failing;         /* answers cannot be kept: nothing is sent, claims wait in the buffer */
    char store_trouble[256];    /* the store's; "" when all is well */
    char provider_trouble[256]; /* it cannot be reached; "" when it can */

    /* an endpoint that cannot be reached */
    int64_t unreachable; /* failures in a row, over all requests */
    bool reached;        /* some answer came in this run */
    int64_t recovered;
    int64_t last_note_ms;
};

/* Makes progress: collects from the store, sends what the gate lets go, asks for more, sees the end. Called once after
 * each event; never from inside a callback of the HTTP client's start. */
void run_tick(struct lh_run *r);

/* No new requests from now on; the run ends when the last is committed. The first reason stays. */
void run_finish(struct lh_run *r, enum lh_run_end end, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Cuts off what is in flight; its jobs become ready again. */
void run_abort(struct lh_run *r);
/* Gives unsent claims back to the store. */
void run_give_back(struct lh_run *r);

/* hand.c: the claims that are not sent yet. */
void hand_init(struct lh_run *r);
void hand_take(struct lh_run *r, struct claim_list *claims); /* from the store */
struct claimed_job *hand_pop(struct lh_run *r);              /* the first; there must be one */
/* Asks the store for more when there are too few in hand or coming. starving: the gate would let more go. */
void hand_ask(struct lh_run *r, bool starving);
/* Nothing can go before until_ms (monotonic): gives all back and asks for none until then. */
void hand_shut(struct lh_run *r, int64_t until_ms);

/* options.c: copies and checks them. LH_EUSAGE names the option. */
int run_take_options(struct lh_run *r, const lh_run_options *o, lh_error *err);

/* flight.c: sends a job; takes it over. Returns false when it could not leave (given back, the run finishing or fatal). */
bool flight_start(struct lh_run *r, struct claimed_job *job);
void flight_cancel_all(struct lh_run *r);
/* What a job asks of the gate. */
struct gate_request flight_request(const struct claimed_job *job);

/* pulse.c: progress to the caller, statistics to the store. */
void pulse_now(struct lh_run *r, bool last);

#endif

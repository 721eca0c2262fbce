/* The simulated provider: an HTTP server on libmicrohttpd that answers as OpenAI and Anthropic do, slowly, refusing and failing as
 * it is told, the same way for the same seed. It lets anyone try everything without a key, and every test stands on it.
 *
 * Endpoints: POST /v1/chat/completions, /v1/completions, /v1/embeddings, /v1/responses, /v1/messages; GET /v1/models, /sim/stats.
 * The text of an answer is "echo HASH: BEGINNING", HASH being the XXH3-64 of the request's body in hex, so that a reader can prove that
 * an answer belongs to its request. sim_start returns at once; the server has its own threads. */
#ifndef LH_SIM_SIM_H
#define LH_SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct sim;

struct sim_options {
    const char *bind;        /* "127.0.0.1" */
    int64_t port;            /* 0: a free one */
    const char *latency;     /* ms: "200", "100..400", "lognormal:MEDIAN,SIGMA" */
    const char *faults;      /* "429=2,500=1,reset=0.5", in percent; NULL */
    double fault_rate;       /* percent, spread over all kinds but hang */
    int64_t max_faults;      /* that one request meets before it is answered; 0: no bound */
    const char *poison;      /* bodies that hold this always fail; NULL or "": none */
    const char *poison_kind; /* "400", "500", "reset", "hang", "policy" */
    int64_t rpm, tpm;        /* granted per minute; 0: no limit */
    const char *require_key; /* 401 without it; NULL */
    int64_t quota;           /* after so many answers: insufficient_quota; 0: none */
    bool replay;             /* a repeated Idempotency-Key is answered as the first time */
    const char *record;      /* file: a line "KEY HASH" for each answer of 200; NULL */
    uint64_t seed;
};
void sim_options_default(struct sim_options *o);

/* LH_EUSAGE names the option; LH_ENET: the port is taken, and so on. */
int sim_start(const struct sim_options *o, struct sim **out, lh_error *err);
int sim_port(const struct sim *s);
void sim_stop(struct sim *s); /* NULL-safe; ends connections, flushes the record */

struct sim_stats {
    int64_t requests, answers;  /* all, and those answered with 200 */
    int64_t throttled, refused; /* 429 by limits; 4xx otherwise */
    int64_t faults;             /* told to fail */
    int64_t in_flight, peak_in_flight;
    int64_t repeated_answers; /* 200 for an Idempotency-Key that had one already (not replayed ones) */
};
void sim_get_stats(struct sim *s, struct sim_stats *out);

#endif

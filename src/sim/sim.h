/* The simulated provider: an HTTP server on libmicrohttpd that answers as OpenAI and Anthropic do, slowly, refusing and failing as
 * it is told, the same way for the same seed. It lets anyone try everything without a key, and every test stands on it.
 *
 * Endpoints: POST /v1/chat/completions, /v1/completions, /v1/embeddings, /v1/responses, /v1/messages; GET /v1/models, /sim/stats (JSON), /sim (a page).
 * The text of an answer is "echo HASH: BEGINNING", HASH being the XXH3-64 of the request's body in hex, so that a reader can prove that
 * an answer belongs to its request. sim_start returns at once; the server has its own threads. */
#ifndef LH_SIM_SIM_H
#define LH_SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct sim;

struct sim_options {
    const char *bind;     /* "127.0.0.1" */
    int64_t port;         /* 0: a free one */
    const char *latency;  /* ms: "200", "100..400", "lognormal:MEDIAN,SIGMA" */
    const char *output;   /* tokens of an answer, in the same words; at most those that the request allows */
    double claude_factor; /* /v1/messages tells so many times the prompt's tokens; 0.1 to 10 */
    int64_t cached;       /* percent of the prompt's tokens, rounded down, that are told as cached */
    const char *faults;   /* "429=2,500=1,reset=0.5", in percent; NULL */
    double fault_rate;    /* percent, spread over all kinds but hang */
    int64_t max_faults;   /* that one request meets before it is answered; 0: no bound */
    const char *poison;   /* bodies that hold this always fail; NULL or "": none */
    const char *poison_kind; /* "400", "500", "reset", "hang", "policy" */
    int64_t rpm, tpm;        /* granted per minute; 0: no limit */
    const char *enforce;     /* how: "bucket", "window" (rolling 60 s), "minute" (fixed) */
    int64_t burst_ms;   /* of the bucket: it holds so much of its flow, one request at least; to an hour */
    bool refused_count; /* refused requests count against the limits too */
    const char *change; /* "60s:rpm=300,120s:rpm=1200", after the first request; NULL */
    const char *outage; /* "60s..120s:503", after the first request; kinds 503, 529, reset; NULL */
    const char *limit_headers; /* "auto" (by the request's dialect), "openai", "anthropic", "none" */
    bool no_retry_after;       /* a 429 does not say how long to wait */
    const char *require_key;   /* 401 without it; NULL */
    int64_t quota;             /* after so many answers: insufficient_quota; 0: none */
    bool replay;               /* a repeated Idempotency-Key is answered as the first time */
    const char *record;        /* file: a line "KEY HASH" for each answer of 200; NULL */
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
    /* How the client kept to the limits, since the first request. */
    int64_t elapsed_ms;
    int64_t rpm, tpm; /* the limits now; 0: none */
    int64_t allowance_requests,
        allowance_tokens; /* sum of the limits over time, outages left out; −1: there was none */
    int64_t granted_requests, granted_tokens;
    int64_t refused_for_rate;
    int64_t too_early;       /* before a Retry-After that had been told was over */
    int64_t largest_burst;   /* most requests that came in one second */
    int64_t outage_requests; /* that came in an outage */
    int64_t billed_prompt_tokens, billed_completion_tokens; /* of all answers that were made, heard or not */
};
double sim_utilisation(int64_t granted, int64_t allowance); /* percent; −1 without an allowance */
double sim_refused_share(const struct sim_stats *s);        /* percent of those that the limits decided on */

void sim_get_stats(struct sim *s, struct sim_stats *out);

#endif

/* liblonghaul: what a run would take, in tokens, money and time, before it begins. As in longhaul.h for all else. */
#ifndef LONGHAUL_ESTIMATE_H
#define LONGHAUL_ESTIMATE_H

#include "longhaul.h"

typedef struct
    lh_range { /* LH_UNKNOWN: low never; expected: there is nothing to go by; high: nothing bounds it */
    int64_t low, expected, high;
} lh_range;

typedef enum lh_unservable_reason {
    LH_PROMPT_OVER_CONTEXT,
    LH_TOTAL_OVER_CONTEXT, /* the prompt and the bound of its answer together */
    LH_BOUND_OVER_MAX_OUTPUT,
    LH_NO_ENDPOINT, /* none serves its model, or its url */
} lh_unservable_reason;

/* A request that no provider will answer. Strings are borrowed for the call. */
typedef struct lh_unservable {
    const char *input, *custom_id, *model;
    int64_t line; /* of that input */
    lh_unservable_reason reason;
    int64_t prompt_tokens;
    int64_t answer_bound; /* tokens of one answer; LH_UNKNOWN: not bounded */
    int64_t limit;        /* the model's context, or its longest answer; LH_UNKNOWN: no endpoint */
} lh_unservable;

typedef enum lh_count_basis {                     /* of prompts */
                              LH_COUNTED_EXACTLY, /* but for what is reckoned by a formula: the model's own encoding */
                              LH_COUNT_ASSUMED, /* the model is not known: o200k_base */
                              LH_COUNT_CLAUDE,  /* there is no public tokenizer: o200k_base */
} lh_count_basis;

typedef enum lh_latency_basis { LH_LATENCY_GIVEN, LH_LATENCY_MEASURED, LH_LATENCY_ASSUMED } lh_latency_basis;

/* Of requests that can be served, unless a name says otherwise. */
typedef struct lh_model_estimate {
    char *name; /* owned by the report; "" when it is too long, or one of more than can be told apart */
    int64_t requests, unservable;
    int64_t prompt_tokens;      /* as they will be told, by what was told so far */
    int64_t counted_tokens;     /* as they were counted */
    int64_t approximate_tokens; /* the part of these that is reckoned by a formula */
    lh_count_basis basis;
    int64_t calibrated_by; /* answers that the count was corrected by; 0: it was not */
    lh_range output_tokens;
    int64_t unbounded; /* requests whose answer nothing bounds */
    int64_t answers;   /* that the expected output is the mean of; 0: nothing is measured */
    bool is_of_batch;  /* those are answers of this batch; else of all batches */
    lh_latency_basis latency_basis;
    int64_t latency_ms; /* of the mean answer; LH_UNKNOWN when it is assumed */
    lh_range cost_nanousd;
    int64_t unpriced; /* requests that this is without, as their price is not known */
    lh_range
        batch_cost_nanousd; /* through the provider's batch API; LH_UNKNOWN unless all has such a price */
    int64_t context, max_output; /* the model's; LH_UNKNOWN */
} lh_model_estimate;

typedef struct lh_endpoint_estimate { /* its part of the time that is expected, else of the longest */
    char name[128];
    int64_t requests, wall_ms;
    const char *limiter; /* "" when nothing holds requests back */
} lh_endpoint_estimate;

typedef struct lh_estimate_options {
    const lh_ingest_options
        *input;                /* as for lh_ingest; tenant, weight, priority, update are without meaning */
    const lh_run_options *run; /* endpoints, limits, prices, budget: as the run would have them */
    const char *db;            /* what it knows is used; it is only read. NULL: nothing is known */
    int64_t latency_ms;        /* of an answer; LH_UNKNOWN: as measured, else assumed */
    int (*unservable)(void *arg, const lh_unservable *u); /* each; non-zero ends it and is returned; NULL */
    void *arg;
} lh_estimate_options;

typedef struct lh_estimate_report {
    char batch[256];
    int64_t lines, bad_lines;
    int64_t requests, unservable, no_endpoint; /* the last are part of those before */
    /* Of requests that can be served: */
    int64_t prompt_tokens, counted_tokens, approximate_tokens;
    int64_t prompt_p50, prompt_p99,
        prompt_max; /* tokens of one request; percentiles are up to 3.2 % too large */
    lh_range output_tokens;
    int64_t unbounded;
    lh_range cost_nanousd;
    int64_t unpriced;
    lh_range batch_cost_nanousd;
    lh_range wall_ms;
    const char *limiter; /* what binds, at the expected time, else at the longest; "" when nothing does */
    lh_latency_basis latency_basis; /* assumed when that of any model is */
    bool has_limits;                /* some limit was given */
    lh_model_estimate *models;      /* owned; those with the most requests first */
    size_t n_models;
    lh_endpoint_estimate *endpoints; /* owned; those that get something */
    size_t n_endpoints;
    bool exists; /* a batch of that name is in the database: */
    int64_t batch_jobs, batch_done;
    char note[512]; /* why nothing is known of earlier answers; "" */
} lh_estimate_report;

/* o->latency_ms is unknown, the rest empty. */
void lh_estimate_options_default(lh_estimate_options *o);
/* Reads all input and sends nothing. LH_EINPUT for bad lines unless skip_bad, as lh_ingest; LH_EUSAGE for options that a run would refuse;
 * LH_ESTATE "interrupted". No retries, faults, cached tokens or limits that only answers tell are in it; but at most, prompts are written into the
 * provider's cache where that is dearer, as in the worst case of a budget. Requests whose custom_id stands twice are not looked for. Free the report whatever is returned. */
int lh_estimate(const lh_estimate_options *o, lh_estimate_report *out, lh_error *err);
void lh_estimate_free(lh_estimate_report *report); /* all zeroes, too */

#endif

/* What an input's requests come to, by model and by the endpoints that can serve them: tokens and money, at least, as expected, and at most.
 * Little is done for a line, and nothing allocated but for the first of its kind; memory goes by models, not by lines. One thread. */
#ifndef LH_ESTIMATE_SUMS_H
#define LH_ESTIMATE_SUMS_H

#include "base/histogram.h"
#include "base/strbuf.h"
#include "batch/chunk.h"
#include "estimate/fit.h"
#include "longhaul_estimate.h"
#include "schedule/model_use.h"

struct money { /* nano-dollars of all requests of a cell, at one price */
    struct price price;
    uint64_t at; /* the endpoints that have it, by bit */
    lh_range sum;
    int64_t unpriced; /* requests that are not in it: even a known price may end where prompts get long */
};

/* A sum of tokens that are reckoned with a fraction: what is left over of one request goes to the next. */
struct carried {
    int64_t sum;
    double rest; /* 0 to 1 */
};

struct cell {
    struct cell *next, *next_in_bucket;
    const struct model_use *use;
    uint64_t can;                   /* of the lowest tier; 0: nobody serves it */
    const struct measured *answers; /* to go by; NULL: nothing is measured */
    double mean, calibration;
    struct fit_limits limits;
    enum prompt_basis basis;

    int64_t requests, unservable;
    int64_t counted, approximate;
    struct carried prompt, expected; /* tokens; the latter without meaning when nothing is measured */
    int64_t bounded;                 /* sum of the answers' bounds, or of the model's own where it has one */
    int64_t unbounded;               /* requests that have neither */
    int64_t answered;                /* requests that get an answer with tokens: not embeddings */
    struct money *money;             /* owned: for each price that differs */
    size_t n_money;
};

enum { SUMS_BUCKETS = 1024 };

struct sums {
    struct models *models;
    const struct endpoints *endpoints;
    int64_t batch_id;
    bool needs_price; /* there is a budget of money: nothing goes where the price is not known */
    struct cell *first, *last_added;
    struct cell *buckets[SUMS_BUCKETS];
    size_t n_cells;
    struct cell *last_used; /* that of the line before, whose model and url these are: */
    struct strbuf last_model, last_url;
    struct histogram prompts;
    int64_t requests, unservable, no_endpoint;
};

/* models and endpoints are borrowed; what the store knows of the models was read before. batch_id: -1 of a batch that is in no store. needs_price:
 * there is a budget of money. */
void sums_init(struct sums *s, struct models *models, const struct endpoints *endpoints, int64_t batch_id,
               bool needs_price);
void sums_free(struct sums *s);

/* Adds a request. 1: it cannot be served; it is not in the sums, and *u says why, but for its place. 0; LH_ENOMEM. */
int sums_add(struct sums *s, const struct line_job *job, const char *model, const char *url,
             lh_unservable *u);

#endif

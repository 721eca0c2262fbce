/* The models that a run's jobs ask for: what each costs at each endpoint, and what is learned of its prompts and answers, by model and by
 * batch. From this comes what a request is expected to use (for the limits) and what it may use at most (for the budget). Loop thread. */
#ifndef LH_SCHEDULE_MODEL_USE_H
#define LH_SCHEDULE_MODEL_USE_H

#include "limit/budget.h"
#include "limit/gate.h"
#include "longhaul.h"
#include "provider/provider.h"
#include "schedule/endpoints.h"
#include "store/claim.h"
#include "tokens/measured.h"

enum {
    MODELS_MOST = 4096,      /* a run that meets more treats the rest as one, of unknown price */
    MODEL_USES_MOST = 65536, /* likewise of batches: what is learned is the model's, then */
    MODEL_NAME_MOST = 256,
    SEEN_OUTPUT_MOST =
        1000000, /* no model answers at such length: what told more must not shut budgets for good */
    UNBOUNDED_OUTPUT_MOST =
        4096, /* the longest of such, for a budget, where the model's own bound is not known */
};

struct model {
    struct model *next;  /* of the same hash */
    char *name;          /* owned; "" of the rest */
    int64_t most_output; /* LH_UNKNOWN */
    double doubt;        /* a prompt may be so many times its count; 1 where the model's encoding is known */
    enum reserve reserve;
    bool other_tier; /* it was served at a tier that a list of prices does not tell; it may be so again */
    bool is_left;    /* a budget of money leaves its jobs, as nobody knows its price */
    struct price *prices; /* owned: at each endpoint */
    struct measured measured;
};

struct model_use { /* by a batch */
    struct model_use *next;
    int64_t batch_id;
    struct model *model;
    struct measured measured;
};

enum { MODEL_BUCKETS = 1024, USE_BUCKETS = 4096 };
struct models {
    struct model *by_name[MODEL_BUCKETS];
    struct model_use *by_batch[USE_BUCKETS];
    size_t count, uses;
    const struct endpoints *endpoints;
    lh_model *own;    /* owned */
    char **own_names; /* owned, and each */
    size_t n_own;
    enum reserve reserve;
};

/* "max", "high", "mean". */
bool reserve_from_name(const char *name, enum reserve *out);

/* Copies the options' own models; `reserve` is set already. The endpoints must be open, and stay. */
int models_open(struct models *m, const lh_run_options *o, const struct endpoints *endpoints, lh_error *err);
void models_free(struct models *m);
/* Takes up what the store knows of the models of a batch (LH_UNKNOWN: of all). */
int models_read(struct models *m, const char *db, int64_t batch_id, lh_error *err);

/* The model's name in the body of a job; "" without one, or when it is longer. */
void job_model_name(const struct claimed_job *job, struct json_parser *parser, char out[MODEL_NAME_MOST + 1]);

/* A model, made when it is new; NULL: out of memory. It stays as long as `m`. */
struct model *models_find(struct models *m, const char *name);
/* A batch's use of a model, made when it is new; NULL: out of memory. It stays as long as `m`. */
struct model_use *models_use(struct models *m, int64_t batch_id, const char *name);

/* What the limits are to reserve for a job. job->use NULL: as counted, and its bound. */
struct gate_request job_expected(const struct claimed_job *job);
/* The most that it may use and cost at that endpoint. False: the price there is not known, and nanousd is 0. */
bool job_worst(const struct claimed_job *job, size_t endpoint, struct budget_sum *out);
/* The price at an endpoint; LH_UNKNOWN: the dearest of them all, known when one is. */
struct price model_price(const struct model *model, size_t endpoints, int64_t endpoint);
/* The endpoints, by bit, where it is known. */
uint64_t model_priced(const struct model *model, size_t endpoints);

struct attempts_past { /* that may have used something and told nothing */
    int64_t prompt;    /* sum of the counts */
    int64_t bounded_output;
    int64_t unbounded; /* answers that nothing bounded */
    bool other_tier;   /* they asked for a service tier that a list of prices does not tell */
};
/* What they may have used at most. False: the price is not known, and nanousd is 0. */
bool model_worst(const struct model *model, const struct price *price, const struct attempts_past *a,
                 struct budget_sum *out);

/* An answer has come. counted: the job's own count. is_good: it was what was asked for. */
void model_learn(struct model_use *use, int64_t counted, const struct usage *told, bool is_good,
                 int64_t latency_ms);

#endif

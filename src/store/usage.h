/* What was used and what it cost: the rows of the table `usage`, a cell for each batch, day and model.
 * The ledger adds each attempt to cells in memory and writes those that one transaction touched with that transaction, so that attempts,
 * batches and usage can never part. Reading: what a run begins with, and lh_usage_each. One owner at a time. */
#ifndef LH_STORE_USAGE_H
#define LH_STORE_USAGE_H

#include <stdbool.h>

#include "longhaul.h"
#include "provider/provider.h"
#include "store/store.h"

/* One attempt that ended. */
struct usage_sample {
    int64_t batch_id;
    int64_t started_at; /* ms since 1970: its day is that in UTC */
    const char *model;  /* that was asked for; borrowed for the call */
    const struct usage *told;
    int64_t cost_nanousd;   /* LH_UNKNOWN: not known */
    int64_t counted_prompt; /* tokens counted before it was sent; less than 1: not known */
    bool is_success;
    int64_t latency_ms;
};

/* Whether any of its tokens is told. An attempt stands in `usage` when it is so, or when what it cost is known. */
bool usage_is_told(const struct usage *u);

/* ---- writing ---- */

enum { USAGE_BUCKETS = 64 };

struct usage_cell;
struct usage_cells { /* all zero: empty */
    struct usage_cell *first,
        *last_used; /* the touched cells, in no order; the next sample is most often of the same one */
    struct usage_cell *buckets[USAGE_BUCKETS];
};

/* Adds what the sample tells; nothing when it tells nothing. LH_ENOMEM. */
int usage_cells_add(struct usage_cells *c, const struct usage_sample *s, lh_error *err);
/* Adds each touched cell to its row, inside a write transaction, and forgets the cells: memory is bounded by what one transaction
 * touches. */
int usage_cells_write(struct usage_cells *c, struct store *s, lh_error *err);
void usage_cells_free(struct usage_cells *c);

/* ---- reading ---- */

/* Sums over the days of a batch and a model; `name` is the model. Strings are borrowed for the call. A non-zero return ends the walk and
 * is returned. */
typedef int usage_fn(void *arg, int64_t batch_id, const lh_usage *u);

/* Each model of the batch (LH_UNKNOWN: of all batches, one after the other). */
int usage_of_models(struct store *s, int64_t batch_id, usage_fn *fn, void *arg, lh_error *err);

/* As lh_usage_each; batch_id LH_UNKNOWN: all. */
int usage_each(struct store *s, int64_t batch_id, lh_usage_by by, int (*fn)(void *arg, const lh_usage *u),
               void *arg, lh_error *err);

#endif

/* The writing half of an ingest: chunks into rows, each chunk in a transaction together with the checkpoint that says so.
 * Inside `batch` only; the thread that called lh_ingest. */
#ifndef LH_BATCH_INSERT_H
#define LH_BATCH_INSERT_H

#include "batch/chunks.h"
#include "batch/load_state.h"
#include "store/batches.h"

struct loader {
    struct store *store;
    const lh_ingest_options *options;
    lh_batch batch;
    struct load_state state;
    char *written;      /* owned: the checkpoint as this process wrote it last; NULL: it wrote none yet */
    int64_t added, bad; /* by this call */
    int64_t bad_shown;
    bool refused;
};

/* Inserts a chunk. Bad lines are reported; without skip_bad the first sets `refused` and nothing of its chunk stays. Returns LH_ESTATE
 * when another process loads the same batch. */
int insert_chunk(struct loader *l, const struct chunk *chunk, lh_error *err);

/* Reports the bad lines of a chunk of a load that is refused already. */
void insert_report_bad(struct loader *l, const struct chunk *chunk);

/* Removes what a refused load inserted, in bounded transactions, and then the batch if it was new. Safe to repeat. */
int insert_discard(struct loader *l, lh_error *err);

/* Writes the state as the batch's checkpoint, in the open transaction. */
int insert_put_state(struct loader *l, lh_error *err);

#endif

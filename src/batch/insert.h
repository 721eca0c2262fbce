/* The writing half of an ingest: chunks into rows, each chunk in a transaction together with the checkpoint that says so.
 * Inside `batch` only; the thread that called lh_ingest. */
#ifndef LH_BATCH_INSERT_H
#define LH_BATCH_INSERT_H

#include "batch/chunks.h"
#include "batch/load_state.h"
#include "store/batches.h"
#include "store/routes.h"
#include "store/wal.h"

struct loader {
    struct store *store;
    struct wal wal; /* of that connection */
    const lh_ingest_options *options;
    lh_batch batch;
    char *params; /* owned: of that batch, in full; NULL for a new one */
    struct load_state state;
    struct route_table routes;
    char *written;      /* owned: the checkpoint as this process wrote it last; NULL: it wrote none yet */
    int64_t added, bad; /* by this call */
    bool refused;
};

/* A write transaction in a load: waits until the write-ahead log has room for about `bytes` (LH_ESTATE when asked to stop
 * meanwhile), begins, and makes sure that nobody else has moved the load on: LH_ESTATE when another process loads the same batch. */
int insert_begin(struct loader *l, int64_t bytes, lh_error *err);
/* Commits, or rolls back when rc is not 0; returns what came of it. */
int insert_end(struct loader *l, int rc, lh_error *err);

/* Inserts a chunk. Bad lines are reported; without skip_bad the first sets `refused` and nothing of its chunk stays. */
int insert_chunk(struct loader *l, const struct chunk *chunk, lh_error *err);

/* Reports the bad lines of a chunk of a load that is refused already. */
void insert_report_bad(struct loader *l, const struct chunk *chunk);

/* Removes what a refused load inserted, in bounded transactions, and then the batch if it was new. Safe to repeat. */
int insert_discard(struct loader *l, lh_error *err);

/* Ends the state "loading" in the open transaction: finished, paused or active, as l->batch counts its jobs. `was`: the state before
 * --update, "" for a new batch. */
int insert_leave_loading(struct loader *l, const char *was, lh_error *err);

/* Writes the state as the batch's checkpoint, in the open transaction. */
int insert_put_state(struct loader *l, lh_error *err);

#endif

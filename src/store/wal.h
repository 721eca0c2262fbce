/* Keeps the write-ahead log bounded: checkpoints are the store's own work, after its commits, on the thread that writes: a worker's
 * or an ingest's.
 * PASSIVE when the log has grown by a step; TRUNCATE once it is large and nobody reads. A reader that holds an old snapshot
 * pins the log: then it grows, a warning says so, and near the bound `wal_is_full` asks a worker to claim no more,
 * and an ingest waits until the log has room. */
#ifndef LH_STORE_WAL_H
#define LH_STORE_WAL_H

#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

#define WAL_BOUND_BYTES (INT64_C(256) * 1024 * 1024)

struct wal {
    struct store *store;
    int64_t page_size;
    int64_t pages;    /* in the log after the last commit */
    int64_t tried_at; /* pages when a checkpoint was last tried */
    int64_t full_at;  /* bytes that are near enough to the bound; lower in tests */
    bool warned;
};

/* Takes over the connection's checkpoints. */
int wal_open(struct wal *w, struct store *s, lh_error *err);
/* After a commit. Never fails a commit that stands: a checkpoint that cannot be made now is made later. */
void wal_after_commit(struct wal *w);
bool wal_is_full(const struct wal *w);
/* Whether a transaction of about that size still fits below the bound; an empty log takes any. */
bool wal_has_room(const struct wal *w, int64_t bytes);
/* Outside of a transaction: moves what it can out of the log. Warns when a reader holds it back. */
void wal_make_room(struct wal *w);
int64_t wal_bytes(const struct wal *w);

#endif

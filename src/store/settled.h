/* Batches of a run that are over and left the ledger: their counts stay for the totals, as this worker last saw them. Without memory
 * they do not: these are figures for people. Store thread. */
#ifndef LH_STORE_SETTLED_H
#define LH_STORE_SETTLED_H

#include "store/id_map.h"
#include "store/states.h"

struct settled {
    struct id_map batches;
    int64_t jobs[JOB_STATES]; /* of all */
};

void settled_add(struct settled *s, int64_t batch_id, const int64_t jobs[JOB_STATES]);
/* It came back (a requeue), and is counted in the ledger again. Nothing when it is not there. */
void settled_remove(struct settled *s, int64_t batch_id);
void settled_free(struct settled *s);

#endif

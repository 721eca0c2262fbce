/* Whose turn it is in a drain: lanes with ready jobs are told to `fair`, which picks; claims are made and charged, outcomes correct the
 * charge. Inside `store` only, in the drain's transaction. */
#ifndef LH_STORE_TURNS_H
#define LH_STORE_TURNS_H

#include "store/drain.h"

/* After the ledger was read. */
int turns_tell_all(struct drain *d, lh_error *err);
/* What the job came to. */
int turns_correct(struct drain *d, const struct outcome *o, bool stale, lh_error *err);
/* Claims what w asks for. */
int turns_claim(struct drain *d, struct drain_work *w, lh_error *err);

/* drain.c: LH_ECORRUPT, for jobs of a batch that are counted in a state and are not there. */
int drain_say_missing(const struct drain *d, const char *batch, const char *state, lh_error *err);

#endif

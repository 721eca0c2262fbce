/* What the attempts of a batch, or of all, have used so far, as a budget must reckon it. Any thread; a reading connection of its own. */
#ifndef LH_STORE_SPENT_H
#define LH_STORE_SPENT_H

#include <stdint.h>

#include "base/error.h"

struct spent {
    int64_t tokens;  /* committed: prompt and completion */
    int64_t nanousd; /* of the attempts whose cost was written */
    /* attempts that told their usage when no price was known: */
    int64_t unpriced_prompt, unpriced_completion, unpriced_cached;
    /* the worst case of those that may have been paid for and did not tell (lost, cut off, 5xx, …): */
    int64_t silent_prompt, silent_output;
};

/* unbounded_output: what an answer that nothing bounds is reckoned at. Reads every attempt of the scope once: for a run with a budget.
 * After the recovery of orphans. Errors of store_open. */
int spent_read(const char *db, int64_t batch_id, int64_t unbounded_output, struct spent *out, lh_error *err);

#endif

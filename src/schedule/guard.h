/* The guard against a mistake that all requests share (a model's name, a parameter): when the first 50 answers of a batch
 * are all the same permanent error, the batch should pause before it is buried whole. Loop thread only. */
#ifndef LH_SCHEDULE_GUARD_H
#define LH_SCHEDULE_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "provider/provider.h"

enum { GUARD_ANSWERS = 50 };

struct guard;
struct guard *guard_new(void); /* NULL: out of memory */
void guard_free(struct guard *g);

/* A batch that has results already needs no guard. */
void guard_pass(struct guard *g, int64_t batch_id);

/* An answer of a batch came. True, once a batch, when it is time to pause. */
bool guard_answer(struct guard *g, int64_t batch_id, int status, const struct answer *a);

#endif

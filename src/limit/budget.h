/* The budget of a run: tokens and nano-dollars over its whole scope, never passed however many requests are in flight, as each is
 * reckoned at its worst case until its usage is known. Pure: integers that stop at INT64_MAX, no clock, nothing allocates or fails. Loop thread. */
#ifndef LH_LIMIT_BUDGET_H
#define LH_LIMIT_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "limit/gate.h"
#include "tokens/price.h"

struct budget_sum {
    int64_t tokens, nanousd;
};

struct budget {
    int64_t max_tokens, max_nanousd; /* INT64_MAX: no limit */
    struct price price;              /* the dearest there is; known when max_nanousd is a limit */
    struct budget_sum used;          /* of what has ended, earlier runs included */
    struct budget_sum flying;        /* worst case of what has not */
    int64_t in_flight;
};

bool budget_is_set(const struct budget *b);

enum budget_verdict {
    BUDGET_GO,
    BUDGET_WAIT, /* too large now, but what is in flight may use less than it could */
    BUDGET_NEVER /* too large, and nothing is in flight */
};
enum budget_verdict budget_allows(const struct budget *b, const struct gate_request *q);
void budget_take(struct budget *b, const struct gate_request *q);
/* It has ended. used NULL: not known, the worst case stands. at: the price where it went; NULL, or one that does not tell what that
 * costs: the budget's. */
void budget_settle(struct budget *b, const struct gate_request *q, const struct token_usage *used,
                   const struct price *at);

/* What is left, worst cases taken off; never below 0; INT64_MAX without a limit. */
struct budget_sum budget_left(const struct budget *b);

#endif

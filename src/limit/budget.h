/* The budget of a run: tokens and nano-dollars over its whole scope, never passed however many requests are in flight, as each is
 * reckoned at its worst case until its usage is known. Pure: integers that stop at INT64_MAX, no clock, nothing allocates or fails. Loop thread. */
#ifndef LH_LIMIT_BUDGET_H
#define LH_LIMIT_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "limit/gate.h"

struct price { /* nano-dollars per million tokens, 0 to 10^12 each */
    bool known;
    int64_t input, output;
    int64_t cached; /* of the part of the input that came from the provider's cache */
};

struct budget_usage {
    int64_t prompt_tokens; /* cached ones included */
    int64_t completion_tokens, cached_tokens;
};

/* Rounded up for each kind of token. The price must be known. Less than 0 tokens are none. */
int64_t price_of(const struct price *p, const struct budget_usage *u);

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
/* It has ended. used NULL: not known, the worst case stands. at: the price where it went; NULL, or not known: the budget's. */
void budget_settle(struct budget *b, const struct gate_request *q, const struct budget_usage *used,
                   const struct price *at);
/* The dearer of both, for each kind of token; what is not known is not dear. */
struct price price_worst(const struct price *a, const struct price *b);

/* What is left, worst cases taken off; never below 0; INT64_MAX without a limit. */
struct budget_sum budget_left(const struct budget *b);

#endif

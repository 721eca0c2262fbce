/* The budget of a run: tokens and nano-dollars over its whole scope, never passed however many requests are in flight, as each is
 * reckoned at its worst case until its usage is known. What that is, is the caller's to say. Pure: integers that stop at INT64_MAX, no
 * clock, nothing allocates or fails. Loop thread. */
#ifndef LH_LIMIT_BUDGET_H
#define LH_LIMIT_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

struct budget_sum { /* ≥ 0 */
    int64_t tokens, nanousd;
};

struct budget {
    int64_t max_tokens, max_nanousd; /* INT64_MAX: no limit */
    struct budget_sum used;          /* of what has ended, earlier runs included */
    struct budget_sum silent;        /* the part of it that is reckoned, as nobody told what was used */
    struct budget_sum flying;        /* worst case of what has not ended */
    int64_t in_flight;
};

bool budget_is_set(const struct budget *b);

enum budget_verdict {
    BUDGET_GO,
    BUDGET_WAIT, /* too large now, but what is in flight may use less than it could */
    BUDGET_NEVER /* too large, and nothing is in flight */
};
enum budget_verdict budget_allows(const struct budget *b, const struct budget_sum *worst);
/* Returns what is held for it while it flies, which budget_settle takes off again. */
struct budget_sum budget_take(struct budget *b, const struct budget_sum *worst);
/* It has ended. used NULL: not known, what was held stands. */
void budget_settle(struct budget *b, const struct budget_sum *held, const struct budget_sum *used);
/* So much was used before this run; silent: so much more may have been. */
void budget_begin(struct budget *b, const struct budget_sum *used, const struct budget_sum *silent);

/* What is left, worst cases taken off; never below 0; INT64_MAX without a limit. */
struct budget_sum budget_left(const struct budget *b);

#endif

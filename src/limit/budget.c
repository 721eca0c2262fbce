/* The budget of a run: see budget.h. */
#include "limit/budget.h"

#include <stddef.h>

#include "base/sum.h"

static struct budget_sum sum_of(const struct budget_sum *a, const struct budget_sum *b)
{
    return (struct budget_sum){sum_capped(a->tokens, b->tokens), sum_capped(a->nanousd, b->nanousd)};
}

bool budget_is_set(const struct budget *b)
{
    return b->max_tokens != INT64_MAX || b->max_nanousd != INT64_MAX;
}

enum budget_verdict budget_allows(const struct budget *b, const struct budget_sum *worst)
{
    struct budget_sum left = budget_left(b);
    if ((b->max_tokens == INT64_MAX || worst->tokens <= left.tokens) &&
        (b->max_nanousd == INT64_MAX || worst->nanousd <= left.nanousd))
        return BUDGET_GO;
    return b->in_flight > 0 ? BUDGET_WAIT : BUDGET_NEVER;
}

/* So much at most (46,000 USD) that a sum over all that can be in flight does not overflow, and what was added can be taken off again. */
struct budget_sum budget_take(struct budget *b, const struct budget_sum *worst)
{
    const int64_t most = INT64_MAX / 200000;
    struct budget_sum held = {.tokens = worst->tokens < most ? worst->tokens : most,
                              .nanousd = worst->nanousd < most ? worst->nanousd : most};
    b->flying.tokens += held.tokens;
    b->flying.nanousd += held.nanousd;
    b->in_flight++;
    return held;
}

void budget_settle(struct budget *b, const struct budget_sum *held, const struct budget_sum *used)
{
    b->flying.tokens -= held->tokens;
    b->flying.nanousd -= held->nanousd;
    b->in_flight--;
    b->used = sum_of(&b->used, used != NULL ? used : held);
    if (used == NULL)
        b->silent = sum_of(&b->silent, held);
}

void budget_begin(struct budget *b, const struct budget_sum *used, const struct budget_sum *silent)
{
    b->used = sum_of(&b->used, used);
    b->used = sum_of(&b->used, silent);
    b->silent = sum_of(&b->silent, silent);
}

static int64_t left_of(int64_t most, int64_t used, int64_t flying)
{
    if (most == INT64_MAX)
        return INT64_MAX;
    int64_t gone = sum_capped(used, flying);
    return gone < most ? most - gone : 0;
}

struct budget_sum budget_left(const struct budget *b)
{
    return (struct budget_sum){.tokens = left_of(b->max_tokens, b->used.tokens, b->flying.tokens),
                               .nanousd = left_of(b->max_nanousd, b->used.nanousd, b->flying.nanousd)};
}

/* The budget of a run: see budget.h. */
#include "limit/budget.h"

#include "longhaul.h"

static int64_t add(int64_t a, int64_t b)
{
    int64_t sum = 0;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static int64_t at_least_none(int64_t tokens)
{
    return tokens > 0 ? tokens : 0;
}

/* What the price does not tell, such as that of another tier, is reckoned at the worst that it does. */
static int64_t cost_of(const struct price *p, const struct token_usage *u)
{
    int64_t nanousd = price_of(p, u);
    return nanousd != LH_UNKNOWN ? nanousd : price_most(p, u->prompt, u->completion);
}

static struct budget_sum sum_of(const struct budget *b, const struct token_usage *u)
{
    struct budget_sum sum = {.tokens = add(at_least_none(u->prompt), at_least_none(u->completion))};
    if (b->price.known)
        sum.nanousd = cost_of(&b->price, u);
    return sum;
}

static struct budget_sum worst_of(const struct budget *b, const struct gate_request *q)
{
    struct budget_sum sum = {.tokens = add(at_least_none(q->prompt_tokens), at_least_none(q->output_tokens))};
    if (b->price.known)
        sum.nanousd = price_most(&b->price, q->prompt_tokens, q->output_tokens);
    return sum;
}

/* What a request holds while it flies: so much at most (46,000 USD) that a sum over all that can be in flight does not overflow, and
 * what was added can be taken off again. */
static struct budget_sum held_by(const struct budget *b, const struct gate_request *q)
{
    const int64_t most = INT64_MAX / 200000;
    struct budget_sum worst = worst_of(b, q);
    return (struct budget_sum){.tokens = worst.tokens < most ? worst.tokens : most,
                               .nanousd = worst.nanousd < most ? worst.nanousd : most};
}

bool budget_is_set(const struct budget *b)
{
    return b->max_tokens != INT64_MAX || b->max_nanousd != INT64_MAX;
}

enum budget_verdict budget_allows(const struct budget *b, const struct gate_request *q)
{
    struct budget_sum worst = worst_of(b, q), left = budget_left(b);
    if ((b->max_tokens == INT64_MAX || worst.tokens <= left.tokens) &&
        (b->max_nanousd == INT64_MAX || worst.nanousd <= left.nanousd))
        return BUDGET_GO;
    return b->in_flight > 0 ? BUDGET_WAIT : BUDGET_NEVER;
}

void budget_take(struct budget *b, const struct gate_request *q)
{
    struct budget_sum held = held_by(b, q);
    b->flying.tokens += held.tokens;
    b->flying.nanousd += held.nanousd;
    b->in_flight++;
}

void budget_settle(struct budget *b, const struct gate_request *q, const struct token_usage *used,
                   const struct price *at)
{
    struct budget_sum held = held_by(b, q), sum = used != NULL ? sum_of(b, used) : worst_of(b, q);
    int64_t there = used != NULL && at != NULL ? price_of(at, used) : LH_UNKNOWN;
    if (there != LH_UNKNOWN)
        sum.nanousd = there;
    b->flying.tokens -= held.tokens;
    b->flying.nanousd -= held.nanousd;
    b->in_flight--;
    b->used.tokens = add(b->used.tokens, sum.tokens);
    b->used.nanousd = add(b->used.nanousd, sum.nanousd);
}

static int64_t left_of(int64_t most, int64_t used, int64_t flying)
{
    if (most == INT64_MAX)
        return INT64_MAX;
    int64_t gone = add(used, flying);
    return gone < most ? most - gone : 0;
}

struct budget_sum budget_left(const struct budget *b)
{
    return (struct budget_sum){.tokens = left_of(b->max_tokens, b->used.tokens, b->flying.tokens),
                               .nanousd = left_of(b->max_nanousd, b->used.nanousd, b->flying.nanousd)};
}

/* The budget of a run: see budget.h. */
#include "limit/budget.h"

enum { MILLION = 1000000 };

static int64_t add(int64_t a, int64_t b)
{
    int64_t sum = 0;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static int64_t at_least_none(int64_t tokens)
{
    return tokens > 0 ? tokens : 0;
}

/* Whole millions first: the rest times the highest price fits. */
static int64_t cost(int64_t tokens, int64_t per_million)
{
    int64_t whole = 0;
    if (__builtin_mul_overflow(tokens / MILLION, per_million, &whole))
        return INT64_MAX;
    return add(whole, (tokens % MILLION * per_million + MILLION - 1) / MILLION);
}

int64_t price_of(const struct price *p, const struct budget_usage *u)
{
    int64_t prompt = at_least_none(u->prompt_tokens), cached = at_least_none(u->cached_tokens);
    if (cached > prompt)
        cached = prompt;
    int64_t sum = add(cost(prompt - cached, p->input), cost(cached, p->cached));
    return add(sum, cost(at_least_none(u->completion_tokens), p->output));
}

static struct budget_sum sum_of(const struct budget *b, const struct budget_usage *u)
{
    struct budget_sum sum = {.tokens =
                                 add(at_least_none(u->prompt_tokens), at_least_none(u->completion_tokens))};
    if (b->price.known)
        sum.nanousd = price_of(&b->price, u);
    return sum;
}

/* A cache may be dearer than what it saves. */
static struct budget_sum worst_of(const struct budget *b, const struct gate_request *q)
{
    struct budget_usage u = {.prompt_tokens = q->prompt_tokens, .completion_tokens = q->output_tokens};
    if (b->price.cached > b->price.input)
        u.cached_tokens = u.prompt_tokens;
    return sum_of(b, &u);
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

struct price price_worst(const struct price *a, const struct price *b)
{
    if (!a->known || !b->known)
        return a->known ? *a : *b;
    return (struct price){.known = true,
                          .input = a->input > b->input ? a->input : b->input,
                          .output = a->output > b->output ? a->output : b->output,
                          .cached = a->cached > b->cached ? a->cached : b->cached};
}

void budget_settle(struct budget *b, const struct gate_request *q, const struct budget_usage *used,
                   const struct price *at)
{
    struct budget_sum held = held_by(b, q), sum = used != NULL ? sum_of(b, used) : worst_of(b, q);
    if (used != NULL && at != NULL && at->known)
        sum.nanousd = price_of(at, used);
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

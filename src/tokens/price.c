/* What tokens cost: see price.h. */
#include "tokens/price.h"

#include "base/sum.h"
#include "longhaul.h"

enum { MILLION = 1000000, PERCENT = 100 };

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Whole millions first: the rest times the highest price, that of long prompts too, fits. */
static int64_t cost(int64_t tokens, int64_t per_million)
{
    int64_t whole = 0;
    if (__builtin_mul_overflow(tokens / MILLION, per_million, &whole))
        return INT64_MAX;
    return sum_capped(whole, (tokens % MILLION * per_million + MILLION - 1) / MILLION);
}

/* Both are percents. */
static int64_t scaled(int64_t per_million, int64_t length, int64_t tier)
{
    return (per_million * length * tier + PERCENT * PERCENT - 1) / (PERCENT * PERCENT);
}

int64_t price_of(const struct price *p, const struct token_usage *u)
{
    bool off_list = p->is_list && (u->tier == TIER_PRIORITY || u->tier == TIER_UNKNOWN);
    if (!p->known || off_list)
        return LH_UNKNOWN;
    int64_t prompt = larger(u->prompt, 0);
    int64_t cached = larger(u->cached, 0), written = larger(u->cache_write, 0);
    cached = smaller(cached, prompt);
    written = smaller(written, prompt - cached);
    bool is_long = p->long_prompt > 0 && prompt > p->long_prompt;
    if (is_long && (p->long_input_percent == 0 || p->long_output_percent == 0))
        return LH_UNKNOWN;
    int64_t tier = u->tier == TIER_BATCH ? PERCENT - p->batch_discount : PERCENT;
    int64_t in = is_long ? p->long_input_percent : PERCENT, out = is_long ? p->long_output_percent : PERCENT;
    int64_t sum = cost(prompt - cached - written, scaled(p->input, in, tier));
    sum = sum_capped(sum, cost(cached, scaled(p->cached, in, tier)));
    sum = sum_capped(sum, cost(written, scaled(p->cache_write, in, tier)));
    return sum_capped(sum, cost(larger(u->completion, 0), scaled(p->output, out, tier)));
}

/* Of one price without a step the percents say nothing; one that is not known makes both so. */
static int64_t worse_step(const struct price *a, int64_t a_percent, const struct price *b, int64_t b_percent)
{
    if (a->long_prompt == 0 || b->long_prompt == 0)
        return a->long_prompt == 0 ? b_percent : a_percent;
    return a_percent == 0 || b_percent == 0 ? 0 : larger(a_percent, b_percent);
}

static int64_t first_step(const struct price *a, const struct price *b)
{
    if (a->long_prompt == 0 || b->long_prompt == 0)
        return larger(a->long_prompt, b->long_prompt);
    return smaller(a->long_prompt, b->long_prompt);
}

struct price price_worst(const struct price *a, const struct price *b)
{
    if (!a->known || !b->known)
        return a->known ? *a : *b;
    return (struct price){
        .known = true,
        .input = larger(a->input, b->input),
        .output = larger(a->output, b->output),
        .cached = larger(a->cached, b->cached),
        .cache_write = larger(a->cache_write, b->cache_write),
        .batch_discount = smaller(a->batch_discount, b->batch_discount),
        .is_list = a->is_list || b->is_list,
        .long_prompt = first_step(a, b),
        .long_input_percent = worse_step(a, a->long_input_percent, b, b->long_input_percent),
        .long_output_percent = worse_step(a, a->long_output_percent, b, b->long_output_percent)};
}

int64_t price_most(const struct price *p, int64_t prompt, int64_t completion)
{
    struct token_usage u = {.prompt = prompt, .completion = completion, .tier = TIER_STANDARD};
    if (p->cache_write >= p->cached && p->cache_write > p->input)
        u.cache_write = prompt;
    else if (p->cached > p->input) /* a cache may be dearer than what it saves */
        u.cached = prompt;
    int64_t nanousd = price_of(p, &u);
    return nanousd == LH_UNKNOWN && p->known ? INT64_MAX : nanousd;
}

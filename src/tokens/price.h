/* What tokens cost, in integers: a price for each kind of token, and what a request came to at it. Pure; never allocates or fails;
 * sums stop at INT64_MAX. Any thread. Which model has which price: models.h. */
#ifndef LH_TOKENS_PRICE_H
#define LH_TOKENS_PRICE_H

#include <stdbool.h>
#include <stdint.h>

#include "provider/provider.h"

struct price { /* nano-dollars per million tokens, 0 to 10^12 each */
    bool known;
    int64_t input, output;
    int64_t cached;         /* of the part of the input that came from the provider's cache */
    int64_t cache_write;    /* of the part of the input that went into it */
    int64_t batch_discount; /* percent taken off all of it at the tier of batches; 0 to 100 */
    bool
        is_list; /* found by the model's name, not given for the endpoint: other tiers than it knows have other prices */
    /* A request with more prompt tokens than long_prompt costs so many percent of the above, all of it. Percents 0: nobody knows.
     * long_prompt 0: no such step. */
    int64_t long_prompt, long_input_percent, long_output_percent;
};

/* Less than 0 tokens are none. */
struct token_usage {
    int64_t prompt;              /* with the next two, which are parts of it */
    int64_t cached, cache_write; /* read from the cache, written into it */
    int64_t completion;          /* with those of reasoning */
    enum service_tier tier;
};

/* Nano-dollars, rounded up for each kind of token. LH_UNKNOWN when the price is not known, when it is a list's and the tier is PRIORITY or
 * UNKNOWN, and beyond a step that is not known: never 0. */
int64_t price_of(const struct price *p, const struct token_usage *u);

/* The dearer of both, for each kind of token; what is not known is not dear. */
struct price price_worst(const struct price *a, const struct price *b);

/* The most that so many tokens can cost at the tiers whose price is known, whatever the cache does: INT64_MAX beyond a step that is not
 * known, LH_UNKNOWN without a price. */
int64_t price_most(const struct price *p, int64_t prompt, int64_t completion);

#endif

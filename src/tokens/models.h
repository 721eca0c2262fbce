/* Models as data: src/tokens/data/models.csv, which the build checks and turns into a table. Pure; any thread. What is for users
 * (lh_model, lh_model_find, lh_model_each) stands in longhaul.h. */
#ifndef LH_TOKENS_MODELS_H
#define LH_TOKENS_MODELS_H

#include "longhaul.h"
#include "tokens/price.h"

extern const lh_model model_table[]; /* model_table_count, by strcmp of their names; made by the build */
extern const size_t model_table_count;

/* The list's price of a model. Known only when both input and output are; a cache whose price is not known costs as other input does. */
void price_of_model(const lh_model *m, struct price *out);

#endif

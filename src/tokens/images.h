/* What an image costs in tokens, by the published formulas. Pure; any thread; never fails.
 *
 * OpenAI (guide "Images and vision", "Calculating costs", read in 2026), by the model's name:
 * - tiles: fit into 2048 x 2048, then bring the shorter side down to 768; a base and so many for each 512 x 512 that it covers;
 *   detail low: the base.
 * - patches: of 32 x 32, after fitting into a square and a number of patches that the model and the detail set, times a factor; detail low:
 *   fitted into 512 x 512. The factor 1.2 of gpt-5.2 and later is no part of that page; it is what is billed.
 * Claude (guide "Vision", "Resolution and token cost"): patches of 28 x 28, after fitting into 1568 a side and 1568 patches; from Claude 4.7
 * on 2576 and 4784. (Until 2026 it said width * height / 750.)
 * Any other model is taken for gpt-4o. */
#ifndef LH_TOKENS_IMAGES_H
#define LH_TOKENS_IMAGES_H

#include "tokens/image_size.h"

/* `detail`: "low", "high", "original", "auto"; NULL is auto. */
int64_t image_tokens(const char *model, struct image_size size, const char *detail);

#endif

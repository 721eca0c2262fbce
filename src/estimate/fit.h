/* Requests that no provider will answer, as they are larger than their model allows. Pure. */
#ifndef LH_ESTIMATE_FIT_H
#define LH_ESTIMATE_FIT_H

#include "batch/line.h"
#include "longhaul_estimate.h"

struct fit_limits { /* of a model; LH_UNKNOWN */
    int64_t context, max_output;
};

/* True when the request cannot be served; *out then has the reason and the numbers. prompt_tokens: as they are expected to be told. A request
 * with several prompts is not held against the context, which is for each of them. */
bool fit_is_too_large(const struct fit_limits *limits, const struct line_job *job, int64_t prompt_tokens,
                      lh_unservable *out);

#endif

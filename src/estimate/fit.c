/* Requests that are too large: see fit.h. */
#include "estimate/fit.h"

static bool fails(lh_unservable *out, lh_unservable_reason reason, int64_t limit)
{
    out->reason = reason;
    out->limit = limit;
    return true;
}

bool fit_is_too_large(const struct fit_limits *limits, const struct line_job *job, int64_t prompt_tokens,
                      lh_unservable *out)
{
    bool is_bounded = job->max_output_tokens != LH_UNKNOWN;
    bool knows_context = limits->context != LH_UNKNOWN && job->prompts == 1;
    int64_t bound = is_bounded ? job->max_output_tokens / job->answers : LH_UNKNOWN;
    out->prompt_tokens = prompt_tokens;
    out->answer_bound = bound;
    if (knows_context && prompt_tokens > limits->context)
        return fails(out, LH_PROMPT_OVER_CONTEXT, limits->context);
    if (is_bounded && limits->max_output != LH_UNKNOWN && bound > limits->max_output)
        return fails(out, LH_BOUND_OVER_MAX_OUTPUT, limits->max_output);
    if (is_bounded && knows_context && limits->max_output != LH_UNKNOWN &&
        bound > limits->context - prompt_tokens)
        return fails(out, LH_TOTAL_OVER_CONTEXT, limits->context);
    return false;
}

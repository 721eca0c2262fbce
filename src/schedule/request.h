/* What a job asks of limiters. */
#ifndef LH_SCHEDULE_REQUEST_H
#define LH_SCHEDULE_REQUEST_H

#include "limit/gate.h"
#include "longhaul.h"
#include "store/claim.h"

enum { DEFAULT_OUTPUT_TOKENS = 256 }; /* reserved for an answer that nothing bounds; the usage settles it */

static inline struct gate_request job_request(const struct claimed_job *job)
{
    bool bounded = job->max_output_tokens != LH_UNKNOWN;
    return (struct gate_request){.prompt_tokens = job->prompt_tokens,
                                 .output_tokens = bounded ? job->max_output_tokens : DEFAULT_OUTPUT_TOKENS};
}

#endif

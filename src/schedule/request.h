/* What a job asks of limiters. */
#ifndef LH_SCHEDULE_REQUEST_H
#define LH_SCHEDULE_REQUEST_H

#include "limit/gate.h"
#include "store/claim.h"

static inline struct gate_request job_request(const struct claimed_job *job)
{
    return (struct gate_request){.prompt_tokens = job->prompt_tokens,
                                 .output_tokens = claimed_job_output_tokens(job)};
}

#endif

/* The limits that a provider tells with an answer, in headers or in the text of a refusal, brought to one form for all of them. What
 * makes no sense is dropped here, so that a lie changes nothing. Pure. */
#ifndef LH_PROVIDER_TOLD_LIMITS_H
#define LH_PROVIDER_TOLD_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

enum told_kind { TOLD_REQUESTS, TOLD_TOKENS, TOLD_INPUT_TOKENS, TOLD_OUTPUT_TOKENS, TOLD_KINDS };

struct told_limit {    /* of one kind; -1: not said */
    int64_t limit;     /* in a period */
    int64_t remaining; /* when the request was let in */
    int64_t full_ms;   /* from the answer until the limit is full again; no wait */
    int64_t period_ms; /* that the limit is for, when it is said; it seldom is */
};

struct told_limits {
    struct told_limit of[TOLD_KINDS];
    bool any; /* something of it was said */
};
void told_limits_none(struct told_limits *t);

#endif

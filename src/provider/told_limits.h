/* The limits that a provider tells with an answer, in headers or in the text of a refusal, brought to one form for all of them. What
 * makes no sense is dropped here, so that a lie changes nothing. Pure. */
#ifndef LH_PROVIDER_TOLD_LIMITS_H
#define LH_PROVIDER_TOLD_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

enum told_kind { TOLD_REQUESTS, TOLD_TOKENS, TOLD_INPUT_TOKENS, TOLD_OUTPUT_TOKENS, TOLD_KINDS };

/* No limit is more: what is beyond is no limit but a way to say "none", or a lie. */
#define TOLD_MOST INT64_C(1000000000000)
#define TOLD_MOST_MS \
    INT64_C(2764800000) /* 32 days: nothing takes longer to be full again, and no period is longer */

struct told_limit {    /* of one kind; -1: not said */
    int64_t limit;     /* in a period; 1 to TOLD_MOST */
    int64_t remaining; /* when the request was let in; 0 to the limit */
    int64_t full_ms;   /* from the answer until the limit is full again; no wait */
    int64_t period_ms; /* that the limit is for, when it is said; it seldom is */
};

struct told_limits {
    struct told_limit of[TOLD_KINDS];
    unsigned met; /* by a refusal: bits 1 << kind of the limits that it names as met */
    bool any;     /* something of all this was said */
};
void told_limits_none(struct told_limits *t);

/* Is given a header, name and value. */
typedef void told_header_fn(void *arg, const char *name, const char *value);

#endif

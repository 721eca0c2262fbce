/* What the simulated provider is told to do in mid-run: limits that change, and outages. Times are ms after the first request.
 * Pure. */
#ifndef LH_SIM_SCRIPT_H
#define LH_SIM_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "sim/faults.h"

enum { SCRIPT_MOST = 64 };

struct script {
    struct script_change {
        int64_t at_ms;
        int64_t rpm, tpm; /* −1: as it was; 0: no limit */
    } changes[SCRIPT_MOST];
    struct script_outage {
        int64_t from_ms, to_ms; /* [from, to) */
        enum fault kind;        /* FAULT_503, FAULT_529 or FAULT_RESET */
    } outages[SCRIPT_MOST];
    size_t n_changes, n_outages; /* in order of time; outages do not overlap */
};

/* change: "60s:rpm=300,120s:rpm=1200,tpm=90k"; an item without a time belongs to the time before it.
 * outage: "60s..120s,300s..310s:529"; without a kind it is 503. NULL is none. Times are in seconds, or as 500ms, 5m, 1h.
 * LH_EUSAGE. */
int script_parse(const char *change, const char *outage, struct script *out, lh_error *err);

/* The outage that there is at `at_ms`, or NULL. */
const struct script_outage *script_outage_at(const struct script *s, int64_t at_ms);
/* How much of [from_ms, to_ms) was outage. */
int64_t script_outage_ms(const struct script *s, int64_t from_ms, int64_t to_ms);

#endif

/* Sums as a report: ranges by model and in all, and the time that the limits leave. Inside `estimate` only. */
#ifndef LH_ESTIMATE_SUMMARY_H
#define LH_ESTIMATE_SUMMARY_H

#include "estimate/sums.h"
#include "longhaul_estimate.h"

/* Fills the report's numbers, models and endpoints. latency_ms: of an answer; LH_UNKNOWN: as measured, else assumed. LH_ENOMEM. */
int summary_write(const struct sums *s, int64_t latency_ms, lh_estimate_report *out);

#endif

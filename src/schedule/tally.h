/* The numbers of a run: latencies, rates, the most common errors; for progress, report and the checkpoint that `status`
 * reads. The clock is passed in. Loop thread only; nothing here allocates or fails. */
#ifndef LH_SCHEDULE_TALLY_H
#define LH_SCHEDULE_TALLY_H

#include "base/histogram.h"
#include "longhaul.h"
#include "provider/provider.h"
#include "store/outcome.h"

enum { TALLY_ERRORS = 32, TALLY_MINUTE = 60 };

struct tally {
    int64_t started_wall_ms, started_ms;
    int64_t attempts, answers, dead, retries;
    int64_t prompt_tokens, completion_tokens, cached_tokens, cache_write_tokens, reasoning_tokens,
        cost_nanousd;
    int64_t priced,
        unpriced;   /* attempts whose cost is known; that told what they used, and whose cost is not */
    int64_t silent; /* that told nothing, and may have been paid for */
    struct histogram latency_ms;
    struct lh_error_count errors[TALLY_ERRORS];
    size_t n_errors;
    double rate; /* finished jobs per second, smoothed over about five seconds */
    int64_t rate_at_ms, rate_finished;
    int64_t second; /* the second that the newest cell below counts */
    int32_t minute_attempts[TALLY_MINUTE], minute_failed[TALLY_MINUTE];
};

void tally_start(struct tally *t, int64_t now_ms, int64_t now_wall_ms);
void tally_attempt(struct tally *t, int64_t now_ms, const struct outcome *o);
/* Call about twice a second: moves the rate on. */
void tally_advance(struct tally *t, int64_t now_ms);
double tally_error_rate(
    const struct tally *
        t); /* failed / all attempts of the last minute, refusals for rate and stops left out; 0 without any */
/* Of the errors of the run, refusals for rate and stops left out; NULL when there was none. Borrowed. */
const struct lh_error_count *tally_most_common(const struct tally *t);
void tally_report(const struct tally *t, int64_t now_ms, lh_run_report *out);

#endif

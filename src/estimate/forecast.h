/* How long requests will take under limits that are known: pure arithmetic, as if requests were a fluid. No retries, no faults.
 *
 * An endpoint starts requests as fast as each of its limits lets it: what a full bucket holds at once, then its flow; the last answer
 * comes a latency after the last start. Concurrency is a limit like the others: its bucket holds as many requests, and each takes its
 * latency; only the end of it goes by whole rounds. Work that several endpoints can do goes where it starts first, so all that share it end together. */
#ifndef LH_ESTIMATE_FORECAST_H
#define LH_ESTIMATE_FORECAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "longhaul.h"

enum forecast_limit {
    FORECAST_NONE = -1, /* all can start at once */
    FORECAST_CONCURRENCY,
    FORECAST_RPM,
    FORECAST_TPM,
    FORECAST_ITPM,
    FORECAST_OTPM,
    FORECAST_WINDOW,
    FORECAST_LIMITS
};

struct forecast_endpoint {
    double flow[FORECAST_LIMITS];  /* per ms; 0: no such limit */
    double burst[FORECAST_LIMITS]; /* what can go at once */
    int64_t window_count, window_ms;
    bool is_scouted; /* no limits: most wait for the first answer, which may tell some */
};
/* From options that make sense. */
void forecast_endpoint_of(const lh_endpoint_options *o, struct forecast_endpoint *out);

struct forecast_work {
    uint64_t can; /* endpoints, by bit; at least one */
    /* What all of it takes of each limit: ms of all answers, requests, tokens, those of prompts, those of answers, requests. INFINITY: not
     * bounded; NAN: not known. */
    double use[FORECAST_LIMITS];
};

enum { FORECAST_MOST = 64 }; /* endpoints */

struct forecast {
    double ms;                 /* INFINITY, NAN: as the uses that matter */
    enum forecast_limit limit; /* that binds where it takes longest */
    struct forecast_part {
        double requests, ms;
        enum forecast_limit limit;
    } at[FORECAST_MOST];
};

/* share: n_work × n rows of what part of each work goes to each endpoint, 0 to 1; filled. n: at most FORECAST_MOST. */
void forecast(const struct forecast_endpoint *e, size_t n, const struct forecast_work *work, size_t n_work,
              double *share, struct forecast *out);

/* "requests per minute", …; "" of none. */
const char *forecast_limit_name(enum forecast_limit limit);

#endif

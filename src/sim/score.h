/* How a client made use of what it was granted: the figures by which rate control is judged. Plain counting; the clock is passed
 * in and must not go back; allocates nothing, never fails. The server's thread. */
#ifndef LH_SIM_SCORE_H
#define LH_SIM_SCORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SCORE_CELLS = 600, SCORE_BURST_MS = 1000, SCORE_TOLERANCE_MS = 50 };

/* What was there to be used: an integral of a limit over time. */
struct score_allowance {
    __int128 minute_ms; /* sum of limit · ms; a limit is per 60,000 ms */
    bool unbounded;     /* for some time there was no limit */
};

struct score {
    bool begun;
    int64_t begin_ms, at_ms; /* of the first request; the allowances are summed up to at_ms */
    struct score_allowance requests, tokens;
    int64_t granted_requests, granted_tokens, refused, in_outage, too_early;
    /* Waits that were told: the first of those that overlap, and the end of the last. */
    int64_t told_ms, until_ms;
    bool told;
    /* Requests that came in the last second, by the millisecond, and the most that there ever were. */
    int32_t recent[SCORE_BURST_MS];
    int64_t recent_ms, recent_sum, largest_burst;
    /* A cell is a second at first; when all are full, two become one. */
    struct score_cell {
        int64_t came, granted, refused;
    } cells[SCORE_CELLS];
    int64_t cell_ms;
};

/* At the first request. */
void score_begin(struct score *s, int64_t now_ms);
/* Sums the allowances up to now_ms: limits as they were since the last call, of which outage_ms granted nothing. */
void score_advance(struct score *s, int64_t now_ms, int64_t outage_ms, int64_t rpm, int64_t tpm);
/* A request has come. It is too early when a wait that was told is not over, but for 50 ms; what comes less than 50 ms after
 * the telling is not counted: it was on its way already. */
void score_came(struct score *s, int64_t now_ms);
/* What became of it, in the same millisecond: one of these, or nothing when it was no matter of limits. */
void score_granted(struct score *s, int64_t now_ms, int64_t tokens);
void score_refused(struct score *s, int64_t now_ms);
void score_in_outage(struct score *s);
/* A client is told at told_ms to wait until until_ms. */
void score_told(struct score *s, int64_t told_ms, int64_t until_ms);

int64_t score_allowance(const struct score_allowance *a); /* −1: there was no limit for some time */
size_t score_cells(const struct score *s);                /* those in use, up to at_ms */

#endif

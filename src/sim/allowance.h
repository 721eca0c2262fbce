/* How a provider enforces one limit per minute, of requests or of tokens, in one of three ways. The clock is passed in, and must
 * not go back. Memory is taken at allowance_init only; nothing else fails. The server's thread.
 *
 * - bucket: a token bucket that holds what flows in during `burst_ms`. More than it holds passes when it is full.
 * - window: exact and rolling: no span of 60,000 ms, [t, t + 60,000), sees more than the limit. What was taken in one
 *   millisecond is one cell, so that there are at most 60,000 of them whatever the limit.
 * - minute: fixed minutes, the first of which begins at allowance_init. */
#ifndef LH_SIM_ALLOWANCE_H
#define LH_SIM_ALLOWANCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "limit/bucket.h"

enum enforcement { ENFORCE_BUCKET, ENFORCE_WINDOW, ENFORCE_MINUTE };
int enforcement_parse(const char *name, enum enforcement *out, lh_error *err); /* LH_EUSAGE */

struct allowance {
    enum enforcement kind;
    int64_t per_minute; /* 0: no limit */
    int64_t burst_ms;
    struct bucket bucket;
    struct allowance_cell {
        int64_t at_ms, amount;
    } * cells; /* window: owned ring, oldest at `first` */
    size_t first, count;
    int64_t used;      /* in the cells, or in this minute */
    int64_t minute_ms; /* when this minute began */
};

/* per_minute: 0 to BUCKET_MOST_TOKENS. burst_ms: 0 to an hour; the bucket holds one at least. LH_ENOMEM. */
int allowance_init(struct allowance *a, enum enforcement kind, int64_t per_minute, int64_t burst_ms,
                   int64_t now_ms, lh_error *err);
void allowance_free(struct allowance *a);

/* When `n` would be granted if nothing else came: `now_ms` if at once; INT64_MAX: never, it is more than the limit. */
int64_t allowance_ready_at(struct allowance *a, int64_t now_ms, int64_t n);
/* Takes what allowance_ready_at(…) == now_ms promised. */
void allowance_take(struct allowance *a, int64_t now_ms, int64_t n);
/* Counts a refused request of `n` too. A bucket is emptied by it and not put into debt; the other kinds may be overdrawn. */
void allowance_take_refused(struct allowance *a, int64_t now_ms, int64_t n);
/* Another limit from now on; what was taken stays taken. */
void allowance_change(struct allowance *a, int64_t now_ms, int64_t per_minute);

int64_t allowance_left(struct allowance *a, int64_t now_ms); /* ≥ 0 */
int64_t allowance_full_in_ms(struct allowance *a,
                             int64_t now_ms); /* when all of it is there again, from now */

#endif

/* Requests and tokens per minute: two limiters of the gate, each a token bucket.
 *
 * A provider may count its minute from any moment, or keep a bucket of its own that holds as little as a second's
 * allowance. Both must never refuse:
 * - a full bucket and what flows in during a minute are together no more than the allowance, so what a full bucket
 *   holds is taken off the flow. This bounds every rolling minute, exactly for requests; for tokens but for the part of one
 *   request that is larger than the bucket;
 * - the bucket holds half a second's allowance, half of what the provider's does, because requests bunch up on their way
 *   (a slow first connection): they may be half a second late without looking like a burst;
 * - a hundredth is always kept back, which is what makes up for that lateness where the bucket is one request.
 * So 99 % of what was told is used, less a little for timers that fire late. */
#include <stdlib.h>

#include "limit/bucket.h"
#include "limit/limiter.h"

enum { MINUTE_MS = 60000, KEPT_BACK_MS = MINUTE_MS / 100, BURST_MOST_MS = MINUTE_MS / 2 };

static int64_t share(int64_t per_minute, int64_t ms)
{
    return (int64_t)((__int128)per_minute * BUCKET_MICRO * ms / MINUTE_MS);
}

static int rate_new(const char *name, int64_t per_minute, int64_t burst_ms, int64_t now_ms,
                    struct bucket **out, lh_error *err)
{
    if (per_minute < 0 || per_minute > BUCKET_MOST_TOKENS)
        return lh_error_set(err, LH_EUSAGE, "%s is %lld; it must be 0 (no limit) to %lld", name,
                            (long long)per_minute, (long long)BUCKET_MOST_TOKENS);
    if (burst_ms < 0 || burst_ms > BURST_MOST_MS)
        return lh_error_set(err, LH_EUSAGE, "burst is %lld ms; it must be 0 to %d", (long long)burst_ms,
                            BURST_MOST_MS);
    if (per_minute == 0)
        return 0;
    *out = malloc(sizeof **out);
    if (*out == NULL)
        return lh_error_nomem(err);
    int64_t held_back_ms = burst_ms > KEPT_BACK_MS ? burst_ms : KEPT_BACK_MS;
    /* Half a request more than the burst: what a start comes too late is not lost then. */
    bucket_init_micro(*out, share(per_minute, MINUTE_MS - held_back_ms),
                      share(per_minute, burst_ms) + BUCKET_MICRO / 2, now_ms);
    return 0;
}

static int64_t requests_ready_at(void *self, int64_t now_ms, const struct gate_request *q)
{
    (void)q;
    return bucket_ready_at(self, now_ms, 1);
}

static void requests_take(void *self, int64_t now_ms, const struct gate_request *q,
                          struct gate_ticket *ticket)
{
    (void)q, (void)ticket;
    bucket_take(self, now_ms, 1);
}

static void requests_spend(void *self, int64_t started_ms, int64_t count, const struct gate_request *q)
{
    (void)q;
    bucket_spend(self, started_ms, count, 1);
}

static void lower_ceiling(struct gate_state *out, int64_t milli)
{
    if (out->tightest_per_second_milli == 0 || milli < out->tightest_per_second_milli)
        out->tightest_per_second_milli = milli;
}

static void requests_report(void *self, int64_t now_ms, struct gate_state *out)
{
    struct bucket *b = self;
    out->requests_available = bucket_available(b, now_ms);
    lower_ceiling(out, (int64_t)((__int128)b->flow * 1000 / (60 * BUCKET_MICRO)));
}

int request_rate_open(const struct gate_options *o, int64_t now_ms, struct limiter *out, lh_error *err)
{
    static const struct limiter_calls calls = {.ready_at = requests_ready_at,
                                               .take = requests_take,
                                               .spend = requests_spend,
                                               .report = requests_report,
                                               .close = free};
    struct bucket *b = NULL;
    int rc = rate_new("rpm", o->rpm, o->burst_ms, now_ms, &b, err);
    if (b == NULL)
        return rc;
    out->calls = &calls;
    out->self = b;
    return 0;
}

static int64_t tokens_ready_at(void *self, int64_t now_ms, const struct gate_request *q)
{
    return bucket_ready_at(self, now_ms, gate_request_tokens(q));
}

static void tokens_take(void *self, int64_t now_ms, const struct gate_request *q, struct gate_ticket *ticket)
{
    (void)ticket;
    bucket_take(self, now_ms, gate_request_tokens(q));
}

static void tokens_spend(void *self, int64_t started_ms, int64_t count, const struct gate_request *q)
{
    bucket_spend(self, started_ms, count, gate_request_tokens(q));
}

static void tokens_settle(void *self, int64_t now_ms, const struct gate_outcome *o)
{
    if (o->used_tokens >= 0)
        bucket_return(self, now_ms, gate_request_tokens(&o->request) - o->used_tokens);
}

static void tokens_report(void *self, int64_t now_ms, struct gate_state *out)
{
    out->tokens_available = bucket_available(self, now_ms);
}

int token_rate_open(const struct gate_options *o, int64_t now_ms, struct limiter *out, lh_error *err)
{
    static const struct limiter_calls calls = {.ready_at = tokens_ready_at,
                                               .take = tokens_take,
                                               .settle = tokens_settle,
                                               .spend = tokens_spend,
                                               .report = tokens_report,
                                               .close = free};
    struct bucket *b = NULL;
    int rc = rate_new("tpm", o->tpm, o->burst_ms, now_ms, &b, err);
    if (b == NULL)
        return rc;
    out->calls = &calls;
    out->self = b;
    return 0;
}

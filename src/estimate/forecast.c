/* How long requests will take: see forecast.h. */
#include "estimate/forecast.h"

#include <math.h>

#include "limit/gate.h"
#include "limit/told.h"
#include "schedule/endpoint.h"

enum { MINUTE_MS = 60000, ROUNDS = 60, HALVINGS = 100 };

static const double settled = 1e-4; /* shares that change by less in a round stay as they are */

/* ---- limits ---- */

/* As the gate keeps it. */
static void limit_per_minute(struct forecast_endpoint *e, enum forecast_limit limit, int64_t allowance)
{
    struct gate_options gate;
    struct bucket b;
    if (allowance <= 0)
        return;
    gate_options_default(&gate);
    rate_bucket(&b, allowance, MINUTE_MS, gate.burst_ms, 0);
    e->flow[limit] = (double)b.flow / BUCKET_MICRO / MINUTE_MS;
    e->burst[limit] = (double)b.capacity / BUCKET_MICRO;
}

void forecast_endpoint_of(const lh_endpoint_options *o, struct forecast_endpoint *out)
{
    *out = (struct forecast_endpoint){.window_count = o->window_count, .window_ms = o->window_ms};
    limit_per_minute(out, FORECAST_RPM, o->rpm);
    limit_per_minute(out, FORECAST_TPM, o->tpm);
    limit_per_minute(out, FORECAST_ITPM, o->itpm);
    limit_per_minute(out, FORECAST_OTPM, o->otpm);
    out->flow[FORECAST_CONCURRENCY] = (double)o->concurrency; /* ms of answers in each ms */
    out->is_scouted =
        o->rpm <= 0 && o->tpm <= 0 && o->itpm <= 0 && o->otpm <= 0 && o->window_count <= 0 && !o->ignore_told;
    if (o->window_count <= 0 || o->window_ms <= 0)
        return;
    out->flow[FORECAST_WINDOW] = (double)o->window_count / (double)o->window_ms;
    out->burst[FORECAST_WINDOW] = (double)o->window_count;
}

const char *forecast_limit_name(enum forecast_limit limit)
{
    static const enum gate_limiter names[] = {GATE_CONCURRENCY, GATE_RPM,  GATE_TPM,
                                              GATE_ITPM,        GATE_OTPM, GATE_WINDOW};
    return limit == FORECAST_NONE ? "" : gate_limiter_name(names[limit]);
}

/* ---- an endpoint with what it has to do ---- */

struct load {
    double use[FORECAST_LIMITS];
};

static void add(struct load *l, const struct forecast_work *w, double part)
{
    for (int k = 0; k < FORECAST_LIMITS; k++)
        l->use[k] += part != 0 ? w->use[k] * part : 0;
}

/* What may be used before the last request: a bucket lets one that is larger than it go when it is full. */
static double at_once(const struct forecast_endpoint *e, int k, double of_one)
{
    if (k == FORECAST_CONCURRENCY)
        return e->flow[k] * of_one;
    return e->burst[k] > of_one ? e->burst[k] : of_one;
}

/* When the last goes, if `count` go together in each `ms`. */
static double round_start(double count, double ms, double requests)
{
    double before = ceil(requests - 1e-6) - 1;
    return before > 0 ? floor(before / count) * ms : 0;
}

/* A window lets all go at its begin, and none until its end. As many as may be out at once are answered in rounds: one more than a whole
 * number of rounds is a round, and the slowest of a round that is not full takes about as long as a full one. */
static double rounds_start(const struct forecast_endpoint *e, int k, const struct load *l)
{
    double requests = l->use[FORECAST_RPM];
    if (k == FORECAST_WINDOW)
        return round_start((double)e->window_count, (double)e->window_ms, requests);
    return round_start(e->flow[k], l->use[k] / requests, requests);
}

/* When the last of it starts. */
static double last_start(const struct forecast_endpoint *e, const struct load *l, enum forecast_limit *limit)
{
    double latest = 0, requests = l->use[FORECAST_RPM];
    *limit = FORECAST_NONE;
    if (requests <= 0)
        return 0;
    for (int k = 0; k < FORECAST_LIMITS; k++) {
        if (e->flow[k] <= 0)
            continue;
        if (!isfinite(l->use[k])) {
            *limit = (enum forecast_limit)k;
            return l->use[k];
        }
        double at = (l->use[k] - at_once(e, k, l->use[k] / requests)) / e->flow[k];
        if (k == FORECAST_WINDOW || k == FORECAST_CONCURRENCY)
            at = rounds_start(e, k, l);
        if (at > latest) {
            latest = at;
            *limit = (enum forecast_limit)k;
        }
    }
    return latest;
}

/* Of an endpoint without limits most wait for the first answer; the longer it takes, the more go without it. */
static double first_wait(const struct forecast_endpoint *e, double requests, double latency)
{
    double at_once = requests < e->flow[FORECAST_CONCURRENCY] ? requests : e->flow[FORECAST_CONCURRENCY];
    double doublings = ceil(log2(at_once / ENDPOINT_SCOUTS) - 1e-6);
    if (!e->is_scouted || doublings <= 0)
        return 0;
    return fmin(latency, doublings * ENDPOINT_SCOUT_MS);
}

static void finish_part(const struct forecast_endpoint *e, const struct load *l, struct forecast_part *out)
{
    double requests = l->use[FORECAST_RPM];
    out->requests = requests;
    out->ms = last_start(e, l, &out->limit);
    if (requests <= 0)
        return;
    double latency = l->use[FORECAST_CONCURRENCY] / requests;
    out->ms += first_wait(e, requests, latency) + latency;
}

/* ---- sharing work ---- */

/* So many requests of `w` more can start at an endpoint by `ms`. */
static double room(const struct forecast_endpoint *e, const struct load *l, const struct forecast_work *w,
                   double ms)
{
    double least = w->use[FORECAST_RPM];
    for (int k = 0; k < FORECAST_LIMITS; k++) {
        double of_one = w->use[k] / w->use[FORECAST_RPM];
        if (e->flow[k] <= 0 || !isfinite(of_one) || of_one <= 0)
            continue;
        double n = (ms * e->flow[k] + at_once(e, k, of_one) - l->use[k]) / of_one;
        least = n < least ? n : least;
    }
    return least > 0 ? least : 0;
}

static double room_of_all(const struct forecast_endpoint *e, size_t n, const struct load *l,
                          const struct forecast_work *w, double ms)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        if ((w->can & (UINT64_C(1) << i)) != 0)
            sum += room(&e[i], &l[i], w, ms);
    return sum;
}

/* The earliest time by which all of it can have started. */
static double level(const struct forecast_endpoint *e, size_t n, const struct load *l,
                    const struct forecast_work *w)
{
    double low = 0, high = 1;
    if (room_of_all(e, n, l, w, 0) >= w->use[FORECAST_RPM])
        return 0;
    while (room_of_all(e, n, l, w, high) < w->use[FORECAST_RPM] && high < 1e18)
        high *= 2;
    for (int i = 0; i < HALVINGS; i++) {
        double middle = low + (high - low) / 2;
        if (room_of_all(e, n, l, w, middle) >= w->use[FORECAST_RPM])
            high = middle;
        else
            low = middle;
    }
    return high;
}

/* Spreads a work anew, whatever the others have; how much of it moved. */
static double spread(const struct forecast_endpoint *e, size_t n, struct load *l,
                     const struct forecast_work *w, double *share)
{
    double moved = 0;
    for (size_t i = 0; i < n; i++)
        add(&l[i], w, -share[i]);
    double ms = level(e, n, l, w), all = room_of_all(e, n, l, w, ms);
    for (size_t i = 0; i < n; i++) {
        bool can = (w->can & (UINT64_C(1) << i)) != 0;
        double part = can && all > 0 ? room(&e[i], &l[i], w, ms) / all : 0;
        moved += fabs(part - share[i]);
        share[i] = part;
    }
    for (size_t i = 0; i < n; i++)
        add(&l[i], w, share[i]);
    return moved;
}

static void share_out(const struct forecast_endpoint *e, size_t n, struct load *l,
                      const struct forecast_work *work, size_t n_work, double *share)
{
    for (size_t i = 0; i < n * n_work; i++)
        share[i] = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double moved = 0;
        for (size_t w = 0; w < n_work; w++)
            if (work[w].use[FORECAST_RPM] > 0)
                moved += spread(e, n, l, &work[w], &share[w * n]);
        if (moved < settled || n_work == 1)
            return;
    }
}

void forecast(const struct forecast_endpoint *e, size_t n, const struct forecast_work *work, size_t n_work,
              double *share, struct forecast *out)
{
    struct load spreading[FORECAST_MOST] = {0}, whole[FORECAST_MOST] = {0};
    *out = (struct forecast){.limit = FORECAST_NONE};
    share_out(e, n, spreading, work, n_work, share);
    for (size_t w = 0; w < n_work; w++)
        for (size_t i = 0; i < n; i++)
            add(&whole[i], &work[w], share[w * n + i]);
    for (size_t i = 0; i < n; i++) {
        finish_part(&e[i], &whole[i], &out->at[i]);
        if (isnan(out->at[i].ms) || out->at[i].ms > out->ms) {
            out->ms = out->at[i].ms;
            out->limit = out->at[i].limit;
        }
    }
}

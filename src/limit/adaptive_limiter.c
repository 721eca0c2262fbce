/* The adaptive rate as a limiter of the gate: options, what is reported, what is kept over a restart. */
#include <stdlib.h>
#include <string.h>

#include "limit/limiter.h"

static const char *const mode_names[] = {
    [ADAPTIVE_OFF] = "off", [ADAPTIVE_AUTO] = "auto", [ADAPTIVE_ON] = "on"};

const char *adaptive_mode_name(enum adaptive_mode m)
{
    return mode_names[m];
}

bool adaptive_mode_from_name(const char *name, enum adaptive_mode *out)
{
    for (int m = ADAPTIVE_OFF; m <= ADAPTIVE_ON; m++)
        if (strcmp(name, mode_names[m]) == 0) {
            *out = (enum adaptive_mode)m;
            return true;
        }
    return false;
}

void adaptive_options_default(struct adaptive_options *o)
{
    *o = (struct adaptive_options){.step_rpm = 6, .initial_rpm = 60};
}

static int64_t ready_at(void *self, int64_t now_ms, const struct gate_request *q)
{
    (void)q;
    return adaptive_ready_at(self, now_ms);
}

static void bound(void *self, int64_t now_ms, int64_t until_ms)
{
    adaptive_bound(self, now_ms, until_ms);
}

static void take(void *self, int64_t now_ms, const struct gate_request *q, struct gate_ticket *ticket)
{
    (void)q;
    adaptive_take(self, now_ms, ticket->serial);
}

/* An overloaded server (503, 529) refuses for rate as one that counts does: both are throttles here. Other faults say nothing of the rate;
 * the breaker is there for them. */
static void settle(void *self, int64_t now_ms, const struct gate_outcome *o)
{
    struct adaptive_start start = {.serial = o->ticket.serial, .started_ms = o->ticket.started_ms};
    if (o->unreachable)
        adaptive_unreached(self, now_ms, &start);
    else if (o->throttled)
        adaptive_throttled(self, now_ms, &start, o->retry_after_ms);
}

static int64_t milli(int64_t rate)
{
    return rate / (BUCKET_MICRO / 1000);
}

static void report(void *self, int64_t now_ms, struct gate_state *out)
{
    const struct adaptive *a = self;
    (void)now_ms;
    out->adaptive = a->options.mode;
    out->adaptive_is_additive = a->options.additive;
    out->adaptive_triggered = !a->open;
    out->adaptive_rate_milli = a->open && a->options.max_rpm == 0 ? 0 : milli(a->rate);
    out->adaptive_limit_milli = milli(a->limit);
}

static void save(void *self, int64_t now_ms, struct strbuf *out)
{
    const struct adaptive *a = self;
    (void)now_ms;
    bool was_open = a->open || (a->trial.is_on && a->trial.was_open); /* a trial is not taken up */
    json_append_int(out, "triggered", was_open ? 0 : 1);
    json_append_int(out, "rate", a->rate);
    json_append_int(out, "limit", a->limit);
    json_append_int(out, "slow", a->slow ? 1 : 0);
}

static void load(void *self, int64_t now_ms, int64_t age_ms, json_object *saved)
{
    if (json_get_int(saved, "triggered", 0) == 1)
        adaptive_restore(self, now_ms, age_ms, json_get_int(saved, "rate", -1),
                         json_get_int(saved, "limit", -1), json_get_int(saved, "slow", 1) != 0);
}

static int check(const struct adaptive_options *o, lh_error *err)
{
    const struct {
        const char *name;
        int64_t value, least;
    } rates[] = {{"adaptive-min", o->min_rpm, 0},
                 {"adaptive-max", o->max_rpm, 0},
                 {"adaptive-initial", o->initial_rpm, 1},
                 {"adaptive-step", o->step_rpm, 1}};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
        if (rates[i].value < rates[i].least || rates[i].value > ADAPTIVE_MOST_RPM)
            return lh_error_set(err, LH_EUSAGE, "%s is %lld; it must be %lld to %lld", rates[i].name,
                                (long long)rates[i].value, (long long)rates[i].least,
                                (long long)ADAPTIVE_MOST_RPM);
    if (o->max_rpm > 0 && o->min_rpm > o->max_rpm)
        return lh_error_set(err, LH_EUSAGE, "adaptive-min is %lld; it must be at most adaptive-max, %lld",
                            (long long)o->min_rpm, (long long)o->max_rpm);
    return 0;
}

int adaptive_open(const struct gate_options *o, int64_t now_ms, struct limiter *out, lh_error *err)
{
    static const struct limiter_calls calls = {.ready_at = ready_at,
                                               .bound = bound,
                                               .take = take,
                                               .settle = settle,
                                               .report = report,
                                               .close = free,
                                               .save = save,
                                               .load = load};
    if (o->adaptive.mode == ADAPTIVE_OFF)
        return 0;
    int rc = check(&o->adaptive, err);
    if (rc != 0)
        return rc;
    struct adaptive *a = malloc(sizeof *a);
    if (a == NULL)
        return lh_error_nomem(err);
    adaptive_init(a, &o->adaptive, now_ms);
    out->calls = &calls;
    out->self = a;
    return 0;
}

/* Limits while the provider runs: see limits.h. */
#include "sim/limits.h"

enum { HOUR_MS = 3600000 };

static int check(const char *name, int64_t value, int64_t most, lh_error *err)
{
    return value >= 0 && value <= most ? 0
                                       : lh_error_set(err, LH_EUSAGE, "%s is %lld; it must be 0 to %lld",
                                                      name, (long long)value, (long long)most);
}

int limits_open(const struct sim_options *o, int64_t now_ms, struct limits *out, lh_error *err)
{
    enum enforcement kind = ENFORCE_BUCKET;
    *out = (struct limits){.rpm = o->rpm, .tpm = o->tpm, .refused_count = o->refused_count};
    int rc = enforcement_parse(o->enforce, &kind, err);
    if (rc == 0)
        rc = check("rpm", o->rpm, BUCKET_MOST_TOKENS, err);
    if (rc == 0)
        rc = check("tpm", o->tpm, BUCKET_MOST_TOKENS, err);
    if (rc == 0)
        rc = check("burst in ms", o->burst_ms, HOUR_MS, err);
    if (rc == 0)
        rc = script_parse(o->change, o->outage, &out->script, err);
    if (rc == 0)
        rc = allowance_init(&out->requests, kind, o->rpm, o->burst_ms, now_ms, err);
    return rc == 0 ? allowance_init(&out->tokens, kind, o->tpm, o->burst_ms, now_ms, err) : rc;
}

void limits_close(struct limits *l)
{
    allowance_free(&l->requests);
    allowance_free(&l->tokens);
}

/* ---- time ---- */

static void sum_up(struct limits *l, int64_t now_ms)
{
    struct score *s = &l->score;
    int64_t outage_ms = script_outage_ms(&l->script, s->at_ms - s->begin_ms, now_ms - s->begin_ms);
    score_advance(s, now_ms, outage_ms, l->rpm, l->tpm);
}

static void make_change(struct limits *l, const struct script_change *change, int64_t at_ms)
{
    sum_up(l, at_ms);
    if (change->rpm >= 0)
        allowance_change(&l->requests, at_ms, l->rpm = change->rpm);
    if (change->tpm >= 0)
        allowance_change(&l->tokens, at_ms, l->tpm = change->tpm);
}

void limits_see_time(struct limits *l, int64_t now_ms)
{
    const struct script *script = &l->script;
    if (!l->score.begun)
        return;
    while (l->changes_made < script->n_changes) {
        const struct script_change *next = &script->changes[l->changes_made];
        int64_t at_ms = l->score.begin_ms + next->at_ms;
        if (at_ms > now_ms)
            break;
        make_change(l, next, at_ms);
        l->changes_made++;
    }
    sum_up(l, now_ms);
}

/* ---- requests ---- */

const struct script_outage *limits_came(struct limits *l, int64_t now_ms)
{
    if (!l->score.begun)
        score_begin(&l->score, now_ms);
    limits_see_time(l, now_ms);
    score_came(&l->score, now_ms);
    const struct script_outage *outage = script_outage_at(&l->script, now_ms - l->score.begin_ms);
    if (outage != NULL)
        score_in_outage(&l->score);
    return outage;
}

static struct limits_verdict refuse(struct limits *l, int64_t now_ms, int64_t tokens, const char *what,
                                    int64_t at_ms)
{
    score_refused(&l->score, now_ms);
    if (l->refused_count) {
        allowance_take_refused(&l->requests, now_ms, 1);
        allowance_take_refused(&l->tokens, now_ms, tokens);
    }
    return (struct limits_verdict){what, at_ms == INT64_MAX ? -1 : at_ms - now_ms};
}

struct limits_verdict limits_ask(struct limits *l, int64_t now_ms, int64_t tokens)
{
    int64_t requests_at = allowance_ready_at(&l->requests, now_ms, 1);
    int64_t tokens_at = allowance_ready_at(&l->tokens, now_ms, tokens);
    if (requests_at > now_ms)
        return refuse(l, now_ms, tokens, "requests", requests_at);
    if (tokens_at > now_ms)
        return refuse(l, now_ms, tokens, "tokens", tokens_at);
    allowance_take(&l->requests, now_ms, 1);
    allowance_take(&l->tokens, now_ms, tokens);
    score_granted(&l->score, now_ms, tokens);
    return (struct limits_verdict){0};
}

bool limits_any(const struct limits *l)
{
    return l->rpm > 0 || l->tpm > 0 || l->script.n_changes > 0;
}

void limits_get_left(struct limits *l, int64_t now_ms, struct limits_left *out)
{
    limits_see_time(l, now_ms);
    *out = (struct limits_left){.rpm = l->rpm,
                                .rpm_left = allowance_left(&l->requests, now_ms),
                                .rpm_full_ms = allowance_full_in_ms(&l->requests, now_ms),
                                .tpm = l->tpm,
                                .tpm_left = allowance_left(&l->tokens, now_ms),
                                .tpm_full_ms = allowance_full_in_ms(&l->tokens, now_ms)};
}

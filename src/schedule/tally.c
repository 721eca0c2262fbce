/* The numbers of a run: see tally.h. */
#include "schedule/tally.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sum.h"

void tally_start(struct tally *t, int64_t now_ms, int64_t now_wall_ms)
{
    memset(t, 0, sizeof *t);
    t->started_ms = t->rate_at_ms = now_ms;
    t->started_wall_ms = now_wall_ms;
    t->second = now_ms / 1000;
}

static void count_error(struct tally *t, const struct outcome *o)
{
    const struct answer *a = &o->answer;
    size_t i = 0;
    while (i < t->n_errors && (strcmp(t->errors[i].code, a->error_code) != 0 ||
                               strcmp(t->errors[i].class_name, o->attempt_outcome) != 0))
        i++;
    if (i == TALLY_ERRORS) /* so many kinds: the last cell gathers the rest */
        i--;
    struct lh_error_count *e = &t->errors[i];
    if (i == t->n_errors) {
        t->n_errors++;
        snprintf(e->class_name, sizeof e->class_name, "%s", o->attempt_outcome);
        snprintf(e->code, sizeof e->code, "%s", a->error_code);
        snprintf(e->message, sizeof e->message, "%.255s", a->message);
    }
    e->count++;
}

static void move_minute(struct tally *t, int64_t now_ms)
{
    int64_t second = now_ms / 1000;
    if (second - t->second > TALLY_MINUTE)
        t->second = second - TALLY_MINUTE;
    while (t->second < second) {
        t->second++;
        t->minute_attempts[t->second % TALLY_MINUTE] = 0;
        t->minute_failed[t->second % TALLY_MINUTE] = 0;
    }
}

static int64_t counted(int64_t tokens)
{
    return tokens > 0 ? tokens : 0;
}

void tally_attempt(struct tally *t, int64_t now_ms, const struct outcome *o)
{
    bool failed = o->move != OUTCOME_DONE;
    move_minute(t, now_ms);
    t->attempts++;
    if (strcmp(o->attempt_outcome, "throttled") != 0 && strcmp(o->attempt_outcome, "canceled") != 0) {
        t->minute_attempts[t->second % TALLY_MINUTE]++;
        t->minute_failed[t->second % TALLY_MINUTE] += failed ? 1 : 0;
    }
    t->prompt_tokens += counted(o->answer.usage.prompt_tokens);
    t->completion_tokens += counted(o->answer.usage.completion_tokens);
    t->cached_tokens += counted(o->answer.usage.cached_tokens);
    t->cache_write_tokens += counted(o->answer.usage.cache_write_tokens);
    t->reasoning_tokens += counted(o->answer.usage.reasoning_tokens);
    t->cost_nanousd = sum_capped(t->cost_nanousd, counted(o->cost_nanousd));
    t->unpriced += outcome_is_unpriced(o) ? 1 : 0;
    t->silent += outcome_is_silent(o) ? 1 : 0;
    t->priced += o->cost_nanousd >= 0 ? 1 : 0;
    if (failed)
        count_error(t, o);
    if (o->move == OUTCOME_DONE) {
        t->answers++;
        histogram_record(&t->latency_ms, (uint64_t)counted(o->latency_ms));
    } else if (o->move == OUTCOME_DEAD) {
        t->dead++;
    } else {
        t->retries++;
    }
}

void tally_advance(struct tally *t, int64_t now_ms)
{
    int64_t elapsed = now_ms - t->rate_at_ms;
    if (elapsed <= 0)
        return;
    int64_t finished = t->answers + t->dead;
    double seconds = (double)elapsed / 1e3;
    double now_rate = (double)(finished - t->rate_finished) / seconds;
    double keep = t->rate_finished == 0 ? 0 : exp(-seconds / 5);
    t->rate = keep * t->rate + (1 - keep) * now_rate;
    t->rate_at_ms = now_ms;
    t->rate_finished = finished;
    move_minute(t, now_ms);
}

double tally_error_rate(const struct tally *t)
{
    int64_t all = 0, failed = 0;
    for (int i = 0; i < TALLY_MINUTE; i++) {
        all += t->minute_attempts[i];
        failed += t->minute_failed[i];
    }
    return all > 0 ? (double)failed / (double)all : 0;
}

const struct lh_error_count *tally_most_common(const struct tally *t)
{
    const struct lh_error_count *most = NULL;
    for (size_t i = 0; i < t->n_errors; i++) {
        const struct lh_error_count *e = &t->errors[i];
        bool counts = strcmp(e->class_name, "throttled") != 0 && strcmp(e->class_name, "canceled") != 0;
        if (counts && (most == NULL || e->count > most->count))
            most = e;
    }
    return most;
}

static int by_count(const void *a, const void *b)
{
    const struct lh_error_count *x = a, *y = b;
    return x->count < y->count ? 1 : x->count > y->count ? -1 : strcmp(x->code, y->code);
}

void tally_report(const struct tally *t, int64_t now_ms, lh_run_report *out)
{
    out->answers = t->answers;
    out->attempts = t->attempts;
    out->retries = t->retries;
    out->prompt_tokens = t->prompt_tokens;
    out->completion_tokens = t->completion_tokens;
    out->cached_tokens = t->cached_tokens;
    out->cache_write_tokens = t->cache_write_tokens;
    out->reasoning_tokens = t->reasoning_tokens;
    out->unpriced = t->unpriced;
    out->silent = t->silent;
    out->p50_ms = (int64_t)histogram_percentile(&t->latency_ms, 0.50);
    out->p90_ms = (int64_t)histogram_percentile(&t->latency_ms, 0.90);
    out->p99_ms = (int64_t)histogram_percentile(&t->latency_ms, 0.99);
    out->max_ms = (int64_t)t->latency_ms.max;
    out->elapsed_ms = now_ms - t->started_ms;
    struct lh_error_count sorted[TALLY_ERRORS];
    memcpy(sorted, t->errors, sizeof sorted);
    qsort(sorted, t->n_errors, sizeof *sorted, by_count);
    const size_t most = sizeof out->errors / sizeof *out->errors;
    out->n_errors = t->n_errors < most ? t->n_errors : most;
    memcpy(out->errors, sorted, out->n_errors * sizeof *sorted);
}

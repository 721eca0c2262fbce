/* What ends a run early: see stops.h. */
#include "schedule/stops.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "schedule/run.h"

int stops_take_options(struct stops *s, const lh_run_options *o, lh_error *err)
{
    *s = (struct stops){.error_batch = LH_UNKNOWN};
    return alert_parse(o->alert_errors, &s->alert, err);
}

/* ---- errors ---- */

void stops_count(struct lh_run *r, const struct outcome *o)
{
    if (o->answer.class == ANSWER_THROTTLED || strcmp(o->attempt_outcome, "canceled") == 0)
        return;
    bool failed = o->move != OUTCOME_DONE;
    alert_attempt(&r->stops.alert, clock_monotonic_ms(), failed);
    if (failed)
        r->stops.error_batch = o->batch_id;
}

static void pause_for_errors(struct lh_run *r, const char *what)
{
    struct stops *s = &r->stops;
    bool one = r->batch_id != LH_UNKNOWN;
    struct steer_note note = {.batch_id = one ? r->batch_id : s->error_batch};
    snprintf(note.reason, sizeof note.reason, "%s", what);
    writer_steer(r->writer, &note);
    alert_forget(&s->alert);
    if (one)
        run_finish(r, LH_RUN_PAUSED, "%s", what);
    else
        log_warn("batch paused: %s", what);
}

static void act(struct lh_run *r, const char *what)
{
    switch (r->stops.alert.action) {
    case ALERT_PAUSE:
        pause_for_errors(r, what);
        break;
    case ALERT_STOP:
        run_finish(r, LH_RUN_ERRORS, "%s", what);
        break;
    case ALERT_WARN:
    case ALERT_NONE:
        log_warn("%s", what);
    }
}

static void look_at_errors(struct lh_run *r)
{
    int64_t failed = 0, attempts = 0;
    if (!alert_is_crossed(&r->stops.alert, clock_monotonic_ms(), &failed, &attempts))
        return;
    const struct lh_error_count *e = tally_most_common(&r->tally);
    char what[500];
    snprintf(what, sizeof what,
             "%.1f%% of the attempts of the last minute failed (%lld of %lld)%s%s %s%s%.250s",
             (double)failed * 100 / (double)attempts, (long long)failed, (long long)attempts,
             e != NULL ? "; most common in this run: " : "", e != NULL ? e->class_name : "",
             e != NULL ? e->code : "", e != NULL ? ": " : "", e != NULL ? e->message : "");
    act(r, what);
}

/* ---- time ---- */

static void look_at_deadline(struct lh_run *r)
{
    int64_t most = r->options.batch_deadline_ms;
    if (most > 0 && clock_monotonic_ms() - r->tally.started_ms >= most)
        run_finish(r, LH_RUN_DEADLINE, "the %.1f s of --batch-deadline are over", (double)most / 1e3);
}

/* The store buries what is late; with --fail-fast that is a death like any other. */
static void look_at_late(struct lh_run *r)
{
    if (r->view.late == r->stops.late_seen)
        return;
    r->stops.late_seen = r->view.late;
    if (r->options.fail_fast)
        run_fail_fast(r, r->view.late_batch, "no answer within its deadline");
}

void stops_look(struct lh_run *r)
{
    if (r->phase != RUN_WORKING)
        return;
    look_at_late(r);
    look_at_errors(r);
    look_at_deadline(r);
}

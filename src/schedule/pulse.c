/* The pulse of a run: progress to its caller twice a second, statistics to the store each second, from where `status`
 * in another process reads them, what the gate knows. Loop thread. */
#include "base/clock.h"
#include "base/json.h"
#include "schedule/run.h"

enum { NOTE_MS = 1000 };

static int64_t total_jobs(const struct scope_view *v)
{
    int64_t total = 0;
    for (int i = 0; i < JOB_STATES; i++)
        total += v->jobs[i];
    return total;
}

/* Of the first endpoint that holds something back. */
static const char *binding_limiter(struct lh_run *r)
{
    if (r->spending.held)
        return "budget";
    for (size_t i = 0; i < r->endpoints.count; i++) {
        struct gate_state state;
        gate_get_state(r->endpoints.list[i].gate, clock_monotonic_ms(), &state);
        if (state.binding != GATE_NONE)
            return gate_limiter_name(state.binding);
    }
    return r->view.retries_held ? "retry budget" : "";
}

static const char *trouble_of(const struct lh_run *r)
{
    if (r->store_trouble[0] != '\0')
        return r->store_trouble;
    for (size_t i = 0; i < r->endpoints.count; i++)
        if (r->endpoints.list[i].trouble[0] != '\0')
            return r->endpoints.list[i].trouble;
    return "";
}

static int64_t known_left(int64_t left)
{
    return left == INT64_MAX ? LH_UNKNOWN : left;
}

void pulse_budget(const struct lh_run *r, int64_t *cost_nanousd, int64_t *tokens_left,
                  int64_t *cost_left_nanousd)
{
    struct budget_sum left = budget_left(&r->spending.budget);
    *cost_nanousd = r->tally.priced > 0 ? r->tally.cost_nanousd : LH_UNKNOWN;
    *tokens_left = known_left(left.tokens);
    *cost_left_nanousd = known_left(left.nanousd);
}

static void report_progress(struct lh_run *r)
{
    const struct scope_view *v = &r->view;
    int64_t unsent = v->jobs[JOB_READY] + v->jobs[JOB_WAITING] + v->jobs[JOB_RUNNING];
    lh_progress p = {.jobs_total = total_jobs(v),
                     .done = v->jobs[JOB_DONE],
                     .dead = v->jobs[JOB_DEAD],
                     .late = v->late,
                     .canceled = v->jobs[JOB_CANCELED],
                     .ready = v->jobs[JOB_READY],
                     .waiting = v->jobs[JOB_WAITING],
                     .in_flight = r->in_flight,
                     .retries = r->tally.retries,
                     .answers = r->tally.answers,
                     .prompt_tokens = r->tally.prompt_tokens,
                     .completion_tokens = r->tally.completion_tokens,
                     .unpriced = r->tally.unpriced,
                     .rate = r->tally.rate,
                     .eta_s = r->tally.rate > 0.001 ? (double)unsent / r->tally.rate : -1,
                     .limiter = binding_limiter(r),
                     .trouble = trouble_of(r),
                     .stopping = r->phase != RUN_WORKING};
    pulse_budget(r, &p.cost_nanousd, &p.tokens_left, &p.cost_left_nanousd);
    r->options.progress(r->options.progress_arg, &p);
}

/* Rates are requests/1000 s, as gate_state has them; 0: none. */
static void append_adaptive(struct strbuf *b, const struct gate_state *g)
{
    json_append_text(b, "adaptive", adaptive_mode_name(g->adaptive));
    json_append_text(b, "adaptive_mode", g->adaptive_is_additive ? "additive" : "multiplicative");
    json_append_int(b, "adaptive_triggered", g->adaptive_triggered ? 1 : 0);
    json_append_int(b, "adaptive_rate_milli", g->adaptive_rate_milli);
    json_append_int(b, "adaptive_limit_milli", g->adaptive_limit_milli);
}

/* "limits":{"requests":{"limit":500,"per_s":60,"by":"told","available":4}}: those that hold. */
static void append_limits(struct strbuf *b, const struct gate_state *g)
{
    static const char *const kinds[TOLD_KINDS] = {"requests", "tokens", "input_tokens", "output_tokens"};
    json_append_key(b, "limits");
    strbuf_append_char(b, '{');
    for (int i = 0; i < TOLD_KINDS; i++) {
        const struct gate_rate *rate = &g->rates[i];
        if (rate->limit == 0)
            continue;
        json_append_key(b, kinds[i]);
        strbuf_append_char(b, '{');
        json_append_int(b, "limit", rate->limit);
        json_append_int(b, "per_s", rate->period_ms / 1000);
        json_append_text(b, "by", rate->is_told ? "told" : "given");
        json_append_int(b, "available", rate->available);
        strbuf_append_char(b, '}');
    }
    strbuf_append_char(b, '}');
}

/* "window":{"limit":100,"per_ms":60000,"used":7} */
static void append_window(struct strbuf *b, const struct gate_state *g)
{
    json_append_key(b, "window");
    strbuf_append_char(b, '{');
    json_append_int(b, "limit", g->window_count);
    json_append_int(b, "per_ms", g->window_ms);
    json_append_int(b, "used", g->window_used);
    strbuf_append_char(b, '}');
}

static void append_gate(struct strbuf *b, struct endpoint *e)
{
    struct gate_state g;
    int64_t now = clock_monotonic_ms();
    gate_get_state(e->gate, now, &g);
    json_append_text(b, "endpoint", e->name);
    json_append_text(b, "state", endpoint_state_name(e, now));
    json_append_int(b, "concurrency", e->options.concurrency);
    json_append_int(b, "concurrency_now", g.concurrency);
    json_append_int(b, "in_flight", g.in_flight);
    json_append_text(b, "breaker", breaker_state_name(g.breaker));
    if (g.breaker_opened > 0)
        json_append_int(b, "breaker_opened", g.breaker_opened);
    if (e->options.rpm > 0)
        json_append_int(b, "requests_available", g.requests_available);
    if (e->options.tpm > 0)
        json_append_int(b, "tokens_available", g.tokens_available);
    append_limits(b, &g);
    if (g.window_count > 0)
        append_window(b, &g);
    if (g.paused_until_ms > 0)
        json_append_int(b, "paused_until", g.paused_until_ms - now + clock_wall_ms());
    if (g.adaptive != ADAPTIVE_OFF)
        append_adaptive(b, &g);
    if (e->trouble[0] != '\0')
        json_append_text(b, "trouble", e->trouble);
    if (g.binding != GATE_NONE)
        json_append_text(b, "limiter", gate_limiter_name(g.binding));
}

/* "state" is that of the first in use; with several, "endpoints" has them all. */
static void append_endpoints(struct strbuf *b, struct lh_run *r)
{
    struct endpoints *s = &r->endpoints;
    size_t first = 0;
    while (first + 1 < s->count && !endpoint_is_in_use(&s->list[first]))
        first++;
    json_append_key(b, "state");
    strbuf_append_char(b, '{');
    append_gate(b, &s->list[first]);
    strbuf_append_char(b, '}');
    if (s->count == 1)
        return;
    json_append_key(b, "endpoints");
    strbuf_append_char(b, '[');
    for (size_t i = 0; i < s->count; i++) {
        if (!endpoint_is_in_use(&s->list[i]))
            continue;
        strbuf_append_str(b, b->data[b->len - 1] == '[' ? "{" : ",{");
        append_gate(b, &s->list[i]);
        strbuf_append_char(b, '}');
    }
    strbuf_append_char(b, ']');
}

static void note_statistics(struct lh_run *r)
{
    const struct tally *t = &r->tally;
    lh_run_report report = {0};
    tally_report(t, clock_monotonic_ms(), &report);
    int64_t cost = 0, tokens_left = 0, cost_left = 0;
    pulse_budget(r, &cost, &tokens_left, &cost_left);
    struct strbuf b;
    strbuf_init(&b);
    strbuf_append_char(&b, '{');
    json_append_int(&b, "started_at", t->started_wall_ms);
    json_append_int(&b, "updated_at", clock_wall_ms());
    json_append_double(&b, "rate", r->phase == RUN_OVER ? 0 : t->rate);
    json_append_int(&b, "in_flight", r->in_flight);
    json_append_int(&b, "answers", t->answers);
    json_append_int(&b, "attempts", t->attempts);
    json_append_int(&b, "retries", t->retries);
    json_append_int(&b, "late", r->view.late);
    json_append_int(&b, "cost_nanousd", cost);
    json_append_int(&b, "unpriced", t->unpriced);
    json_append_int(&b, "tokens_left", tokens_left);
    json_append_int(&b, "cost_left_nanousd", cost_left);
    json_append_int(&b, "p50_ms", report.p50_ms);
    json_append_int(&b, "p90_ms", report.p90_ms);
    json_append_int(&b, "p99_ms", report.p99_ms);
    json_append_double(&b, "error_rate", tally_error_rate(t));
    json_append_text(&b, "limiter", binding_limiter(r));
    json_append_text(&b, "trouble", trouble_of(r));
    if (r->view.retries_held)
        json_append_double(&b, "retry_budget", (double)r->view.retry_balance / 1e3);
    append_endpoints(&b, r);
    strbuf_append_char(&b, '}');
    struct checkpoint_note *note = b.failed ? NULL : note_new("worker", "stats", b.data);
    if (note != NULL)
        writer_note(r->writer, note);
    strbuf_free(&b);
}

void pulse_now(struct lh_run *r, bool last)
{
    int64_t now = clock_monotonic_ms();
    keep_now(r, last);
    tally_advance(&r->tally, now);
    if (r->options.progress != NULL && r->has_view)
        report_progress(r);
    if (last || now - r->last_note_ms >= NOTE_MS) {
        r->last_note_ms = now;
        note_statistics(r);
    }
}

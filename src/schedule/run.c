/* The run: one loop thread that claims, sends and sees the end. Events (an answer, a wake of the store thread, a timer, a signal)
 * change state and call run_tick, which decides what follows. See run.h for the state, longhaul.h for the face. */
#include "schedule/run.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

enum {
    HANDLES = 6,
    SHUT_MS = 2000,      /* a wait for the gate that is worth giving claims back for */
    SHUT_LOOK_MS = 5000, /* and how soon it is looked at again, as answers may open it */
    HURRIED_MS = 1000,   /* the same after a second signal */
};

/* A run that ends by what it was told to keep to does not waste what is in flight: that has its own timeouts. */
static int64_t grace_of(const struct lh_run *r)
{
    int64_t grace = r->options.grace_ms, timeout = 0;
    for (size_t i = 0; i < r->endpoints.count; i++)
        timeout = r->endpoints.list[i].options.timeout_ms > timeout ? r->endpoints.list[i].options.timeout_ms
                                                                    : timeout;
    bool planned = r->end == LH_RUN_DEADLINE || r->end == LH_RUN_BUDGET;
    return planned && timeout > grace ? timeout : grace;
}

void run_finish(struct lh_run *r, enum lh_run_end end, const char *format, ...)
{
    if (r->phase != RUN_WORKING)
        return;
    r->phase = RUN_FINISHING;
    r->end = end;
    va_list args;
    va_start(args, format);
    vsnprintf(r->reason, sizeof r->reason, format, args);
    va_end(args);
    writer_ask_nothing(r->writer);
    uv_timer_stop(&r->gate_timer);
    run_give_back(r);
    if (r->in_flight > 0)
        log_info("%s; %lld requests in flight may finish (up to %lld s; ^C again ends at once)", r->reason,
                 (long long)r->in_flight, (long long)(grace_of(r) / 1000));
    uv_update_time(&r->loop);
    uv_timer_start(&r->grace, r->grace.timer_cb, (uint64_t)grace_of(r), 0);
}

void run_fail_fast(struct lh_run *r, int64_t batch_id, const char *why)
{
    struct steer_note note = {.batch_id = batch_id, .cancel = true};
    snprintf(note.reason, sizeof note.reason, "fail-fast: a job died of %.400s", why);
    writer_steer(r->writer, &note);
    run_finish(r, LH_RUN_FAIL_FAST, "%s", note.reason);
}

void run_abort(struct lh_run *r)
{
    if (r->phase >= RUN_ABORTING)
        return;
    run_finish(r, LH_RUN_STOPPED, "stopped");
    r->phase = RUN_ABORTING;
    flight_cancel_all(r);
}

/* ---- from the store ---- */

static void collect(struct lh_run *r)
{
    struct writer_report report;
    writer_collect(r->writer, &report);
    hand_take(r, &report.claims);
    r->committed += report.committed;
    r->drains = report.drains;
    if (report.has_view) {
        r->view = report.view;
        r->has_view = true;
    }
    r->hand.shuts_in_view = report.shuts;
    r->store_failing = report.failing;
    memcpy(r->store_trouble, report.trouble, sizeof r->store_trouble);
    r->store_gone = report.fatal != 0;
    if (report.fatal != 0 && r->fatal.code == 0) {
        r->fatal = report.error;
        run_finish(r, LH_RUN_STOPPED, "%s", report.error.message);
    }
    if (r->view.steered != r->steered) {
        r->steered = r->view.steered;
        run_give_back(r);
    }
}

/* ---- to the provider ---- */

static void set_gate_timer(struct lh_run *r, int64_t now_ms, int64_t ready_at)
{
    if (ready_at == INT64_MAX) /* something in flight must end first: its end calls tick */
        return;
    uv_update_time(&r->loop);
    uv_timer_start(&r->gate_timer, r->gate_timer.timer_cb, (uint64_t)(ready_at - now_ms), 0);
}

/* A job in hand while all its gates are shut for long, and none is merely full, would be `lost` with a crash, and in the way of one that comes with a higher
 * priority: back with it. */
static int64_t wait_for_gates(struct lh_run *r, struct route *route, int64_t now_ms)
{
    int64_t ready_at = route->wait.ready_at;
    if (ready_at != INT64_MAX && !route->wait.is_for_end && ready_at - now_ms > SHUT_MS) {
        ready_at = ready_at - now_ms < SHUT_LOOK_MS ? ready_at : now_ms + SHUT_LOOK_MS;
        hand_close(r, route, ready_at);
    }
    return ready_at;
}

static int64_t give_up_route(struct lh_run *r, struct route *route)
{
    hand_close(r, route, 0);
    return INT64_MAX;
}

/* True when the gates would let more go than there are claims. */
static bool look_at_routes(struct lh_run *r, int64_t now_ms)
{
    bool starving = r->hand.count == 0;
    int64_t soonest = INT64_MAX;
    for (size_t i = 0; i < r->hand.count; i++) {
        struct route *route = r->hand.routes[i];
        if (route->is_blocked) {
            int64_t at =
                hand_is_hopeless(r, route) ? give_up_route(r, route) : wait_for_gates(r, route, now_ms);
            soonest = at < soonest ? at : soonest;
        } else if (route->closed_until_ms > now_ms && route->closed_until_ms < soonest) {
            soonest = route->closed_until_ms;
        }
        starving = starving || (route->jobs.first == NULL && now_ms >= route->closed_until_ms);
    }
    set_gate_timer(r, now_ms, soonest);
    return starving && r->in_flight < endpoints_capacity(&r->endpoints);
}

/* The budget lets its first job go when something in flight has left a part of it. */
static void hold_route(struct route *route)
{
    route->is_blocked = true;
    route->wait = (struct endpoint_wait){.ready_at = INT64_MAX, .is_for_end = true};
}

/* Where a route's first job goes now. Where the budget does not reach for the one that is its turn, another may be cheaper. NULL: it
 * waits for a gate or, when it is held, for the budget. */
static struct endpoint *choose(struct lh_run *r, struct route *route, int64_t now_ms, bool *held)
{
    const struct claimed_job *job = route->jobs.first;
    struct endpoint *e = endpoints_pick(&r->endpoints, job, UINT64_MAX, now_ms, &route->wait);
    if (e == NULL || spending_allow(r, e, job))
        return e;
    uint64_t cheaper = spending_allow_elsewhere(r, job);
    *held = cheaper == 0;
    return *held ? NULL : endpoints_pick(&r->endpoints, job, cheaper, now_ms, &route->wait);
}

/* Sends what may go now, nothing while its answer could not be kept. True when more could go than there are claims. */
static bool send_ready(struct lh_run *r)
{
    struct route *route = NULL;
    int64_t now = clock_monotonic_ms();
    if (r->phase != RUN_WORKING || r->store_failing)
        return r->phase == RUN_WORKING && r->hand.held == 0 &&
               r->in_flight < endpoints_capacity(&r->endpoints);
    for (size_t i = 0; i < r->hand.count; i++)
        r->hand.routes[i]->is_blocked = false;
    spending_begin(r);
    while (r->phase == RUN_WORKING && (route = hand_next(r)) != NULL) {
        bool held = false;
        struct endpoint *e = choose(r, route, now, &held);
        if (held)
            hold_route(route);
        else if (e != NULL)
            flight_start(r, e, hand_pop(r, route));
        else if (!hand_lay_aside(r, route))
            route->is_blocked = true;
    }
    spending_see_end(r);
    return r->phase == RUN_WORKING && look_at_routes(r, now);
}

void run_tick(struct lh_run *r)
{
    if (r->phase == RUN_OVER)
        return;
    if (r->phase != RUN_WORKING)
        run_give_back(r);
    bool starving = send_ready(r);
    hand_ask(r, starving);
    run_see_end(r);
}

/* ---- events ---- */

static void on_stop(struct lh_run *r)
{
    int stops = atomic_load(&r->stop_calls);
    if (stops <= r->stops_seen)
        return;
    r->stops_seen = stops;
    if (stops == 1)
        run_finish(r, LH_RUN_STOPPED, "stopped by a signal");
    else
        run_abort(r);
}

static void on_wake(uv_async_t *handle)
{
    struct lh_run *r = handle->data;
    on_stop(r);
    collect(r);
    run_tick(r);
}

static void on_gate_timer(uv_timer_t *handle)
{
    run_tick(handle->data);
}

static void on_pulse(uv_timer_t *handle)
{
    struct lh_run *r = handle->data;
    pulse_now(r, false);
    stops_look(r);
    run_tick(r);
}

static void on_grace(uv_timer_t *handle)
{
    struct lh_run *r = handle->data;
    if (r->in_flight > 0)
        log_warn("%lld requests did not finish in time; their jobs are ready again", (long long)r->in_flight);
    run_abort(r);
    run_tick(r);
}

static void on_signal(uv_signal_t *handle, int number)
{
    (void)number;
    struct lh_run *r = handle->data;
    atomic_fetch_add(&r->stop_calls, 1);
    on_stop(r);
    run_tick(r);
}

static void on_writer(void *arg)
{
    struct lh_run *r = arg;
    uv_async_send(&r->wake);
}

void lh_run_stop(lh_run *r)
{
    atomic_fetch_add(&r->stop_calls, 1);
    uv_async_send(&r->wake);
}

/* ---- making and ending ---- */

static void on_handle_closed(uv_handle_t *handle)
{
    struct lh_run *r = handle->data;
    r->open_handles--;
}

static int init_handles(struct lh_run *r, lh_error *err)
{
    if (uv_loop_init(&r->loop) != 0)
        return lh_error_set(err, LH_ENET, "cannot make an event loop");
    uv_async_init(&r->loop, &r->wake, on_wake);
    uv_timer_init(&r->loop, &r->gate_timer);
    uv_timer_init(&r->loop, &r->pulse);
    uv_timer_init(&r->loop, &r->grace);
    uv_signal_init(&r->loop, &r->sigint);
    uv_signal_init(&r->loop, &r->sigterm);
    r->wake.data = r->gate_timer.data = r->pulse.data = r->grace.data = r->sigint.data = r->sigterm.data = r;
    r->gate_timer.timer_cb = on_gate_timer;
    r->grace.timer_cb = on_grace;
    r->open_handles = HANDLES;
    return 0;
}

static void close_handles(struct lh_run *r)
{
    uv_handle_t *handles[HANDLES] = {(uv_handle_t *)&r->wake,   (uv_handle_t *)&r->gate_timer,
                                     (uv_handle_t *)&r->pulse,  (uv_handle_t *)&r->grace,
                                     (uv_handle_t *)&r->sigint, (uv_handle_t *)&r->sigterm};
    if (r->open_handles == 0)
        return;
    for (size_t i = 0; i < HANDLES; i++)
        uv_close(handles[i], on_handle_closed);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    uv_loop_close(&r->loop);
}

static int open_http(struct lh_run *r, const char *ca_file, lh_error *err)
{
    const lh_endpoint_options *e = &r->options.endpoint;
    struct http_options o;
    http_options_default(&o);
    o.connect_timeout_ms = e->connect_timeout_ms;
    o.stall_timeout_ms = e->stall_timeout_ms;
    o.max_response = e->max_response;
    o.max_connections = (long)endpoints_capacity(&r->endpoints) + 16;
    o.ca_file = ca_file;
    return http_client_new(&r->loop, &o, &r->http, err);
}

static int open_writer(struct lh_run *r, const char *db, lh_error *err)
{
    struct writer_options o = {
        .db = db,
        .durability = strcmp(r->options.durability, "normal") == 0 ? DURABILITY_NORMAL : DURABILITY_FULL,
        .batch_id = r->batch_id,
        .max_attempts = r->policy.max_attempts,
        .tuning = {.ageing_ms = r->options.ageing_ms, .retry_percent = r->options.retry_budget},
        .job_deadline_ms = r->options.job_deadline_ms,
        .wake = on_writer,
        .wake_arg = r};
    struct recovery recovery = {0};
    int rc = writer_start(&o, &recovery, &r->writer, err);
    r->recovered = recovery.recovered + recovery.buried;
    if (rc == 0 && r->recovered > 0)
        log_info("%lld requests were in flight when the last worker ended; they go again",
                 (long long)recovery.recovered);
    return rc;
}

static int find_batch(struct lh_run *r, const char *db, const char *name, lh_error *err)
{
    r->batch_id = LH_UNKNOWN;
    if (name == NULL)
        return 0;
    lh_batch batch;
    int rc = lh_batch_find(db, name, &batch, err);
    if (rc == 0 && strcmp(batch.state, "loading") == 0)
        rc = lh_error_set(err, LH_ESTATE, "batch %s is not loaded whole; submit its input again first", name);
    if (rc == 0) {
        r->batch_id = batch.id;
        snprintf(r->batch, sizeof r->batch, "%s", batch.name);
    }
    return rc;
}

int lh_run_new(const char *db, const lh_run_options *o, lh_run **out, lh_error *err)
{
    *out = NULL;
    struct lh_run *r = calloc(1, sizeof *r);
    if (r == NULL)
        return lh_error_nomem(err);
    int rc = run_take_options(r, o, err);
    if (rc == 0)
        rc = endpoints_open(&r->endpoints, o, clock_monotonic_ms(), err);
    if (rc == 0)
        rc = models_open(&r->models, o, &r->endpoints, err);
    if (rc == 0)
        rc = find_batch(r, db, o->batch, err);
    if (rc == 0 && ((r->parser = json_parser_new()) == NULL || (r->guard = guard_new()) == NULL))
        rc = lh_error_nomem(err);
    if (rc == 0)
        rc = init_handles(r, err);
    if (rc == 0)
        rc = open_http(r, o->endpoint.ca_file, err);
    if (rc == 0)
        rc = open_writer(r, db, err);
    if (rc == 0)
        rc = keep_open(r, db, err);
    if (rc == 0)
        rc = models_read(&r->models, db, r->batch_id, err);
    if (rc == 0)
        rc = spending_open(r, db, err);
    if (rc != 0) {
        lh_run_free(r);
        return rc;
    }
    *out = r;
    return 0;
}

static void fill_report(struct lh_run *r, lh_run_report *out)
{
    *out = (lh_run_report){.end = r->end, .lost_recovered = r->recovered};
    tally_report(&r->tally, clock_monotonic_ms(), out);
    const int64_t *jobs = r->view.jobs;
    out->done = jobs[JOB_DONE];
    out->dead = jobs[JOB_DEAD];
    out->canceled = jobs[JOB_CANCELED];
    out->late = r->view.late;
    pulse_budget(r, &out->cost_nanousd, &out->tokens_left, &out->cost_left_nanousd);
    out->unfinished = jobs[JOB_READY] + jobs[JOB_WAITING] + jobs[JOB_RUNNING];
    out->jobs_total = out->done + out->dead + out->canceled + out->unfinished;
    snprintf(out->reason, sizeof out->reason, "%s", r->reason);
}

static void start_handles(struct lh_run *r)
{
    uv_timer_start(&r->pulse, on_pulse, 500, 500);
    if (r->options.handle_signals) {
        signal(SIGPIPE, SIG_IGN); /* a provider that hangs up must not end the program */
        uv_signal_start(&r->sigint, on_signal, SIGINT);
        uv_signal_start(&r->sigterm, on_signal, SIGTERM);
    }
}

static const char *end_name(enum lh_run_end end)
{
    static const char *const names[] = {
        [LH_RUN_DONE] = "done",         [LH_RUN_STOPPED] = "stopped",   [LH_RUN_PAUSED] = "paused",
        [LH_RUN_CANCELED] = "canceled", [LH_RUN_ACCOUNT] = "account",   [LH_RUN_FAIL_FAST] = "fail-fast",
        [LH_RUN_UNSERVED] = "unserved", [LH_RUN_DEADLINE] = "deadline", [LH_RUN_BUDGET] = "budget",
        [LH_RUN_ERRORS] = "errors"};
    return names[end];
}

int lh_run_loop(lh_run *r, lh_run_report *report, lh_error *err)
{
    tally_start(&r->tally, clock_monotonic_ms(), clock_wall_ms());
    start_handles(r);
    keep_now(r, true); /* with the commit of the first claims */
    on_stop(r);        /* stopped before it began */
    run_tick(r);
    if (r->phase != RUN_OVER)
        uv_run(&r->loop, UV_RUN_DEFAULT);
    pulse_now(r, true);
    fill_report(r, report);
    lh_error stop_error = {0};
    bool hurried = r->stops_seen > 1 || r->failing_since_ms != 0;
    int rc = writer_stop(r->writer, end_name(r->end), hurried ? HURRIED_MS : STOP_PATIENCE_MS, &stop_error);
    r->writer = NULL;
    if (r->fatal.code != 0) {
        if (err != NULL)
            *err = r->fatal;
        return r->fatal.code;
    }
    if (rc != 0 && err != NULL)
        *err = stop_error;
    return rc;
}

void lh_run_free(lh_run *r)
{
    if (r == NULL)
        return;
    if (r->writer != NULL)
        writer_stop(r->writer, "failed", 0, NULL);
    if (r->http != NULL)
        http_client_close(r->http, NULL, NULL);
    close_handles(r);
    models_free(&r->models);
    endpoints_free(&r->endpoints);
    guard_free(r->guard);
    json_parser_free(r->parser);
    hand_free(r);
    free(r);
}

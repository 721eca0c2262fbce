/* One request from claim to outcome: builds it, sends it, reads the answer, decides what follows, posts that to the store.
 * Loop thread; called by the run's tick and by the HTTP client. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "schedule/fares.h"
#include "schedule/run.h"

static struct outcome *outcome_of(const struct claimed_job *job)
{
    struct outcome *o = calloc(1, sizeof *o);
    if (o == NULL)
        return NULL;
    o->job_id = job->id;
    o->batch_id = job->batch_id;
    o->number = job->number;
    o->sent_generation = o->generation = job->generation;
    o->attempts = job->attempts;
    o->throttles = job->throttles;
    o->invalids = job->invalids;
    o->deadline_at = job->deadline_at;
    o->claim_set_deadline = job->claim_set_deadline;
    o->was_counted_retry = job->is_counted_retry;
    o->charge = job->charge;
    o->counted_prompt = job->prompt_is_guessed ? LH_UNKNOWN : job->prompt_tokens;
    if (job->use != NULL && job->use->model->name[0] != '\0')
        o->asked_model = job->use->model->name;
    o->cost_nanousd = LH_UNKNOWN;
    return o;
}

static void post(struct lh_run *r, struct outcome *o)
{
    r->posted++;
    writer_post(r->writer, o);
}

static void give_back_job(struct lh_run *r, struct claimed_job *job)
{
    struct outcome *o = outcome_of(job);
    claimed_job_free(job);
    if (o == NULL) { /* the row stays running; the next run finds it an orphan */
        run_finish(r, LH_RUN_STOPPED, "out of memory");
        return;
    }
    o->move = OUTCOME_GIVE_BACK;
    post(r, o);
}

void flight_give_back(struct lh_run *r, struct claimed_job *first)
{
    for (struct claimed_job *job = first, *next; job != NULL; job = next) {
        next = job->next;
        give_back_job(r, job);
    }
}

static void link_flight(struct lh_run *r, struct flight *f)
{
    f->next = r->flights;
    f->link = &r->flights;
    if (f->next != NULL)
        f->next->link = &f->next;
    r->flights = f;
    r->in_flight++;
    f->endpoint->in_flight++;
}

static void unlink_flight(struct flight *f)
{
    *f->link = f->next;
    if (f->next != NULL)
        f->next->link = f->link;
    f->run->in_flight--;
    f->endpoint->in_flight--;
}

static void flight_free(struct flight *f)
{
    claimed_job_free(f->job);
    free(f);
}

static const char *header_of(const void *arg, const char *name)
{
    return http_response_header(arg, name);
}

static void each_header(const void *arg, told_header_fn *fn, void *fn_arg)
{
    http_response_each_header(arg, fn, fn_arg);
}

static void read_answer(struct flight *f, const struct http_response *response, struct answer *a)
{
    struct lh_run *r = f->run;
    enum http_outcome outcome = http_response_outcome(response);
    if (outcome != HTTP_OK) {
        policy_classify_failure(outcome, http_response_message(response), a);
        return;
    }
    struct answer_in in = {.status = http_response_status(response),
                           .header = header_of,
                           .header_arg = response,
                           .each_header = f->endpoint->options.ignore_told ? NULL : each_header,
                           .now_wall_ms = clock_wall_ms()};
    in.body = http_response_body(response, &in.body_len);
    enum dialect d = endpoints_dialect(&r->endpoints, f->job);
    provider_read_answer(d, f->job->url, &in, r->parser, a);
}

static void set_decision(struct outcome *o, const struct decision *d, int64_t now_wall_ms)
{
    o->move = d->move;
    o->attempts = d->attempts;
    o->throttles = d->throttles;
    o->invalids = d->invalids;
    o->generation = d->generation;
    o->wait_ms = d->wait_ms;
    o->next_retry_at = now_wall_ms + d->wait_ms;
    o->dead_reason = d->dead_reason;
}

static void hide_in(const struct access *a, char *text)
{
    access_hide_key(a, text, strlen(text));
}

/* Of what came from the provider, nothing that is kept or shown holds the key. */
static void hide_key(const struct access *access, struct answer *a)
{
    hide_in(access, a->message);
    hide_in(access, a->error_code);
    hide_in(access, a->request_id);
    hide_in(access, a->model);
    hide_in(access, a->finish_reason);
}

static void take_body(const struct access *a, struct outcome *o, const struct http_response *response)
{
    if (http_response_outcome(response) == HTTP_OK && (o->move == OUTCOME_DONE || o->move == OUTCOME_DEAD))
        o->body = http_response_take_body(response, &o->body_len);
    if (o->body != NULL)
        access_hide_key(a, o->body, o->body_len);
}

static void watch(struct lh_run *r, const struct claimed_job *job, const struct outcome *o)
{
    struct steer_note note = {.batch_id = job->batch_id};
    if (o->move == OUTCOME_DEAD && r->options.fail_fast && r->phase == RUN_WORKING) {
        run_fail_fast(r, job->batch_id, o->answer.message);
    } else if (r->options.guard && guard_answer(r->guard, job->batch_id, o->status_code, &o->answer)) {
        snprintf(note.reason, sizeof note.reason,
                 "the first %d answers were all the same permanent error (%d %.64s): %.300s", GUARD_ANSWERS,
                 o->status_code, o->answer.error_code, o->answer.message);
        writer_steer(r->writer, &note);
        if (r->batch_id != LH_UNKNOWN)
            run_finish(r, LH_RUN_PAUSED, "%s", note.reason);
        else
            log_warn("batch paused: %s", note.reason);
    }
}

/* What an endpoint asks to wait is its gate's business when the job can go to another that is up. */
static struct decision decide(const struct flight *f, struct answer *a, bool unreachable)
{
    struct lh_run *r = f->run;
    int64_t told = a->retry_after_ms;
    if (told > 0 && endpoints_have_other(&r->endpoints, f->job, f->endpoint, clock_monotonic_ms()))
        a->retry_after_ms = -1;
    struct decision d = policy_decide(&r->policy, f->job, a, unreachable, &r->random);
    a->retry_after_ms = told;
    return d;
}

/* What follows; a request that was stopped is none that counts. */
static struct decision decide_on(struct flight *f, enum http_outcome http, struct answer *a, int64_t now)
{
    struct decision d = decide(f, a, policy_is_unreachable(http));
    if (http == HTTP_CANCELED)
        d = (struct decision){.move = OUTCOME_READY,
                              .attempts = f->job->attempts,
                              .throttles = f->job->throttles,
                              .invalids = f->job->invalids,
                              .generation = f->job->generation};
    policy_hold_deadline(&d, f->job->deadline_at, now);
    return d;
}

/* The attempt as it goes on record. */
static void describe(const struct flight *f, const struct http_response *response, int64_t now,
                     struct outcome *o)
{
    bool stopped = http_response_outcome(response) == HTTP_CANCELED;
    o->unused = stopped || policy_is_unreachable(http_response_outcome(response)) ||
                o->answer.class == ANSWER_THROTTLED;
    o->retry_is_counted = o->move == OUTCOME_WAIT && !o->unused && o->answer.class == ANSWER_TRANSIENT;
    o->attempt_outcome = stopped ? "canceled" : answer_class_name(o->answer.class);
    o->status_code = http_response_status(response);
    o->started_at = f->started_wall_ms;
    o->latency_ms = clock_monotonic_ms() - f->started_ms;
    o->finished_at = now;
    o->endpoint = f->endpoint->is_named ? f->endpoint->name : NULL;
}

static void on_done(void *arg, const struct http_response *response)
{
    struct flight *f = arg;
    struct lh_run *r = f->run;
    unlink_flight(f);
    struct outcome *o = outcome_of(f->job);
    if (o == NULL) {
        run_finish(r, LH_RUN_STOPPED, "out of memory");
        flight_free(f);
        return;
    }
    enum http_outcome http = http_response_outcome(response);
    bool unreachable = policy_is_unreachable(http);
    read_answer(f, response, &o->answer);
    hide_key(f->access, &o->answer);
    int64_t pause_ms = unreachable && !fares_is_cut_short(f, http) ? fares_unreachable(r, f, &o->answer) : 0;
    if (http == HTTP_OK)
        fares_reached(r, f->endpoint);
    fares_settle(f, http, &o->answer, pause_ms);
    int64_t now = clock_wall_ms();
    struct decision d = decide_on(f, http, &o->answer, now);
    set_decision(o, &d, now);
    describe(f, response, now, o);
    o->cost_nanousd = spending_settle(f, o);
    take_body(f->access, o, response);
    if (o->move == OUTCOME_DONE && o->body == NULL) { /* no memory for the answer: it was not had */
        o->move = OUTCOME_READY;
        o->attempt_outcome = "transient";
    }
    model_learn(f->job->use, o->counted_prompt, &o->answer.usage, o->move == OUTCOME_DONE, o->latency_ms);
    tally_attempt(&r->tally, clock_monotonic_ms(), o);
    stops_count(r, o);
    watch(r, f->job, o);
    if (d.account)
        fares_refused(r, f->endpoint, &o->answer);
    flight_free(f);
    post(r, o);
    if (r->phase != RUN_ABORTING)
        run_tick(r);
}

/* An endpoint of a list is a replay space of its own. */
static void write_key(const struct flight *f, char *out, size_t size)
{
    const struct claimed_job *job = f->job;
    snprintf(out, size, "Idempotency-Key: lh-%s-%lld-%lld%s%s", writer_store_id(f->run->writer),
             (long long)job->id, (long long)job->generation, f->endpoint->is_named ? "-" : "",
             f->endpoint->is_named ? f->endpoint->name : "");
}

/* The body as the endpoint wants it: with its own name for the model. Moves out of the job. */
static int take_request_body(struct flight *f, char **body, size_t *len, lh_error *err)
{
    struct claimed_job *job = f->job;
    struct strbuf renamed;
    json_object *name = NULL;
    struct json_span span = {NULL, 0};
    *body = job->body;
    *len = job->body_len;
    job->body = NULL;
    if (f->endpoint->n_models > 0)
        span = provider_model_span(*body, *len);
    if (span.data == NULL || json_parse(f->run->parser, span.data, span.len, &name, NULL) != 0)
        return 0;
    const char *there =
        json_is_string(name) ? endpoint_model_there(f->endpoint, json_object_get_string(name)) : NULL;
    int rc = 0;
    if (there != NULL) {
        strbuf_init(&renamed);
        rc = provider_rename_model(*body, *len, there, &renamed);
        free(*body);
        *body = renamed.data; /* NULL without memory */
        *len = renamed.len;
    }
    json_object_put(name);
    return rc == 0 ? 0 : lh_error_nomem(err);
}

static int send_job(struct lh_run *r, struct flight *f, lh_error *err)
{
    struct claimed_job *job = f->job;
    const struct access *a = f->access;
    struct strbuf url;
    strbuf_init(&url);
    char key[160 + ENDPOINT_NAME_MOST];
    const char *headers[ACCESS_HEADERS + 1];
    write_key(f, key, sizeof key);
    memcpy(headers, a->headers, a->n_headers * sizeof *headers);
    headers[a->n_headers] = key;
    struct http_send send = {
        .method = "POST", .headers = headers, .n_headers = a->n_headers + 1, .timeout_ms = f->timeout_ms};
    int rc = provider_join_url(a->base_url, job->url, &url, err);
    if (rc == 0)
        rc = take_request_body(f, &send.body, &send.body_len, err);
    if (rc == 0) {
        send.url = url.data;
        rc = http_start(r->http, &send, on_done, f, &f->request, err);
    } else {
        free(send.body);
    }
    strbuf_free(&url);
    return rc;
}

/* A request that this program cannot even form is the job's own fault: dead, with the reason. */
static void bury_unsendable(struct lh_run *r, struct claimed_job *job, const lh_error *why)
{
    struct outcome *o = outcome_of(job);
    claimed_job_free(job);
    if (o == NULL) {
        run_finish(r, LH_RUN_STOPPED, "out of memory");
        return;
    }
    o->move = OUTCOME_DEAD;
    o->attempts++;
    o->dead_reason = "permanent";
    o->attempt_outcome = "permanent";
    o->started_at = o->finished_at = clock_wall_ms();
    o->unused = true;
    o->answer = (struct answer){.class = ANSWER_PERMANENT, .usage = USAGE_NOT_SAID, .retry_after_ms = -1};
    snprintf(o->answer.error_code, sizeof o->answer.error_code, "cannot_send");
    snprintf(o->answer.message, sizeof o->answer.message, "%.500s", why->message);
    tally_attempt(&r->tally, clock_monotonic_ms(), o);
    post(r, o);
}

static void stop_without(struct lh_run *r, struct claimed_job *job, const lh_error *err)
{
    if (err->code != 0)
        r->fatal = *err;
    run_finish(r, LH_RUN_STOPPED, "%s", err->code != 0 ? err->message : "out of memory");
    give_back_job(r, job);
}

bool flight_start(struct lh_run *r, struct endpoint *e, struct claimed_job *job)
{
    lh_error err = {0};
    if (policy_is_late(job, clock_wall_ms())) { /* in hand for too long: the store buries it */
        give_back_job(r, job);
        return false;
    }
    const struct access *access = endpoint_access(e, endpoints_dialect(&r->endpoints, job), &err);
    struct flight *f = access != NULL ? calloc(1, sizeof *f) : NULL;
    if (f == NULL) {
        stop_without(r, job, &err);
        return false;
    }
    *f = (struct flight){.run = r,
                         .job = job,
                         .endpoint = e,
                         .access = access,
                         .asked = job_expected(job),
                         .started_wall_ms = clock_wall_ms(),
                         .started_ms = clock_monotonic_ms()};
    f->timeout_ms = policy_timeout_ms(e->options.timeout_ms, job->deadline_at, f->started_wall_ms);
    if (job->batch_has_results)
        guard_pass(r->guard, job->batch_id);
    f->held = spending_take(r, e, job);
    f->ticket = gate_take(e->gate, f->started_ms, &f->asked);
    if (gate_request_tokens(&f->asked) > e->kept.most_tokens)
        e->kept.most_tokens = gate_request_tokens(&f->asked);
    link_flight(r, f);
    if (send_job(r, f, &err) == 0)
        return true;
    unlink_flight(f);
    struct gate_outcome nothing = {
        .ticket = f->ticket, .health = BREAKER_NOTHING, .used_tokens = 0, .retry_after_ms = -1};
    gate_settle(e->gate, f->started_ms, &nothing);
    budget_settle(&r->spending.budget, &f->held, &(struct budget_sum){0});
    free(f);
    bury_unsendable(r, job, &err);
    return false;
}

void flight_cancel_all(struct lh_run *r)
{
    while (r->flights != NULL)
        http_cancel(r->flights->request);
}

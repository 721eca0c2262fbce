/* The simulated provider's server: see sim.h. One libmicrohttpd thread owns all exchanges and the planner; a delay thread
 * wakes suspended ones. As sim_get_stats may come from any thread, counters are atomic, and what the planner keeps is behind a lock. */
#include "sim/sim.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "sim/delay.h"
#include "sim/page.h"
#include "sim/plan.h"

enum { BODY_MAX = 64 << 20, CONNECTIONS_MAX = 20000 };

struct sim {
    struct MHD_Daemon *daemon;
    struct planner *planner;
    pthread_mutex_t planning; /* held while the planner decides or is asked for its score */
    struct delay *delay;
    FILE *record;
    int port;
    atomic_llong requests, answers, throttled, refused, faults, in_flight, peak, repeated, serial;
};

struct exchange {
    struct sim *sim;
    struct MHD_Connection *connection;
    struct strbuf body;
    bool too_large, planned;
    struct plan plan;
    char key[256]; /* Idempotency-Key, for the record */
};

void sim_options_default(struct sim_options *o)
{
    *o = (struct sim_options){.bind = "127.0.0.1",
                              .latency = "50..150",
                              .output = "5..60",
                              .claude_factor = 1.15,
                              .max_faults = 3,
                              .poison_kind = "400",
                              .enforce = "bucket",
                              .burst_ms = 1000,
                              .limit_headers = "auto",
                              .seed = 1};
}

/* ---- answers ---- */

static void add_header(struct MHD_Response *response, const char *name, const char *format, long long value)
{
    char text[64];
    int n = snprintf(text, sizeof text, "%lld%s", value, format);
    if (n > 0)
        MHD_add_response_header(response, name, text);
}

/* "6m0s", "1.5s", "20ms", as OpenAI writes durations. */
static void add_duration(struct MHD_Response *response, const char *name, int64_t ms)
{
    char text[64];
    if (ms < 1000)
        snprintf(text, sizeof text, "%lldms", (long long)ms);
    else if (ms < 60000)
        snprintf(text, sizeof text, "%.3gs", (double)ms / 1e3);
    else
        snprintf(text, sizeof text, "%lldm%llds", (long long)(ms / 60000), (long long)(ms / 1000 % 60));
    MHD_add_response_header(response, name, text);
}

static void add_instant(struct MHD_Response *response, const char *name, int64_t in_ms)
{
    char text[64];
    struct tm tm;
    time_t at = time(NULL) + (time_t)((in_ms + 999) / 1000);
    gmtime_r(&at, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    MHD_add_response_header(response, name, text);
}

static void fill_in(char *out, size_t size, const char *const words[2], const char *what)
{
    snprintf(out, size, "%s%s%s", words[0], what, words[1]);
}

static void add_limit(const struct exchange *x, struct MHD_Response *response, const char *what,
                      int64_t limit, int64_t left, int64_t full_ms)
{
    static const char *const openai[][2] = {
        {"x-ratelimit-limit-", ""}, {"x-ratelimit-remaining-", ""}, {"x-ratelimit-reset-", ""}};
    static const char *const anthropic[][2] = {{"anthropic-ratelimit-", "-limit"},
                                               {"anthropic-ratelimit-", "-remaining"},
                                               {"anthropic-ratelimit-", "-reset"}};
    char name[3][64];
    if (limit == 0)
        return;
    for (int i = 0; i < 3; i++)
        fill_in(name[i], sizeof name[i], x->plan.anthropic_limits ? anthropic[i] : openai[i], what);
    add_header(response, name[0], "", limit);
    add_header(response, name[1], "", left);
    if (x->plan.anthropic_limits)
        add_instant(response, name[2], full_ms - x->plan.delay_ms); /* counted from when it was let in */
    else
        add_duration(response, name[2], full_ms);
}

static void add_limits(const struct exchange *x, struct MHD_Response *response)
{
    const struct limits_left *l = &x->plan.limits;
    add_limit(x, response, "requests", l->rpm, l->rpm_left, l->rpm_full_ms);
    add_limit(x, response, "tokens", l->tpm, l->tpm_left, l->tpm_full_ms);
}

static void add_headers(struct exchange *x, struct MHD_Response *response)
{
    char id[64];
    const struct plan *p = &x->plan;
    snprintf(id, sizeof id, "req_%016llx%lld", (unsigned long long)p->body_hash,
             (long long)atomic_fetch_add(&x->sim->serial, 1));
    MHD_add_response_header(response, "Content-Type", p->html ? "text/html" : "application/json");
    MHD_add_response_header(response, p->anthropic != 0 ? "request-id" : "x-request-id", id);
    if (p->anthropic == 0)
        add_header(response, "openai-processing-ms", "", p->delay_ms);
    if (p->retry_after_ms >= 0) {
        add_header(response, "retry-after-ms", "", p->retry_after_ms);
        add_header(response, "retry-after", "", (p->retry_after_ms + 999) / 1000);
    }
    if (p->replayed)
        MHD_add_response_header(response, "idempotent-replayed", "true");
    if (p->has_limits)
        add_limits(x, response);
}

/* A body that ends half-way: the length promised all of it. */
static ssize_t read_cut(void *arg, uint64_t at, char *out, size_t max)
{
    const struct exchange *x = arg;
    size_t half = x->plan.body.len / 2;
    if (at >= half)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    size_t n = half - (size_t)at < max ? half - (size_t)at : max;
    memcpy(out, x->plan.body.data + at, n);
    return (ssize_t)n;
}

static enum MHD_Result send_plan(struct exchange *x)
{
    struct MHD_Response *response = NULL;
    if (x->plan.end == PLAN_CUT)
        response = MHD_create_response_from_callback(x->plan.body.len, 4096, read_cut, x, NULL);
    else
        response =
            MHD_create_response_from_buffer(x->plan.body.len, x->plan.body.data, MHD_RESPMEM_PERSISTENT);
    if (response == NULL)
        return MHD_NO;
    add_headers(x, response);
    enum MHD_Result result = MHD_queue_response(x->connection, (unsigned)x->plan.status, response);
    MHD_destroy_response(response);
    return result;
}

/* Closing with unsent data thrown away sends RST. */
static enum MHD_Result reset_connection(struct exchange *x)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    const struct linger now = {.l_onoff = 1, .l_linger = 0};
    if (info != NULL)
        setsockopt(info->connect_fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    return MHD_NO;
}

static void on_due(void *item)
{
    struct exchange *x = item;
    MHD_resume_connection(x->connection);
}

static enum MHD_Result carry_out(struct exchange *x)
{
    return x->plan.end == PLAN_RESET ? reset_connection(x) : send_plan(x);
}

/* ---- statistics ---- */

double sim_utilisation(int64_t granted, int64_t allowance)
{
    return allowance > 0 ? 100.0 * (double)granted / (double)allowance : -1;
}

double sim_refused_share(const struct sim_stats *s)
{
    int64_t decided = s->granted_requests + s->refused_for_rate;
    return decided > 0 ? 100.0 * (double)s->refused_for_rate / (double)decided : 0;
}

static void get_score(const struct limits *l, struct sim_stats *out)
{
    const struct score *score = &l->score;
    out->rpm = l->rpm;
    out->tpm = l->tpm;
    if (!score->begun)
        return;
    out->elapsed_ms = score->at_ms - score->begin_ms;
    out->allowance_requests = score_allowance(&score->requests);
    out->allowance_tokens = score_allowance(&score->tokens);
    out->granted_requests = score->granted_requests;
    out->granted_tokens = score->granted_tokens;
    out->refused_for_rate = score->refused;
    out->too_early = score->too_early;
    out->largest_burst = score->largest_burst;
    out->outage_requests = score->in_outage;
}

static const struct limits *get_stats(struct sim *s, struct sim_stats *out)
{
    *out = (struct sim_stats){.requests = atomic_load(&s->requests),
                              .answers = atomic_load(&s->answers),
                              .throttled = atomic_load(&s->throttled),
                              .refused = atomic_load(&s->refused),
                              .faults = atomic_load(&s->faults),
                              .in_flight = atomic_load(&s->in_flight),
                              .peak_in_flight = atomic_load(&s->peak),
                              .repeated_answers = atomic_load(&s->repeated)};
    const struct limits *limits = planner_limits(s->planner, clock_monotonic_ms());
    get_score(limits, out);
    struct sim_bill bill = planner_bill(s->planner);
    out->billed_prompt_tokens = bill.prompt_tokens;
    out->billed_completion_tokens = bill.completion_tokens;
    return limits;
}

void sim_get_stats(struct sim *s, struct sim_stats *out)
{
    pthread_mutex_lock(&s->planning);
    get_stats(s, out);
    pthread_mutex_unlock(&s->planning);
}

/* GET /sim and /sim/stats; not counted. */
static bool plan_page(struct exchange *x, const char *path)
{
    struct sim_stats stats;
    bool html = strcmp(path, "/sim") == 0;
    if (!html && strcmp(path, "/sim/stats") != 0)
        return false;
    x->plan = (struct plan){.status = 200, .retry_after_ms = -1, .html = html};
    strbuf_init(&x->plan.body);
    pthread_mutex_lock(&x->sim->planning);
    const struct limits *limits = get_stats(x->sim, &stats);
    if (html)
        page_html(&stats, limits, &x->plan.body);
    else
        page_json(&stats, limits, &x->plan.body);
    pthread_mutex_unlock(&x->sim->planning);
    return true;
}

static void decide(struct exchange *x, struct plan_input *in)
{
    pthread_mutex_lock(&x->sim->planning);
    in->now_ms = clock_monotonic_ms();
    planner_decide(x->sim->planner, in, &x->plan);
    pthread_mutex_unlock(&x->sim->planning);
}

static void count_begin(struct sim *s)
{
    atomic_fetch_add(&s->requests, 1);
    long long now = atomic_fetch_add(&s->in_flight, 1) + 1;
    if (now > atomic_load(&s->peak)) /* only this thread raises it */
        atomic_store(&s->peak, now);
}

static void count_end(struct exchange *x, bool sent)
{
    struct sim *s = x->sim;
    const struct plan *p = &x->plan;
    atomic_fetch_sub(&s->in_flight, 1);
    if (p->fault) {
        atomic_fetch_add(&s->faults, 1);
    } else if (p->limited) {
        atomic_fetch_add(&s->throttled, 1);
    } else if (p->status >= 400) {
        atomic_fetch_add(&s->refused, 1);
    } else if (p->status == 200 && sent) {
        atomic_fetch_add(&s->answers, 1);
        if (planner_answered(s->planner, p))
            atomic_fetch_add(&s->repeated, 1);
        if (s->record != NULL)
            fprintf(s->record, "%s %016llx\n", x->key, (unsigned long long)p->body_hash);
    }
}

/* ---- the server ---- */

static const char *header(struct MHD_Connection *c, const char *name)
{
    return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

static void plan_exchange(struct exchange *x, const char *path, const char *method)
{
    const char *key = header(x->connection, "Idempotency-Key");
    struct plan_input in = {.path = path,
                            .method = method,
                            .body = x->body.data,
                            .body_len = x->body.len,
                            .key = key,
                            .authorization = header(x->connection, "Authorization"),
                            .api_key = header(x->connection, "x-api-key")};
    snprintf(x->key, sizeof x->key, "%s", key != NULL ? key : "-");
    x->planned = true;
    if (plan_page(x, path))
        return;
    decide(x, &in);
    count_begin(x->sim);
    if (x->too_large) {
        strbuf_reset(&x->plan.body);
        x->plan.status = 413;
        x->plan.delay_ms = 0;
        sim_error(x->plan.anthropic != 0, "request_too_large", NULL, "Request too large.", &x->plan.body);
    }
}

static struct exchange *exchange_new(struct sim *s, struct MHD_Connection *connection)
{
    struct exchange *x = calloc(1, sizeof *x);
    if (x == NULL)
        return NULL;
    x->sim = s;
    x->connection = connection;
    strbuf_init(&x->body);
    return x;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *data, size_t *size,
                                  void **state)
{
    (void)version;
    struct sim *s = arg;
    struct exchange *x = *state;
    if (x == NULL) {
        *state = exchange_new(s, connection);
        return *state != NULL ? MHD_YES : MHD_NO;
    }
    if (*size > 0) {
        if (x->body.len + *size > BODY_MAX || strbuf_append(&x->body, data, *size) != 0)
            x->too_large = true;
        *size = 0;
        return MHD_YES;
    }
    if (x->planned)
        return carry_out(x);
    plan_exchange(x, path, method);
    if (x->plan.delay_ms <= 0)
        return carry_out(x);
    MHD_suspend_connection(connection);
    if (delay_add(s->delay, x->plan.delay_ms, x) != 0)
        MHD_resume_connection(connection);
    return MHD_YES;
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    (void)arg;
    (void)connection;
    struct exchange *x = *state;
    if (x == NULL)
        return;
    if (x->planned && x->plan.body_hash != 0)
        count_end(x, code == MHD_REQUEST_TERMINATED_COMPLETED_OK);
    strbuf_free(&x->body);
    if (x->planned)
        strbuf_free(&x->plan.body);
    free(x);
    *state = NULL;
}

static void raise_fd_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int set_address(const struct sim_options *o, struct sockaddr_in *address, lh_error *err)
{
    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)o->port)};
    if (o->port < 0 || o->port > 65535)
        return lh_error_set(err, LH_EUSAGE, "port is %lld; it must be 0 to 65535", (long long)o->port);
    if (inet_pton(AF_INET, o->bind, &address->sin_addr) != 1)
        return lh_error_set(err, LH_EUSAGE, "bind is \"%.60s\"; it must be an IPv4 address such as 127.0.0.1",
                            o->bind);
    return 0;
}

static int listen_on(struct sim *s, const struct sim_options *o, lh_error *err)
{
    struct sockaddr_in address;
    int rc = set_address(o, &address, err);
    if (rc != 0)
        return rc;
    raise_fd_limit();
    errno = 0;
    s->daemon = MHD_start_daemon(MHD_USE_POLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
                                 on_request, s, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address,
                                 MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
                                 MHD_OPTION_LISTEN_BACKLOG_SIZE, 4096u, MHD_OPTION_NOTIFY_COMPLETED,
                                 on_completed, s, MHD_OPTION_CONNECTION_TIMEOUT, 600u, MHD_OPTION_END);
    if (s->daemon == NULL)
        return lh_error_set(err, LH_ENET,
                            "cannot listen on %s port %lld: %s; choose another --port (0 is any)", o->bind,
                            (long long)o->port, errno != 0 ? strerror(errno) : "failed");
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_BIND_PORT);
    s->port = info != NULL && info->port != 0 ? info->port : (int)o->port;
    return 0;
}

static int open_record(struct sim *s, const char *path, lh_error *err)
{
    if (path == NULL)
        return 0;
    s->record = fopen(path, "a");
    if (s->record == NULL)
        return lh_error_set(err, LH_EIO, "record %s: %s", path, strerror(errno));
    setvbuf(s->record, NULL, _IOLBF, 0);
    return 0;
}

int sim_start(const struct sim_options *o, struct sim **out, lh_error *err)
{
    *out = NULL;
    struct sim *s = calloc(1, sizeof *s);
    if (s == NULL)
        return lh_error_nomem(err);
    pthread_mutex_init(&s->planning, NULL);
    int rc = planner_new(o, clock_monotonic_ms(), &s->planner, err);
    if (rc == 0)
        rc = open_record(s, o->record, err);
    if (rc == 0 && (s->delay = delay_new(on_due)) == NULL)
        rc = lh_error_nomem(err);
    if (rc == 0)
        rc = listen_on(s, o, err);
    if (rc != 0) {
        sim_stop(s);
        return rc;
    }
    *out = s;
    return 0;
}

int sim_port(const struct sim *s)
{
    return s->port;
}

void sim_stop(struct sim *s)
{
    if (s == NULL)
        return;
    if (s->delay != NULL)
        delay_stop(s->delay); /* wakes what is suspended: libmicrohttpd cannot stop before */
    if (s->daemon != NULL)
        MHD_stop_daemon(s->daemon);
    if (s->delay != NULL)
        delay_free(s->delay);
    if (s->record != NULL)
        fclose(s->record);
    planner_free(s->planner);
    pthread_mutex_destroy(&s->planning);
    free(s);
}

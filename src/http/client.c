/* The HTTP client: see http.h. Exchanges in flight, the pool of handles, start, cancel, close; what one exchange is stands
 * in request.c, sockets and timers in sockets.c. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <uv.h>

#include "http/http.h"
#include "http/request.h"
#include "http/sockets.h"

enum { POOL_MAX = 4096, SWEEP_MS = 250 };

struct http_client {
    uv_loop_t *loop;
    CURLM *multi;
    struct request_setup setup;
    uv_timer_t sweep;
    char *ca_file, *user_agent; /* owned */
    struct http_request *in_flight, *stalled, *pool;
    size_t in_flight_count, pool_count;
    bool closing;
    void (*closed)(void *);
    void *closed_arg;
};

void http_options_default(struct http_options *o)
{
    *o = (struct http_options){.connect_timeout_ms = 30000,
                               .stall_timeout_ms = 60000,
                               .max_response = (size_t)64 << 20,
                               .max_connections = 1024,
                               .http2 = true};
}

/* ---- lists ---- */

static void list_push(struct http_request **head, struct http_request *r)
{
    r->next = *head;
    r->link = head;
    if (r->next != NULL)
        r->next->link = &r->next;
    *head = r;
}

static void list_remove(struct http_request *r)
{
    *r->link = r->next;
    if (r->next != NULL)
        r->next->link = r->link;
    r->link = NULL;
}

static struct http_request *pool_get(struct http_client *c)
{
    struct http_request *r = c->pool;
    if (r == NULL)
        return request_new(c, &c->setup);
    c->pool = r->next;
    c->pool_count--;
    return r;
}

static void pool_put(struct http_client *c, struct http_request *r)
{
    if (c->closing || c->pool_count >= POOL_MAX) {
        request_free(r);
        return;
    }
    request_reset(r);
    r->next = c->pool;
    c->pool = r;
    c->pool_count++;
}

/* ---- the end of an exchange ---- */

static void finish(struct http_request *r, struct http_response *response)
{
    struct http_client *c = r->client;
    response->request = r;
    curl_multi_remove_handle(c->multi, r->easy);
    list_remove(r);
    c->in_flight_count--;
    r->done(r->arg, response);
    pool_put(c, r);
}

static void finish_early(struct http_request *r, enum http_outcome outcome, const char *message)
{
    struct http_response response = {.outcome = outcome};
    snprintf(response.message, sizeof response.message, "%s", message);
    finish(r, &response);
}

/* Outside of libcurl's calls, so a callback may start, cancel and close. */
static void collect_done(void *arg)
{
    struct http_client *c = arg;
    int left = 0;
    CURLMsg *message = NULL;
    while ((message = curl_multi_info_read(c->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE)
            continue;
        struct http_request *r = NULL;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&r);
        struct http_response response;
        request_judge(r, code, &response);
        finish(r, &response);
    }
}

/* Answers that began and then stopped flowing are looked for now and then, as that costs the others nothing. They are put
 * aside first: a callback may change the lists in any way. */
static void on_sweep(uv_timer_t *timer)
{
    struct http_client *c = timer->data;
    uint64_t now = uv_now(c->loop);
    for (struct http_request *r = c->in_flight, *next; r != NULL; r = next) {
        next = r->next;
        if (!request_is_stalled(r, now))
            continue;
        list_remove(r);
        list_push(&c->stalled, r);
    }
    char message[96];
    snprintf(message, sizeof message, "nothing came for %lld ms",
             (long long)c->setup.options.stall_timeout_ms);
    while (c->stalled != NULL)
        finish_early(c->stalled, HTTP_STALL, message);
}

/* ---- making ---- */

/* Thousands of requests are thousands of sockets. */
static void raise_fd_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static bool holds_certificate(FILE *f)
{
    char line[256];
    while (fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, "-----BEGIN ", 11) == 0 && strstr(line, "CERTIFICATE-----") != NULL)
            return true;
    return false;
}

/* Told here, once, rather than by each request. */
static int check_ca_file(const char *path, lh_error *err)
{
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return lh_error_set(err, LH_EUSAGE, "the CA file %s cannot be read", path);
    bool good = holds_certificate(f);
    fclose(f);
    return good ? 0 : lh_error_set(err, LH_EUSAGE, "the CA file %s holds no PEM certificate", path);
}

static int copy_options(struct http_client *c, const struct http_options *o, lh_error *err)
{
    c->user_agent = strdup(o->user_agent != NULL ? o->user_agent : "longhaul/" LH_VERSION);
    c->ca_file = o->ca_file != NULL ? strdup(o->ca_file) : NULL;
    if (c->user_agent == NULL || (o->ca_file != NULL && c->ca_file == NULL))
        return lh_error_nomem(err);
    c->setup.options = *o;
    c->setup.options.user_agent = c->user_agent;
    c->setup.options.ca_file = c->ca_file;
    return 0;
}

static int open_curl(struct http_client *c, lh_error *err)
{
    c->multi = curl_multi_init();
    c->setup.share = curl_share_init();
    if (c->multi == NULL || c->setup.share == NULL)
        return lh_error_nomem(err);
    curl_share_setopt(c->setup.share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, c->setup.options.max_connections);
    curl_multi_setopt(c->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
    c->setup.sockets = sockets_new(c->loop, c->multi, collect_done, c);
    return c->setup.sockets != NULL ? 0 : lh_error_nomem(err);
}

static void close_curl(struct http_client *c)
{
    while (c->pool != NULL) {
        struct http_request *next = c->pool->next;
        request_free(c->pool);
        c->pool = next;
    }
    if (c->multi != NULL)
        curl_multi_cleanup(c->multi);
    if (c->setup.share != NULL)
        curl_share_cleanup(c->setup.share);
}

static void client_free(struct http_client *c)
{
    free(c->ca_file);
    free(c->user_agent);
    free(c);
    curl_global_cleanup();
}

static void start_sweep(struct http_client *c)
{
    uv_timer_init(c->loop, &c->sweep);
    c->sweep.data = c;
    int64_t stall = c->setup.options.stall_timeout_ms;
    if (stall <= 0)
        return;
    uint64_t every = stall / 4 < SWEEP_MS ? (uint64_t)stall / 4 + 1 : SWEEP_MS;
    uv_timer_start(&c->sweep, on_sweep, every, every);
    uv_unref((uv_handle_t *)&c->sweep);
}

int http_client_new(struct uv_loop_s *loop, const struct http_options *o, struct http_client **out,
                    lh_error *err)
{
    *out = NULL;
    int rc = o->ca_file != NULL ? check_ca_file(o->ca_file, err) : 0;
    if (rc != 0)
        return rc;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return lh_error_set(err, LH_ENET, "libcurl cannot be started");
    struct http_client *c = calloc(1, sizeof *c);
    if (c == NULL) {
        curl_global_cleanup();
        return lh_error_nomem(err);
    }
    raise_fd_limit();
    c->loop = loop;
    rc = copy_options(c, o, err);
    if (rc == 0)
        rc = open_curl(c, err);
    if (rc != 0) {
        close_curl(c);
        client_free(c);
        return rc;
    }
    start_sweep(c);
    *out = c;
    return 0;
}

/* ---- closing ---- */

static void on_sockets_closed(void *arg)
{
    struct http_client *c = arg;
    void (*closed)(void *) = c->closed;
    void *closed_arg = c->closed_arg;
    client_free(c);
    if (closed != NULL)
        closed(closed_arg);
}

/* libcurl's handles go only here, where no callback of a request can be further up the stack. */
static void on_sweep_closed(uv_handle_t *handle)
{
    struct http_client *c = handle->data;
    close_curl(c);
    sockets_close(c->setup.sockets, on_sockets_closed, c);
}

void http_client_close(struct http_client *c, void (*closed)(void *), void *arg)
{
    if (c->closing)
        return;
    c->closing = true;
    c->closed = closed;
    c->closed_arg = arg;
    while (c->in_flight != NULL)
        finish_early(c->in_flight, HTTP_CANCELED, "");
    while (c->stalled != NULL)
        finish_early(c->stalled, HTTP_CANCELED, "");
    uv_close((uv_handle_t *)&c->sweep, on_sweep_closed);
}

/* ---- requests ---- */

static int add_to_multi(struct http_client *c, struct http_request *r, lh_error *err)
{
    CURLMcode code = curl_multi_add_handle(c->multi, r->easy);
    if (code == CURLM_OUT_OF_MEMORY)
        return lh_error_nomem(err);
    if (code != CURLM_OK)
        return lh_error_set(err, LH_ENET, "libcurl does not take the request: %s", curl_multi_strerror(code));
    return 0;
}

static int start(struct http_client *c, struct http_request *r, const struct http_send *s, lh_error *err)
{
    int rc = request_set(r, s, err);
    if (rc == 0)
        rc = add_to_multi(c, r, err);
    if (rc != 0)
        pool_put(c, r);
    return rc;
}

int http_start(struct http_client *c, const struct http_send *s, http_done_fn done, void *arg,
               struct http_request **out, lh_error *err)
{
    if (out != NULL)
        *out = NULL;
    struct http_request *r = c->closing ? NULL : pool_get(c);
    if (r == NULL) {
        free(s->body);
        return c->closing ? lh_error_set(err, LH_ESTATE, "the HTTP client is being closed")
                          : lh_error_nomem(err);
    }
    r->done = done;
    r->arg = arg;
    int rc = start(c, r, s, err);
    if (rc != 0)
        return rc;
    list_push(&c->in_flight, r);
    c->in_flight_count++;
    if (out != NULL)
        *out = r;
    return 0;
}

void http_cancel(struct http_request *r)
{
    if (r->link != NULL)
        finish_early(r, HTTP_CANCELED, "");
}

size_t http_in_flight(const struct http_client *c)
{
    return c->in_flight_count;
}

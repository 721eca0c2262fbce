/* The HTTP client: see http.h. A pool of easy handles is set up once and reused; each request sets what is its own. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <uv.h>

#include "http/http.h"
#include "http/sockets.h"

enum { HEADERS_MAX = 16, POOL_MAX = 4096, FIRST_CHUNK = 4096, BIG_CHUNK = 1 << 20, SWEEP_MS = 250 };

struct http_request {
    struct http_client *client;
    struct http_request *next, **link; /* in flight, or in the pool (next only) */
    CURL *easy;
    http_done_fn done;
    void *arg;
    char *send_body; /* owned */
    struct curl_slist lines[HEADERS_MAX + 1];
    char *line_text; /* owned: the headers' bytes */
    char *body;      /* owned: what came so far */
    size_t len, capacity;
    uint64_t last_byte_ms; /* 0: the answer has not begun */
    bool too_large, stalled, no_memory;
    char error[CURL_ERROR_SIZE];
};

struct http_response {
    struct http_request *request;
    enum http_outcome outcome;
    char message[CURL_ERROR_SIZE + 64];
};

struct http_client {
    uv_loop_t *loop;
    CURLM *multi;
    CURLSH *share;
    struct sockets *sockets;
    uv_timer_t sweep;
    struct http_options options;
    char *ca_file, *user_agent;
    struct http_request *in_flight, *pool;
    size_t in_flight_count, pool_count;
    bool closing;
    int closing_parts;
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

static const char *const outcome_names[] = {
    [HTTP_OK] = "ok",
    [HTTP_RESOLVE] = "host name not found",
    [HTTP_CONNECT] = "cannot connect",
    [HTTP_TLS] = "TLS failed",
    [HTTP_TIMEOUT] = "timed out",
    [HTTP_STALL] = "the answer stopped flowing",
    [HTTP_RESET] = "connection broken",
    [HTTP_TOO_LARGE] = "the answer is too large",
    [HTTP_PROTOCOL] = "not HTTP",
    [HTTP_CANCELED] = "canceled",
    [HTTP_INTERNAL] = "internal error",
};

const char *http_outcome_name(enum http_outcome outcome)
{
    return outcome_names[outcome];
}

/* ---- receiving ---- */

static bool make_room(struct http_request *r, size_t extra)
{
    size_t need = r->len + extra + 1;
    if (need <= r->capacity)
        return true;
    size_t capacity = r->capacity == 0 ? FIRST_CHUNK : r->capacity * 2;
    curl_off_t told = -1; /* a hint: a lie costs no more than one chunk */
    if (r->len == 0 && curl_easy_getinfo(r->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &told) == CURLE_OK &&
        told > 0)
        capacity = told < BIG_CHUNK ? (size_t)told + 1 : BIG_CHUNK;
    if (capacity < need)
        capacity = need;
    char *body = realloc(r->body, capacity);
    if (body == NULL) {
        r->no_memory = true;
        return false;
    }
    r->body = body;
    r->capacity = capacity;
    return true;
}

static bool is_told_too_large(struct http_request *r)
{
    curl_off_t told = -1;
    return curl_easy_getinfo(r->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &told) == CURLE_OK && told > 0 &&
           (uint64_t)told > r->client->options.max_response;
}

static size_t on_body(char *data, size_t one, size_t len, void *arg)
{
    (void)one;
    struct http_request *r = arg;
    r->last_byte_ms = uv_now(r->client->loop);
    if (r->last_byte_ms == 0)
        r->last_byte_ms = 1;
    if (len > r->client->options.max_response - r->len || (r->len == 0 && is_told_too_large(r))) {
        r->too_large = true;
        return 0;
    }
    if (!make_room(r, len))
        return 0;
    memcpy(r->body + r->len, data, len);
    r->len += len;
    r->body[r->len] = '\0';
    return len;
}

/* ---- handles ---- */

static void set_fixed_options(struct http_client *c, struct http_request *r)
{
    CURL *e = r->easy;
    curl_easy_setopt(e, CURLOPT_PRIVATE, r);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(e, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    curl_easy_setopt(e, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(e, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)c->options.connect_timeout_ms);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION,
                     c->options.http2 ? (long)CURL_HTTP_VERSION_2TLS : (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(e, CURLOPT_USERAGENT, c->user_agent);
    curl_easy_setopt(e, CURLOPT_SHARE, c->share);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, r->error);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, r);
    curl_easy_setopt(e, CURLOPT_MAXAGE_CONN, 118L);
    if (c->ca_file != NULL)
        curl_easy_setopt(e, CURLOPT_CAINFO, c->ca_file);
    sockets_set_options(c->sockets, e);
}

static struct http_request *request_get(struct http_client *c)
{
    struct http_request *r = c->pool;
    if (r != NULL) {
        c->pool = r->next;
        c->pool_count--;
        return r;
    }
    r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->client = c;
    r->easy = curl_easy_init();
    if (r->easy == NULL) {
        free(r);
        return NULL;
    }
    set_fixed_options(c, r);
    return r;
}

static void request_destroy(struct http_request *r)
{
    curl_easy_cleanup(r->easy);
    free(r);
}

static void request_put(struct http_request *r)
{
    struct http_client *c = r->client;
    free(r->send_body);
    free(r->line_text);
    free(r->body);
    r->send_body = r->line_text = r->body = NULL;
    r->len = r->capacity = 0;
    r->last_byte_ms = 0;
    r->too_large = r->stalled = r->no_memory = false;
    r->error[0] = '\0';
    if (c->closing || c->pool_count >= POOL_MAX) {
        request_destroy(r);
        return;
    }
    r->next = c->pool;
    c->pool = r;
    c->pool_count++;
}

static void link_in_flight(struct http_client *c, struct http_request *r)
{
    r->next = c->in_flight;
    r->link = &c->in_flight;
    if (r->next != NULL)
        r->next->link = &r->next;
    c->in_flight = r;
    c->in_flight_count++;
}

static void unlink_in_flight(struct http_request *r)
{
    *r->link = r->next;
    if (r->next != NULL)
        r->next->link = r->link;
    r->client->in_flight_count--;
}

/* ---- what became of it ---- */

static const struct {
    CURLcode code;
    enum http_outcome outcome;
} meanings[] = {
    {CURLE_OK, HTTP_OK},
    {CURLE_COULDNT_RESOLVE_HOST, HTTP_RESOLVE},
    {CURLE_COULDNT_RESOLVE_PROXY, HTTP_RESOLVE},
    {CURLE_COULDNT_CONNECT, HTTP_CONNECT},
    {CURLE_PROXY, HTTP_CONNECT},
    {CURLE_INTERFACE_FAILED, HTTP_CONNECT},
    {CURLE_SSL_CONNECT_ERROR, HTTP_TLS},
    {CURLE_PEER_FAILED_VERIFICATION, HTTP_TLS},
    {CURLE_SSL_CERTPROBLEM, HTTP_TLS},
    {CURLE_SSL_CIPHER, HTTP_TLS},
    {CURLE_SSL_CACERT_BADFILE, HTTP_TLS},
    {CURLE_SSL_ISSUER_ERROR, HTTP_TLS},
    {CURLE_SSL_INVALIDCERTSTATUS, HTTP_TLS},
    {CURLE_USE_SSL_FAILED, HTTP_TLS},
    {CURLE_OPERATION_TIMEDOUT, HTTP_TIMEOUT},
    {CURLE_SEND_ERROR, HTTP_RESET},
    {CURLE_RECV_ERROR, HTTP_RESET},
    {CURLE_GOT_NOTHING, HTTP_RESET},
    {CURLE_PARTIAL_FILE, HTTP_RESET},
    {CURLE_HTTP2, HTTP_RESET},
    {CURLE_HTTP2_STREAM, HTTP_RESET},
    {CURLE_SEND_FAIL_REWIND, HTTP_RESET},
    {CURLE_WEIRD_SERVER_REPLY, HTTP_PROTOCOL},
    {CURLE_UNSUPPORTED_PROTOCOL, HTTP_PROTOCOL},
    {CURLE_BAD_CONTENT_ENCODING, HTTP_PROTOCOL},
};

static enum http_outcome outcome_of(struct http_request *r, CURLcode code)
{
    if (r->too_large)
        return HTTP_TOO_LARGE;
    if (r->stalled)
        return HTTP_STALL;
    if (r->no_memory)
        return HTTP_INTERNAL;
    curl_off_t sent_at = 0;
    curl_easy_getinfo(r->easy, CURLINFO_PRETRANSFER_TIME_T, &sent_at);
    if (code == CURLE_OPERATION_TIMEDOUT && sent_at == 0)
        return HTTP_CONNECT;
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (meanings[i].code == code)
            return meanings[i].outcome;
    return HTTP_INTERNAL;
}

static void finish(struct http_request *r, enum http_outcome outcome, const char *detail)
{
    struct http_response response = {.request = r, .outcome = outcome};
    curl_multi_remove_handle(r->client->multi, r->easy);
    unlink_in_flight(r);
    if (outcome != HTTP_OK)
        snprintf(response.message, sizeof response.message, "%s", detail);
    if (outcome == HTTP_TOO_LARGE)
        snprintf(response.message, sizeof response.message, "more than %zu bytes; raise --max-response",
                 r->client->options.max_response);
    r->done(r->arg, &response);
    request_put(r);
}

static void collect_done(void *arg)
{
    struct http_client *c = arg;
    int left = 0;
    CURLMsg *message = NULL;
    while (!c->closing && (message = curl_multi_info_read(c->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE)
            continue;
        struct http_request *r = NULL;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&r);
        finish(r, outcome_of(r, code), r->error[0] != '\0' ? r->error : curl_easy_strerror(code));
    }
}

/* An answer that began and then stopped flowing. Looked for now and then, as it costs every request nothing. */
static void on_sweep(uv_timer_t *timer)
{
    struct http_client *c = timer->data;
    uint64_t now = uv_now(c->loop);
    for (struct http_request *r = c->in_flight, *next; r != NULL; r = next) {
        next = r->next;
        if (r->last_byte_ms == 0 || now - r->last_byte_ms < (uint64_t)c->options.stall_timeout_ms)
            continue;
        r->stalled = true;
        finish(r, HTTP_STALL, "");
        next = c->in_flight; /* the callback may have changed the list: look again from its start */
        if (c->closing)
            return;
    }
}

/* ---- the face ---- */

/* Thousands of requests are thousands of sockets. */
static void raise_fd_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int check_ca_file(const char *path, lh_error *err)
{
    FILE *f = path != NULL ? fopen(path, "r") : NULL;
    if (path != NULL && f == NULL)
        return lh_error_set(err, LH_EUSAGE, "the CA file %s cannot be read", path);
    if (f != NULL)
        fclose(f);
    return 0;
}

static int client_init(struct http_client *c, const struct http_options *o, lh_error *err)
{
    c->options = *o;
    c->options.ca_file = c->options.user_agent = NULL;
    c->user_agent = strdup(o->user_agent != NULL ? o->user_agent : "longhaul/" LH_VERSION);
    c->ca_file = o->ca_file != NULL ? strdup(o->ca_file) : NULL;
    if (c->user_agent == NULL || (o->ca_file != NULL && c->ca_file == NULL))
        return lh_error_nomem(err);
    c->multi = curl_multi_init();
    c->share = curl_share_init();
    if (c->multi == NULL || c->share == NULL)
        return lh_error_set(err, LH_ENET, "libcurl cannot be started");
    curl_share_setopt(c->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, o->max_connections);
    curl_multi_setopt(c->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
    c->sockets = sockets_new(c->loop, c->multi, collect_done, c);
    return c->sockets != NULL ? 0 : lh_error_nomem(err);
}

static void client_free_parts(struct http_client *c)
{
    while (c->pool != NULL) {
        struct http_request *next = c->pool->next;
        request_destroy(c->pool);
        c->pool = next;
    }
    curl_multi_cleanup(c->multi);
    curl_share_cleanup(c->share);
}

static void client_free(struct http_client *c)
{
    free(c->ca_file);
    free(c->user_agent);
    free(c);
}

int http_client_new(struct uv_loop_s *loop, const struct http_options *o, struct http_client **out,
                    lh_error *err)
{
    *out = NULL;
    int rc = check_ca_file(o->ca_file, err);
    if (rc != 0)
        return rc;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return lh_error_set(err, LH_ENET, "libcurl cannot be started");
    raise_fd_limit();
    struct http_client *c = calloc(1, sizeof *c);
    if (c == NULL)
        return lh_error_nomem(err);
    c->loop = loop;
    rc = client_init(c, o, err);
    if (rc != 0) {
        client_free_parts(c);
        client_free(c);
        return rc;
    }
    uv_timer_init(loop, &c->sweep);
    c->sweep.data = c;
    if (o->stall_timeout_ms > 0) {
        int64_t every = o->stall_timeout_ms / 4 < SWEEP_MS ? o->stall_timeout_ms / 4 + 1 : SWEEP_MS;
        uv_timer_start(&c->sweep, on_sweep, (uint64_t)every, (uint64_t)every);
        uv_unref((uv_handle_t *)&c->sweep);
    }
    *out = c;
    return 0;
}

static void on_part_closed(void *arg)
{
    struct http_client *c = arg;
    if (--c->closing_parts > 0)
        return;
    void (*closed)(void *) = c->closed;
    void *closed_arg = c->closed_arg;
    client_free(c);
    if (closed != NULL)
        closed(closed_arg);
}

static void on_sweep_closed(uv_handle_t *handle)
{
    on_part_closed(handle->data);
}

void http_client_close(struct http_client *c, void (*closed)(void *), void *arg)
{
    while (c->in_flight != NULL)
        finish(c->in_flight, HTTP_CANCELED, "");
    c->closing = true;
    c->closed = closed;
    c->closed_arg = arg;
    c->closing_parts = 2;
    client_free_parts(c);
    sockets_close(c->sockets, on_part_closed, c);
    uv_close((uv_handle_t *)&c->sweep, on_sweep_closed);
}

/* Header lines as a list of libcurl's without its allocations: the nodes live in the request. */
static int set_headers(struct http_request *r, const struct http_send *s, lh_error *err)
{
    static char no_expect[] = "Expect:"; /* no round trip to ask whether a body is welcome */
    if (s->n_headers > HEADERS_MAX)
        return lh_error_set(err, LH_EUSAGE, "more than %d headers", HEADERS_MAX);
    size_t total = 0;
    for (size_t i = 0; i < s->n_headers; i++)
        total += strlen(s->headers[i]) + 1;
    r->line_text = malloc(total + 1);
    if (r->line_text == NULL)
        return lh_error_nomem(err);
    char *at = r->line_text;
    for (size_t i = 0; i < s->n_headers; i++) {
        size_t len = strlen(s->headers[i]) + 1;
        memcpy(at, s->headers[i], len);
        r->lines[i] = (struct curl_slist){.data = at, .next = &r->lines[i + 1]};
        at += len;
    }
    r->lines[s->n_headers] = (struct curl_slist){.data = no_expect};
    curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, r->lines);
    return 0;
}

static int set_request(struct http_request *r, const struct http_send *s, lh_error *err)
{
    CURL *e = r->easy;
    int rc = set_headers(r, s, err);
    if (rc != 0)
        return rc;
    if (curl_easy_setopt(e, CURLOPT_URL, s->url) != CURLE_OK)
        return lh_error_nomem(err);
    bool tls = strncasecmp(s->url, "https:", 6) == 0;
    curl_easy_setopt(e, CURLOPT_PIPEWAIT, tls ? 1L : 0L);
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)s->timeout_ms);
    if (strcmp(s->method, "POST") == 0) {
        curl_easy_setopt(e, CURLOPT_POST, 1L);
        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)s->body_len);
        curl_easy_setopt(e, CURLOPT_POSTFIELDS, r->send_body != NULL ? r->send_body : "");
    } else if (strcmp(s->method, "GET") == 0) {
        curl_easy_setopt(e, CURLOPT_HTTPGET, 1L);
    } else {
        return lh_error_set(err, LH_EUSAGE, "the method %s is not supported", s->method);
    }
    return 0;
}

int http_start(struct http_client *c, const struct http_send *s, http_done_fn done, void *arg,
               struct http_request **out, lh_error *err)
{
    if (out != NULL)
        *out = NULL;
    struct http_request *r = c->closing ? NULL : request_get(c);
    if (r == NULL) {
        free(s->body);
        return lh_error_nomem(err);
    }
    r->send_body = s->body;
    r->done = done;
    r->arg = arg;
    int rc = set_request(r, s, err);
    CURLMcode code = rc == 0 ? curl_multi_add_handle(c->multi, r->easy) : CURLM_OK;
    if (rc == 0 && code != CURLM_OK)
        rc = lh_error_set(err, LH_ENET, "libcurl does not take the request: %s", curl_multi_strerror(code));
    if (rc != 0) {
        request_put(r);
        return rc;
    }
    link_in_flight(c, r);
    if (out != NULL)
        *out = r;
    return 0;
}

void http_cancel(struct http_request *r)
{
    finish(r, HTTP_CANCELED, "");
}

size_t http_in_flight(const struct http_client *c)
{
    return c->in_flight_count;
}

enum http_outcome http_response_outcome(const struct http_response *r)
{
    return r->outcome;
}

const char *http_response_message(const struct http_response *r)
{
    return r->message;
}

int http_response_status(const struct http_response *r)
{
    long status = 0;
    curl_easy_getinfo(r->request->easy, CURLINFO_RESPONSE_CODE, &status);
    return (int)status;
}

const char *http_response_header(const struct http_response *r, const char *name)
{
    struct curl_header *header = NULL;
    size_t last = 0;
    if (curl_easy_header(r->request->easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return NULL;
    last = header->amount - 1;
    if (last > 0)
        curl_easy_header(r->request->easy, name, last, CURLH_HEADER, -1, &header);
    return header->value;
}

const char *http_response_body(const struct http_response *r, size_t *len)
{
    *len = r->request->len;
    return r->request->body != NULL ? r->request->body : "";
}

char *http_response_take_body(const struct http_response *r, size_t *len)
{
    struct http_request *q = r->request;
    char *body = q->body != NULL ? q->body : strdup("");
    *len = q->len;
    q->body = NULL;
    q->len = q->capacity = 0;
    return body;
}

struct http_timing http_response_timing(const struct http_response *r)
{
    CURL *e = r->request->easy;
    curl_off_t connect = 0, first = 0, total = 0, up = 0, down = 0;
    curl_easy_getinfo(e, CURLINFO_CONNECT_TIME_T, &connect);
    curl_easy_getinfo(e, CURLINFO_STARTTRANSFER_TIME_T, &first);
    curl_easy_getinfo(e, CURLINFO_TOTAL_TIME_T, &total);
    curl_easy_getinfo(e, CURLINFO_SIZE_UPLOAD_T, &up);
    curl_easy_getinfo(e, CURLINFO_SIZE_DOWNLOAD_T, &down);
    return (struct http_timing){.connect_us = connect,
                                .first_byte_us = first,
                                .total_us = total,
                                .bytes_sent = up,
                                .bytes_received = down};
}

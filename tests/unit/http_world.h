/* For the tests of src/http: a loop, a client, and a peer on a free loopback port that speaks whatever bytes a test wants.
 * Everything runs on one loop; nothing sleeps. The fuse only turns a hang into a failure. */
#ifndef LH_TEST_HTTP_WORLD_H
#define LH_TEST_HTTP_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>
#include <uv.h>

#include "base/strbuf.h"
#include "http/http.h"

enum { FUSE_MS = 20000 };

struct peer;

struct peer_conn {
    uv_tcp_t tcp;
    struct peer *peer;
    struct strbuf in; /* what came and is no whole request yet */
    int requests;     /* whole ones so far */
    bool closing;
};

/* A whole request has come: headers and the body that Content-Length tells. */
typedef void (*peer_fn)(struct peer_conn *conn, const char *request, size_t len);

struct peer {
    uv_tcp_t listener;
    int port, accepts, requests, open;
    peer_fn on_request;
    peer_fn on_accept; /* may be NULL */
    struct peer_conn *last;
    char seen[4096]; /* the start of the last request */
    void *arg;
};

/* What became of one request. */
struct seen {
    struct world *world;
    int calls;
    enum http_outcome outcome;
    int status;
    char *body; /* owned */
    size_t len;
    char message[512];
    char header[256]; /* x-test */
    struct http_timing timing;
    void (*then)(struct seen *s, const struct http_response *r); /* may be NULL */
    struct http_request *request;
};

struct world {
    uv_loop_t loop;
    uv_timer_t fuse;
    struct peer peer;
    struct http_client *client;
    int ended, closed;
};

/* ---- the peer ---- */

static inline void peer_on_closed(uv_handle_t *handle)
{
    struct peer_conn *conn = handle->data;
    conn->peer->open--;
    if (conn->peer->last == conn)
        conn->peer->last = NULL;
    strbuf_free(&conn->in);
    free(conn);
}

static inline void peer_close(struct peer_conn *conn)
{
    if (!conn->closing)
        uv_close((uv_handle_t *)&conn->tcp, peer_on_closed);
    conn->closing = true;
}

/* RST instead of FIN. */
static inline void peer_reset(struct peer_conn *conn)
{
    if (!conn->closing)
        uv_tcp_close_reset(&conn->tcp, peer_on_closed);
    conn->closing = true;
}

static inline void peer_on_written(uv_write_t *write, int status)
{
    (void)status;
    free(write);
}

static inline void peer_send(struct peer_conn *conn, const void *bytes, size_t len)
{
    if (conn->closing)
        return;
    uv_write_t *write = malloc(sizeof *write + len);
    assert_non_null(write);
    memcpy((char *)write + sizeof *write, bytes, len);
    uv_buf_t buf = uv_buf_init((char *)write + sizeof *write, (unsigned)len);
    if (uv_write(write, (uv_stream_t *)&conn->tcp, &buf, 1, peer_on_written) != 0)
        free(write);
}

static inline void peer_say(struct peer_conn *conn, const char *text)
{
    peer_send(conn, text, strlen(text));
}

static inline void peer_answer(struct peer_conn *conn, const char *head, const void *body, size_t len)
{
    char text[1024];
    snprintf(text, sizeof text, "%s\r\nContent-Length: %zu\r\n\r\n", head, len);
    peer_say(conn, text);
    peer_send(conn, body, len);
}

static inline size_t peer_request_size(const struct strbuf *in)
{
    const char *end = strstr(in->data, "\r\n\r\n");
    if (end == NULL)
        return 0;
    size_t size = (size_t)(end - in->data) + 4;
    const char *told = strcasestr(in->data, "\r\nContent-Length:");
    if (told != NULL && told < end)
        size += (size_t)strtoul(told + 17, NULL, 10);
    return size <= in->len ? size : 0;
}

static inline void peer_on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct peer_conn *conn = stream->data;
    if (n > 0)
        strbuf_append(&conn->in, buf->base, (size_t)n);
    free(buf->base);
    if (n < 0) {
        peer_close(conn);
        return;
    }
    size_t size = 0;
    while (!conn->closing && (size = peer_request_size(&conn->in)) > 0) {
        struct peer *p = conn->peer;
        conn->requests++;
        p->requests++;
        snprintf(p->seen, sizeof p->seen, "%.*s", (int)(size < 4000 ? size : 4000), conn->in.data);
        p->on_request(conn, conn->in.data, size);
        memmove(conn->in.data, conn->in.data + size, conn->in.len - size + 1);
        conn->in.len -= size;
    }
}

static inline void peer_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
    (void)handle;
    *buf = uv_buf_init(malloc(size), (unsigned)size);
}

static inline void peer_on_accept(uv_stream_t *listener, int status)
{
    assert_int_equal(status, 0);
    struct peer *p = listener->data;
    struct peer_conn *conn = calloc(1, sizeof *conn);
    assert_non_null(conn);
    conn->peer = p;
    conn->tcp.data = conn;
    strbuf_init(&conn->in);
    uv_tcp_init(listener->loop, &conn->tcp);
    uv_tcp_nodelay(&conn->tcp, 1); /* answers are written in pieces */
    uv_accept(listener, (uv_stream_t *)&conn->tcp);
    p->accepts++;
    p->open++;
    p->last = conn;
    uv_read_start((uv_stream_t *)&conn->tcp, peer_alloc, peer_on_read);
    if (p->on_accept != NULL)
        p->on_accept(conn, "", 0);
}

static inline void peer_listen(struct peer *p, uv_loop_t *loop, peer_fn on_request)
{
    struct sockaddr_in address;
    int size = sizeof address;
    p->on_request = on_request;
    uv_tcp_init(loop, &p->listener);
    p->listener.data = p;
    uv_ip4_addr("127.0.0.1", 0, &address);
    assert_int_equal(uv_tcp_bind(&p->listener, (struct sockaddr *)&address, 0), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&p->listener, 1024, peer_on_accept), 0);
    uv_tcp_getsockname(&p->listener, (struct sockaddr *)&address, &size);
    p->port = ntohs(address.sin_port);
}

/* ---- the world ---- */

static inline void fuse_blown(uv_timer_t *timer)
{
    (void)timer;
    fail_msg("it hangs");
}

static inline struct http_options test_options(void)
{
    struct http_options o;
    http_options_default(&o);
    return o;
}

static inline void world_open(struct world *w, peer_fn on_request, const struct http_options *options)
{
    struct http_options standard = test_options();
    lh_error err = {0};
    *w = (struct world){0};
    uv_loop_init(&w->loop);
    uv_timer_init(&w->loop, &w->fuse);
    uv_timer_start(&w->fuse, fuse_blown, FUSE_MS, 0);
    uv_unref((uv_handle_t *)&w->fuse);
    peer_listen(&w->peer, &w->loop, on_request);
    assert_int_equal(http_client_new(&w->loop, options != NULL ? options : &standard, &w->client, &err), 0);
}

static inline void world_on_closed(void *arg)
{
    ((struct world *)arg)->closed++;
}

static inline void world_close_client(struct world *w)
{
    if (w->client != NULL)
        http_client_close(w->client, world_on_closed, w);
    w->client = NULL;
}

static inline void world_close_peer(struct world *w)
{
    if (!uv_is_closing((uv_handle_t *)&w->peer.listener))
        uv_close((uv_handle_t *)&w->peer.listener, NULL);
}

static inline void world_close_conn(uv_handle_t *handle, void *arg)
{
    struct world *w = arg;
    if (handle->type == UV_TCP && handle != (uv_handle_t *)&w->peer.listener)
        peer_close(handle->data);
}

/* Every handle must be gone in the end, and `closed` called once. */
static inline void world_close(struct world *w)
{
    world_close_client(w);
    world_close_peer(w);
    uv_walk(&w->loop, world_close_conn, w);
    uv_close((uv_handle_t *)&w->fuse, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(w->closed, 1);
    assert_int_equal(uv_loop_close(&w->loop), 0);
}

static inline void world_on_done(void *arg, const struct http_response *r)
{
    struct seen *s = arg;
    s->calls++;
    s->world->ended++;
    s->request = NULL;
    s->outcome = http_response_outcome(r);
    s->status = http_response_status(r);
    s->timing = http_response_timing(r);
    snprintf(s->message, sizeof s->message, "%s", http_response_message(r));
    const char *header = http_response_header(r, "X-Test");
    snprintf(s->header, sizeof s->header, "%s", header != NULL ? header : "(none)");
    free(s->body);
    s->body = http_response_take_body(r, &s->len);
    if (s->then != NULL)
        s->then(s, r);
}

static inline struct http_send post(const char *url, const char *body, int64_t timeout_ms)
{
    static const char *const headers[] = {"Content-Type: application/json",
                                          "Authorization: Bearer sk-secret"};
    return (struct http_send){.method = "POST",
                              .url = url,
                              .headers = headers,
                              .n_headers = 2,
                              .body = strdup(body),
                              .body_len = strlen(body),
                              .timeout_ms = timeout_ms};
}

static inline void world_start(struct world *w, struct seen *s, const char *path, int64_t timeout_ms)
{
    char url[256];
    lh_error err = {0};
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", w->peer.port, path);
    struct http_send send = post(url, "{\"model\":\"m\"}", timeout_ms);
    s->world = w;
    assert_int_equal(http_start(w->client, &send, world_on_done, s, &s->request, &err), 0);
    assert_int_equal(s->calls, 0);
}

static inline void world_run_until(struct world *w, int ended)
{
    while (w->ended < ended)
        uv_run(&w->loop, UV_RUN_ONCE);
    assert_int_equal(w->ended, ended);
}

/* One POST from start to end. */
static inline void world_ask(struct world *w, struct seen *s, const char *path, int64_t timeout_ms)
{
    world_start(w, s, path, timeout_ms);
    world_run_until(w, w->ended + 1);
    assert_int_equal(s->calls, 1);
    s->calls = 0;
}

#endif

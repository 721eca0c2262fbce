/* The HTTP client against a peer that behaves: connections, callbacks, cancelling, closing, what an answer tells. */
#include "http_world.h"

#include <fcntl.h>
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

static void say_ok(struct peer_conn *conn, const char *request, size_t len)
{
    (void)request;
    (void)len;
    peer_answer(conn, "HTTP/1.1 200 OK\r\nX-Test: yes", "fine", 4);
}

static void say_nothing(struct peer_conn *conn, const char *request, size_t len)
{
    (void)conn;
    (void)request;
    (void)len;
}

static void kept_connection_serves_one_request_after_another(void **state)
{
    (void)state;
    struct world w;
    struct seen s = {0};
    world_open(&w, say_ok, NULL);
    for (int i = 0; i < 20; i++) {
        world_ask(&w, &s, "/v1/x", 5000);
        assert_int_equal(s.outcome, HTTP_OK);
        assert_int_equal(s.status, 200);
        assert_string_equal(s.body, "fine");
        assert_string_equal(s.message, "");
        assert_true(i == 0 ? s.timing.connect_us > 0 : s.timing.connect_us == 0);
    }
    assert_int_equal(w.peer.accepts, 1);
    assert_int_equal(w.peer.requests, 20);
    free(s.body);
    world_close(&w);
}

static void what_was_asked_is_what_arrives(void **state)
{
    (void)state;
    struct world w;
    struct seen s = {0};
    world_open(&w, say_ok, NULL);
    world_ask(&w, &s, "/v1/chat/completions?a=b", 5000);
    assert_non_null(strstr(w.peer.seen, "POST /v1/chat/completions?a=b HTTP/1.1\r\n"));
    assert_non_null(strstr(w.peer.seen, "\r\nAuthorization: Bearer sk-secret\r\n"));
    assert_non_null(strstr(w.peer.seen, "\r\nContent-Length: 13\r\n"));
    assert_non_null(strstr(w.peer.seen, "\r\nUser-Agent: longhaul/"));
    assert_non_null(strcasestr(w.peer.seen, "\r\nAccept-Encoding: "));
    assert_null(strcasestr(w.peer.seen, "\r\nExpect:"));
    assert_null(strcasestr(w.peer.seen, "\r\nCookie:"));
    assert_non_null(strstr(w.peer.seen, "\r\n\r\n{\"model\":\"m\"}"));
    assert_true(s.timing.bytes_sent > 13);
    assert_true(s.timing.bytes_received > 4);
    assert_true(s.timing.total_us >= s.timing.first_byte_us);
    free(s.body);
    world_close(&w);
}

/* A GET after a POST on the same handle must not send the POST's body, which is freed. */
static void get_and_post_take_turns_on_one_handle(void **state)
{
    (void)state;
    struct world w;
    struct seen s = {.world = &w};
    char url[128];
    world_open(&w, say_ok, NULL);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/v1/models", w.peer.port);
    for (int i = 0; i < 3; i++) {
        world_ask(&w, &s, "/v1/x", 5000);
        struct http_send get = {.method = "GET", .url = url, .timeout_ms = 5000};
        assert_int_equal(http_start(w.client, &get, world_on_done, &s, NULL, NULL), 0);
        world_run_until(&w, 2 * i + 2);
        assert_int_equal(s.outcome, HTTP_OK);
        assert_non_null(strstr(w.peer.seen, "GET /v1/models HTTP/1.1\r\n"));
        assert_null(strcasestr(w.peer.seen, "Content-Length"));
        assert_null(strcasestr(w.peer.seen, "Authorization"));
        s.calls = 0;
    }
    free(s.body);
    world_close(&w);
}

static void echo(struct peer_conn *conn, const char *request, size_t len)
{
    const char *body = strstr(request, "\r\n\r\n") + 4;
    peer_answer(conn, "HTTP/1.1 200 OK", body, len - (size_t)(body - request));
}

static void bodies_may_hold_any_bytes(void **state)
{
    (void)state;
    struct world w;
    struct seen s = {.world = &w};
    char url[128];
    size_t len = 300000;
    char *body = malloc(len);
    char *copy = malloc(len);
    assert_true(body != NULL && copy != NULL);
    for (size_t i = 0; i < len; i++)
        copy[i] = body[i] = (char)(i * 7 + i / 256);
    world_open(&w, echo, NULL);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", w.peer.port);
    struct http_send send = {.method = "POST", .url = url, .body = body, .body_len = len, .timeout_ms = 5000};
    assert_int_equal(http_start(w.client, &send, world_on_done, &s, NULL, NULL), 0);
    world_run_until(&w, 1);
    assert_int_equal(s.outcome, HTTP_OK);
    assert_int_equal(s.len, len);
    assert_memory_equal(s.body, copy, len);
    assert_int_equal(s.body[len], 0);
    free(copy);
    free(s.body);
    world_close(&w);
}

/* All are held back until the last has come, so they are in flight together. */
static struct peer_conn *held[1000];

static void hold_all(struct peer_conn *conn, const char *request, size_t len)
{
    int all = *(int *)conn->peer->arg;
    held[conn->peer->requests - 1] = conn;
    for (int i = 0; conn->peer->requests == all && i < all; i++)
        say_ok(held[i], request, len);
}

static void five_hundred_at_once(void **state)
{
    (void)state;
    struct world w;
    int all = 500;
    struct seen *s = calloc((size_t)all, sizeof *s);
    assert_non_null(s);
    world_open(&w, hold_all, NULL);
    w.peer.arg = &all;
    for (int i = 0; i < all; i++)
        world_start(&w, &s[i], "/", 15000);
    assert_int_equal(http_in_flight(w.client), all);
    world_run_until(&w, all);
    assert_int_equal(http_in_flight(w.client), 0);
    assert_int_equal(w.peer.accepts, all);
    for (int i = 0; i < all; i++) {
        assert_int_equal(s[i].calls, 1);
        assert_int_equal(s[i].outcome, HTTP_OK);
        free(s[i].body);
    }
    free(s);
    world_close(&w);
}

static void start_another(struct seen *s, const struct http_response *r)
{
    (void)r;
    int *left = s->world->peer.arg;
    s->calls = 0;
    if ((*left)-- > 0)
        world_start(s->world, s, "/", 5000);
}

static void callback_may_start_the_next(void **state)
{
    (void)state;
    struct world w;
    int left = 300;
    struct seen s = {.then = start_another};
    world_open(&w, say_ok, NULL);
    w.peer.arg = &left;
    world_start(&w, &s, "/", 5000);
    world_run_until(&w, 301);
    assert_int_equal(w.peer.accepts, 1);
    free(s.body);
    world_close(&w);
}

static void cancel_brings_the_callback_before_it_returns(void **state)
{
    (void)state;
    struct world w;
    struct seen s = {0};
    world_open(&w, say_nothing, NULL);
    world_start(&w, &s, "/", 5000);
    http_cancel(s.request); /* not even begun */
    assert_int_equal(s.calls, 1);
    assert_int_equal(s.outcome, HTTP_CANCELED);
    s.calls = 0;
    world_start(&w, &s, "/", 5000);
    while (w.peer.requests < 1)
        uv_run(&w.loop, UV_RUN_ONCE);
    http_cancel(s.request); /* the peer has it */
    assert_int_equal(s.calls, 1);
    assert_int_equal(s.outcome, HTTP_CANCELED);
    assert_int_equal(http_in_flight(w.client), 0);
    free(s.body);
    world_close(&w);
}

static struct seen eight[8];

static void cancel_others(struct seen *s, const struct http_response *r)
{
    (void)r;
    for (int i = 0; i < 8; i++)
        if (&eight[i] != s)
            http_cancel(eight[i].request);
}

static void callback_may_cancel_all_others(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, say_nothing, NULL);
    memset(eight, 0, sizeof eight);
    eight[3].then = cancel_others;
    for (int i = 0; i < 8; i++)
        world_start(&w, &eight[i], "/", i == 3 ? 50 : 5000);
    world_run_until(&w, 8);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(eight[i].calls, 1);
        assert_int_equal(eight[i].outcome, i == 3 ? HTTP_TIMEOUT : HTTP_CANCELED);
        free(eight[i].body);
    }
    world_close(&w);
}

static void close_client(struct seen *s, const struct http_response *r)
{
    struct world *w = s->world;
    world_close_client(w);
    assert_int_equal(http_response_status(r), 200); /* still readable */
}

static void callback_may_close_the_client(void **state)
{
    (void)state;
    struct world w;
    struct seen s[3] = {{.then = close_client}};
    world_open(&w, say_ok, NULL);
    for (int i = 0; i < 3; i++)
        world_start(&w, &s[i], "/", 5000);
    world_run_until(&w, 3);
    assert_int_equal(s[0].outcome, HTTP_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(s[i].calls, 1);
        free(s[i].body);
    }
    world_close(&w);
}

static void start_too_late(struct seen *s, const struct http_response *r)
{
    (void)r;
    lh_error err = {0};
    struct http_request *none = (struct http_request *)s;
    struct http_send send = post("http://127.0.0.1:1/", "moved", 1000);
    assert_int_equal(http_start(s->world->client, &send, world_on_done, s, &none, &err), LH_ESTATE);
    assert_null(none);
}

static void close_cancels_and_lets_nothing_start(void **state)
{
    (void)state;
    struct world w;
    struct seen s[10] = {0};
    world_open(&w, say_nothing, NULL);
    for (int i = 0; i < 10; i++) {
        s[i].then = start_too_late;
        world_start(&w, &s[i], "/", 5000);
    }
    while (w.peer.requests < 10)
        uv_run(&w.loop, UV_RUN_ONCE);
    http_client_close(w.client, world_on_closed, &w);
    w.client = NULL;
    assert_int_equal(w.ended, 10);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(s[i].calls, 1);
        assert_int_equal(s[i].outcome, HTTP_CANCELED);
        free(s[i].body);
    }
    world_close(&w);
}

static void close_without_use_and_without_callback(void **state)
{
    (void)state;
    uv_loop_t loop;
    struct http_client *c = NULL;
    struct http_options o = test_options();
    uv_loop_init(&loop);
    assert_int_equal(http_client_new(&loop, &o, &c, NULL), 0);
    http_client_close(c, NULL, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void idle_client_does_not_keep_the_loop_alive(void **state)
{
    (void)state;
    struct world w;
    struct seen s = {0};
    world_open(&w, say_ok, NULL);
    world_ask(&w, &s, "/", 5000);
    world_close_peer(&w);
    uv_unref((uv_handle_t *)&w.peer.last->tcp);
    uv_run(&w.loop, UV_RUN_DEFAULT); /* returns, though the connection is kept */
    assert_int_equal(w.peer.open, 1);
    free(s.body);
    world_close(&w);
}

static void answer_and_close(struct peer_conn *conn, const char *request, size_t len)
{
    say_ok(conn, request, len);
    peer_close(conn);
}

static void connection_that_the_peer_closed_is_replaced(void **state)
{
    (void)state;
    struct world w;
    struct seen s = {0};
    world_open(&w, answer_and_close, NULL);
    for (int i = 0; i < 10; i++) {
        world_ask(&w, &s, "/", 5000);
        assert_int_equal(s.outcome, HTTP_OK);
    }
    assert_int_equal(w.peer.accepts, 10);
    free(s.body);
    world_close(&w);
}

static void close_the_second(struct peer_conn *conn, const char *request, size_t len)
{
    if (conn->requests == 2)
        peer_reset(conn);
    else
        say_ok(conn, request, len);
}

/* Documented in http.h: nothing was answered on a kept connection, so libcurl asks once more on a fresh one. */
static void kept_connection_that_dies_unanswered_is_tried_once_more(void **state)
{
    (void)state;
    struct world w;
    struct seen s = {0};
    world_open(&w, close_the_second, NULL);
    world_ask(&w, &s, "/", 5000);
    world_ask(&w, &s, "/", 5000);
    assert_int_equal(s.outcome, HTTP_OK);
    assert_int_equal(w.peer.accepts, 2);
    assert_int_equal(w.peer.requests, 3);
    free(s.body);
    world_close(&w);
}

static void say_headers(struct peer_conn *conn, const char *request, size_t len)
{
    (void)request;
    (void)len;
    peer_say(conn, "HTTP/1.1 103 Early Hints\r\nX-Test: early\r\n\r\n");
    peer_answer(conn, "HTTP/1.1 429 Too Many\r\nx-test: first\r\nX-TEST:   last  \r\nRetry-After: 3", "", 0);
}

static void header_is_the_last_of_the_final_answer(void **state)
{
    (void)state;
    struct world w;
    struct seen s = {0};
    world_open(&w, say_headers, NULL);
    world_ask(&w, &s, "/", 5000);
    assert_int_equal(s.outcome, HTTP_OK);
    assert_int_equal(s.status, 429);
    assert_string_equal(s.header, "last");
    assert_int_equal(s.len, 0);
    assert_string_equal(s.body, "");
    w.peer.on_request = say_nothing;
    world_ask(&w, &s, "/", 50); /* the last answer's headers are not this one's */
    assert_string_equal(s.header, "(none)");
    assert_int_equal(s.status, 0);
    free(s.body);
    world_close(&w);
}

static void say_redirect(struct peer_conn *conn, const char *request, size_t len)
{
    (void)request;
    (void)len;
    char head[256];
    snprintf(head, sizeof head, "HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1:%d/other", conn->peer->port);
    peer_answer(conn, head, "go", 2);
}

static void redirect_is_an_answer_and_not_followed(void **state)
{
    (void)state;
    struct world w;
    struct seen s = {0};
    world_open(&w, say_redirect, NULL);
    world_ask(&w, &s, "/", 5000);
    assert_int_equal(s.outcome, HTTP_OK);
    assert_int_equal(s.status, 307);
    assert_int_equal(w.peer.requests, 1);
    free(s.body);
    world_close(&w);
}

static void proxy_of_the_environment_is_used(void **state)
{
    (void)state;
    struct world w;
    struct seen s = {.world = &w};
    char proxy[128];
    world_open(&w, say_ok, NULL);
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", w.peer.port);
    setenv("http_proxy", proxy, 1);
    struct http_send send = post("http://somewhere.invalid/v1/x", "{}", 5000);
    assert_int_equal(http_start(w.client, &send, world_on_done, &s, NULL, NULL), 0);
    world_run_until(&w, 1);
    unsetenv("http_proxy");
    assert_int_equal(s.outcome, HTTP_OK);
    assert_non_null(strstr(w.peer.seen, "POST http://somewhere.invalid/v1/x HTTP/1.1\r\n"));
    free(s.body);
    world_close(&w);
}

static void refused(struct world *w, struct http_send send, const char *said)
{
    lh_error err = {0};
    struct http_request *none = (struct http_request *)w;
    assert_int_equal(http_start(w->client, &send, world_on_done, NULL, &none, &err), LH_EUSAGE);
    assert_null(none);
    assert_non_null(strstr(err.message, said));
    assert_null(strstr(err.message, "sk-"));
    assert_int_equal(http_in_flight(w->client), 0);
}

static void requests_that_cannot_be_sent_are_refused_at_once(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, say_ok, NULL);
    refused(&w, post("ftp://127.0.0.1/", "", 1), "neither http:// nor https://");
    refused(&w, post("file:///etc/passwd", "", 1), "file:///etc/passwd");
    refused(&w, post("api.example.com/v1", "", 1), "api.example.com/v1");
    refused(&w, post("", "", 1), "URL");
    refused(&w, post("http://", "", 1), "URL");
    refused(&w, post("http://127.0.0.1/a b", "", 1), "cannot be used");
    refused(&w, post("http://127.0.0.1/\r\nX: y", "", 1), "cannot be used");
    refused(&w, post("http://127.0.0.1:99999/?key=sk-1", "", 1), "http://127.0.0.1:99999/");
    refused(&w, post("http://sk-user:sk-word@127.0.0.1/", "", 1), "holds a user or password");
    static const char *const smuggled[] = {"Authorization: Bearer sk-1\r\nX-Evil: 1"};
    static const char *const nameless[] = {"sk-1"};
    struct http_send send = post("http://127.0.0.1/", "", 1);
    send.headers = smuggled;
    send.n_headers = 1;
    refused(&w, send, "Authorization has a line break");
    send = post("http://127.0.0.1/", "", 1);
    send.headers = nameless;
    send.n_headers = 1;
    refused(&w, send, "Name: value");
    send = post("http://127.0.0.1/", "", 1);
    send.method = "BREW";
    refused(&w, send, "BREW");
    world_close(&w);
}

static void unreadable_ca_file_is_told_when_the_client_is_made(void **state)
{
    (void)state;
    uv_loop_t loop;
    uv_loop_init(&loop);
    struct http_client *c = (struct http_client *)&loop;
    struct http_options o = test_options();
    lh_error err = {0};
    o.ca_file = "/nowhere/ca.pem";
    assert_int_equal(http_client_new(&loop, &o, &c, &err), LH_EUSAGE);
    assert_null(c);
    assert_non_null(strstr(err.message, "/nowhere/ca.pem"));
    o.ca_file = "/dev/null";
    assert_int_equal(http_client_new(&loop, &o, &c, &err), LH_EUSAGE);
    assert_non_null(strstr(err.message, "no PEM certificate"));
    assert_int_equal(uv_loop_close(&loop), 0);
}

/* The limit is let down to what is open now, so that the next socket fails. */
static void no_descriptor_left_is_said_so(void **state)
{
    (void)state;
    struct world w;
    struct seen s = {0};
    struct rlimit before;
    world_open(&w, say_ok, NULL);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    assert_true(before.rlim_cur == before.rlim_max); /* raised by http_client_new */
    world_start(&w, &s, "/", 5000);
    int next = dup(0);
    assert_true(next > 0);
    close(next);
    struct rlimit low = {.rlim_cur = (rlim_t)next, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    world_run_until(&w, 1);
    s.calls = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(s.outcome, HTTP_CONNECT);
    assert_non_null(strstr(s.message, "file descriptor"));
    world_ask(&w, &s, "/", 5000);
    assert_int_equal(s.outcome, HTTP_OK); /* and it goes on */
    free(s.body);
    world_close(&w);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
size_t
__sanitizer_get_current_allocated_bytes(void); /* their allocators keep what was freed: pages tell nothing */
static size_t live_bytes(void)
{
    return __sanitizer_get_current_allocated_bytes();
}
#else
static size_t live_bytes(void)
{
    return mallinfo2().uordblks;
}
#endif

static void memory_is_flat(void **state)
{
    (void)state;
    struct world w;
    struct seen s = {.then = start_another};
    int left = 2000;
    world_open(&w, say_ok, NULL);
    w.peer.arg = &left;
    world_start(&w, &s, "/", 5000);
    world_run_until(&w, 2001);
    size_t before = live_bytes();
    left = 8000;
    w.ended = 0;
    world_start(&w, &s, "/", 5000);
    world_run_until(&w, 8001);
    assert_true(live_bytes() < before + 8000); /* less than a byte a request */
    free(s.body);
    world_close(&w);
}

int main(void)
{
    static const char *const proxies[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                          "ALL_PROXY",  "no_proxy",    "NO_PROXY"};
    for (size_t i = 0; i < sizeof proxies / sizeof *proxies; i++)
        unsetenv(proxies[i]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_connection_serves_one_request_after_another),
        cmocka_unit_test(what_was_asked_is_what_arrives),
        cmocka_unit_test(get_and_post_take_turns_on_one_handle),
        cmocka_unit_test(bodies_may_hold_any_bytes),
        cmocka_unit_test(five_hundred_at_once),
        cmocka_unit_test(callback_may_start_the_next),
        cmocka_unit_test(cancel_brings_the_callback_before_it_returns),
        cmocka_unit_test(callback_may_cancel_all_others),
        cmocka_unit_test(callback_may_close_the_client),
        cmocka_unit_test(close_cancels_and_lets_nothing_start),
        cmocka_unit_test(close_without_use_and_without_callback),
        cmocka_unit_test(idle_client_does_not_keep_the_loop_alive),
        cmocka_unit_test(connection_that_the_peer_closed_is_replaced),
        cmocka_unit_test(kept_connection_that_dies_unanswered_is_tried_once_more),
        cmocka_unit_test(header_is_the_last_of_the_final_answer),
        cmocka_unit_test(redirect_is_an_answer_and_not_followed),
        cmocka_unit_test(proxy_of_the_environment_is_used),
        cmocka_unit_test(requests_that_cannot_be_sent_are_refused_at_once),
        cmocka_unit_test(unreadable_ca_file_is_told_when_the_client_is_made),
        cmocka_unit_test(no_descriptor_left_is_said_so),
        cmocka_unit_test(memory_is_flat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

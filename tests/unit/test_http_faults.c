/* The HTTP client against a peer that misbehaves: what each way of failing is called, and that nothing of it lingers. */
#include "http_world.h"

#include <unistd.h>

static void say_nothing(struct peer_conn *conn, const char *request, size_t len)
{
    (void)conn;
    (void)request;
    (void)len;
}

/* Asks once; the peer does `on_request`. */
static void ask(peer_fn on_request, const struct http_options *o, int64_t timeout_ms, struct seen *s)
{
    struct world w;
    world_open(&w, on_request, o);
    world_ask(&w, s, "/v1/x", timeout_ms);
    world_close(&w);
}

static void reset(struct peer_conn *conn, const char *request, size_t len)
{
    (void)request;
    (void)len;
    peer_reset(conn);
}

static void hang_up(struct peer_conn *conn, const char *request, size_t len)
{
    (void)request;
    (void)len;
    peer_close(conn);
}

static void connection_that_breaks_before_an_answer_is_a_reset(void **state)
{
    (void)state;
    const peer_fn ways[] = {reset, hang_up};
    for (size_t i = 0; i < 2; i++) {
        struct seen s = {0};
        ask(ways[i], NULL, 5000, &s);
        assert_int_equal(s.outcome, HTTP_RESET);
        assert_int_equal(s.status, 0);
        assert_int_equal(s.len, 0);
        assert_string_not_equal(s.message, "");
        free(s.body);
    }
}

static void say_half(struct peer_conn *conn, const char *request, size_t len)
{
    (void)request;
    (void)len;
    peer_say(conn, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf of it");
}

static void close_written(uv_write_t *write, int status)
{
    (void)status;
    peer_close(write->data);
    free(write);
}

static void say_and_hang_up(struct peer_conn *conn, const char *text)
{
    uv_write_t *write = malloc(sizeof *write);
    assert_non_null(write);
    write->data = conn;
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)text, (unsigned)strlen(text));
    assert_int_equal(uv_write(write, (uv_stream_t *)&conn->tcp, &buf, 1, close_written), 0);
}

static void cut_body(struct peer_conn *conn, const char *request, size_t len)
{
    (void)request;
    (void)len;
    say_and_hang_up(conn, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf of it");
}

static void cut_chunk(struct peer_conn *conn, const char *request, size_t len)
{
    (void)request;
    (void)len;
    say_and_hang_up(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf of it");
}

static void body_that_is_cut_is_no_answer(void **state)
{
    (void)state;
    const peer_fn ways[] = {cut_body, cut_chunk};
    for (size_t i = 0; i < 2; i++) {
        struct seen s = {0};
        ask(ways[i], NULL, 5000, &s);
        assert_int_equal(s.outcome, HTTP_RESET);
        assert_int_equal(s.status, 200);
        assert_string_equal(s.body, "half of it");
        free(s.body);
    }
}

static void whole_exchange_has_its_time(void **state)
{
    (void)state;
    const peer_fn ways[] = {say_nothing, say_half};
    for (size_t i = 0; i < 2; i++) {
        struct seen s = {0};
        ask(ways[i], NULL, 150, &s);
        assert_int_equal(s.outcome, HTTP_TIMEOUT);
        assert_non_null(strstr(s.message, "timed out"));
        free(s.body);
    }
}

static void answer_that_stops_flowing_is_a_stall(void **state)
{
    (void)state;
    struct http_options o = test_options();
    o.stall_timeout_ms = 100;
    struct seen s = {0};
    ask(say_half, &o, 15000, &s);
    assert_int_equal(s.outcome, HTTP_STALL);
    assert_string_equal(s.body, "half of it");
    free(s.body);
}

/* A model may think long: waiting for the first byte is no stall. */
static void slow_first_byte_is_no_stall(void **state)
{
    (void)state;
    struct http_options o = test_options();
    o.stall_timeout_ms = 40;
    struct seen s = {0};
    ask(say_nothing, &o, 300, &s);
    assert_int_equal(s.outcome, HTTP_TIMEOUT);
    free(s.body);
}

static void say_too_much(struct peer_conn *conn, const char *request, size_t len)
{
    (void)request;
    (void)len;
    peer_say(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    char chunk[4096 + 16];
    int n = snprintf(chunk, sizeof chunk, "1000\r\n");
    memset(chunk + n, 'y', 4096);
    memcpy(chunk + n + 4096, "\r\n", 2);
    for (int i = 0; i < 64; i++)
        peer_send(conn, chunk, (size_t)n + 4096 + 2);
    peer_say(conn, "0\r\n\r\n");
}

static void tell_too_much(struct peer_conn *conn, const char *request, size_t len)
{
    (void)request;
    (void)len;
    peer_say(conn, "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nyy");
}

static void say_exactly_the_most(struct peer_conn *conn, const char *request, size_t len)
{
    (void)request;
    (void)len;
    char body[20000];
    memset(body, 'y', sizeof body);
    peer_answer(conn, "HTTP/1.1 200 OK", body, sizeof body);
}

static void body_over_the_bound_ends_the_attempt(void **state)
{
    (void)state;
    struct http_options o = test_options();
    o.max_response = 20000;
    const peer_fn ways[] = {say_too_much, tell_too_much};
    for (size_t i = 0; i < 2; i++) {
        struct seen s = {0};
        ask(ways[i], &o, 5000, &s);
        assert_int_equal(s.outcome, HTTP_TOO_LARGE);
        assert_true(s.len <= 20000);
        assert_non_null(strstr(s.message, "--max-response"));
        free(s.body);
    }
    struct seen s = {0};
    ask(say_exactly_the_most, &o, 5000, &s);
    assert_int_equal(s.outcome, HTTP_OK);
    assert_int_equal(s.len, 20000);
    free(s.body);
}

/* 100,000 zeros, as gzip makes of them: 132 bytes. A bomb counts by what it becomes. */
static const unsigned char bomb[] = {
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0xff, 0xed, 0xc1, 0x31, 0x01, 0x00, 0x00, 0x00,
    0xc2, 0xa0, 0xf5, 0x4f, 0x6d, 0x0d, 0x0f, 0xa0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x80, 0x57, 0x03, 0x7d, 0x95, 0x11, 0xd4, 0xa0, 0x86, 0x01, 0x00};
/* "{"ok":true}", gzipped. */
static const unsigned char zipped[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0xff, 0xab,
                                       0x56, 0xca, 0xcf, 0x56, 0xb2, 0x2a, 0x29, 0x2a, 0x4d, 0xad, 0x05,
                                       0x00, 0x90, 0x5f, 0xd4, 0xa7, 0x0b, 0x00, 0x00, 0x00};

static void say_zipped(struct peer_conn *conn, const char *request, size_t len)
{
    (void)len;
    assert_non_null(strcasestr(request, "gzip"));
    peer_answer(conn, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip", zipped, sizeof zipped);
}

static void say_broken_zip(struct peer_conn *conn, const char *request, size_t len)
{
    (void)request;
    (void)len;
    peer_answer(conn, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip", "this is no gzip at all", 22);
}

static void zipped_answer_arrives_unzipped(void **state)
{
    (void)state;
    struct seen s = {0};
    ask(say_zipped, NULL, 5000, &s);
    assert_int_equal(s.outcome, HTTP_OK);
    assert_string_equal(s.body, "{\"ok\":true}");
    free(s.body);
}

static void broken_zip_is_not_http(void **state)
{
    (void)state;
    struct seen s = {0};
    ask(say_broken_zip, NULL, 5000, &s);
    assert_int_equal(s.outcome, HTTP_PROTOCOL);
    free(s.body);
}

static void say_bomb(struct peer_conn *conn, const char *request, size_t len)
{
    (void)request;
    (void)len;
    peer_answer(conn, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip", bomb, sizeof bomb);
}

static void zip_bomb_counts_by_what_it_becomes(void **state)
{
    (void)state;
    struct http_options o = test_options();
    o.max_response = 500;
    struct seen s = {0};
    ask(say_bomb, &o, 5000, &s);
    assert_int_equal(s.outcome, HTTP_TOO_LARGE);
    assert_true(s.len <= 500);
    free(s.body);
}

static void speak_another_protocol(struct peer_conn *conn, const char *request, size_t len)
{
    (void)request;
    (void)len;
    peer_say(conn, "SSH-2.0-OpenSSH_9.2\r\n");
    peer_close(conn);
}

static void what_is_not_http_is_said_so(void **state)
{
    (void)state;
    struct seen s = {0};
    ask(speak_another_protocol, NULL, 5000, &s);
    assert_true(s.outcome == HTTP_PROTOCOL || s.outcome == HTTP_RESET);
    assert_int_not_equal(s.status, 200);
    free(s.body);
}

static void nobody_listening_is_no_connection(void **state)
{
    (void)state;
    struct world w;
    struct seen s = {0};
    world_open(&w, say_nothing, NULL);
    world_close_peer(&w);
    uv_run(&w.loop, UV_RUN_NOWAIT);
    world_ask(&w, &s, "/v1/x", 5000);
    assert_int_equal(s.outcome, HTTP_CONNECT);
    free(s.body);
    world_close(&w);
}

static void unknown_host_is_told_from_no_connection(void **state)
{
    (void)state;
    struct world w;
    struct seen s = {.world = NULL};
    lh_error err = {0};
    world_open(&w, say_nothing, NULL);
    struct http_send send = post("http://no-such-host.invalid/v1/x", "{}", 15000);
    s.world = &w;
    assert_int_equal(http_start(w.client, &send, world_on_done, &s, NULL, &err), 0);
    world_run_until(&w, 1);
    assert_int_equal(s.outcome, HTTP_RESOLVE);
    assert_non_null(strstr(s.message, "no-such-host.invalid"));
    free(s.body);
    world_close(&w);
}

static void plain_peer_of_an_https_url_is_a_tls_failure(void **state)
{
    (void)state;
    struct world w;
    struct seen s = {0};
    lh_error err = {0};
    char url[64];
    world_open(&w, say_nothing, NULL);
    w.peer.on_accept = speak_another_protocol;
    snprintf(url, sizeof url, "https://127.0.0.1:%d/v1/x", w.peer.port);
    struct http_send send = post(url, "{}", 5000);
    s.world = &w;
    assert_int_equal(http_start(w.client, &send, world_on_done, &s, NULL, &err), 0);
    world_run_until(&w, 1);
    assert_int_equal(s.outcome, HTTP_TLS);
    free(s.body);
    world_close(&w);
}

static void say_many_headers(struct peer_conn *conn, const char *request, size_t len)
{
    (void)request;
    (void)len;
    char line[1024];
    peer_say(conn, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 2000; i++) {
        snprintf(line, sizeof line, "X-Long-%d: %0900d\r\n", i, i);
        peer_say(conn, line);
    }
    peer_say(conn, "Content-Length: 0\r\n\r\n");
}

/* libcurl bounds headers at 300 kB in all; whatever it says of them, the memory is bounded and the exchange ends. */
static void endless_headers_end_the_exchange(void **state)
{
    (void)state;
    struct seen s = {0};
    ask(say_many_headers, NULL, 5000, &s);
    assert_int_not_equal(s.outcome, HTTP_CANCELED);
    free(s.body);
}

/* One request fails among many that do not: the others are not touched. */
static void say_endless_line(struct peer_conn *conn, const char *request, size_t len)
{
    (void)request;
    (void)len;
    static char line[300 * 1024];
    memset(line, 'x', sizeof line - 1);
    memcpy(line, "HTTP/1.1 200 OK\r\nX-Long: ", 25);
    say_and_hang_up(conn, line);
}

static void endless_header_line_is_told_as_one(void **state)
{
    (void)state;
    struct seen s = {0};
    ask(say_endless_line, NULL, 5000, &s);
    assert_int_equal(s.outcome, HTTP_PROTOCOL);
    assert_non_null(strstr(s.message, "a header line is longer"));
    free(s.body);
}

static void some_fail(struct peer_conn *conn, const char *request, size_t len)
{
    (void)len;
    if (strstr(request, "/bad") != NULL)
        peer_reset(conn);
    else
        peer_answer(conn, "HTTP/1.1 200 OK", "fine", 4);
}

static void failures_stay_with_their_requests(void **state)
{
    (void)state;
    enum { N = 200 };
    static struct seen seen[N];
    memset(seen, 0, sizeof seen);
    struct world w;
    world_open(&w, some_fail, NULL);
    for (int i = 0; i < N; i++)
        world_start(&w, &seen[i], i % 3 == 0 ? "/bad" : "/good", 5000);
    world_run_until(&w, N);
    for (int i = 0; i < N; i++) {
        assert_int_equal(seen[i].calls, 1);
        assert_int_equal(seen[i].outcome, i % 3 == 0 ? HTTP_RESET : HTTP_OK);
        free(seen[i].body);
    }
    world_close(&w);
}

int main(void)
{
    static const char *const proxies[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                          "ALL_PROXY",  "no_proxy",    "NO_PROXY"};
    for (size_t i = 0; i < sizeof proxies / sizeof *proxies; i++)
        unsetenv(proxies[i]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connection_that_breaks_before_an_answer_is_a_reset),
        cmocka_unit_test(body_that_is_cut_is_no_answer),
        cmocka_unit_test(whole_exchange_has_its_time),
        cmocka_unit_test(answer_that_stops_flowing_is_a_stall),
        cmocka_unit_test(slow_first_byte_is_no_stall),
        cmocka_unit_test(body_over_the_bound_ends_the_attempt),
        cmocka_unit_test(zipped_answer_arrives_unzipped),
        cmocka_unit_test(broken_zip_is_not_http),
        cmocka_unit_test(zip_bomb_counts_by_what_it_becomes),
        cmocka_unit_test(what_is_not_http_is_said_so),
        cmocka_unit_test(nobody_listening_is_no_connection),
        cmocka_unit_test(unknown_host_is_told_from_no_connection),
        cmocka_unit_test(plain_peer_of_an_https_url_is_a_tls_failure),
        cmocka_unit_test(endless_headers_end_the_exchange),
        cmocka_unit_test(endless_header_line_is_told_as_one),
        cmocka_unit_test(failures_stay_with_their_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

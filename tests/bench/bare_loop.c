/* The yardstick: POSTs the same body N times, C at once, with libcurl's multi_socket interface on libuv and nothing else.
 *   bare_loop URL [N] [C] [BODY_BYTES]
 * Prints: requests/s, CPU us per request, peak memory. One thread. Nothing of longhaul is in here. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <uv.h>

#include "measure.h"

struct transfer {
    CURL *easy;
    size_t received;
    char error[CURL_ERROR_SIZE];
};

struct watch {
    uv_poll_t poll;
    curl_socket_t fd;
};

struct bench {
    uv_loop_t *loop;
    CURLM *multi;
    uv_timer_t timer;
    struct measure measure;
    struct curl_slist *headers;
};

static size_t on_body(char *data, size_t one, size_t len, void *arg)
{
    (void)data;
    (void)one;
    ((struct transfer *)arg)->received += len;
    return len;
}

static void collect(struct bench *b)
{
    int left = 0;
    CURLMsg *m = NULL;
    while ((m = curl_multi_info_read(b->multi, &left)) != NULL) {
        struct transfer *t = NULL;
        long status = 0;
        CURL *easy = m->easy_handle;
        CURLcode code = m->data.result;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&t);
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        measure_ended(&b->measure, code == CURLE_OK && status == 200 && t->received > 0);
        curl_multi_remove_handle(b->multi, easy);
        if (!measure_take(&b->measure))
            continue;
        t->received = 0;
        curl_multi_add_handle(b->multi, easy);
    }
    if (measure_is_over(&b->measure))
        uv_stop(b->loop);
}

static void on_event(uv_poll_t *handle, int status, int events)
{
    struct watch *w = (struct watch *)(void *)handle;
    struct bench *b = handle->data;
    int flags = (status < 0 ? CURL_CSELECT_ERR : 0) | ((events & UV_READABLE) != 0 ? CURL_CSELECT_IN : 0) |
                ((events & UV_WRITABLE) != 0 ? CURL_CSELECT_OUT : 0);
    int running = 0;
    curl_multi_socket_action(b->multi, w->fd, flags, &running);
    collect(b);
}

static void on_watch_closed(uv_handle_t *handle)
{
    free(handle);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
    (void)easy;
    struct bench *b = arg;
    struct watch *w = known;
    if (what == CURL_POLL_REMOVE) {
        if (w != NULL) {
            uv_poll_stop(&w->poll);
            uv_close((uv_handle_t *)&w->poll, on_watch_closed);
            curl_multi_assign(b->multi, fd, NULL);
        }
        return 0;
    }
    if (w == NULL) {
        w = calloc(1, sizeof *w);
        if (w == NULL || uv_poll_init_socket(b->loop, &w->poll, fd) != 0)
            return -1;
        w->fd = fd;
        w->poll.data = b;
        curl_multi_assign(b->multi, fd, w);
    }
    int events =
        ((what & CURL_POLL_IN) != 0 ? UV_READABLE : 0) | ((what & CURL_POLL_OUT) != 0 ? UV_WRITABLE : 0);
    return uv_poll_start(&w->poll, events, on_event);
}

static void on_timeout(uv_timer_t *timer)
{
    struct bench *b = timer->data;
    int running = 0;
    curl_multi_socket_action(b->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect(b);
}

static int on_timer(CURLM *multi, long timeout_ms, void *arg)
{
    (void)multi;
    struct bench *b = arg;
    if (timeout_ms < 0)
        return uv_timer_stop(&b->timer);
    return uv_timer_start(&b->timer, on_timeout, (uint64_t)timeout_ms, 0);
}

static void add_transfer(struct bench *b, struct transfer *t, const char *url, const char *body,
                         size_t body_len)
{
    t->easy = curl_easy_init();
    curl_easy_setopt(t->easy, CURLOPT_URL, url);
    curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
    curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, b->headers);
    curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE, (long)body_len);
    curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, 120000L);
    curl_multi_add_handle(b->multi, t->easy);
}

int main(int argc, char **argv)
{
    struct measure_options o;
    if (!measure_read_options(&o, argc, argv))
        return 2;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    struct bench b = {.loop = uv_default_loop(), .multi = curl_multi_init()};
    b.headers = curl_slist_append(b.headers, "Content-Type: application/json");
    b.headers = curl_slist_append(b.headers, "Authorization: Bearer sk-0123456789abcdef0123456789abcdef");
    b.headers = curl_slist_append(b.headers, "Expect:");
    uv_timer_init(b.loop, &b.timer);
    b.timer.data = &b;
    curl_multi_setopt(b.multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(b.multi, CURLMOPT_SOCKETDATA, &b);
    curl_multi_setopt(b.multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(b.multi, CURLMOPT_TIMERDATA, &b);
    curl_multi_setopt(b.multi, CURLMOPT_MAXCONNECTS, (long)o.concurrency + 16);
    char *body = measure_body(o.body_bytes);
    struct transfer *transfers = calloc((size_t)o.concurrency, sizeof *transfers);
    if (body == NULL || transfers == NULL)
        return 1;
    measure_start(&b.measure, &o);
    for (long i = 0; i < o.concurrency && measure_take(&b.measure); i++)
        add_transfer(&b, &transfers[i], o.url, body, o.body_bytes);
    uv_run(b.loop, UV_RUN_DEFAULT);
    int rc = measure_print(&b.measure);
    for (long i = 0; i < o.concurrency; i++)
        if (transfers[i].easy != NULL)
            curl_easy_cleanup(transfers[i].easy);
    curl_multi_cleanup(b.multi);
    curl_slist_free_all(b.headers);
    free(transfers);
    free(body);
    return rc;
}

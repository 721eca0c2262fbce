/* What src/http costs beside the bare loop: the same requests through http_client.
 *   http_loop URL [N] [C] [BODY_BYTES] */
#include <uv.h>

#include "http/http.h"
#include "measure.h"

struct bench {
    uv_loop_t *loop;
    struct http_client *client;
    struct measure_options options;
    struct measure measure;
};

static void start_one(struct bench *b);

static void on_done(void *arg, const struct http_response *r)
{
    struct bench *b = arg;
    size_t len = 0;
    char *body = http_response_take_body(r, &len);
    measure_ended(&b->measure,
                  http_response_outcome(r) == HTTP_OK && http_response_status(r) == 200 && len > 0);
    free(body);
    start_one(b);
    if (measure_is_over(&b->measure))
        http_client_close(b->client, NULL, NULL);
}

static void start_one(struct bench *b)
{
    static const char *const headers[] = {"Content-Type: application/json",
                                          "Authorization: Bearer sk-0123456789abcdef0123456789abcdef"};
    if (!measure_take(&b->measure))
        return;
    struct http_send s = {.method = "POST",
                          .url = b->options.url,
                          .headers = headers,
                          .n_headers = 2,
                          .body = measure_body(b->options.body_bytes),
                          .body_len = b->options.body_bytes,
                          .timeout_ms = 120000};
    lh_error err;
    if (http_start(b->client, &s, on_done, b, NULL, &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    struct bench b = {.loop = uv_default_loop()};
    if (!measure_read_options(&b.options, argc, argv))
        return 2;
    struct http_options o;
    http_options_default(&o);
    o.max_connections = b.options.concurrency + 16;
    lh_error err;
    if (http_client_new(b.loop, &o, &b.client, &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    measure_start(&b.measure, &b.options);
    for (long i = 0; i < b.options.concurrency; i++)
        start_one(&b);
    uv_run(b.loop, UV_RUN_DEFAULT);
    return measure_print(&b.measure);
}

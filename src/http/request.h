/* Inside `http` only: one exchange, on an easy handle that is set up once and used again. Loop thread.
 * Each request sets what is its own; nothing of libcurl's is reset in between. */
#ifndef LH_HTTP_REQUEST_H
#define LH_HTTP_REQUEST_H

#include <curl/curl.h>

#include "http/body.h"
#include "http/header_lines.h"
#include "http/http.h"
#include "http/sockets.h"

/* What all requests of a client share; outlives them. */
struct request_setup {
    CURLSH *share;
    struct sockets *sockets;
    struct http_options options; /* its strings are owned by the client */
};

struct http_request {
    struct http_client *client;
    struct http_request *next,
        **link; /* the list that it is in: in flight, ending, or the pool (next only) */
    CURL *easy;
    const struct request_setup *setup;
    http_done_fn done;
    void *arg;
    char *url;       /* owned: what the easy handle is set to */
    char *send_body; /* owned */
    struct header_lines headers;
    struct body body; /* what came so far */
    enum body_result body_result;
    struct socket_opener opener;
    int64_t moved_bytes; /* received and sent when the sweep last looked; 0: the answer has not begun */
    uint64_t moved_at_ms;
    char error[CURL_ERROR_SIZE]; /* libcurl writes here */
};

struct http_response {
    struct http_request *request;
    enum http_outcome outcome;
    char message[CURL_ERROR_SIZE + 256];
};

/* NULL: out of memory. */
struct http_request *request_new(struct http_client *c, const struct request_setup *setup);
void request_free(struct http_request *r);

/* Makes ready for curl_multi_add_handle. s->body has moved here, even when this fails. LH_EUSAGE, LH_ENOMEM. */
int request_set(struct http_request *r, const struct http_send *s, lh_error *err);

/* Forgets the exchange, keeps the handle for the next. */
void request_reset(struct http_request *r);

/* Has nothing moved for the stall timeout, though the answer has begun? To be asked every now and then, as it also wakes
 * what lies still. */
bool request_is_stalled(struct http_request *r, uint64_t now_ms);

/* What became of it: outcome and message. `code` is libcurl's result. */
void request_judge(const struct http_request *r, CURLcode code, struct http_response *out);

#endif

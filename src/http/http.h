/* HTTP requests by the thousand on one libuv loop: libcurl's multi interface behind a callback.
 * All calls and all callbacks on the loop's thread. A client keeps connections, DNS and TLS sessions between
 * requests (keep-alive; HTTP/2 multiplexing where TLS negotiates it), takes proxies from the environment, verifies
 * TLS, and follows no redirect: an API key must not travel. Names no type of libcurl.
 *
 * A callback may start requests, cancel others, and close the client. When a kept connection turns out to be dead before a byte
 * of the answer came, libcurl sends the request once more on a fresh one by itself; the Idempotency-Key is the same then,
 * as within any one exchange. */
#ifndef LH_HTTP_HTTP_H
#define LH_HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct uv_loop_s;
struct http_client;
struct http_request;  /* in flight; the client's */
struct http_response; /* valid inside the callback only */

struct http_options {
    int64_t connect_timeout_ms; /* default 30,000 */
    int64_t
        stall_timeout_ms; /* no byte received or sent for so long, once the answer began; default 60,000; 0: off.
                                 * Found up to half as long again too late, 500 ms at most */
    size_t max_response;  /* bytes of body, as sent and as decompressed; default 64 MiB */
    long max_connections; /* kept open at once, more than will be in flight; default 1,024 */
    const char
        *ca_file; /* PEM bundle, trusted instead of the system's; borrowed until http_client_new returns;
                                 * NULL: the system's */
    const char *user_agent; /* NULL: "longhaul/VERSION" */
    bool http2;             /* offer HTTP/2 over TLS */
};
void http_options_default(struct http_options *o);

struct http_send {
    const char *method;         /* "POST", "GET" */
    const char *url;            /* absolute, http or https; borrowed for the call */
    const char *const *headers; /* n_headers lines "Name: value" without line breaks; copied */
    size_t n_headers;
    char *body; /* malloc'd; MOVES to the client even when http_start fails; NULL with GET */
    size_t body_len;
    int64_t timeout_ms; /* of the whole exchange, > 0 */
};

/* What became of an exchange. Everything but HTTP_OK means that no complete answer was received. */
enum http_outcome {
    HTTP_OK,      /* a complete answer, of any status */
    HTTP_RESOLVE, /* host name not found */
    HTTP_CONNECT, /* refused, unreachable, out of file descriptors, or connecting took too long: the request did not leave */
    HTTP_TLS,       /* handshake or certificate */
    HTTP_TIMEOUT,   /* the whole took longer than timeout_ms */
    HTTP_STALL,     /* the answer stopped flowing */
    HTTP_RESET,     /* the connection broke before a complete answer */
    HTTP_TOO_LARGE, /* body over max_response; the rest was not read */
    HTTP_PROTOCOL,  /* what came is not HTTP */
    HTTP_CANCELED,  /* http_cancel or http_client_close */
    HTTP_INTERNAL,  /* out of memory or a defect */
};
const char *http_outcome_name(enum http_outcome outcome); /* "connection reset", … static */

typedef void (*http_done_fn)(void *arg, const struct http_response *r);

/* Raises the process's soft limit of open files to the hard one. On failure *out is NULL: LH_ENET, LH_ENOMEM, LH_EUSAGE
 * (ca_file cannot be read or holds no certificate). */
int http_client_new(struct uv_loop_s *loop, const struct http_options *o, struct http_client **out,
                    lh_error *err);

/* Cancels what is in flight (callbacks run with HTTP_CANCELED before this returns; nothing can be started from them), closes
 * the uv handles; `closed` (may be NULL) is called once the loop has let go of them, and the client is freed. The loop
 * must run for that. A client without requests in flight does not keep the loop alive. */
void http_client_close(struct http_client *c, void (*closed)(void *), void *arg);

/* Starts an exchange; `done` is called exactly once, later, never from inside http_start. Returns 0 and *out (may be
 * NULL, when the caller will not cancel), or LH_ENOMEM / LH_EUSAGE (URL, method or header) / LH_ENET / LH_ESTATE (closing)
 * and then `done` is not called. */
int http_start(struct http_client *c, const struct http_send *s, http_done_fn done, void *arg,
               struct http_request **out, lh_error *err);
/* Its callback comes with HTTP_CANCELED before this returns; from inside that very callback nothing happens. */
void http_cancel(struct http_request *r);
size_t http_in_flight(const struct http_client *c);

enum http_outcome http_response_outcome(const struct http_response *r);
/* What there is to say of a failure beyond http_outcome_name; "" on HTTP_OK. No key, no password, no control character. */
const char *http_response_message(const struct http_response *r);
int http_response_status(const struct http_response *r); /* 0 without one; may be set on failures too */
/* The last value of a header of the final answer, or NULL; name in any case; borrowed for the callback. */
const char *http_response_header(const struct http_response *r, const char *name);
/* Calls `fn` for each header of the final answer, in one walk; name and value are borrowed for the call. */
void http_response_each_header(const struct http_response *r,
                               void (*fn)(void *arg, const char *name, const char *value), void *arg);
/* The body: *len bytes, zero-terminated beyond them; on failures what came of it. Borrowed; http_response_take_body moves it
 * out (free()), and gives NULL when out of memory. */
const char *http_response_body(const struct http_response *r, size_t *len);
char *http_response_take_body(const struct http_response *r, size_t *len);

struct http_timing {
    int64_t connect_us; /* 0 on a kept connection */
    int64_t first_byte_us;
    int64_t total_us;
    int64_t bytes_sent, bytes_received; /* with headers, before decompression */
};
struct http_timing http_response_timing(const struct http_response *r);

#endif

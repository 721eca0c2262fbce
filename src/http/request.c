/* One exchange on one easy handle: see request.h. */
#include "http/request.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "http/verdict.h"

static int64_t told_length(const struct http_request *r)
{
    curl_off_t told = -1;
    return curl_easy_getinfo(r->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &told) == CURLE_OK ? told : -1;
}

static size_t on_body(char *data, size_t one, size_t len, void *arg)
{
    (void)one;
    struct http_request *r = arg;
    int64_t told = r->body.capacity == 0 ? told_length(r) : -1;
    r->body_result = body_append(&r->body, data, len, r->setup->options.max_response, told);
    return r->body_result == BODY_OK ? len : CURL_WRITEFUNC_ERROR;
}

/* Where trust in certificates comes from. libcurl keeps the parsed bundle between connections only while no folder of
 * certificates is set beside it; Debian sets both. A bundle that the user names stands alone. */
static void set_trust(CURL *e, const char *ca_file)
{
    const char *bundle = ca_file;
    if (bundle == NULL)
        bundle = curl_version_info(CURLVERSION_NOW)->cainfo;
    if (bundle == NULL || access(bundle, R_OK) != 0)
        return;
    curl_easy_setopt(e, CURLOPT_CAINFO, bundle);
    curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
}

static void set_fixed_options(struct http_request *r, const struct http_options *o)
{
    CURL *e = r->easy;
    curl_easy_setopt(e, CURLOPT_PRIVATE, r);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L); /* giving up on a slow resolver does not wait for it */
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(e, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(e, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)o->connect_timeout_ms);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION,
                     o->http2 ? (long)CURL_HTTP_VERSION_2TLS : (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(e, CURLOPT_USERAGENT, o->user_agent);
    curl_easy_setopt(e, CURLOPT_SHARE, r->setup->share);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, r->error);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, r);
    curl_easy_setopt(e, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)o->max_response);
    set_trust(e, o->ca_file);
    sockets_attach(r->setup->sockets, e, &r->opener);
}

struct http_request *request_new(struct http_client *c, const struct request_setup *setup)
{
    struct http_request *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->client = c;
    r->setup = setup;
    r->easy = curl_easy_init();
    if (r->easy == NULL) {
        free(r);
        return NULL;
    }
    set_fixed_options(r, &setup->options);
    return r;
}

void request_free(struct http_request *r)
{
    curl_easy_cleanup(r->easy);
    header_lines_free(&r->headers);
    body_free(&r->body);
    free(r->send_body);
    free(r->url);
    free(r);
}

void request_reset(struct http_request *r)
{
    free(r->send_body);
    r->send_body = NULL;
    body_reset(&r->body);
    r->body_result = BODY_OK;
    r->opener.error = 0;
    r->moved_bytes = 0;
    r->error[0] = '\0';
}

/* ---- setting ---- */

static bool has_part(CURLU *u, CURLUPart part)
{
    char *text = NULL;
    bool has = curl_url_get(u, part, &text, 0) == CURLUE_OK;
    curl_free(text);
    return has;
}

static int check_parts(CURLU *u, const char *url, lh_error *err)
{
    char shown[256];
    verdict_message(url, shown, sizeof shown);
    shown[strcspn(shown, "?")] = '\0'; /* a query may hold a key */
    CURLUcode code = curl_url_set(u, CURLUPART_URL, url, 0);
    if (code != CURLUE_OK)
        return lh_error_set(err, LH_EUSAGE, "the URL %s cannot be used: %s", shown, curl_url_strerror(code));
    if (strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0)
        return lh_error_set(err, LH_EUSAGE, "the URL %s is neither http:// nor https://", shown);
    if (has_part(u, CURLUPART_USER) || has_part(u, CURLUPART_PASSWORD))
        return lh_error_set(
            err, LH_EUSAGE,
            "the URL %s holds a user or password: leave them out, keys come from the environment", shown);
    return 0;
}

static int check_url(const char *url, lh_error *err)
{
    CURLU *u = curl_url();
    if (u == NULL)
        return lh_error_nomem(err);
    int rc = check_parts(u, url, err);
    curl_url_cleanup(u);
    return rc;
}

/* Most requests go where the last one on this handle went: then there is nothing to check, copy or set. */
static int set_url(struct http_request *r, const char *url, lh_error *err)
{
    if (r->url != NULL && strcmp(r->url, url) == 0)
        return 0;
    int rc = check_url(url, err);
    if (rc != 0)
        return rc;
    char *copy = strdup(url);
    if (copy == NULL || curl_easy_setopt(r->easy, CURLOPT_URL, url) != CURLE_OK) {
        free(copy);
        return lh_error_nomem(err);
    }
    free(r->url);
    r->url = copy;
    /* Over TLS the first connection tells whether it can carry all; over plain HTTP there is nothing to wait for. */
    bool tls = strncasecmp(url, "https:", 6) == 0;
    curl_easy_setopt(r->easy, CURLOPT_PIPEWAIT, tls && r->setup->options.http2 ? 1L : 0L);
    return 0;
}

static int set_method(struct http_request *r, const struct http_send *s, lh_error *err)
{
    CURL *e = r->easy;
    if (strcmp(s->method, "POST") == 0) {
        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)s->body_len);
        curl_easy_setopt(e, CURLOPT_POSTFIELDS, r->send_body != NULL ? r->send_body : "");
        curl_easy_setopt(e, CURLOPT_POST, 1L);
        return 0;
    }
    if (strcmp(s->method, "GET") == 0) {
        curl_easy_setopt(e, CURLOPT_POSTFIELDS, NULL); /* the last body is gone */
        curl_easy_setopt(e, CURLOPT_HTTPGET, 1L);
        return 0;
    }
    return lh_error_set(err, LH_EUSAGE, "the method %s is not supported", s->method);
}

int request_set(struct http_request *r, const struct http_send *s, lh_error *err)
{
    r->send_body = s->body;
    int rc = header_lines_set(&r->headers, s->headers, s->n_headers, err);
    if (rc == 0)
        rc = set_url(r, s->url, err);
    if (rc == 0)
        rc = set_method(r, s, err);
    if (rc != 0)
        return rc;
    curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, r->headers.nodes);
    curl_easy_setopt(r->easy, CURLOPT_TIMEOUT_MS, s->timeout_ms < LONG_MAX ? (long)s->timeout_ms : LONG_MAX);
    return 0;
}

/* ---- judging ---- */

static int64_t bytes_moved(const struct http_request *r)
{
    long headers = 0;
    curl_off_t down = 0;
    curl_off_t up = 0;
    curl_easy_getinfo(r->easy, CURLINFO_HEADER_SIZE, &headers);
    if (headers == 0)
        return 0;
    curl_easy_getinfo(r->easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
    curl_easy_getinfo(r->easy, CURLINFO_SIZE_UPLOAD_T, &up);
    return headers + down + up;
}

/* libcurl 7.88 can leave an HTTP/2 answer lying that another exchange's read brought in: no socket event will come for it.
 * Letting go of a pause makes it look. */
static void nudge(struct http_request *r)
{
    curl_easy_pause(r->easy, CURLPAUSE_RECV);
    curl_easy_pause(r->easy, CURLPAUSE_CONT);
}

bool request_is_stalled(struct http_request *r, uint64_t now_ms)
{
    int64_t bytes = bytes_moved(r);
    if (bytes != r->moved_bytes) {
        r->moved_bytes = bytes;
        r->moved_at_ms = now_ms;
    } else if (bytes > 0) {
        nudge(r);
    }
    return bytes > 0 && now_ms - r->moved_at_ms >= (uint64_t)r->setup->options.stall_timeout_ms;
}

/* Did the failure come of having no file descriptors left? The resolver needs some too, and cannot tell. */
static bool lacks_descriptors(const struct http_request *r, enum http_outcome outcome)
{
    if (outcome == HTTP_CONNECT)
        return r->opener.error == EMFILE || r->opener.error == ENFILE;
    if (outcome != HTTP_RESOLVE)
        return false;
    int probe = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (probe < 0)
        return errno == EMFILE || errno == ENFILE;
    close(probe);
    return false;
}

/* A server may answer before it has read the request, as a gateway does that refuses it, and then close the HTTP/2 stream.
 * libcurl 7.88 goes on sending and calls that a stream error, without a word in the error buffer: the answer is there all the
 * same. A stream that is closed for an error has its words. */
static bool is_early_answer(const struct http_request *r, CURLcode code)
{
    long status = 0;
    curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
    return code == CURLE_HTTP2_STREAM && r->error[0] == '\0' && status >= 200;
}

static enum http_outcome outcome_of(const struct http_request *r, CURLcode code)
{
    if (r->body_result != BODY_OK)
        return r->body_result == BODY_TOO_LARGE ? HTTP_TOO_LARGE : HTTP_INTERNAL;
    if (is_early_answer(r, code))
        return HTTP_OK;
    curl_off_t left_us = 0;
    curl_easy_getinfo(r->easy, CURLINFO_PRETRANSFER_TIME_T, &left_us);
    return verdict_of(code, left_us > 0);
}

void request_judge(const struct http_request *r, CURLcode code, struct http_response *out)
{
    out->outcome = outcome_of(r, code);
    out->message[0] = '\0';
    if (out->outcome == HTTP_OK)
        return;
    if (out->outcome == HTTP_TOO_LARGE)
        snprintf(out->message, sizeof out->message, "more than %zu bytes; raise --max-response",
                 r->setup->options.max_response);
    else if (lacks_descriptors(r, out->outcome))
        snprintf(out->message, sizeof out->message,
                 "no file descriptor is left for a connection: raise the limit (ulimit -n) or lower "
                 "--concurrency");
    else if (code == CURLE_OUT_OF_MEMORY)
        snprintf(out->message, sizeof out->message,
                 "a header line is longer than libcurl takes, or memory ran out");
    else
        verdict_message(r->error[0] != '\0' ? r->error : curl_easy_strerror(code), out->message,
                        sizeof out->message);
}

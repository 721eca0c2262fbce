/* What libcurl's result of an exchange means: see verdict.h. */
#include "http/verdict.h"

#include <string.h>

static const char *const names[] = {
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
    return names[outcome];
}

/* What is not named here is a defect: HTTP_INTERNAL. URLs and schemes are checked before libcurl sees them, so that an
 * "unsupported protocol" can only be an answer that is not HTTP. */
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
    {CURLE_SSL_CRL_BADFILE, HTTP_TLS},
    {CURLE_SSL_ISSUER_ERROR, HTTP_TLS},
    {CURLE_SSL_INVALIDCERTSTATUS, HTTP_TLS},
    {CURLE_SSL_ENGINE_INITFAILED, HTTP_TLS},
    {CURLE_SSL_PINNEDPUBKEYNOTMATCH, HTTP_TLS},
    {CURLE_SSL_CLIENTCERT, HTTP_TLS},
    {CURLE_USE_SSL_FAILED, HTTP_TLS},
    {CURLE_OPERATION_TIMEDOUT, HTTP_TIMEOUT},
    {CURLE_SEND_ERROR, HTTP_RESET},
    {CURLE_RECV_ERROR, HTTP_RESET},
    {CURLE_GOT_NOTHING, HTTP_RESET},
    {CURLE_PARTIAL_FILE, HTTP_RESET},
    {CURLE_HTTP2, HTTP_RESET},
    {CURLE_HTTP2_STREAM, HTTP_RESET},
    {CURLE_SEND_FAIL_REWIND, HTTP_RESET},
    {CURLE_AGAIN, HTTP_RESET},
    {CURLE_FILESIZE_EXCEEDED, HTTP_TOO_LARGE},
    {CURLE_WEIRD_SERVER_REPLY, HTTP_PROTOCOL},
    {CURLE_OUT_OF_MEMORY,
     HTTP_PROTOCOL}, /* what libcurl 7.88 says of a header line over its bound of 100 kB */
    {CURLE_UNSUPPORTED_PROTOCOL, HTTP_PROTOCOL},
    {CURLE_BAD_CONTENT_ENCODING, HTTP_PROTOCOL},
};

enum http_outcome verdict_of(CURLcode code, bool left)
{
    enum http_outcome outcome = HTTP_INTERNAL;
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (meanings[i].code == code)
            outcome = meanings[i].outcome;
    if (!left && (outcome == HTTP_TIMEOUT || outcome == HTTP_RESET))
        return HTTP_CONNECT;
    return outcome;
}

/* Where the user's name before an '@' begins: after the scheme if there is one in this word, for a password may hold any
 * sign but a space; else where the word begins. */
static size_t userinfo_begins(const char *text, size_t len)
{
    size_t at = len;
    while (at > 0 && text[at - 1] != ' ') {
        if (at >= 3 && memcmp(text + at - 3, "://", 3) == 0)
            return at;
        at--;
    }
    return at;
}

void verdict_message(const char *text, char *out, size_t size)
{
    size_t len = 0;
    for (; *text != '\0' && len + 1 < size; text++) {
        if (*text == '@') /* what stands before it may be user:password */
            len = userinfo_begins(out, len);
        else
            out[len++] = (unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text;
    }
    out[len] = '\0';
}

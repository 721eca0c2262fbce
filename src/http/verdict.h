/* Inside `http` only: what libcurl's result of an exchange means, and what may be said of it. Any thread; pure. */
#ifndef LH_HTTP_VERDICT_H
#define LH_HTTP_VERDICT_H

#include <curl/curl.h>

#include "http/http.h"

/* `left`: the request may have left this machine. A failure before that is always a failure to connect. */
enum http_outcome verdict_of(CURLcode code, bool left);

/* Copies libcurl's sentence into `out` without userinfo of a URL (a proxy's password) and without control characters. */
void verdict_message(const char *text, char *out, size_t size);

#endif

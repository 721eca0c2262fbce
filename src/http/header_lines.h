/* Inside `http` only: a request's header lines as the list that libcurl wants, in one block that is used again and again.
 * Loop thread. The block holds the API key: it is wiped before it is freed. */
#ifndef LH_HTTP_HEADER_LINES_H
#define LH_HTTP_HEADER_LINES_H

#include <curl/curl.h>

#include "base/error.h"

struct header_lines {
    struct curl_slist *nodes; /* owned: an array, linked in order */
    size_t nodes_capacity;
    char *text; /* owned: the lines' bytes */
    size_t text_capacity;
};

/* Copies `lines` ("Name: value") and adds what every request has. LH_EUSAGE for a line that is no header or that holds a
 * line break (it would smuggle in a second one), naming no value; LH_ENOMEM. */
int header_lines_set(struct header_lines *h, const char *const *lines, size_t n, lh_error *err);
void header_lines_free(struct header_lines *h);

#endif

/* What a callback may ask of an answer: see http.h. Loop thread, inside the callback. */
#include <curl/curl.h>

#include "http/request.h"

enum http_outcome http_response_outcome(const struct http_response *r)
{
    return r->outcome;
}

const char *http_response_message(const struct http_response *r)
{
    return r->message;
}

int http_response_status(const struct http_response *r)
{
    long status = 0;
    curl_easy_getinfo(r->request->easy, CURLINFO_RESPONSE_CODE, &status);
    return (int)status;
}

const char *http_response_header(const struct http_response *r, const char *name)
{
    struct curl_header *header = NULL;
    CURL *easy = r->request->easy;
    if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return NULL;
    size_t last = header->amount - 1;
    if (last > 0 && curl_easy_header(easy, name, last, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return NULL;
    return header->value;
}

void http_response_each_header(const struct http_response *r,
                               void (*fn)(void *arg, const char *name, const char *value), void *arg)
{
    struct curl_header *header = NULL;
    while ((header = curl_easy_nextheader(r->request->easy, CURLH_HEADER, -1, header)) != NULL)
        fn(arg, header->name, header->value);
}

const char *http_response_body(const struct http_response *r, size_t *len)
{
    *len = r->request->body.len;
    return *len > 0 ? r->request->body.data : "";
}

char *http_response_take_body(const struct http_response *r, size_t *len)
{
    return body_take(&r->request->body, len);
}

struct http_timing http_response_timing(const struct http_response *r)
{
    CURL *e = r->request->easy;
    long connects = 0;
    long request = 0;
    long headers = 0;
    curl_off_t connect = 0;
    curl_off_t first = 0;
    curl_off_t total = 0;
    curl_off_t down = 0;
    curl_easy_getinfo(e, CURLINFO_NUM_CONNECTS, &connects);
    curl_easy_getinfo(e, CURLINFO_CONNECT_TIME_T, &connect);
    curl_easy_getinfo(e, CURLINFO_STARTTRANSFER_TIME_T, &first);
    curl_easy_getinfo(e, CURLINFO_TOTAL_TIME_T, &total);
    curl_easy_getinfo(e, CURLINFO_REQUEST_SIZE, &request);
    curl_easy_getinfo(e, CURLINFO_HEADER_SIZE, &headers);
    curl_easy_getinfo(e, CURLINFO_SIZE_DOWNLOAD_T, &down);
    return (struct http_timing){.connect_us = connects > 0 ? connect : 0,
                                .first_byte_us = first,
                                .total_us = total,
                                .bytes_sent = request,
                                .bytes_received = headers + down};
}

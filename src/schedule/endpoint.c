/* Where requests go: see endpoint.h. */
#include "schedule/endpoint.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"

static const char *from_environment(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && *value != '\0' ? value : NULL;
}

static const char *choose_base(enum dialect d, const lh_endpoint_options *o)
{
    if (o->base_url != NULL)
        return o->base_url;
    const char *base = from_environment(dialect_base_variable(d));
    return base != NULL ? base : dialect_default_base(d);
}

/* "127.0.0.1.example.com" and "localhost.example.com" are names like any other. */
static bool is_loopback(const char *host)
{
    size_t len = strcspn(host, ":/");
    return strncmp(host, "[::1]", 5) == 0 || (len == 9 && strncasecmp(host, "localhost", len) == 0) ||
           (strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == len);
}

static bool is_open_to_others(const char *url)
{
    return strncasecmp(url, "http://", 7) == 0 && !is_loopback(url + 7);
}

static void point_at_lines(struct endpoint *e, size_t count)
{
    const char *line = e->lines.data;
    for (e->n_headers = 0; e->n_headers < count && e->n_headers < ENDPOINT_HEADERS; e->n_headers++) {
        e->headers[e->n_headers] = line;
        line += strlen(line) + 1;
    }
}

int endpoint_resolve(struct endpoint *e, enum dialect d, const lh_endpoint_options *o, lh_error *err)
{
    const char *base = choose_base(d, o);
    int rc = provider_check_base_url(base, err);
    if (rc != 0)
        return rc;
    const char *key = from_environment(dialect_key_variable(d));
    if (key == NULL && dialect_is_official_host(d, base))
        return lh_error_set(
            err, LH_EINPUT,
            "%s asks for a key: set %s in the environment, or name another server with --base-url", base,
            dialect_key_variable(d));
    *e = (struct endpoint){.dialect = d, .base_url = strdup(base)};
    strbuf_init(&e->lines);
    int count = provider_headers(d, key, &e->lines);
    if (e->base_url == NULL || count < 0) {
        bool no_memory = e->base_url == NULL || count == LH_ENOMEM;
        endpoint_free(e);
        return no_memory ? lh_error_nomem(err)
                         : lh_error_set(err, LH_EINPUT,
                                        "%s holds a key with spaces or control characters; set it anew",
                                        dialect_key_variable(d));
    }
    if (key != NULL && is_open_to_others(base))
        log_warn("the key goes to %s without encryption; use https://", base);
    point_at_lines(e, (size_t)count);
    if (key != NULL) { /* its line is the last, and ends with it */
        const char *line = e->headers[e->n_headers - 1];
        e->key = line + strlen(line) - strlen(key);
    }
    e->ready = true;
    return 0;
}

/* A placeholder for a local server ("lm-studio") is no secret and may be a word of an answer; what is all digits could be a
 * number of its JSON. */
static bool is_secret(const char *key, size_t len)
{
    enum { LEAST = 20 };
    bool letter = false, digit = false;
    for (size_t i = 0; i < len; i++) {
        letter = letter || isalpha((unsigned char)key[i]);
        digit = digit || isdigit((unsigned char)key[i]);
    }
    return len >= LEAST && letter && digit;
}

void endpoint_hide_key(const struct endpoint *e, char *text, size_t len)
{
    size_t key_len = e->key != NULL ? strlen(e->key) : 0;
    if (!is_secret(e->key, key_len))
        return;
    for (char *at; len >= key_len && (at = memmem(text, len, e->key, key_len)) != NULL;) {
        memset(at, '*', key_len);
        len -= (size_t)(at - text) + key_len;
        text = at + key_len;
    }
}

void endpoint_free(struct endpoint *e)
{
    if (e->lines.data != NULL && e->lines.capacity > 0)
        explicit_bzero(e->lines.data, e->lines.capacity);
    if (e->lines.data != NULL)
        strbuf_free(&e->lines);
    free(e->base_url);
    *e = (struct endpoint){0};
}

/* How an endpoint is reached: see access.h. */
#include "schedule/access.h"

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

const char *access_base_url(enum dialect d, const char *base_url)
{
    if (base_url != NULL)
        return base_url;
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

static void point_at_lines(struct access *a, size_t count)
{
    const char *line = a->lines.data;
    for (a->n_headers = 0; a->n_headers < count && a->n_headers < ACCESS_HEADERS; a->n_headers++) {
        a->headers[a->n_headers] = line;
        line += strlen(line) + 1;
    }
}

int access_resolve(struct access *a, enum dialect d, const char *base_url, const char *key_variable,
                   lh_error *err)
{
    const char *base = access_base_url(d, base_url);
    int rc = provider_check_base_url(base, err);
    if (rc != 0)
        return rc;
    const char *key = key_variable != NULL ? from_environment(key_variable) : NULL;
    if (key == NULL && dialect_is_official_host(d, base))
        return lh_error_set(
            err, LH_EINPUT,
            "%s asks for a key: set %s in the environment, or name another server with --base-url", base,
            key_variable != NULL ? key_variable : dialect_key_variable(d));
    *a = (struct access){.dialect = d, .base_url = strdup(base)};
    strbuf_init(&a->lines);
    int count = provider_headers(d, key, &a->lines);
    if (a->base_url == NULL || count < 0) {
        bool no_memory = a->base_url == NULL || count == LH_ENOMEM;
        access_free(a);
        return no_memory ? lh_error_nomem(err)
                         : lh_error_set(err, LH_EINPUT,
                                        "%s holds a key with spaces or control characters; set it anew",
                                        key_variable);
    }
    if (key != NULL && is_open_to_others(base))
        log_warn("the key goes to %s without encryption; use https://", base);
    point_at_lines(a, (size_t)count);
    if (key != NULL) { /* its line is the last, and ends with it */
        const char *line = a->headers[a->n_headers - 1];
        a->key = line + strlen(line) - strlen(key);
    }
    a->ready = true;
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

void access_hide_key(const struct access *a, char *text, size_t len)
{
    size_t key_len = a->key != NULL ? strlen(a->key) : 0;
    if (!is_secret(a->key, key_len))
        return;
    for (char *at; len >= key_len && (at = memmem(text, len, a->key, key_len)) != NULL;) {
        memset(at, '*', key_len);
        len -= (size_t)(at - text) + key_len;
        text = at + key_len;
    }
}

void access_free(struct access *a)
{
    if (a->lines.data != NULL && a->lines.capacity > 0)
        explicit_bzero(a->lines.data, a->lines.capacity);
    if (a->lines.data != NULL)
        strbuf_free(&a->lines);
    free(a->base_url);
    *a = (struct access){0};
}

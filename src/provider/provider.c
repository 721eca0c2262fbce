/* Dialects: names, URLs, headers. See provider.h; answers are read in answer.c. */
#include "provider/provider.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "provider/dialects.h"

static const struct {
    const char *name, *key_variable, *base_variable, *default_base, *official_host;
} dialects[] = {
    [DIALECT_OPENAI] = {"openai", "OPENAI_API_KEY", "OPENAI_BASE_URL", "https://api.openai.com/v1",
                        "api.openai.com"},
    [DIALECT_ANTHROPIC] = {"anthropic", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL",
                           "https://api.anthropic.com", "api.anthropic.com"},
};

/* A "://" in a query makes no origin. */
size_t provider_origin(const char *url)
{
    size_t scheme = strcspn(url, ":/?#");
    if (scheme == 0 || strncmp(url + scheme, "://", 3) != 0)
        return 0;
    return scheme + 3 + strcspn(url + scheme + 3, "/?#");
}

struct span host_of_url(const char *url)
{
    size_t origin = provider_origin(url);
    const char *host = url + strcspn(url, ":") + 3;
    if (origin == 0)
        return (struct span){url, 0};
    for (const char *at = host; at < url + origin; at++)
        if (*at == '@')
            host = at + 1;
    return (struct span){host, (size_t)(url + origin - host)};
}

struct span endpoint_of_url(const char *url)
{
    const char *path = url + provider_origin(url);
    if (strncmp(path, "/v1/", 4) == 0)
        path += 3;
    return (struct span){path, strcspn(path, "?#")};
}

bool span_is(struct span span, const char *text)
{
    return span.len == strlen(text) && memcmp(span.data, text, span.len) == 0;
}

enum dialect dialect_of_url(const char *url)
{
    struct span path = endpoint_of_url(url);
    bool messages = strncmp(path.data, "/messages", 9) == 0 && (path.len == 9 || path.data[9] == '/');
    return messages ? DIALECT_ANTHROPIC : DIALECT_OPENAI;
}

const char *dialect_name(enum dialect d)
{
    return dialects[d].name;
}

bool dialect_from_name(const char *name, enum dialect *out)
{
    for (size_t i = 0; i < sizeof dialects / sizeof *dialects; i++)
        if (strcmp(dialects[i].name, name) == 0) {
            *out = (enum dialect)i;
            return true;
        }
    return false;
}

const char *dialect_key_variable(enum dialect d)
{
    return dialects[d].key_variable;
}

const char *dialect_base_variable(enum dialect d)
{
    return dialects[d].base_variable;
}

const char *dialect_default_base(enum dialect d)
{
    return dialects[d].default_base;
}

bool dialect_is_official_host(enum dialect d, const char *base_url)
{
    const char *host = strstr(base_url, "://");
    if (host == NULL)
        return false;
    host += 3;
    size_t len = strcspn(host, ":/?#");
    return len == strlen(dialects[d].official_host) && strncasecmp(host, dialects[d].official_host, len) == 0;
}

static bool has_control(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text <= ' ' || *text == 0x7f)
            return true;
    return false;
}

int provider_check_base_url(const char *url, lh_error *err)
{
    bool http = strncasecmp(url, "http://", 7) == 0, https = strncasecmp(url, "https://", 8) == 0;
    if (!http && !https)
        return lh_error_set(err, LH_EUSAGE, "the base URL \"%.200s\" must begin with https:// or http://",
                            url);
    const char *host = url + (https ? 8 : 7);
    size_t len = strcspn(host, "/?#");
    if (memchr(host, '@', len) != NULL)
        return lh_error_set(
            err, LH_EUSAGE,
            "the base URL must not hold a user name or password; keys come from the environment");
    if (len == 0 || host[0] == ':')
        return lh_error_set(err, LH_EUSAGE, "the base URL \"%.200s\" names no host", url);
    if (has_control(url))
        return lh_error_set(err, LH_EUSAGE, "the base URL holds spaces or control characters");
    if (strpbrk(url, "?#") != NULL)
        return lh_error_set(err, LH_EUSAGE, "the base URL \"%.200s\" must not have a query or fragment", url);
    return 0;
}

/* A host may be named v1 as well. */
static bool has_path_v1(const char *base_url, size_t len)
{
    return len >= provider_origin(base_url) + 3 && memcmp(base_url + len - 3, "/v1", 3) == 0;
}

int provider_join_url(const char *base_url, const char *job_url, struct strbuf *out, lh_error *err)
{
    size_t base_len = strlen(base_url);
    while (base_len > 0 && base_url[base_len - 1] == '/')
        base_len--;
    if (has_control(job_url))
        return lh_error_set(err, LH_EINPUT, "the job's url holds spaces or control characters");
    size_t origin = provider_origin(job_url);
    if (origin > 0) {
        if (origin != provider_origin(base_url) || strncasecmp(job_url, base_url, origin) != 0)
            return lh_error_set(
                err, LH_EINPUT,
                "the job's url \"%.200s\" leads to another server than the base URL; the key stays here",
                job_url);
        strbuf_append_str(out, job_url);
    } else {
        if (job_url[0] != '/')
            return lh_error_set(err, LH_EINPUT, "the job's url \"%.200s\" must begin with /", job_url);
        bool shared = has_path_v1(base_url, base_len) && strncmp(job_url, "/v1/", 4) == 0;
        strbuf_append(out, base_url, base_len);
        strbuf_append_str(out, shared ? job_url + 3 : job_url);
    }
    return out->failed ? lh_error_nomem(err) : 0;
}

static void add_line(struct strbuf *lines, const char *name, const char *value, int *count)
{
    strbuf_appendf(lines, "%s: %s", name, value);
    strbuf_append_char(lines, '\0');
    (*count)++;
}

int provider_headers(enum dialect d, const char *key, struct strbuf *lines)
{
    int count = 0;
    if (key != NULL && has_control(key))
        return LH_EINPUT;
    /* At once, for a block that is outgrown later would leave the key in freed memory. */
    if (strbuf_reserve(lines, 256 + (key != NULL ? strlen(key) : 0)) != 0)
        return LH_ENOMEM;
    add_line(lines, "Content-Type", "application/json", &count);
    add_line(lines, "Accept", "application/json", &count);
    if (d == DIALECT_ANTHROPIC) {
        add_line(lines, "anthropic-version", "2023-06-01", &count);
        if (key != NULL)
            add_line(lines, "x-api-key", key, &count);
    } else if (key != NULL) {
        strbuf_append_str(lines, "Authorization: Bearer ");
        strbuf_append_str(lines, key);
        strbuf_append_char(lines, '\0');
        count++;
    }
    return lines->failed ? LH_ENOMEM : count;
}

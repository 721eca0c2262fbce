/* What the sentence of a refusal tells of the limit that was met. It names the period, which headers do not:
 *
 *   Rate limit reached for gpt-4o in organization org-… on tokens per min (TPM): Limit 30000, Used 29000, Requested 2000.
 *   This request would exceed your organization's rate limit of 50,000 input tokens per minute. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "provider/dialects.h"

/* The number at *text, with commas between its thousands, a colon before it perhaps; moves past it. -1: none, or too large. */
static int64_t read_amount(const char **text)
{
    const char *p = *text + strspn(*text, ": ");
    int64_t value = 0;
    if (!isdigit((unsigned char)*p))
        return -1;
    for (; isdigit((unsigned char)*p) || (*p == ',' && isdigit((unsigned char)p[1])); p++)
        if (*p != ',' && value <= TOLD_MOST)
            value = value * 10 + (*p - '0');
    *text = p;
    return value <= TOLD_MOST ? value : -1;
}

static const struct {
    const char *text;
    int64_t ms;
} periods[] = {{"minute", 60000}, {"min", 60000}, {"day", 86400000}, {"hour", 3600000}};

static const struct {
    const char *text;
    enum told_kind kind;
} things[] = {{"input tokens", TOLD_INPUT_TOKENS},
              {"output tokens", TOLD_OUTPUT_TOKENS},
              {"tokens", TOLD_TOKENS},
              {"requests", TOLD_REQUESTS}};

struct measure {
    enum told_kind kind;
    int64_t period_ms;
};

/* "tokens per min" at `text`. */
static bool measure_at(const char *text, struct measure *out)
{
    for (size_t i = 0; i < sizeof things / sizeof *things; i++) {
        size_t len = strlen(things[i].text);
        if (strncasecmp(text, things[i].text, len) != 0 || strncasecmp(text + len, " per ", 5) != 0)
            continue;
        for (size_t k = 0; k < sizeof periods / sizeof *periods; k++)
            if (strncasecmp(text + len + 5, periods[k].text, strlen(periods[k].text)) == 0) {
                *out = (struct measure){things[i].kind, periods[k].ms};
                return true;
            }
    }
    return false;
}

static const char *find_measure(const char *text, struct measure *out)
{
    for (; *text != '\0'; text++)
        if (measure_at(text, out))
            return text;
    return NULL;
}

/* The number that follows `word`; -1: none. */
static int64_t amount_after(const char *text, const char *word)
{
    const char *p = strcasestr(text, word);
    if (p == NULL)
        return -1;
    p += strlen(word);
    return read_amount(&p);
}

/* "limit of 50,000 input tokens per minute" */
static bool read_limit_of(const char *message, struct measure *m, int64_t *limit)
{
    const char *p = strcasestr(message, "limit of ");
    if (p == NULL)
        return false;
    p += strlen("limit of ");
    *limit = read_amount(&p);
    return *limit > 0 && measure_at(p + strspn(p, " "), m);
}

/* "Rate limit reached for tokens", "… on requests per min": "Requested 2000" is no word of requests. */
static unsigned kinds_named(const char *message)
{
    static const struct {
        const char *text;
        enum told_kind kind;
    } words[] = {{"input token", TOLD_INPUT_TOKENS},
                 {"output token", TOLD_OUTPUT_TOKENS},
                 {"token", TOLD_TOKENS},
                 {"requests", TOLD_REQUESTS}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasestr(message, words[i].text) != NULL)
            return 1u << words[i].kind;
    return 0;
}

void told_from_text(const char *message, struct told_limits *t)
{
    t->met |= kinds_named(message);
    struct measure m = {TOLD_REQUESTS, -1};
    int64_t limit = -1, used = -1;
    const char *at = find_measure(message, &m);
    if (at != NULL && (limit = amount_after(at, "limit ")) < 0)
        limit = amount_after(at, "limit:");
    if (limit > 0)
        used = amount_after(at, "used ");
    else if (!read_limit_of(message, &m, &limit))
        return;
    t->of[m.kind] =
        (struct told_limit){.limit = limit, .remaining = -1, .full_ms = -1, .period_ms = m.period_ms};
    if (used >= 0)
        t->of[m.kind].remaining = used < limit ? limit - used : 0;
}

/* Values as people write them: see values.h. */
#include "cli/values.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *after_number(const char *text, double *number)
{
    char *end = NULL;
    errno = 0;
    if ((!isdigit((unsigned char)*text) && *text != '.') || (text[0] == '0' && (text[1] | 32) == 'x'))
        return NULL;
    *number = strtod(text, &end);
    return errno == 0 && end != text && isfinite(*number) ? end : NULL;
}

struct suffix {
    const char *text;
    double factor;
};

static bool read_scaled(const char *text, const struct suffix *suffixes, double most, double *out)
{
    const char *rest = after_number(text, out);
    if (rest == NULL)
        return false;
    for (const struct suffix *s = suffixes; s->text != NULL; s++)
        if (strcasecmp(rest, s->text) == 0) {
            *out *= s->factor;
            return *out <= most;
        }
    return false;
}

static bool read_count(const char *text, int64_t *out)
{
    static const struct suffix suffixes[] = {{"", 1}, {"k", 1e3}, {"m", 1e6}, {"g", 1e9}, {NULL, 0}};
    double value = 0;
    if (!read_scaled(text, suffixes, 9e15, &value) || value != floor(value))
        return false;
    *out = (int64_t)value;
    return true;
}

static bool read_size(const char *text, int64_t *out)
{
    static const struct suffix suffixes[] = {
        {"", 1},      {"k", 1024},     {"m", 1048576},     {"g", 1073741824},
        {"kb", 1024}, {"mb", 1048576}, {"gb", 1073741824}, {NULL, 0}};
    double value = 0;
    if (!read_scaled(text, suffixes, 9e15, &value))
        return false;
    *out = (int64_t)value;
    return true;
}

static bool read_seconds(const char *text, int64_t *out)
{
    static const struct suffix suffixes[] = {{"", 1e3},  {"s", 1e3},   {"ms", 1},
                                             {"m", 6e4}, {"h", 3.6e6}, {NULL, 0}};
    double value = 0;
    if (!read_scaled(text, suffixes, 1e12, &value))
        return false;
    *out = (int64_t)ceil(value);
    return true;
}

static bool read_usd(const char *text, int64_t *out)
{
    static const struct suffix suffixes[] = {{"", 1e9}, {NULL, 0}};
    double value = 0;
    if (!read_scaled(text, suffixes, 9e18, &value))
        return false;
    *out = llround(value);
    return true;
}

static bool read_window(const char *text, int64_t *count_and_ms)
{
    char first[32];
    const char *slash = strchr(text, '/');
    if (slash == NULL || (size_t)(slash - text) >= sizeof first)
        return false;
    memcpy(first, text, (size_t)(slash - text));
    first[slash - text] = '\0';
    return read_count(first, &count_and_ms[0]) && read_seconds(slash + 1, &count_and_ms[1]) &&
           count_and_ms[0] > 0 && count_and_ms[1] > 0;
}

static bool read_priority(const char *text, int64_t *out)
{
    static const struct {
        const char *name;
        int64_t value;
    } names[] = {{"high", 100}, {"normal", 500}, {"low", 900}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(text, names[i].name) == 0) {
            *out = names[i].value;
            return true;
        }
    return read_count(text, out) && *out <= 1000;
}

static bool read_flag(const char *text, bool *out)
{
    static const char *const yes[] = {"1", "true", "yes", "on"}, *const no[] = {"0", "false", "no", "off",
                                                                                ""};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        if (strcasecmp(text, yes[i]) == 0) {
            *out = true;
            return true;
        }
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        if (strcasecmp(text, no[i]) == 0) {
            *out = false;
            return true;
        }
    return false;
}

static bool read_real(const char *text, double *out)
{
    const char *rest = after_number(text, out);
    return rest != NULL && *rest == '\0';
}

bool value_read(enum value_kind kind, const char *text, void *at)
{
    switch (kind) {
    case VALUE_FLAG:
        return read_flag(text, at);
    case VALUE_TEXT:
        *(const char **)at = text;
        return true;
    case VALUE_COUNT:
        return read_count(text, at);
    case VALUE_SECONDS:
        return read_seconds(text, at);
    case VALUE_SIZE:
        return read_size(text, at);
    case VALUE_REAL:
        return read_real(text, at);
    case VALUE_USD:
        return read_usd(text, at);
    case VALUE_WINDOW:
        return read_window(text, at);
    case VALUE_PRIORITY:
        return read_priority(text, at);
    }
    return false;
}

const char *value_wanted(enum value_kind kind)
{
    static const char *const wanted[] = {
        [VALUE_FLAG] = "yes or no",
        [VALUE_TEXT] = "a text",
        [VALUE_COUNT] = "a whole number such as 500, 10k or 2M",
        [VALUE_SECONDS] = "seconds such as 30 or 0.5, or 200ms, 5m, 1h",
        [VALUE_SIZE] = "bytes such as 65536, 64M or 1G",
        [VALUE_REAL] = "a number",
        [VALUE_USD] = "US dollars such as 20 or 0.15",
        [VALUE_WINDOW] = "N/SECONDS, such as 100/60",
        [VALUE_PRIORITY] = "high, normal, low, or a number from 0 to 1000",
    };
    return wanted[kind];
}

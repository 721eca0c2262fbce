/* How long a provider asks to wait: headers, dates, and sentences. See provider.h. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "provider/dialects.h"

enum { DAY_MS = 24 * 3600 * 1000 };

/* Milliseconds of `value` units; -1 for nonsense. */
static int64_t to_ms(double value, double unit_ms)
{
    if (!isfinite(value) || value < 0)
        return -1;
    double ms = ceil(value * unit_ms);
    return ms > DAY_MS ? DAY_MS : (int64_t)ms;
}

/* The plain decimal number at *text, "12", "1.5" or ".5"; moves past it. Not strtod, which asks the locale and knows
 * exponents, hexadecimals and names. */
static bool read_decimal(const char **text, double *out)
{
    const char *p = *text;
    double value = 0, scale = 1;
    for (; isdigit((unsigned char)*p); p++)
        value = value * 10 + (*p - '0');
    if (*p == '.')
        for (p++; isdigit((unsigned char)*p); p++) {
            value = value * 10 + (*p - '0');
            scale *= 10;
        }
    bool digits = p > *text && (isdigit((unsigned char)**text) || p - *text > 1);
    if (!digits || !isfinite(value) || !isfinite(scale))
        return false;
    *out = value / scale;
    *text = p;
    return true;
}

static const char *skip_blanks(const char *text)
{
    return text + strspn(text, " \t");
}

/* A header's value that is a number and nothing else. */
static bool read_number(const char *text, double *out)
{
    text = skip_blanks(text);
    return read_decimal(&text, out) && *skip_blanks(text) == '\0';
}

static int month_of(const char *name)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int i = 0; i < 12; i++)
        if (strncmp(name, months + (size_t)i * 3, 3) == 0)
            return i;
    return -1;
}

/* Without asking the locale. */
time_t parse_http_date(const char *text)
{
    char month[4] = "", day_name[12] = "";
    int day = 0, year = 0, hour = 0, minute = 0, second = 0, end = 0;
    sscanf(text, "%11[A-Za-z], %2d %3s %4d %2d:%2d:%2d GMT%n", day_name, &day, month, &year, &hour, &minute,
           &second, &end);
    if (end == 0)
        sscanf(text, "%11[A-Za-z], %2d-%3[A-Za-z]-%2d %2d:%2d:%2d GMT%n", day_name, &day, month, &year, &hour,
               &minute, &second, &end);
    if (end == 0)
        sscanf(text, "%3s %3s %2d %2d:%2d:%2d %4d%n", day_name, month, &day, &hour, &minute, &second, &year,
               &end);
    if (end == 0 || *skip_blanks(text + end) != '\0')
        return -1;
    if (year < 100)
        year += year < 70 ? 2000 : 1900;
    int m = month_of(month);
    if (m < 0 || day < 1 || day > 31 || hour > 23 || hour < 0 || minute > 59 || minute < 0 || second > 60 ||
        second < 0)
        return -1;
    struct tm tm = {.tm_year = year - 1900,
                    .tm_mon = m,
                    .tm_mday = day,
                    .tm_hour = hour,
                    .tm_min = minute,
                    .tm_sec = second};
    time_t time = timegm(&tm);
    return tm.tm_mday == day || second == 60 ? time : -1; /* there is no 31 February */
}

static int64_t from_header(const char *value, int64_t now_wall_ms)
{
    double seconds = 0;
    if (read_number(value, &seconds))
        return to_ms(seconds, 1000);
    time_t date = parse_http_date(value);
    if (date < 0)
        return -1;
    int64_t wait = (int64_t)date * 1000 - now_wall_ms;
    if (wait < 0)
        return -1;
    return wait > DAY_MS ? DAY_MS : wait;
}

static const struct {
    const char *name;
    double ms;
} units[] = {
    {"milliseconds", 1}, {"millisecond", 1}, {"minutes", 60000}, {"minute", 60000},
    {"seconds", 1000},   {"second", 1000},   {"hours", 3600000}, {"hour", 3600000},
    {"mins", 60000},     {"min", 60000},     {"secs", 1000},     {"sec", 1000},
    {"ms", 1},           {"h", 3600000},     {"m", 60000},       {"s", 1000},
};

/* One "12.5s" or "12.5 seconds" at *text; moves past it. */
static bool read_quantity(const char **text, double *ms)
{
    const char *end = skip_blanks(*text);
    double value = 0;
    if (!read_decimal(&end, &value))
        return false;
    end = skip_blanks(end);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        size_t n = strlen(units[i].name);
        if (strncasecmp(end, units[i].name, n) != 0 || isalpha((unsigned char)end[n]))
            continue; /* "5 more requests" are no five minutes */
        *ms = value * units[i].ms;
        *text = end + n;
        return true;
    }
    return false;
}

/* "1h2m3.5s": quantities one after the other. *end: past the last. */
static int64_t read_duration(const char *text, const char **end)
{
    double total = 0, ms = 0;
    const char *p = text;
    while (read_quantity(&p, &ms))
        total += ms;
    *end = p;
    return p == text ? -1 : to_ms(total, 1);
}

int64_t provider_parse_duration(const char *text)
{
    const char *end = text;
    int64_t ms = read_duration(text, &end);
    return *end == '\0' ? ms : -1;
}

static int64_t from_message(const char *message)
{
    static const char *const before[] = {"try again in ", "retry after ", "retry in ", "wait for ", "wait "};
    for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
        const char *at = strcasestr(message, before[i]);
        const char *end = NULL;
        if (at == NULL)
            continue;
        int64_t ms = read_duration(at + strlen(before[i]), &end);
        if (ms >= 0)
            return ms;
    }
    return -1;
}

int64_t provider_retry_after(const struct answer_in *in, const char *error_message)
{
    double value = 0;
    const char *ms = in->header(in->header_arg, "retry-after-ms");
    if (ms != NULL && read_number(ms, &value)) {
        int64_t wait = to_ms(value, 1);
        if (wait >= 0)
            return wait;
    }
    const char *after = in->header(in->header_arg, "retry-after");
    int64_t wait = after != NULL ? from_header(after, in->now_wall_ms) : -1;
    if (wait >= 0)
        return wait;
    return error_message != NULL ? from_message(error_message) : -1;
}

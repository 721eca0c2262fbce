/* Changes and outages: see script.h. */
#include "sim/script.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "limit/bucket.h"

struct unit {
    const char *name;
    double factor;
};

/* Digits, a point perhaps, and one of the units. */
static bool read_scaled(const char *text, const struct unit *units, double most, int64_t *out)
{
    size_t len = strspn(text, "0123456789.");
    char *end = NULL;
    double value = strtod(text, &end);
    if (len == 0 || end != text + len)
        return false;
    for (; units->name != NULL; units++)
        if (strcmp(end, units->name) == 0) {
            value = round(value * units->factor);
            *out = value <= most ? (int64_t)value : 0;
            return value <= most;
        }
    return false;
}

static bool read_time(const char *text, int64_t *out)
{
    static const struct unit units[] = {{"", 1e3},  {"s", 1e3},   {"ms", 1},
                                        {"m", 6e4}, {"h", 3.6e6}, {NULL, 0}};
    return read_scaled(text, units, 1e12, out);
}

static bool read_limit(const char *text, int64_t *out)
{
    static const struct unit units[] = {{"", 1}, {"k", 1e3}, {"M", 1e6}, {NULL, 0}};
    return read_scaled(text, units, (double)BUCKET_MOST_TOKENS, out);
}

/* "rpm=300" or "tpm=90k" into the last change. */
static bool read_new_limit(const char *item, struct script_change *change)
{
    if (strncmp(item, "rpm=", 4) == 0)
        return read_limit(item + 4, &change->rpm);
    return strncmp(item, "tpm=", 4) == 0 && read_limit(item + 4, &change->tpm);
}

static int add_change(char *item, struct script *s, lh_error *err)
{
    char *colon = strchr(item, ':');
    struct script_change next = {.rpm = -1, .tpm = -1};
    const char *limit = colon != NULL ? colon + 1 : item;
    if (colon != NULL)
        *colon = '\0';
    bool ok = colon == NULL ? s->n_changes > 0 : read_time(item, &next.at_ms) && s->n_changes < SCRIPT_MOST;
    if (ok && colon != NULL && s->n_changes > 0)
        ok = next.at_ms > s->changes[s->n_changes - 1].at_ms;
    if (ok && colon != NULL)
        s->changes[s->n_changes++] = next;
    if (ok && read_new_limit(limit, &s->changes[s->n_changes - 1]))
        return 0;
    return lh_error_set(err, LH_EUSAGE,
                        "change: \"%.40s%s%.40s\" is not TIME:rpm=N or TIME:tpm=N with a later time than the "
                        "one before, such as 60s:rpm=300,120s:rpm=1200,tpm=90k (at most %d times)",
                        colon != NULL ? item : "", colon != NULL ? ":" : "", limit, SCRIPT_MOST);
}

static bool read_kind(const char *name, enum fault *out)
{
    return fault_from_name(name, out) && (*out == FAULT_503 || *out == FAULT_529 || *out == FAULT_RESET);
}

static int add_outage(char *item, struct script *s, lh_error *err)
{
    char copy[100];
    snprintf(copy, sizeof copy, "%s", item);
    struct script_outage next = {.kind = FAULT_503};
    char *dots = strstr(item, ".."), *colon = strchr(item, ':');
    bool ok =
        dots != NULL && s->n_outages < SCRIPT_MOST && (colon == NULL || read_kind(colon + 1, &next.kind));
    if (colon != NULL)
        *colon = '\0';
    if (dots != NULL)
        *dots = '\0';
    ok =
        ok && read_time(item, &next.from_ms) && read_time(dots + 2, &next.to_ms) && next.to_ms > next.from_ms;
    if (ok && s->n_outages > 0)
        ok = next.from_ms >= s->outages[s->n_outages - 1].to_ms;
    if (!ok)
        return lh_error_set(
            err, LH_EUSAGE,
            "outage: \"%.60s\" is not FROM..TO or FROM..TO:KIND after the one before, KIND being "
            "503, 529 or reset, such as 60s..120s:529 (at most %d)",
            copy, SCRIPT_MOST);
    s->outages[s->n_outages++] = next;
    return 0;
}

static int each_item(const char *list, int (*add)(char *item, struct script *s, lh_error *err),
                     struct script *s, lh_error *err)
{
    if (list == NULL || *list == '\0')
        return 0;
    char *copy = strdup(list), *rest = copy;
    int rc = copy != NULL ? 0 : lh_error_nomem(err);
    for (char *item; rc == 0 && (item = strsep(&rest, ",")) != NULL;)
        rc = add(item, s, err);
    free(copy);
    return rc;
}

int script_parse(const char *change, const char *outage, struct script *out, lh_error *err)
{
    *out = (struct script){0};
    int rc = each_item(change, add_change, out, err);
    return rc == 0 ? each_item(outage, add_outage, out, err) : rc;
}

const struct script_outage *script_outage_at(const struct script *s, int64_t at_ms)
{
    for (size_t i = 0; i < s->n_outages; i++)
        if (at_ms >= s->outages[i].from_ms && at_ms < s->outages[i].to_ms)
            return &s->outages[i];
    return NULL;
}

int64_t script_outage_ms(const struct script *s, int64_t from_ms, int64_t to_ms)
{
    int64_t sum = 0;
    for (size_t i = 0; i < s->n_outages; i++) {
        int64_t from = s->outages[i].from_ms > from_ms ? s->outages[i].from_ms : from_ms;
        int64_t to = s->outages[i].to_ms < to_ms ? s->outages[i].to_ms : to_ms;
        sum += to > from ? to - from : 0;
    }
    return sum;
}

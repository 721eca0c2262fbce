/* The alert on errors: see alert.h. Cells of a second each, as in the tally. */
#include "schedule/alert.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { WHOLE = 1000000, PERCENT = WHOLE / 100 };

static const struct {
    const char *name;
    enum alert_action action;
} actions[] = {{"", ALERT_WARN}, {":warn", ALERT_WARN}, {":pause", ALERT_PAUSE}, {":stop", ALERT_STOP}};

static enum alert_action action_of(const char *rest)
{
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (strcmp(rest, actions[i].name) == 0)
            return actions[i].action;
    return ALERT_NONE;
}

int alert_parse(const char *text, struct alert *out, lh_error *err)
{
    *out = (struct alert){.action = ALERT_NONE};
    if (text == NULL)
        return 0;
    char *rest = NULL;
    bool is_hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X'); /* strtod would take it */
    double percent = isdigit((unsigned char)*text) && !is_hex ? strtod(text, &rest) : -1;
    if (rest != NULL && *rest == '%')
        rest++;
    enum alert_action action = rest != NULL ? action_of(rest) : ALERT_NONE;
    if (action == ALERT_NONE || !(percent >= 0.0001 && percent <= 100))
        return lh_error_set(
            err, LH_EUSAGE,
            "alert-errors is \"%.50s\"; it must be a share such as 5%%, 5%%:pause or 0.5%%:stop", text);
    out->action = action;
    out->millionths = (int64_t)(percent * PERCENT + 0.5);
    return 0;
}

static void move_minute(struct alert *a, int64_t now_ms)
{
    int64_t second = now_ms / 1000;
    if (second - a->second > ALERT_CELLS)
        a->second = second - ALERT_CELLS;
    while (a->second < second) {
        a->second++;
        a->attempts[a->second % ALERT_CELLS] = 0;
        a->failed[a->second % ALERT_CELLS] = 0;
    }
}

void alert_attempt(struct alert *a, int64_t now_ms, bool failed)
{
    move_minute(a, now_ms);
    a->attempts[a->second % ALERT_CELLS]++;
    a->failed[a->second % ALERT_CELLS] += failed ? 1 : 0;
}

bool alert_is_crossed(struct alert *a, int64_t now_ms, int64_t *failed, int64_t *attempts)
{
    *failed = *attempts = 0;
    if (a->action == ALERT_NONE)
        return false;
    move_minute(a, now_ms);
    for (int i = 0; i < ALERT_CELLS; i++) {
        *attempts += a->attempts[i];
        *failed += a->failed[i];
    }
    int64_t limit = *attempts * a->millionths, share = *failed * WHOLE;
    bool was_above = a->above;
    if (*attempts >= ALERT_LEAST && share >= limit)
        a->above = true;
    else if (share * 5 <= limit * 4)
        a->above = false;
    return a->above && !was_above;
}

void alert_forget(struct alert *a)
{
    memset(a->attempts, 0, sizeof a->attempts);
    memset(a->failed, 0, sizeof a->failed);
    a->above = false;
}

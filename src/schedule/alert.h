/* The alert on errors: the share of attempts that failed in the last minute, once there were enough. Refusals for rate are no errors, and are not
 * counted at all. Pure; the clock is passed in; nothing allocates. Loop thread. */
#ifndef LH_SCHEDULE_ALERT_H
#define LH_SCHEDULE_ALERT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum alert_action { ALERT_NONE, ALERT_WARN, ALERT_PAUSE, ALERT_STOP };
enum { ALERT_CELLS = 60, ALERT_LEAST = 50 };

struct alert {
    enum alert_action action;
    int64_t millionths; /* the limit: that share of the attempts */
    bool above;         /* told already; again only after the share fell to four fifths of the limit */
    int64_t second;     /* that the newest cell counts */
    int32_t attempts[ALERT_CELLS], failed[ALERT_CELLS];
};

/* "5%", "0.5%:pause", "5:stop": LH_EUSAGE says what it must be. NULL: never. Clears all else. */
int alert_parse(const char *text, struct alert *out, lh_error *err);

void alert_attempt(struct alert *a, int64_t now_ms, bool failed);
/* True once each time the share is at the limit or above. *failed of *attempts in the last minute. */
bool alert_is_crossed(struct alert *a, int64_t now_ms, int64_t *failed, int64_t *attempts);
/* What was counted is dealt with: the minute begins anew. */
void alert_forget(struct alert *a);

#endif

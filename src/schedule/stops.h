/* What ends a run early by itself: its deadline, too many errors, a job that died at its deadline with --fail-fast. Its budget: spending.h. Loop thread. */
#ifndef LH_SCHEDULE_STOPS_H
#define LH_SCHEDULE_STOPS_H

#include "longhaul.h"
#include "schedule/alert.h"
#include "store/outcome.h"

struct lh_run;

struct stops {
    struct alert alert;
    int64_t error_batch; /* of the last error */
    int64_t late_seen;   /* of view.late */
};

/* Copies the options. LH_EUSAGE names the one that makes no sense. */
int stops_take_options(struct stops *s, const lh_run_options *o, lh_error *err);
/* An attempt has ended. */
void stops_count(struct lh_run *r, const struct outcome *o);
/* Now and then: is it time to end? */
void stops_look(struct lh_run *r);

#endif

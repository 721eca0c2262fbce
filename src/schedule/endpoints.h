/* The endpoints of a run: made from the options, and which of them a job goes to. Loop thread. */
#ifndef LH_SCHEDULE_ENDPOINTS_H
#define LH_SCHEDULE_ENDPOINTS_H

#include "schedule/endpoint.h"
#include "store/claim.h"

enum { ENDPOINTS_MOST = 64 };

struct endpoints {
    struct endpoint *list; /* owned */
    size_t count;
    uint64_t refused;       /* by bit: those whose account is refused */
    int64_t pause_most_ms;  /* no pause is longer */
    bool dialect_is_forced; /* else by each job's url */
    enum dialect forced;
};

/* LH_EUSAGE names what is wrong with the options, LH_EINPUT the variable of a key that is not set. */
int endpoints_open(struct endpoints *s, const lh_run_options *o, int64_t now_ms, lh_error *err);
/* The same without looking for any key: to reckon with them, not to send. */
int endpoints_describe(struct endpoints *s, const lh_run_options *o, int64_t now_ms, lh_error *err);
void endpoints_free(struct endpoints *s);

enum dialect endpoints_dialect(const struct endpoints *s, const struct claimed_job *job);
/* Which can serve it, by bit; 0: none. */
uint64_t endpoints_for(const struct endpoints *s, const struct claimed_job *job, const char *model);

struct endpoint_wait {
    int64_t ready_at; /* when to look again by the clock; INT64_MAX: no gate tells a time */
    bool is_for_end;  /* some gate may open as soon as a request in flight ends */
};

/* The one that the job goes to now, or NULL, and then what to wait for. Of those `among`, by bit, that can serve it, and of the lowest tier
 * that is not down: the one with the least in flight for its weight and concurrency, among those whose gate is open. */
struct endpoint *endpoints_pick(struct endpoints *s, const struct claimed_job *job, uint64_t among,
                                int64_t now_ms, struct endpoint_wait *wait);

/* By bit: those that were tried often enough and never answered in this run. */
uint64_t endpoints_never_reached(const struct endpoints *s);
/* Is there another one for the job that is not down? */
bool endpoints_have_other(struct endpoints *s, const struct claimed_job *job, const struct endpoint *than,
                          int64_t now_ms);

/* May any of them take a request now? */
bool endpoints_have_room(struct endpoints *s, int64_t now_ms);
int64_t endpoints_capacity(const struct endpoints *s); /* requests in flight at most */

/* Its account is refused. True when none is left that this run has used or was told to use. */
bool endpoints_refuse(struct endpoints *s, struct endpoint *e, const char *why);

#endif

/* Warm restart: what the gate of an endpoint knew when it was saved, as a checkpoint, and taking it up in another process. What was sent
 * after the save is not in it. It is taken off by a count that costs nothing while a run works: each send ends as an attempt (an orphan as
 * one that was lost), and each batch counts its attempts; so what the store counts now, less what had been sent at the save, went after
 * it. Claims that had not left at a kill are counted too, to the safe side. Pure: both clocks are passed in; loop thread. */
#ifndef LH_SCHEDULE_WARM_H
#define LH_SCHEDULE_WARM_H

#include "limit/gate.h"

/* What is saved with the gate. */
struct warm_now {
    int64_t now_ms, wall_ms; /* monotonic, wall clock */
    int64_t sends;           /* by all runs, ever: ended and in flight */
    int64_t most_tokens;     /* of a request, as reserved in this run */
    const char *server;      /* who was asked: another one has limits of its own */
};
/* {"saved_at":…,"server":…,"sends":…,"most_tokens":…,"gate":{…}} */
void warm_save(struct gate *g, const struct warm_now *w, struct strbuf *out);

/* What the store says of earlier runs, after the orphans were recovered. */
struct warm_past {
    int64_t attempts;      /* that ended, ever, the lost ones too */
    int64_t last_seen_ms;  /* wall clock: the last sign of life of the worker before; LH_UNKNOWN: none */
    int64_t answer_tokens; /* that an answer used on average; 0: none yet */
};
/* Takes up what was saved; true when it was of `server`. A wall clock that went back counts as no time. Hostile content is bounded by
 * the limiters; what is no checkpoint changes nothing. Call before the first take. */
bool warm_load(struct gate *g, const struct warm_past *p, int64_t now_ms, int64_t wall_ms, const char *server,
               json_object *saved);

#endif

/* Inside `limit` only: a limit that a provider tells, for one kind of thing (requests, tokens …), as a bucket that is corrected by each
 * answer. Kept apart from a limit that was given: the lower holds, and a told one may rise again.
 *
 * A provider may tell one limit for a minute and another for a day (in the text of a refusal, say): two buckets. The one of a minute
 * is reckoned as in rates.c; the one of a day holds the whole day's, so that it stops nothing until it is used up.
 *
 * What is told is checked against what was seen, because proxies lie, and because answers come late and out of order:
 * - an answer speaks of the moment its request was let in. One that started before the newest taken up is ignored, and what was
 *   taken since is taken off: level ≤ remaining + flow · (now − started) − taken since;
 * - remaining lowers a level and never raises it, but for a day's, which else might stay at nothing until the next day: three
 *   answers in a row that tell more raise it;
 * - a limit that changes by more than × 2 must be told three times in a row; one of which twice as much was granted in the last
 *   period, without a refusal, is not believed;
 * - the first word of a limit holds at once, but until it was told three times it holds nothing for longer than a second;
 * - "remaining: 0" on a good answer is believed three times in a row, and then no more until something else is told.
 *
 * The period is seldom told. used / limit · period = reset gives it where at least 2 % is used, and two of three readings must
 * agree; else it is a minute. The loop's thread; integers, the clock passed in; never fails, never allocates. */
#ifndef LH_LIMIT_TOLD_H
#define LH_LIMIT_TOLD_H

#include "base/json.h"
#include "limit/bucket.h"
#include "provider/told_limits.h"

enum { TOLD_CELLS = 60, TOLD_VOTES = 3 };

/* Of one period. */
struct told_rate {
    int64_t limit; /* 0: none is told */
    int64_t period_ms;
    bool guessed;   /* the period is a guess */
    int64_t agreed; /* how often it was told: before three times it holds nothing for longer than a second */
    int64_t since_ms;     /* when this limit was told first */
    int64_t heard_ms;     /* and last */
    struct bucket bucket; /* flows at full_flow less others */
    int64_t full_flow;    /* micro-tokens a minute */
    int64_t others;       /* likewise: what others who share the limit use, as far as it is felt */
    int64_t corrected_ms; /* when a reading was taken up last */
    /* The reading that others' use is measured from: when its request started, what remained, what was taken by then. */
    int64_t mark_ms, mark_remaining, mark_taken;
    int64_t epoch_ms, epoch_flow; /* our flow when the present round trip began: it is halved once in it */
    bool dwindles; /* since then less remained by more than was taken: others, and nothing flows in */
    int64_t top;   /* the most that remained lately, micro-tokens: what the provider's bucket holds */
    int64_t candidate, candidate_count; /* a limit that is too different to be believed yet */
    int64_t newest;                     /* serial of the newest answer that was taken up */
    int64_t zeros, higher;              /* good answers in a row that told 0; more than the level */
};

struct told {
    int64_t burst_ms;
    struct told_rate minute, day;
    int64_t votes[TOLD_VOTES]; /* the last periods that were inferred; 0: none yet */
    size_t next_vote;
    int64_t last_ms;             /* when something was taken last; INT64_MIN: never */
    int64_t taken;               /* ever, less what came back */
    int64_t granted[TOLD_CELLS]; /* good answers by the start of their requests, a second each */
    int64_t granted_at_s;        /* the second of the newest cell */
    int64_t refused_ms;          /* the last refusal; INT64_MIN: never */
};

void told_init(struct told *t, int64_t burst_ms, int64_t now_ms);

/* As of a bucket; all pass while nothing is told. */
int64_t told_ready_at(struct told *t, int64_t now_ms, int64_t n);
int64_t told_day_ready_at(struct told *t, int64_t now_ms, int64_t n); /* that of a day alone */
/* Returns how much was taken ever, this with it: what an answer to this request counts from. */
int64_t told_take(struct told *t, int64_t now_ms, int64_t n);
void told_return(struct told *t, int64_t now_ms, int64_t n); /* n < 0: more was used */

/* A request that was started at that time has ended: well, having used so much, or refused for rate. */
void told_granted(struct told *t, int64_t started_ms, int64_t n);
void told_refused(struct told *t, int64_t now_ms);

struct told_reading {
    struct told_limit said; /* all -1: nothing */
    int64_t serial;         /* of the request, in order of starts */
    int64_t started_ms;
    int64_t taken; /* what told_take gave it */
    bool good;     /* it was granted */
};
void told_read(struct told *t, int64_t now_ms, const struct told_reading *r);

/* Members "minute" and "day". What is loaded is `age_ms` old; nonsense is ignored. */
void told_save(struct told *t, int64_t now_ms, struct strbuf *out);
void told_load(struct told *t, int64_t now_ms, int64_t age_ms, json_object *saved);

/* A bucket for an allowance in a period of a minute or more, such that a provider that reckons in another way refuses
 * nothing: see rates.c, which has it. */
void rate_bucket(struct bucket *b, int64_t allowance, int64_t period_ms, int64_t burst_ms, int64_t now_ms);
/* Sets the level, in micro-tokens, as it was `age_ms` ago, within what can be. */
void rate_bucket_age(struct bucket *b, int64_t now_ms, int64_t level, int64_t age_ms);

#endif

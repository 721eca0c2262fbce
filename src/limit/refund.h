/* Does a provider give back what was reserved for an answer and not used? Some do when the answer is there, others charge the bound for
 * good, and none says so. It is taken for granted until refusals speak against it: one that names the kind of limit, or three that name none,
 * in a minute in which something was taken back. Then nothing is, for ten minutes at first and twice as long each time. The loop's thread;
 * integers; never fails. */
#ifndef LH_LIMIT_REFUND_H
#define LH_LIMIT_REFUND_H

#include <stdbool.h>
#include <stdint.h>

struct refund {
    int64_t last_ms;          /* when something was taken back last; INT64_MIN: never */
    int64_t doubt_ms, doubts; /* the last refusal that speaks against it, and how many do */
    int64_t until_ms;         /* nothing is taken back before; INT64_MIN: no such time */
    int64_t length_ms;        /* of the last such time; 0: there was none */
};
void refund_init(struct refund *r);

/* How much of `back` to take back; what was used beyond a reservation (back < 0) always counts. */
int64_t refund_allows(struct refund *r, int64_t now_ms, int64_t back);

/* Less than the bound was reserved: as if the rest had come back already. */
void refund_counted_on(struct refund *r, int64_t now_ms);

enum refund_refusal {
    REFUND_OTHER,
    REFUND_UNNAMED,
    REFUND_NAMED
}; /* of another limit; of some; of this one */
/* True when nothing is taken back from now on: what was is not there. */
bool refund_refused(struct refund *r, int64_t now_ms, enum refund_refusal refusal);

/* Over a restart: what is left of the time, and its length. Nonsense is brought within. */
int64_t refund_left_ms(const struct refund *r, int64_t now_ms);
void refund_restore(struct refund *r, int64_t now_ms, int64_t left_ms, int64_t length_ms);

#endif

/* Whether refusals come of the rate, by experiment: for a while less is sent. Refusals by chance go on as before, those of the rate end.
 * And the watch that calls for such a trial while nothing is held back: what is refused among grants is put up with for a span
 * of time, as a trial costs more than a few refusals. The loop's thread; integers; never fails, never allocates. */
#ifndef LH_LIMIT_TRIAL_H
#define LH_LIMIT_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

enum {
    TRIAL_PERCENT = 75,
    TRIAL_GUESS_PERCENT = 50
}; /* of the rate: sent in it; the same while the limit is a guess */

struct trial {
    bool is_on, was_open;                 /* nothing was held back before it */
    int64_t rate;                         /* what it began from */
    int64_t share;                        /* refused before it, thousandths */
    int64_t first_serial, refused_serial; /* its first start; the last that was refused */
    int64_t refused;
    int64_t mark_serial, mark_ms; /* a start that is waited for */
};

void trial_begin(struct trial *t, int64_t first_serial, int64_t rate, int64_t share, bool was_open);
/* Returns whether that is enough to say: chance. */
bool trial_refused(struct trial *t, int64_t serial);
/* newest: serial of the last start; stands_ms: after which one is not refused any more. Returns whether so many stood that the
 * refusals came of the rate; *starts: how many. */
bool trial_is_over(struct trial *t, int64_t now_ms, int64_t newest, int64_t stands_ms, int64_t *starts);
int64_t trial_starts(const struct trial *t); /* until the last that was refused */

struct span {
    int64_t length_ms, begin_ms;
    int64_t first_serial; /* 0: none has begun */
    int64_t refused;
};
void span_init(struct span *s);
/* One was refused; chance: thousandths that are known to be. Returns the thousandths refused once a span of it is over and they
 * are worth a trial, else 0. */
int64_t span_refused(struct span *s, int64_t now_ms, int64_t serial, int64_t newest, int64_t chance);
/* It was chance: the next is twice as long. */
void span_double(struct span *s);

#endif

/* Tells refusals that come by chance from those that come of the rate. Some providers refuse one request in a hundred, or in three,
 * whatever the rate is; who takes each of them for congestion slows down to a crawl, as the rate at which chance refuses often enough
 * falls with it.
 *
 * A limit that is full refuses nearly all that start one after the other (dense); chance hardly ever does. What stands scattered among
 * grants is forgiven up to a share that was seen where the rate was surely low, and half as much again; beyond it, and where no share
 * is known, only a trial at a lower rate can tell: refusals by chance stay, others end. Starts are known by their serials, as refusals
 * come in any order. The loop's thread; integers; never fails, never allocates. */
#ifndef LH_LIMIT_NOISE_H
#define LH_LIMIT_NOISE_H

#include <stdbool.h>
#include <stdint.h>

enum noise_phase {
    NOISE_OPEN,    /* nothing is held back: whatever is scattered is forgiven */
    NOISE_TRIED,   /* the rate is at its limit: a refusal may be its own doing */
    NOISE_LOW,     /* the rate is below what was granted before: it hardly is */
    NOISE_EPISODE, /* it was cut just now, and the limit may be full still */
};

enum noise_kind {
    NOISE_FORGIVEN,
    NOISE_SCATTERED, /* more than is forgiven, with grants in between */
    NOISE_DENSE,     /* hardly a grant in between */
};

enum { NOISE_STARTS = 4096 }; /* older ones are forgotten */

struct noise {
    uint64_t refused[NOISE_STARTS / 64]; /* a bit for each of the last starts, by serial */
    int64_t newest;
    int64_t credit;                  /* thousandths of a refusal that may be forgiven */
    int64_t low_starts, low_refused; /* while the rate was low, lately */
    int64_t quiet;                   /* starts since the last refusal that was forgiven */
    int64_t pending;                 /* forgiven, and not yet known to stand alone */
    int64_t first_serial;            /* since the credit was last full: where refusals began … */
    int64_t first_refused;           /* … and how many there were */
};

/* serial: of all starts, rising. */
void noise_start(struct noise *n, int64_t serial, enum noise_phase phase);
enum noise_kind noise_refused(struct noise *n, int64_t serial, enum noise_phase phase);
/* Thousandths refused of the starts from the one to the other. */
int64_t noise_share(const struct noise *n, int64_t from_serial, int64_t to_serial);
/* Thousandths that chance refuses, as far as is known. */
int64_t noise_chance(const struct noise *n);
/* Is a share known? */
bool noise_is_known(const struct noise *n);
/* A trial at a low rate has shown so many. */
void noise_learn(struct noise *n, int64_t starts, int64_t refused);
/* It was no chance: the rate was cut. */
void noise_cut(struct noise *n);
/* Requests are granted again. */
void noise_recovered(struct noise *n);

#endif

/* Refusals by chance: see noise.h. */
#include "limit/noise.h"

enum {
    REFUSAL = 1000,
    ALONE = 16,
    LOW_SHARE = REFUSAL / ALONE, /* of a refusal, that a start pays for while the rate is low */
    OPEN_SHARE = REFUSAL / 32,
    MOST = 3 * REFUSAL,      /* forgiven in a row */
    MOST_SEEN = 8 * REFUSAL, /* the same once chance was seen: it comes in bunches too */
    EVIDENCE = 2,            /* refusals seen before there is a share to go by */
    MEMORY = 4096,           /* starts; older ones weigh half */
};

static int64_t share(const struct noise *n, enum noise_phase phase)
{
    if (phase != NOISE_TRIED)
        return phase == NOISE_OPEN ? OPEN_SHARE : LOW_SHARE;
    if (n->refused < EVIDENCE)
        return 0;
    int64_t twice = 2 * REFUSAL * n->refused / n->starts;
    return twice < LOW_SHARE ? twice : LOW_SHARE;
}

static int64_t most(const struct noise *n)
{
    return n->refused < EVIDENCE ? MOST : MOST_SEEN;
}

/* What no other followed for a while stood alone. */
static void see_evidence(struct noise *n)
{
    n->starts++;
    if (++n->quiet >= ALONE) {
        n->refused += n->pending;
        n->pending = 0;
    }
    if (n->starts >= MEMORY) {
        n->starts /= 2;
        n->refused /= 2;
    }
}

void noise_start(struct noise *n, enum noise_phase phase)
{
    n->credit += share(n, phase);
    if (n->credit > most(n))
        n->credit = most(n);
    if (phase == NOISE_LOW)
        see_evidence(n);
}

bool noise_forgives(struct noise *n, enum noise_phase phase)
{
    if (n->credit < REFUSAL || (phase == NOISE_TRIED && n->refused < EVIDENCE))
        return false;
    n->credit -= REFUSAL;
    n->pending += phase == NOISE_LOW ? 1 : 0;
    n->quiet = 0;
    return true;
}

void noise_cut(struct noise *n)
{
    n->credit = n->pending = 0;
}

void noise_recovered(struct noise *n)
{
    if (n->credit < REFUSAL)
        n->credit = REFUSAL;
}

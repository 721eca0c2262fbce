/* Refusals by chance: see noise.h. */
#include "limit/noise.h"

enum {
    REFUSAL = 1000,
    ALONE = 16,
    EPISODE_SHARE = REFUSAL / ALONE,
    LEAST_SHARE = REFUSAL / 100,
    PRIOR_STARTS = 64, /* with half a refusal: what is believed before anything was seen */
    KNOWN = 128,       /* low starts that make a share known */
    MEMORY = 2048,     /* older starts weigh half */
};

static uint64_t *word(struct noise *n, int64_t serial)
{
    return &n->refused[(uint64_t)serial % NOISE_STARTS / 64];
}

static uint64_t bit(int64_t serial)
{
    return UINT64_C(1) << ((uint64_t)serial % 64);
}

static bool is_kept(const struct noise *n, int64_t serial)
{
    return serial > 0 && serial <= n->newest && serial > n->newest - NOISE_STARTS;
}

static int64_t count(const struct noise *n, int64_t from, int64_t to)
{
    int64_t sum = 0, oldest = n->newest - NOISE_STARTS + 1;
    for (int64_t s = from > oldest ? from : oldest; s <= to; s++)
        if (is_kept(n, s) && (n->refused[(uint64_t)s % NOISE_STARTS / 64] & bit(s)) != 0)
            sum++;
    return sum;
}

int64_t noise_share(const struct noise *n, int64_t from_serial, int64_t to_serial)
{
    return to_serial < from_serial
               ? 0
               : REFUSAL * count(n, from_serial, to_serial) / (to_serial - from_serial + 1);
}

int64_t noise_chance(const struct noise *n)
{
    return (REFUSAL * n->low_refused + REFUSAL / 2) / (n->low_starts + PRIOR_STARTS);
}

bool noise_is_known(const struct noise *n)
{
    return n->low_starts >= KNOWN;
}

static int64_t share(const struct noise *n, enum noise_phase phase)
{
    int64_t share = LEAST_SHARE + noise_chance(n) * 3 / 2;
    return phase == NOISE_EPISODE && share < EPISODE_SHARE ? EPISODE_SHARE : share;
}

/* A share that is higher comes in larger bunches. */
static int64_t most(const struct noise *n)
{
    int64_t most = 3 * REFUSAL + noise_chance(n) * 300;
    return most < 24 * REFUSAL ? most : 24 * REFUSAL;
}

static void see_evidence(struct noise *n)
{
    n->low_starts++;
    if (++n->quiet >= ALONE) {
        n->low_refused += n->pending;
        n->pending = 0;
    }
    while (n->low_starts >= MEMORY) {
        n->low_starts /= 2;
        n->low_refused /= 2;
    }
}

void noise_start(struct noise *n, int64_t serial, enum noise_phase phase)
{
    n->newest = serial;
    *word(n, serial) &= ~bit(serial);
    n->credit += share(n, phase);
    if (n->credit >= most(n)) {
        n->credit = most(n);
        n->first_refused = 0;
    }
    if (phase == NOISE_LOW)
        see_evidence(n);
}

static bool is_dense(const struct noise *n, int64_t serial, enum noise_phase phase)
{
    int64_t chance = noise_chance(n);
    if (phase == NOISE_OPEN || chance > 120) /* what started after it may have been refused first */
        return count(n, serial - 31, serial) >= 27 || count(n, serial, serial + 31) >= 27;
    if (chance > 60)
        return count(n, serial - 15, serial) >= 11;
    return count(n, serial - 7, serial) >= (chance < 5 ? 3 : chance < 10 ? 4 : chance < 30 ? 5 : 6);
}

enum noise_kind noise_refused(struct noise *n, int64_t serial, enum noise_phase phase)
{
    if (!is_kept(n, serial))
        return NOISE_FORGIVEN;
    *word(n, serial) |= bit(serial);
    if (n->first_refused++ == 0 || serial < n->first_serial)
        n->first_serial = serial;
    if (is_dense(n, serial, phase))
        return NOISE_DENSE;
    if (phase != NOISE_OPEN && n->credit < REFUSAL)
        return NOISE_SCATTERED;
    n->credit -= phase == NOISE_OPEN ? 0 : REFUSAL;
    n->pending += phase == NOISE_LOW ? 1 : 0;
    n->quiet = 0;
    return NOISE_FORGIVEN;
}

void noise_learn(struct noise *n, int64_t starts, int64_t refused)
{
    n->low_starts += starts;
    n->low_refused += refused;
    n->pending = 0;
}

void noise_cut(struct noise *n)
{
    n->credit = n->pending = n->first_refused = 0;
}

void noise_recovered(struct noise *n)
{
    n->credit = most(n);
    n->first_refused = 0;
}

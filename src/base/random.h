/* A small seeded pseudo-random generator, so that jitter and the simulator can be replayed.
 * xoshiro256** seeded by splitmix64 (Blackman and Vigna, 2018; public domain reference).
 * Not for secrets. One owner, one thread at a time; never fails. */
#ifndef LH_BASE_RANDOM_H
#define LH_BASE_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t s[4];
};

void random_seed(struct random *r, uint64_t seed);
uint64_t random_u64(struct random *r);

/* Uniform in [0, bound); 0 when bound is 0. Without modulo bias (Lemire 2019). */
uint64_t random_below(struct random *r, uint64_t bound);

/* Uniform in [0, 1). */
double random_unit(struct random *r);

/* 64 bits from the system, to seed with. */
uint64_t random_system_seed(void);

#endif

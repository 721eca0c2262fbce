/* Which lane gives the next job: strict priority between levels; inside one, start-time fair queuing of tenants by tokens (Goyal, Vin and
 * Cheng 1996); inside a tenant the lane with the smallest id. Plain data, no SQL: the drain says which lanes have ready jobs, asks for
 * a pick, and charges each job that it takes. Nothing is kept for a job; O(log n) in tenants and in lanes of a tenant.
 *
 * A tenant's tag is what it was charged by its weight. The least tag is served until it passes the next by QUANTUM (by weight), so that one
 * SELECT brings a few jobs. For two tenants with ready jobs all the while, |W_f/w_f − W_g/w_g| ≤ (L_f + Q)/w_f + (L_g + Q)/w_g,
 * L the largest job. Who gets jobs after having none starts at the virtual time or its own tag, whichever is later: idleness is no credit. A
 * correction of what was charged before that start moves the start, but never before that virtual time.
 *
 * Changes between fair_begin and fair_rollback are undone by the latter; that covers tags, not lanes, which are dropped and told anew.
 * Store thread only. */
#ifndef LH_STORE_FAIR_H
#define LH_STORE_FAIR_H

#include <stdbool.h>
#include <stdint.h>

#include "store/heap.h"

enum {
    /* Tokens. A claim while the run goes on is of a few jobs, but the first may be of a thousand: a quantum of two to eight usual jobs divides
     * even a small one, and makes the SELECT for each run cheap beside its jobs. */
    FAIR_QUANTUM = 2048,
    FAIR_CORRECTION_MOST = 16, /* times the charge: usage beyond that is not believed */
};

struct fair_flow; /* a tenant on one level */

struct fair_lane { /* stands inside what the caller keeps for the lane; all fields are fair.c's */
    struct heap_node by_id, by_weight;
    struct fair_flow *flow; /* NULL: not told yet */
    int64_t id, weight;
};

struct fair_charge { /* what a claim took; comes back with its outcome */
    int64_t tokens, weight, epoch;
};

struct fair_level;

struct fair {
    struct fair_level **levels; /* by priority */
    size_t n_levels, levels_capacity;
    struct fair_flow *dirty;   /* lanes have changed */
    struct fair_flow *touched; /* tags have moved since fair_begin */
    int64_t ageing_ms;         /* 0: off */
    int64_t epoch, transaction;
    int64_t now_ms;    /* of the last pick */
    int64_t run_until; /* the tag that ends this run */
    bool aged_last;    /* the last pick was of ageing: the next is not */
};

void fair_init(struct fair *f, int64_t ageing_ms);
void fair_free(struct fair *f);

/* Tells a lane, without ready jobs. level: its priority, smaller goes first. LH_ENOMEM as false. */
bool fair_lane_add(struct fair *f, struct fair_lane *lane, int64_t level, const char *tenant, int64_t id,
                   int64_t weight);
void fair_lane_remove(struct fair *f, struct fair_lane *lane); /* nothing when it was not told */
bool fair_lane_set(struct fair *f, struct fair_lane *lane, bool has_ready);
/* Forgets all lanes, whose memory may be gone, but no tag: they are told anew before the next pick. */
void fair_drop_lanes(struct fair *f);
/* Forgets tenants without lanes that would start at the virtual time anyhow. */
void fair_purge(struct fair *f);
size_t fair_tenants(const struct fair *f); /* kept in memory, one for each level that it has */

void fair_begin(struct fair *f);
void fair_rollback(struct fair *f);

/* The lane whose jobs go next, NULL when none has any. With ageing, a tenant of a lower level that has waited so long comes first, with one
 * job, but not twice in a row. */
struct fair_lane *fair_pick(struct fair *f, int64_t now_ms);
/* One job of the picked lane goes. False when the run ends with it. */
bool fair_take(struct fair *f, struct fair_lane *lane, int64_t tokens, struct fair_charge *out);
/* used: tokens that it came to; 0 gives all back. */
void fair_correct(struct fair *f, struct fair_lane *lane, const struct fair_charge *charge, int64_t used);

#endif

/* What becomes of one request: decided once its body is there. Inside `sim`; the server's thread. */
#ifndef LH_SIM_PLAN_H
#define LH_SIM_PLAN_H

#include "sim/bodies.h"
#include "sim/faults.h"
#include "sim/sim.h"

enum plan_end { PLAN_SEND, PLAN_CUT, PLAN_RESET };

struct plan {
    enum plan_end end;
    int status;
    bool html;
    bool limited; /* refused by the server's own limits */
    bool fault;
    bool replayed;
    int64_t delay_ms;
    int64_t retry_after_ms; /* −1: not said */
    bool has_limits;        /* rate limit headers go with it */
    struct strbuf body;
    char anthropic;    /* dialect of headers */
    uint64_t key_hash; /* of the Idempotency-Key; 0: none */
    uint64_t body_hash;
};

struct planner;
int planner_new(const struct sim_options *o, struct planner **out, lh_error *err);
void planner_free(struct planner *p);

struct plan_input {
    const char *path, *method;
    const char *body;
    size_t body_len;
    const char *key, *authorization, *api_key; /* headers; NULL */
};
void planner_decide(struct planner *p, const struct plan_input *in, struct plan *out);

/* An answer of 200 has left. Returns true when this Idempotency-Key had one already. */
bool planner_answered(struct planner *p, const struct plan *plan);

struct plan_limits {
    int64_t rpm, rpm_left, rpm_full_ms, tpm, tpm_left, tpm_full_ms;
};
void planner_limits(struct planner *p, struct plan_limits *out);

#endif

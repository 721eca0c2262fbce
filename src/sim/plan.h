/* What becomes of one request: decided once its body is there. Inside `sim`; the server's thread. */
#ifndef LH_SIM_PLAN_H
#define LH_SIM_PLAN_H

#include "sim/bodies.h"
#include "sim/faults.h"
#include "sim/limits.h"
#include "sim/sim.h"
#include "sim/spread.h"

enum plan_end { PLAN_SEND, PLAN_CUT, PLAN_RESET };

struct plan {
    enum plan_end end;
    int status;
    bool html;
    bool limited; /* refused by the server's own limits */
    bool fault;
    bool replayed;
    int64_t delay_ms;
    int64_t retry_after_ms;    /* −1: not said */
    bool has_limits;           /* rate limit headers go with it … */
    bool anthropic_limits;     /* … in Anthropic's words */
    struct limits_left limits; /* as they were when it was let in or refused, as with providers */
    struct strbuf body;
    char anthropic;    /* dialect of errors and other headers */
    uint64_t key_hash; /* of the Idempotency-Key; 0: none */
    uint64_t body_hash;
};

struct planner;
/* now_ms, here and in plan_input: on one clock that does not go back. */
int planner_new(const struct sim_options *o, int64_t now_ms, struct planner **out, lh_error *err);
void planner_free(struct planner *p);

struct plan_input {
    int64_t now_ms;
    const char *path, *method;
    const char *body;
    size_t body_len;
    const char *key, *authorization, *api_key; /* headers; NULL */
};
void planner_decide(struct planner *p, const struct plan_input *in, struct plan *out);

/* An answer of 200 has left. Returns true when this Idempotency-Key had one already. */
bool planner_answered(struct planner *p, const struct plan *plan);

struct sim_bill { /* the tokens of all answers that were made */
    int64_t prompt_tokens, completion_tokens;
};
struct sim_bill planner_bill(const struct planner *p);

/* The limits and the score as they are now; valid until the planner is freed. */
const struct limits *planner_limits(struct planner *p, int64_t now_ms);

#endif

/* The limits of the simulated provider while it runs: two allowances, the script that changes them and takes the provider down,
 * and the score of the client. Times must not go back; nothing but limits_open allocates or fails. The server's thread. */
#ifndef LH_SIM_LIMITS_H
#define LH_SIM_LIMITS_H

#include "sim/allowance.h"
#include "sim/score.h"
#include "sim/script.h"
#include "sim/sim.h"

struct limits {
    struct script script;
    struct score score;
    int64_t rpm, tpm; /* now */
    bool refused_count;
    struct allowance requests, tokens;
    size_t changes_made;
};

/* LH_EUSAGE names the option; LH_ENOMEM. limits_close is right after a failure too. */
int limits_open(const struct sim_options *o, int64_t now_ms, struct limits *out, lh_error *err);
void limits_close(struct limits *l);

/* A request has come: the first one begins the script. Returns the outage it met, or NULL. */
const struct script_outage *limits_came(struct limits *l, int64_t now_ms);

struct limits_verdict {
    const char *what; /* "requests", "tokens": which limit refuses; NULL: granted, and taken */
    int64_t wait_ms;  /* until that one would grant it; −1: never, it asks for more than the limit */
};
struct limits_verdict limits_ask(struct limits *l, int64_t now_ms, int64_t tokens);

/* Is there any limit, now or later? */
bool limits_any(const struct limits *l);

struct limits_left {
    int64_t rpm, rpm_left, rpm_full_ms, tpm, tpm_left, tpm_full_ms;
};
void limits_get_left(struct limits *l, int64_t now_ms, struct limits_left *out);
/* Brings the changes that are due, and the sums of the allowances, up to now. */
void limits_see_time(struct limits *l, int64_t now_ms);

#endif

/* An endpoint: one account at one server, with its address, key, models, limits, and how it fares. A run has one, or those of a list.
 * Loop thread. */
#ifndef LH_SCHEDULE_ENDPOINT_H
#define LH_SCHEDULE_ENDPOINT_H

#include "limit/gate.h"
#include "longhaul.h"
#include "schedule/access.h"
#include "tokens/price.h"

enum {
    DIALECTS = 2,
    ENDPOINT_NAME_MOST = 128,
    ENDPOINT_SCOUTS = 4,      /* requests before the first answer of an endpoint without limits, … */
    ENDPOINT_SCOUT_MS = 2000, /* … and twice as many after each such time */
    UNREACHABLE_GIVE_UP = 6   /* tries in a row before the first answer ever: the address is wrong */
};

struct model_name {     /* owned */
    char *here, *there; /* in jobs; at the endpoint */
};

struct endpoint {
    char name[ENDPOINT_NAME_MOST];
    bool is_named; /* of a list */
    bool serves[DIALECTS];
    char *base_url, *key_variable; /* owned; NULL: see access_resolve */
    struct access access[DIALECTS];
    struct model_name *models; /* owned; none: all */
    size_t n_models;
    lh_endpoint_options options; /* its numbers; no pointer in it is valid */
    struct price price;
    struct gate *gate; /* owned */
    int64_t in_flight;
    bool is_refused;                   /* the account: it gets nothing more in this run */
    bool is_reached;                   /* some answer came in this run */
    int64_t unreachable;               /* failures in a row */
    int64_t silences, silent_since_ms; /* rounds of them; requests that started later begin the next */
    struct {
        char server[20];                                                      /* who is asked */
        int64_t most_tokens;                                                  /* of a request so far */
        int64_t saved_ms, breaker_opened, paused_until_ms, most_tokens_saved; /* as saved last */
    } kept;            /* of its gate for the next run; see keep.c */
    char trouble[256]; /* it cannot be reached, it refuses the account; "" when all is well */
};

/* What the options say of the adaptive rate. LH_EUSAGE names what is wrong, after `of`. */
int endpoint_read_adaptive(const lh_endpoint_options *e, const char *of, struct adaptive_options *out,
                           lh_error *err);

/* All that options ask for but keys, which are looked for when they are needed, or by endpoint_access. LH_EUSAGE names what is wrong.
 * dialect NULL: both. pause_most_ms: no pause is longer. On failure *e is empty. */
int endpoint_open(struct endpoint *e, const lh_endpoint_options *o, const char *name,
                  const char *key_variable, int64_t pause_most_ms, int64_t now_ms, lh_error *err);
void endpoint_free(struct endpoint *e);

/* Address and headers for a dialect that it serves, resolved the first time; NULL as access_resolve fails. */
const struct access *endpoint_access(struct endpoint *e, enum dialect d, lh_error *err);

/* The base URL alone: the option's, the environment's, or the official one. Borrowed. */
const char *endpoint_base_url(const struct endpoint *e, enum dialect d);

/* It is in a list, or was needed. */
bool endpoint_is_in_use(const struct endpoint *e);

/* May jobs of this dialect, model and origin ("" unless their url is absolute) go to it? */
bool endpoint_can_serve(const struct endpoint *e, enum dialect d, const char *model, const char *origin);
/* What the model is called there; NULL when it has the same name. */
const char *endpoint_model_there(const struct endpoint *e, const char *model);

/* Its breaker is open, or it is silent or paused for long: others are to be asked instead, if there are any. */
bool endpoint_is_down(struct endpoint *e, int64_t now_ms);
/* "up", "breaker open", …: for people. */
const char *endpoint_state_name(struct endpoint *e, int64_t now_ms);

#endif

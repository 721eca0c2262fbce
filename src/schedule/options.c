/* Options of a run: defaults, and what makes no sense. Called by lh_run_new. */
#include <stdlib.h>
#include <string.h>

#include "schedule/run.h"

void lh_run_options_default(lh_run_options *o)
{
    *o = (lh_run_options){.endpoint = {.concurrency = 50,
                                       .timeout_ms = 120000,
                                       .connect_timeout_ms = 30000,
                                       .stall_timeout_ms = 60000,
                                       .max_response = (size_t)64 << 20,
                                       .breaker_percent = 50,
                                       .weight = 1},
                          .max_attempts = 5,
                          .max_throttles = 50,
                          .backoff_initial_ms = 1000,
                          .backoff_max_ms = 60000,
                          .backoff_base = 2,
                          .jitter = "full",
                          .max_retry_after_ms = 900000,
                          .guard = true,
                          .grace_ms = 60000,
                          .durability = "full",
                          .handle_signals = true};
}

struct range {
    const char *name;
    int64_t value, least, most;
};

static int check_ranges(const lh_run_options *o, lh_error *err)
{
    const lh_endpoint_options *e = &o->endpoint;
    const struct range ranges[] = {
        {"concurrency", e->concurrency, 1, 100000},
        {"breaker (percent)", e->breaker_percent, 0, 100},
        {"rpm", e->rpm, 0, INT64_C(1000000000)},
        {"tpm", e->tpm, 0, INT64_C(1000000000000)},
        {"timeout (ms)", e->timeout_ms, 1, INT64_C(86400000)},
        {"connect timeout (ms)", e->connect_timeout_ms, 1, INT64_C(86400000)},
        {"stall timeout (ms)", e->stall_timeout_ms, 0, INT64_C(86400000)},
        {"max-response", (int64_t)e->max_response, 1, INT64_C(1) << 30},
        {"max-attempts", o->max_attempts, 1, 1000},
        {"max-throttles", o->max_throttles, 0, 1000000},
        {"backoff-initial (ms)", o->backoff_initial_ms, 1, INT64_C(86400000)},
        {"backoff-max (ms)", o->backoff_max_ms, o->backoff_initial_ms, INT64_C(86400000)},
        {"max-retry-after (ms)", o->max_retry_after_ms, 0, INT64_C(86400000)},
        {"grace (ms)", o->grace_ms, 0, INT64_C(86400000)},
        {"window count", e->window_count, 0, 10000000},
        {"window (ms)", e->window_ms, e->window_count > 0 ? 1 : 0, INT64_C(86400000)},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (ranges[i].value < ranges[i].least || ranges[i].value > ranges[i].most)
            return lh_error_set(err, LH_EUSAGE, "%s is %lld; it must be %lld to %lld", ranges[i].name,
                                (long long)ranges[i].value, (long long)ranges[i].least,
                                (long long)ranges[i].most);
    if (!(o->backoff_base >= 1 && o->backoff_base <= 100))
        return lh_error_set(err, LH_EUSAGE, "backoff-base is %g; it must be 1 to 100", o->backoff_base);
    return 0;
}

/* What the names stand for. */
struct meant {
    enum jitter jitter;
    const char *durability;
};

static int check_names(const lh_run_options *o, struct meant *m, lh_error *err)
{
    const char *jitter = o->jitter != NULL ? o->jitter : "full";
    const char *durability = o->durability != NULL ? o->durability : "full";
    if (!jitter_from_name(jitter, &m->jitter))
        return lh_error_set(err, LH_EUSAGE, "jitter is \"%s\"; it must be full, equal, decorrelated or none",
                            jitter);
    if (strcmp(durability, "full") != 0 && strcmp(durability, "normal") != 0)
        return lh_error_set(err, LH_EUSAGE, "durability is \"%s\"; it must be full or normal", durability);
    m->durability = strcmp(durability, "normal") == 0 ? "normal" : "full";
    enum dialect dialect = DIALECT_OPENAI;
    if (o->endpoint.dialect != NULL && !dialect_from_name(o->endpoint.dialect, &dialect))
        return lh_error_set(err, LH_EUSAGE, "dialect is \"%s\"; it must be openai or anthropic",
                            o->endpoint.dialect);
    return o->endpoint.base_url != NULL ? provider_check_base_url(o->endpoint.base_url, err) : 0;
}

static int check(const lh_run_options *o, struct meant *m, lh_error *err)
{
    int rc = check_ranges(o, err);
    return rc == 0 ? check_names(o, m, err) : rc;
}

int lh_run_options_check(const lh_run_options *o, lh_error *err)
{
    struct meant meant = {0};
    return check(o, &meant, err);
}

int run_take_options(struct lh_run *r, const lh_run_options *o, lh_error *err)
{
    struct meant meant = {0};
    int rc = check(o, &meant, err);
    r->options = *o;
    r->options.durability = meant.durability;
    r->policy.backoff.jitter = meant.jitter;
    r->options.endpoint.base_url = r->options.endpoint.ca_file = r->options.endpoint.dialect = NULL;
    r->options.endpoints = NULL;
    r->policy.max_attempts = o->max_attempts;
    r->policy.max_throttles = o->max_throttles;
    r->policy.max_retry_after_ms = o->max_retry_after_ms;
    r->policy.backoff.initial_ms = o->backoff_initial_ms;
    r->policy.backoff.max_ms = o->backoff_max_ms;
    r->policy.backoff.base = o->backoff_base;
    random_seed(&r->random, o->seed != 0 ? o->seed : random_system_seed());
    return rc;
}

/* Options of a run: defaults, and what makes no sense. Called by lh_run_new. */
#include <stdio.h>
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
                                       .weight = 1,
                                       .price_input_nanousd = LH_UNKNOWN,
                                       .price_output_nanousd = LH_UNKNOWN,
                                       .price_cached_nanousd = LH_UNKNOWN,
                                       .price_cache_write_nanousd = LH_UNKNOWN,
                                       .adaptive = "auto",
                                       .adaptive_mode = "multiplicative",
                                       .adaptive_step = 6,
                                       .adaptive_initial = 60},
                          .max_attempts = 5,
                          .max_throttles = 50,
                          .backoff_initial_ms = 1000,
                          .backoff_max_ms = 60000,
                          .backoff_base = 2,
                          .retry_budget = 20,
                          .jitter = "full",
                          .reserve = "high",
                          .max_retry_after_ms = 900000,
                          .max_tokens_total = LH_UNKNOWN,
                          .max_cost_nanousd = LH_UNKNOWN,
                          .guard = true,
                          .grace_ms = 60000,
                          .durability = "full",
                          .handle_signals = true};
}

enum { NAME_MOST = 48, VARIABLE_MOST = 64 };

struct range {
    const char *name;
    int64_t value, least, most;
};

static int check_ranges(const struct range *ranges, size_t count, const char *of, lh_error *err)
{
    for (size_t i = 0; i < count; i++)
        if (ranges[i].value < ranges[i].least || ranges[i].value > ranges[i].most)
            return lh_error_set(err, LH_EUSAGE, "%s%s is %lld; it must be %lld to %lld", of, ranges[i].name,
                                (long long)ranges[i].value, (long long)ranges[i].least,
                                (long long)ranges[i].most);
    return 0;
}

static int check_run_numbers(const lh_run_options *o, lh_error *err)
{
    const lh_endpoint_options *e = &o->endpoint;
    const struct range ranges[] = {
        {"connect timeout (ms)", e->connect_timeout_ms, 1, INT64_C(86400000)},
        {"stall timeout (ms)", e->stall_timeout_ms, 0, INT64_C(86400000)},
        {"max-response", (int64_t)e->max_response, 1, INT64_C(1) << 30},
        {"max-attempts", o->max_attempts, 1, 1000},
        {"max-throttles", o->max_throttles, 0, 1000000},
        {"backoff-initial (ms)", o->backoff_initial_ms, 1, INT64_C(86400000)},
        {"backoff-max (ms)", o->backoff_max_ms, o->backoff_initial_ms, INT64_C(86400000)},
        {"retry-budget (percent)", o->retry_budget, 0, 1000},
        {"ageing (ms)", o->ageing_ms, 0, INT64_C(86400000)},
        {"max-retry-after (ms)", o->max_retry_after_ms, 0, INT64_C(86400000)},
        {"job-deadline (ms)", o->job_deadline_ms, 0, INT64_C(31536000000)},
        {"batch-deadline (ms)", o->batch_deadline_ms, 0, INT64_C(31536000000)},
        {"grace (ms)", o->grace_ms, 0, INT64_C(86400000)},
    };
    int rc = check_ranges(ranges, sizeof ranges / sizeof *ranges, "", err);
    if (rc == 0 && !(o->backoff_base >= 1 && o->backoff_base <= 100))
        rc = lh_error_set(err, LH_EUSAGE, "backoff-base is %g; it must be 1 to 100", o->backoff_base);
    return rc;
}

/* of: "endpoint NAME: " or "". */
static int check_endpoint(const lh_endpoint_options *e, const char *of, lh_error *err)
{
    const struct range ranges[] = {
        {"concurrency", e->concurrency, 1, 100000},
        {"breaker (percent)", e->breaker_percent, 0, 100},
        {"rpm", e->rpm, 0, INT64_C(1000000000)},
        {"tpm", e->tpm, 0, INT64_C(1000000000000)},
        {"itpm", e->itpm, 0, INT64_C(1000000000000)},
        {"otpm", e->otpm, 0, INT64_C(1000000000000)},
        {"adaptive-step", e->adaptive_step, 1, ADAPTIVE_MOST_RPM},
        {"adaptive-max", e->adaptive_max, 0, ADAPTIVE_MOST_RPM},
        {"adaptive-min", e->adaptive_min, 0, e->adaptive_max > 0 ? e->adaptive_max : ADAPTIVE_MOST_RPM},
        {"adaptive-initial", e->adaptive_initial, 1, ADAPTIVE_MOST_RPM},
        {"timeout (ms)", e->timeout_ms, 1, INT64_C(86400000)},
        {"window count", e->window_count, 0, 10000000},
        {"window (ms)", e->window_ms, e->window_count > 0 ? 1 : 0, INT64_C(86400000)},
        {"weight", e->weight, 1, 1000000},
        {"tier", e->tier, 0, 1000},
    };
    int rc = check_ranges(ranges, sizeof ranges / sizeof *ranges, of, err);
    enum dialect dialect = DIALECT_OPENAI;
    if (rc == 0 && e->dialect != NULL && !dialect_from_name(e->dialect, &dialect))
        return lh_error_set(err, LH_EUSAGE, "%sdialect is \"%s\"; it must be openai or anthropic", of,
                            e->dialect);
    struct adaptive_options adaptive;
    if (rc == 0)
        rc = endpoint_read_adaptive(e, of, &adaptive, err);
    return rc == 0 && e->base_url != NULL ? provider_check_base_url(e->base_url, err) : rc;
}

static bool consists_of(const char *name, size_t most, const char *allowed)
{
    size_t len = name != NULL ? strlen(name) : 0;
    return len > 0 && len <= most && strspn(name, allowed) == len;
}

/* It goes into a header and into checkpoints. */
static bool is_name(const char *name)
{
    return consists_of(name, NAME_MOST, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
}

/* Capitals, so that a key that was put in its place is not taken for one, and shown. */
static bool is_variable(const char *name)
{
    return consists_of(name, VARIABLE_MOST, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") &&
           (*name < '0' || *name > '9');
}

static int check_model(const char *model, const char *of, lh_error *err)
{
    size_t len = strcspn(model, "=");
    if (len > 0 && (model[len] == '\0' || model[len + 1] != '\0'))
        return 0;
    return lh_error_set(err, LH_EUSAGE, "%sthe model \"%.100s\" must be NAME or NAME=NAME-THERE", of, model);
}

static int check_entry(const lh_endpoint_options *e, size_t number, lh_error *err)
{
    char of[ENDPOINT_NAME_MOST];
    if (!is_name(e->name))
        return lh_error_set(
            err, LH_EUSAGE,
            "endpoint %zu: name is \"%.50s\"; it must be up to %d letters, digits, dots, _ and -", number,
            e->name != NULL ? e->name : "", NAME_MOST);
    snprintf(of, sizeof of, "endpoint %s: ", e->name);
    int rc = check_endpoint(e, of, err);
    if (rc == 0 && e->base_url == NULL && e->dialect == NULL)
        rc = lh_error_set(err, LH_EUSAGE, "%sgive base-url, or dialect for that provider's own server", of);
    for (size_t i = 0; rc == 0 && i < e->n_models; i++)
        rc = check_model(e->models[i], of, err);
    for (size_t i = 0; rc == 0 && i < e->n_keys; i++)
        if (!is_variable(e->keys[i]))
            rc = lh_error_set(
                err, LH_EUSAGE,
                "%skey must name an environment variable, in capitals; the key itself stands in no file", of);
    return rc;
}

static int check_endpoints(const lh_run_options *o, lh_error *err)
{
    int rc = check_endpoint(&o->endpoint, "", err);
    for (size_t i = 0; rc == 0 && i < o->n_endpoints; i++)
        rc = check_entry(&o->endpoints[i], i + 1, err);
    return rc;
}

/* What the names stand for. */
struct meant {
    enum jitter jitter;
    const char *durability;
    enum reserve reserve;
    struct stops stops;
    struct spending spending;
};

static int check_names(const lh_run_options *o, struct meant *m, lh_error *err)
{
    const char *jitter = o->jitter != NULL ? o->jitter : "full";
    const char *durability = o->durability != NULL ? o->durability : "full";
    if (!jitter_from_name(jitter, &m->jitter))
        return lh_error_set(err, LH_EUSAGE, "jitter is \"%s\"; it must be full, equal, decorrelated or none",
                            jitter);
    const char *reserve = o->reserve != NULL ? o->reserve : "high";
    if (!reserve_from_name(reserve, &m->reserve))
        return lh_error_set(err, LH_EUSAGE, "reserve is \"%.50s\"; it must be max, high or mean", reserve);
    if (strcmp(durability, "full") != 0 && strcmp(durability, "normal") != 0)
        return lh_error_set(err, LH_EUSAGE, "durability is \"%s\"; it must be full or normal", durability);
    m->durability = strcmp(durability, "normal") == 0 ? "normal" : "full";
    return 0;
}

static int check(const lh_run_options *o, struct meant *m, lh_error *err)
{
    int rc = check_run_numbers(o, err);
    if (rc == 0)
        rc = check_endpoints(o, err);
    if (rc == 0)
        rc = check_names(o, m, err);
    if (rc == 0)
        rc = lh_models_check(o->models, o->n_models, err);
    if (rc == 0)
        rc = spending_take_options(&m->spending, o, err);
    return rc == 0 ? stops_take_options(&m->stops, o, err) : rc;
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
    r->options.endpoint.adaptive = r->options.endpoint.adaptive_mode = NULL;
    r->options.endpoints = NULL;
    r->options.models = NULL;
    r->options.reserve = NULL;
    r->stops = meant.stops;
    r->spending = meant.spending;
    r->models.reserve = meant.reserve;
    r->options.alert_errors = NULL; /* borrowed until now */
    r->policy.max_attempts = o->max_attempts;
    r->policy.max_throttles = o->max_throttles;
    r->policy.max_retry_after_ms = o->max_retry_after_ms;
    r->policy.backoff.initial_ms = o->backoff_initial_ms;
    r->policy.backoff.max_ms = o->backoff_max_ms;
    r->policy.backoff.base = o->backoff_base;
    random_seed(&r->random, o->seed != 0 ? o->seed : random_system_seed());
    return rc;
}

/* An endpoint: see endpoint.h. */
#include "schedule/endpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "schedule/spending.h"

enum { LONG_PAUSE_MS = 10000 };

int endpoint_read_adaptive(const lh_endpoint_options *e, const char *of, struct adaptive_options *out,
                           lh_error *err)
{
    adaptive_options_default(out);
    const char *growth = e->adaptive_mode != NULL ? e->adaptive_mode : "multiplicative";
    if (!adaptive_mode_from_name(e->adaptive != NULL ? e->adaptive : "auto", &out->mode))
        return lh_error_set(err, LH_EUSAGE, "%sadaptive is \"%s\"; it must be auto, on or off", of,
                            e->adaptive);
    out->additive = strcmp(growth, "additive") == 0;
    if (!out->additive && strcmp(growth, "multiplicative") != 0)
        return lh_error_set(err, LH_EUSAGE,
                            "%sadaptive-mode is \"%s\"; it must be multiplicative or additive", of, growth);
    out->step_rpm = e->adaptive_step;
    out->min_rpm = e->adaptive_min;
    out->max_rpm = e->adaptive_max;
    out->initial_rpm = e->adaptive_initial;
    return 0;
}

static int open_gate(struct endpoint *e, int64_t pause_most_ms, int64_t now_ms, lh_error *err)
{
    struct gate_options o;
    gate_options_default(&o);
    int rc = endpoint_read_adaptive(&e->options, "", &o.adaptive, err);
    if (rc != 0)
        return rc;
    o.adaptive_concurrency = e->options.adaptive_concurrency;
    o.concurrency = e->options.concurrency;
    o.rpm = e->options.rpm;
    o.tpm = e->options.tpm;
    o.itpm = e->options.itpm;
    o.otpm = e->options.otpm;
    o.ignore_told = e->options.ignore_told;
    o.scout = ENDPOINT_SCOUTS;
    o.scout_ms = ENDPOINT_SCOUT_MS;
    o.window_count = e->options.window_count;
    o.window_ms = e->options.window_ms;
    o.pause_most_ms = pause_most_ms;
    o.breaker.percent = e->options.breaker_percent;
    breaker_options_fit(&o.breaker, e->options.concurrency);
    return gate_new(&o, now_ms, &e->gate, err);
}

/* "here" or "here=there". */
static int copy_model(const char *text, struct model_name *m, lh_error *err)
{
    size_t len = strcspn(text, "=");
    const char *there = text[len] == '=' ? text + len + 1 : text;
    if (len == 0 || *there == '\0')
        return lh_error_set(err, LH_EUSAGE, "the model \"%.100s\" must be NAME or NAME=NAME-THERE", text);
    m->here = strndup(text, len);
    m->there = strdup(there);
    return m->here != NULL && m->there != NULL ? 0 : lh_error_nomem(err);
}

static int copy_models(struct endpoint *e, const lh_endpoint_options *o, lh_error *err)
{
    if (o->n_models == 0)
        return 0;
    e->models = calloc(o->n_models, sizeof *e->models);
    if (e->models == NULL)
        return lh_error_nomem(err);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < o->n_models; i++)
        rc = copy_model(o->models[i], &e->models[e->n_models++], err);
    return rc;
}

static int choose_dialects(struct endpoint *e, const char *dialect, lh_error *err)
{
    enum dialect only = DIALECT_OPENAI;
    if (dialect != NULL && !dialect_from_name(dialect, &only))
        return lh_error_set(err, LH_EUSAGE, "dialect is \"%s\"; it must be openai or anthropic", dialect);
    for (int d = 0; d < DIALECTS; d++)
        e->serves[d] = dialect == NULL || (int)only == d;
    return 0;
}

static char *copy_of(const char *text)
{
    return text != NULL ? strdup(text) : NULL;
}

int endpoint_open(struct endpoint *e, const lh_endpoint_options *o, const char *name,
                  const char *key_variable, int64_t pause_most_ms, int64_t now_ms, lh_error *err)
{
    *e = (struct endpoint){.options = *o};
    snprintf(e->name, sizeof e->name, "%s", name);
    e->base_url = copy_of(o->base_url);
    e->key_variable = copy_of(key_variable);
    int rc = (o->base_url != NULL && e->base_url == NULL) || (key_variable != NULL && e->key_variable == NULL)
                 ? lh_error_nomem(err)
                 : 0;
    if (rc == 0 && o->base_url != NULL)
        rc = provider_check_base_url(o->base_url, err);
    if (rc == 0)
        rc = choose_dialects(e, o->dialect, err);
    if (rc == 0)
        rc = spending_read_price(o, &e->price, err);
    if (rc == 0)
        rc = copy_models(e, o, err);
    if (rc == 0)
        rc = open_gate(e, pause_most_ms, now_ms, err);
    if (rc != 0)
        endpoint_free(e);
    return rc;
}

void endpoint_free(struct endpoint *e)
{
    for (int d = 0; d < DIALECTS; d++)
        access_free(&e->access[d]);
    for (size_t i = 0; i < e->n_models; i++) {
        free(e->models[i].here);
        free(e->models[i].there);
    }
    free(e->models);
    free(e->base_url);
    free(e->key_variable);
    gate_free(e->gate);
    *e = (struct endpoint){0};
}

const struct access *endpoint_access(struct endpoint *e, enum dialect d, lh_error *err)
{
    const char *key = e->is_named || e->key_variable != NULL ? e->key_variable : dialect_key_variable(d);
    if (!e->access[d].ready && access_resolve(&e->access[d], d, e->base_url, key, err) != 0)
        return NULL;
    return &e->access[d];
}

const char *endpoint_base_url(const struct endpoint *e, enum dialect d)
{
    return access_base_url(d, e->base_url);
}

bool endpoint_is_in_use(const struct endpoint *e)
{
    bool used = e->is_named;
    for (int d = 0; d < DIALECTS; d++)
        used = used || e->access[d].ready;
    return used;
}

static const struct model_name *find_model(const struct endpoint *e, const char *model)
{
    for (size_t i = 0; i < e->n_models; i++)
        if (strcmp(e->models[i].here, model) == 0)
            return &e->models[i];
    return NULL;
}

/* An absolute url names its server: the key of another must not go there. One endpoint alone is asked all the same, and refuses the job
 * with the reason. */
static bool is_of_origin(const struct endpoint *e, const char *origin)
{
    size_t len = strlen(origin);
    return len == 0 || !e->is_named ||
           (e->base_url != NULL && provider_origin(e->base_url) == len &&
            strncasecmp(e->base_url, origin, len) == 0);
}

bool endpoint_can_serve(const struct endpoint *e, enum dialect d, const char *model, const char *origin)
{
    return e->serves[d] && is_of_origin(e, origin) && (e->n_models == 0 || find_model(e, model) != NULL);
}

const char *endpoint_model_there(const struct endpoint *e, const char *model)
{
    const struct model_name *m = find_model(e, model);
    return m != NULL && strcmp(m->here, m->there) != 0 ? m->there : NULL;
}

bool endpoint_is_down(struct endpoint *e, int64_t now_ms)
{
    static const struct gate_request least = {0};
    struct gate_state g;
    gate_get_state(e->gate, now_ms, &g);
    bool waits_for_probe = g.breaker == BREAKER_PROBING && gate_ready_at(e->gate, now_ms, &least) > now_ms;
    bool is_silent = e->unreachable > 1 && g.paused_until_ms > now_ms;
    return e->is_refused || g.breaker == BREAKER_OPEN || waits_for_probe || is_silent ||
           g.paused_until_ms > now_ms + LONG_PAUSE_MS;
}

const char *endpoint_state_name(struct endpoint *e, int64_t now_ms)
{
    struct gate_state g;
    gate_get_state(e->gate, now_ms, &g);
    return e->is_refused                 ? "account refused"
           : e->unreachable > 0          ? "unreachable"
           : g.breaker != BREAKER_CLOSED ? breaker_state_name(g.breaker)
           : g.paused_until_ms > now_ms  ? "paused"
                                         : "up";
}

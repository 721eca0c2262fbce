/* What becomes of one request: see plan.h. */
#include "sim/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/clock.h"
#include "limit/bucket.h"
#include "sim/seen.h"

enum { HANG_MS = 300000, BURST_MS = 1000 };

enum poison_kind { POISON_400, POISON_500, POISON_RESET, POISON_HANG, POISON_POLICY };

struct planner {
    struct sim_options options;
    struct faults faults;
    struct latency latency;
    enum poison_kind poison_kind;
    struct bucket requests, tokens;
    struct seen bodies, keys;
    struct json_parser *parser;
    int64_t answers;
};

static int parse_poison(const char *name, enum poison_kind *out, lh_error *err)
{
    static const char *const names[] = {"400", "500", "reset", "hang", "policy"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0) {
            *out = (enum poison_kind)i;
            return 0;
        }
    return lh_error_set(err, LH_EUSAGE,
                        "poison-kind is \"%.20s\"; it must be 400, 500, reset, hang or policy", name);
}

static void init_bucket(struct bucket *b, int64_t per_minute)
{
    int64_t capacity = per_minute * BURST_MS / 60000;
    bucket_init(b, per_minute, capacity > 0 ? capacity : 1, clock_monotonic_ms());
}

int planner_new(const struct sim_options *o, struct planner **out, lh_error *err)
{
    *out = NULL;
    struct planner *p = calloc(1, sizeof *p);
    if (p == NULL || (p->parser = json_parser_new()) == NULL) {
        free(p);
        return lh_error_nomem(err);
    }
    p->options = *o;
    int rc = faults_parse(o->faults, &p->faults, err);
    if (rc == 0)
        rc = latency_parse(o->latency, &p->latency, err);
    if (rc == 0)
        rc = parse_poison(o->poison_kind, &p->poison_kind, err);
    if (rc == 0 && !(o->fault_rate >= 0 && o->fault_rate <= 100))
        rc = lh_error_set(err, LH_EUSAGE, "fault-rate is %g; it must be 0 to 100", o->fault_rate);
    if (rc == 0)
        rc = faults_spread(&p->faults, o->fault_rate, err);
    if (rc != 0) {
        planner_free(p);
        return rc;
    }
    init_bucket(&p->requests, o->rpm);
    init_bucket(&p->tokens, o->tpm);
    *out = p;
    return 0;
}

void planner_free(struct planner *p)
{
    if (p == NULL)
        return;
    json_parser_free(p->parser);
    seen_free(&p->bodies);
    seen_free(&p->keys);
    free(p);
}

static void fail(struct plan *plan, int status, const char *type, const char *code, const char *message)
{
    plan->status = status;
    strbuf_reset(&plan->body);
    sim_error(plan->anthropic != 0, type, code, message, &plan->body);
}

/* ---- keys, quota, limits ---- */

static bool has_key(const struct planner *p, const struct plan_input *in)
{
    const char *key = p->options.require_key;
    if (key == NULL)
        return true;
    if (in->api_key != NULL && strcmp(in->api_key, key) == 0)
        return true;
    return in->authorization != NULL && strncmp(in->authorization, "Bearer ", 7) == 0 &&
           strcmp(in->authorization + 7, key) == 0;
}

static bool over_quota(struct planner *p, struct plan *plan)
{
    if (p->options.quota == 0 || p->answers < p->options.quota)
        return false;
    if (plan->anthropic != 0)
        fail(plan, 400, "invalid_request_error", NULL, "Your credit balance is too low to access the API.");
    else
        fail(plan, 429, "insufficient_quota", "insufficient_quota",
             "You exceeded your current quota, please check your plan and billing details.");
    return true;
}

static bool over_limit(struct planner *p, struct bucket *b, int64_t n, const char *what, struct plan *plan)
{
    int64_t now = clock_monotonic_ms();
    int64_t wait = bucket_ready_at(b, now, n) - now;
    char message[200];
    if (wait <= 0)
        return false;
    plan->limited = true;
    plan->retry_after_ms = wait;
    snprintf(message, sizeof message, "Rate limit reached for %s per min. Please try again in %.3fs.", what,
             (double)wait / 1e3);
    if (plan->anthropic != 0)
        fail(plan, 429, "rate_limit_error", NULL, message);
    else
        fail(plan, 429, what, "rate_limit_exceeded", message);
    (void)p;
    return true;
}

static bool over_limits(struct planner *p, const struct sim_request *r, struct plan *plan)
{
    int64_t tokens = r->prompt_tokens + (r->max_output > 0 ? r->max_output : 16);
    if (over_limit(p, &p->requests, 1, "requests", plan) || over_limit(p, &p->tokens, tokens, "tokens", plan))
        return true;
    int64_t now = clock_monotonic_ms();
    bucket_take(&p->requests, now, 1);
    bucket_take(&p->tokens, now, tokens);
    return false;
}

static int64_t full_in_ms(struct bucket *b, int64_t now)
{
    if (b->per_minute == 0)
        return 0;
    int64_t missing = b->capacity / 1000000 - bucket_available(b, now);
    return missing > 0 ? missing * 60000 / b->per_minute : 0;
}

void planner_limits(struct planner *p, struct plan_limits *out)
{
    int64_t now = clock_monotonic_ms();
    int64_t requests = bucket_available(&p->requests, now), tokens = bucket_available(&p->tokens, now);
    *out = (struct plan_limits){.rpm = p->options.rpm,
                                .rpm_left = requests > 0 ? requests : 0,
                                .rpm_full_ms = full_in_ms(&p->requests, now),
                                .tpm = p->options.tpm,
                                .tpm_left = tokens > 0 ? tokens : 0,
                                .tpm_full_ms = full_in_ms(&p->tokens, now)};
}

/* ---- faults ---- */

static void apply_fault(struct plan *plan, enum fault f)
{
    static const struct {
        int status;
        const char *openai, *anthropic, *message;
    } errors[FAULT_KINDS] = {
        [FAULT_429] = {429, "requests", "rate_limit_error",
                       "Rate limit reached for requests. Please try again in 250ms."},
        [FAULT_500] = {500, "server_error", "api_error",
                       "The server had an error while processing your request."},
        [FAULT_503] = {503, "server_error", "overloaded_error",
                       "The engine is currently overloaded, please try again later."},
        [FAULT_529] = {529, "server_error", "overloaded_error", "Overloaded"},
    };
    plan->fault = f != FAULT_NONE;
    if (errors[f].status != 0) {
        fail(plan, errors[f].status, plan->anthropic != 0 ? errors[f].anthropic : errors[f].openai,
             f == FAULT_429 ? "rate_limit_exceeded" : NULL, errors[f].message);
        plan->retry_after_ms = f == FAULT_429 ? 250 : -1;
    } else if (f == FAULT_RESET) {
        plan->end = PLAN_RESET;
    } else if (f == FAULT_CUT) {
        plan->end = PLAN_CUT;
    } else if (f == FAULT_HANG) {
        plan->end = PLAN_RESET;
        plan->delay_ms = HANG_MS;
    } else if (f == FAULT_BADJSON) {
        plan->body.len = plan->body.len / 2;
    } else if (f == FAULT_HTML) {
        plan->html = true;
        strbuf_reset(&plan->body);
        strbuf_append_str(&plan->body,
                          "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body>"
                          "<h1>Bad Gateway</h1></body></html>\n");
    } else if (f == FAULT_EMPTY) {
        strbuf_reset(&plan->body);
        strbuf_append_str(&plan->body, "{\"object\":\"chat.completion\",\"choices\":[]}");
    }
}

static void apply_poison(const struct planner *p, struct plan *plan)
{
    switch (p->poison_kind) {
    case POISON_400:
        fail(plan, 400, "invalid_request_error", plan->anthropic != 0 ? NULL : "invalid_prompt",
             "The prompt is poison: it cannot be processed.");
        return;
    case POISON_500:
        apply_fault(plan, FAULT_500);
        return;
    case POISON_RESET:
        apply_fault(plan, FAULT_RESET);
        return;
    case POISON_HANG:
        apply_fault(plan, FAULT_HANG);
        return;
    case POISON_POLICY:
        fail(plan, 400, "invalid_request_error", "content_policy_violation",
             "Your request was rejected by the safety system.");
        return;
    }
}

static bool is_poison(const struct planner *p, const struct plan_input *in)
{
    const char *poison = p->options.poison;
    return poison != NULL && *poison != '\0' &&
           memmem(in->body, in->body_len, poison, strlen(poison)) != NULL;
}

/* The n-th time that a body comes it has its own luck, whatever came between. */
static enum fault choose_fault(struct planner *p, uint64_t hash, struct random *random)
{
    uint32_t *times = seen_count(&p->bodies, hash);
    uint32_t n = times != NULL ? *times : 0;
    random_seed(random, p->options.seed ^ (hash * 31) ^ ((uint64_t)n << 48));
    enum fault f = faults_choose(&p->faults, random);
    if (p->options.max_faults > 0 && n >= p->options.max_faults)
        f = FAULT_NONE;
    if (times != NULL && f != FAULT_NONE)
        ++*times;
    return f;
}

/* ---- the decision ---- */

static void answer(struct planner *p, const struct sim_request *r, struct plan *plan, struct random *random)
{
    int64_t most = r->max_output > 0 && r->max_output < 60 ? r->max_output : 60;
    int64_t tokens = 5 < most ? 5 + (int64_t)random_below(random, (uint64_t)(most - 4)) : most;
    (void)p;
    plan->status = 200;
    sim_answer(r, tokens, clock_wall_ms() / 1000, &plan->body);
}

static void decide_request(struct planner *p, const struct plan_input *in, enum sim_endpoint e,
                           json_object *body, struct plan *plan)
{
    struct sim_request r;
    struct random random;
    const char *why = NULL;
    if (!sim_request_read(e, body, plan->body_hash, &r, &why)) {
        fail(plan, 400, "invalid_request_error", NULL, why);
        return;
    }
    uint32_t *answered = plan->key_hash != 0 ? seen_count(&p->keys, plan->key_hash) : NULL;
    plan->replayed = p->options.replay && answered != NULL && *answered > 0;
    if (!plan->replayed && (over_quota(p, plan) || over_limits(p, &r, plan)))
        return;
    enum fault f = choose_fault(p, plan->body_hash, &random);
    plan->delay_ms = latency_draw(&p->latency, &random);
    answer(p, &r, plan, &random);
    if (is_poison(p, in))
        apply_poison(p, plan);
    else if (!plan->replayed)
        apply_fault(plan, f);
}

void planner_decide(struct planner *p, const struct plan_input *in, struct plan *plan)
{
    enum sim_endpoint e = SIM_CHAT;
    json_object *body = NULL;
    lh_error err = {0};
    *plan = (struct plan){.retry_after_ms = -1, .has_limits = p->options.rpm > 0 || p->options.tpm > 0};
    strbuf_init(&plan->body);
    plan->body_hash = XXH3_64bits(in->body, in->body_len);
    plan->key_hash = in->key != NULL ? XXH3_64bits(in->key, strlen(in->key)) | 1 : 0;
    bool known = sim_endpoint_of(in->path, &e);
    plan->anthropic = sim_is_anthropic(e) ? 1 : 0;
    bool models = strcmp(in->path, "/v1/models") == 0 && strcmp(in->method, "GET") == 0;
    if (!has_key(p, in))
        fail(plan, 401, plan->anthropic != 0 ? "authentication_error" : "invalid_request_error",
             "invalid_api_key", "Incorrect API key provided.");
    else if (models)
        plan->status = 200;
    else if (!known)
        fail(plan, 404, "invalid_request_error", "unknown_url", "Unknown request URL.");
    else if (strcmp(in->method, "POST") != 0)
        fail(plan, 405, "invalid_request_error", "method_not_supported", "Not allowed to GET on this URL.");
    else if (json_parse(p->parser, in->body, in->body_len, &body, &err) != 0)
        fail(plan, 400, "invalid_request_error", NULL, "We could not parse the JSON body of your request.");
    else
        decide_request(p, in, e, body, plan);
    if (models && plan->status == 200)
        sim_models(&plan->body);
    json_object_put(body);
}

bool planner_answered(struct planner *p, const struct plan *plan)
{
    uint32_t *times = plan->key_hash != 0 ? seen_count(&p->keys, plan->key_hash) : NULL;
    p->answers++;
    return times != NULL && (*times)++ > 0 && !plan->replayed;
}

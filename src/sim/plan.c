/* What becomes of one request: see plan.h. */
#include "sim/plan.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/clock.h"
#include "sim/seen.h"

enum { HANG_MS = 300000, FAULT_429_WAIT_MS = 250, LATENCY_MOST_MS = 600000, OUTPUT_MOST = 1000000 };

enum limit_headers { HEADERS_AUTO, HEADERS_OPENAI, HEADERS_ANTHROPIC, HEADERS_NONE };

enum poison_kind { POISON_400, POISON_500, POISON_RESET, POISON_HANG, POISON_POLICY };

struct planner {
    struct sim_options options;
    struct faults faults;
    struct spread latency, output;
    enum poison_kind poison_kind;
    enum limit_headers limit_headers;
    struct limits limits;
    struct seen bodies, keys;
    struct json_parser *parser;
    int64_t answers;
    struct sim_bill bill;
};

/* The place of `name` among `names`, which ends with NULL; −1: it is none of them. */
static int place_of(const char *name, const char *const *names)
{
    for (int i = 0; names[i] != NULL; i++)
        if (strcmp(name, names[i]) == 0)
            return i;
    return -1;
}

static int parse_poison(const char *name, enum poison_kind *out, lh_error *err)
{
    static const char *const names[] = {"400", "500", "reset", "hang", "policy", NULL};
    int place = place_of(name, names);
    *out = place >= 0 ? (enum poison_kind)place : POISON_400;
    return place >= 0
               ? 0
               : lh_error_set(err, LH_EUSAGE,
                              "poison-kind is \"%.20s\"; it must be 400, 500, reset, hang or policy", name);
}

static int parse_limit_headers(const char *name, enum limit_headers *out, lh_error *err)
{
    static const char *const names[] = {"auto", "openai", "anthropic", "none", NULL};
    int place = place_of(name, names);
    *out = place >= 0 ? (enum limit_headers)place : HEADERS_AUTO;
    return place >= 0
               ? 0
               : lh_error_set(err, LH_EUSAGE,
                              "limit-headers is \"%.20s\"; it must be auto, openai, anthropic or none", name);
}

static int read_answers(struct planner *p, lh_error *err)
{
    const struct sim_options *o = &p->options;
    int rc = spread_parse("latency", o->latency, &p->latency, err);
    if (rc == 0)
        rc = spread_parse("output", o->output, &p->output, err);
    if (rc == 0 && p->output.low < 1)
        rc = lh_error_set(err, LH_EUSAGE, "output is \"%.40s\"; it must be 1 token or more", o->output);
    if (rc == 0 && !(o->claude_factor >= 0.1 && o->claude_factor <= 10))
        rc = lh_error_set(err, LH_EUSAGE, "claude-factor is %g; it must be 0.1 to 10", o->claude_factor);
    if (rc == 0 && (o->cached < 0 || o->cached > 100))
        rc = lh_error_set(err, LH_EUSAGE, "cached is %lld; it must be 0 to 100", (long long)o->cached);
    return rc;
}

static int read_options(struct planner *p, int64_t now_ms, lh_error *err)
{
    const struct sim_options *o = &p->options;
    int rc = faults_parse(o->faults, &p->faults, err);
    if (rc == 0)
        rc = read_answers(p, err);
    if (rc == 0)
        rc = parse_poison(o->poison_kind, &p->poison_kind, err);
    if (rc == 0)
        rc = parse_limit_headers(o->limit_headers, &p->limit_headers, err);
    if (rc == 0 && !(o->fault_rate >= 0 && o->fault_rate <= 100))
        rc = lh_error_set(err, LH_EUSAGE, "fault-rate is %g; it must be 0 to 100", o->fault_rate);
    if (rc == 0)
        rc = faults_spread(&p->faults, o->fault_rate, err);
    return rc == 0 ? limits_open(o, now_ms, &p->limits, err) : rc;
}

int planner_new(const struct sim_options *o, int64_t now_ms, struct planner **out, lh_error *err)
{
    *out = NULL;
    struct planner *p = calloc(1, sizeof *p);
    if (p == NULL || (p->parser = json_parser_new()) == NULL) {
        free(p);
        return lh_error_nomem(err);
    }
    p->options = *o;
    int rc = read_options(p, now_ms, err);
    if (rc != 0) {
        planner_free(p);
        return rc;
    }
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
    limits_close(&p->limits);
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

/* What the answer tells of the prompt: a Claude counts other tokens than those that we can count. */
static void tell_prompt(const struct planner *p, struct sim_request *r)
{
    if (sim_is_anthropic(r->endpoint))
        r->prompt_tokens = llround((double)r->prompt_tokens * p->options.claude_factor);
    if (r->prompt_tokens < 1)
        r->prompt_tokens = 1;
    r->cached_tokens = r->prompt_tokens * p->options.cached / 100;
}

/* What an answer is charged against the limit, before it is known how long it is. */
static int64_t tokens_of(const struct sim_request *r)
{
    const int64_t most = BUCKET_MOST_TOKENS / 2;
    int64_t output = r->max_output > 0 ? r->max_output : 16;
    return (r->prompt_tokens < most ? r->prompt_tokens : most) + (output < most ? output : most);
}

static bool over_limits(struct planner *p, const struct sim_request *r, int64_t now_ms, struct plan *plan)
{
    struct limits_verdict v = limits_ask(&p->limits, now_ms, tokens_of(r));
    char message[200], wait[64] = "";
    if (v.what == NULL)
        return false;
    plan->limited = true;
    plan->retry_after_ms = p->options.no_retry_after ? -1 : v.wait_ms;
    if (plan->retry_after_ms >= 0)
        snprintf(wait, sizeof wait, " Please try again in %.3fs.", (double)v.wait_ms / 1e3);
    snprintf(message, sizeof message, "%s for %s per min.%s",
             v.wait_ms < 0 ? "Request too large" : "Rate limit reached", v.what, wait);
    if (plan->anthropic != 0)
        fail(plan, 429, "rate_limit_error", NULL, message);
    else
        fail(plan, 429, v.what, "rate_limit_exceeded", message);
    return true;
}

static void tell_limits(struct planner *p, int64_t now_ms, struct plan *plan)
{
    plan->has_limits = p->limit_headers != HEADERS_NONE && limits_any(&p->limits);
    plan->anthropic_limits =
        p->limit_headers == HEADERS_ANTHROPIC || (p->limit_headers == HEADERS_AUTO && plan->anthropic != 0);
    if (plan->has_limits)
        limits_get_left(&p->limits, now_ms, &plan->limits);
}

const struct limits *planner_limits(struct planner *p, int64_t now_ms)
{
    limits_see_time(&p->limits, now_ms);
    return &p->limits;
}

/* ---- faults ---- */

static void fail_with_429(const struct planner *p, struct plan *plan)
{
    bool says_wait = !p->options.no_retry_after;
    fail(plan, 429, plan->anthropic != 0 ? "rate_limit_error" : "requests", "rate_limit_exceeded",
         says_wait ? "Rate limit reached for requests. Please try again in 250ms."
                   : "Rate limit reached for requests.");
    plan->retry_after_ms = says_wait ? FAULT_429_WAIT_MS : -1;
}

static void apply_fault(const struct planner *p, struct plan *plan, enum fault f)
{
    static const struct {
        int status;
        const char *openai, *anthropic, *message;
    } errors[FAULT_KINDS] = {
        [FAULT_500] = {500, "server_error", "api_error",
                       "The server had an error while processing your request."},
        [FAULT_503] = {503, "server_error", "overloaded_error",
                       "The engine is currently overloaded, please try again later."},
        [FAULT_529] = {529, "server_error", "overloaded_error", "Overloaded"},
    };
    plan->fault = f != FAULT_NONE;
    if (errors[f].status != 0) {
        fail(plan, errors[f].status, plan->anthropic != 0 ? errors[f].anthropic : errors[f].openai, NULL,
             errors[f].message);
    } else if (f == FAULT_429) {
        fail_with_429(p, plan);
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
        apply_fault(p, plan, FAULT_500);
        return;
    case POISON_RESET:
        apply_fault(p, plan, FAULT_RESET);
        return;
    case POISON_HANG:
        apply_fault(p, plan, FAULT_HANG);
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

/* Returns how many tokens it has. */
static int64_t answer(struct planner *p, const struct sim_request *r, struct plan *plan,
                      struct random *random)
{
    int64_t tokens = spread_draw_count(&p->output, random, OUTPUT_MOST);
    if (r->max_output > 0 && tokens > r->max_output)
        tokens = r->max_output;
    plan->status = 200;
    sim_answer(r, tokens, clock_wall_ms() / 1000, &plan->body);
    return tokens;
}

/* What was made is billed, whether the client hears it or not: cut off, garbled, or killed before it came. */
static void bill(struct planner *p, const struct sim_request *r, const struct plan *plan, int64_t tokens)
{
    if (plan->status != 200 || plan->html || plan->replayed || plan->end == PLAN_RESET)
        return;
    p->bill.prompt_tokens += r->prompt_tokens;
    p->bill.completion_tokens += tokens;
}

struct sim_bill planner_bill(const struct planner *p)
{
    return p->bill;
}

/* The limits are as when it was let in; its answer, and a wait that it names, come later. */
static void note_wait(struct planner *p, int64_t now_ms, const struct plan *plan)
{
    int64_t told_ms = now_ms + plan->delay_ms;
    if (plan->status == 429 && plan->retry_after_ms >= 0)
        score_told(&p->limits.score, told_ms, told_ms + plan->retry_after_ms);
}

static void admit(struct planner *p, const struct plan_input *in, const struct sim_request *r,
                  struct plan *plan)
{
    struct random random;
    uint32_t *answered = plan->key_hash != 0 ? seen_count(&p->keys, plan->key_hash) : NULL;
    plan->replayed = p->options.replay && answered != NULL && *answered > 0;
    if (!plan->replayed && (over_quota(p, plan) || over_limits(p, r, in->now_ms, plan)))
        return;
    enum fault f = choose_fault(p, plan->body_hash, &random);
    plan->delay_ms = spread_draw(&p->latency, &random, LATENCY_MOST_MS);
    int64_t tokens = answer(p, r, plan, &random);
    if (is_poison(p, in))
        apply_poison(p, plan);
    else if (!plan->replayed)
        apply_fault(p, plan, f);
    bill(p, r, plan, tokens);
}

static void decide_request(struct planner *p, const struct plan_input *in, enum sim_endpoint e,
                           json_object *body, struct plan *plan)
{
    struct sim_request r;
    const char *why = NULL;
    const struct script_outage *outage = limits_came(&p->limits, in->now_ms);
    if (outage != NULL) { /* refused at the door, at once */
        plan->status = 503;
        apply_fault(p, plan, outage->kind);
        return;
    }
    if (!sim_request_read(e, body, plan->body_hash, &r, &why)) {
        fail(plan, 400, "invalid_request_error", NULL, why);
        return;
    }
    tell_prompt(p, &r);
    admit(p, in, &r, plan);
    note_wait(p, in->now_ms, plan);
    tell_limits(p, in->now_ms, plan);
}

void planner_decide(struct planner *p, const struct plan_input *in, struct plan *plan)
{
    enum sim_endpoint e = SIM_CHAT;
    json_object *body = NULL;
    lh_error err = {0};
    *plan = (struct plan){.retry_after_ms = -1};
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

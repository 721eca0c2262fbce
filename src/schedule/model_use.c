/* The models of a run: see model_use.h. */
#include "schedule/model_use.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/sum.h"
#include "store/usage.h"
#include "tokens/models.h"
#include "tokens/prompt.h"

bool reserve_from_name(const char *name, enum reserve *out)
{
    static const char *const names[] = {
        [RESERVE_MAX] = "max", [RESERVE_HIGH] = "high", [RESERVE_MEAN] = "mean"};
    for (int i = 0; i < 3; i++)
        if (strcmp(name, names[i]) == 0) {
            *out = (enum reserve)i;
            return true;
        }
    return false;
}

/* ---- making them ---- */

static int copy_own(struct models *m, const lh_run_options *o, lh_error *err)
{
    if (o->n_models == 0)
        return 0;
    m->own = calloc(o->n_models, sizeof *m->own);
    m->own_names = calloc(o->n_models, sizeof(char *));
    if (m->own == NULL || m->own_names == NULL)
        return lh_error_nomem(err);
    for (; m->n_own < o->n_models; m->n_own++) {
        m->own[m->n_own] = o->models[m->n_own];
        m->own[m->n_own].date = m->own[m->n_own].source = NULL;
        m->own_names[m->n_own] = strdup(o->models[m->n_own].name);
        if (m->own_names[m->n_own] == NULL)
            return lh_error_nomem(err);
        m->own[m->n_own].name = m->own_names[m->n_own];
    }
    return 0;
}

int models_open(struct models *m, const lh_run_options *o, const struct endpoints *endpoints, lh_error *err)
{
    m->endpoints = endpoints;
    return copy_own(m, o, err);
}

static void free_model(struct model *model)
{
    free(model->name);
    free(model->prices);
    free(model);
}

void models_free(struct models *m)
{
    for (size_t i = 0; i < MODEL_BUCKETS; i++)
        for (struct model *model = m->by_name[i], *next; model != NULL; model = next) {
            next = model->next;
            free_model(model);
        }
    for (size_t i = 0; i < USE_BUCKETS; i++)
        for (struct model_use *use = m->by_batch[i], *next; use != NULL; use = next) {
            next = use->next;
            free(use);
        }
    for (size_t i = 0; i < m->n_own; i++)
        free(m->own_names[i]);
    free(m->own_names);
    free(m->own);
    *m = (struct models){0};
}

/* What was given for the endpoint holds for all its models; else it goes by the model's name there, or here. */
static struct price price_at(const struct models *m, const struct endpoint *e, const char *name)
{
    const char *there = endpoint_model_there(e, name);
    const char *const names[] = {there, name};
    struct price price = e->price;
    for (size_t i = 0; i < 2 && !price.known; i++) {
        lh_model found;
        if (names[i] != NULL && lh_model_find(m->own, m->n_own, names[i], &found))
            price_of_model(&found, &price);
    }
    return price;
}

/* The longest answer at any of the endpoints, each of which may know the model by another name. */
static int64_t most_output_of(const struct models *m, const char *name)
{
    int64_t most = LH_UNKNOWN;
    for (size_t i = 0; i < m->endpoints->count; i++) {
        const char *there = endpoint_model_there(&m->endpoints->list[i], name);
        lh_model found;
        if ((there != NULL && lh_model_find(m->own, m->n_own, there, &found)) ||
            lh_model_find(m->own, m->n_own, name, &found))
            most = found.max_output > most ? found.max_output : most;
    }
    return most;
}

static struct model *make_model(const struct models *m, const char *name)
{
    struct prompt_doubt doubt = prompt_doubt_of(name);
    struct model *model = calloc(1, sizeof *model);
    if (model == NULL)
        return NULL;
    model->name = strdup(name);
    model->prices = calloc(m->endpoints->count, sizeof *model->prices);
    if (model->name == NULL || model->prices == NULL) {
        free_model(model);
        return NULL;
    }
    model->doubt = doubt.most;
    model->measured.prior = doubt.expected;
    model->reserve = m->reserve;
    model->most_output = most_output_of(m, name);
    for (size_t i = 0; i < m->endpoints->count; i++)
        model->prices[i] = price_at(m, &m->endpoints->list[i], name);
    return model;
}

struct model *models_find(struct models *m, const char *name)
{
    size_t bucket = XXH3_64bits(name, strlen(name)) % MODEL_BUCKETS;
    struct model *model = m->by_name[bucket];
    while (model != NULL && strcmp(model->name, name) != 0)
        model = model->next;
    if (model == NULL && m->count >= MODELS_MOST && *name != '\0')
        return models_find(m, "");
    if (model == NULL && (model = make_model(m, name)) != NULL) {
        model->next = m->by_name[bucket];
        m->by_name[bucket] = model;
        m->count++;
    }
    return model;
}

static struct model_use *find_use(struct models *m, int64_t batch_id, struct model *model)
{
    const uint64_t key[] = {(uint64_t)batch_id, (uint64_t)(uintptr_t)model};
    size_t bucket = XXH3_64bits(key, sizeof key) % USE_BUCKETS;
    struct model_use *use = m->by_batch[bucket];
    while (use != NULL && (use->batch_id != batch_id || use->model != model))
        use = use->next;
    if (use != NULL)
        return use;
    if (m->uses >= MODEL_USES_MOST && batch_id != LH_UNKNOWN)
        return find_use(m, LH_UNKNOWN, model);
    use = calloc(1, sizeof *use);
    if (use == NULL)
        return NULL;
    *use = (struct model_use){.next = m->by_batch[bucket], .batch_id = batch_id, .model = model};
    m->by_batch[bucket] = use;
    m->uses++;
    return use;
}

struct model_use *models_use(struct models *m, int64_t batch_id, const char *name)
{
    struct model *model = models_find(m, name);
    return model != NULL ? find_use(m, batch_id, model) : NULL;
}

/* ---- what the store knows ---- */

struct reading {
    struct models *models;
    int64_t batch_id;
};

/* Of other batches no more is kept than what it tells of the model. */
static int take_up(void *arg, int64_t batch_id, const lh_usage *u)
{
    struct reading *r = arg;
    bool in_scope = r->batch_id == LH_UNKNOWN || r->batch_id == batch_id;
    struct model *model = models_find(r->models, u->name);
    struct model_use *use = model != NULL && in_scope ? find_use(r->models, batch_id, model) : NULL;
    if (model == NULL || (in_scope && use == NULL))
        return LH_ENOMEM;
    measured_add_usage(&model->measured, u);
    if (use != NULL)
        measured_add_usage(&use->measured, u);
    return 0;
}

int models_read(struct models *m, const char *db, int64_t batch_id, lh_error *err)
{
    struct reading reading = {.models = m, .batch_id = batch_id};
    struct store *s = NULL;
    int rc = store_open(db, STORE_READ, &s, err);
    if (rc == 0 && (rc = usage_of_models(s, LH_UNKNOWN, take_up, &reading, err)) == LH_ENOMEM)
        rc = lh_error_nomem(err);
    store_close(s);
    return rc;
}

void model_learn(struct model_use *use, int64_t counted, const struct usage *told, bool is_good,
                 int64_t latency_ms)
{
    struct measured *both[] = {&use->measured, &use->model->measured};
    for (size_t i = 0; i < 2; i++) {
        measured_prompt(both[i], counted, told->prompt_tokens);
        if (is_good && told->completion_tokens >= 0)
            measured_answer(both[i], told->completion_tokens, latency_ms);
    }
}

/* ---- what a request uses ---- */

void job_model_name(const struct claimed_job *job, struct json_parser *parser, char out[MODEL_NAME_MOST + 1])
{
    json_object *name = NULL;
    struct json_span span = provider_model_span(job->body, job->body_len);
    out[0] = '\0';
    if (span.data == NULL || json_parse(parser, span.data, span.len, &name, NULL) != 0)
        return;
    if (json_is_string(name) && strlen(json_object_get_string(name)) <= MODEL_NAME_MOST)
        snprintf(out, MODEL_NAME_MOST + 1, "%s", json_object_get_string(name));
    json_object_put(name);
}

struct gate_request job_expected(const struct claimed_job *job)
{
    bool bounded = job->max_output_tokens != LH_UNKNOWN;
    int64_t bound = bounded ? job->max_output_tokens : INT64_MAX;
    if (job->use == NULL)
        return (struct gate_request){.prompt_tokens = job->prompt_tokens,
                                     .output_tokens = bounded ? bound : CLAIM_OUTPUT_TOKENS};
    const struct model *model = job->use->model;
    return (struct gate_request){.prompt_tokens = measured_calibrated(&model->measured, job->prompt_tokens),
                                 .output_tokens = measured_output(&job->use->measured, &model->measured,
                                                                  model->reserve, bound, CLAIM_OUTPUT_TOKENS),
                                 .bound_tokens = bounded ? bound : 0};
}

static int64_t unbounded_output(const struct model *model)
{
    int64_t seen = model->measured.most * 2;
    if (model->most_output != LH_UNKNOWN)
        return model->most_output;
    seen = seen < SEEN_OUTPUT_MOST ? seen : SEEN_OUTPUT_MOST;
    return seen > UNBOUNDED_OUTPUT_MOST ? seen : UNBOUNDED_OUTPUT_MOST;
}

struct price model_price(const struct model *model, size_t endpoints, int64_t endpoint)
{
    struct price dearest = {.known = false};
    if (endpoint != LH_UNKNOWN)
        return model->prices[endpoint];
    for (size_t i = 0; i < endpoints; i++)
        dearest = price_worst(&dearest, &model->prices[i]);
    return dearest;
}

uint64_t model_priced(const struct model *model, size_t endpoints)
{
    uint64_t priced = 0;
    for (size_t i = 0; i < endpoints; i++)
        priced |= model->prices[i].known ? UINT64_C(1) << i : 0;
    return priced;
}

bool model_worst(const struct model *model, const struct price *price, const struct attempts_past *a,
                 struct budget_sum *out)
{
    int64_t prompt = measured_worst_prompt(&model->measured, model->doubt, a->prompt), unbounded = 0;
    if (a->prompt <= 0)
        prompt = 0;
    if (__builtin_mul_overflow(a->unbounded, unbounded_output(model), &unbounded))
        unbounded = INT64_MAX;
    int64_t output = sum_capped(a->bounded_output, unbounded);
    *out = (struct budget_sum){.tokens = sum_capped(prompt, output)};
    if (price->known)
        out->nanousd = price_most(price, prompt, output);
    if (a->other_tier && price->is_list) /* twice as much at most (OpenAI's and Anthropic's pages, 2025) */
        out->nanousd = sum_capped(out->nanousd, out->nanousd);
    return price->known;
}

bool job_worst(const struct claimed_job *job, size_t endpoint, struct budget_sum *out)
{
    bool bounded = job->max_output_tokens != LH_UNKNOWN;
    const struct attempts_past one = {.prompt = job->prompt_tokens,
                                      .bounded_output = bounded ? job->max_output_tokens : 0,
                                      .unbounded = bounded            ? 0
                                                   : job->answers > 1 ? job->answers
                                                                      : 1,
                                      .other_tier = job->other_tier || job->use->model->other_tier};
    return model_worst(job->use->model, &job->use->model->prices[endpoint], &one, out);
}

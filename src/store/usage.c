/* What was used: see usage.h, and lh_usage_each of longhaul.h. */
#include "store/usage.h"

#include <stdlib.h>
#include <string.h>

#include "base/sum.h"
#include "store/batches.h"

enum { MS_PER_DAY = 86400000 };

struct usage_cell {
    struct usage_cell *next, *next_in_bucket;
    int64_t batch_id, day;
    lh_usage sum; /* its name is not set */
    char model[]; /* zero-terminated */
};

/* ---- writing ---- */

static int64_t counted(int64_t tokens)
{
    return tokens > 0 ? tokens : 0;
}

bool usage_is_told(const struct usage *u)
{
    return u->prompt_tokens >= 0 || u->completion_tokens >= 0 || u->cached_tokens >= 0 ||
           u->reasoning_tokens >= 0 || u->cache_write_tokens >= 0;
}

static void add_tokens(lh_usage *u, const struct usage_sample *s)
{
    const struct usage *t = s->told;
    u->attempts++;
    u->failed += s->is_success ? 0 : 1;
    u->unpriced += s->cost_nanousd >= 0 ? 0 : 1;
    u->prompt_tokens += counted(t->prompt_tokens);
    u->cached_tokens += counted(t->cached_tokens);
    u->cache_write_tokens += counted(t->cache_write_tokens);
    u->completion_tokens += counted(t->completion_tokens);
    u->reasoning_tokens += counted(t->reasoning_tokens);
    u->cost_nanousd = sum_capped(u->cost_nanousd, counted(s->cost_nanousd));
}

static void compare_prompt(lh_usage *u, int64_t told, int64_t counted_prompt)
{
    if (told < 0 || counted_prompt < 1)
        return;
    double share = (double)told / (double)counted_prompt;
    u->told_prompts++;
    u->told_tokens += told;
    u->counted_tokens += counted_prompt;
    u->counted_error += told > counted_prompt ? told - counted_prompt : counted_prompt - told;
    u->prompt_share_max = share > u->prompt_share_max ? share : u->prompt_share_max;
}

static void add_answer(lh_usage *u, const struct usage_sample *s)
{
    int64_t tokens = s->told->completion_tokens;
    if (!s->is_success || tokens < 0)
        return;
    u->answers++;
    u->answer_tokens += tokens;
    u->answer_squares += (double)tokens * (double)tokens;
    u->answer_max = tokens > u->answer_max ? tokens : u->answer_max;
    u->latency_ms += counted(s->latency_ms);
}

static bool cell_is(const struct usage_cell *cell, const struct usage_sample *s, int64_t day)
{
    return cell->batch_id == s->batch_id && cell->day == day && strcmp(cell->model, s->model) == 0;
}

/* FNV-1a over the model, begun with batch and day. */
static size_t bucket_of(const struct usage_sample *s, int64_t day)
{
    uint64_t h = UINT64_C(14695981039346656037) ^ (uint64_t)s->batch_id ^ ((uint64_t)day << 32);
    for (const char *p = s->model; *p != '\0'; p++)
        h = (h ^ (unsigned char)*p) * UINT64_C(1099511628211);
    return (size_t)(h ^ h >> 32) % USAGE_BUCKETS;
}

static struct usage_cell *new_cell(struct usage_cells *c, const struct usage_sample *s, int64_t day,
                                   size_t bucket)
{
    size_t len = strlen(s->model);
    struct usage_cell *cell = calloc(1, sizeof *cell + len + 1);
    if (cell == NULL)
        return NULL;
    cell->batch_id = s->batch_id;
    cell->day = day;
    memcpy(cell->model, s->model, len);
    cell->next = c->first;
    c->first = cell;
    cell->next_in_bucket = c->buckets[bucket];
    c->buckets[bucket] = cell;
    return cell;
}

static struct usage_cell *find_cell(struct usage_cells *c, const struct usage_sample *s)
{
    int64_t day = s->started_at / MS_PER_DAY;
    if (c->last_used != NULL && cell_is(c->last_used, s, day))
        return c->last_used;
    size_t bucket = bucket_of(s, day);
    struct usage_cell *cell = c->buckets[bucket];
    while (cell != NULL && !cell_is(cell, s, day))
        cell = cell->next_in_bucket;
    c->last_used = cell != NULL ? cell : new_cell(c, s, day, bucket);
    return c->last_used;
}

int usage_cells_add(struct usage_cells *c, const struct usage_sample *s, lh_error *err)
{
    if (!usage_is_told(s->told) && s->cost_nanousd < 0)
        return 0;
    struct usage_cell *cell = find_cell(c, s);
    if (cell == NULL)
        return lh_error_nomem(err);
    add_tokens(&cell->sum, s);
    compare_prompt(&cell->sum, s->told->prompt_tokens, s->counted_prompt);
    add_answer(&cell->sum, s);
    return 0;
}

static int write_cell(const struct usage_cell *cell, struct store *s, lh_error *err)
{
    const lh_usage *u = &cell->sum;
    return store_exec(s, STMT_USAGE_ADD, err, "iisiiiiiiiiiiiiifiifii", cell->batch_id, cell->day,
                      cell->model, u->attempts, u->failed, u->unpriced, u->prompt_tokens, u->cached_tokens,
                      u->cache_write_tokens, u->completion_tokens, u->reasoning_tokens, u->cost_nanousd,
                      u->told_prompts, u->told_tokens, u->counted_tokens, u->counted_error,
                      u->prompt_share_max, u->answers, u->answer_tokens, u->answer_squares, u->answer_max,
                      u->latency_ms);
}

void usage_cells_free(struct usage_cells *c)
{
    for (struct usage_cell *cell = c->first, *next; cell != NULL; cell = next) {
        next = cell->next;
        free(cell);
    }
    *c = (struct usage_cells){0};
}

int usage_cells_write(struct usage_cells *c, struct store *s, lh_error *err)
{
    int rc = 0;
    for (const struct usage_cell *cell = c->first; rc == 0 && cell != NULL; cell = cell->next)
        rc = write_cell(cell, s, err);
    if (rc == 0 && c->first != NULL)
        usage_cells_free(c);
    return rc;
}

/* ---- reading ---- */

/* The sums of a row, which begin at that column, in the order of the table. */
static void read_sums(const struct rows *r, int at, lh_usage *u)
{
    int64_t *const before[] = {&u->attempts,          &u->failed,           &u->unpriced,
                               &u->prompt_tokens,     &u->cached_tokens,    &u->cache_write_tokens,
                               &u->completion_tokens, &u->reasoning_tokens, &u->cost_nanousd,
                               &u->told_prompts,      &u->told_tokens,      &u->counted_tokens,
                               &u->counted_error};
    const int n = sizeof before / sizeof *before;
    for (int i = 0; i < n; i++)
        *before[i] = rows_int(r, at + i);
    u->prompt_share_max = rows_double(r, at + n);
    u->answers = rows_int(r, at + n + 1);
    u->answer_tokens = rows_int(r, at + n + 2);
    u->answer_squares = rows_double(r, at + n + 3);
    u->answer_max = rows_int(r, at + n + 4);
    u->latency_ms = rows_int(r, at + n + 5);
}

int usage_of_models(struct store *s, int64_t batch_id, usage_fn *fn, void *arg, lh_error *err)
{
    struct rows *r = NULL;
    int rc = store_select(s, STMT_USAGE_OF_MODELS, &r, err, "o", batch_id);
    while (rc == 0 && (rc = rows_next(r, err)) == 1) {
        lh_usage u = {.name = rows_text(r, 1, NULL)};
        read_sums(r, 2, &u);
        rc = fn(arg, rows_int(r, 0), &u);
    }
    rows_done(r);
    return rc;
}

int usage_each(struct store *s, int64_t batch_id, lh_usage_by by, int (*fn)(void *arg, const lh_usage *u),
               void *arg, lh_error *err)
{
    struct rows *r = NULL;
    int rc = store_select(s, STMT_USAGE_BY, &r, err, "oi", batch_id, (int64_t)by);
    while (rc == 0 && (rc = rows_next(r, err)) == 1) {
        lh_usage u = {.name = rows_text(r, 0, NULL)};
        read_sums(r, 1, &u);
        rc = fn(arg, &u);
    }
    rows_done(r);
    return rc;
}

int lh_usage_each(const char *db, const char *batch, lh_usage_by by, int (*fn)(void *arg, const lh_usage *u),
                  void *arg, lh_error *err)
{
    struct store *s = NULL;
    lh_batch b = {.id = LH_UNKNOWN};
    int rc = store_open(db, STORE_READ, &s, err);
    if (rc == 0 && batch != NULL)
        rc = batch_find(s, batch, &b, err);
    if (rc == 0)
        rc = usage_each(s, b.id, by, fn, arg, err);
    store_close(s);
    return rc;
}

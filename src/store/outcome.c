/* Outcomes: see outcome.h. */
#include "store/outcome.h"

#include <stdlib.h>
#include <string.h>

#include "base/sum.h"

void outcome_free(struct outcome *o)
{
    if (o == NULL)
        return;
    free(o->body);
    free(o);
}

static const char *or_null(const char *text)
{
    return *text != '\0' ? text : NULL;
}

static int64_t known(int64_t tokens)
{
    return tokens >= 0 ? tokens : INT64_MIN;
}

static int64_t counted(int64_t tokens)
{
    return tokens >= 0 ? tokens : 0;
}

int64_t outcome_used_tokens(const struct outcome *o, bool stale)
{
    const struct usage *u = &o->answer.usage;
    if (stale || o->move == OUTCOME_GIVE_BACK || o->unused)
        return 0;
    if (u->prompt_tokens < 0 && u->completion_tokens < 0)
        return -1;
    int64_t prompt = counted(u->prompt_tokens), completion = counted(u->completion_tokens);
    return prompt < INT64_MAX / 2 && completion < INT64_MAX / 2 ? prompt + completion : INT64_MAX;
}

/* Refused (a rate, an account, a bad request), or it never reached the provider. */
static bool is_free(const struct outcome *o)
{
    static const char *const never_left[] = {"resolve", "connect", "tls"};
    const char *code = o->answer.error_code;
    bool unreached = false;
    for (size_t i = 0; i < sizeof never_left / sizeof *never_left; i++)
        unreached = unreached || strcmp(code, never_left[i]) == 0;
    return strcmp(o->attempt_outcome, "throttled") == 0 || strcmp(o->attempt_outcome, "account") == 0 ||
           (strcmp(o->attempt_outcome, "permanent") == 0 && strcmp(code, "response_too_large") != 0) ||
           (strcmp(o->attempt_outcome, "transient") == 0 && unreached);
}

bool outcome_is_silent(const struct outcome *o)
{
    const struct usage *u = &o->answer.usage;
    return u->prompt_tokens < 0 && u->completion_tokens < 0 && !is_free(o);
}

bool outcome_is_unpriced(const struct outcome *o)
{
    return o->cost_nanousd < 0 && usage_is_told(&o->answer.usage);
}

static int64_t status_of(const struct outcome *o)
{
    return o->status_code != 0 ? o->status_code : INT64_MIN;
}

static int insert_attempt(struct store *s, const struct outcome *o, lh_error *err)
{
    const struct answer *a = &o->answer;
    return store_exec(s, STMT_ATTEMPT_INSERT, err, "iisossssiiooooooisoo", o->job_id, o->number,
                      o->attempt_outcome, status_of(o), or_null(a->error_code), or_null(a->message),
                      or_null(a->request_id), or_null(a->model), o->started_at, o->latency_ms,
                      o->move == OUTCOME_WAIT ? o->wait_ms : INT64_MIN, known(a->retry_after_ms),
                      known(a->usage.prompt_tokens), known(a->usage.completion_tokens),
                      known(a->usage.cached_tokens), o->cost_nanousd, o->sent_generation, o->endpoint,
                      known(a->usage.reasoning_tokens), known(a->usage.cache_write_tokens));
}

static int insert_result(struct store *s, struct lane *lane, const struct outcome *o, lh_error *err)
{
    const struct answer *a = &o->answer;
    return store_exec(s, STMT_RESULT_INSERT, err, "iiiosssoooooiito", o->job_id, o->batch_id,
                      lane->next_seq++, status_of(o), or_null(a->request_id), or_null(a->model),
                      or_null(a->finish_reason), known(a->usage.prompt_tokens),
                      known(a->usage.completion_tokens), known(a->usage.cached_tokens),
                      known(a->usage.reasoning_tokens), o->cost_nanousd, o->latency_ms, o->finished_at,
                      o->body, o->body_len, known(a->usage.cache_write_tokens));
}

static int insert_dead_letter(struct store *s, struct lane *lane, const struct outcome *o, lh_error *err)
{
    const struct answer *a = &o->answer;
    return store_exec(s, STMT_DEAD_LETTER_INSERT, err, "iiissssosiit", o->job_id, o->batch_id,
                      lane->next_seq++, o->dead_reason, o->attempt_outcome, a->error_code, a->message,
                      status_of(o), or_null(a->request_id), o->number, o->finished_at, o->body, o->body_len);
}

static int update_job(struct store *s, const struct outcome *o, enum job_state to, int64_t now_ms,
                      lh_error *err)
{
    switch (to) {
    case JOB_DONE:
        return store_exec(s, STMT_JOB_DONE, err, "iiii", o->job_id, o->number, o->attempts, o->finished_at);
    case JOB_DEAD:
        return store_exec(s, STMT_JOB_DEAD, err, "iiiii", o->job_id, o->number, o->attempts, o->throttles,
                          o->finished_at);
    case JOB_WAITING:
        return store_exec(s, STMT_JOB_WAIT, err, "iiiiiiiii", o->job_id, o->number, o->attempts, o->throttles,
                          o->invalids, o->generation, o->next_retry_at, o->wait_ms,
                          (int64_t)o->retry_is_counted);
    case JOB_CANCELED:
        return store_exec(s, o->move == OUTCOME_GIVE_BACK ? STMT_JOB_CANCEL_UNSENT : STMT_JOB_CANCEL_RUNNING,
                          err, "iii", o->job_id, o->number, now_ms);
    default:
        return o->move == OUTCOME_GIVE_BACK
                   ? store_exec(s, STMT_JOB_GIVE_BACK, err, "iii", o->job_id, o->number,
                                (int64_t)o->claim_set_deadline)
                   : store_exec(s, STMT_JOB_READY_AGAIN, err, "ii", o->job_id, o->number);
    }
}

/* A batch that was canceled meanwhile tries nothing again. */
static enum job_state state_after(const struct outcome *o, const struct lane *lane)
{
    static const enum job_state after[] = {[OUTCOME_DONE] = JOB_DONE,
                                           [OUTCOME_WAIT] = JOB_WAITING,
                                           [OUTCOME_DEAD] = JOB_DEAD,
                                           [OUTCOME_READY] = JOB_READY,
                                           [OUTCOME_GIVE_BACK] = JOB_READY};
    enum job_state to = after[o->move];
    return lane->canceled && (to == JOB_READY || to == JOB_WAITING) ? JOB_CANCELED : to;
}

/* The batch's own counters take in what `usage` does. */
static int count_attempt(struct lane *lane, const struct outcome *o, lh_error *err)
{
    const struct usage_sample sample = {.batch_id = o->batch_id,
                                        .started_at = o->started_at,
                                        .model = o->asked_model != NULL ? o->asked_model : o->answer.model,
                                        .told = &o->answer.usage,
                                        .cost_nanousd = o->cost_nanousd,
                                        .counted_prompt = o->counted_prompt,
                                        .is_success = o->move == OUTCOME_DONE,
                                        .latency_ms = o->latency_ms};
    lane->attempts++;
    lane->unpriced += outcome_is_unpriced(o) ? 1 : 0;
    lane->silent += outcome_is_silent(o) ? 1 : 0;
    lane->cache_write_tokens += counted(o->answer.usage.cache_write_tokens);
    lane->reasoning_tokens += counted(o->answer.usage.reasoning_tokens);
    lane->failed_attempts += o->move == OUTCOME_DONE ? 0 : 1;
    lane->prompt_tokens += counted(o->answer.usage.prompt_tokens);
    lane->completion_tokens += counted(o->answer.usage.completion_tokens);
    lane->cached_tokens += counted(o->answer.usage.cached_tokens);
    lane->cost_nanousd = sum_capped(lane->cost_nanousd, counted(o->cost_nanousd));
    return usage_cells_add(&lane->ledger->usage, &sample, err);
}

int outcome_apply(struct store *s, struct ledger *l, const struct outcome *o, int64_t now_ms, bool *stale,
                  lh_error *err)
{
    *stale = false;
    struct lane *lane = NULL;
    int rc = ledger_lane(l, s, o->batch_id, &lane, err);
    if (rc != 0)
        return rc;
    enum job_state to = state_after(o, lane);
    rc = update_job(s, o, to, now_ms, err);
    if (rc == 0 && store_changes(s) == 0) {
        *stale = true;
        return 0;
    }
    if (rc == 0 && o->move != OUTCOME_GIVE_BACK) {
        rc = insert_attempt(s, o, err);
        if (rc == 0)
            rc = count_attempt(lane, o, err);
    }
    if (rc == 0 && to == JOB_DONE)
        rc = insert_result(s, lane, o, err);
    if (rc == 0 && to == JOB_DEAD)
        rc = insert_dead_letter(s, lane, o, err);
    return rc == 0 ? lane_move(lane, JOB_RUNNING, to, err) : rc;
}

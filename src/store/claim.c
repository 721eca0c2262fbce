/* Claims: see claim.h. */
#include "store/claim.h"

#include <stdlib.h>
#include <string.h>

#include "longhaul.h"

void claim_list_init(struct claim_list *list)
{
    *list = (struct claim_list){.last = &list->first};
}

int64_t claimed_job_output_tokens(const struct claimed_job *job)
{
    return job->max_output_tokens != LH_UNKNOWN ? job->max_output_tokens : (int64_t)CLAIM_OUTPUT_TOKENS;
}

void claimed_job_free(struct claimed_job *job)
{
    if (job == NULL)
        return;
    free(job->url);
    free(job->body);
    free(job);
}

void claim_list_free(struct claim_list *list)
{
    for (struct claimed_job *job = list->first, *next; job != NULL; job = next) {
        next = job->next;
        claimed_job_free(job);
    }
    claim_list_init(list);
}

static char *copy_column(const struct rows *r, int column, size_t *len)
{
    size_t n = 0;
    const char *text = rows_text(r, column, &n);
    char *copy = text != NULL ? malloc(n + 1) : NULL;
    if (copy != NULL)
        memcpy(copy, text, n + 1);
    if (len != NULL)
        *len = n;
    return copy;
}

static int64_t or_zero(int64_t value)
{
    return value == INT64_MIN ? 0 : value;
}

static struct claimed_job *read_candidate(const struct rows *r, const struct lane *lane,
                                          int64_t first_deadline)
{
    struct claimed_job *job = calloc(1, sizeof *job);
    if (job == NULL)
        return NULL;
    job->id = rows_int(r, 0);
    job->batch_id = lane->batch_id;
    job->batch_has_results = lane->jobs[JOB_DONE] > 0;
    job->number = rows_int(r, 1) + 1;
    job->attempts = rows_int(r, 2);
    job->throttles = rows_int(r, 3);
    job->losses = rows_int(r, 4);
    job->invalids = rows_int(r, 5);
    job->generation = rows_int(r, 6);
    job->prompt_is_guessed = lane->is_guessed;
    job->prompt_tokens = rows_int(r, 7) * (lane->is_guessed ? 2 : 1);
    job->max_output_tokens = rows_int(r, 8);
    job->wait_ms = or_zero(rows_int(r, 9));
    job->url = copy_column(r, 10, NULL);
    job->body = copy_column(r, 11, &job->body_len);
    job->deadline_at = or_zero(rows_int(r, 12));
    job->claim_set_deadline = job->deadline_at == 0 && first_deadline != 0;
    if (job->claim_set_deadline)
        job->deadline_at = first_deadline;
    job->is_counted_retry = rows_int(r, 14) != 0;
    if (job->url == NULL || job->body == NULL) {
        claimed_job_free(job);
        return NULL;
    }
    return job;
}

/* Token counts come from input that anybody may have written; two of the largest must not overflow. */
static int64_t sum_of_tokens(const struct claimed_job *job)
{
    int64_t prompt = job->prompt_tokens < INT32_MAX ? job->prompt_tokens : INT32_MAX;
    int64_t output = claimed_job_output_tokens(job);
    return prompt + (output < INT32_MAX ? output : INT32_MAX);
}

/* The first ready job of a route. */
struct head {
    int64_t route, priority, id;
};

struct heads {
    struct head list[ROUTES_MOST + 1];
    size_t count;
};

/* One look into the index for each route: batches have few. */
static int read_heads(struct store *s, const struct lane *lane, struct claim_wish *wish, struct heads *heads,
                      lh_error *err)
{
    int64_t route = -1;
    int rc = 1;
    heads->count = 0;
    wish->passed_over = 0;
    while (rc == 1 && heads->count < sizeof heads->list / sizeof *heads->list) {
        struct rows *rows = NULL;
        rc = store_select(s, STMT_NEXT_HEAD, &rows, err, "ii", lane->batch_id, route);
        if (rc == 0)
            rc = rows_next(rows, err);
        if (rc == 1) {
            struct head h = {
                .route = rows_int(rows, 0), .priority = rows_int(rows, 1), .id = rows_int(rows, 2)};
            route = h.route;
            if (route_set_has(wish->shut, route))
                wish->passed_over |= route_bit(route);
            else
                heads->list[heads->count++] = h;
        }
        rows_done(rows);
    }
    return rc < 0 ? rc : 0;
}

static bool goes_before(const struct head *a, const struct head *b)
{
    return a->priority != b->priority ? a->priority < b->priority : a->id < b->id;
}

/* Moves the first head to the front; *bound: the second, up to which the first may be claimed, or NULL. */
static void order_heads(struct heads *heads, const struct head **bound)
{
    *bound = NULL;
    for (size_t i = 1; i < heads->count; i++)
        if (goes_before(&heads->list[i], &heads->list[0])) {
            struct head first = heads->list[i];
            heads->list[i] = heads->list[0];
            heads->list[0] = first;
        }
    for (size_t i = 1; i < heads->count; i++)
        if (*bound == NULL || goes_before(&heads->list[i], *bound))
            *bound = &heads->list[i];
}

static void append(struct claim_list *list, struct claimed_job *job)
{
    *list->last = job;
    list->last = &job->next;
    list->count++;
    list->bytes += job->body_len;
}

/* Reads jobs of the first head's route until another route's turn comes. The rows are read before any is changed: the index that orders
 * them must not move under the cursor. */
static int read_candidates(struct store *s, struct lane *lane, struct heads *heads, struct claim_wish *wish,
                           int64_t left, struct claim_list *list, lh_error *err)
{
    const struct head *bound = NULL;
    struct rows *rows = NULL;
    order_heads(heads, &bound);
    struct head *head = &heads->list[0];
    int rc = store_select(s, STMT_CLAIM_CANDIDATES, &rows, err, "iii", lane->batch_id, left, head->route);
    while (rc == 0 && (rc = rows_next(rows, err)) == 1) {
        head->id = rows_int(rows, 0);
        head->priority = rows_int(rows, 13);
        if ((list->count > 0 && list->bytes >= wish->max_bytes) ||
            (bound != NULL && goes_before(bound, head)))
            break;
        struct claimed_job *job = read_candidate(rows, lane, list->first_deadline);
        rc = job != NULL ? 0 : lh_error_nomem(err);
        if (job == NULL)
            break;
        job->route = head->route;
        append(list, job);
        wish->turn_is_over =
            wish->fair != NULL && !fair_take(wish->fair, &lane->fair, sum_of_tokens(job), &job->charge);
        if (wish->turn_is_over)
            break;
    }
    if (rc == 0) /* no more of this route */
        *head = heads->list[--heads->count];
    rows_done(rows);
    return rc < 0 ? rc : 0;
}

static int make_running(struct store *s, struct lane *lane, struct claimed_job *first, int64_t now_ms,
                        lh_error *err)
{
    int rc = 0;
    for (struct claimed_job *job = first; rc == 0 && job != NULL; job = job->next) {
        rc = store_exec(s, STMT_CLAIM_JOB, err, "iio", job->id, now_ms,
                        job->claim_set_deadline ? job->deadline_at : INT64_MIN);
        if (rc == 0)
            rc = lane_move(lane, JOB_READY, JOB_RUNNING, err);
    }
    return rc;
}

int claim_from_lane(struct store *s, struct lane *lane, struct claim_wish *wish, struct claim_list *list,
                    lh_error *err)
{
    struct heads heads;
    int64_t most = list->count + wish->limit;
    int rc = read_heads(s, lane, wish, &heads, err);
    wish->turn_is_over = false;
    while (rc == 0 && heads.count > 0 && list->count < most && !wish->turn_is_over &&
           (list->count == 0 || list->bytes < wish->max_bytes)) {
        struct claimed_job **mine = list->last;
        rc = read_candidates(s, lane, &heads, wish, most - list->count, list, err);
        if (rc == 0)
            rc = make_running(s, lane, *mine, wish->now_ms, err);
    }
    return rc;
}

struct due {
    int64_t id, batch_id;
};

static int read_due(struct store *s, int64_t batch_id, bool counted, int64_t now_ms, int64_t limit,
                    struct due *due, int64_t *count, lh_error *err)
{
    struct rows *rows = NULL;
    *count = 0;
    int rc = batch_id == LH_UNKNOWN
                 ? store_select(s, STMT_DUE_JOBS, &rows, err, "iii", (int64_t)counted, now_ms, limit)
                 : store_select(s, STMT_DUE_JOBS_OF_BATCH, &rows, err, "iiii", (int64_t)counted, now_ms,
                                limit, batch_id);
    while (rc == 0 && (rc = rows_next(rows, err)) == 1) {
        due[(*count)++] = (struct due){rows_int(rows, 0), rows_int(rows, 1)};
        rc = 0;
    }
    rows_done(rows);
    return rc;
}

int promote_due(struct store *s, struct ledger *l, int64_t batch_id, bool counted, int64_t now_ms,
                int64_t limit, int64_t *moved, lh_error *err)
{
    struct due due[512];
    const int64_t most = sizeof due / sizeof *due;
    *moved = 0;
    int rc = read_due(s, batch_id, counted, now_ms, limit < most ? limit : most, due, moved, err);
    for (int64_t i = 0; rc == 0 && i < *moved; i++) {
        struct lane *lane = NULL;
        rc = ledger_lane(l, s, due[i].batch_id, &lane, err);
        if (rc == 0)
            rc = store_exec(s, STMT_PROMOTE_JOB, err, "i", due[i].id);
        if (rc == 0)
            rc = lane_move(lane, JOB_WAITING, JOB_READY, err);
    }
    return rc;
}

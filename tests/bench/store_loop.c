/* The store alone: claims and completes JOBS jobs in groups of GROUP, through src/store and through bare SQLite, in one run.
 *   store_loop FOLDER [JOBS] [GROUP] [full|normal]
 * Both sides write the same rows into the same columns and indexes with the same page cache and durability. */
#include "bare_sqlite.h"
#include "base/clock.h"
#include "store/drain.h"

struct bench {
    char ours[512], bare[512], input[512];
    int64_t jobs, group;
    enum durability durability;
};

static const char answer_text[] =
    "{\"id\":\"chatcmpl-abc123\",\"object\":\"chat.completion\",\"created\":1700000000,\"model\":\"gpt-4o-"
    "mini\",\"choices\":[{"
    "\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"The answer to the question is forty-two, "
    "as everybody knows "
    "who has read the "
    "book.\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":120,\"completion_tokens\":20,"
    "\"total_tokens\":140}}";

/* ---- ours ---- */

static struct outcome *complete(const struct claimed_job *job, int64_t now)
{
    struct outcome *o = calloc(1, sizeof *o);
    char *body = malloc(sizeof answer_text);
    if (o == NULL || body == NULL)
        die("complete", "out of memory");
    memcpy(body, answer_text, sizeof answer_text);
    *o = (struct outcome){.move = OUTCOME_DONE,
                          .job_id = job->id,
                          .batch_id = job->batch_id,
                          .number = job->number,
                          .attempts = 1,
                          .started_at = now,
                          .latency_ms = 3,
                          .finished_at = now,
                          .status_code = 200,
                          .attempt_outcome = "success",
                          .body = body,
                          .body_len = sizeof answer_text - 1};
    snprintf(o->answer.model, sizeof o->answer.model, "gpt-4o-mini");
    snprintf(o->answer.request_id, sizeof o->answer.request_id, "chatcmpl-abc123");
    snprintf(o->answer.finish_reason, sizeof o->answer.finish_reason, "stop");
    o->answer.usage = (struct usage){120, 20, -1, -1, -1, TIER_STANDARD};
    o->answer.retry_after_ms = -1;
    return o;
}

static struct outcome *complete_all(const struct claim_list *claims, int64_t now)
{
    struct outcome *first = NULL;
    struct outcome **last = &first;
    for (const struct claimed_job *job = claims->first; job != NULL; job = job->next) {
        *last = complete(job, now);
        last = &(*last)->next;
    }
    return first;
}

static int64_t free_all(struct outcome *outcomes)
{
    int64_t n = 0;
    while (outcomes != NULL) {
        struct outcome *next = outcomes->next;
        outcome_free(outcomes);
        outcomes = next;
        n++;
    }
    return n;
}

static double run_ours(const struct bench *b)
{
    struct drain drain;
    lh_error err = {0};
    if (drain_open(&drain, b->ours, b->durability, LH_UNKNOWN, &err) != 0)
        die("open", err.message);
    double start = measure_wall();
    struct outcome *outcomes = NULL;
    for (int64_t done = 0; done < b->jobs;) {
        struct drain_work work = {
            .outcomes = outcomes, .want = b->group, .max_bytes = 8 << 20, .now_ms = clock_wall_ms()};
        if (drain_run(&drain, &work, &err) != 0)
            die("drain", err.message);
        done += free_all(outcomes);
        outcomes = complete_all(&work.claims, work.now_ms);
        claim_list_free(&work.claims);
    }
    double took = measure_wall() - start;
    drain_close(&drain, "done");
    return took;
}

/* ---- bare ---- */

struct bare {
    sqlite3 *db;
    sqlite3_stmt *candidates, *claim, *done, *attempt, *result, *count;
    int64_t seq, route; /* of all jobs */
};

/* The same jobs as ours, copied before they are worked on. */
static void bare_fill(const struct bench *b, sqlite3 *db)
{
    sqlite3_stmt *attach = bare_prepare(db, "ATTACH ?1 AS ours");
    bare_step(attach, "s", b->ours);
    sqlite3_finalize(attach);
    bare_exec(db,
              "INSERT INTO batches SELECT id, name, state, jobs_ready, 0, 0, 0, 0, 0, 1 FROM ours.batches;"
              "INSERT INTO jobs SELECT id, batch_id, custom_id, line, state, priority, sends, attempts, "
              "throttles, losses, "
              "invalids, generation, prompt_tokens, max_output_tokens, next_retry_at, wait_ms, claimed_at, "
              "created_at, "
              "finished_at, route, retry_is_counted, deadline_at FROM ours.jobs;"
              "INSERT INTO requests SELECT job_id, method, url, body FROM ours.requests;"
              "DETACH ours; PRAGMA wal_checkpoint(TRUNCATE)");
}

static void bare_begin(struct bare *s, const struct bench *b)
{
    sqlite3 *db = bare_create(b->bare);
    bare_fill(b, db);
    bare_exec(db,
              b->durability == DURABILITY_FULL ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
    *s = (struct bare){
        .db = db,
        .seq = 1,
        .route = bare_int(db, "SELECT max(route) FROM jobs"),
        .candidates = bare_prepare(
            db,
            "SELECT j.id, j.sends, j.attempts, j.throttles, j.losses, j.invalids, j.generation, "
            "j.prompt_tokens, "
            "j.max_output_tokens, j.wait_ms, q.url, q.body, j.deadline_at, j.priority, j.retry_is_counted "
            "FROM jobs j "
            "JOIN requests q ON q.job_id = j.id "
            "WHERE j.batch_id = 1 AND j.route = ?2 AND j.state = 'ready' ORDER BY j.priority, j.id LIMIT ?1"),
        .claim = bare_prepare(db, "UPDATE jobs SET state = 'running', sends = sends + 1, claimed_at = ?2 "
                                  "WHERE id = ?1 AND state = 'ready'"),
        .done = bare_prepare(db, "UPDATE jobs SET state = 'done', attempts = 1, finished_at = ?2 WHERE id = "
                                 "?1 AND state = 'running'"),
        .attempt = bare_prepare(
            db, "INSERT INTO attempts VALUES (?1, 1, 'success', 200, NULL, NULL, 'chatcmpl-abc123', "
                "'gpt-4o-mini', ?2, 3, NULL, NULL, 120, 20, NULL, NULL, 0, NULL)"),
        .result = bare_prepare(
            db, "INSERT INTO results VALUES (?1, 1, ?2, 200, 'chatcmpl-abc123', 'gpt-4o-mini', 'stop', "
                "120, 20, NULL, NULL, NULL, 3, ?3, ?4)"),
        .count = bare_prepare(
            db, "UPDATE batches SET jobs_ready = jobs_ready - ?1, jobs_running = jobs_running + ?1 - ?2, "
                "jobs_done = jobs_done + ?2, prompt_tokens = prompt_tokens + 120 * ?2, "
                "completion_tokens = completion_tokens + 20 * ?2, attempts = attempts + ?2, next_seq = "
                "next_seq + ?2 "
                "WHERE id = 1"),
    };
}

static void bare_end(struct bare *s)
{
    sqlite3_stmt *all[] = {s->candidates, s->claim, s->done, s->attempt, s->result, s->count};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        sqlite3_finalize(all[i]);
    sqlite3_close(s->db);
}

/* As a sender would, it copies the requests out. */
static int64_t bare_claim(struct bare *s, int64_t *ids, int64_t group, int64_t now)
{
    int64_t n = 0;
    sqlite3_bind_int64(s->candidates, 1, group);
    sqlite3_bind_int64(s->candidates, 2, s->route);
    while (sqlite3_step(s->candidates) == SQLITE_ROW) {
        ids[n++] = sqlite3_column_int64(s->candidates, 0);
        free(strdup((const char *)sqlite3_column_text(s->candidates, 10)));
        free(strdup((const char *)sqlite3_column_text(s->candidates, 11)));
    }
    sqlite3_reset(s->candidates);
    for (int64_t i = 0; i < n; i++)
        bare_step(s->claim, "ii", ids[i], now);
    return n;
}

static double run_bare(const struct bench *b)
{
    struct bare s;
    bare_begin(&s, b);
    int64_t *ids = calloc((size_t)b->group, sizeof *ids);
    if (ids == NULL)
        die("bare", "out of memory");
    double start = measure_wall();
    int64_t held = 0;
    for (int64_t done = 0; done < b->jobs;) {
        int64_t now = clock_wall_ms();
        bare_exec(s.db, "BEGIN IMMEDIATE");
        for (int64_t i = 0; i < held; i++) {
            bare_step(s.done, "ii", ids[i], now);
            bare_step(s.attempt, "ii", ids[i], now);
            bare_step(s.result, "iiis", ids[i], s.seq++, now, answer_text);
        }
        done += held;
        int64_t completed = held;
        held = bare_claim(&s, ids, b->group, now);
        bare_step(s.count, "ii", held, completed);
        bare_exec(s.db, "COMMIT");
    }
    double took = measure_wall() - start;
    free(ids);
    bare_end(&s);
    return took;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: %s FOLDER [JOBS] [GROUP] [full|normal]\n", argv[0]);
        return 2;
    }
    lh_tune_process(); /* of both sides */
    struct bench b = {.jobs = argc > 2 ? atol(argv[2]) : 100000, .group = argc > 3 ? atol(argv[3]) : 64};
    b.durability = argc > 4 && strcmp(argv[4], "normal") == 0 ? DURABILITY_NORMAL : DURABILITY_FULL;
    snprintf(b.ours, sizeof b.ours, "%s/ours.db", argv[1]);
    snprintf(b.bare, sizeof b.bare, "%s/bare.db", argv[1]);
    snprintf(b.input, sizeof b.input, "%s/input.jsonl", argv[1]);
    remove_store(b.ours);
    remove_store(b.bare);
    write_input(b.input, b.jobs);
    load_input(b.ours, b.input);
    double bare = run_bare(&b);
    double ours = run_ours(&b);
    remove_store(b.ours);
    remove_store(b.bare);
    unlink(b.input);
    printf("bare %.0f/s, ours %.0f/s, ratio %.2f\n", (double)b.jobs / bare, (double)b.jobs / ours,
           bare / ours);
    return 0;
}

/* The store alone: claim and complete JOBS jobs in groups of GROUP, through src/store and through bare SQLite, in one run.
 *   store_loop FOLDER [JOBS] [GROUP] [full|normal]
 * Both sides write the same rows into the same indexes with the same page cache and durability. The bare side has plain tables:
 * no CHECKs, triggers, foreign keys or STRICT, and it binds prepared statements itself. Prints jobs/s of both and the ratio. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "longhaul.h"
#include "measure.h"
#include "store/drain.h"

struct bench {
    char ours[512], bare[512], input[512];
    int64_t jobs, group;
    enum durability durability;
};

static const char answer_text[] = "{\"id\":\"chatcmpl-abc123\",\"object\":\"chat.completion\",\"created\":"
                                  "1700000000,\"model\":\"gpt-4o-mini\",\"choices\":[{"
                                  "\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"The answer "
                                  "to the question is forty-two, as everybody knows who has "
                                  "read the "
                                  "book.\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":120,"
                                  "\"completion_tokens\":20,\"total_tokens\":140}}";

static void die(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

/* ---- what both begin with: a store with all jobs ready ---- */

static void write_input(const struct bench *b)
{
    FILE *f = fopen(b->input, "w");
    char *filler = measure_body(400);
    if (f == NULL || filler == NULL)
        die(b->input, "cannot be written");
    for (int64_t i = 1; i <= b->jobs; i++)
        fprintf(f,
                "{\"custom_id\":\"q%lld\",\"method\":\"POST\",\"url\":\"/v1/chat/"
                "completions\",\"body\":{\"model\":\"gpt-4o-mini\","
                "\"max_tokens\":40,\"messages\":[{\"role\":\"user\",\"content\":\"question %lld %s\"}]}}\n",
                (long long)i, (long long)i, filler);
    free(filler);
    if (fclose(f) != 0)
        die(b->input, "cannot be written");
}

static void load(const struct bench *b)
{
    lh_ingest_options o;
    lh_ingest_report report;
    lh_error err = {0};
    const char *inputs[] = {b->input};
    lh_ingest_options_default(&o);
    o.inputs = inputs;
    o.n_inputs = 1;
    write_input(b);
    if (lh_ingest(b->ours, &o, &report, &err) != 0)
        die("load", err.message);
    unlink(b->input);
}

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
    o->answer.usage = (struct usage){120, 20, -1, -1};
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

static double run_ours(const struct bench *b)
{
    struct drain drain;
    lh_error err = {0};
    if (drain_open(&drain, b->ours, b->durability, LH_UNKNOWN, &err) != 0)
        die("open", err.message);
    double start = measure_wall();
    int64_t done = 0;
    struct outcome *outcomes = NULL;
    while (done < b->jobs) {
        struct drain_work work = {
            .outcomes = outcomes, .want = b->group, .max_bytes = 8 << 20, .now_ms = clock_wall_ms()};
        if (drain_run(&drain, &work, &err) != 0)
            die("drain", err.message);
        while (outcomes != NULL) {
            struct outcome *next = outcomes->next;
            outcome_free(outcomes);
            outcomes = next;
            done++;
        }
        outcomes = complete_all(&work.claims, work.now_ms);
        claim_list_free(&work.claims);
    }
    double took = measure_wall() - start;
    drain_close(&drain, "done");
    return took;
}

/* ---- bare ---- */

static const char *const bare_schema[] = {
    "PRAGMA journal_mode = WAL",
    "PRAGMA cache_size = -16384",
    "PRAGMA temp_store = MEMORY",
    "CREATE TABLE batches (id INTEGER PRIMARY KEY, name TEXT, state TEXT, jobs_ready INTEGER, jobs_running "
    "INTEGER, jobs_done INTEGER,"
    " prompt_tokens INTEGER, completion_tokens INTEGER, attempts INTEGER, next_seq INTEGER)",
    "CREATE TABLE jobs (id INTEGER PRIMARY KEY, batch_id INTEGER, custom_id TEXT, line INTEGER, state TEXT, "
    "priority INTEGER,"
    " sends INTEGER, attempts INTEGER, throttles INTEGER, losses INTEGER, invalids INTEGER, generation "
    "INTEGER,"
    " prompt_tokens INTEGER, max_output_tokens INTEGER, next_retry_at INTEGER, wait_ms INTEGER, claimed_at "
    "INTEGER,"
    " created_at INTEGER, finished_at INTEGER)",
    "CREATE TABLE requests (job_id INTEGER PRIMARY KEY, method TEXT, url TEXT, body TEXT)",
    "CREATE TABLE attempts (job_id INTEGER, number INTEGER, outcome TEXT, status_code INTEGER, error_code "
    "TEXT, message TEXT,"
    " request_id TEXT, model TEXT, started_at INTEGER, latency_ms INTEGER, wait_ms INTEGER, retry_after_ms "
    "INTEGER,"
    " prompt_tokens INTEGER, completion_tokens INTEGER, cached_tokens INTEGER, cost_nanousd INTEGER, "
    "generation INTEGER,"
    " PRIMARY KEY (job_id, number)) WITHOUT ROWID",
    "CREATE TABLE results (job_id INTEGER PRIMARY KEY, batch_id INTEGER, seq INTEGER, status_code INTEGER, "
    "request_id TEXT, model TEXT,"
    " finish_reason TEXT, prompt_tokens INTEGER, completion_tokens INTEGER, cached_tokens INTEGER, "
    "reasoning_tokens INTEGER,"
    " cost_nanousd INTEGER, latency_ms INTEGER, finished_at INTEGER, body TEXT)",
    "ATTACH ?1 AS ours",
    "INSERT INTO batches SELECT id, name, state, jobs_ready, 0, 0, 0, 0, 0, 1 FROM ours.batches",
    "INSERT INTO jobs SELECT id, batch_id, custom_id, line, state, priority, sends, attempts, throttles, "
    "losses, invalids, generation,"
    " prompt_tokens, max_output_tokens, next_retry_at, wait_ms, claimed_at, created_at, finished_at FROM "
    "ours.jobs",
    "INSERT INTO requests SELECT job_id, method, url, body FROM ours.requests",
    "DETACH ours",
    "CREATE UNIQUE INDEX jobs_custom_id ON jobs (batch_id, custom_id)",
    "CREATE INDEX jobs_ready ON jobs (batch_id, priority) WHERE state = 'ready'",
    "CREATE INDEX jobs_waiting ON jobs (next_retry_at) WHERE state = 'waiting'",
    "CREATE INDEX jobs_waiting_of_batch ON jobs (batch_id, next_retry_at) WHERE state = 'waiting'",
    "CREATE INDEX jobs_running ON jobs (batch_id) WHERE state = 'running'",
    "CREATE INDEX jobs_canceled ON jobs (batch_id) WHERE state = 'canceled'",
    "CREATE UNIQUE INDEX results_completed ON results (batch_id, seq)",
    "PRAGMA wal_checkpoint(TRUNCATE)",
    "PRAGMA wal_autocheckpoint = 4000",
};

enum bare_id { BEGIN, COMMIT, CANDIDATES, CLAIM, DONE, ATTEMPT, RESULT, COUNT, BARE_COUNT };
static const char *const bare_sql[BARE_COUNT] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [CANDIDATES] = "SELECT j.id, j.sends, j.attempts, j.throttles, j.losses, j.invalids, j.generation, "
                   "j.prompt_tokens, j.max_output_tokens,"
                   " j.wait_ms, q.url, q.body FROM jobs j JOIN requests q ON q.job_id = j.id WHERE "
                   "j.batch_id = ?1 AND j.state = 'ready'"
                   " ORDER BY j.priority, j.id LIMIT ?2",
    [CLAIM] = "UPDATE jobs SET state = 'running', sends = sends + 1, claimed_at = ?2 WHERE id = ?1 AND state "
              "= 'ready'",
    [DONE] =
        "UPDATE jobs SET state = 'done', attempts = 1, finished_at = ?2 WHERE id = ?1 AND state = 'running'",
    [ATTEMPT] = "INSERT INTO attempts VALUES (?1, 1, 'success', 200, NULL, NULL, 'chatcmpl-abc123', "
                "'gpt-4o-mini', ?2, 3, NULL, NULL,"
                " 120, 20, NULL, NULL, 0)",
    [RESULT] = "INSERT INTO results VALUES (?1, 1, ?3, 200, 'chatcmpl-abc123', 'gpt-4o-mini', 'stop', 120, "
               "20, NULL, NULL, NULL, 3, ?2, ?4)",
    [COUNT] = "UPDATE batches SET jobs_ready = jobs_ready - ?1, jobs_running = jobs_running + ?1 - ?2, "
              "jobs_done = jobs_done + ?2,"
              " prompt_tokens = prompt_tokens + 120 * ?2, completion_tokens = completion_tokens + 20 * ?2, "
              "attempts = attempts + ?2,"
              " next_seq = next_seq + ?2 WHERE id = 1",
};

struct bare {
    sqlite3 *db;
    sqlite3_stmt *statements[BARE_COUNT];
    int64_t seq;
};

static void bare_step(struct bare *s, enum bare_id id)
{
    if (sqlite3_step(s->statements[id]) != SQLITE_DONE)
        die(bare_sql[id], sqlite3_errmsg(s->db));
    sqlite3_reset(s->statements[id]);
}

static void bare_script(struct bare *s, const char *ours)
{
    for (size_t i = 0; i < sizeof bare_schema / sizeof *bare_schema; i++) {
        sqlite3_stmt *stmt = NULL;
        if (sqlite3_prepare_v2(s->db, bare_schema[i], -1, &stmt, NULL) != SQLITE_OK)
            die(bare_schema[i], sqlite3_errmsg(s->db));
        if (sqlite3_bind_parameter_count(stmt) == 1)
            sqlite3_bind_text(stmt, 1, ours, -1, SQLITE_STATIC);
        int rc = sqlite3_step(stmt);
        if (rc != SQLITE_DONE && rc != SQLITE_ROW)
            die(bare_schema[i], sqlite3_errmsg(s->db));
        sqlite3_finalize(stmt);
    }
}

static void bare_open(struct bare *s, const struct bench *b)
{
    *s = (struct bare){.seq = 1};
    if (sqlite3_open_v2(b->bare, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK)
        die(b->bare, "cannot be opened");
    bare_script(s, b->ours);
    sqlite3_exec(
        s->db, b->durability == DURABILITY_FULL ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL",
        NULL, NULL, NULL);
    for (int i = 0; i < BARE_COUNT; i++)
        if (sqlite3_prepare_v3(s->db, bare_sql[i], -1, SQLITE_PREPARE_PERSISTENT, &s->statements[i], NULL) !=
            SQLITE_OK)
            die(bare_sql[i], sqlite3_errmsg(s->db));
}

static void bare_close(struct bare *s)
{
    for (int i = 0; i < BARE_COUNT; i++)
        sqlite3_finalize(s->statements[i]);
    sqlite3_close(s->db);
}

static void bare_complete(struct bare *s, const int64_t *ids, int64_t n, int64_t now)
{
    for (int64_t i = 0; i < n; i++) {
        for (int id = DONE; id <= RESULT; id++) {
            sqlite3_bind_int64(s->statements[id], 1, ids[i]);
            sqlite3_bind_int64(s->statements[id], 2, now);
        }
        sqlite3_bind_int64(s->statements[RESULT], 3, s->seq++);
        sqlite3_bind_text(s->statements[RESULT], 4, answer_text, sizeof answer_text - 1, SQLITE_STATIC);
        bare_step(s, DONE);
        bare_step(s, ATTEMPT);
        bare_step(s, RESULT);
    }
}

/* As a sender would, it copies the request out. */
static int64_t bare_claim(struct bare *s, int64_t *ids, int64_t group, int64_t now)
{
    sqlite3_stmt *select = s->statements[CANDIDATES];
    int64_t n = 0;
    sqlite3_bind_int64(select, 1, 1);
    sqlite3_bind_int64(select, 2, group);
    while (sqlite3_step(select) == SQLITE_ROW) {
        ids[n++] = sqlite3_column_int64(select, 0);
        free(strdup((const char *)sqlite3_column_text(select, 10)));
        free(strdup((const char *)sqlite3_column_text(select, 11)));
    }
    sqlite3_reset(select);
    for (int64_t i = 0; i < n; i++) {
        sqlite3_bind_int64(s->statements[CLAIM], 1, ids[i]);
        sqlite3_bind_int64(s->statements[CLAIM], 2, now);
        bare_step(s, CLAIM);
    }
    return n;
}

static double run_bare(const struct bench *b)
{
    struct bare s;
    bare_open(&s, b);
    int64_t *ids = calloc((size_t)b->group, sizeof *ids);
    double start = measure_wall();
    int64_t done = 0;
    int64_t held = 0;
    while (done < b->jobs) {
        int64_t now = clock_wall_ms();
        bare_step(&s, BEGIN);
        bare_complete(&s, ids, held, now);
        int64_t completed = held;
        held = bare_claim(&s, ids, b->group, now);
        sqlite3_bind_int64(s.statements[COUNT], 1, held);
        sqlite3_bind_int64(s.statements[COUNT], 2, completed);
        bare_step(&s, COUNT);
        bare_step(&s, COMMIT);
        done += completed;
    }
    double took = measure_wall() - start;
    free(ids);
    bare_close(&s);
    return took;
}

static void remove_all(const struct bench *b)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", ".lock"};
    char path[600];
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        snprintf(path, sizeof path, "%s%s", b->ours, suffixes[i]);
        unlink(path);
        snprintf(path, sizeof path, "%s%s", b->bare, suffixes[i]);
        unlink(path);
    }
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: %s FOLDER [JOBS] [GROUP] [full|normal]\n", argv[0]);
        return 2;
    }
    struct bench b = {.jobs = argc > 2 ? atol(argv[2]) : 100000, .group = argc > 3 ? atol(argv[3]) : 64};
    b.durability = argc > 4 && strcmp(argv[4], "normal") == 0 ? DURABILITY_NORMAL : DURABILITY_FULL;
    snprintf(b.ours, sizeof b.ours, "%s/ours.db", argv[1]);
    snprintf(b.bare, sizeof b.bare, "%s/bare.db", argv[1]);
    snprintf(b.input, sizeof b.input, "%s/input.jsonl", argv[1]);
    remove_all(&b);
    load(&b);
    double bare = run_bare(&b);
    double ours = run_ours(&b);
    remove_all(&b);
    printf("bare %.0f jobs/s, store %.0f jobs/s, ratio %.2f\n", (double)b.jobs / bare, (double)b.jobs / ours,
           bare / ours);
    return 0;
}

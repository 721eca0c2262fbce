/* A store for tests: made in the current folder, planted with batches, looked at by SQL, removed at the end. */
#ifndef LH_TEST_STORE_WORLD_H
#define LH_TEST_STORE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "longhaul.h"
#include "store/claim.h"
#include "store/connection.h"
#include "store/outcome.h"

struct world {
    char path[64];
    struct store *store; /* writing; open all the time */
    lh_error err;
};

static inline void world_remove(const char *path)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal", ".lock"};
    char name[128];
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
        unlink(name);
    }
}

static inline void world_exec(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
}

/* A file as the first release left it, without jobs; still open, the caller closes it. */
static inline sqlite3 *world_first_release(const char *path)
{
    sqlite3 *db = NULL;
    char sql[512];
    world_remove(path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    world_exec(db, "PRAGMA synchronous = OFF");
    world_exec(db, embedded_migrations[0].sql);
    world_exec(db, embedded_views);
    snprintf(sql, sizeof sql,
             "PRAGMA user_version = 1; PRAGMA application_id = %d;"
             "INSERT INTO schema_migrations VALUES (1, '%s', '%s', 0);",
             STORE_APPLICATION_ID, embedded_migrations[0].name, embedded_migrations[0].checksum);
    world_exec(db, sql);
    return db;
}

static inline void world_open(struct world *w)
{
    *w = (struct world){0};
    snprintf(w->path, sizeof w->path, "store_world_%ld.db", (long)getpid());
    world_remove(w->path);
    assert_int_equal(store_open(w->path, STORE_CREATE, &w->store, &w->err), 0);
    assert_int_equal(sqlite3_exec(w->store->db, "PRAGMA synchronous = OFF", NULL, NULL, NULL), SQLITE_OK);
}

static inline void world_close(struct world *w)
{
    store_close(w->store);
    world_remove(w->path);
}

static inline void world_sql(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline int64_t world_int(struct world *w, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static inline void world_sql(struct world *w, const char *format, ...)
{
    char sql[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(sql, sizeof sql, format, args);
    va_end(args);
    if (sqlite3_exec(w->store->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(w->store->db));
}

/* The first column of the first row; -1 when there is none or it is NULL. */
static inline int64_t world_int(struct world *w, const char *format, ...)
{
    char sql[2048];
    sqlite3_stmt *stmt = NULL;
    va_list args;
    va_start(args, format);
    vsnprintf(sql, sizeof sql, format, args);
    va_end(args);
    if (sqlite3_prepare_v2(w->store->db, sql, -1, &stmt, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(w->store->db));
    int64_t value = -1;
    if (sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_type(stmt, 0) != SQLITE_NULL)
        value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return value;
}

static inline bool world_text_is(struct world *w, const char *sql, const char *expected)
{
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_prepare_v2(w->store->db, sql, -1, &stmt, NULL), SQLITE_OK);
    const char *text = sqlite3_step(stmt) == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
    bool same = text != NULL && strcmp(text, expected) == 0;
    if (!same)
        print_message("%s: \"%s\", not \"%s\"\n", sql, text != NULL ? text : "(null)", expected);
    sqlite3_finalize(stmt);
    return same;
}

/* An active batch with `jobs` ready jobs, job N of the batch named "jN". Returns its id. */
static inline int64_t world_batch(struct world *w, const char *name, int64_t priority, int64_t jobs)
{
    world_sql(w,
              "BEGIN;"
              "INSERT INTO batches (name, state, priority, input, created_at, jobs_ready) "
              "VALUES ('%s', 'active', %lld, 'in', 1, %lld);",
              name, (long long)priority, (long long)jobs);
    int64_t id = sqlite3_last_insert_rowid(w->store->db);
    int64_t before = world_int(w, "SELECT COALESCE(max(id), 0) FROM jobs");
    world_sql(w,
              "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %lld) "
              "INSERT INTO jobs (batch_id, custom_id, line, priority, created_at) "
              "SELECT %lld, 'j' || i, i, %lld, 1 FROM n WHERE %lld > 0;"
              "INSERT INTO requests (job_id, url, body) "
              "SELECT id, '/v1/chat/completions', '{}' FROM jobs WHERE id > %lld;"
              "UPDATE batches SET first_job_id = (SELECT min(id) FROM jobs WHERE batch_id = %lld), "
              "last_job_id = (SELECT max(id) FROM jobs WHERE batch_id = %lld) WHERE id = %lld;"
              "COMMIT;",
              (long long)jobs, (long long)id, (long long)priority, (long long)jobs, (long long)before,
              (long long)id, (long long)id, (long long)id);
    return id;
}

static inline int64_t world_job(struct world *w, int64_t batch_id, int64_t n)
{
    return world_int(w, "SELECT id FROM jobs WHERE batch_id = %lld AND custom_id = 'j%lld'",
                     (long long)batch_id, (long long)n);
}

static inline bool world_job_is(struct world *w, int64_t job_id, const char *job_state)
{
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT state FROM jobs WHERE id = %lld", (long long)job_id);
    return world_text_is(w, sql, job_state);
}

static inline bool world_batch_is(struct world *w, int64_t batch_id, const char *batch_state)
{
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT state FROM batches WHERE id = %lld", (long long)batch_id);
    return world_text_is(w, sql, batch_state);
}

static inline void world_print_fault(void *arg, const char *text)
{
    (void)arg;
    print_message("%s\n", text);
}

/* What `db check` finds: 0 in every store that only longhaul wrote. */
static inline int64_t world_faults(struct world *w)
{
    int64_t faults = -1;
    if (lh_db_check(w->path, world_print_fault, NULL, &faults, &w->err) != 0)
        fail_msg("db check: %s", w->err.message);
    return faults;
}

/* Claims up to `limit` jobs of the batch in a transaction of its own. */
static inline void world_claim(struct world *w, int64_t batch_id, int64_t limit, struct claim_list *list)
{
    struct ledger ledger;
    struct lane *lane = NULL;
    claim_list_init(list);
    ledger_init(&ledger);
    assert_int_equal(store_begin(w->store, &w->err), 0);
    assert_int_equal(ledger_lane(&ledger, w->store, batch_id, &lane, &w->err), 0);
    assert_int_equal(
        claim_from_lane(w->store, lane,
                        &(struct claim_wish){.limit = limit, .max_bytes = 1 << 20, .now_ms = 1000}, list,
                        &w->err),
        0);
    assert_int_equal(ledger_write(&ledger, w->store, 1000, &w->err), 0);
    assert_int_equal(store_commit(w->store, &w->err), 0);
    ledger_free(&ledger);
}

/* What the scheduler would make of an answer to the job. The texts are static; the body is the caller's. */
static inline struct outcome world_outcome(const struct claimed_job *job, enum outcome_move move)
{
    static const char *const classes[] = {[OUTCOME_DONE] = "success",
                                          [OUTCOME_WAIT] = "transient",
                                          [OUTCOME_DEAD] = "permanent",
                                          [OUTCOME_READY] = "account",
                                          [OUTCOME_GIVE_BACK] = "canceled"};
    static char answer[] = "{\"choices\":[]}";
    struct outcome o = {.move = move,
                        .job_id = job->id,
                        .batch_id = job->batch_id,
                        .number = job->number,
                        .attempts = job->attempts,
                        .throttles = job->throttles,
                        .invalids = job->invalids,
                        .generation = job->generation,
                        .sent_generation = job->generation,
                        .counted_prompt = job->prompt_tokens,
                        .cost_nanousd = LH_UNKNOWN};
    if (move == OUTCOME_GIVE_BACK)
        return o;
    o.attempts += move == OUTCOME_READY ? 0 : 1;
    o.started_at = 1100;
    o.latency_ms = 100;
    o.finished_at = 1200;
    o.status_code = move == OUTCOME_DONE ? 200 : 500;
    o.attempt_outcome = classes[move];
    o.answer.usage = (struct usage){7, 3, 2, -1, -1, TIER_STANDARD};
    o.answer.retry_after_ms = -1;
    if (move == OUTCOME_WAIT) {
        o.next_retry_at = 5000;
        o.wait_ms = 3800;
    }
    if (move == OUTCOME_DEAD)
        o.dead_reason = "permanent";
    if (move != OUTCOME_DONE) {
        snprintf(o.answer.error_code, sizeof o.answer.error_code, "server_error");
        snprintf(o.answer.message, sizeof o.answer.message, "it broke");
    }
    if (move == OUTCOME_DONE || move == OUTCOME_DEAD) {
        o.body = answer;
        o.body_len = strlen(answer);
    }
    return o;
}

/* Applies one outcome in a transaction of its own; true when it came too late. */
static inline bool world_apply(struct world *w, const struct outcome *o)
{
    struct ledger ledger;
    bool stale = false;
    ledger_init(&ledger);
    assert_int_equal(store_begin(w->store, &w->err), 0);
    if (outcome_apply(w->store, &ledger, o, 1300, &stale, &w->err) != 0)
        fail_msg("%s", w->err.message);
    assert_int_equal(ledger_write(&ledger, w->store, 1300, &w->err), 0);
    assert_int_equal(store_commit(w->store, &w->err), 0);
    ledger_free(&ledger);
    return stale;
}

#endif

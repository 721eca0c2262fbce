/* The yardstick of the store: SQLite by itself, with the store's columns and indexes in plain tables. No CHECKs, triggers, foreign
 * keys or STRICT. Also what the benchmarks of the store share: their files, their input, their end. */
#ifndef LH_BENCH_BARE_SQLITE_H
#define LH_BENCH_BARE_SQLITE_H

#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "longhaul.h"
#include "measure.h"

static inline void die(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

/* ---- the bare side ---- */

static const char *const bare_tables[] = {
    "PRAGMA journal_mode = WAL",
    "PRAGMA cache_size = -16000",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA wal_autocheckpoint = 4000",
    "CREATE TABLE batches (id INTEGER PRIMARY KEY, name TEXT, state TEXT, jobs_ready INTEGER, jobs_running "
    "INTEGER, "
    "jobs_done INTEGER, prompt_tokens INTEGER, completion_tokens INTEGER, attempts INTEGER, next_seq "
    "INTEGER)",
    "CREATE TABLE jobs (id INTEGER PRIMARY KEY, batch_id INTEGER, custom_id TEXT, line INTEGER, state TEXT, "
    "priority INTEGER, "
    "sends INTEGER, attempts INTEGER, throttles INTEGER, losses INTEGER, invalids INTEGER, generation "
    "INTEGER, "
    "prompt_tokens INTEGER, max_output_tokens INTEGER, next_retry_at INTEGER, wait_ms INTEGER, claimed_at "
    "INTEGER, "
    "created_at INTEGER, finished_at INTEGER, route INTEGER, retry_is_counted INTEGER, deadline_at INTEGER, "
    "UNIQUE (batch_id, custom_id))",
    "CREATE TABLE requests (job_id INTEGER PRIMARY KEY, method TEXT, url TEXT, body TEXT)",
    "CREATE TABLE attempts (job_id INTEGER, number INTEGER, outcome TEXT, status_code INTEGER, error_code "
    "TEXT, message TEXT, "
    "request_id TEXT, model TEXT, started_at INTEGER, latency_ms INTEGER, wait_ms INTEGER, retry_after_ms "
    "INTEGER, "
    "prompt_tokens INTEGER, completion_tokens INTEGER, cached_tokens INTEGER, cost_nanousd INTEGER, "
    "generation INTEGER, endpoint TEXT, "
    "PRIMARY KEY (job_id, number)) WITHOUT ROWID",
    "CREATE TABLE results (job_id INTEGER PRIMARY KEY, batch_id INTEGER, seq INTEGER, status_code INTEGER, "
    "request_id TEXT, "
    "model TEXT, finish_reason TEXT, prompt_tokens INTEGER, completion_tokens INTEGER, cached_tokens "
    "INTEGER, "
    "reasoning_tokens INTEGER, cost_nanousd INTEGER, latency_ms INTEGER, finished_at INTEGER, body TEXT)",
    "CREATE INDEX jobs_ready ON jobs (batch_id, route, priority) WHERE state = 'ready'",
    "CREATE INDEX jobs_waiting ON jobs (retry_is_counted, next_retry_at) WHERE state = 'waiting'",
    "CREATE INDEX jobs_waiting_of_batch ON jobs (batch_id, retry_is_counted, next_retry_at) WHERE state = "
    "'waiting'",
    "CREATE INDEX jobs_deadline ON jobs (deadline_at) WHERE deadline_at IS NOT NULL AND (state = 'ready' OR "
    "state = 'waiting')",
    "CREATE INDEX jobs_running ON jobs (batch_id) WHERE state = 'running'",
    "CREATE INDEX jobs_canceled ON jobs (batch_id) WHERE state = 'canceled'",
    "CREATE UNIQUE INDEX results_completed ON results (batch_id, seq)",
};

static inline void bare_exec(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        die(sql, sqlite3_errmsg(db));
}

static inline sqlite3 *bare_open(const char *path)
{
    sqlite3 *db = NULL;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) !=
        SQLITE_OK)
        die(path, "cannot be opened");
    return db;
}

static inline sqlite3 *bare_create(const char *path)
{
    sqlite3 *db = bare_open(path);
    for (size_t i = 0; i < sizeof bare_tables / sizeof *bare_tables; i++)
        bare_exec(db, bare_tables[i]);
    return db;
}

static inline sqlite3_stmt *bare_prepare(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL) != SQLITE_OK)
        die(sql, sqlite3_errmsg(db));
    return stmt;
}

static inline int64_t bare_int(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt = bare_prepare(db, sql);
    int64_t value = sqlite3_step(stmt) == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
    sqlite3_finalize(stmt);
    return value;
}

/* Binds integers ('i') and texts ('s'), steps, resets. */
static inline void bare_step(sqlite3_stmt *stmt, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    for (int i = 1; types[i - 1] != '\0'; i++)
        if (types[i - 1] == 'i')
            sqlite3_bind_int64(stmt, i, va_arg(args, int64_t));
        else
            sqlite3_bind_text(stmt, i, va_arg(args, const char *), -1, SQLITE_STATIC);
    va_end(args);
    if (sqlite3_step(stmt) != SQLITE_DONE)
        die(sqlite3_sql(stmt), sqlite3_errmsg(sqlite3_db_handle(stmt)));
    sqlite3_reset(stmt);
}

/* ---- files and input ---- */

static inline void remove_store(const char *path)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", ".lock"};
    char name[600];
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
        unlink(name);
    }
}

/* The body of request `i`: so many bytes of `filler` make a line of the input about 600 bytes long. */
static inline int request_body(char *out, size_t size, int64_t i)
{
    static const char filler[] =
        "A train leaves at nine and runs at sixty miles an hour; another leaves at ten on the same "
        "line and runs at eighty. How far from the station does the second reach the first, and at "
        "what time of the day, when neither of them ever stops? Give the steps that lead to the "
        "answer, then the answer alone on the last line, as a number with its unit and nothing else.";
    return snprintf(out, size,
                    "{\"model\":\"gpt-4o-mini\",\"max_tokens\":40,\"messages\":[{\"role\":\"user\","
                    "\"content\":\"%lld. %s\"}]}",
                    (long long)i, filler);
}

static inline void write_input(const char *path, int64_t jobs)
{
    FILE *f = fopen(path, "w");
    char body[1024];
    for (int64_t i = 1; f != NULL && i <= jobs; i++) {
        request_body(body, sizeof body, i);
        fprintf(f,
                "{\"custom_id\":\"request-%lld\",\"method\":\"POST\",\"url\":\"/v1/chat/"
                "completions\",\"body\":%s}\n",
                (long long)i, body);
    }
    if (f == NULL || fclose(f) != 0)
        die(path, "cannot be written");
}

static inline void load_input(const char *db, const char *input)
{
    lh_ingest_options o;
    lh_ingest_report report;
    lh_error err = {0};
    lh_ingest_options_default(&o);
    o.inputs = &input;
    o.n_inputs = 1;
    o.batch = "bench";
    if (lh_ingest(db, &o, &report, &err) != 0)
        die("load", err.message);
}

/* A store of so many small jobs, made in bulk: for what depends on their number and not on their size. */
static inline void make_big_store(const char *path, int64_t jobs)
{
    char input[600], sql[1024];
    snprintf(input, sizeof input, "%s.jsonl", path);
    remove_store(path);
    write_input(input, 1);
    load_input(path, input);
    unlink(input);
    sqlite3 *db = bare_open(path);
    bare_exec(db, "PRAGMA synchronous = OFF; PRAGMA cache_size = -400000; BEGIN");
    snprintf(sql, sizeof sql,
             "INSERT INTO jobs (id, batch_id, custom_id, line, priority, created_at) WITH RECURSIVE n(i) AS "
             "(VALUES(2) UNION ALL "
             "SELECT i + 1 FROM n WHERE i < %lld) SELECT i, 1, 'r' || i, i, 500, 1 FROM n",
             (long long)jobs);
    bare_exec(db, sql);
    bare_exec(db, "INSERT INTO requests (job_id, url, body) SELECT id, '/v1/chat/completions', "
                  "'{\"model\":\"m\",\"messages\":"
                  "[{\"role\":\"user\",\"content\":\"hello\"}]}' FROM jobs WHERE id > 1");
    snprintf(sql, sizeof sql, "UPDATE batches SET jobs_ready = %lld, last_job_id = %lld", (long long)jobs,
             (long long)jobs);
    bare_exec(db, sql);
    bare_exec(db, "COMMIT; PRAGMA wal_checkpoint(TRUNCATE)");
    sqlite3_close(db);
}

#endif

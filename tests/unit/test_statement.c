/* The schema and the statements: migrations give schema.sql, each statement prepares, no hot one scans or sorts, and the database
 * allows exactly the moves that the code does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/connection.h"
#include "store/states.h"

static char path[64];

static struct store *open_new(void)
{
    struct store *s = NULL;
    lh_error err = {0};
    snprintf(path, sizeof path, "test_statement_%ld.db", (long)getpid());
    assert_int_equal(store_open(path, STORE_CREATE, &s, &err), 0);
    return s;
}

static void close_new(struct store *s)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    char name[80];
    store_close(s);
    for (size_t i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
        unlink(name);
    }
}

/* The schema without comments and white space. */
static char *schema_of(sqlite3 *db)
{
    sqlite3_stmt *stmt = NULL;
    char *all = calloc(1, 200000);
    size_t n = 0;
    assert_int_equal(
        sqlite3_prepare_v2(db, "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name", -1,
                           &stmt, NULL),
        SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW)
        for (const char *p = (const char *)sqlite3_column_text(stmt, 0); *p != '\0'; p++) {
            if (p[0] == '-' && p[1] == '-')
                p += strcspn(p, "\n");
            if (strchr(" \n\t", *p) == NULL)
                all[n++] = *p;
        }
    sqlite3_finalize(stmt);
    return all;
}

static void migrations_give_the_schema(void **state)
{
    (void)state;
    struct store *s = open_new();
    sqlite3 *db = NULL;
    sqlite3_open(":memory:", &db);
    assert_int_equal(sqlite3_exec(db, embedded_schema, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, embedded_views, NULL, NULL, NULL), SQLITE_OK);
    char *migrated = schema_of(s->db), *written = schema_of(db);
    assert_true(strlen(written) > 1000);
    assert_string_equal(migrated, written);
    free(migrated);
    free(written);
    sqlite3_close(db);
    close_new(s);
}

static void each_statement_prepares(void **state)
{
    (void)state;
    struct store *s = open_new();
    for (int i = 0; i < STMT_COUNT; i++) {
        sqlite3_stmt *stmt = NULL;
        int code = sqlite3_prepare_v2(s->db, embedded_statements[i].sql, -1, &stmt, NULL);
        if (code != SQLITE_OK)
            fail_msg("%s: %s", embedded_statements[i].name, sqlite3_errmsg(s->db));
        sqlite3_finalize(stmt);
    }
    close_new(s);
}

static bool plan_has(sqlite3 *db, const char *sql, const char *step)
{
    char text[8192];
    sqlite3_stmt *stmt = NULL;
    bool has = false;
    snprintf(text, sizeof text, "EXPLAIN QUERY PLAN %s", sql);
    assert_int_equal(sqlite3_prepare_v2(db, text, -1, &stmt, NULL), SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW)
        has = has || strstr((const char *)sqlite3_column_text(stmt, 3), step) != NULL;
    sqlite3_finalize(stmt);
    return has;
}

/* What is wrong with a plan: a scan of a table that grows with the jobs, or a sort. */
static bool plan_is_bad(sqlite3 *db, const char *sql)
{
    static const char *const big[] = {"SCAN j", "SCAN q", "SCAN r", "SCAN d", "SCAN a", "USE TEMP B-TREE"};
    bool bad = false;
    for (size_t i = 0; i < sizeof big / sizeof *big; i++)
        bad = bad || plan_has(db, sql, big[i]);
    return bad;
}

static void no_hot_statement_scans_or_sorts(void **state)
{
    (void)state;
    static const enum stmt_id hot[] = {
        STMT_CLAIM_CANDIDATES,
        STMT_NEXT_HEAD,
        STMT_CLAIM_JOB,
        STMT_PROMOTE_JOB,
        STMT_NEXT_RETRY_OF_BATCH,
        STMT_JOB_DONE,
        STMT_JOB_DEAD,
        STMT_JOB_WAIT,
        STMT_JOB_GIVE_BACK,
        STMT_JOB_READY_AGAIN,
        STMT_ORPHANS,
        STMT_NEXT_DEADLINE,
        STMT_LATE_JOBS,
        STMT_LATE_LETTER,
        STMT_DEADLINE_PIECE,
        STMT_DEADLINES_MOVE,
        STMT_CHECKPOINT_GET,
        STMT_EXPORT_INPUT_ORDER,
        STMT_EXPORT_RESULTS_AFTER,
        STMT_EXPORT_DEAD_AFTER,
        STMT_BATCH_COUNT,
        STMT_USAGE_ADD,
        STMT_CANCEL_READY_IDS,
        STMT_CANCEL_WAITING_IDS,
        STMT_JOB_SHOW,
        STMT_JOB_ATTEMPTS,
        STMT_JOB_LINE_OF,
    };
    struct store *s = open_new();
    for (size_t i = 0; i < sizeof hot / sizeof *hot; i++)
        if (plan_is_bad(s->db, embedded_statements[hot[i]].sql))
            fail_msg("%s scans or sorts", embedded_statements[hot[i]].name);
    assert_true(plan_is_bad(s->db, "SELECT id FROM jobs j ORDER BY line"));
    close_new(s);
}

static void the_database_allows_the_moves_of_the_code(void **state)
{
    (void)state;
    static const enum job_state way[JOB_STATES][3] = {[JOB_WAITING] = {JOB_RUNNING, JOB_WAITING},
                                                      [JOB_RUNNING] = {JOB_RUNNING},
                                                      [JOB_DONE] = {JOB_RUNNING, JOB_DONE},
                                                      [JOB_DEAD] = {JOB_RUNNING, JOB_DEAD},
                                                      [JOB_CANCELED] = {JOB_CANCELED}};
    struct store *s = open_new();
    char sql[256];
    assert_int_equal(sqlite3_exec(s->db, "INSERT INTO batches (name, input, created_at) VALUES ('b', '', 0)",
                                  NULL, NULL, NULL),
                     0);
    for (int from = 0; from < JOB_STATES; from++)
        for (int to = 0; to < JOB_STATES; to++) {
            snprintf(sql, sizeof sql,
                     "INSERT INTO jobs (id, batch_id, custom_id, line, priority, created_at) VALUES (%d, 1, "
                     "'j%d', 1, 5, 0)",
                     1 + from * 10 + to, from * 10 + to);
            assert_int_equal(sqlite3_exec(s->db, sql, NULL, NULL, NULL), SQLITE_OK);
            for (int i = 0; i < 3 && way[from][i] != JOB_READY; i++) {
                snprintf(sql, sizeof sql, "UPDATE jobs SET state = '%s', next_retry_at = %s WHERE id = %d",
                         job_state_name(way[from][i]), way[from][i] == JOB_WAITING ? "1" : "NULL",
                         1 + from * 10 + to);
                assert_int_equal(sqlite3_exec(s->db, sql, NULL, NULL, NULL), SQLITE_OK);
            }
            snprintf(sql, sizeof sql, "UPDATE jobs SET state = '%s', next_retry_at = %s WHERE id = %d",
                     job_state_name((enum job_state)to), to == JOB_WAITING ? "1" : "NULL",
                     1 + from * 10 + to);
            bool allowed = sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK;
            assert_int_equal(allowed, job_move_is_legal((enum job_state)from, (enum job_state)to));
        }
    close_new(s);
}

/* A small batch in a store of ten million jobs is not to wait for all of their attempts, nor a store of many models for each of them. */
static void a_run_with_a_budget_reads_its_own_batch(void **state)
{
    (void)state;
    struct store *s = open_new();
    assert_true(plan_has(s->db, embedded_statements[STMT_SPENT_UNPRICED].sql,
                         "SEARCH a USING PRIMARY KEY (job_id>? AND job_id<?)"));
    assert_true(plan_has(s->db, embedded_statements[STMT_OPEN_ROUTES].sql,
                         "SEARCH j USING INDEX jobs_ready (batch_id=? AND route=?)"));
    close_new(s);
}

/* A list of three or more after IN is a table that is built at each write, in a CHECK or a trigger (whose code EXPLAIN lists too): it made
 * a claim twice as dear. */
static bool builds_a_table(sqlite3 *db, const char *sql)
{
    char text[8192];
    sqlite3_stmt *stmt = NULL;
    bool builds = false;
    snprintf(text, sizeof text, "EXPLAIN %s", sql);
    assert_int_equal(sqlite3_prepare_v2(db, text, -1, &stmt, NULL), SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW)
        builds = builds || strcmp((const char *)sqlite3_column_text(stmt, 1), "OpenEphemeral") == 0;
    sqlite3_finalize(stmt);
    return builds;
}

static void no_write_of_a_request_builds_a_table(void **state)
{
    (void)state;
    static const enum stmt_id writes[] = {
        STMT_JOB_INSERT,  STMT_REQUEST_INSERT,  STMT_CLAIM_JOB,     STMT_JOB_DONE,
        STMT_JOB_WAIT,    STMT_JOB_DEAD,        STMT_PROMOTE_JOB,   STMT_JOB_GIVE_BACK,
        STMT_CANCEL_JOB,  STMT_JOB_READY_AGAIN, STMT_LATE_JOB_DEAD, STMT_ATTEMPT_INSERT,
        STMT_ORPHAN_DEAD, STMT_RESULT_INSERT,   STMT_BATCH_COUNT,   STMT_ORPHAN_READY};
    struct store *s = open_new();
    for (size_t i = 0; i < sizeof writes / sizeof *writes; i++)
        if (builds_a_table(s->db, embedded_statements[writes[i]].sql))
            fail_msg("%s builds a table", embedded_statements[writes[i]].name);
    close_new(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(migrations_give_the_schema),
        cmocka_unit_test(each_statement_prepares),
        cmocka_unit_test(no_hot_statement_scans_or_sorts),
        cmocka_unit_test(no_write_of_a_request_builds_a_table),
        cmocka_unit_test(a_run_with_a_budget_reads_its_own_batch),
        cmocka_unit_test(the_database_allows_the_moves_of_the_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

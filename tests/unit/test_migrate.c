/* Migrations and what is refused: newer files, other programs' files, other builds' schemas, half-done changes; and two
 * processes that make the same file at once. */
#include "store_world.h"

#include <sys/wait.h>

#include "failing_disk.h"

static int reopen(struct world *w, enum store_mode mode)
{
    struct store *s = NULL;
    w->err = (lh_error){0};
    int rc = store_open(w->path, mode, &s, &w->err);
    assert_int_equal(s != NULL, rc == 0);
    store_close(s);
    return rc;
}

static void a_newer_file_is_refused_by_every_mode(void **state)
{
    (void)state;
    static const enum store_mode modes[] = {STORE_READ, STORE_WRITE, STORE_CREATE, STORE_NO_MIGRATE};
    struct world w;
    world_open(&w);
    world_sql(&w, "PRAGMA user_version = %d", embedded_migration_count + 1);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(reopen(&w, modes[i]), LH_ENEWER);
        assert_non_null(strstr(w.err.message, "newer longhaul"));
        assert_non_null(strstr(w.err.message, w.path));
    }
    assert_int_equal(world_int(&w, "PRAGMA user_version"), embedded_migration_count + 1);
    world_close(&w);
}

static void a_file_of_another_program_is_refused_and_left_as_it_is(void **state)
{
    (void)state;
    static const char *const files[] = {"CREATE TABLE theirs (a)", "PRAGMA application_id = 77",
                                        "CREATE TABLE theirs (a); PRAGMA user_version = 1"};
    for (size_t i = 0; i < 3; i++) {
        struct world w = {0};
        sqlite3 *db = NULL;
        snprintf(w.path, sizeof w.path, "store_world_%ld.db", (long)getpid());
        world_remove(w.path);
        assert_int_equal(sqlite3_open(w.path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, files[i], NULL, NULL, NULL), SQLITE_OK);
        assert_int_equal(reopen(&w, STORE_CREATE), LH_ENOTADB);
        assert_int_equal(reopen(&w, STORE_WRITE), LH_ENOTADB);
        assert_int_equal(reopen(&w, STORE_READ), LH_ENOTADB);
        assert_int_equal(sqlite3_exec(db, "CREATE TABLE batches (only_if_it_is_not_there)", NULL, NULL, NULL),
                         SQLITE_OK);
        sqlite3_close(db);
        world_remove(w.path);
    }
}

static void a_file_that_is_no_database_is_refused(void **state)
{
    (void)state;
    struct world w = {0};
    snprintf(w.path, sizeof w.path, "store_world_%ld.db", (long)getpid());
    FILE *f = fopen(w.path, "w");
    assert_non_null(f);
    for (int i = 0; i < 1000; i++)
        fputs("this is a letter to my aunt\n", f);
    fclose(f);
    assert_int_equal(reopen(&w, STORE_CREATE), LH_ENOTADB);
    assert_int_equal(reopen(&w, STORE_READ), LH_ENOTADB);
    world_remove(w.path);
}

static void what_is_missing_or_empty_is_said(void **state)
{
    (void)state;
    struct world w = {0};
    snprintf(w.path, sizeof w.path, "store_world_%ld.db", (long)getpid());
    world_remove(w.path);
    assert_int_equal(reopen(&w, STORE_READ), LH_ENOTFOUND);
    assert_int_equal(reopen(&w, STORE_WRITE), LH_ENOTFOUND);
    FILE *f = fopen(w.path, "w");
    assert_non_null(f);
    fclose(f);
    assert_int_equal(reopen(&w, STORE_READ), LH_ENOTADB);
    assert_int_equal(reopen(&w, STORE_WRITE), LH_ENOTADB);
    assert_int_equal(reopen(&w, STORE_CREATE), 0);
    assert_int_equal(reopen(&w, STORE_READ), 0);
    world_remove(w.path);
    snprintf(w.path, sizeof w.path, ".");
    assert_int_equal(reopen(&w, STORE_CREATE), LH_ENOTADB);
    w.path[0] = '\0';
    assert_int_equal(reopen(&w, STORE_CREATE), LH_EUSAGE);
}

static void another_checksum_is_another_build(void **state)
{
    (void)state;
    static const char *const changes[] = {"UPDATE schema_migrations SET checksum = 'other'",
                                          "UPDATE schema_migrations SET version = 99 WHERE version = 1"};
    for (size_t i = 0; i < 2; i++) {
        struct world w;
        int64_t from = 0, to = 0;
        world_open(&w);
        world_sql(&w, "%s", changes[i]);
        assert_int_equal(reopen(&w, STORE_WRITE), LH_ENOTADB);
        assert_non_null(strstr(w.err.message, "different build"));
        assert_int_equal(lh_db_migrate(w.path, &from, &to, &w.err), LH_ENOTADB);
        world_close(&w);
    }
}

static void the_history_is_on_record(void **state)
{
    (void)state;
    struct world w;
    int64_t from = -1, to = -1;
    world_open(&w);
    assert_int_equal(world_int(&w, "SELECT count(*) FROM schema_migrations"), embedded_migration_count);
    assert_int_equal(world_int(&w, "SELECT max(version) FROM schema_migrations"), embedded_migration_count);
    assert_true(world_text_is(&w, "SELECT checksum FROM schema_migrations WHERE version = 1",
                              embedded_migrations[0].checksum));
    assert_int_equal(world_int(&w, "PRAGMA user_version"), embedded_migration_count);
    assert_int_equal(world_int(&w, "PRAGMA application_id"), STORE_APPLICATION_ID);
    assert_int_equal(lh_db_migrate(w.path, &from, &to, &w.err), 0);
    assert_int_equal(from, embedded_migration_count);
    assert_int_equal(to, embedded_migration_count);
    assert_int_equal(world_int(&w, "SELECT count(*) FROM schema_migrations"), embedded_migration_count);
    world_close(&w);
}

/* A file as the first release left it, with a job in each state. */
static void make_first(const char *path)
{
    sqlite3 *db = world_first_release(path);
    world_exec(db,
               "INSERT INTO batches (id, name, state, input, created_at) VALUES (1, 'b', 'active', 'in', 0)");
    world_exec(db,
               "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5)"
               "INSERT INTO jobs (id, batch_id, custom_id, line, priority, created_at) SELECT i, 1, 'j' || "
               "i, i, 500, 0 FROM n;"
               "UPDATE jobs SET state = 'running' WHERE id > 1;"
               "UPDATE jobs SET state = 'waiting', next_retry_at = 77 WHERE id = 2;"
               "UPDATE jobs SET state = 'dead' WHERE id = 3;"
               "UPDATE jobs SET state = 'done' WHERE id = 4;"
               "INSERT INTO dead_letters VALUES (3, 1, 9, 'attempts', 'transient', 'http_500', 'it broke', "
               "500, 'r1', 5, 42, 'last');"
               "INSERT INTO attempts (job_id, number, outcome, started_at) VALUES (4, 1, 'success', 3)");
    sqlite3_close(db);
}

static void a_file_of_the_first_schema_keeps_its_rows(void **state)
{
    (void)state;
    struct world w = {0};
    snprintf(w.path, sizeof w.path, "store_world_%ld.db", (long)getpid());
    make_first(w.path);
    assert_int_equal(store_open(w.path, STORE_READ, &w.store, &w.err), LH_EOLDER);
    assert_int_equal(store_open(w.path, STORE_WRITE, &w.store, &w.err), 0);
    assert_int_equal(world_int(&w, "PRAGMA user_version"), embedded_migration_count);
    assert_true(world_text_is(&w, "SELECT group_concat(state || route || retry_is_counted) FROM jobs",
                              "ready00,waiting00,dead00,done00,running00"));
    assert_true(
        world_text_is(&w,
                      "SELECT job_id || batch_id || seq || reason || error_class || error_code || message || "
                      "status_code || request_id || attempts || died_at || body FROM dead_letters",
                      "319attemptstransienthttp_500it broke500r1542last"));
    assert_int_equal(world_int(&w, "SELECT count(*) FROM attempts WHERE endpoint IS NULL"), 1);
    assert_int_equal(world_int(&w, "SELECT count(*) FROM failures"), 0);
    world_sql(&w, "UPDATE jobs SET state = 'dead' WHERE id = 1");
    world_close(&w);
}

/* A file as the second release left it: attempts of two batches on two days, of jobs with and without a route, priced and not. */
static void make_second(const char *path)
{
    sqlite3 *db = NULL;
    char sql[512];
    make_first(path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    world_exec(db,
               "PRAGMA synchronous = OFF; DROP VIEW job_results; DROP VIEW failures; DROP VIEW batch_summary;"
               "DROP VIEW usage_by_model; DROP VIEW usage_by_batch; DROP VIEW usage_by_tenant; DROP VIEW "
               "usage_by_day; DROP VIEW usage_sums;"
               "DELETE FROM attempts; DELETE FROM dead_letters; DELETE FROM jobs; DELETE FROM batches;");
    world_exec(db, embedded_migrations[1].sql);
    snprintf(sql, sizeof sql,
             "PRAGMA user_version = 2; INSERT INTO schema_migrations VALUES (2, '%s', '%s', 0);",
             embedded_migrations[1].name, embedded_migrations[1].checksum);
    world_exec(db, sql);
    world_exec(
        db,
        "INSERT INTO routes VALUES (1, 'openai', 'asked', '');"
        "INSERT INTO batches (id, name, state, input, created_at, first_job_id, last_job_id, jobs_ready, "
        "jobs_done, "
        "attempts, failed_attempts, prompt_tokens, completion_tokens, cached_tokens, cost_nanousd, next_seq) "
        "VALUES "
        "(1, 'a', 'active', 'in', 0, 1, 3, 2, 1, 4, 3, 51, 29, 4, 900, 2), "
        "(2, 'b', 'active', 'in', 0, 4, 4, 1, 0, 1, 1, 0, 5, 0, 0, 1);"
        "INSERT INTO jobs (id, batch_id, custom_id, line, priority, created_at, route, prompt_tokens) VALUES "
        "(1, 1, 'j1', 1, 500, 0, 1, 20), (2, 1, 'j2', 2, 500, 0, 1, 10), (3, 1, 'j3', 3, 500, 0, 0, 0), "
        "(4, 2, 'j4', 1, 500, 0, 0, 10);"
        "INSERT INTO requests (job_id, url, body) SELECT id, '/v1/chat/completions', '{}' FROM jobs;"
        "UPDATE jobs SET state = 'running', sends = 1;"
        "UPDATE jobs SET sends = 2 WHERE id = 1; UPDATE jobs SET state = 'done' WHERE id = 1;"
        "UPDATE jobs SET state = 'ready' WHERE id > 1;"
        "INSERT INTO attempts (job_id, number, outcome, model, started_at, latency_ms, prompt_tokens, "
        "completion_tokens, cached_tokens, cost_nanousd) VALUES "
        "(1, 1, 'transient', 'answered', 86400000, 5, 25, 12, 4, 400), "
        "(1, 2, 'success', 'answered', 86400001, 7, 16, 13, NULL, 500), "
        "(2, 1, 'lost', NULL, 86400000, NULL, NULL, NULL, NULL, NULL), "
        "(3, 1, 'permanent', 'answered', 86399999, 9, 10, 4, NULL, NULL), "
        "(4, 1, 'transient', NULL, 0, 9, NULL, 5, NULL, NULL);"
        "INSERT INTO results (job_id, batch_id, seq, status_code, prompt_tokens, completion_tokens, "
        "reasoning_tokens, "
        "latency_ms, finished_at, body) VALUES (1, 1, 1, 200, 16, 13, 3, 7, 9, '{}')");
    sqlite3_close(db);
}

static void the_usage_of_earlier_attempts_is_summed_up(void **state)
{
    (void)state;
    struct world w = {0};
    snprintf(w.path, sizeof w.path, "store_world_%ld.db", (long)getpid());
    make_second(w.path);
    assert_int_equal(store_open(w.path, STORE_WRITE, &w.store, &w.err), 0);
    assert_int_equal(world_int(&w, "SELECT count(*) FROM usage"), 3);
    assert_int_equal(
        world_int(
            &w,
            "SELECT count(*) FROM (SELECT * FROM usage EXCEPT VALUES "
            "(1, '1970-01-01', 'answered', 1, 1, 1, 10, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0.0, 0, 0, 0.0, 0, 0), "
            "(1, '1970-01-02', 'asked', 2, 1, 0, 41, 4, 0, 25, 3, 900, 0, 0, 0, 0, 0.0, 1, 13, 169.0, 13, "
            "7), "
            "(2, '1970-01-01', '', 1, 1, 1, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0.0, 0, 0, 0.0, 0, 0))"),
        0);
    assert_int_equal(world_int(&w, "SELECT SUM(reasoning_tokens) FROM batches"), 3);
    assert_int_equal(world_int(&w, "SELECT count(*) FROM batches WHERE unpriced = 1"), 2);
    assert_int_equal(world_faults(&w), 0);
    world_close(&w);
}

/* The disk fails at the first write, the second, at later ones: the file stays of the second release, with its rows. */
static void a_file_of_the_second_schema_becomes_whole_or_stays(void **state)
{
    (void)state;
    struct world w = {0};
    snprintf(w.path, sizeof w.path, "store_world_%ld.db", (long)getpid());
    int failed = 0, made = 0;
    for (int good = 0; good < 500 && !made; good = good * 5 / 4 + 1) {
        make_second(w.path);
        failing_disk_break(SQLITE_IOERR_WRITE, good);
        int rc = reopen(&w, STORE_WRITE);
        made = rc == 0 && atomic_load(&failing_disk.failures) == 0;
        failing_disk_mend();
        if (rc != 0) {
            failed++;
            assert_int_equal(store_open(w.path, STORE_NO_MIGRATE, &w.store, &w.err), 0);
            assert_int_equal(world_int(&w, "PRAGMA user_version"), 2);
            assert_int_equal(world_int(&w, "SELECT count(*) FROM sqlite_schema WHERE name = 'usage'"), 0);
            store_close(w.store);
        }
        assert_int_equal(store_open(w.path, STORE_WRITE, &w.store, &w.err), 0);
        assert_int_equal(world_int(&w, "SELECT SUM(attempts) FROM usage"), 4);
        store_close(w.store);
    }
    assert_true(made);
    assert_true(failed > 5);
    world_remove(w.path);
}

/* Indexes over all jobs are made anew: their sort spills to a file when it is larger than the cache, here of 1 MB. That
 * for the pages, as much for the sort, and as much for all else. */
static void memory_of_a_migration_does_not_grow_with_the_jobs(void **state)
{
    (void)state;
    enum { MEGABYTE = 1 << 20 };
    struct world w = {0};
    sqlite3 *db = NULL;
    snprintf(w.path, sizeof w.path, "store_world_%ld.db", (long)getpid());
    make_first(w.path);
    assert_int_equal(sqlite3_open(w.path, &db), SQLITE_OK);
    world_exec(db, "PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF; BEGIN;"
                   "WITH RECURSIVE n(i) AS (SELECT 6 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)"
                   "INSERT INTO jobs (id, batch_id, custom_id, line, priority, created_at) "
                   "SELECT i, 1, 'j' || i, i, 500, 0 FROM n;"
                   "INSERT INTO attempts (job_id, number, outcome, started_at, latency_ms, prompt_tokens, "
                   "completion_tokens) "
                   "SELECT id, 1, 'success', id, 5, 7, 8 FROM jobs WHERE id > 60000; COMMIT");
    sqlite3_close(db);
    assert_int_equal(store_open(w.path, STORE_NO_MIGRATE, &w.store, &w.err), 0);
    world_sql(&w, "PRAGMA cache_size = -1000; PRAGMA synchronous = OFF");
    int64_t before = sqlite3_memory_used();
    sqlite3_memory_highwater(1);
    assert_int_equal(store_migrate(w.store, NULL, NULL, &w.err), 0);
    assert_true(sqlite3_memory_highwater(0) - before < 3 * MEGABYTE);
    assert_int_equal(world_int(&w, "PRAGMA temp_store"), 2); /* in memory, as before */
    world_close(&w);
}

static void identities_are_the_files_own(void **state)
{
    (void)state;
    struct world w;
    char first[40] = "", again[40] = "", other[40] = "";
    struct store *s = NULL;
    world_open(&w);
    assert_int_equal(store_identity(w.store, first, &w.err), 0);
    assert_int_equal(store_open(w.path, STORE_READ, &s, &w.err), 0);
    assert_int_equal(store_identity(s, again, &w.err), 0);
    store_close(s);
    world_close(&w);
    world_open(&w);
    assert_int_equal(store_identity(w.store, other, &w.err), 0);
    assert_int_equal(strlen(first), 32);
    assert_int_equal(strspn(first, "0123456789abcdef"), 32);
    assert_string_equal(first, again);
    assert_string_not_equal(first, other);
    world_sql(&w, "DELETE FROM checkpoints WHERE kind = 'identity'");
    assert_int_equal(store_identity(w.store, other, &w.err), LH_ECORRUPT);
    world_close(&w);
}

/* The disk fails at the first write, the second, …: until the migration is whole, the file is as empty as before. */
static void a_half_done_migration_leaves_the_old_state(void **state)
{
    (void)state;
    struct world w = {0};
    snprintf(w.path, sizeof w.path, "store_world_%ld.db", (long)getpid());
    bool made = false;
    int failed = 0;
    for (int good = 0; good < 200 && !made; good++) {
        sqlite3 *db = NULL;
        sqlite3_stmt *stmt = NULL;
        world_remove(w.path);
        failing_disk_break(SQLITE_IOERR_WRITE, good);
        int rc = reopen(&w, STORE_CREATE);
        bool broke = atomic_load(&failing_disk.failures) > 0;
        failing_disk_mend();
        made = rc == 0 && !broke;
        failed += rc != 0 ? 1 : 0;
        assert_int_equal(sqlite3_open(w.path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM sqlite_schema", -1, &stmt, NULL),
                         SQLITE_OK);
        assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
        if (rc != 0)
            assert_int_equal(sqlite3_column_int(stmt, 0), 0);
        sqlite3_finalize(stmt);
        sqlite3_close(db);
        assert_int_equal(reopen(&w, STORE_CREATE), 0); /* and the next try succeeds */
        assert_int_equal(reopen(&w, STORE_READ), 0);
    }
    assert_true(made);
    assert_true(failed > 5);
    world_remove(w.path);
}

/* Another process that makes the file just when a connection is about to run a certain statement; without the wait for locks,
 * as it runs in the middle of that. */
struct maker {
    const char *path, *before;
};

static struct maker maker_of_test; /* SQLite passes no argument to an automatic extension */

static int on_statement(unsigned mask, void *arg, void *stmt, void *text)
{
    const struct maker *m = arg;
    sqlite3 *db = NULL;
    char sql[200];
    (void)mask;
    (void)stmt;
    if (strstr(text, m->before) == NULL)
        return 0;
    maker_of_test.path = NULL;
    snprintf(
        sql, sizeof sql,
        "BEGIN IMMEDIATE; CREATE TABLE jobs (x); PRAGMA application_id = %d; PRAGMA user_version = 1; COMMIT",
        STORE_APPLICATION_ID);
    assert_int_equal(sqlite3_open(m->path, &db), SQLITE_OK);
    sqlite3_exec(db, sql, NULL, NULL, NULL);
    sqlite3_close(db);
    return 0;
}

static int watch_new_connection(sqlite3 *db, const char **error, const struct sqlite3_api_routines *api)
{
    static struct maker m;
    (void)error;
    (void)api;
    m = maker_of_test;
    return m.path != NULL ? sqlite3_trace_v2(db, SQLITE_TRACE_STMT, on_statement, &m) : SQLITE_OK;
}

static void a_file_is_judged_by_one_snapshot(void **state)
{
    (void)state;
    static const char *const moments[] = {"application_id", "sqlite_schema"};
    for (size_t i = 0; i < 2; i++) {
        struct world w = {0};
        snprintf(w.path, sizeof w.path, "store_world_%ld.db", (long)getpid());
        world_remove(w.path);
        FILE *f = fopen(w.path, "w");
        assert_non_null(f);
        fclose(f);
        maker_of_test = (struct maker){w.path, moments[i]};
        sqlite3_auto_extension((void (*)(void))watch_new_connection);
        assert_int_equal(reopen(&w, STORE_READ), LH_ENOTADB);
        sqlite3_reset_auto_extension();
        assert_null(maker_of_test.path); /* it was there */
        assert_non_null(strstr(w.err.message, "empty"));
        world_remove(w.path);
    }
}

/* A process of its own from here. */
static _Noreturn void open_and_exit(const char *path, enum store_mode mode, int gate)
{
    char c = 0;
    struct store *s = NULL;
    lh_error err = {0};
    ssize_t n = read(gate, &c, 1); /* both begin when the other end is closed */
    int rc = n == 0 ? store_open(path, mode, &s, &err) : -1;
    bool fine =
        rc == 0 || (mode == STORE_READ && (rc == LH_ENOTFOUND || strstr(err.message, "empty") != NULL));
    if (!fine)
        fprintf(stderr, "%d: %s\n", rc, err.message);
    store_close(s);
    _exit(fine ? 0 : 1);
}

static void two_processes_make_one_file_and_a_reader_sees_none_or_all(void **state)
{
    (void)state;
    struct world w = {0};
    snprintf(w.path, sizeof w.path, "store_world_%ld.db", (long)getpid());
    for (int round = 0; round < 15; round++) {
        static const enum store_mode modes[] = {STORE_CREATE, STORE_CREATE, STORE_READ};
        pid_t pids[3];
        int gate[2];
        world_remove(w.path);
        assert_int_equal(pipe(gate), 0);
        for (size_t i = 0; i < 3; i++) {
            fflush(NULL);
            pids[i] = fork();
            assert_true(pids[i] >= 0);
            if (pids[i] == 0) {
                close(gate[1]);
                open_and_exit(w.path, modes[i], gate[0]);
            }
        }
        close(gate[0]);
        close(gate[1]);
        for (size_t i = 0; i < 3; i++) {
            int status = -1;
            assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
            assert_int_equal(status, 0);
        }
        assert_int_equal(store_open(w.path, STORE_WRITE, &w.store, &w.err), 0);
        assert_int_equal(world_int(&w, "SELECT count(*) FROM schema_migrations"), embedded_migration_count);
        assert_int_equal(world_int(&w, "SELECT count(*) FROM checkpoints WHERE kind = 'identity'"), 1);
        store_close(w.store);
    }
    world_remove(w.path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_newer_file_is_refused_by_every_mode),
        cmocka_unit_test(a_file_of_another_program_is_refused_and_left_as_it_is),
        cmocka_unit_test(a_file_that_is_no_database_is_refused),
        cmocka_unit_test(what_is_missing_or_empty_is_said),
        cmocka_unit_test(another_checksum_is_another_build),
        cmocka_unit_test(the_history_is_on_record),
        cmocka_unit_test(a_file_of_the_first_schema_keeps_its_rows),
        cmocka_unit_test(the_usage_of_earlier_attempts_is_summed_up),
        cmocka_unit_test(a_file_of_the_second_schema_becomes_whole_or_stays),
        cmocka_unit_test(memory_of_a_migration_does_not_grow_with_the_jobs),
        cmocka_unit_test(identities_are_the_files_own),
        cmocka_unit_test(a_half_done_migration_leaves_the_old_state),
        cmocka_unit_test(a_file_is_judged_by_one_snapshot),
        cmocka_unit_test(two_processes_make_one_file_and_a_reader_sees_none_or_all),
    };
    failing_disk_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A person's SQL reads this store and does nothing else. */
#include "store_world.h"

struct rows_seen {
    int calls, columns;
    int64_t sum;
    char text[64];
    bool without_rows;
    int stop_at;
};

static int on_row(void *arg, int n, const char *const *names, const lh_value *values)
{
    struct rows_seen *r = arg;
    r->calls++;
    r->columns = n;
    if (values == NULL) {
        r->without_rows = true;
        snprintf(r->text, sizeof r->text, "%s", names[0]);
        return 0;
    }
    if (values[0].type == LH_INTEGER)
        r->sum += values[0].integer;
    if (values[0].type == LH_TEXT)
        snprintf(r->text, sizeof r->text, "%.*s", (int)values[0].len, values[0].text);
    return r->calls == r->stop_at ? 77 : 0;
}

static int ask(struct world *w, const char *sql, struct rows_seen *r)
{
    *r = (struct rows_seen){.stop_at = r->stop_at};
    w->err = (lh_error){0};
    return lh_sql(w->path, sql, on_row, r, &w->err);
}

static void whatever_reads_is_allowed(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        int64_t sum;
    } table[] = {
        {"SELECT count(*) FROM jobs", 3},
        {"SELECT id FROM jobs", 6},
        {"SELECT jobs FROM batch_summary;", 3},
        {"SELECT 4 -- and a comment", 4},
        {"SELECT 4; -- and a comment", 4},
        {"SELECT 4 /* unfinished", 4},
        {"  \n SELECT 5 ; ; ", 5},
        {"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10) SELECT i FROM n", 55},
        {"SELECT value FROM json_each('[1,2,3]')", 6},
        {"VALUES (8), (9)", 17},
        {"SELECT sum(id) OVER () FROM jobs LIMIT 1", 6},
        {"SELECT ';'", 0},
        {"SELECT count(*) FROM pragma_table_info('jobs')", -1}, /* however many columns there are */
        {"PRAGMA table_info(jobs)", -1},
    };
    struct world w;
    world_open(&w);
    world_batch(&w, "b", 500, 3);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct rows_seen r = {0};
        if (ask(&w, table[i].sql, &r) != 0)
            fail_msg("%s: %s", table[i].sql, w.err.message);
        assert_false(r.without_rows);
        if (table[i].sum >= 0)
            assert_int_equal(r.sum, table[i].sum);
    }
    world_close(&w);
}

static void whatever_writes_attaches_loads_or_settles_is_refused(void **state)
{
    (void)state;
    static const char *const hostile[] = {
        "INSERT INTO jobs (id) VALUES (1)",
        "REPLACE INTO checkpoints VALUES ('a', 'b', '1', 1)",
        "UPDATE jobs SET state = 'done'",
        "UPDATE jobs SET state = 'running' RETURNING id",
        "DELETE FROM jobs",
        "DELETE FROM jobs WHERE 0",
        "WITH x AS (SELECT 1) DELETE FROM jobs",
        "CREATE TABLE t (a)",
        "CREATE TEMP TABLE t (a)",
        "CREATE TEMP VIEW t AS SELECT 1",
        "CREATE VIEW t AS SELECT 1",
        "CREATE INDEX i ON jobs (line)",
        "CREATE TEMP TRIGGER t AFTER INSERT ON jobs BEGIN SELECT 1; END",
        "CREATE VIRTUAL TABLE t USING fts5(a)",
        "CREATE VIRTUAL TABLE temp.t USING dbstat",
        "DROP TABLE jobs",
        "DROP VIEW failures",
        "ALTER TABLE jobs RENAME TO work",
        "ANALYZE",
        "REINDEX",
        "VACUUM",
        "VACUUM INTO 'user_sql_copy.db'",
        "ATTACH 'user_sql_other.db' AS other",
        "ATTACH ':memory:' AS m",
        "DETACH main",
        "EXPLAIN ATTACH 'user_sql_other.db' AS other",
        "BEGIN",
        "BEGIN IMMEDIATE",
        "COMMIT",
        "ROLLBACK",
        "SAVEPOINT s",
        "PRAGMA query_only = OFF",
        "PRAGMA query_only",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA journal_mode",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "PRAGMA writable_schema = ON",
        "PRAGMA user_version = 9",
        "PRAGMA temp_store_directory = '/tmp'",
        "PRAGMA database_list",
        "PRAGMA trusted_schema = ON",
        "SELECT * FROM pragma_database_list",
        "SELECT * FROM pragma_journal_mode('delete')",
        "SELECT load_extension('libm.so.6')",
        "SELECT readfile('/etc/passwd')",
        "SELECT writefile('user_sql_copy.db', 'x')",
        "SELECT * FROM fsdir('/etc')",
        "SELECT * FROM csv('/etc/passwd')",
        "SELECT edit('x')",
        "SELECT fts3_tokenizer('simple')",
        "SELECT * FROM other.jobs",
        "SELECT 1; DELETE FROM jobs",
        "SELECT 1; SELECT 2",
        "SELECT 1; nonsense",
        "",
        "   ",
        "-- nothing",
        ";",
        "SELECT",
        "SELECT * FROM nowhere",
        "not SQL",
        "\xff\xfe",
        ".dump",
    };
    struct world w;
    world_open(&w);
    world_batch(&w, "b", 500, 3);
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        struct rows_seen r = {0};
        int rc = ask(&w, hostile[i], &r);
        if (rc != LH_ESQL)
            fail_msg("%d for: %s", rc, hostile[i]);
        assert_int_equal(r.calls, 0);
        assert_true(w.err.message[0] != '\0');
    }
    assert_int_equal(world_int(&w, "SELECT count(*) FROM jobs WHERE state = 'ready'"), 3);
    assert_int_equal(world_int(&w, "PRAGMA user_version"), embedded_migration_count);
    assert_true(world_text_is(&w, "PRAGMA journal_mode", "wal"));
    assert_int_equal(access("user_sql_copy.db", F_OK), -1);
    assert_int_equal(access("user_sql_other.db", F_OK), -1);
    assert_int_equal(world_faults(&w), 0);
    world_close(&w);
}

static void no_rows_still_have_names(void **state)
{
    (void)state;
    struct world w;
    struct rows_seen r = {0};
    world_open(&w);
    assert_int_equal(ask(&w, "SELECT custom_id, id FROM jobs", &r), 0);
    assert_int_equal(r.calls, 1);
    assert_int_equal(r.columns, 2);
    assert_true(r.without_rows);
    assert_string_equal(r.text, "custom_id");
    world_close(&w);
}

static void a_walk_ends_when_the_caller_says_so(void **state)
{
    (void)state;
    struct world w;
    struct rows_seen r = {.stop_at = 2};
    world_open(&w);
    world_batch(&w, "b", 500, 5);
    assert_int_equal(ask(&w, "SELECT id FROM jobs", &r), 77);
    assert_int_equal(r.calls, 2);
    world_close(&w);
}

static int check_types(void *arg, int n, const char *const *names, const lh_value *v)
{
    (void)names;
    *(bool *)arg = n == 5 && v[0].type == LH_NULL && v[1].type == LH_INTEGER && v[1].integer == INT64_MIN &&
                   v[2].type == LH_REAL && v[2].real == 0.5 && v[3].type == LH_TEXT && v[3].len == 3 &&
                   memcmp(v[3].text, "a\0b", 3) == 0 && v[4].type == LH_BLOB && v[4].len == 2 &&
                   memcmp(v[4].text, "\0\1", 2) == 0;
    return 0;
}

static void values_come_with_their_types_and_lengths(void **state)
{
    (void)state;
    struct world w;
    bool right = false;
    world_open(&w);
    assert_int_equal(lh_sql(w.path,
                            "SELECT NULL, -9223372036854775807 - 1, 0.5, 'a' || char(0) || 'b', x'0001'",
                            check_types, &right, &w.err),
                     0);
    assert_true(right);
    world_close(&w);
}

static void an_error_points_to_its_place(void **state)
{
    (void)state;
    struct world w;
    struct rows_seen r = {0};
    world_open(&w);
    assert_int_equal(ask(&w, "SELECT id FROM jobs WHERE colour = 1", &r), LH_ESQL);
    assert_non_null(strstr(w.err.message, "at \"colour = 1\""));
    assert_int_equal(ask(&w, "DELETE FROM jobs", &r), LH_ESQL);
    assert_non_null(strstr(w.err.message, "reading only"));
    assert_int_equal(lh_sql("no_such.db", "SELECT 1", on_row, &r, &w.err), LH_ENOTFOUND);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_reads_is_allowed),
        cmocka_unit_test(whatever_writes_attaches_loads_or_settles_is_refused),
        cmocka_unit_test(no_rows_still_have_names),
        cmocka_unit_test(a_walk_ends_when_the_caller_says_so),
        cmocka_unit_test(values_come_with_their_types_and_lengths),
        cmocka_unit_test(an_error_points_to_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

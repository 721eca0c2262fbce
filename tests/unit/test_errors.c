/* What SQLite's failures become: a code for the program, and for the person the file, the reason and what to do. */
#include "store_world.h"

struct expected {
    int sqlite_code, lh_code;
    bool passing;
    const char *advice;
};

static void each_failure_has_its_code_and_advice(void **state)
{
    (void)state;
    static const struct expected table[] = {
        {SQLITE_FULL, LH_EFULL, true, "make space"},
        {SQLITE_BUSY, LH_EBUSY, true, "try again"},
        {SQLITE_BUSY_SNAPSHOT, LH_EBUSY, true, "try again"},
        {SQLITE_LOCKED, LH_EBUSY, true, "try again"},
        {SQLITE_PROTOCOL, LH_EBUSY, true, "try again"},
        {SQLITE_IOERR, LH_EIO, true, "check the disk"},
        {SQLITE_IOERR_WRITE, LH_EIO, true, "check the disk"},
        {SQLITE_IOERR_FSYNC, LH_EIO, true, "check the disk"},
        {SQLITE_CANTOPEN, LH_EIO, true, "folder"},
        {SQLITE_READONLY, LH_EREADONLY, true, "owner and mode"},
        {SQLITE_READONLY_DIRECTORY, LH_EREADONLY, true, "owner and mode"},
        {SQLITE_READONLY_DBMOVED, LH_EIO, true, "put it back"},
        {SQLITE_PERM, LH_EREADONLY, true, "owner and mode"},
        {SQLITE_NOTADB, LH_ENOTADB, false, "--db"},
        {SQLITE_CORRUPT, LH_ECORRUPT, false, "db check"},
        {SQLITE_CORRUPT_INDEX, LH_ECORRUPT, false, "db check"},
        {SQLITE_NOMEM, LH_ENOMEM, false, "out of memory"},
        {SQLITE_IOERR_NOMEM, LH_ENOMEM, false, "out of memory"},
        {SQLITE_CONSTRAINT_UNIQUE, LH_ESTATE, false, "DETAIL"},
        {SQLITE_CONSTRAINT_PRIMARYKEY, LH_ESTATE, false, "DETAIL"},
        {SQLITE_CONSTRAINT_CHECK, LH_EINTERNAL, false, "defect"},
        {SQLITE_CONSTRAINT_TRIGGER, LH_EINTERNAL, false, "defect"},
        {SQLITE_CONSTRAINT_FOREIGNKEY, LH_EINTERNAL, false, "defect"},
        {SQLITE_MISUSE, LH_EINTERNAL, false, "defect"},
        {SQLITE_TOOBIG, LH_EINPUT, false, "1 GB"},
        {SQLITE_AUTH, LH_ESQL, false, "DETAIL"},
        {SQLITE_ERROR, LH_ESQL, false, "DETAIL"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct expected *e = &table[i];
        lh_error err = {0};
        assert_int_equal(store_code_failed("my.db", e->sqlite_code, "DETAIL", &err, "doing"), e->lh_code);
        assert_int_equal(err.code, e->lh_code);
        assert_int_equal(store_error_is_passing(e->lh_code), e->passing);
        assert_ptr_equal(strstr(err.message, "my.db: doing: "), err.message);
        if (strstr(err.message, e->advice) == NULL)
            fail_msg("%d: %s", e->sqlite_code, err.message);
    }
}

static void what_cannot_pass_is_not_waited_for(void **state)
{
    (void)state;
    static const int never[] = {LH_OK,     LH_EUSAGE, LH_ENOMEM,   LH_ENOTADB, LH_ECORRUPT,
                                LH_ENEWER, LH_EOLDER, LH_ELOCKED,  LH_EINPUT,  LH_ESTALE,
                                LH_ESQL,   LH_ESTATE, LH_EINTERNAL};
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        assert_false(store_error_is_passing(never[i]));
}

static void an_illegal_transition_is_a_defect_and_ends_the_transaction(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    world_batch(&w, "b", 500, 1);
    world_sql(&w, "UPDATE jobs SET state = 'running', sends = 1; UPDATE jobs SET state = 'done'");
    assert_int_equal(store_begin(w.store, &w.err), 0);
    assert_int_equal(store_exec(w.store, STMT_CANCEL_JOB, &w.err, "ii", (int64_t)1, (int64_t)1),
                     LH_EINTERNAL);
    assert_non_null(strstr(w.err.message, "illegal job transition"));
    store_rollback(w.store);
    assert_int_equal(store_begin(w.store, &w.err), 0);
    store_rollback(w.store);
    assert_true(world_job_is(&w, 1, "done"));
    world_close(&w);
}

static void a_locked_database_says_who_may_pass(void **state)
{
    (void)state;
    struct world w;
    struct store *second = NULL;
    world_open(&w);
    assert_int_equal(store_open(w.path, STORE_WRITE, &second, &w.err), 0);
    store_set_busy_timeout(second, 0);
    assert_int_equal(store_begin(w.store, &w.err), 0);
    assert_int_equal(store_begin(second, &w.err), LH_EBUSY);
    assert_non_null(strstr(w.err.message, "another process"));
    store_rollback(w.store);
    store_close(second);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_failure_has_its_code_and_advice),
        cmocka_unit_test(what_cannot_pass_is_not_waited_for),
        cmocka_unit_test(an_illegal_transition_is_a_defect_and_ends_the_transaction),
        cmocka_unit_test(a_locked_database_says_who_may_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

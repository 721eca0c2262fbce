/* A file is not migrated under a worker that knows it as it was. */
#include "store_world.h"

#include <sys/wait.h>

#include "store/connection.h"
#include "store/lock.h"

/* Another process takes the worker lock and keeps it until `until` is closed. */
static pid_t start_worker(const char *path, int until[2])
{
    int taken[2];
    char byte = 0;
    assert_int_equal(pipe(taken) | pipe(until), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct store_lock *lock = NULL;
        lh_error err = {0};
        close(until[1]);
        bool ok = store_lock_take(path, &lock, &err) == 0 && write(taken[1], "x", 1) == 1;
        _exit(ok && read(until[0], &byte, 1) == 0 ? 0 : 1);
    }
    assert_int_equal(read(taken[0], &byte, 1), 1);
    close(taken[0]);
    close(taken[1]);
    close(until[0]);
    return pid;
}

static void an_older_worker_is_named_and_its_file_stays_as_it_is(void **state)
{
    (void)state;
    struct world w = {0};
    int until[2];
    char who[32];
    int64_t from = 0, to = 0;
    snprintf(w.path, sizeof w.path, "store_world_%ld.db", (long)getpid());
    sqlite3_close(world_first_release(w.path));
    pid_t pid = start_worker(w.path, until);
    snprintf(who, sizeof who, "(pid %ld)", (long)pid);
    assert_int_equal(store_open(w.path, STORE_WRITE, &w.store, &w.err), LH_ELOCKED);
    assert_non_null(strstr(w.err.message, who));
    assert_int_equal(lh_db_migrate(w.path, &from, &to, &w.err), LH_ELOCKED);
    assert_int_equal(store_open(w.path, STORE_READ, &w.store, &w.err), LH_EOLDER);
    close(until[1]);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(lh_db_migrate(w.path, &from, &to, &w.err), 0);
    assert_int_equal(from, 1);
    assert_int_equal(to, embedded_migration_count);
    assert_int_equal(store_open(w.path, STORE_WRITE, &w.store, &w.err), 0);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_older_worker_is_named_and_its_file_stays_as_it_is)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

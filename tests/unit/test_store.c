/* Opening a store where it cannot be one. What is wrong with files themselves stands in test_migrate.c. */
#include "store_world.h"

/* SQLite's own layer for disks without POSIX locks knows no shared memory, as some network file systems do not. */
static void a_disk_without_shared_memory_is_refused(void **state)
{
    (void)state;
    sqlite3_vfs *usual = sqlite3_vfs_find(NULL), *without = sqlite3_vfs_find("unix-dotfile");
    struct store *s = NULL;
    lh_error err = {0};
    char path[64];
    assert_non_null(without);
    snprintf(path, sizeof path, "test_store_%ld.db", (long)getpid());
    sqlite3_vfs_register(without, 1);
    int rc = store_open(path, STORE_CREATE, &s, &err);
    sqlite3_vfs_register(usual, 1);
    world_remove(path);
    assert_int_equal(rc, LH_EIO);
    assert_null(s);
    assert_non_null(strstr(err.message, path));
    assert_non_null(strstr(err.message, "put the database on a local disk"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_disk_without_shared_memory_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

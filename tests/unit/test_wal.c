/* The write-ahead log stays bounded: it is copied back and cut while nobody reads, stops growing when a reader pins it, and
 * shrinks again once the reader is gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "store/wal.h"

enum { MEGABYTE = 1 << 20 };

struct world {
    char path[64];
    struct store *store;
    struct wal wal;
    char *text; /* JSON of a megabyte */
    int writes;
};

static void open_world(struct world *w)
{
    lh_error err = {0};
    snprintf(w->path, sizeof w->path, "test_wal_%ld.db", (long)getpid());
    assert_int_equal(store_open(w->path, STORE_CREATE, &w->store, &err), 0);
    assert_int_equal(store_set_durability(w->store, DURABILITY_NORMAL, &err), 0);
    assert_int_equal(wal_open(&w->wal, w->store, &err), 0);
    w->text = malloc(MEGABYTE + 1);
    assert_non_null(w->text);
    w->text[0] = w->text[MEGABYTE - 1] = '"';
    w->text[MEGABYTE] = '\0';
}

static void close_world(struct world *w)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    char name[80];
    store_close(w->store);
    free(w->text);
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        snprintf(name, sizeof name, "%s%s", w->path, suffixes[i]);
        unlink(name);
    }
}

static int64_t log_size(const struct world *w)
{
    char name[80];
    struct stat st;
    snprintf(name, sizeof name, "%s-wal", w->path);
    return stat(name, &st) == 0 ? (int64_t)st.st_size : 0;
}

/* One transaction of a megabyte; the same row each time, so that the database does not grow, with other contents, as SQLite
 * does not write what is there already. */
static void write_megabyte(struct world *w)
{
    lh_error err = {0};
    memset(w->text + 1, 'a' + w->writes++ % 26, MEGABYTE - 2);
    assert_int_equal(store_begin(w->store, &err), 0);
    assert_int_equal(store_checkpoint_put(w->store, "test", "large", w->text, 1, &err), 0);
    assert_int_equal(store_commit(w->store, &err), 0);
    wal_after_commit(&w->wal);
}

static void log_is_cut_while_nobody_reads(void **state)
{
    (void)state;
    struct world w = {0};
    open_world(&w);
    int64_t largest = 0;
    for (int i = 0; i < 200; i++) {
        write_megabyte(&w);
        largest = log_size(&w) > largest ? log_size(&w) : largest;
        assert_false(wal_is_full(&w.wal));
    }
    assert_true(largest < 100 * (int64_t)MEGABYTE);
    assert_true(largest > 10 * (int64_t)MEGABYTE); /* and it is no checkpoint at each commit */
    close_world(&w);
}

static void pinned_log_says_full_below_the_bound_and_recovers(void **state)
{
    (void)state;
    struct world w = {0};
    struct store *reader = NULL;
    int64_t version = 0;
    lh_error err = {0};
    open_world(&w);
    write_megabyte(&w);
    assert_int_equal(store_open(w.path, STORE_READ, &reader, &err), 0);
    assert_int_equal(store_begin_read(reader, &err), 0);
    assert_int_equal(store_get_int(reader, STMT_JOB_COUNT, 0, &version, &err, ""), 0);
    int commits = 0;
    for (; !wal_is_full(&w.wal) && commits < 300; commits++)
        write_megabyte(&w);
    assert_true(commits > 200 && commits < 256);
    assert_true(wal_bytes(&w.wal) < WAL_BOUND_BYTES);
    assert_true(log_size(&w) < WAL_BOUND_BYTES);
    assert_true(wal_bytes(&w.wal) >= log_size(&w) - MEGABYTE && wal_bytes(&w.wal) <= log_size(&w));
    store_close(reader);
    write_megabyte(&w);
    assert_false(wal_is_full(&w.wal));
    assert_true(log_size(&w) < 2 * (int64_t)MEGABYTE);
    close_world(&w);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(log_is_cut_while_nobody_reads),
        cmocka_unit_test(pinned_log_says_full_below_the_bound_and_recovers),
    };
    log_set_level(LOG_LEVEL_QUIET); /* the warning of a pinned log is expected here */
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The writing half of a load: it never goes on where another process has moved the load on, and it keeps the log bounded. */
#include "base/clock.h"
#include "batch/insert.h"
#include "batch/reading.h"
#include "batch_world.h"

static const char *const in_jsonl[] = {"in.jsonl"};
static int stop = 1;

/* A loader as lh_ingest has it before its first chunk, with that chunk. */
struct world {
    lh_ingest_options options;
    struct loader loader;
    struct reading reading;
};

static void open_world(struct world *w)
{
    lh_error err = {0};
    *w = (struct world){.options = options_for(in_jsonl, 1)};
    struct loader *l = &w->loader;
    l->options = &w->options;
    assert_int_equal(store_open(DB, STORE_CREATE, &l->store, &err), 0);
    assert_int_equal(wal_open(&l->wal, l->store, &err), 0);
    if (batch_find(l->store, "in", &l->batch, NULL) != 0) {
        assert_int_equal(store_exec(l->store, STMT_BATCH_CREATE, &err, "ssiissi", "in", "default", (int64_t)1,
                                    (int64_t)500, "in.jsonl", "{}", clock_wall_ms()),
                         0);
        assert_int_equal(batch_find(l->store, "in", &l->batch, &err), 0);
        assert_int_equal(insert_put_state(l, &err), 0);
    } else {
        assert_int_equal(store_checkpoint_get(l->store, "batch/in", "ingest", &l->written, &err), 0);
        assert_true(load_state_read(l->written, &l->state));
    }
    assert_int_equal(reading_open(&w->reading, &w->options, l->state.lines, &err), 0);
}

static void close_world(struct world *w)
{
    reading_close(&w->reading);
    free(w->loader.written);
    routes_free(&w->loader.routes);
    store_close(w->loader.store);
}

/* Three thousand lines: several chunks. */
static void write_input(void)
{
    struct strbuf text;
    strbuf_init(&text);
    for (int i = 0; i < 6000; i++)
        strbuf_appendf(&text, "{\"prompt\":\"%d\"}\n", i);
    write_bytes("in.jsonl", text.data, text.len);
    strbuf_free(&text);
}

static int insert_next(struct world *w, lh_error *err)
{
    struct chunk *chunk = chunks_next(w->reading.chunks);
    *err = (lh_error){0};
    int rc = insert_chunk(&w->loader, chunk, err);
    chunks_recycle(w->reading.chunks, chunk);
    return rc;
}

static int64_t jobs(void)
{
    return ask("SELECT count(*) FROM jobs");
}

/* Both have read the same position. Whoever writes second has an old one, whatever it is about to do. */
static void who_comes_second_changes_nothing(void **state)
{
    (void)state;
    struct world first, second;
    lh_error err = {0};
    write_input();
    open_world(&first);
    open_world(&second);
    assert_int_equal(insert_next(&first, &err), 0);
    int64_t stored = jobs();
    assert_int_equal(insert_next(&second, &err), LH_ESTATE);
    assert_non_null(strstr(err.message, "another process is loading batch in"));
    assert_int_equal(insert_discard(&second.loader, &err), LH_ESTATE);
    assert_int_equal(jobs(), stored);
    assert_int_equal(insert_next(&first, &err), 0);
    assert_int_equal(second.loader.added, 0);
    assert_asked("SELECT count(*) - count(DISTINCT line) FROM jobs", "0\n");
    close_world(&second);
    close_world(&first);
}

/* A discard that another process has overtaken: the batch was removed, and another one of that name is being loaded. */
static void a_late_discard_spares_the_next_batch(void **state)
{
    (void)state;
    struct world late, next;
    lh_error err = {0};
    write_input();
    open_world(&late);
    assert_int_equal(insert_next(&late, &err), 0);
    assert_int_equal(insert_next(&late, &err), 0);
    open_world(&next);
    assert_int_equal(insert_discard(&next.loader, &err), 0);
    assert_int_equal(jobs(), 0);
    close_world(&next);
    open_world(&next);
    assert_int_equal(insert_next(&next, &err), 0);
    int64_t stored = jobs();
    assert_true(stored > 0);
    assert_int_equal(insert_discard(&late.loader, &err), LH_ESTATE);
    assert_int_equal(jobs(), stored);
    close_world(&next);
    close_world(&late);
}

static int64_t log_bytes(void)
{
    struct stat st;
    return stat(DB "-wal", &st) == 0 ? (int64_t)st.st_size : 0;
}

static sqlite3 *begin_reading(void)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open_v2(DB, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN; SELECT count(*) FROM jobs", NULL, NULL, NULL), SQLITE_OK);
    return db;
}

/* With a reader that stays, a load fills the log to its bound and waits; when the reader goes, the log is emptied and it goes on. */
static void a_long_reader_makes_a_load_wait_instead_of_the_log_grow(void **state)
{
    (void)state;
    struct world w;
    lh_error err = {0};
    write_input();
    open_world(&w);
    w.loader.wal.full_at = 450000;
    w.options.stop = &stop; /* a wait that is asked to stop ends at once */
    sqlite3 *reader = begin_reading();
    int rc = 0, chunks = 0;
    while (rc == 0 && chunks < 3) {
        rc = insert_next(&w, &err);
        chunks += rc == 0 ? 1 : 0;
    }
    assert_int_equal(rc, LH_ESTATE);
    assert_non_null(strstr(err.message, "interrupted"));
    int64_t stored = jobs(), bytes = log_bytes();
    assert_true(stored < 6000 && stored == chunks * INT64_C(2000));
    assert_true(bytes > 0 && bytes < 2000000);
    assert_int_equal(insert_discard(&w.loader, &err), LH_ESTATE); /* removing rows writes too */
    assert_int_equal(log_bytes(), bytes);
    sqlite3_close(reader);
    w.loader.state.discarding = false;
    assert_int_equal(insert_begin(&w.loader, 0, &err), 0);
    assert_int_equal(log_bytes(), 0);
    assert_int_equal(insert_end(&w.loader, 0, &err), 0);
    close_world(&w);
}

/* Readers that come and go are no reason to wait. */
static void a_log_without_a_reader_takes_any_transaction(void **state)
{
    (void)state;
    struct world w;
    lh_error err = {0};
    write_input();
    open_world(&w);
    w.loader.wal.full_at = 1; /* each transaction is larger than that */
    w.options.stop = &stop;
    for (int i = 0; i < 3; i++)
        assert_int_equal(insert_next(&w, &err), 0);
    assert_int_equal(jobs(), 6000);
    assert_int_equal(insert_discard(&w.loader, &err), 0);
    assert_int_equal(jobs(), 0);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(who_comes_second_changes_nothing, empty_folder),
        cmocka_unit_test_setup(a_late_discard_spares_the_next_batch, empty_folder),
        cmocka_unit_test_setup(a_long_reader_makes_a_load_wait_instead_of_the_log_grow, empty_folder),
        cmocka_unit_test_setup(a_log_without_a_reader_takes_any_transaction, empty_folder),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}

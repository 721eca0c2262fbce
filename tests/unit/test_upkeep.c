/* Upkeep: `db check` finds each kind of damage and nothing in a sound store; a backup is whole and overwrites nothing. */
#include "store_world.h"

#include <sys/stat.h>
#include <uv.h>

struct findings {
    int64_t count;
    char last[512];
};

static void on_finding(void *arg, const char *text)
{
    struct findings *f = arg;
    f->count++;
    snprintf(f->last, sizeof f->last, "%s", text);
}

/* One job of each state, each with its rows. */
static void set_up(struct world *w)
{
    static const enum outcome_move moves[] = {OUTCOME_DONE, OUTCOME_WAIT, OUTCOME_DEAD, OUTCOME_READY};
    struct claim_list list;
    world_open(w);
    int64_t b = world_batch(w, "b", 500, 7);
    world_claim(w, b, 5, &list);
    struct claimed_job *job = list.first;
    for (size_t i = 0; i < 4; i++, job = job->next) {
        struct outcome o = world_outcome(job, moves[i]);
        world_apply(w, &o);
    }
    claim_list_free(&list); /* the fifth runs */
}

static void a_sound_store_has_no_faults(void **state)
{
    (void)state;
    struct world w;
    int64_t n = 0;
    set_up(&w);
    assert_int_equal(world_faults(&w), 0);
    assert_int_equal(lh_cancel(w.path, "b", &n, &w.err), 0);
    assert_int_equal(world_faults(&w), 0);
    world_close(&w);
}

static void each_planted_damage_is_found(void **state)
{
    (void)state;
    static const struct {
        const char *damage, *says;
    } table[] = {
        {"DELETE FROM results", "done without a result"},
        {"INSERT INTO results (job_id, batch_id, seq, status_code, latency_ms, finished_at, body) "
         "SELECT 7, 1, 0, 200, 1, 1, ''",
         "without being done"},
        {"DELETE FROM dead_letters", "dead without a dead letter"},
        {"INSERT INTO dead_letters (job_id, batch_id, seq, reason, error_class, error_code, message, "
         "attempts, died_at) "
         "VALUES (7, 1, 0, 'lost', 'lost', 'lost', '', 0, 0)",
         "without being dead"},
        {"DELETE FROM requests WHERE job_id = 6", "have no request"},
        {"UPDATE attempts SET outcome = 'transient' WHERE job_id = 1; UPDATE batches SET failed_attempts = 4",
         "successful attempts"},
        {"UPDATE attempts SET outcome = 'success' WHERE job_id = 2; UPDATE batches SET failed_attempts = 2",
         "successful attempts"},
        {"UPDATE jobs SET sends = 3 WHERE id = 2", "than of sends"},
        {"UPDATE attempts SET number = 2 WHERE job_id = 2", "than of sends"},
        {"UPDATE jobs SET sends = 0 WHERE id = 5", "than of sends"},
        {"UPDATE batches SET jobs_done = 2", "its rows say otherwise"},
        {"UPDATE batches SET jobs_ready = 0, jobs_waiting = 4", "its rows say otherwise"},
        {"UPDATE batches SET next_seq = 2", "number a result"},
        {"UPDATE batches SET state = 'finished'", "finished with jobs left"},
        {"UPDATE batches SET attempts = attempts + 1", "other than their attempts"},
        {"UPDATE batches SET failed_attempts = 0", "other than their attempts"},
        {"UPDATE batches SET prompt_tokens = 0", "other than their attempts"},
        {"UPDATE batches SET completion_tokens = 0", "other than their attempts"},
        {"UPDATE batches SET cached_tokens = 0", "other than their attempts"},
        {"UPDATE batches SET cache_write_tokens = 1", "other than their attempts"},
        {"UPDATE batches SET reasoning_tokens = 1", "other than their attempts"},
        {"UPDATE batches SET unpriced = 0", "other than their attempts"},
        {"DELETE FROM usage", "1 days of batches have a usage other"},
        {"UPDATE usage SET day = '1970-01-02'", "2 days of batches have a usage other"},
        {"UPDATE usage SET attempts = attempts + 1", "usage other than their attempts"},
        {"UPDATE usage SET failed = failed + 1", "usage other than their attempts"},
        {"UPDATE usage SET unpriced = unpriced + 1", "usage other than their attempts"},
        {"UPDATE usage SET prompt_tokens = prompt_tokens + 1", "usage other than their attempts"},
        {"UPDATE usage SET cached_tokens = cached_tokens + 1", "usage other than their attempts"},
        {"UPDATE usage SET cache_write_tokens = 1", "usage other than their attempts"},
        {"UPDATE usage SET completion_tokens = 0", "usage other than their attempts"},
        {"UPDATE usage SET reasoning_tokens = 1", "usage other than their attempts"},
        {"UPDATE usage SET cost_nanousd = 1", "usage other than their attempts"},
        {"UPDATE usage SET told_prompts = told_prompts + 1", "usage other than their attempts"},
        {"UPDATE usage SET told_tokens = told_tokens + 1", "usage other than their attempts"},
        {"UPDATE usage SET counted_tokens = counted_tokens + 1", "usage other than their attempts"},
        {"UPDATE usage SET counted_error = counted_error + 1", "usage other than their attempts"},
        {"UPDATE usage SET answers = answers + 1", "usage other than their attempts"},
        {"UPDATE usage SET answer_tokens = answer_tokens + 1", "usage other than their attempts"},
        {"UPDATE usage SET answer_max = answer_max + 1", "usage other than their attempts"},
        {"UPDATE usage SET latency_ms = latency_ms + 1", "usage other than their attempts"},
        {"INSERT INTO attempts (job_id, number, outcome, started_at) VALUES (999, 1, 'lost', 1)",
         "row of jobs that is not there"},
        {"INSERT INTO batches (id, name, input, created_at) VALUES (2, 'c', '', 1);"
         "UPDATE results SET batch_id = 2; UPDATE batches SET next_seq = 9",
         "of another batch"},
        {"PRAGMA ignore_check_constraints = ON; UPDATE jobs SET priority = 5000 WHERE id = 6",
         "CHECK constraint"},
        {"PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'jobs_legal_transition'; "
         "UPDATE sqlite_schema SET sql = 'CREATE INDEX jobs_running ON jobs (batch_id) WHERE state = "
         "''ready''' "
         "WHERE name = 'jobs_running'",
         "jobs_running"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct world w;
        struct findings f = {0};
        int64_t faults = -1;
        set_up(&w);
        world_sql(&w, "PRAGMA foreign_keys = OFF; %s", table[i].damage);
        assert_int_equal(lh_db_check(w.path, on_finding, &f, &faults, &w.err), 0);
        if (faults != f.count || faults < 1 || (faults == 1 && strstr(f.last, table[i].says) == NULL))
            fail_msg("%lld faults, the last \"%s\", after: %s", (long long)faults, f.last, table[i].damage);
        world_close(&w);
    }
}

static void a_torn_page_is_damage(void **state)
{
    (void)state;
    struct world w;
    struct findings f = {0};
    int64_t faults = 0;
    set_up(&w);
    int64_t root = world_int(&w, "SELECT rootpage FROM sqlite_schema WHERE name = 'results'");
    store_close(w.store); /* all of the log is in the file now */
    FILE *file = fopen(w.path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, (long)(root - 1) * 4096, SEEK_SET), 0);
    for (int i = 0; i < 4096; i++)
        fputc(0xA5, file);
    fclose(file);
    int rc = lh_db_check(w.path, on_finding, &f, &faults, &w.err);
    assert_true(rc == LH_ECORRUPT || (rc == 0 && faults > 0));
    world_remove(w.path);
}

/* ---- backup ---- */

static void name_backup(char *out, size_t size)
{
    snprintf(out, size, "store_backup_%ld.db", (long)getpid());
    world_remove(out);
}

static void a_backup_is_the_store(void **state)
{
    (void)state;
    struct world w, copy = {0};
    char mine[40], its[40];
    set_up(&w);
    name_backup(copy.path, sizeof copy.path);
    assert_int_equal(lh_db_backup(w.path, copy.path, &w.err), 0);
    assert_int_equal(store_open(copy.path, STORE_WRITE, &copy.store, &copy.err), 0);
    assert_int_equal(world_int(&copy, "SELECT count(*) FROM jobs"), 7);
    assert_int_equal(world_int(&copy, "SELECT count(*) FROM attempts"), 4);
    assert_int_equal(world_faults(&copy), 0);
    assert_int_equal(store_identity(w.store, mine, &w.err), 0);
    assert_int_equal(store_identity(copy.store, its, &w.err), 0);
    assert_string_equal(mine, its);
    world_close(&copy);
    world_close(&w);
}

static void a_backup_overwrites_nothing(void **state)
{
    (void)state;
    struct world w;
    char target[64], name[96];
    struct stat st;
    static const char *const own[] = {"", "-wal", "-shm", ".lock"};
    set_up(&w);
    name_backup(target, sizeof target);
    FILE *f = fopen(target, "w");
    assert_non_null(f);
    fputs("precious", f);
    fclose(f);
    assert_int_equal(lh_db_backup(w.path, target, &w.err), LH_EUSAGE);
    assert_non_null(strstr(w.err.message, target));
    assert_int_equal(stat(target, &st), 0);
    assert_int_equal(st.st_size, strlen("precious"));
    unlink(target);
    assert_int_equal(symlink("nowhere_at_all", target), 0);
    assert_int_equal(lh_db_backup(w.path, target, &w.err), LH_EUSAGE);
    assert_int_equal(lstat(target, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    unlink(target);
    for (size_t i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "%s%s", w.path, own[i]);
        assert_int_equal(lh_db_backup(w.path, name, &w.err), LH_EUSAGE);
    }
    assert_int_equal(lh_db_backup(w.path, "no_such_folder/copy.db", &w.err) < 0, 1);
    assert_int_equal(lh_db_backup("no_such.db", target, &w.err), LH_ENOTFOUND);
    assert_int_equal(access(target, F_OK), -1);
    assert_int_equal(world_faults(&w), 0);
    world_close(&w);
}

struct busy_writer {
    struct world *w;
    int64_t batch;
    uv_sem_t begun;
    uv_mutex_t mutex;
    bool stop;
};

static bool must_stop(struct busy_writer *b)
{
    uv_mutex_lock(&b->mutex);
    bool stop = b->stop;
    uv_mutex_unlock(&b->mutex);
    return stop;
}

/* Each round moves jobs, attempts, results and counters together: a copy from the middle of one would not pass the check. */
static void write_rounds(void *arg)
{
    struct busy_writer *b = arg;
    uv_sem_post(&b->begun);
    while (!must_stop(b)) {
        struct claim_list list;
        world_claim(b->w, b->batch, 3, &list);
        int64_t n = 0;
        for (struct claimed_job *job = list.first; job != NULL; job = job->next, n++) {
            struct outcome o = world_outcome(job, n % 3 == 0 ? OUTCOME_DONE : OUTCOME_READY);
            world_apply(b->w, &o);
        }
        claim_list_free(&list);
    }
}

static void a_backup_is_consistent_while_a_writer_works(void **state)
{
    (void)state;
    struct world w, copy = {0};
    uv_thread_t thread;
    world_open(&w);
    struct busy_writer b = {.w = &w, .batch = world_batch(&w, "b", 500, 3000)};
    name_backup(copy.path, sizeof copy.path);
    assert_int_equal(uv_sem_init(&b.begun, 0), 0);
    assert_int_equal(uv_mutex_init(&b.mutex), 0);
    assert_int_equal(uv_thread_create(&thread, write_rounds, &b), 0);
    uv_sem_wait(&b.begun);
    for (int i = 0; i < 4; i++) {
        if (lh_db_backup(w.path, copy.path, &copy.err) != 0)
            fail_msg("%s", copy.err.message);
        assert_int_equal(world_faults(&copy), 0);
        world_remove(copy.path);
    }
    uv_mutex_lock(&b.mutex);
    b.stop = true;
    uv_mutex_unlock(&b.mutex);
    uv_thread_join(&thread);
    uv_sem_destroy(&b.begun);
    uv_mutex_destroy(&b.mutex);
    assert_int_equal(world_faults(&w), 0);
    world_close(&w);
}

static void info_tells_what_is_there(void **state)
{
    (void)state;
    struct world w;
    lh_db_info info;
    char identity[40];
    set_up(&w);
    world_batch(&w, "second", 500, 4);
    assert_int_equal(lh_db_info_get(w.path, &info, &w.err), 0);
    assert_string_equal(info.path, w.path);
    assert_int_equal(info.batches, 2);
    assert_int_equal(info.jobs, 11);
    assert_int_equal(info.schema_version, embedded_migration_count);
    assert_int_equal(info.page_size, 4096);
    assert_true(info.wal_bytes > 0);
    assert_int_equal(store_identity(w.store, identity, &w.err), 0);
    assert_string_equal(info.store_id, identity);
    assert_string_equal(info.sqlite_version, sqlite3_libversion());
    assert_int_equal(lh_db_info_get("no_such.db", &info, &w.err), LH_ENOTFOUND);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_store_has_no_faults),
        cmocka_unit_test(each_planted_damage_is_found),
        cmocka_unit_test(a_torn_page_is_damage),
        cmocka_unit_test(a_backup_is_the_store),
        cmocka_unit_test(a_backup_overwrites_nothing),
        cmocka_unit_test(a_backup_is_consistent_while_a_writer_works),
        cmocka_unit_test(info_tells_what_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

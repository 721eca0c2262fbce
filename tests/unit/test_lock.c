/* The worker lock: one process at a time, named by its pid, gone when it is killed. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/lock.h"

struct place {
    char folder[64], db[96], link[96];
};

static int set_up(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    assert_non_null(p);
    snprintf(p->folder, sizeof p->folder, "test_lock_XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    snprintf(p->db, sizeof p->db, "%s/jobs.db", p->folder);
    snprintf(p->link, sizeof p->link, "%s/other.db", p->folder);
    FILE *f = fopen(p->db, "w");
    assert_non_null(f);
    fclose(f);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    struct place *p = *state;
    static const char *const names[] = {"jobs.db", "jobs.db.lock", "other.db", "other.db.lock", "target"};
    char path[160];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", p->folder, names[i]);
        unlink(path);
    }
    rmdir(p->folder);
    free(p);
    return 0;
}

struct holder {
    pid_t pid;
    int release; /* closing it lets the holder end in good order */
};

/* A second process that has the lock before this returns. */
static struct holder start_holder(const char *db)
{
    int ready[2], release[2];
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(release), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct store_lock *l = NULL;
        char c = 'y';
        close(release[1]);
        if (store_lock_take(db, &l, NULL) != 0 || write(ready[1], &c, 1) != 1)
            _exit(1);
        if (read(release[0], &c, 1) != 0)
            _exit(1);
        store_lock_free(l);
        _exit(0);
    }
    char c = 0;
    close(ready[1]);
    close(release[0]);
    assert_int_equal(read(ready[0], &c, 1), 1);
    close(ready[0]);
    return (struct holder){pid, release[1]};
}

static void end_holder(struct holder *h, int signal)
{
    if (signal != 0)
        kill(h->pid, signal);
    close(h->release);
    assert_int_equal(waitpid(h->pid, NULL, 0), h->pid);
}

static void the_second_worker_is_refused_with_the_pid_of_the_first(void **state)
{
    struct place *p = *state;
    struct holder h = start_holder(p->db);
    struct store_lock *l = NULL;
    lh_error err = {0};
    char pid[32];
    snprintf(pid, sizeof pid, "pid %ld)", (long)h.pid);
    assert_int_equal(store_lock_take(p->db, &l, &err), LH_ELOCKED);
    assert_null(l);
    assert_non_null(strstr(err.message, pid));
    assert_non_null(strstr(err.message, p->db));
    end_holder(&h, 0);
}

static void a_symbolic_link_is_the_same_store(void **state)
{
    struct place *p = *state;
    struct store_lock *l = NULL;
    lh_error err = {0};
    int64_t pid = 0;
    assert_int_equal(symlink("jobs.db", p->link), 0);
    struct holder h = start_holder(p->link);
    assert_int_equal(store_lock_take(p->db, &l, &err), LH_ELOCKED);
    assert_int_equal(store_lock_holder(p->db, &pid), 0);
    assert_int_equal(pid, h.pid);
    end_holder(&h, 0);
}

static void the_lock_is_gone_after_sigkill(void **state)
{
    struct place *p = *state;
    struct holder h = start_holder(p->db);
    struct store_lock *l = NULL;
    lh_error err = {0};
    int64_t pid = -1;
    end_holder(&h, SIGKILL);
    assert_int_equal(store_lock_holder(p->db, &pid), 0);
    assert_int_equal(pid, 0);
    assert_int_equal(store_lock_take(p->db, &l, &err), 0);
    store_lock_free(l);
}

static void a_lock_that_was_given_back_can_be_taken(void **state)
{
    struct place *p = *state;
    struct holder h = start_holder(p->db);
    struct store_lock *l = NULL;
    end_holder(&h, 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(store_lock_take(p->db, &l, NULL), 0);
        store_lock_free(l);
    }
}

static void the_holder_is_named_while_it_has_the_lock_and_only_then(void **state)
{
    struct place *p = *state;
    struct store_lock *l = NULL;
    int64_t pid = -1;
    assert_int_equal(store_lock_holder(p->db, &pid), 0);
    assert_int_equal(pid, 0);
    assert_int_equal(store_lock_take(p->db, &l, NULL), 0);
    assert_int_equal(store_lock_holder(p->db, &pid), 0);
    assert_int_equal(pid, getpid());
    store_lock_free(l);
    assert_int_equal(store_lock_holder(p->db, &pid), 0);
    assert_int_equal(pid, 0);
}

static void asking_for_the_holder_does_not_take_the_lock(void **state)
{
    struct place *p = *state;
    struct store_lock *l = NULL;
    int64_t pid = 0;
    for (int i = 0; i < 100; i++)
        store_lock_holder(p->db, &pid);
    assert_int_equal(store_lock_take(p->db, &l, NULL), 0);
    for (int i = 0; i < 100; i++)
        store_lock_holder(p->db, &pid);
    assert_int_equal(pid, getpid());
    store_lock_free(l);
}

/* The pid is written into the lock file: through a link it would overwrite what the link points to. */
static void a_lock_file_that_is_a_link_is_not_followed(void **state)
{
    struct place *p = *state;
    char target[160], lock[160];
    struct store_lock *l = NULL;
    lh_error err = {0};
    struct stat st;
    snprintf(target, sizeof target, "%s/target", p->folder);
    snprintf(lock, sizeof lock, "%s.lock", p->db);
    FILE *f = fopen(target, "w");
    assert_non_null(f);
    fputs("precious", f);
    fclose(f);
    assert_int_equal(symlink("target", lock), 0);
    assert_int_equal(store_lock_take(p->db, &l, &err), LH_EIO);
    assert_null(l);
    assert_int_equal(stat(target, &st), 0);
    assert_int_equal(st.st_size, strlen("precious"));
}

static void a_lock_for_no_file_says_so(void **state)
{
    struct place *p = *state;
    struct store_lock *l = NULL;
    lh_error err = {0};
    int64_t pid = -1;
    assert_int_equal(store_lock_take(p->link, &l, &err), LH_EIO);
    assert_non_null(strstr(err.message, p->link));
    assert_int_equal(store_lock_holder(p->link, &pid), 0);
    assert_int_equal(pid, 0);
    store_lock_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_second_worker_is_refused_with_the_pid_of_the_first, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_symbolic_link_is_the_same_store, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_lock_is_gone_after_sigkill, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lock_that_was_given_back_can_be_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_holder_is_named_while_it_has_the_lock_and_only_then, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(asking_for_the_holder_does_not_take_the_lock, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lock_file_that_is_a_link_is_not_followed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lock_for_no_file_says_so, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

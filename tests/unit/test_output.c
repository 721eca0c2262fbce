/* Files that are written: the old one stands until the new one is whole; what is appended begins where it is told. */
#include <fcntl.h>
#include <sys/wait.h>

#include "batch/output.h"
#include "batch_world.h"

static lh_error err;

static struct output *create(const char *path)
{
    struct output *o = NULL;
    err = (lh_error){0};
    if (output_create(path, &o, &err) != 0)
        fail_msg("%s", err.message);
    return o;
}

static void write_to(struct output *o, const char *text)
{
    strbuf_append_str(output_buffer(o), text);
}

static void the_old_file_stands_until_the_new_one_is_whole(void **state)
{
    (void)state;
    write_text("out", "old");
    struct output *o = create("out");
    write_to(o, "new");
    assert_int_equal(output_bytes(o), 3);
    assert_int_equal(output_flush(o, &err), 0);
    assert_int_equal(output_bytes(o), 3);
    assert_file("out", "old");
    assert_int_equal(output_finish(o, &err), 0);
    assert_file("out", "new");
    output_free(o);
    assert_file("out", "new");
    assert_int_equal(count_files(""), 3); /* with . and .. */
}

static void what_is_not_finished_leaves_nothing(void **state)
{
    (void)state;
    struct output *o = create("out");
    write_to(o, "new");
    assert_int_equal(output_flush(o, &err), 0);
    output_free(o);
    output_free(NULL);
    assert_int_equal(count_files("out"), 0);
}

static void what_a_kill_left_is_used_again(void **state)
{
    (void)state;
    write_text("out.longhaul-partial", "half of an older, longer output");
    struct output *o = create("out");
    write_to(o, "new");
    assert_int_equal(output_finish(o, &err), 0);
    output_free(o);
    assert_file("out", "new");
    assert_int_equal(count_files("out"), 1);
}

static void two_do_not_write_one_output_at_once(void **state)
{
    (void)state;
    struct output *first = create("out"), *second = NULL;
    assert_int_equal(output_create("out", &second, &err), LH_ESTATE);
    assert_non_null(strstr(err.message, "another export"));
    write_to(first, "first");
    assert_int_equal(output_finish(first, &err), 0);
    second = create("out"); /* the first still holds the lock of what is the output now */
    write_to(second, "second");
    output_free(first);
    assert_file("out", "first");
    assert_int_equal(output_finish(second, &err), 0);
    output_free(second);
    assert_file("out", "second");
}

static void two_do_not_append_to_one_output_at_once(void **state)
{
    (void)state;
    struct output *first = NULL, *second = NULL;
    assert_int_equal(output_append("out", 0, &first, &err), 0);
    assert_int_equal(output_append("out", 0, &second, &err), LH_ESTATE);
    assert_null(second);
    output_free(first);
    assert_int_equal(output_append("out", 0, &second, &err), 0);
    output_free(second);
}

static void the_mode_of_the_old_file_is_kept(void **state)
{
    (void)state;
    struct stat st;
    write_text("out", "old");
    chmod("out", 0600);
    struct output *o = create("out");
    assert_int_equal(output_finish(o, &err), 0);
    output_free(o);
    assert_int_equal(stat("out", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_link_is_written_through(void **state)
{
    (void)state;
    struct stat st;
    static const char *const targets[] = {"there", "not-yet"};
    write_text("there", "old");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(symlink(targets[i], "link"), 0);
        struct output *o = create("link");
        write_to(o, "new");
        assert_int_equal(output_finish(o, &err), 0);
        output_free(o);
        assert_int_equal(lstat("link", &st), 0);
        assert_true(S_ISLNK(st.st_mode));
        assert_file(targets[i], "new");
        unlink("link");
    }
}

static void what_is_no_file_is_written_as_it_stands(void **state)
{
    (void)state;
    char got[16] = "";
    assert_int_equal(mkfifo("pipe", 0600), 0);
    int reader = open("pipe", O_RDONLY | O_NONBLOCK);
    struct output *o = create("pipe");
    write_to(o, "text");
    assert_int_equal(output_finish(o, &err), 0);
    output_free(o);
    assert_int_equal(read(reader, got, sizeof got), 4);
    assert_string_equal(got, "text");
    close(reader);
    assert_int_equal(count_files("pipe"), 1);
    o = create("/dev/null");
    write_to(o, "text");
    assert_int_equal(output_finish(o, &err), 0);
    output_free(o);
}

static void what_cannot_be_written_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        int code;
        const char *says;
    } cases[] = {{".", LH_EUSAGE, "folder"}, {"none/out", LH_EIO, "none/out"}, {"in/out", LH_EIO, "in/out"}};
    struct output *o = NULL;
    write_text("in", "");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(output_create(cases[i].path, &o, &err), cases[i].code);
        assert_null(o);
        assert_non_null(strstr(err.message, cases[i].says));
    }
    o = create("/dev/full");
    write_to(o, "text");
    assert_int_equal(output_finish(o, &err), LH_EFULL);
    assert_non_null(strstr(err.message, "make space"));
    output_free(o);
}

static void large_texts_leave_the_buffer(void **state)
{
    (void)state;
    struct output *o = create("out");
    int64_t bytes = 0;
    size_t largest = 0;
    for (int i = 0; i < 20000; i++) {
        write_to(o, "a line of some length, which is written again and again\n");
        bytes += 56;
        assert_int_equal(output_bytes(o), bytes);
        assert_int_equal(output_flush_if_large(o, &err), 0);
        largest = output_buffer(o)->len > largest ? output_buffer(o)->len : largest;
    }
    assert_true(largest < 300000);
    assert_int_equal(output_finish(o, &err), 0);
    output_free(o);
    struct stat st;
    assert_int_equal(stat("out", &st), 0);
    assert_int_equal(st.st_size, bytes);
}

static void appending_begins_where_it_is_told(void **state)
{
    (void)state;
    struct output *o = NULL;
    write_text("out", "good|torn tail");
    assert_int_equal(output_append("out", 5, &o, &err), 0);
    write_to(o, "more");
    assert_int_equal(output_bytes(o), 9);
    assert_int_equal(output_sync(o, &err), 0);
    output_free(o);
    assert_file("out", "good|more");
    assert_int_equal(output_append("new", 0, &o, &err), 0);
    output_free(o);
    assert_file("new", "");
    assert_int_equal(output_append("none/out", 0, &o, &err), LH_EIO);
    assert_null(o);
}

/* Standard output of a child, as a shell would redirect it. */
static void a_dash_is_standard_output(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        struct output *o = NULL;
        int fd = open("captured", O_WRONLY | O_CREAT, 0600);
        dup2(fd, STDOUT_FILENO);
        int rc = output_create("-", &o, &err);
        write_to(o, "text");
        rc = rc == 0 ? output_finish(o, &err) : rc;
        output_free(o);
        _exit(rc == 0 && fcntl(STDOUT_FILENO, F_GETFD) >= 0 ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_file("captured", "text");
    assert_int_equal(count_files("-"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_a_kill_left_is_used_again, empty_folder),
        cmocka_unit_test_setup(two_do_not_append_to_one_output_at_once, empty_folder),
        cmocka_unit_test_setup(two_do_not_write_one_output_at_once, empty_folder),
        cmocka_unit_test_setup(the_old_file_stands_until_the_new_one_is_whole, empty_folder),
        cmocka_unit_test_setup(what_is_not_finished_leaves_nothing, empty_folder),
        cmocka_unit_test_setup(the_mode_of_the_old_file_is_kept, empty_folder),
        cmocka_unit_test_setup(a_link_is_written_through, empty_folder),
        cmocka_unit_test_setup(what_is_no_file_is_written_as_it_stands, empty_folder),
        cmocka_unit_test_setup(what_cannot_be_written_is_told, empty_folder),
        cmocka_unit_test_setup(large_texts_leave_the_buffer, empty_folder),
        cmocka_unit_test_setup(appending_begins_where_it_is_told, empty_folder),
        cmocka_unit_test_setup(a_dash_is_standard_output, empty_folder),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}

/* Two names of one file are found out: by links of both kinds, by folders, and before the file is there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/same_file.h"

static char folder[] = "/tmp/longhaul-same-file.XXXXXX";

static int enter(void **state)
{
    (void)state;
    return mkdtemp(folder) != NULL && chdir(folder) == 0 && mkdir("sub", 0700) == 0 ? 0 : -1;
}

static int leave(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b", "hard", "soft", "to-new", "to-to-new", "loop", "sub/back"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlink(names[i]);
    return rmdir("sub") == 0 && chdir("/") == 0 && rmdir(folder) == 0 ? 0 : -1;
}

static void touch(const char *name)
{
    FILE *f = fopen(name, "w");
    assert_non_null(f);
    fclose(f);
}

static void names_of_a_file_that_is_there(void **state)
{
    (void)state;
    char whole[200];
    touch("a");
    touch("b");
    assert_int_equal(link("a", "hard"), 0);
    assert_int_equal(symlink("a", "soft"), 0);
    snprintf(whole, sizeof whole, "%s/a", folder);
    const char *const same[] = {"a", "./a", "sub/../a", "hard", "soft", whole};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        assert_true(is_same_file("a", same[i]));
    assert_false(is_same_file("a", "b"));
    assert_false(is_same_file("hard", "b"));
    assert_false(is_same_file("a", "new"));
}

static void names_of_a_file_that_is_not_there_yet(void **state)
{
    (void)state;
    assert_int_equal(symlink("new", "to-new"), 0);
    assert_int_equal(symlink("./to-new", "to-to-new"), 0);
    assert_int_equal(symlink("../new", "sub/back"), 0);
    assert_int_equal(symlink("loop", "loop"), 0);
    const char *const same[] = {"new", "./new", "sub/../new", "to-new", "to-to-new", "sub/back"};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        assert_true(is_same_file("new", same[i]));
    assert_false(is_same_file("new", "sub/new"));
    assert_false(is_same_file("new", "loop"));
    assert_false(is_same_file("new", "no-such-folder/new"));
}

static void standard_input_is_no_file(void **state)
{
    (void)state;
    assert_false(is_same_file("-", "-"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_a_file_that_is_there),
        cmocka_unit_test(names_of_a_file_that_is_not_there_yet),
        cmocka_unit_test(standard_input_is_no_file),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}

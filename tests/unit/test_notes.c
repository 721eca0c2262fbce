/* Notes: a map, whatever the order in which they come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "store/notes.h"

static void put(struct notes *to, const char *scope, const char *kind, const char *value)
{
    struct checkpoint_note *n = note_new(scope, kind, value);
    assert_non_null(n);
    notes_put(to, n);
}

static const char *value_of(const struct notes *n, const char *scope, const char *kind)
{
    for (const struct checkpoint_note *at = n->first; at != NULL; at = at->next)
        if (strcmp(at->scope, scope) == 0 && strcmp(at->kind, kind) == 0)
            return at->value;
    return "";
}

static int64_t count(const struct notes *n)
{
    int64_t notes = 0;
    for (const struct checkpoint_note *at = n->first; at != NULL; at = at->next)
        notes++;
    return notes;
}

static void a_later_note_takes_the_place_of_its_key_alone(void **state)
{
    (void)state;
    struct notes n = {0};
    put(&n, "endpoint/a", "gate", "1");
    put(&n, "endpoint/b", "gate", "2");
    put(&n, "endpoint/a", "other", "3");
    put(&n, "endpoint/a", "gate", "4");
    put(&n, "", "endpoint/agate", "5");
    assert_int_equal(count(&n), 4);
    assert_string_equal(value_of(&n, "endpoint/a", "gate"), "4");
    assert_string_equal(value_of(&n, "endpoint/b", "gate"), "2");
    assert_string_equal(value_of(&n, "endpoint/a", "other"), "3");
    assert_string_equal(value_of(&n, "", "endpoint/agate"), "5");
    notes_free(&n);
    assert_null(n.first);
}

/* As the store thread does: notes gather while others wait for a commit that may fail. Against an array. */
static void moved_notes_are_the_later_ones(void **state)
{
    (void)state;
    enum { KEYS = 9, STEPS = 20000 };
    struct random r;
    struct notes posted = {0}, group = {0};
    int last_posted[KEYS] = {0}, last_grouped[KEYS] = {0};
    random_seed(&r, 1);
    for (int i = 1; i <= STEPS; i++) {
        uint64_t what = random_below(&r, 10), key = random_below(&r, KEYS);
        char scope[8], value[16];
        snprintf(scope, sizeof scope, "s%d", (int)key);
        snprintf(value, sizeof value, "%d", i);
        if (what < 7) {
            put(&posted, scope, "k", value);
            last_posted[key] = i;
        } else if (what < 9) {
            notes_move(&group, &posted);
            assert_null(posted.first);
            for (int k = 0; k < KEYS; k++)
                last_grouped[k] = last_posted[k] != 0 ? last_posted[k] : last_grouped[k];
            memset(last_posted, 0, sizeof last_posted);
        } else {
            notes_free(&group);
            memset(last_grouped, 0, sizeof last_grouped);
        }
        snprintf(value, sizeof value, "%d", last_grouped[key]);
        assert_string_equal(value_of(&group, scope, "k"), last_grouped[key] != 0 ? value : "");
        assert_true(count(&group) <= KEYS && count(&posted) <= KEYS);
    }
    notes_free(&posted);
    notes_free(&group);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_later_note_takes_the_place_of_its_key_alone),
        cmocka_unit_test(moved_notes_are_the_later_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

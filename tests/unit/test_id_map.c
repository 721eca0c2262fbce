/* Pointers by id: what a plain array of all ids would say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/random.h"
#include "store/id_map.h"

enum { IDS = 500, STEPS = 40000 };

/* Near each other and far apart, below zero too. */
static int64_t id_of(size_t i)
{
    return (i % 2 == 0 ? (int64_t)i << 33 : (int64_t)i) - 7;
}

static void it_holds_what_was_put_and_not_removed(void **state)
{
    (void)state;
    static char values[IDS];
    static char *expected[IDS];
    struct id_map m = {0};
    struct random random;
    random_seed(&random, 1);
    size_t count = 0;
    for (int step = 0; step < STEPS; step++) {
        size_t i = random_below(&random, IDS);
        int64_t id = id_of(i);
        if (random_below(&random, 2) == 0) {
            count += expected[i] == NULL ? 1 : 0;
            expected[i] = &values[random_below(&random, IDS)];
            assert_true(id_map_put(&m, id, expected[i]));
        } else {
            count -= expected[i] != NULL ? 1 : 0;
            expected[i] = NULL;
            id_map_remove(&m, id);
        }
        assert_int_equal(m.count, count);
        for (size_t j = (size_t)step % 50; j < IDS; j += 50)
            assert_ptr_equal(id_map_get(&m, id_of(j)), expected[j]);
    }
    id_map_free(&m);
}

static void an_empty_one_holds_nothing(void **state)
{
    (void)state;
    struct id_map m = {0};
    assert_null(id_map_get(&m, 0));
    id_map_remove(&m, 0);
    assert_int_equal(m.count, 0);
    id_map_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_holds_what_was_put_and_not_removed),
        cmocka_unit_test(an_empty_one_holds_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

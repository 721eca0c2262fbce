/* Routes: one number for each dialect, model and origin; what was rolled back is not remembered; a store has only so many. */
#include "store_world.h"

#include "store/routes.h"

static int64_t find(struct world *w, struct route_table *t, const char *dialect, const char *model,
                    const char *origin)
{
    int64_t id = -1;
    assert_int_equal(routes_find(t, w->store, dialect, model, origin, &id, &w->err), 0);
    return id;
}

static void same_members_same_number(void **state)
{
    (void)state;
    struct world w;
    struct route_table t, other;
    world_open(&w);
    routes_init(&t);
    routes_init(&other);
    int64_t a = find(&w, &t, "openai", "m", "");
    int64_t b = find(&w, &t, "openai", "n", "");
    int64_t c = find(&w, &t, "anthropic", "m", "");
    int64_t d = find(&w, &t, "openai", "m", "https://h");
    assert_true(a > ROUTE_LOOSE && b > a && c > b && d > c);
    assert_int_equal(find(&w, &t, "openai", "m", ""), a);
    assert_int_equal(find(&w, &other, "openai", "m", "https://h"), d);
    assert_int_equal(find(&w, &other, "openai", "n", ""), b);
    assert_int_equal(world_int(&w, "SELECT count(*) FROM routes"), 4);
    routes_free(&t);
    routes_free(&other);
    world_close(&w);
}

static void what_was_rolled_back_is_made_again(void **state)
{
    (void)state;
    struct world w;
    struct route_table t;
    world_open(&w);
    routes_init(&t);
    assert_int_equal(store_begin(w.store, &w.err), 0);
    find(&w, &t, "openai", "m", "");
    store_rollback(w.store);
    routes_forget(&t);
    int64_t id = find(&w, &t, "openai", "m", "");
    assert_int_equal(world_int(&w, "SELECT id FROM routes WHERE model = 'm'"), id);
    routes_free(&t);
    world_close(&w);
}

static void beyond_the_most_and_beyond_the_length_all_are_loose(void **state)
{
    (void)state;
    struct world w;
    struct route_table t, other;
    char model[ROUTE_MODEL_MOST + 1];
    world_open(&w);
    routes_init(&t);
    routes_init(&other);
    memset(model, 'm', sizeof model - 1);
    model[sizeof model - 1] = '\0';
    assert_int_equal(find(&w, &t, "openai", model, ""), ROUTE_LOOSE);
    model[ROUTE_MODEL_MOST - 1] = '\0';
    int64_t longest = find(&w, &t, "openai", model, "");
    assert_true(longest > ROUTE_LOOSE);
    for (int i = 1; i < ROUTES_MOST; i++) {
        snprintf(model, sizeof model, "model-%d", i);
        assert_true(find(&w, &t, "openai", model, "") > ROUTE_LOOSE);
    }
    assert_int_equal(find(&w, &t, "openai", "one more", ""), ROUTE_LOOSE);
    assert_int_equal(find(&w, &other, "openai", "one more", ""), ROUTE_LOOSE);
    assert_true(find(&w, &other, "openai", "model-17", "") > ROUTE_LOOSE);
    assert_int_equal(world_int(&w, "SELECT count(*) FROM routes"), ROUTES_MOST);
    routes_free(&t);
    routes_free(&other);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_members_same_number),
        cmocka_unit_test(what_was_rolled_back_is_made_again),
        cmocka_unit_test(beyond_the_most_and_beyond_the_length_all_are_loose),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

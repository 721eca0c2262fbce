/* The heap: whatever comes, moves and leaves, the first is the least, and a node knows whether it is in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/random.h"
#include "store/heap.h"

enum { ITEMS = 60, STEPS = 20000 };

struct item {
    struct heap_node node;
    uint64_t rank;
};

static bool rank_before(struct heap_node *a, struct heap_node *b)
{
    return HEAP_OWNER(a, struct item, node)->rank < HEAP_OWNER(b, struct item, node)->rank;
}

static void check_least(const struct heap *h, struct item *items)
{
    uint64_t first = UINT64_MAX, second = UINT64_MAX;
    size_t count = 0;
    for (size_t i = 0; i < ITEMS; i++) {
        uint64_t rank = items[i].rank;
        if (items[i].node.place == 0)
            continue;
        count++;
        second = rank < first ? first : rank < second ? rank : second;
        first = rank < first ? rank : first;
    }
    assert_int_equal(h->count, count);
    if (count > 0)
        assert_int_equal(HEAP_OWNER(heap_first(h), struct item, node)->rank, first);
    else
        assert_null(heap_first(h));
    if (count > 1)
        assert_int_equal(HEAP_OWNER(heap_second(h), struct item, node)->rank, second);
    else
        assert_null(heap_second(h));
}

static void the_first_and_the_second_are_the_least(void **state)
{
    (void)state;
    static struct item items[ITEMS];
    struct heap h = {.before = rank_before};
    struct random random;
    random_seed(&random, 1);
    for (int step = 0; step < STEPS; step++) {
        struct item *item = &items[random_below(&random, ITEMS)];
        bool is_in = item->node.place != 0, leaves = random_below(&random, 3) == 0;
        if (is_in && leaves) {
            heap_remove(&h, &item->node);
            assert_int_equal(item->node.place, 0);
        } else {
            item->rank = random_below(&random, 1000) * ITEMS + (uint64_t)(item - items);
            if (is_in)
                heap_fix(&h, &item->node);
            else
                assert_true(heap_push(&h, &item->node));
        }
        check_least(&h, items);
    }
    heap_free(&h);
}

static void removing_what_is_in_no_heap_does_nothing(void **state)
{
    (void)state;
    struct heap h = {.before = rank_before};
    struct item in = {.rank = 1}, out = {.rank = 0};
    assert_true(heap_push(&h, &in.node));
    heap_remove(&h, &out.node);
    assert_ptr_equal(heap_first(&h), &in.node);
    assert_int_equal(h.count, 1);
    heap_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_and_the_second_are_the_least),
        cmocka_unit_test(removing_what_is_in_no_heap_does_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

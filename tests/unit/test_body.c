/* An answer's body as it comes in: the same bytes in one block, never more than allowed, whatever length was promised. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "http/body.h"

static const int64_t promises[] = {INT64_MIN, -1, 0, 1, 100, 4096, 1 << 20, INT64_C(1) << 40, INT64_MAX};

static void pieces_of_any_size_come_out_as_they_came_in(void **state)
{
    enum { MOST = 100000 };
    char *model = malloc(MOST);
    struct body b = {0};
    struct random r;
    (void)state;
    random_seed(&r, 29);
    assert_non_null(model);
    for (int answer = 0; answer < 60; answer++) {
        size_t len = 0, taken_len = 0, wanted = (size_t)random_below(&r, MOST);
        int64_t told = promises[random_below(&r, sizeof promises / sizeof *promises)];
        while (len < wanted) {
            size_t n = 1 + (size_t)random_below(&r, wanted - len);
            n = n > 9000 ? 9000 : n;
            for (size_t i = 0; i < n; i++)
                model[len + i] = (char)random_u64(&r);
            assert_int_equal(body_append(&b, model + len, n, MOST, told), BODY_OK);
            len += n;
            assert_int_equal(b.data[len], '\0');
        }
        assert_int_equal(b.len, len);
        if (answer % 3 == 0) {
            body_reset(&b);
            continue;
        }
        char *taken = body_take(&b, &taken_len);
        assert_non_null(taken);
        assert_int_equal(taken_len, len);
        assert_memory_equal(taken, model, len);
        assert_int_equal(taken[len], '\0');
        assert_int_equal(b.len, 0);
        free(taken);
    }
    body_free(&b);
    free(model);
}

static void a_body_may_fill_its_room_and_no_more(void **state)
{
    static const char bytes[100];
    struct body b = {0};
    (void)state;
    assert_int_equal(body_append(&b, bytes, 60, 100, 0), BODY_OK);
    assert_int_equal(body_append(&b, bytes, 41, 100, 0), BODY_TOO_LARGE);
    assert_int_equal(b.len, 60); /* as it was */
    assert_int_equal(body_append(&b, bytes, 40, 100, 0), BODY_OK);
    assert_int_equal(body_append(&b, bytes, 1, 100, 0), BODY_TOO_LARGE);
    assert_true(b.capacity <= 101);
    body_free(&b);
    assert_null(b.data);
}

static void a_promise_takes_no_more_than_a_mebibyte_or_the_bound(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof promises / sizeof *promises; i++) {
        struct body b = {0};
        assert_int_equal(body_append(&b, "x", 1, SIZE_MAX / 2, promises[i]), BODY_OK);
        assert_true(b.capacity >= 2 && b.capacity <= 1 << 20);
        body_free(&b);
        assert_int_equal(body_append(&b, "x", 1, 10, promises[i]), BODY_OK);
        assert_true(b.capacity <= 11);
        body_free(&b);
    }
}

static void a_large_block_is_not_kept_for_small_answers(void **state)
{
    static char bytes[200000];
    struct body b = {0};
    size_t len = 0;
    (void)state;
    assert_int_equal(body_append(&b, bytes, 1000, sizeof bytes, 0), BODY_OK);
    body_reset(&b);
    assert_non_null(b.data);
    assert_int_equal(body_append(&b, bytes, sizeof bytes, sizeof bytes, 0), BODY_OK);
    body_reset(&b);
    assert_int_equal(b.capacity, 0);
    assert_int_equal(b.len, 0);
    char *nothing = body_take(&b, &len);
    assert_non_null(nothing);
    assert_int_equal(len, 0);
    assert_int_equal(nothing[0], '\0');
    free(nothing);
    body_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_of_any_size_come_out_as_they_came_in),
        cmocka_unit_test(a_body_may_fill_its_room_and_no_more),
        cmocka_unit_test(a_promise_takes_no_more_than_a_mebibyte_or_the_bound),
        cmocka_unit_test(a_large_block_is_not_kept_for_small_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

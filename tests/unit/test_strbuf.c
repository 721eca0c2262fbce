/* A buffer grows to what is asked, is always a C string, and a failed append costs nothing that was there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/random.h"
#include "base/strbuf.h"

static void an_empty_buffer_is_an_empty_string(void **state)
{
    (void)state;
    struct strbuf b;
    strbuf_init(&b);
    assert_string_equal(b.data, "");
    assert_int_equal(strbuf_append(&b, NULL, 0), 0);
    assert_int_equal(strbuf_append_str(&b, ""), 0);
    assert_int_equal(b.len, 0);
    strbuf_reset(&b);
    strbuf_free(&b);
    strbuf_free(&b);
    assert_string_equal(b.data, "");
}

enum { MODEL_MOST = 1 << 16 };

static size_t append_one_way(struct random *r, struct strbuf *b, char *model)
{
    char bytes[300];
    size_t n = (size_t)random_below(r, sizeof bytes - 1);
    for (size_t i = 0; i < n; i++)
        bytes[i] = (char)(1 + random_below(r, 255));
    bytes[n] = '\0';
    switch (random_below(r, 4)) {
    case 0:
        memset(bytes, 0, n / 2); /* zero bytes are bytes like others */
        assert_int_equal(strbuf_append(b, bytes, n), 0);
        break;
    case 1:
        assert_int_equal(strbuf_append_str(b, bytes), 0);
        break;
    case 2:
        assert_int_equal(strbuf_appendf(b, "%s", bytes), 0);
        break;
    default:
        n = 1;
        assert_int_equal(strbuf_append_char(b, bytes[0]), 0);
    }
    memcpy(model, bytes, n);
    return n;
}

static void any_mix_of_appends_is_their_sum(void **state)
{
    (void)state;
    struct random r;
    random_seed(&r, 1);
    char *model = malloc(MODEL_MOST);
    assert_non_null(model);
    for (int round = 0; round < 50; round++) {
        struct strbuf b;
        size_t len = 0;
        strbuf_init(&b);
        while (len < MODEL_MOST - 300 && random_below(&r, 200) != 0) {
            len += append_one_way(&r, &b, model + len);
            assert_int_equal(b.len, len);
            assert_true(b.capacity > b.len);
            assert_int_equal(b.data[b.len], '\0');
        }
        assert_memory_equal(b.data, model, len);
        strbuf_free(&b);
    }
    free(model);
}

static void growth_is_geometric(void **state)
{
    (void)state;
    struct strbuf b;
    int moves = 0;
    size_t before = 0;
    strbuf_init(&b);
    for (int i = 0; i < 1000000; i++) {
        strbuf_append_char(&b, 'x');
        moves += b.capacity != before;
        before = b.capacity;
    }
    assert_true(moves < 40);
    assert_true(b.capacity <= b.len * 2);
    strbuf_free(&b);
}

static void reset_keeps_the_memory_and_forgets_the_rest(void **state)
{
    (void)state;
    struct strbuf b;
    strbuf_init(&b);
    assert_int_equal(strbuf_reserve(&b, 1000), 0);
    strbuf_append_str(&b, "abc");
    char *data = b.data;
    size_t capacity = b.capacity;
    strbuf_reset(&b);
    assert_string_equal(b.data, "");
    strbuf_append_str(&b, "d");
    assert_ptr_equal(b.data, data);
    assert_int_equal(b.capacity, capacity);
    assert_string_equal(b.data, "d");
    strbuf_free(&b);
}

static void a_failed_append_leaves_what_was_there_and_is_remembered(void **state)
{
    (void)state;
    struct strbuf b;
    strbuf_init(&b);
    strbuf_append_str(&b, "abc");
    assert_int_equal(strbuf_reserve(&b, SIZE_MAX), LH_ENOMEM);
    assert_int_equal(strbuf_reserve(&b, SIZE_MAX - 4), LH_ENOMEM);
    assert_int_equal(strbuf_append(&b, "x", SIZE_MAX - 2), LH_ENOMEM);
    assert_true(b.failed);
    assert_string_equal(b.data, "abc");
    assert_int_equal(strbuf_append_str(&b, "d"), 0);
    assert_true(b.failed);
    assert_null(strbuf_take(&b));
    strbuf_reset(&b);
    assert_false(b.failed);
    strbuf_free(&b);
}

static void take_moves_the_string_out(void **state)
{
    (void)state;
    struct strbuf b;
    strbuf_init(&b);
    char *nothing = strbuf_take(&b);
    assert_string_equal(nothing, "");
    free(nothing);
    strbuf_appendf(&b, "%d %s", 7, "x");
    char *text = strbuf_take(&b);
    assert_string_equal(text, "7 x");
    free(text);
    assert_int_equal(b.len, 0);
    strbuf_append_str(&b, "next");
    assert_string_equal(b.data, "next");
    strbuf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_buffer_is_an_empty_string),
        cmocka_unit_test(any_mix_of_appends_is_their_sum),
        cmocka_unit_test(growth_is_geometric),
        cmocka_unit_test(reset_keeps_the_memory_and_forgets_the_rest),
        cmocka_unit_test(a_failed_append_leaves_what_was_there_and_is_remembered),
        cmocka_unit_test(take_moves_the_string_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The sliding window against brute force over all starts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "limit/window.h"

enum { STARTS = 3000 };

static int64_t starts_since(const int64_t *starts, size_t count, int64_t after_ms)
{
    int64_t n = 0;
    while (count > 0 && starts[count - 1] > after_ms) {
        count--;
        n++;
    }
    return n;
}

static void window_lets_exactly_count_start_in_any_span(void **state)
{
    struct random r;
    (void)state;
    random_seed(&r, 1);
    for (int round = 0; round < 20; round++) {
        struct window w;
        int64_t starts[STARTS], now = 0, count = 1 + (int64_t)random_below(&r, 50);
        int64_t window_ms = 1 + (int64_t)random_below(&r, 5000);
        size_t n = 0;
        assert_int_equal(window_init(&w, count, window_ms), 0);
        while (n < STARTS) {
            now += (int64_t)random_below(&r, (uint64_t)(2 * window_ms / count + 2));
            int64_t inside = starts_since(starts, n, now - window_ms);
            int64_t ready_at = window_ready_at(&w, now);
            assert_true(inside <= count);
            assert_int_equal(ready_at == now, inside < count);
            if (ready_at > now) { /* and at the time it names, not a millisecond sooner */
                assert_int_equal(starts_since(starts, n, ready_at - 1 - window_ms), count);
                assert_true(starts_since(starts, n, ready_at - window_ms) < count);
                now = ready_at;
            }
            window_take(&w, now);
            starts[n++] = now;
        }
        window_free(&w);
    }
}

static void no_count_is_no_limit(void **state)
{
    struct window w;
    (void)state;
    assert_int_equal(window_init(&w, 0, 0), 0);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(window_ready_at(&w, 7), 7);
        window_take(&w, 7);
    }
    window_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(window_lets_exactly_count_start_in_any_span),
        cmocka_unit_test(no_count_is_no_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

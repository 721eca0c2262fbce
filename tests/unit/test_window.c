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

static json_object *saved(const struct window *w, int64_t now_ms, size_t *len)
{
    struct strbuf b;
    strbuf_init(&b);
    window_save(w, now_ms, &b);
    json_object *o = json_tokener_parse(b.data);
    assert_non_null(o);
    *len = b.len;
    strbuf_free(&b);
    return o;
}

/* By another clock, some time later: each start leaves no sooner than it would have, and a span later at most. */
static void what_is_loaded_leaves_when_it_would_have_left(void **state)
{
    enum { NEW_CLOCK = 123456789 };
    struct random r;
    (void)state;
    random_seed(&r, 2);
    for (int round = 0; round < 200; round++) {
        int64_t count = 1 + (int64_t)random_below(&r, 200), now = 0;
        int64_t window_ms = 1 + (int64_t)random_below(&r, round % 2 == 0 ? 900 : 90000);
        int64_t span_ms = window_ms / WINDOW_SPANS + 1, age = (int64_t)random_below(&r, (uint64_t)window_ms);
        struct window was, is;
        size_t len = 0;
        assert_int_equal(window_init(&was, count, window_ms), 0);
        assert_int_equal(window_init(&is, count, window_ms), 0);
        for (int i = 0; i < 300; i++) {
            now =
                window_ready_at(&was, now + (int64_t)random_below(&r, (uint64_t)(2 * window_ms / count + 1)));
            window_take(&was, now);
        }
        json_object *o = saved(&was, now, &len);
        window_load(&is, NEW_CLOCK, age, o);
        json_object_put(o);
        int64_t then = now + age, shift = NEW_CLOCK - then;
        for (int64_t i = 0; i < count; i++) { /* take all there is: each becomes free as one leaves */
            int64_t due = window_ready_at(&was, then), at = window_ready_at(&is, then + shift) - shift;
            assert_true(at >= due && at < due + span_ms);
            window_take(&was, then);
            window_take(&is, then + shift);
        }
        window_free(&was);
        window_free(&is);
    }
}

static void a_window_of_ten_million_makes_a_small_note(void **state)
{
    enum { COUNT = WINDOW_MOST, SECONDS = 60 };
    struct window w, later;
    size_t len = 0;
    (void)state;
    assert_int_equal(window_init(&w, COUNT, SECONDS * 1000), 0);
    assert_int_equal(window_init(&later, COUNT, SECONDS * 1000), 0);
    for (int64_t i = 0; i < COUNT; i++)
        window_take(&w, i * SECONDS * 1000 / COUNT);
    json_object *o = saved(&w, SECONDS * 1000 - 1, &len);
    assert_true(len < (size_t)32 * WINDOW_SPANS);
    window_load(&later, SECONDS * 1000 - 1, 0, o);
    assert_int_equal(later.used, COUNT);
    assert_in_range(window_ready_at(&later, SECONDS * 1000 - 1), SECONDS * 1000, SECONDS * 1000 + 58);
    json_object_put(o);
    window_free(&w);
    window_free(&later);
}

/* The options of the next run may ask for another window: what is known of the past counts in it. */
static void a_smaller_window_takes_up_the_youngest(void **state)
{
    struct window w;
    (void)state;
    json_object *o = json_tokener_parse("[[900,5],[500,1],[400,2],[100,1]]");
    assert_int_equal(window_init(&w, 3, 1000), 0);
    window_load(&w, 10000, 50, o);
    assert_int_equal(window_ready_at(&w, 10000), 10000 - 450 + 1000);
    window_free(&w);
    assert_int_equal(window_init(&w, 3, 200), 0);
    window_load(&w, 10000, 50, o);
    assert_int_equal(w.used, 1);
    window_free(&w);
    json_object_put(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(window_lets_exactly_count_start_in_any_span),
        cmocka_unit_test(no_count_is_no_limit),
        cmocka_unit_test(what_is_loaded_leaves_when_it_would_have_left),
        cmocka_unit_test(a_window_of_ten_million_makes_a_small_note),
        cmocka_unit_test(a_smaller_window_takes_up_the_youngest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

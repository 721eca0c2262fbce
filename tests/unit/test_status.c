/* What `status` knows of the worker: the statistics it checkpoints, and whether it is there. */
#include "store_world.h"

#include "store/lock.h"

static void put_stats(struct world *w, const char *json)
{
    assert_int_equal(store_checkpoint_put(w->store, "worker", "stats", json, 1, &w->err), 0);
}

static void a_store_without_a_worker_says_so(void **state)
{
    (void)state;
    struct world w;
    lh_worker_stats s;
    world_open(&w);
    assert_int_equal(lh_status_worker(w.path, &s, &w.err), 0);
    assert_int_equal(s.pid, 0);
    assert_int_equal(s.started_at, LH_UNKNOWN);
    assert_int_equal(s.updated_at, LH_UNKNOWN);
    assert_string_equal(s.state_json, "{}");
    assert_string_equal(s.limiter, "");
    assert_int_equal(lh_status_worker("no_such.db", &s, &w.err), LH_ENOTFOUND);
    world_close(&w);
}

static void what_the_worker_wrote_is_read(void **state)
{
    (void)state;
    struct world w;
    lh_worker_stats s;
    struct store_lock *lock = NULL;
    world_open(&w);
    put_stats(&w,
              "{\"started_at\":5,\"updated_at\":6,\"rate\":1.5,\"in_flight\":7,\"answers\":8,\"attempts\":9,"
              "\"retries\":1,\"p50_ms\":10,\"p90_ms\":11,\"p99_ms\":12,\"error_rate\":0.25,"
              "\"limiter\":\"concurrency\",\"trouble\":\"disk full\",\"state\":{\"a\":1}}");
    assert_int_equal(store_lock_take(w.path, &lock, &w.err), 0);
    assert_int_equal(lh_status_worker(w.path, &s, &w.err), 0);
    assert_int_equal(s.pid, getpid());
    assert_int_equal(s.started_at, 5);
    assert_int_equal(s.updated_at, 6);
    assert_true(s.rate == 1.5);
    assert_int_equal(s.in_flight, 7);
    assert_int_equal(s.answers, 8);
    assert_int_equal(s.attempts, 9);
    assert_int_equal(s.retries, 1);
    assert_int_equal(s.p50_ms, 10);
    assert_int_equal(s.p90_ms, 11);
    assert_int_equal(s.p99_ms, 12);
    assert_true(s.error_rate == 0.25);
    assert_string_equal(s.limiter, "concurrency");
    assert_string_equal(s.trouble, "disk full");
    assert_string_equal(s.state_json, "{\"a\":1}");
    store_lock_free(lock);
    world_close(&w);
}

/* Another version may have written it. */
static void strange_statistics_do_no_harm(void **state)
{
    (void)state;
    static const char *const strange[] = {"null",
                                          "[]",
                                          "1",
                                          "\"text\"",
                                          "{}",
                                          "{\"rate\":\"fast\",\"state\":[1]}",
                                          "{\"limiter\":{},\"trouble\":5,\"in_flight\":\"x\"}"};
    struct world w;
    lh_worker_stats s;
    world_open(&w);
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) {
        put_stats(&w, strange[i]);
        assert_int_equal(lh_status_worker(w.path, &s, &w.err), 0);
        assert_int_equal(s.started_at, LH_UNKNOWN);
        assert_int_equal(s.in_flight, 0);
        assert_string_equal(s.limiter, "");
        assert_string_equal(s.trouble, "");
    }
    world_close(&w);
}

static void long_texts_are_cut(void **state)
{
    (void)state;
    struct world w;
    lh_worker_stats s;
    char json[700], text[500];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    snprintf(json, sizeof json, "{\"limiter\":\"%s\"}", text);
    world_open(&w);
    put_stats(&w, json);
    assert_int_equal(lh_status_worker(w.path, &s, &w.err), 0);
    assert_int_equal(strlen(s.limiter), sizeof s.limiter - 1);
    world_close(&w);
}

/* `status --json` puts it out as it is: it is an object or nothing. */
static void the_state_of_the_gate_is_never_cut(void **state)
{
    (void)state;
    static const size_t lengths[] = {3000, 4000, 4095, 4096, 5000, 200000};
    struct world w;
    lh_worker_stats s;
    char *json = malloc(200100);
    assert_non_null(json);
    world_open(&w);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        int n = sprintf(json, "{\"state\":{\"a\":\""), wrap = (int)strlen("{\"a\":\"\"}");
        memset(json + n, 'x', lengths[i] - (size_t)wrap);
        strcpy(json + n + lengths[i] - (size_t)wrap, "\"}}");
        put_stats(&w, json);
        assert_int_equal(lh_status_worker(w.path, &s, &w.err), 0);
        assert_int_equal(strlen(s.state_json), lengths[i] < sizeof s.state_json ? lengths[i] : 2);
        assert_int_equal(s.state_json[strlen(s.state_json) - 1], '}');
    }
    put_stats(&w, "{\"state\":[1]}");
    assert_int_equal(lh_status_worker(w.path, &s, &w.err), 0);
    assert_string_equal(s.state_json, "{}");
    free(json);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_store_without_a_worker_says_so),   cmocka_unit_test(what_the_worker_wrote_is_read),
        cmocka_unit_test(strange_statistics_do_no_harm),      cmocka_unit_test(long_texts_are_cut),
        cmocka_unit_test(the_state_of_the_gate_is_never_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

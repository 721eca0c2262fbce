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

struct seen {
    char *all; /* owned: each and a line feed */
    int64_t count, stop_at;
};

static int see(void *arg, const char *json)
{
    struct seen *s = arg;
    size_t len = s->all != NULL ? strlen(s->all) : 0;
    s->all = realloc(s->all, len + strlen(json) + 2);
    assert_non_null(s->all);
    sprintf(s->all + len, "%s\n", json);
    return ++s->count == s->stop_at ? 7 : 0;
}

static void assert_endpoints(struct world *w, const char *stats, const char *want)
{
    struct seen s = {0};
    put_stats(w, stats);
    assert_int_equal(lh_status_endpoints(w->path, see, &s, &w->err), 0);
    assert_string_equal(s.all != NULL ? s.all : "", want);
    free(s.all);
}

static void each_endpoint_is_told_whether_there_is_one_or_a_list(void **state)
{
    (void)state;
    struct world w;
    struct seen s = {0};
    world_open(&w);
    assert_int_equal(lh_status_endpoints(w.path, see, &s, &w.err), 0);
    assert_int_equal(s.count, 0);
    assert_endpoints(&w, "{\"state\":{\"a\":1}}", "{\"a\":1}\n");
    assert_endpoints(&w, "{\"state\":{\"a\":1},\"endpoints\":[]}", "{\"a\":1}\n");
    assert_endpoints(&w, "{\"state\":{\"a\":1},\"endpoints\":[{\"a\":1},5,{\"b\":{}}]}",
                     "{\"a\":1}\n{\"b\":{}}\n");
    assert_endpoints(&w, "{\"state\":[1],\"endpoints\":{\"a\":1}}", "");
    assert_endpoints(&w, "[]", "");
    put_stats(&w, "{\"endpoints\":[{\"a\":1},{\"b\":2},{\"c\":3}]}");
    s.stop_at = 2;
    assert_int_equal(lh_status_endpoints(w.path, see, &s, &w.err), 7);
    assert_int_equal(s.count, 2);
    assert_int_equal(lh_status_endpoints("no_such.db", see, &s, &w.err), LH_ENOTFOUND);
    free(s.all);
    world_close(&w);
}

/* `status --json` puts it out as it is. */
static void the_state_of_an_endpoint_is_never_cut(void **state)
{
    (void)state;
    enum { LONG = 200000 };
    struct world w;
    char *text = calloc(1, LONG + 1), *stats = malloc(LONG + 100), *want = malloc(LONG + 100);
    assert_true(text != NULL && stats != NULL && want != NULL);
    memset(text, 'x', LONG);
    sprintf(want, "{\"a\":\"%s\"}\n", text);
    sprintf(stats, "{\"state\":{\"a\":\"%s\"}}", text);
    world_open(&w);
    assert_endpoints(&w, stats, want);
    free(text);
    free(stats);
    free(want);
    world_close(&w);
}

struct sums {
    struct world *w;
    int batches, tenants, models;
};

/* As soon as the batches are read, a worker commits an answer. */
static int on_batch(void *arg, const lh_batch *b)
{
    struct sums *s = arg;
    assert_int_equal(b->prompt_tokens, 0);
    if (s->batches++ == 0)
        world_sql(s->w, "UPDATE batches SET prompt_tokens = 7, cost_nanousd = 9;"
                        "INSERT INTO usage SELECT id, '2025-01-01', 'm', 1, 0, 0, 7, 0, 0, 0, 0, 9, 0, 0, 0, "
                        "0, 0.0, 0, 0, 0.0, "
                        "0, 0 FROM batches");
    return 0;
}

static int on_tenant(void *arg, const lh_tenant *t)
{
    struct sums *s = arg;
    assert_int_equal(t->tokens, 0);
    s->tenants++;
    return 0;
}

static int on_model(void *arg, const lh_usage *u)
{
    struct sums *s = arg;
    assert_string_equal(u->name, "m");
    s->models++;
    return 0;
}

static void batches_tenants_and_models_are_of_one_moment(void **state)
{
    (void)state;
    static const lh_status_fns fns = {on_batch, on_tenant, on_model};
    struct world w;
    struct sums all = {.w = &w}, one = {.w = &w, .batches = 1};
    world_open(&w);
    world_batch(&w, "a", 500, 1);
    world_batch(&w, "b", 500, 1);
    assert_int_equal(lh_status_sums(w.path, NULL, &fns, &all, &w.err), 0);
    assert_int_equal(all.batches, 2);
    assert_int_equal(all.tenants, 1);
    assert_int_equal(all.models, 0);
    world_sql(&w, "UPDATE batches SET prompt_tokens = 0");
    assert_int_equal(lh_status_sums(w.path, "b", &fns, &one, &w.err), 0);
    assert_int_equal(one.batches, 2);
    assert_int_equal(one.tenants, 0);
    assert_int_equal(one.models, 1);
    assert_int_equal(lh_status_sums(w.path, "c", &fns, &one, &w.err), LH_ENOTFOUND);
    assert_int_equal(lh_status_sums("no_such.db", NULL, &fns, &one, &w.err), LH_ENOTFOUND);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_store_without_a_worker_says_so),
        cmocka_unit_test(what_the_worker_wrote_is_read),
        cmocka_unit_test(strange_statistics_do_no_harm),
        cmocka_unit_test(long_texts_are_cut),
        cmocka_unit_test(each_endpoint_is_told_whether_there_is_one_or_a_list),
        cmocka_unit_test(the_state_of_an_endpoint_is_never_cut),
        cmocka_unit_test(batches_tenants_and_models_are_of_one_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

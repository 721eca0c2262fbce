/* Claims: running before they leave, in order, bounded by number and by bytes. */
#include "store_world.h"

static struct claim_list claim_bytes(struct world *w, int64_t batch_id, int64_t limit, size_t max_bytes)
{
    struct ledger l;
    struct lane *lane = NULL;
    struct claim_list list;
    claim_list_init(&list);
    ledger_init(&l);
    assert_int_equal(ledger_lane(&l, w->store, batch_id, &lane, &w->err), 0);
    assert_int_equal(
        claim_from_lane(w->store, lane,
                        &(struct claim_wish){.limit = limit, .max_bytes = max_bytes, .now_ms = 42}, &list,
                        &w->err),
        0);
    assert_int_equal(ledger_write(&l, w->store, 42, &w->err), 0);
    ledger_free(&l);
    return list;
}

static void a_claim_is_running_and_numbered_before_it_leaves(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    int64_t b = world_batch(&w, "b", 500, 3);
    world_sql(&w, "UPDATE jobs SET prompt_tokens = 12, max_output_tokens = 34 WHERE custom_id = 'j1'");
    struct claim_list list = claim_bytes(&w, b, 1, 100);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.first->id, world_job(&w, b, 1));
    assert_int_equal(list.first->number, 1);
    assert_int_equal(list.first->prompt_tokens, 12);
    assert_int_equal(list.first->max_output_tokens, 34);
    assert_int_equal(list.first->wait_ms, 0);
    assert_string_equal(list.first->url, "/v1/chat/completions");
    assert_string_equal(list.first->body, "{}");
    assert_true(world_job_is(&w, list.first->id, "running"));
    assert_int_equal(world_int(&w, "SELECT sends FROM jobs WHERE custom_id = 'j1'"), 1);
    assert_int_equal(world_int(&w, "SELECT claimed_at FROM jobs WHERE custom_id = 'j1'"), 42);
    assert_int_equal(world_faults(&w), 0);
    claim_list_free(&list);
    world_close(&w);
}

/* An older version took a fourth of the bytes for the tokens. */
static void a_guessed_prompt_is_doubled_and_says_so(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    int64_t guessed = world_batch(&w, "guessed", 500, 1), counted = world_batch(&w, "counted", 500, 1);
    world_sql(&w,
              "UPDATE jobs SET prompt_tokens = 12; UPDATE batches SET is_counted = 0 WHERE name = 'guessed'");
    struct claim_list a = claim_bytes(&w, guessed, 1, 100), b = claim_bytes(&w, counted, 1, 100);
    assert_int_equal(a.first->prompt_tokens, 24);
    assert_true(a.first->prompt_is_guessed);
    assert_int_equal(b.first->prompt_tokens, 12);
    assert_false(b.first->prompt_is_guessed);
    claim_list_free(&a);
    claim_list_free(&b);
    world_close(&w);
}

static void first_in_first_out_inside_a_priority(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    int64_t b = world_batch(&w, "b", 500, 50);
    int64_t next = 1;
    while (next <= 50) {
        struct claim_list list = claim_bytes(&w, b, 7, 1000);
        for (struct claimed_job *job = list.first; job != NULL; job = job->next)
            assert_int_equal(job->id, world_job(&w, b, next++));
        claim_list_free(&list);
    }
    struct claim_list none = claim_bytes(&w, b, 7, 1000);
    assert_int_equal(none.count, 0);
    world_close(&w);
}

static void priority_is_strict(void **state)
{
    (void)state;
    struct world w;
    int64_t last = -1, claimed = 0;
    world_open(&w);
    int64_t b = world_batch(&w, "b", 500, 60);
    world_sql(&w, "UPDATE jobs SET priority = (id * 37) %% 5 * 100");
    for (;;) {
        struct claim_list list = claim_bytes(&w, b, 9, 1000);
        if (list.count == 0)
            break;
        for (struct claimed_job *job = list.first; job != NULL; job = job->next, claimed++) {
            int64_t key =
                world_int(&w, "SELECT priority * 1000 + id FROM jobs WHERE id = %lld", (long long)job->id);
            assert_true(key > last);
            last = key;
        }
        claim_list_free(&list);
    }
    assert_int_equal(claimed, 60);
    world_close(&w);
}

/* Takes jobs until their bodies pass the bound: what comes is never more than the bound and one body. */
static void bodies_are_bounded_but_one_always_comes(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    int64_t b = world_batch(&w, "b", 500, 10);
    world_sql(&w, "UPDATE requests SET body = printf('%%.*c', 1000, 'x')");
    static const struct {
        size_t max_bytes;
        int64_t expected;
    } table[] = {{1, 1}, {0, 1}, {1000, 1}, {1001, 2}, {2500, 3}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct claim_list list = claim_bytes(&w, b, 10, table[i].max_bytes);
        assert_int_equal(list.count, table[i].expected);
        assert_int_equal(list.bytes, (size_t)table[i].expected * 1000);
        claim_list_free(&list);
    }
    assert_int_equal(world_int(&w, "SELECT jobs_ready FROM batches"), 2);
    assert_int_equal(world_faults(&w), 0);
    world_close(&w);
}

/* The bound is of the whole list: a second lane's claims count what the first one's took. */
static void two_lanes_share_a_list(void **state)
{
    (void)state;
    struct world w;
    struct ledger l;
    struct claim_list list;
    struct lane *lane = NULL;
    world_open(&w);
    int64_t a = world_batch(&w, "a", 100, 2), b = world_batch(&w, "b", 500, 2);
    claim_list_init(&list);
    ledger_init(&l);
    assert_int_equal(ledger_lane(&l, w.store, a, &lane, &w.err), 0);
    assert_int_equal(claim_from_lane(w.store, lane,
                                     &(struct claim_wish){.limit = 5, .max_bytes = 1000, .now_ms = 1}, &list,
                                     &w.err),
                     0);
    assert_int_equal(ledger_lane(&l, w.store, b, &lane, &w.err), 0);
    assert_int_equal(claim_from_lane(w.store, lane,
                                     &(struct claim_wish){.limit = 1, .max_bytes = 1000, .now_ms = 1}, &list,
                                     &w.err),
                     0);
    assert_int_equal(claim_from_lane(w.store, lane,
                                     &(struct claim_wish){.limit = 1, .max_bytes = list.bytes, .now_ms = 1},
                                     &list, &w.err),
                     0);
    assert_int_equal(ledger_write(&l, w.store, 1, &w.err), 0);
    assert_int_equal(list.count, 3);
    assert_int_equal(list.first->batch_id, a);
    assert_int_equal(list.first->next->next->batch_id, b);
    assert_null(list.first->next->next->next);
    assert_int_equal(world_faults(&w), 0);
    claim_list_free(&list);
    ledger_free(&l);
    world_close(&w);
}

static void put_to_wait(struct world *w, int64_t batch_id, int64_t n, int64_t until)
{
    int64_t id = world_job(w, batch_id, n);
    world_sql(
        w,
        "UPDATE jobs SET state = 'running' WHERE id = %lld;"
        "UPDATE jobs SET state = 'waiting', next_retry_at = %lld WHERE id = %lld;"
        "UPDATE batches SET jobs_ready = jobs_ready - 1, jobs_waiting = jobs_waiting + 1 WHERE id = %lld;",
        (long long)id, (long long)until, (long long)id, (long long)batch_id);
}

static int64_t promote(struct world *w, int64_t batch_id, int64_t now, int64_t limit)
{
    struct ledger l;
    int64_t moved = -1;
    ledger_init(&l);
    assert_int_equal(promote_due(w->store, &l, batch_id, false, now, limit, &moved, &w->err), 0);
    assert_int_equal(ledger_write(&l, w->store, now, &w->err), 0);
    ledger_free(&l);
    return moved;
}

static void a_retry_is_ready_at_its_time_and_not_before(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    int64_t b = world_batch(&w, "b", 500, 3);
    put_to_wait(&w, b, 1, 100);
    put_to_wait(&w, b, 2, 200);
    assert_int_equal(promote(&w, LH_UNKNOWN, 99, 10), 0);
    assert_int_equal(promote(&w, LH_UNKNOWN, 100, 10), 1);
    assert_true(world_job_is(&w, world_job(&w, b, 1), "ready"));
    assert_int_equal(promote(&w, LH_UNKNOWN, 199, 10), 0);
    assert_int_equal(promote(&w, LH_UNKNOWN, 5000, 10), 1);
    assert_int_equal(world_int(&w, "SELECT jobs_waiting FROM batches"), 0);
    world_close(&w);
}

static void the_longest_due_are_promoted_first(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    int64_t b = world_batch(&w, "b", 500, 4);
    put_to_wait(&w, b, 1, 400);
    put_to_wait(&w, b, 2, 100);
    put_to_wait(&w, b, 3, 300);
    assert_int_equal(promote(&w, LH_UNKNOWN, 1000, 2), 2);
    assert_true(world_job_is(&w, world_job(&w, b, 1), "waiting"));
    assert_true(world_job_is(&w, world_job(&w, b, 2), "ready"));
    assert_true(world_job_is(&w, world_job(&w, b, 3), "ready"));
    world_close(&w);
}

static void promotion_for_one_batch_leaves_the_others_alone(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    int64_t a = world_batch(&w, "a", 500, 1), b = world_batch(&w, "b", 500, 1);
    put_to_wait(&w, a, 1, 100);
    put_to_wait(&w, b, 1, 50);
    assert_int_equal(promote(&w, a, 1000, 10), 1);
    assert_true(world_job_is(&w, world_job(&w, a, 1), "ready"));
    assert_true(world_job_is(&w, world_job(&w, b, 1), "waiting"));
    world_close(&w);
}

static void a_due_retry_does_not_end_a_load(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    int64_t b = world_batch(&w, "b", 500, 2);
    put_to_wait(&w, b, 1, 100);
    world_sql(&w, "UPDATE batches SET state = 'loading'");
    promote(&w, LH_UNKNOWN, 1000, 10);
    assert_true(world_batch_is(&w, b, "loading"));
    world_close(&w);
}

/* Twelve jobs of three routes in turn, with some of a higher priority: whatever is shut, the rest comes in order. */
static void routes_are_merged_first_in_first_out_and_shut_ones_passed_over(void **state)
{
    (void)state;
    for (unsigned shut_mask = 0; shut_mask < 8; shut_mask++)
        for (int64_t limit = 1; limit <= 13; limit += 3) {
            struct world w;
            struct ledger l;
            struct lane *lane = NULL;
            struct claim_list list;
            struct route_set shut = {.count = 0};
            int64_t wanted[12], open_jobs = 0;
            world_open(&w);
            int64_t b = world_batch(&w, "b", 500, 12);
            world_sql(
                &w,
                "UPDATE jobs SET route = id %% 3, priority = CASE WHEN id %% 5 = 0 THEN 100 ELSE 500 END");
            for (int64_t route = 0; route < 3; route++)
                if ((shut_mask & (1u << route)) != 0)
                    route_set_add(&shut, route);
            for (int pass = 0; pass < 2; pass++)
                for (int64_t n = 1; n <= 12; n++) {
                    int64_t id = world_job(&w, b, n);
                    if ((id % 5 == 0) == (pass == 0) && !route_set_has(&shut, id % 3))
                        wanted[open_jobs++] = id;
                }
            claim_list_init(&list);
            ledger_init(&l);
            struct claim_wish wish = {.limit = limit, .max_bytes = 1000, .now_ms = 7, .shut = &shut};
            assert_int_equal(ledger_lane(&l, w.store, b, &lane, &w.err), 0);
            assert_int_equal(claim_from_lane(w.store, lane, &wish, &list, &w.err), 0);
            assert_int_equal(ledger_write(&l, w.store, 7, &w.err), 0);
            assert_int_equal(list.count, limit < open_jobs ? limit : open_jobs);
            assert_int_equal(wish.passed_over, shut_mask);
            int64_t i = 0;
            for (const struct claimed_job *job = list.first; job != NULL; job = job->next, i++) {
                assert_int_equal(job->id, wanted[i]);
                assert_int_equal(job->route, job->id % 3);
            }
            assert_int_equal(world_int(&w, "SELECT count(*) FROM jobs WHERE state = 'running'"), list.count);
            assert_int_equal(world_faults(&w), 0);
            claim_list_free(&list);
            ledger_free(&l);
            world_close(&w);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_claim_is_running_and_numbered_before_it_leaves),
        cmocka_unit_test(a_guessed_prompt_is_doubled_and_says_so),
        cmocka_unit_test(first_in_first_out_inside_a_priority),
        cmocka_unit_test(priority_is_strict),
        cmocka_unit_test(bodies_are_bounded_but_one_always_comes),
        cmocka_unit_test(two_lanes_share_a_list),
        cmocka_unit_test(routes_are_merged_first_in_first_out_and_shut_ones_passed_over),
        cmocka_unit_test(a_retry_is_ready_at_its_time_and_not_before),
        cmocka_unit_test(the_longest_due_are_promoted_first),
        cmocka_unit_test(promotion_for_one_batch_leaves_the_others_alone),
        cmocka_unit_test(a_due_retry_does_not_end_a_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

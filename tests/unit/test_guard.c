/* The guard pauses a batch whose first 50 answers are all the same permanent error, and no other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "schedule/guard.h"

static struct guard *guard;

static int begin(void **state)
{
    (void)state;
    guard = guard_new();
    return guard == NULL;
}

static int end(void **state)
{
    (void)state;
    guard_free(guard);
    return 0;
}

static bool answer(int64_t batch, enum answer_class class, int status, const char *code)
{
    struct answer a = {.class = class};
    snprintf(a.error_code, sizeof a.error_code, "%s", code);
    return guard_answer(guard, batch, status, &a);
}

static bool same_error(int64_t batch)
{
    return answer(batch, ANSWER_PERMANENT, 404, "model_not_found");
}

/* How many of the first `n` same errors pause the batch, and which one did. */
static int pauses_in(int64_t batch, int n, int *which)
{
    int pauses = 0;
    for (int i = 1; i <= n; i++)
        if (same_error(batch)) {
            pauses++;
            *which = i;
        }
    return pauses;
}

static void the_fiftieth_same_error_pauses_once(void **state)
{
    int which = 0;
    (void)state;
    assert_int_equal(GUARD_ANSWERS, 50);
    assert_int_equal(pauses_in(1, 500, &which), 1);
    assert_int_equal(which, 50);
}

static void answers_that_say_nothing_of_the_request_do_not_count(void **state)
{
    int pauses = 0;
    (void)state;
    for (int i = 0; i < 50; i++) {
        assert_false(answer(1, ANSWER_THROTTLED, 429, "rate_limit_exceeded"));
        assert_false(answer(1, ANSWER_TRANSIENT, 500, "server_error"));
        assert_false(answer(1, ANSWER_ACCOUNT, 401, "invalid_api_key"));
        pauses += same_error(1) ? 1 : 0;
        assert_int_equal(pauses, i == 49 ? 1 : 0);
    }
}

static void assert_ends_the_watch(enum answer_class class, int status, const char *code)
{
    static int64_t batch = 100;
    int which = 0;
    batch++;
    for (int i = 0; i < 49; i++)
        assert_false(same_error(batch));
    assert_false(answer(batch, class, status, code));
    assert_int_equal(pauses_in(batch, 200, &which), 0);
}

static void any_other_answer_among_the_first_ends_the_watch(void **state)
{
    (void)state;
    assert_ends_the_watch(ANSWER_SUCCESS, 200, "");
    assert_ends_the_watch(ANSWER_INVALID, 200, "schema");
    assert_ends_the_watch(ANSWER_PERMANENT, 404, "other");
    assert_ends_the_watch(ANSWER_PERMANENT, 400, "model_not_found");
}

static void a_first_answer_that_is_good_ends_the_watch(void **state)
{
    int which = 0;
    (void)state;
    assert_false(answer(1, ANSWER_SUCCESS, 200, ""));
    assert_int_equal(pauses_in(1, 200, &which), 0);
}

static void a_batch_with_results_is_not_watched(void **state)
{
    int which = 0;
    (void)state;
    guard_pass(guard, 1);
    guard_pass(guard, 1);
    assert_int_equal(pauses_in(1, 200, &which), 0);
    assert_int_equal(pauses_in(2, 50, &which), 1);
    for (int i = 0; i < 49; i++)
        assert_false(same_error(3));
    guard_pass(guard, 3);
    assert_false(same_error(3));
}

static void batches_are_counted_apart(void **state)
{
    int pauses = 0;
    (void)state;
    for (int i = 1; i <= 50; i++)
        for (int64_t batch = 1; batch <= 20; batch++) {
            bool paused = batch == 7 ? answer(batch, ANSWER_SUCCESS, 200, "") : same_error(batch);
            assert_int_equal(paused, i == 50 && batch != 7);
            pauses += paused ? 1 : 0;
        }
    assert_int_equal(pauses, 19);
}

static void nothing_to_free_is_freed(void **state)
{
    (void)state;
    guard_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_fiftieth_same_error_pauses_once, begin, end),
        cmocka_unit_test_setup_teardown(answers_that_say_nothing_of_the_request_do_not_count, begin, end),
        cmocka_unit_test_setup_teardown(any_other_answer_among_the_first_ends_the_watch, begin, end),
        cmocka_unit_test_setup_teardown(a_first_answer_that_is_good_ends_the_watch, begin, end),
        cmocka_unit_test_setup_teardown(a_batch_with_results_is_not_watched, begin, end),
        cmocka_unit_test_setup_teardown(batches_are_counted_apart, begin, end),
        cmocka_unit_test(nothing_to_free_is_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

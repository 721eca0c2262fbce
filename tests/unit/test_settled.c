/* Batches that are over: each counted once, as it was last seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "store/settled.h"

static void a_batch_counts_once_as_it_was_last_seen(void **state)
{
    (void)state;
    struct settled s = {0};
    const int64_t first[JOB_STATES] = {[JOB_DONE] = 3, [JOB_DEAD] = 1}, later[JOB_STATES] = {[JOB_DONE] = 4};
    settled_add(&s, 1, first);
    settled_add(&s, 2, first);
    settled_add(&s, 1, later);
    assert_int_equal(s.jobs[JOB_DONE], 7);
    assert_int_equal(s.jobs[JOB_DEAD], 1);
    settled_remove(&s, 2);
    settled_remove(&s, 2);
    settled_remove(&s, 99);
    assert_int_equal(s.jobs[JOB_DONE], 4);
    assert_int_equal(s.jobs[JOB_DEAD], 0);
    settled_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_batch_counts_once_as_it_was_last_seen)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

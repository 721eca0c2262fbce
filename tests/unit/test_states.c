/* The states of a job: names, and a table of moves that leads every job to an end and lets none leave `done`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/states.h"

static void names_are_those_of_the_contract(void **state)
{
    (void)state;
    assert_string_equal(job_state_name(JOB_READY), "ready");
    assert_string_equal(job_state_name(JOB_WAITING), "waiting");
    assert_string_equal(job_state_name(JOB_RUNNING), "running");
    assert_string_equal(job_state_name(JOB_DONE), "done");
    assert_string_equal(job_state_name(JOB_DEAD), "dead");
    assert_string_equal(job_state_name(JOB_CANCELED), "canceled");
}

static void exactly_the_moves_of_the_contract_are_legal(void **state)
{
    (void)state;
    static const struct {
        enum job_state from, to;
    } legal[] = {
        {JOB_READY, JOB_RUNNING},    {JOB_READY, JOB_CANCELED}, {JOB_WAITING, JOB_READY},
        {JOB_WAITING, JOB_CANCELED}, {JOB_RUNNING, JOB_DONE},   {JOB_RUNNING, JOB_READY},
        {JOB_RUNNING, JOB_WAITING},  {JOB_RUNNING, JOB_DEAD},   {JOB_RUNNING, JOB_CANCELED},
        {JOB_DEAD, JOB_READY},       {JOB_DEAD, JOB_CANCELED},  {JOB_CANCELED, JOB_READY},
        {JOB_READY, JOB_DEAD},       {JOB_WAITING, JOB_DEAD},
    };
    for (int from = 0; from < JOB_STATES; from++)
        for (int to = 0; to < JOB_STATES; to++) {
            bool expected = false;
            for (size_t i = 0; i < sizeof legal / sizeof *legal; i++)
                expected = expected || ((int)legal[i].from == from && (int)legal[i].to == to);
            assert_int_equal(job_move_is_legal((enum job_state)from, (enum job_state)to), expected);
        }
}

static void a_job_that_is_done_stays_done(void **state)
{
    (void)state;
    for (int to = 0; to < JOB_STATES; to++)
        assert_false(job_move_is_legal(JOB_DONE, (enum job_state)to));
}

static void only_a_running_job_finishes_with_an_answer(void **state)
{
    (void)state;
    for (int from = 0; from < JOB_STATES; from++)
        assert_int_equal(job_move_is_legal((enum job_state)from, JOB_DONE), from == JOB_RUNNING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_those_of_the_contract),
        cmocka_unit_test(exactly_the_moves_of_the_contract_are_legal),
        cmocka_unit_test(a_job_that_is_done_stays_done),
        cmocka_unit_test(only_a_running_job_finishes_with_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

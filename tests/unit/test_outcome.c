/* Outcomes: each move with the rows that justify it, and the first answer wins. */
#include "store_world.h"

struct setting {
    struct world w;
    int64_t batch;
    struct claim_list claims;
};

static void set_up(struct setting *s, int64_t jobs)
{
    world_open(&s->w);
    s->batch = world_batch(&s->w, "b", 500, jobs);
    world_claim(&s->w, s->batch, jobs, &s->claims);
    assert_int_equal(s->claims.count, jobs);
}

static void tear_down(struct setting *s)
{
    claim_list_free(&s->claims);
    world_close(&s->w);
}

struct rows_after {
    enum outcome_move move;
    const char *job_state;
    int64_t attempts, results, letters; /* rows */
    int64_t sends;
};

static void check_rows(struct setting *s, const struct claimed_job *job, const struct rows_after *e)
{
    long long id = job->id;
    assert_true(world_job_is(&s->w, id, e->job_state));
    assert_int_equal(world_int(&s->w, "SELECT count(*) FROM attempts WHERE job_id = %lld", id), e->attempts);
    assert_int_equal(world_int(&s->w, "SELECT count(*) FROM results WHERE job_id = %lld", id), e->results);
    assert_int_equal(world_int(&s->w, "SELECT count(*) FROM dead_letters WHERE job_id = %lld", id),
                     e->letters);
    assert_int_equal(world_int(&s->w, "SELECT sends FROM jobs WHERE id = %lld", id), e->sends);
    assert_int_equal(world_faults(&s->w), 0);
}

static void each_move_comes_with_its_rows(void **state)
{
    (void)state;
    static const struct rows_after table[] = {
        {OUTCOME_DONE, "done", 1, 1, 0, 1},       {OUTCOME_WAIT, "waiting", 1, 0, 0, 1},
        {OUTCOME_DEAD, "dead", 1, 0, 1, 1},       {OUTCOME_READY, "ready", 1, 0, 0, 1},
        {OUTCOME_GIVE_BACK, "ready", 0, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct setting s;
        set_up(&s, 1);
        struct outcome o = world_outcome(s.claims.first, table[i].move);
        assert_false(world_apply(&s.w, &o));
        check_rows(&s, s.claims.first, &table[i]);
        tear_down(&s);
    }
}

/* What is in flight when a batch is canceled finishes and counts; nothing is tried again. */
static void in_a_canceled_batch_nothing_is_tried_again(void **state)
{
    (void)state;
    static const struct rows_after table[] = {
        {OUTCOME_DONE, "done", 1, 1, 0, 1},          {OUTCOME_WAIT, "canceled", 1, 0, 0, 1},
        {OUTCOME_DEAD, "dead", 1, 0, 1, 1},          {OUTCOME_READY, "canceled", 1, 0, 0, 1},
        {OUTCOME_GIVE_BACK, "canceled", 0, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct setting s;
        set_up(&s, 1);
        world_sql(&s.w, "UPDATE batches SET state = 'canceled'");
        struct outcome o = world_outcome(s.claims.first, table[i].move);
        assert_false(world_apply(&s.w, &o));
        check_rows(&s, s.claims.first, &table[i]);
        assert_true(world_batch_is(&s.w, s.batch, "canceled"));
        if (strcmp(table[i].job_state, "canceled") == 0)
            assert_int_equal(world_int(&s.w, "SELECT finished_at FROM jobs"), 1300);
        tear_down(&s);
    }
}

static void an_answer_is_kept_whole(void **state)
{
    (void)state;
    struct setting s;
    set_up(&s, 2);
    char body[] = "{\"a\":\"\xc3\xa4 \\u0000\"}";
    struct outcome o = world_outcome(s.claims.first, OUTCOME_DONE);
    o.body = body;
    o.body_len = strlen(body);
    snprintf(o.answer.request_id, sizeof o.answer.request_id, "req-1");
    snprintf(o.answer.model, sizeof o.answer.model, "m");
    snprintf(o.answer.finish_reason, sizeof o.answer.finish_reason, "stop");
    world_apply(&s.w, &o);
    assert_true(world_text_is(&s.w, "SELECT body FROM results", body));
    assert_true(
        world_text_is(&s.w, "SELECT request_id || model || finish_reason FROM results", "req-1mstop"));
    assert_int_equal(world_int(&s.w, "SELECT status_code FROM results"), 200);
    assert_int_equal(world_int(&s.w, "SELECT prompt_tokens FROM results"), 7);
    assert_int_equal(world_int(&s.w, "SELECT completion_tokens FROM results"), 3);
    assert_int_equal(world_int(&s.w, "SELECT cached_tokens FROM results"), 2);
    assert_int_equal(world_int(&s.w, "SELECT reasoning_tokens IS NULL FROM results"), 1);
    assert_int_equal(world_int(&s.w, "SELECT latency_ms FROM results"), 100);
    assert_int_equal(world_int(&s.w, "SELECT finished_at FROM results"), 1200);
    assert_int_equal(world_int(&s.w, "SELECT prompt_tokens FROM batches"), 7);
    assert_int_equal(world_int(&s.w, "SELECT completion_tokens FROM batches"), 3);
    assert_int_equal(world_int(&s.w, "SELECT cached_tokens FROM batches"), 2);
    tear_down(&s);
}

static void what_was_not_said_is_null(void **state)
{
    (void)state;
    struct setting s;
    set_up(&s, 1);
    struct outcome o = world_outcome(s.claims.first, OUTCOME_READY);
    o.status_code = 0;
    o.answer.usage = (struct usage)USAGE_NOT_SAID;
    o.answer.error_code[0] = o.answer.message[0] = '\0';
    world_apply(&s.w, &o);
    assert_int_equal(
        world_int(&s.w, "SELECT status_code IS NULL AND prompt_tokens IS NULL AND completion_tokens IS NULL "
                        "AND cached_tokens IS NULL AND retry_after_ms IS NULL AND wait_ms IS NULL AND "
                        "request_id IS NULL AND model IS NULL AND error_code IS NULL FROM attempts"),
        1);
    assert_int_equal(world_int(&s.w, "SELECT prompt_tokens FROM batches"), 0);
    assert_int_equal(world_faults(&s.w), 0);
    tear_down(&s);
}

static void a_wait_keeps_what_the_next_try_needs(void **state)
{
    (void)state;
    struct setting s;
    set_up(&s, 1);
    struct outcome o = world_outcome(s.claims.first, OUTCOME_WAIT);
    o.attempts = 2;
    o.throttles = 3;
    o.invalids = 4;
    o.generation = 5;
    o.sent_generation = 0;
    o.answer.retry_after_ms = 3000;
    world_apply(&s.w, &o);
    assert_int_equal(world_int(&s.w, "SELECT next_retry_at FROM jobs"), 5000);
    assert_int_equal(world_int(&s.w, "SELECT wait_ms FROM jobs"), 3800);
    assert_int_equal(
        world_int(&s.w, "SELECT attempts * 1000 + throttles * 100 + invalids * 10 + generation FROM jobs"),
        2345);
    assert_int_equal(world_int(&s.w, "SELECT generation FROM attempts"), 0);
    assert_int_equal(world_int(&s.w, "SELECT wait_ms FROM attempts"), 3800);
    assert_int_equal(world_int(&s.w, "SELECT retry_after_ms FROM attempts"), 3000);
    tear_down(&s);
}

/* The whole database but for the outcome, as one number. */
static int64_t fingerprint(struct world *w)
{
    return world_int(
        w, "SELECT (SELECT count(*) * 7 + COALESCE(sum(number), 0) FROM attempts) * 1000003 + "
           "(SELECT count(*) * 5 + COALESCE(sum(seq * 31 + length(body)), 0) FROM results) * 10007 + "
           "(SELECT count(*) * 3 + COALESCE(sum(seq), 0) FROM dead_letters) * 101 + "
           "(SELECT sum(unicode(state) + sends * 13 + attempts * 17 + generation * 19 + "
           "COALESCE(finished_at, 0)) FROM jobs) + (SELECT sum(jobs_ready * 2 + jobs_waiting * 3 + "
           "jobs_running * 5 + jobs_done * 7 + jobs_dead * 11 + jobs_canceled * 13 + attempts * 17 + "
           "next_seq * 19 + prompt_tokens) FROM batches)");
}

static void a_second_answer_changes_nothing(void **state)
{
    (void)state;
    static const enum outcome_move firsts[] = {OUTCOME_DONE, OUTCOME_WAIT, OUTCOME_DEAD, OUTCOME_READY,
                                               OUTCOME_GIVE_BACK};
    for (size_t i = 0; i < 5; i++)
        for (size_t j = 0; j < 5; j++) {
            struct setting s;
            set_up(&s, 2);
            struct outcome first = world_outcome(s.claims.first, firsts[i]);
            assert_false(world_apply(&s.w, &first));
            int64_t before = fingerprint(&s.w);
            struct outcome second = world_outcome(s.claims.first, firsts[j]);
            assert_true(world_apply(&s.w, &second));
            assert_int_equal(fingerprint(&s.w), before);
            assert_int_equal(world_faults(&s.w), 0);
            tear_down(&s);
        }
}

/* The job is running again when the answer to its first send arrives: it must not pass for that of the second. */
static void the_answer_to_an_earlier_send_is_too_late(void **state)
{
    (void)state;
    static const enum outcome_move moves[] = {OUTCOME_DONE, OUTCOME_WAIT, OUTCOME_DEAD, OUTCOME_READY,
                                              OUTCOME_GIVE_BACK};
    for (size_t i = 0; i < 5; i++) {
        struct setting s;
        struct claim_list again;
        set_up(&s, 1);
        struct outcome first = world_outcome(s.claims.first, OUTCOME_READY);
        world_apply(&s.w, &first);
        world_claim(&s.w, s.batch, 1, &again);
        assert_int_equal(again.first->number, 2);
        int64_t before = fingerprint(&s.w);
        struct outcome late = world_outcome(s.claims.first, moves[i]);
        assert_true(world_apply(&s.w, &late));
        assert_int_equal(fingerprint(&s.w), before);
        struct outcome second = world_outcome(again.first, OUTCOME_DONE);
        assert_false(world_apply(&s.w, &second));
        assert_int_equal(world_faults(&s.w), 0);
        claim_list_free(&again);
        tear_down(&s);
    }
}

static void results_and_dead_letters_share_one_sequence(void **state)
{
    (void)state;
    struct setting s;
    int64_t n = 0;
    set_up(&s, 6);
    for (struct claimed_job *job = s.claims.first; job != NULL; job = job->next, n++) {
        struct outcome o = world_outcome(job, n % 2 == 0 ? OUTCOME_DONE : OUTCOME_DEAD);
        world_apply(&s.w, &o);
    }
    assert_int_equal(
        world_int(&s.w, "SELECT group_concat(seq, '') FROM (SELECT seq FROM results ORDER BY seq)"), 135);
    assert_int_equal(
        world_int(&s.w, "SELECT group_concat(seq, '') FROM (SELECT seq FROM dead_letters ORDER BY seq)"),
        246);
    assert_int_equal(world_int(&s.w, "SELECT next_seq FROM batches"), 7);
    assert_true(world_batch_is(&s.w, s.batch, "finished"));
    assert_int_equal(world_int(&s.w, "SELECT attempts FROM batches"), 6);
    assert_int_equal(world_int(&s.w, "SELECT failed_attempts FROM batches"), 3);
    tear_down(&s);
}

static void a_dead_letter_says_why(void **state)
{
    (void)state;
    struct setting s;
    set_up(&s, 2);
    struct outcome o = world_outcome(s.claims.first, OUTCOME_DEAD);
    o.attempts = 5;
    o.dead_reason = "attempts";
    world_apply(&s.w, &o);
    assert_true(
        world_text_is(&s.w,
                      "SELECT reason || '/' || error_class || '/' || error_code || '/' || message FROM "
                      "dead_letters",
                      "attempts/permanent/server_error/it broke"));
    assert_int_equal(world_int(&s.w, "SELECT attempts FROM jobs WHERE state = 'dead'"), 5);
    assert_int_equal(world_int(&s.w, "SELECT finished_at FROM jobs WHERE state = 'dead'"), 1200);
    assert_int_equal(world_int(&s.w, "SELECT died_at FROM dead_letters"), 1200);
    tear_down(&s);
}

static void a_cost_stands_with_its_attempt_its_result_and_its_batch_or_is_not_known(void **state)
{
    (void)state;
    struct setting s;
    set_up(&s, 3);
    const int64_t costs[3] = {123, LH_UNKNOWN, 4000};
    const enum outcome_move moves[3] = {OUTCOME_DONE, OUTCOME_DONE, OUTCOME_WAIT};
    int i = 0;
    for (const struct claimed_job *job = s.claims.first; job != NULL; job = job->next, i++) {
        struct outcome o = world_outcome(job, moves[i]);
        o.cost_nanousd = costs[i];
        assert_false(world_apply(&s.w, &o));
    }
    assert_int_equal(world_int(&s.w, "SELECT cost_nanousd FROM batches"), 4123);
    assert_int_equal(world_int(&s.w, "SELECT SUM(cost_nanousd) FROM results"), 123);
    assert_int_equal(world_int(&s.w, "SELECT SUM(cost_nanousd) FROM attempts"), 4123);
    assert_int_equal(world_int(&s.w, "SELECT count(*) FROM attempts WHERE cost_nanousd IS NULL"), 1);
    assert_int_equal(world_faults(&s.w), 0);
    world_sql(&s.w, "UPDATE batches SET cost_nanousd = 1");
    assert_int_equal(world_faults(&s.w), 1);
    tear_down(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cost_stands_with_its_attempt_its_result_and_its_batch_or_is_not_known),
        cmocka_unit_test(each_move_comes_with_its_rows),
        cmocka_unit_test(in_a_canceled_batch_nothing_is_tried_again),
        cmocka_unit_test(an_answer_is_kept_whole),
        cmocka_unit_test(what_was_not_said_is_null),
        cmocka_unit_test(a_wait_keeps_what_the_next_try_needs),
        cmocka_unit_test(a_second_answer_changes_nothing),
        cmocka_unit_test(the_answer_to_an_earlier_send_is_too_late),
        cmocka_unit_test(results_and_dead_letters_share_one_sequence),
        cmocka_unit_test(a_dead_letter_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

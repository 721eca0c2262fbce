/* One job with all that is known of it, found by id or by custom_id. */
#include "store_world.h"

struct shown {
    int jobs, attempts;
    int64_t id, last_number, status_code, next_retry_at;
    char state[16], response[64], reason[32];
    lh_attempt last; /* its texts are gone */
};

static void on_job(void *arg, const lh_job *j)
{
    struct shown *s = arg;
    s->jobs++;
    s->id = j->id;
    s->status_code = j->status_code;
    s->next_retry_at = j->next_retry_at;
    snprintf(s->state, sizeof s->state, "%s", j->state);
    snprintf(s->response, sizeof s->response, "%s", j->response_body != NULL ? j->response_body : "(none)");
    snprintf(s->reason, sizeof s->reason, "%s", j->dead_reason != NULL ? j->dead_reason : "(none)");
    assert_string_equal(j->url, "/v1/chat/completions");
    assert_string_equal(j->method, "POST");
    assert_string_equal(j->request_body, "{}");
}

static void on_attempt(void *arg, const lh_attempt *a)
{
    struct shown *s = arg;
    s->last = *a;
    assert_true(a->number > s->last_number);
    s->last_number = a->number;
    s->attempts++;
}

static int show(struct world *w, const char *batch, const char *job, struct shown *s)
{
    *s = (struct shown){0};
    return lh_job_show(w->path, batch, job, on_job, on_attempt, s, &w->err);
}

static void a_job_is_found_by_what_a_person_has(void **state)
{
    (void)state;
    struct world w;
    struct shown s;
    world_open(&w);
    int64_t a = world_batch(&w, "a", 500, 2), b = world_batch(&w, "b", 500, 2);
    world_sql(
        &w, "UPDATE jobs SET custom_id = 'only' WHERE id = 4; UPDATE jobs SET custom_id = '2' WHERE id = 3");
    assert_int_equal(show(&w, NULL, "1", &s), 0);
    assert_int_equal(s.id, 1);
    assert_int_equal(show(&w, "a", "j2", &s), 0);
    assert_int_equal(s.id, world_job(&w, a, 2));
    assert_int_equal(show(&w, NULL, "only", &s), 0);
    assert_int_equal(s.id, 4);
    assert_int_equal(show(&w, "b", "2", &s), 0); /* a number, but with a batch it is a custom_id */
    assert_int_equal(s.id, 3);
    assert_int_equal(show(&w, NULL, "2", &s), 0); /* without one it is an id first */
    assert_int_equal(s.id, 2);
    (void)b;
    world_close(&w);
}

static void what_is_not_there_or_not_unique_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *batch, *job;
        int code;
    } table[] = {
        {NULL, "99", LH_ENOTFOUND},    {NULL, "nobody", LH_ENOTFOUND},
        {"a", "nobody", LH_ENOTFOUND}, {"c", "j1", LH_ENOTFOUND},
        {NULL, "j1", LH_EUSAGE},       {NULL, "", LH_ENOTFOUND},
        {"a", "1", LH_ENOTFOUND},      {NULL, "99999999999999999999", LH_ENOTFOUND},
        {NULL, "-1", LH_ENOTFOUND},
    };
    struct world w;
    struct shown s;
    world_open(&w);
    world_batch(&w, "a", 500, 1);
    world_batch(&w, "b", 500, 1);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        assert_int_equal(show(&w, table[i].batch, table[i].job, &s), table[i].code);
        assert_int_equal(s.jobs, 0);
    }
    assert_int_equal(lh_job_show("no_such.db", NULL, "1", on_job, on_attempt, &s, &w.err), LH_ENOTFOUND);
    world_close(&w);
}

static void answer(struct world *w, int64_t batch, enum outcome_move move)
{
    struct claim_list list;
    world_claim(w, batch, 1, &list);
    struct outcome o = world_outcome(list.first, move);
    world_apply(w, &o);
    claim_list_free(&list);
}

static void each_end_is_shown_with_its_answer_and_attempts(void **state)
{
    (void)state;
    struct world w;
    struct shown s;
    world_open(&w);
    int64_t a = world_batch(&w, "a", 500, 1), b = world_batch(&w, "b", 500, 1),
            c = world_batch(&w, "c", 500, 1);
    answer(&w, a, OUTCOME_READY);
    answer(&w, a, OUTCOME_READY);
    answer(&w, a, OUTCOME_DONE);
    answer(&w, b, OUTCOME_DEAD);
    answer(&w, c, OUTCOME_WAIT);
    assert_int_equal(show(&w, "a", "j1", &s), 0);
    assert_int_equal(s.jobs, 1);
    assert_int_equal(s.attempts, 3);
    assert_string_equal(s.state, "done");
    assert_string_equal(s.response, "{\"choices\":[]}");
    assert_string_equal(s.reason, "(none)");
    assert_int_equal(s.status_code, 200);
    assert_int_equal(s.next_retry_at, LH_UNKNOWN);
    assert_int_equal(show(&w, "b", "j1", &s), 0);
    assert_string_equal(s.state, "dead");
    assert_string_equal(s.reason, "permanent");
    assert_int_equal(s.status_code, 500);
    assert_int_equal(show(&w, "c", "j1", &s), 0);
    assert_string_equal(s.state, "waiting");
    assert_string_equal(s.response, "(none)");
    assert_int_equal(s.status_code, LH_UNKNOWN);
    assert_int_equal(s.next_retry_at, 5000);
    assert_int_equal(lh_job_show(w.path, "a", "j1", on_job, NULL, &s, &w.err), 0);
    world_close(&w);
}

static void each_attempt_tells_what_it_used_and_cost(void **state)
{
    (void)state;
    struct world w;
    struct shown s;
    struct claim_list list;
    world_open(&w);
    world_claim(&w, world_batch(&w, "a", 500, 1), 1, &list);
    struct outcome o = world_outcome(list.first, OUTCOME_DONE);
    o.answer.usage = (struct usage){11, 12, 13, 14, 15, TIER_STANDARD};
    o.cost_nanousd = 16;
    world_apply(&w, &o);
    claim_list_free(&list);
    assert_int_equal(show(&w, "a", "j1", &s), 0);
    assert_int_equal(s.last.prompt_tokens, 11);
    assert_int_equal(s.last.completion_tokens, 12);
    assert_int_equal(s.last.cached_tokens, 13);
    assert_int_equal(s.last.reasoning_tokens, 14);
    assert_int_equal(s.last.cache_write_tokens, 15);
    assert_int_equal(s.last.cost_nanousd, 16);
    world_sql(&w,
              "UPDATE attempts SET cached_tokens = NULL, reasoning_tokens = NULL, cache_write_tokens = NULL, "
              "cost_nanousd = NULL");
    assert_int_equal(show(&w, "a", "j1", &s), 0);
    assert_int_equal(s.last.cached_tokens, LH_UNKNOWN);
    assert_int_equal(s.last.reasoning_tokens, LH_UNKNOWN);
    assert_int_equal(s.last.cache_write_tokens, LH_UNKNOWN);
    assert_int_equal(s.last.cost_nanousd, LH_UNKNOWN);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_is_found_by_what_a_person_has),
        cmocka_unit_test(what_is_not_there_or_not_unique_is_said),
        cmocka_unit_test(each_end_is_shown_with_its_answer_and_attempts),
        cmocka_unit_test(each_attempt_tells_what_it_used_and_cost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

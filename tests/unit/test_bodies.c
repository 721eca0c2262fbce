/* What the simulated provider tells of tokens: read by the program's own reader of answers, for each endpoint. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "provider/provider.h"
#include "sim/bodies.h"
#include "sim/plan.h"
#include "tokens/prompt.h"

#define CHAT "/v1/chat/completions"
#define MESSAGES "/v1/messages"

struct asked {
    char body[512];
    struct strbuf answer;
    struct answer read;
    int64_t counted; /* what prompt_count says of the request */
};

static const char *no_header(const void *arg, const char *name)
{
    (void)arg;
    (void)name;
    return NULL;
}

/* `more`: members of the body. The answer's text is freed by asked_end. */
static void ask(struct planner *p, const char *path, int bound, const char *more, int n, struct asked *out)
{
    struct json_parser *parser = json_parser_new();
    struct plan plan;
    struct prompt_count count;
    json_object *body = NULL;
    snprintf(out->body, sizeof out->body,
             "{\"model\":\"m\",\"max_tokens\":%d,%s\"messages\":[{\"role\":\"user\",\"content\":\"Hello, how "
             "are you "
             "%d\"}],\"prompt\":\"Hello\",\"input\":\"Hello\"}",
             bound, more, n);
    struct plan_input in = {
        .now_ms = 1000, .path = path, .method = "POST", .body = out->body, .body_len = strlen(out->body)};
    planner_decide(p, &in, &plan);
    assert_int_equal(plan.status, 200);
    out->answer = plan.body;
    struct answer_in answer = {
        .status = 200, .body = plan.body.data, .body_len = plan.body.len, .header = no_header};
    provider_read_answer(dialect_of_url(path), path, &answer, parser, &out->read);
    assert_int_equal(out->read.class, ANSWER_SUCCESS);
    assert_int_equal(json_parse(parser, out->body, strlen(out->body), &body, NULL), 0);
    assert_int_equal(prompt_count(path, body, &count), 0);
    out->counted = count.tokens;
    json_object_put(body);
    json_parser_free(parser);
}

static struct planner *new_planner(const struct sim_options *o)
{
    struct planner *p = NULL;
    lh_error err = {0};
    if (planner_new(o, 1000, &p, &err) != 0)
        fail_msg("%s", err.message);
    return p;
}

static const char *const paths[] = {CHAT, "/v1/completions", "/v1/embeddings", "/v1/responses", MESSAGES};
enum { PATHS = 5 };

static void the_prompt_is_told_as_it_is_counted(void **state)
{
    struct sim_options o;
    (void)state;
    sim_options_default(&o);
    o.claude_factor = 1;
    struct planner *p = new_planner(&o);
    for (int i = 0; i < PATHS; i++) {
        struct asked a;
        ask(p, paths[i], 40, "", i, &a);
        assert_int_equal(a.read.usage.prompt_tokens, a.counted);
        strbuf_free(&a.answer);
    }
    planner_free(p);
}

/* The request takes 14: Hello , how are you, a space and a digit are 7, and 7 stand around. */
static void claude_counts_by_another_factor(void **state)
{
    static const struct {
        double factor;
        int64_t told;
    } factors[] = {{1.15, 16}, {0.5, 7}, {2, 28}, {0.1, 1}};
    (void)state;
    for (size_t i = 0; i < sizeof factors / sizeof *factors; i++) {
        struct sim_options o;
        struct asked a;
        sim_options_default(&o);
        if (i > 0) /* the first is the default */
            o.claude_factor = factors[i].factor;
        struct planner *p = new_planner(&o);
        ask(p, MESSAGES, 40, "", 1, &a);
        assert_int_equal(a.counted, 14);
        assert_int_equal(a.read.usage.prompt_tokens, factors[i].told);
        strbuf_free(&a.answer);
        ask(p, CHAT, 40, "", 1, &a);
        assert_int_equal(a.read.usage.prompt_tokens, 14);
        strbuf_free(&a.answer);
        planner_free(p);
    }
}

static void every_answer_has_the_tokens_that_were_asked_for(void **state)
{
    struct sim_options o;
    (void)state;
    sim_options_default(&o);
    o.output = "40";
    struct planner *p = new_planner(&o);
    for (int n = 0; n < 20; n++) {
        struct asked a;
        ask(p, n % 2 == 0 ? CHAT : MESSAGES, 100, "", n, &a);
        assert_int_equal(a.read.usage.completion_tokens, 40);
        assert_string_equal(a.read.finish_reason, n % 2 == 0 ? "stop" : "end_turn");
        strbuf_free(&a.answer);
        ask(p, n % 2 == 0 ? CHAT : MESSAGES, 7, "", n, &a);
        assert_int_equal(a.read.usage.completion_tokens, 7);
        assert_string_equal(a.read.finish_reason, n % 2 == 0 ? "length" : "max_tokens");
        strbuf_free(&a.answer);
    }
    planner_free(p);
}

static void answers_have_5_to_60_tokens_by_default(void **state)
{
    struct sim_options o;
    int64_t least = 1000, most = 0;
    (void)state;
    sim_options_default(&o);
    struct planner *p = new_planner(&o);
    for (int n = 0; n < 1000; n++) {
        struct asked a;
        ask(p, CHAT, 1000, "", n, &a);
        least = a.read.usage.completion_tokens < least ? a.read.usage.completion_tokens : least;
        most = a.read.usage.completion_tokens > most ? a.read.usage.completion_tokens : most;
        strbuf_free(&a.answer);
    }
    assert_int_equal(least, 5);
    assert_int_equal(most, 60);
    planner_free(p);
}

/* Rounded down. The whole prompt is told by either dialect, and cached is a part of it. */
static void a_share_of_the_prompt_is_told_as_cached(void **state)
{
    static const char *const with_cache[] = {CHAT, "/v1/responses", MESSAGES};
    struct sim_options o;
    (void)state;
    for (int64_t percent = 0; percent <= 100; percent += 50) {
        sim_options_default(&o);
        o.claude_factor = 1;
        o.cached = percent;
        struct planner *p = new_planner(&o);
        for (int i = 0; i < 3; i++) {
            struct asked a;
            ask(p, with_cache[i], 40, "", 1, &a);
            assert_int_equal(a.read.usage.prompt_tokens, a.counted);
            assert_int_equal(a.read.usage.cached_tokens, a.counted * percent / 100);
            strbuf_free(&a.answer);
        }
        planner_free(p);
    }
}

static void flex_is_told_when_it_was_asked_for(void **state)
{
    static const struct {
        const char *more, *wanted;
    } tiers[] = {{"\"service_tier\":\"flex\",", "\"service_tier\":\"flex\","},
                 {"\"service_tier\":\"auto\",", "\"service_tier\":\"default\","},
                 {"\"service_tier\":7,", "\"service_tier\":\"default\","},
                 {"", "\"service_tier\":\"default\","}};
    struct sim_options o;
    (void)state;
    sim_options_default(&o);
    struct planner *p = new_planner(&o);
    for (size_t i = 0; i < sizeof tiers / sizeof *tiers; i++) {
        struct asked a;
        ask(p, CHAT, 40, tiers[i].more, 1, &a);
        assert_non_null(strstr(a.answer.data, tiers[i].wanted));
        strbuf_free(&a.answer);
        ask(p, "/v1/responses", 40, tiers[i].more, 1, &a);
        assert_non_null(strstr(a.answer.data, tiers[i].wanted));
        strbuf_free(&a.answer);
    }
    planner_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_prompt_is_told_as_it_is_counted),
        cmocka_unit_test(claude_counts_by_another_factor),
        cmocka_unit_test(every_answer_has_the_tokens_that_were_asked_for),
        cmocka_unit_test(answers_have_5_to_60_tokens_by_default),
        cmocka_unit_test(a_share_of_the_prompt_is_told_as_cached),
        cmocka_unit_test(flex_is_told_when_it_was_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

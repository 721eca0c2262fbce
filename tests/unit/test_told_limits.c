/* Limits that providers tell: each form that is in use is understood, and no lie is. */
#include "base/random.h"

#include "answers.h"

/* Sun, 06 Nov 1994 08:49:37 GMT; our own clock is an hour off, which must not matter where the answer has a Date. */
#define DATE                                    \
    {                                           \
        "Date", "Sun, 06 Nov 1994 08:49:37 GMT" \
    }
#define DATE_MS INT64_C(784111777000)

static void each(const void *arg, told_header_fn *fn, void *fn_arg)
{
    for (const struct header *h = arg; h->name != NULL; h++)
        fn(fn_arg, h->name, h->value);
}

static struct told_limits read_told(const struct header *headers, const char *message)
{
    struct told_limits told;
    struct answer_in in = {
        .header = find_header, .header_arg = headers, .each_header = each, .now_wall_ms = DATE_MS + 3600000};
    memset(&told, 0x5a, sizeof told);
    provider_told_limits(&in, message, &told);
    return told;
}

static void assert_limit(const struct told_limits *told, enum told_kind kind, int64_t limit,
                         int64_t remaining, int64_t full_ms, int64_t period_ms)
{
    assert_int_equal(told->of[kind].limit, limit);
    assert_int_equal(told->of[kind].remaining, remaining);
    assert_int_equal(told->of[kind].full_ms, full_ms);
    assert_int_equal(told->of[kind].period_ms, period_ms);
}

static void assert_nothing(const struct told_limits *told, enum told_kind kind)
{
    assert_limit(told, kind, -1, -1, -1, -1);
}

static void openai_tells_requests_and_tokens_with_durations(void **state)
{
    (void)state;
    const struct header headers[] = {
        {"x-ratelimit-limit-requests", "10000"},       {"x-ratelimit-limit-tokens", "200000"},
        {"x-ratelimit-limit-tokens_usage_based", "7"}, {"X-RateLimit-Remaining-Requests", "9999"},
        {"x-ratelimit-remaining-tokens", "43018"},     {"x-ratelimit-reset-requests", "8.64s"},
        {"x-ratelimit-reset-tokens", "23h47m36.648s"}, {NULL, NULL}};
    struct told_limits told = read_told(headers, NULL);
    assert_true(told.any);
    assert_limit(&told, TOLD_REQUESTS, 10000, 9999, 8640, -1);
    assert_limit(&told, TOLD_TOKENS, 200000, 43018, ((23 * 60 + 47) * 60 + 36) * 1000 + 648, -1);
    assert_nothing(&told, TOLD_INPUT_TOKENS);
    assert_nothing(&told, TOLD_OUTPUT_TOKENS);
}

static void each_form_of_a_reset_is_read(void **state)
{
    static const struct {
        const char *value;
        int64_t ms;
    } cases[] = {
        {"6m0s", 360000},
        {"20ms", 20},
        {"1s", 1000},
        {"0", 0},
        {"26.5", 26500},
        {" 60 ", 60000},
        {"1994-11-06T08:49:40Z", 3000},
        {"1994-11-06T08:49:37.250Z", 250},
        {"1994-11-06T09:50:37+01:00", 60000},
        {"784111780", -1}, /* no moment since 2001, and no wait is as long */
        {"1994-11-06T08:49:36Z", -1},
        {"1994-13-06T08:49:40Z", -1},
        {"1994-11-06T08:49:40", -1},
        {"1e3", -1},
        {"nan", -1},
        {"-5", -1},
        {"-1s", -1},
        {"", -1},
        {"soon", -1},
        {"99999999999999999999", -1},
        {"9999999", -1},
        {"1.2.3", -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct header headers[] = {DATE,
                                         {"x-ratelimit-limit-requests", "100"},
                                         {"x-ratelimit-reset-requests", cases[i].value},
                                         {NULL, NULL}};
        struct told_limits told = read_told(headers, NULL);
        int64_t wanted = cases[i].ms;
        if (told.of[TOLD_REQUESTS].full_ms != wanted)
            fail_msg("\"%s\" is %lld ms, not %lld", cases[i].value, (long long)told.of[TOLD_REQUESTS].full_ms,
                     (long long)wanted);
    }
}

static void anthropic_tells_four_limits_by_the_clock_of_its_date(void **state)
{
    (void)state;
    const struct header headers[] = {{"anthropic-ratelimit-requests-limit", "4000"},
                                     {"anthropic-ratelimit-requests-remaining", "3999"},
                                     {"anthropic-ratelimit-requests-reset", "1994-11-06T08:49:38Z"},
                                     {"anthropic-ratelimit-input-tokens-limit", "400000"},
                                     {"anthropic-ratelimit-input-tokens-remaining", "399000"},
                                     {"anthropic-ratelimit-input-tokens-reset", "1994-11-06T08:49:37Z"},
                                     {"anthropic-ratelimit-output-tokens-limit", "80000"},
                                     {"anthropic-ratelimit-output-tokens-remaining", "79000"},
                                     {"anthropic-ratelimit-output-tokens-reset", "1994-11-06T08:49:42Z"},
                                     {"anthropic-ratelimit-tokens-limit", "480000"},
                                     {"anthropic-ratelimit-tokens-remaining", "478000"},
                                     {"anthropic-ratelimit-tokens-reset", "1994-11-06T08:49:37Z"},
                                     DATE,
                                     {NULL, NULL}};
    struct told_limits told = read_told(headers, NULL);
    assert_limit(&told, TOLD_REQUESTS, 4000, 3999, 1000, -1);
    assert_limit(&told, TOLD_INPUT_TOKENS, 400000, 399000, 0, -1);
    assert_limit(&told, TOLD_OUTPUT_TOKENS, 80000, 79000, 5000, -1);
    assert_limit(&told, TOLD_TOKENS, 480000, 478000, 0, -1);
}

static void other_servers_of_the_dialect_are_understood(void **state)
{
    (void)state;
    const struct header mistral[] = {
        {"x-ratelimit-limit-tokens-minute", "5000000"}, {"x-ratelimit-remaining-tokens-minute", "4999911"},
        {"x-ratelimit-tokens-query-cost", "52"},        {"x-ratelimit-limit-req-minute", "720"},
        {"x-ratelimit-remaining-req-minute", "717"},    {NULL, NULL}};
    struct told_limits told = read_told(mistral, NULL);
    assert_limit(&told, TOLD_TOKENS, 5000000, 4999911, -1, 60000);
    assert_limit(&told, TOLD_REQUESTS, 720, 717, -1, 60000);
    const struct header cerebras[] = {{"x-ratelimit-limit-requests-day", "14400"},
                                      {"x-ratelimit-remaining-requests-day", "14399"},
                                      {"x-ratelimit-reset-requests-day", "33011.4"},
                                      {"x-ratelimit-limit-tokens-minute", "60000"},
                                      {"x-ratelimit-remaining-tokens-minute", "59000"},
                                      {"x-ratelimit-reset-tokens-minute", "11.4"},
                                      {NULL, NULL}};
    told = read_told(cerebras, NULL);
    assert_limit(&told, TOLD_REQUESTS, 14400, 14399, 33011400, 86400000);
    assert_limit(&told, TOLD_TOKENS, 60000, 59000, 11400, 60000);
    const struct header openrouter[] = {{"X-RateLimit-Limit", "20"},
                                        {"X-RateLimit-Remaining", "19"},
                                        {"X-RateLimit-Reset", "1700000040500"},
                                        {"Date", "Tue, 14 Nov 2023 22:13:20 GMT"},
                                        {NULL, NULL}};
    told = read_told(openrouter, NULL);
    assert_limit(&told, TOLD_REQUESTS, 20, 19, 40500, -1);
    const struct header azure[] = {
        {"x-ratelimit-remaining-requests", "19"}, {"x-ratelimit-remaining-tokens", "19913"}, {NULL, NULL}};
    told = read_told(azure, NULL);
    assert_true(told.any);
    assert_limit(&told, TOLD_REQUESTS, -1, 19, -1, -1);
    assert_limit(&told, TOLD_TOKENS, -1, 19913, -1, -1);
}

static void of_two_periods_the_shorter_is_kept_in_whatever_order(void **state)
{
    (void)state;
    for (int turned = 0; turned < 2; turned++) {
        const struct header day = {"x-ratelimit-limit-requests-day", "1000"};
        const struct header minute = {"x-ratelimit-limit-requests-minute", "30"};
        const struct header headers[] = {turned ? day : minute,
                                         turned ? minute : day,
                                         {"x-ratelimit-remaining-requests-day", "5"},
                                         {"x-ratelimit-remaining-requests-minute", "29"},
                                         {"x-ratelimit-reset-requests-day", "80000"},
                                         {NULL, NULL}};
        struct told_limits told = read_told(headers, NULL);
        assert_limit(&told, TOLD_REQUESTS, 30, 29, -1, 60000);
    }
}

static void the_drafts_of_the_ietf_are_read(void **state)
{
    (void)state;
    const struct header third[] = {{"RateLimit-Limit", "100"},
                                   {"RateLimit-Remaining", "50"},
                                   {"RateLimit-Reset", "30"},
                                   {"RateLimit-Policy", "1000;w=3600, 100;w=60"},
                                   {NULL, NULL}};
    struct told_limits told = read_told(third, NULL);
    assert_limit(&told, TOLD_REQUESTS, 100, 50, 30000, -1); /* the first policy is of another limit */
    const struct header one[] = {{"ratelimit-limit", "100, 100;w=60"},
                                 {"ratelimit-remaining", "99"},
                                 {"ratelimit-policy", "100;w=60"},
                                 {NULL, NULL}};
    told = read_told(one, NULL);
    assert_limit(&told, TOLD_REQUESTS, 100, 99, -1, 60000);
    const struct header eighth[] = {{"RateLimit", "\"default\";r=50;t=30"},
                                    {"RateLimit-Policy", "\"daily\";q=9000;w=86400, \"default\";q=100;w=60"},
                                    {NULL, NULL}};
    told = read_told(eighth, NULL);
    assert_limit(&told, TOLD_REQUESTS, 100, 50, 30000, 60000);
    const struct header bytes[] = {{"RateLimit", "\"b\";r=50;t=30"},
                                   {"RateLimit-Policy", "\"b\";q=100;w=60;qu=\"content-bytes\""},
                                   {NULL, NULL}};
    told = read_told(bytes, NULL);
    assert_int_equal(told.of[TOLD_REQUESTS].limit, -1);
}

static void the_sentence_of_a_refusal_names_kind_and_period(void **state)
{
    (void)state;
    const struct header headers[] = {
        {"x-ratelimit-limit-tokens", "31000"}, {"x-ratelimit-limit-requests", "500"}, {NULL, NULL}};
    struct told_limits told = read_told(
        headers,
        "Rate limit reached for gpt-4o in organization org-abc on tokens per min (TPM): Limit 30000, "
        "Used 29000, Requested 2000. Please try again in 2s.");
    assert_limit(&told, TOLD_TOKENS, 30000, 1000, -1, 60000);
    assert_limit(&told, TOLD_REQUESTS, 500, -1, -1, -1);
    told = read_told(
        headers,
        "Rate limit reached for gpt-4o-mini in organization org-abc on requests per day (RPD): Limit "
        "10000, Used 10000, Requested 1. Please try again in 8.64s.");
    assert_limit(&told, TOLD_REQUESTS, 10000, 0, -1, 86400000);
    told = read_told(headers,
                     "Rate limit reached for x on requests per min (RPM): Limit 3, Used 3, Requested 1.");
    assert_limit(&told, TOLD_REQUESTS, 3, 0, -1, 60000);
    told = read_told(
        headers, "Rate limit reached for x on requests per min. Limit: 60 / min. Please try again in 1s.");
    assert_limit(&told, TOLD_REQUESTS, 60, -1, -1, 60000);
    told = read_told(
        headers,
        "This request would exceed your organization's rate limit of 50,000 input tokens per minute.");
    assert_limit(&told, TOLD_INPUT_TOKENS, 50000, -1, -1, 60000);
}

static void sentences_that_tell_no_limit_change_nothing(void **state)
{
    static const char *const sentences[] = {
        "",
        "Rate limit reached for requests per min. Please try again in 1.000s.",
        "tokens per min (TPM): Limit , Used 3",
        "tokens per min (TPM): Limit -5, Used 3",
        "tokens per min (TPM): Limit 99999999999999999999999, Used 3",
        "tokens per min (TPM): Limit 0, Used 3",
        "limit of ",
        "limit of 7 apples per minute",
        "tokens per ",
    };
    const struct header headers[] = {{"x-ratelimit-limit-tokens", "77"}, {NULL, NULL}};
    (void)state;
    for (size_t i = 0; i < sizeof sentences / sizeof *sentences; i++) {
        struct told_limits told = read_told(headers, sentences[i]);
        assert_limit(&told, TOLD_TOKENS, 77, -1, -1, -1);
        assert_nothing(&told, TOLD_REQUESTS);
        assert_nothing(&told, TOLD_INPUT_TOKENS);
    }
}

static void lies_are_not_said(void **state)
{
    char digits[501];
    memset(digits, '9', 500);
    digits[500] = '\0';
    const char *const values[] = {"-1",   "",    " ",    "NaN",           "inf", "1e5",
                                  "0x10", "ten", digits, "1000000000001", "5 6", "+5"};
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        const struct header headers[] = {{"x-ratelimit-limit-requests", values[i]},
                                         {"x-ratelimit-remaining-requests", values[i]},
                                         {"x-ratelimit-reset-requests", values[i]},
                                         {"ratelimit-policy", values[i]},
                                         {NULL, NULL}};
        struct told_limits told = read_told(headers, NULL);
        assert_nothing(&told, TOLD_REQUESTS);
        assert_false(told.any);
    }
    const struct header more[] = {
        {"x-ratelimit-limit-tokens", "100"}, {"x-ratelimit-remaining-tokens", "101"}, {NULL, NULL}};
    struct told_limits told = read_told(more, NULL);
    assert_limit(&told, TOLD_TOKENS, 100, -1, -1, -1);
    const struct header zero[] = {
        {"x-ratelimit-limit-tokens", "0"}, {"x-ratelimit-remaining-tokens", "0"}, {NULL, NULL}};
    told = read_told(zero, NULL);
    assert_limit(&told, TOLD_TOKENS, -1, 0, -1, -1);
}

static void whatever_is_told_is_in_its_range_or_not_said(void **state)
{
    static const char *const names[] = {"x-ratelimit-limit-requests",
                                        "x-ratelimit-remaining-requests",
                                        "x-ratelimit-reset-requests",
                                        "RateLimit",
                                        "RateLimit-Policy",
                                        "anthropic-ratelimit-input-tokens-reset",
                                        "x-ratelimit-",
                                        "ratelimit-limit-minute-day",
                                        "Date",
                                        ""};
    static const char bytes[] = "0123456789.:;=,-+TZ \"rtqwhmsdu\xff";
    struct random r;
    (void)state;
    random_seed(&r, 1);
    for (int i = 0; i < 20000; i++) {
        char value[4][40];
        struct header headers[5] = {{NULL, NULL}};
        for (int k = 0; k < 4; k++) {
            size_t len = (size_t)random_below(&r, sizeof value[k]);
            for (size_t j = 0; j < len; j++)
                value[k][j] = bytes[random_below(&r, sizeof bytes - 1)];
            value[k][len] = '\0';
            headers[k] = (struct header){names[random_below(&r, sizeof names / sizeof *names)], value[k]};
        }
        struct told_limits told = read_told(headers, i % 2 == 0 ? value[0] : NULL);
        for (int kind = 0; kind < TOLD_KINDS; kind++) {
            const struct told_limit *l = &told.of[kind];
            assert_true(l->limit == -1 || (l->limit >= 1 && l->limit <= TOLD_MOST));
            assert_true(l->remaining >= -1 && l->remaining <= (l->limit > 0 ? l->limit : TOLD_MOST));
            assert_true(l->full_ms >= -1 && l->full_ms <= TOLD_MOST_MS);
            assert_true(l->period_ms == -1 || (l->period_ms > 0 && l->period_ms <= TOLD_MOST_MS));
        }
    }
}

/* Through the door that all answers come by: good ones, refusals, and errors that are no JSON. */
static void answers_of_all_classes_carry_what_was_told(void **state)
{
    static const struct {
        int status;
        const char *body;
    } cases[] = {{200, "{\"choices\":[{\"message\":{\"content\":\"x\"}}]}"},
                 {429, "{\"error\":{\"message\":\"Rate limit reached\",\"code\":\"rate_limit_exceeded\"}}"},
                 {500, "<html>"},
                 {302, ""}};
    const struct header headers[] = {{"x-ratelimit-limit-requests", "60"}, {NULL, NULL}};
    struct json_parser *parser = json_parser_new();
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct answer a;
        struct answer_in in = {.status = cases[i].status,
                               .body = cases[i].body,
                               .body_len = strlen(cases[i].body),
                               .header = find_header,
                               .header_arg = headers,
                               .each_header = each};
        provider_read_answer(DIALECT_OPENAI, CHAT, &in, parser, &a);
        assert_true(a.told.any);
        assert_int_equal(a.told.of[TOLD_REQUESTS].limit, 60);
        in.each_header = NULL;
        provider_read_answer(DIALECT_OPENAI, CHAT, &in, parser, &a);
        assert_false(a.told.any);
    }
    json_parser_free(parser);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(openai_tells_requests_and_tokens_with_durations),
        cmocka_unit_test(each_form_of_a_reset_is_read),
        cmocka_unit_test(anthropic_tells_four_limits_by_the_clock_of_its_date),
        cmocka_unit_test(other_servers_of_the_dialect_are_understood),
        cmocka_unit_test(of_two_periods_the_shorter_is_kept_in_whatever_order),
        cmocka_unit_test(the_drafts_of_the_ietf_are_read),
        cmocka_unit_test(the_sentence_of_a_refusal_names_kind_and_period),
        cmocka_unit_test(sentences_that_tell_no_limit_change_nothing),
        cmocka_unit_test(lies_are_not_said),
        cmocka_unit_test(whatever_is_told_is_in_its_range_or_not_said),
        cmocka_unit_test(answers_of_all_classes_carry_what_was_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

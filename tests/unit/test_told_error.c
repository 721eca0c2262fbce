/* Which errors are whose: each row of the table of classes, with bodies as the providers really send them. */
#include "answers.h"

static void assert_error(const char *url, int status, const char *body, enum answer_class class,
                         const char *code)
{
    struct answer a = read_plain(url, status, body);
    char about[256];
    snprintf(about, sizeof about, "%d %.200s", status, body);
    assert_class(&a, class, about);
    if (strcmp(a.error_code, code) != 0)
        fail_msg("%s has the code %s, not %s", about, a.error_code, code);
}

static const char *const all_urls[] = {CHAT, RESPONSES, EMBEDDINGS, COMPLETIONS, MESSAGES, "/v1/rerank"};

/* The status alone, under every endpoint, whatever the body says too little. */
static void a_status_alone_has_its_class(void **state)
{
    static const struct {
        int status;
        enum answer_class class;
    } cases[] = {
        {400, ANSWER_PERMANENT}, {401, ANSWER_ACCOUNT},   {402, ANSWER_ACCOUNT},   {403, ANSWER_ACCOUNT},
        {404, ANSWER_PERMANENT}, {405, ANSWER_PERMANENT}, {408, ANSWER_TRANSIENT}, {409, ANSWER_TRANSIENT},
        {413, ANSWER_PERMANENT}, {415, ANSWER_PERMANENT}, {422, ANSWER_PERMANENT}, {429, ANSWER_THROTTLED},
        {500, ANSWER_TRANSIENT}, {502, ANSWER_TRANSIENT}, {503, ANSWER_TRANSIENT}, {504, ANSWER_TRANSIENT},
        {520, ANSWER_TRANSIENT}, {524, ANSWER_TRANSIENT}, {529, ANSWER_THROTTLED}, {599, ANSWER_TRANSIENT},
    };
    static const char *const bodies[] = {
        "",
        "{}",
        "null",
        "[]",
        "<html></html>",
        "no such thing",
        "{\"error\":{}}",
        "{\"error\":\"x\"}",
        "{\"error\":{\"message\":null,\"type\":null,\"code\":null}}",
        "{\"error\":[]}",
        "{\"message\":\"x\"}",
        "{\"choices\":[{\"message\":{\"content\":\"an answer all the same\"}}],\"content\":[{}]}"};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t u = 0; u < sizeof all_urls / sizeof *all_urls; u++)
            for (size_t b = 0; b < sizeof bodies / sizeof *bodies; b++) {
                char code[16];
                snprintf(code, sizeof code, "http_%d", cases[i].status);
                assert_error(all_urls[u], cases[i].status, bodies[b], cases[i].class, code);
            }
}

/* Without a sentence to go by; as the code and, where no code is given, as the type. */
static void each_word_has_its_class(void **state)
{
    static const struct {
        const char *word;
        enum answer_class class;
    } cases[] = {
        {"insufficient_quota", ANSWER_ACCOUNT},
        {"exceeded_current_quota_error", ANSWER_ACCOUNT},
        {"billing_not_active", ANSWER_ACCOUNT},
        {"billing_hard_limit_reached", ANSWER_ACCOUNT},
        {"billing_error", ANSWER_ACCOUNT},
        {"account_deactivated", ANSWER_ACCOUNT},
        {"invalid_api_key", ANSWER_ACCOUNT},
        {"authentication_error", ANSWER_ACCOUNT},
        {"permission_error", ANSWER_ACCOUNT},
        {"content_policy_violation", ANSWER_PERMANENT},
        {"image_content_policy_violation", ANSWER_PERMANENT},
        {"content_filter", ANSWER_PERMANENT},
        {"moderation", ANSWER_PERMANENT},
        {"context_length_exceeded", ANSWER_PERMANENT},
        {"model_not_found", ANSWER_PERMANENT},
        {"invalid_prompt", ANSWER_PERMANENT},
        {"invalid_image", ANSWER_PERMANENT},
        {"image_parse_error", ANSWER_PERMANENT},
        {"invalid_request_error", ANSWER_PERMANENT},
        {"not_found_error", ANSWER_PERMANENT},
        {"overloaded_error", ANSWER_THROTTLED},
        {"rate_limit_exceeded", ANSWER_THROTTLED},
        {"rate_limit_error", ANSWER_THROTTLED},
        {"tokens", ANSWER_THROTTLED},
        {"requests", ANSWER_THROTTLED},
        {"server_error", ANSWER_TRANSIENT},
        {"api_error", ANSWER_TRANSIENT},
        {"internal_error", ANSWER_TRANSIENT},
        {"timeout_error", ANSWER_TRANSIENT},
        {"made_up", ANSWER_TRANSIENT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char body[256];
        bool account = cases[i].class == ANSWER_ACCOUNT;
        snprintf(body, sizeof body, "{\"error\":{\"code\":\"%s\"}}", cases[i].word);
        assert_error(CHAT, 200, body, cases[i].class, cases[i].word);
        assert_error(CHAT, 429, body, account ? ANSWER_ACCOUNT : ANSWER_THROTTLED, cases[i].word);
        snprintf(body, sizeof body, "{\"error\":{\"type\":\"%s\",\"code\":null}}", cases[i].word);
        assert_error(CHAT, 200, body, cases[i].class, cases[i].word);
        assert_error(CHAT, 429, body, account ? ANSWER_ACCOUNT : ANSWER_THROTTLED, cases[i].word);
    }
}

static void errors_of_openai(void **state)
{
    (void)state;
    assert_error(
        CHAT, 429,
        "{\"error\":{\"message\":\"Rate limit reached for gpt-4o in organization org-x on tokens per min "
        "(TPM): Limit 30000, Used 29000, Requested 2000. Please try again in 2s. You can increase your rate "
        "limit by adding a payment method to your account at "
        "https://platform.openai.com/account/billing.\",\"type\":\"tokens\",\"param\":null,"
        "\"code\":\"rate_limit_exceeded\"}}",
        ANSWER_THROTTLED, "rate_limit_exceeded");
    assert_error(
        CHAT, 429,
        "{\"error\":{\"message\":\"Rate limit reached on requests per min. Please try again in 20s. Add a "
        "payment method at https://platform.openai.com/account/billing.\",\"type\":\"requests\","
        "\"param\":null,\"code\":null}}",
        ANSWER_THROTTLED, "requests");
    assert_error(
        CHAT, 429,
        "{\"error\":{\"message\":\"You exceeded your current quota, please check your plan and billing "
        "details.\",\"type\":\"insufficient_quota\",\"param\":null,\"code\":\"insufficient_quota\"}}",
        ANSWER_ACCOUNT, "insufficient_quota");
    assert_error(CHAT, 429, "{\"error\":{\"message\":\"x\",\"type\":\"insufficient_quota\",\"code\":null}}",
                 ANSWER_ACCOUNT, "insufficient_quota");
    assert_error(
        CHAT, 429,
        "{\"error\":{\"message\":\"Your account is not active, please check your billing details on our "
        "website.\",\"type\":\"billing_not_active\",\"code\":\"billing_not_active\"}}",
        ANSWER_ACCOUNT, "billing_not_active");
    assert_error(CHAT, 400,
                 "{\"error\":{\"message\":\"Billing hard limit has been reached\",\"type\":"
                 "\"invalid_request_error\",\"code\":\"billing_hard_limit_reached\"}}",
                 ANSWER_ACCOUNT, "billing_hard_limit_reached");
    assert_error(CHAT, 401,
                 "{\"error\":{\"message\":\"Incorrect API key provided: sk-abc***xyz.\",\"type\":"
                 "\"invalid_request_error\",\"code\":\"invalid_api_key\"}}",
                 ANSWER_ACCOUNT, "invalid_api_key");
    assert_error(CHAT, 403,
                 "{\"error\":{\"message\":\"Country, region, or territory not supported\",\"type\":"
                 "\"request_forbidden\",\"code\":\"unsupported_country_region_territory\"}}",
                 ANSWER_ACCOUNT, "unsupported_country_region_territory");
    assert_error(CHAT, 400,
                 "{\"error\":{\"message\":\"This model's maximum context length is 8192 tokens.\",\"type\":"
                 "\"invalid_request_error\",\"param\":\"messages\",\"code\":\"context_length_exceeded\"}}",
                 ANSWER_PERMANENT, "context_length_exceeded");
    assert_error(CHAT, 404,
                 "{\"error\":{\"message\":\"The model does not exist\",\"type\":\"invalid_request_error\","
                 "\"code\":\"model_not_found\"}}",
                 ANSWER_PERMANENT, "model_not_found");
    assert_error(CHAT, 400,
                 "{\"error\":{\"message\":\"Your request was rejected by our safety system\",\"type\":"
                 "\"invalid_request_error\",\"code\":\"content_policy_violation\"}}",
                 ANSWER_PERMANENT, "content_policy_violation");
    assert_error(
        CHAT, 500,
        "{\"error\":{\"message\":\"The server had an error\",\"type\":\"server_error\",\"code\":null}}",
        ANSWER_TRANSIENT, "server_error");
    assert_error(CHAT, 503, "{\"error\":{\"message\":\"Slow down\",\"code\":\"slow_down\"}}",
                 ANSWER_THROTTLED, "slow_down");
    assert_error(CHAT, 503, "{\"error\":{\"message\":\"That model is currently overloaded\"}}",
                 ANSWER_THROTTLED, "http_503");
}

static void errors_of_anthropic(void **state)
{
    static const struct {
        int status;
        const char *type, *message;
        enum answer_class class;
    } cases[] = {
        {400, "invalid_request_error", "messages: at least one message is required", ANSWER_PERMANENT},
        {400, "invalid_request_error", "prompt is too long: 208310 tokens > 200000 maximum",
         ANSWER_PERMANENT},
        {400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API.",
         ANSWER_ACCOUNT},
        {401, "authentication_error", "invalid x-api-key", ANSWER_ACCOUNT},
        {402, "billing_error", "payment", ANSWER_ACCOUNT},
        {403, "permission_error", "Your API key does not have permission", ANSWER_ACCOUNT},
        {404, "not_found_error", "model: claude-x", ANSWER_PERMANENT},
        {413, "request_too_large", "Request exceeds the maximum size", ANSWER_PERMANENT},
        {429, "rate_limit_error", "This request would exceed your account's rate limit", ANSWER_THROTTLED},
        {500, "api_error", "Internal server error", ANSWER_TRANSIENT},
        {504, "timeout_error", "Request timed out", ANSWER_TRANSIENT},
        {529, "overloaded_error", "Overloaded", ANSWER_THROTTLED},
        {500, "overloaded_error", "Overloaded", ANSWER_THROTTLED},
        {200, "overloaded_error", "Overloaded", ANSWER_THROTTLED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char body[512];
        snprintf(
            body, sizeof body,
            "{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":\"%s\"},\"request_id\":\"req_1\"}",
            cases[i].type, cases[i].message);
        assert_error(MESSAGES, cases[i].status, body, cases[i].class, cases[i].type);
    }
}

static void errors_of_azure(void **state)
{
    (void)state;
    assert_error(
        CHAT, 429,
        "{\"error\":{\"code\":\"429\",\"message\":\"Requests to the ChatCompletions_Create Operation have "
        "exceeded call rate limit of your current OpenAI S0 pricing tier. Please retry after 8 seconds.\"}}",
        ANSWER_THROTTLED, "429");
    assert_error(
        CHAT, 401,
        "{\"error\":{\"code\":\"401\",\"message\":\"Access denied due to invalid subscription key\"}}",
        ANSWER_ACCOUNT, "401");
    assert_error(CHAT, 404, "{\"error\":{\"code\":\"DeploymentNotFound\",\"message\":\"no deployment\"}}",
                 ANSWER_PERMANENT, "DeploymentNotFound");
    assert_error(
        CHAT, 400,
        "{\"error\":{\"message\":\"The response was filtered due to the prompt triggering Azure OpenAI's "
        "content management policy.\",\"type\":null,\"param\":\"prompt\",\"code\":\"content_filter\","
        "\"status\":400,\"innererror\":{\"code\":\"ResponsibleAIPolicyViolation\"}}}",
        ANSWER_PERMANENT, "content_filter");
}

static void errors_of_local_servers(void **state)
{
    (void)state;
    /* vLLM, old and new */
    assert_error(CHAT, 400,
                 "{\"object\":\"error\",\"message\":\"This model's maximum context length is 4096 tokens.\","
                 "\"type\":\"BadRequestError\",\"param\":null,\"code\":400}",
                 ANSWER_PERMANENT, "BadRequestError");
    assert_error(CHAT, 404,
                 "{\"error\":{\"message\":\"The model `x` does not exist.\",\"type\":\"NotFoundError\","
                 "\"param\":\"model\",\"code\":404}}",
                 ANSWER_PERMANENT, "NotFoundError");
    assert_error(
        CHAT, 500,
        "{\"object\":\"error\",\"message\":\"engine died\",\"type\":\"InternalServerError\",\"code\":500}",
        ANSWER_TRANSIENT, "InternalServerError");
    /* llama.cpp: a model that is being loaded takes minutes, and no job's attempts */
    assert_error(CHAT, 503,
                 "{\"error\":{\"code\":503,\"message\":\"Loading model\",\"type\":\"unavailable_error\"}}",
                 ANSWER_THROTTLED, "unavailable_error");
    assert_error(CHAT, 400,
                 "{\"error\":{\"code\":400,\"message\":\"the request exceeds the available context size\","
                 "\"type\":\"exceed_context_size_error\",\"n_prompt_tokens\":9000,\"n_ctx\":4096}}",
                 ANSWER_PERMANENT, "exceed_context_size_error");
    /* Ollama */
    assert_error(CHAT, 404,
                 "{\"error\":{\"message\":\"model \\\"x\\\" not found\",\"type\":\"not_found_error\","
                 "\"param\":null,\"code\":null}}",
                 ANSWER_PERMANENT, "not_found_error");
    assert_error(
        CHAT, 503,
        "{\"error\":{\"message\":\"server busy, please try again.  maximum pending requests exceeded\","
        "\"type\":\"api_error\",\"code\":null}}",
        ANSWER_THROTTLED, "api_error");
    /* FastAPI in front of anything */
    assert_error(CHAT, 422, "{\"detail\":[{\"loc\":[\"body\"],\"msg\":\"field required\"}]}",
                 ANSWER_PERMANENT, "http_422");
    assert_error(CHAT, 404, "{\"detail\":\"Not Found\"}", ANSWER_PERMANENT, "http_404");
}

static void errors_of_routers_and_others(void **state)
{
    (void)state;
    /* OpenRouter */
    assert_error(CHAT, 429,
                 "{\"error\":{\"message\":\"Rate limit exceeded: free-models-per-min.\",\"code\":429}}",
                 ANSWER_THROTTLED, "http_429");
    assert_error(CHAT, 402,
                 "{\"error\":{\"message\":\"This request requires more credits, or fewer max_tokens.\","
                 "\"code\":402}}",
                 ANSWER_ACCOUNT, "http_402");
    assert_error(
        CHAT, 403,
        "{\"error\":{\"message\":\"Your chosen model requires moderation and your input was flagged\","
        "\"code\":403,\"metadata\":{\"reasons\":[\"violence\"]}}}",
        ANSWER_PERMANENT, "http_403");
    /* Groq: one request is larger than a minute's limit */
    assert_error(
        CHAT, 413,
        "{\"error\":{\"message\":\"Request too large on tokens per minute (TPM): Limit 6000, Requested "
        "9000\",\"type\":\"tokens\",\"code\":\"rate_limit_exceeded\"}}",
        ANSWER_PERMANENT, "rate_limit_exceeded");
    /* Gemini: an array of one; its rate limit talks of the quota, and of when to come again */
    assert_error(
        CHAT, 429,
        "[{\"error\":{\"code\":429,\"message\":\"You exceeded your current quota, please check your plan "
        "and billing details. Please retry in 36.9s.\",\"status\":\"RESOURCE_EXHAUSTED\"}}]",
        ANSWER_THROTTLED, "RESOURCE_EXHAUSTED");
    assert_error(CHAT, 400,
                 "[{\"error\":{\"code\":400,\"message\":\"API key not valid. Please pass a valid API key.\","
                 "\"status\":\"INVALID_ARGUMENT\"}}]",
                 ANSWER_ACCOUNT, "INVALID_ARGUMENT");
    assert_error(CHAT, 503,
                 "[{\"error\":{\"code\":503,\"message\":\"The model is overloaded. Please try again later.\","
                 "\"status\":\"UNAVAILABLE\"}}]",
                 ANSWER_THROTTLED, "UNAVAILABLE");
    /* xAI, DeepSeek, Hugging Face */
    assert_error(CHAT, 400,
                 "{\"code\":\"Client specified an invalid argument\",\"error\":\"Incorrect API key provided: "
                 "xa***yz.\"}",
                 ANSWER_ACCOUNT, "http_400");
    assert_error(CHAT, 402, "{\"error\":{\"message\":\"Insufficient Balance\",\"type\":\"unknown_error\"}}",
                 ANSWER_ACCOUNT, "unknown_error");
    assert_error(CHAT, 503, "{\"error\":\"Model x is currently loading\",\"estimated_time\":20.0}",
                 ANSWER_THROTTLED, "http_503");
}

static void an_error_in_a_200_is_what_it_would_have_been(void **state)
{
    (void)state;
    for (size_t u = 0; u < sizeof all_urls / sizeof *all_urls; u++) {
        assert_error(all_urls[u], 200, "{\"error\":{\"message\":\"x\",\"code\":429}}", ANSWER_THROTTLED,
                     "http_429");
        assert_error(all_urls[u], 200, "{\"error\":{\"message\":\"x\",\"code\":\"402\"}}", ANSWER_ACCOUNT,
                     "402");
        assert_error(all_urls[u], 200, "{\"error\":{\"message\":\"x\",\"code\":502}}", ANSWER_TRANSIENT,
                     "http_502");
        assert_error(all_urls[u], 200, "{\"error\":{\"message\":\"x\",\"code\":400}}", ANSWER_PERMANENT,
                     "http_400");
        assert_error(all_urls[u], 200, "{\"error\":{\"message\":\"x\",\"code\":200}}", ANSWER_TRANSIENT,
                     "error_in_answer");
        assert_error(all_urls[u], 200, "{\"error\":\"x\"}", ANSWER_TRANSIENT, "error_in_answer");
        assert_error(all_urls[u], 200, "{\"error\":\"Insufficient credits\"}", ANSWER_ACCOUNT,
                     "error_in_answer");
        assert_error(all_urls[u], 200, "{\"error\":{\"code\":\"insufficient_quota\"}}", ANSWER_ACCOUNT,
                     "insufficient_quota");
        assert_error(all_urls[u], 200, "{\"error\":{\"code\":\"context_length_exceeded\"}}", ANSWER_PERMANENT,
                     "context_length_exceeded");
        assert_error(all_urls[u], 200, "{\"error\":{\"type\":\"server_error\"}}", ANSWER_TRANSIENT,
                     "server_error");
        assert_error(all_urls[u], 200, "{\"object\":\"error\",\"message\":\"x\",\"code\":503}",
                     ANSWER_TRANSIENT, "http_503");
    }
    assert_error(RESPONSES, 200,
                 "{\"status\":\"failed\",\"error\":{\"code\":\"rate_limit_exceeded\",\"message\":\"x\"},"
                 "\"output\":[]}",
                 ANSWER_THROTTLED, "rate_limit_exceeded");
    assert_error(
        RESPONSES, 200,
        "{\"status\":\"failed\",\"error\":{\"code\":\"invalid_prompt\",\"message\":\"x\"},\"output\":[]}",
        ANSWER_PERMANENT, "invalid_prompt");
    assert_error(CHAT, 200,
                 "{\"choices\":[{\"error\":{\"code\":502,\"message\":\"Provider returned error\"},"
                 "\"finish_reason\":\"error\",\"message\":{\"content\":\"hal\"}}]}",
                 ANSWER_TRANSIENT, "http_502");
}

/* People label mail as "billing" or "quota": a complaint about such a name is about that request. */
static void a_name_that_sounds_of_money_is_no_account_error(void **state)
{
    (void)state;
    assert_error(CHAT, 400,
                 "{\"error\":{\"message\":\"Invalid schema for response_format 'billing_labels'\",\"type\":"
                 "\"invalid_request_error\",\"code\":null}}",
                 ANSWER_PERMANENT, "invalid_request_error");
    assert_error(CHAT, 400,
                 "{\"error\":{\"message\":\"maximum context length: 'credit balance is too low' …\",\"type\":"
                 "\"invalid_request_error\",\"code\":\"context_length_exceeded\"}}",
                 ANSWER_PERMANENT, "context_length_exceeded");
    assert_error(CHAT, 500, "{\"error\":{\"message\":\"billing service is down\"}}", ANSWER_TRANSIENT,
                 "http_500");
}

static void a_quota_without_a_wait_is_an_empty_account(void **state)
{
    (void)state;
    assert_error(CHAT, 429, "{\"error\":{\"message\":\"You exceeded your current quota\",\"code\":\"429\"}}",
                 ANSWER_ACCOUNT, "429");
    struct header headers[] = {{"retry-after", "7"}, {NULL, NULL}};
    struct answer a = read_with(
        CHAT, 429, headers, "{\"error\":{\"message\":\"You exceeded your current quota\",\"code\":\"429\"}}");
    assert_class(&a, ANSWER_THROTTLED, "quota with a wait");
    a = read_with(CHAT, 429, headers, "{\"error\":{\"code\":\"insufficient_quota\"}}");
    assert_class(&a, ANSWER_ACCOUNT, "insufficient_quota with a wait");
}

static void no_words_make_a_401_or_a_403_anything_but_the_account(void **state)
{
    (void)state;
    assert_error(CHAT, 401, "{\"error\":{\"code\":\"rate_limit_exceeded\"}}", ANSWER_ACCOUNT,
                 "rate_limit_exceeded");
    assert_error(CHAT, 401, "{\"error\":{\"code\":\"content_filter\"}}", ANSWER_ACCOUNT, "content_filter");
    assert_error(CHAT, 403, "{\"error\":{\"code\":\"server_error\"}}", ANSWER_ACCOUNT, "server_error");
    assert_error(CHAT, 403, "{\"error\":{\"type\":\"invalid_request_error\",\"code\":\"of_its_own\"}}",
                 ANSWER_ACCOUNT, "of_its_own");
    assert_error(CHAT, 403, "{\"error\":{\"code\":\"content_policy_violation\"}}", ANSWER_PERMANENT,
                 "content_policy_violation");
}

static void assert_should_retry(const char *value, int status, const char *body, enum answer_class class)
{
    struct header headers[] = {{"x-should-retry", value}, {NULL, NULL}};
    struct answer a = read_with(CHAT, status, headers, body);
    assert_class(&a, class, value);
}

static void x_should_retry_moves_between_transient_and_permanent_only(void **state)
{
    static const char quota[] = "{\"error\":{\"code\":\"insufficient_quota\"}}";
    static const char good[] = "{\"choices\":[{\"message\":{\"content\":\"x\"}}]}";
    (void)state;
    assert_should_retry("true", 400, "{}", ANSWER_TRANSIENT);
    assert_should_retry("TRUE", 404, "", ANSWER_TRANSIENT);
    assert_should_retry("true", 500, "{}", ANSWER_TRANSIENT);
    assert_should_retry("false", 500, "{}", ANSWER_PERMANENT);
    assert_should_retry("false", 409, "", ANSWER_PERMANENT);
    assert_should_retry("false", 400, "{}", ANSWER_PERMANENT);
    assert_should_retry("false", 429, "{}", ANSWER_THROTTLED);
    assert_should_retry("false", 529, "{}", ANSWER_THROTTLED);
    assert_should_retry("true", 429, quota, ANSWER_ACCOUNT);
    assert_should_retry("true", 401, "{}", ANSWER_ACCOUNT);
    assert_should_retry("false", 200, good, ANSWER_SUCCESS);
    assert_should_retry("true", 200, good, ANSWER_SUCCESS);
    assert_should_retry("maybe", 500, "{}", ANSWER_TRANSIENT);
    assert_should_retry("", 400, "{}", ANSWER_PERMANENT);
}

static void only_a_provider_that_is_short_is_overloaded(void **state)
{
    struct header wait[] = {{"retry-after", "3"}, {NULL, NULL}};
    struct header nonsense[] = {{"retry-after", "soon"}, {NULL, NULL}};
    (void)state;
    assert_true(read_plain(CHAT, 529, "").overloaded);
    assert_true(read_plain(CHAT, 503, "{\"error\":{\"message\":\"at capacity\"}}").overloaded);
    struct answer a = read_with(CHAT, 503, wait, "");
    assert_true(a.overloaded);
    assert_class(&a, ANSWER_THROTTLED, "503 with a wait");
    assert_int_equal(a.retry_after_ms, 3000);
    a = read_with(CHAT, 503, nonsense, "");
    assert_false(a.overloaded);
    assert_class(&a, ANSWER_TRANSIENT, "503 with nonsense");
    assert_false(read_plain(CHAT, 503, "").overloaded);
    assert_false(read_plain(CHAT, 429, "{\"error\":{\"message\":\"overloaded\"}}").overloaded);
    assert_false(read_plain(CHAT, 500, "").overloaded);
}

static void waits_come_from_headers_and_bodies(void **state)
{
    struct header headers[] = {
        {"Retry-After", "2"}, {"x-ratelimit-reset-tokens", "23h47m36.648s"}, {NULL, NULL}};
    (void)state;
    assert_int_equal(read_with(CHAT, 429, headers, "{}").retry_after_ms, 2000);
    assert_int_equal(read_with(CHAT, 429, headers + 1, "{}").retry_after_ms, -1); /* that is no wait */
    assert_int_equal(
        read_plain(CHAT, 429, "{\"error\":{\"message\":\"Please try again in 1.5s.\"}}").retry_after_ms,
        1500);
    assert_int_equal(read_plain(CHAT, 500, "try again in 3s").retry_after_ms, 3000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_status_alone_has_its_class),
        cmocka_unit_test(each_word_has_its_class),
        cmocka_unit_test(errors_of_openai),
        cmocka_unit_test(errors_of_anthropic),
        cmocka_unit_test(errors_of_azure),
        cmocka_unit_test(errors_of_local_servers),
        cmocka_unit_test(errors_of_routers_and_others),
        cmocka_unit_test(an_error_in_a_200_is_what_it_would_have_been),
        cmocka_unit_test(a_name_that_sounds_of_money_is_no_account_error),
        cmocka_unit_test(a_quota_without_a_wait_is_an_empty_account),
        cmocka_unit_test(no_words_make_a_401_or_a_403_anything_but_the_account),
        cmocka_unit_test(x_should_retry_moves_between_transient_and_permanent_only),
        cmocka_unit_test(only_a_provider_that_is_short_is_overloaded),
        cmocka_unit_test(waits_come_from_headers_and_bodies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

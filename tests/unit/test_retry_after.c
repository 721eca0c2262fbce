/* How long a provider asks to wait: every form that is in use is understood, and no nonsense is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include "base/random.h"
#include "provider/provider.h"

/* Sun, 06 Nov 1994 08:49:37 GMT, the moment of RFC 9110's examples. */
#define NOW INT64_C(784111777000)
#define DAY INT64_C(86400000)

struct headers {
    const char *after, *after_ms;
};

static const char *header(const void *arg, const char *name)
{
    const struct headers *h = arg;
    return strcasecmp(name, "retry-after") == 0      ? h->after
           : strcasecmp(name, "retry-after-ms") == 0 ? h->after_ms
                                                     : NULL;
}

static int64_t wait_of(const char *after, const char *after_ms, const char *message, int64_t now)
{
    struct headers h = {after, after_ms};
    struct answer_in in = {.status = 429, .header = header, .header_arg = &h, .now_wall_ms = now};
    return provider_retry_after(&in, message);
}

static void assert_after(const char *value, int64_t wanted)
{
    int64_t wait = wait_of(value, NULL, NULL, NOW);
    if (wait != wanted)
        fail_msg("Retry-After: %s waits %lld, not %lld", value, (long long)wait, (long long)wanted);
}

static void assert_told(const char *message, int64_t wanted)
{
    int64_t wait = wait_of(NULL, NULL, message, NOW);
    if (wait != wanted)
        fail_msg("\"%s\" waits %lld, not %lld", message, (long long)wait, (long long)wanted);
}

static void seconds_may_have_a_fraction(void **state)
{
    (void)state;
    assert_after("0", 0);
    assert_after("1", 1000);
    assert_after("120", 120000);
    assert_after("1.5", 1500);
    assert_after(".25", 250);
    assert_after("2.", 2000);
    assert_after(" 3 ", 3000);
    assert_after("\t3\t", 3000);
    assert_after("007", 7000);
    assert_after("0.0001", 1); /* never sooner than asked */
    assert_after("86400", DAY);
}

static void more_than_a_day_is_a_day(void **state)
{
    (void)state;
    assert_after("86401", DAY);
    assert_after("99999999999999999999999", DAY);
    assert_after("Mon, 06 Nov 2034 08:49:37 GMT", DAY);
    assert_int_equal(wait_of(NULL, "99999999999999999999", NULL, NOW), DAY);
    assert_told("try again in 999h", DAY);
}

static void all_three_forms_of_http_dates_are_read(void **state)
{
    (void)state;
    assert_after("Sun, 06 Nov 1994 08:50:37 GMT", 60000);
    assert_after("Sunday, 06-Nov-94 08:50:37 GMT", 60000);
    assert_after("Sun Nov  6 08:50:37 1994", 60000);
    assert_after("Sun, 06 Nov 1994 08:49:37 GMT", 0);
    assert_after("Mon, 07 Nov 1994 08:49:37 GMT", DAY);
    assert_int_equal(wait_of("Thu, 29 Feb 2024 00:00:10 GMT", NULL, NULL, INT64_C(1709164800000)), 10000);
    assert_int_equal(wait_of("Fri, 01 Mar 2024 00:00:00 GMT", NULL, NULL, INT64_C(1709251199000)), 1000);
}

static void a_date_is_told_from_a_clock_with_milliseconds(void **state)
{
    (void)state;
    assert_int_equal(wait_of("Sun, 06 Nov 1994 08:49:38 GMT", NULL, NULL, NOW + 250), 750);
}

static void nonsense_in_headers_is_ignored(void **state)
{
    static const char *const nonsense[] = {
        "",
        " ",
        ".",
        "-1",
        "+5",
        "- 5",
        "1.2.3",
        "1..5",
        "1,5",
        "1e3",
        "0x10",
        "nan",
        "NaN",
        "inf",
        "Infinity",
        "soon",
        "5 apples",
        "5 5",
        "5s",
        "60; comment",
        "\xff\xfe",
        "Sun, 06 Nov 1994 08:49:36 GMT", /* past */
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Sun, 06 Nov 1994 08:50:37 PST",
        "Sun, 06 Nov 1994 08:50:37 GMT+1",
        "Sun, 06 Nov 1994 08:50:37",
        "Sun, 31 Feb 2034 08:50:37 GMT",
        "Sun, 00 Nov 2034 08:50:37 GMT",
        "Sun, 32 Dec 2034 08:50:37 GMT",
        "Sun, 06 Foo 2034 08:50:37 GMT",
        "Sun, 06 Nov 2034 24:50:37 GMT",
        "Sun, 06 Nov 2034 08:60:37 GMT",
        "Sun, 06 Nov 2034 08:50:61 GMT",
        "Sun, 06 Nov 2034 -8:50:37 GMT",
        "Sun, 06",
        "2034-11-06T08:50:37Z",
    };
    (void)state;
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++)
        assert_after(nonsense[i], -1);
}

static void milliseconds_go_before_seconds_unless_they_are_nonsense(void **state)
{
    (void)state;
    assert_int_equal(wait_of("7", "1500", NULL, NOW), 1500);
    assert_int_equal(wait_of("7", "0.4", NULL, NOW), 1);
    assert_int_equal(wait_of("7", "-1", NULL, NOW), 7000);
    assert_int_equal(wait_of("7", "soon", NULL, NOW), 7000);
    assert_int_equal(wait_of("7", "1.2.3", NULL, NOW), 7000);
}

static void headers_go_before_sentences_unless_they_are_nonsense(void **state)
{
    (void)state;
    assert_int_equal(wait_of("7", NULL, "try again in 9s", NOW), 7000);
    assert_int_equal(wait_of("-7", "x", "try again in 9s", NOW), 9000);
    assert_int_equal(wait_of(NULL, NULL, NULL, NOW), -1);
}

/* As OpenAI, Azure, Gemini and Groq write them. */
static void waits_named_in_sentences_are_read(void **state)
{
    (void)state;
    assert_told(
        "Rate limit reached for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, Used "
        "29000, Requested 2000. Please try again in 2s. Visit https://platform.openai.com to learn more.",
        2000);
    assert_told("Please try again in 6m0s.", 360000);
    assert_told("Please try again in 1m2.5s. Visit", 62500);
    assert_told("Please try again in 714ms.", 714);
    assert_told("Please try again in 1h2m3s", 3723000);
    assert_told("Please retry after 8 seconds.", 8000);
    assert_told("Please retry after 1 second.", 1000);
    assert_told("Please retry in 36.912345678s.", 36913);
    assert_told("PLEASE TRY AGAIN IN 20S", 20000);
    assert_told("wait 30 seconds", 30000);
    assert_told("please wait for 2 minutes", 120000);
    assert_told("try again in 1 minute 30 seconds", 90000);
    assert_told("try again in a while; retry after 3s", 3000);
}

static void sentences_without_a_wait_name_none(void **state)
{
    static const char *const messages[] = {
        "",
        "try again later",
        "try again in ",
        "try again in a moment",
        "try again in -5s",
        "try again in 5",
        "try again in 5 months",
        "try again in 5 more requests",
        "wait 10 high fives",
        "try again in infs",
        "try again in nan s",
        "try again in .s",
        "try again in 0x10s",
        "try again in 1e3s",
        "5s",
    };
    (void)state;
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++)
        assert_told(messages[i], -1);
}

static void durations_are_whole_or_nothing(void **state)
{
    (void)state;
    assert_int_equal(provider_parse_duration("6m0s"), 360000);
    assert_int_equal(provider_parse_duration("20ms"), 20);
    assert_int_equal(provider_parse_duration("1h2m"), 3720000);
    assert_int_equal(provider_parse_duration("1.5s"), 1500);
    assert_int_equal(provider_parse_duration("0s"), 0);
    assert_int_equal(provider_parse_duration("23h47m36.648s"), 85656648);
    assert_int_equal(provider_parse_duration(""), -1);
    assert_int_equal(provider_parse_duration("5"), -1);
    assert_int_equal(provider_parse_duration("5s."), -1);
    assert_int_equal(provider_parse_duration("-5s"), -1);
    assert_int_equal(provider_parse_duration("5q"), -1);
    assert_int_equal(provider_parse_duration("s"), -1);
    assert_int_equal(provider_parse_duration("1e9s"), -1);
}

/* Whatever the bytes are, a wait is none or within a day. */
static void any_bytes_give_no_wait_or_one_within_a_day(void **state)
{
    static const char alphabet[] = "0123456789.. smhSunNovGMT,:-+e\xff";
    struct random r;
    (void)state;
    random_seed(&r, 5);
    for (int i = 0; i < 50000; i++) {
        char text[48] = "wait ", *at = text + 5;
        for (uint64_t n = random_below(&r, sizeof text - 6); n > 0; n--)
            *at++ = alphabet[random_below(&r, sizeof alphabet - 1)];
        *at = '\0';
        int64_t waits[] = {wait_of(text + 5, NULL, NULL, NOW), wait_of(NULL, text + 5, NULL, NOW),
                           wait_of(NULL, NULL, text, NOW), provider_parse_duration(text + 5)};
        for (size_t k = 0; k < sizeof waits / sizeof *waits; k++)
            assert_true(waits[k] >= -1 && waits[k] <= DAY);
    }
}

static void digits_without_end_do_no_harm(void **state)
{
    char digits[2001];
    (void)state;
    memset(digits, '9', sizeof digits - 1);
    digits[sizeof digits - 1] = '\0';
    assert_after(digits, -1);
    digits[1] = '.';
    assert_after(digits, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seconds_may_have_a_fraction),
        cmocka_unit_test(more_than_a_day_is_a_day),
        cmocka_unit_test(all_three_forms_of_http_dates_are_read),
        cmocka_unit_test(a_date_is_told_from_a_clock_with_milliseconds),
        cmocka_unit_test(nonsense_in_headers_is_ignored),
        cmocka_unit_test(milliseconds_go_before_seconds_unless_they_are_nonsense),
        cmocka_unit_test(headers_go_before_sentences_unless_they_are_nonsense),
        cmocka_unit_test(waits_named_in_sentences_are_read),
        cmocka_unit_test(sentences_without_a_wait_name_none),
        cmocka_unit_test(durations_are_whole_or_nothing),
        cmocka_unit_test(any_bytes_give_no_wait_or_one_within_a_day),
        cmocka_unit_test(digits_without_end_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

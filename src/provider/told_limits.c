/* What providers tell of their limits in headers: see told_limits.h. Seen in the wild:
 *
 *   x-ratelimit-{limit,remaining,reset}-{requests,tokens}        OpenAI, Groq ("6m0s", "20ms"); Azure without the limits
 *   x-ratelimit-{limit,remaining}-{tokens,req}-minute            Mistral; Cerebras with -{minute,day} and seconds
 *   x-ratelimit-{limit,remaining,reset}                          OpenRouter (a reset in epoch ms), Together, gateways
 *   anthropic-ratelimit-{requests,tokens,input-tokens,output-tokens}-{limit,remaining,reset}     RFC 3339 times
 *   RateLimit-{Limit,Remaining,Reset}, RateLimit-Policy: 100;w=60         draft-ietf-httpapi-ratelimit-headers-03
 *   RateLimit: "default";r=50;t=30, RateLimit-Policy: "default";q=100;w=60                          the same, -08
 *
 * All but the last are words between dashes, in any order, so one reader of words serves them; a word that is not known
 * ("x-ratelimit-limit-tokens_usage_based") makes the header another one, which is left alone. */
#include "provider/told_limits.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "provider/dialects.h"

enum { SECOND_MS = 1000, MINUTE_MS = 60000, HOUR_MS = 3600000, DAY_MS = 86400000 };

void told_limits_none(struct told_limits *t)
{
    *t = (struct told_limits){.any = false};
    for (int kind = 0; kind < TOLD_KINDS; kind++)
        t->of[kind] = (struct told_limit){-1, -1, -1, -1};
}

/* ---- names ---- */

enum field { FIELD_LIMIT, FIELD_REMAINING, FIELD_RESET, FIELDS };
enum { LONGEST_VALUE = 200 };

struct name {
    int field, kind; /* -1: not said */
    int64_t period_ms;
};

static const struct word {
    const char *text;
    int field, kind; /* -1: tells nothing of it */
    int64_t period_ms;
} words[] = {
    {"limit", FIELD_LIMIT, -1, 0},       {"remaining", FIELD_REMAINING, -1, 0},
    {"reset", FIELD_RESET, -1, 0},       {"requests", -1, TOLD_REQUESTS, 0},
    {"request", -1, TOLD_REQUESTS, 0},   {"req", -1, TOLD_REQUESTS, 0},
    {"tokens", -1, TOLD_TOKENS, 0},      {"token", -1, TOLD_TOKENS, 0},
    {"input", -1, TOLD_INPUT_TOKENS, 0}, {"output", -1, TOLD_OUTPUT_TOKENS, 0},
    {"second", -1, -1, SECOND_MS},       {"minute", -1, -1, MINUTE_MS},
    {"hour", -1, -1, HOUR_MS},           {"day", -1, -1, DAY_MS},
};

static const struct word *find_word(const char *text, size_t len)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i].text) == len && strncasecmp(words[i].text, text, len) == 0)
            return &words[i];
    return NULL;
}

static void apply_word(const struct word *word, struct name *out)
{
    if (word->field >= 0)
        out->field = word->field;
    if (word->period_ms > 0)
        out->period_ms = word->period_ms;
    /* "input-tokens": the first says which tokens */
    if (word->kind >= 0 && !(word->kind == TOLD_TOKENS && out->kind > TOLD_TOKENS))
        out->kind = word->kind;
}

/* "limit-tokens-minute". False when it names no field, or has a word that is not known. */
static bool read_name(const char *text, struct name *out)
{
    *out = (struct name){.field = -1, .kind = -1, .period_ms = -1};
    for (;;) {
        size_t len = strcspn(text, "-");
        const struct word *word = find_word(text, len);
        if (word == NULL)
            return false;
        apply_word(word, out);
        if (text[len] == '\0')
            break;
        text += len + 1;
    }
    if (out->kind < 0)
        out->kind = TOLD_REQUESTS;
    return out->field >= 0;
}

/* What follows the prefix; NULL: no header of limits. */
static const char *after_prefix(const char *name)
{
    static const char *const prefixes[] = {"x-ratelimit-", "anthropic-ratelimit-", "ratelimit-"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncasecmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return name + strlen(prefixes[i]);
    return NULL;
}

/* ---- values ---- */

/* The plain number at *text ("60", "60.25"), 0 to 10^15; moves past it. *ms: thousandths, of its fraction. -1: none, or more. */
static int64_t read_number(const char **text, int64_t *ms)
{
    static const int64_t most = INT64_C(1000000000000000);
    const char *p = *text + strspn(*text, " \t");
    int64_t value = 0, unit = 100;
    *ms = 0;
    if (!isdigit((unsigned char)*p))
        return -1;
    for (; isdigit((unsigned char)*p); p++)
        value = value <= most ? value * 10 + (*p - '0') : value;
    if (*p == '.')
        for (p++; isdigit((unsigned char)*p); p++, unit /= 10)
            *ms += (*p - '0') * unit;
    *text = p;
    return value <= most ? value : -1;
}

static bool is_at_end(const char *text)
{
    return text[strspn(text, " \t")] == '\0';
}

/* "100", and "100, 100;w=60" of the older draft. */
static int64_t whole_count(const char *text)
{
    int64_t fraction = 0, value = read_number(&text, &fraction);
    bool ends = is_at_end(text) || *text == ',' || *text == ';';
    return ends && value <= TOLD_MOST ? value : -1;
}

/* "2026-01-31T12:00:00Z", with a fraction or an offset: ms since 1970; -1: none. */
static int64_t rfc3339_ms(const char *text)
{
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, end = 0, off_hour = 0, off_minute = 0;
    if (sscanf(text, "%4d-%2d-%2d%*1[Tt ]%2d:%2d:%2d%n", &year, &month, &day, &hour, &minute, &second,
               &end) != 6)
        return -1;
    const char *p = text + end;
    int64_t ms = 0;
    if (*p == '.') {
        int64_t unit = 100;
        for (p++; isdigit((unsigned char)*p); p++, unit /= 10)
            ms += (*p - '0') * unit;
    }
    char sign = *p;
    end = 0;
    if (sign == 'Z' || sign == 'z')
        p++;
    else if ((sign == '+' || sign == '-') && sscanf(p + 1, "%2d:%2d%n", &off_hour, &off_minute, &end) == 2)
        p += 1 + end;
    else
        return -1;
    bool sane = year >= 1970 && month >= 1 && month <= 12 && day >= 1 && day <= 31 && hour >= 0 &&
                hour <= 23 && minute >= 0 && minute <= 59 && second >= 0 && second <= 60 && off_hour >= 0 &&
                off_minute >= 0;
    if (!is_at_end(p) || !sane)
        return -1;
    struct tm tm = {.tm_year = year - 1900,
                    .tm_mon = month - 1,
                    .tm_mday = day,
                    .tm_hour = hour,
                    .tm_min = minute,
                    .tm_sec = second};
    int64_t offset = (off_hour * 60 + off_minute) * (sign == '-' ? -1 : 1);
    return ((int64_t)timegm(&tm) - offset * 60) * 1000 + ms;
}

/* A number without a unit: seconds; or, when no wait is as large, a moment in seconds or ms since 1970. */
static int64_t bare_reset_ms(const char *text, int64_t told_at_ms)
{
    static const int64_t epoch_s = INT64_C(1000000000), epoch_ms = epoch_s * 1000;
    int64_t ms = 0, whole = read_number(&text, &ms);
    if (whole < 0 || !is_at_end(text))
        return -1;
    if (whole >= epoch_ms)
        return whole - told_at_ms;
    return whole * 1000 + ms - (whole >= epoch_s ? told_at_ms : 0);
}

/* Time until it is full again, by the clock that wrote the answer. */
static int64_t reset_ms(const char *text, int64_t told_at_ms)
{
    text += strspn(text, " \t");
    int64_t at = rfc3339_ms(text), in = -1;
    if (at >= 0)
        in = at - told_at_ms;
    else if (text[0] != '\0' && text[strspn(text, "0123456789. \t")] == '\0')
        in = bare_reset_ms(text, told_at_ms);
    else
        in = provider_parse_duration(text);
    return in >= 0 && in <= TOLD_MOST_MS ? in : -1;
}

/* ---- the drafts of the IETF ---- */

/* The value of `;name=` in the list member [text, end); -1: it has none. */
static int64_t parameter(const char *text, const char *end, const char *name)
{
    size_t len = strlen(name);
    int64_t fraction = 0;
    for (const char *p = text; (p = memchr(p, ';', (size_t)(end - p))) != NULL;) {
        p += 1 + strspn(p + 1, " \t");
        if (p < end && (size_t)(end - p) > len && strncasecmp(p, name, len) == 0 && p[len] == '=') {
            p += len + 1;
            return read_number(&p, &fraction);
        }
    }
    return -1;
}

static const char *member_end(const char *text)
{
    return text + strcspn(text, ",");
}

/* The member of a policy list whose name is that of `of`, quotes and all; the first when none is. */
static const char *policy_named(const char *policies, const char *of)
{
    size_t len = strcspn(of, ";,");
    for (const char *p = policies; *p != '\0'; p = member_end(p), p += *p == ',') {
        p += strspn(p, " \t");
        if (strcspn(p, ";,") == len && strncmp(p, of, len) == 0)
            return p;
    }
    return policies;
}

struct reader {
    struct told_limits *told;
    int64_t told_at_ms;                    /* the answer's Date; -1: not seen yet */
    char reset[TOLD_KINDS][LONGEST_VALUE]; /* "" : not said */
    char status[LONGEST_VALUE], policy[LONGEST_VALUE];
};

/* RateLimit: "default";r=50;t=30 */
static void read_status(const struct reader *r)
{
    struct told_limit *t = &r->told->of[TOLD_REQUESTS];
    const char *end = member_end(r->status);
    int64_t seconds = parameter(r->status, end, "t");
    t->remaining = parameter(r->status, end, "r");
    t->full_ms = seconds >= 0 && seconds <= TOLD_MOST_MS / 1000 ? seconds * 1000 : -1;
}

/* "default";q=100;w=60, or 100;w=60. A quota that is no number of requests tells nothing here. */
static void read_policy(const struct reader *r)
{
    struct told_limit *t = &r->told->of[TOLD_REQUESTS];
    const char *p = policy_named(r->policy, r->status);
    const char *end = member_end(p);
    int64_t quota = *p == '"' ? parameter(p, end, "q") : whole_count(p), seconds = parameter(p, end, "w");
    const char *unit = memmem(p, (size_t)(end - p), "qu=\"", 4);
    if (unit != NULL && strncmp(unit, "qu=\"requests\"", 13) != 0)
        return;
    if (t->limit < 0)
        t->limit = quota;
    if (t->limit == quota && seconds > 0 && seconds <= TOLD_MOST_MS / 1000)
        t->period_ms = seconds * 1000;
}

/* ---- an answer ---- */

static void keep(char out[LONGEST_VALUE], const char *value)
{
    size_t len = strlen(value);
    if (len < LONGEST_VALUE) /* what is longer is no number */
        memcpy(out, value, len + 1);
}

static void read_words(struct reader *r, const char *rest, const char *value)
{
    struct name name;
    if (!read_name(rest, &name))
        return;
    struct told_limit *t = &r->told->of[name.kind];
    /* Told for two periods: the shorter. */
    bool other = t->period_ms > 0 && name.period_ms > 0 && t->period_ms != name.period_ms;
    if (other && t->period_ms < name.period_ms)
        return;
    if (other) {
        *t = (struct told_limit){-1, -1, -1, -1};
        r->reset[name.kind][0] = '\0';
    }
    if (name.period_ms > 0)
        t->period_ms = name.period_ms;
    if (name.field == FIELD_LIMIT)
        t->limit = whole_count(value);
    else if (name.field == FIELD_REMAINING)
        t->remaining = whole_count(value);
    else
        keep(r->reset[name.kind], value);
}

static void on_header(void *arg, const char *name, const char *value)
{
    struct reader *r = arg;
    if (name[0] == '\0' || strchr("xXaArRdD", name[0]) == NULL) /* most headers; each answer comes here */
        return;
    if (strcasecmp(name, "date") == 0) {
        time_t date = parse_http_date(value);
        r->told_at_ms = date > 0 ? (int64_t)date * 1000 : -1;
    } else if (strcasecmp(name, "ratelimit") == 0) {
        keep(r->status, value);
    } else if (strcasecmp(name, "ratelimit-policy") == 0) {
        keep(r->policy, value);
    } else {
        const char *rest = after_prefix(name);
        if (rest != NULL)
            read_words(r, rest, value);
    }
}

static void drop_nonsense(struct told_limits *t)
{
    t->any = t->met != 0;
    for (int kind = 0; kind < TOLD_KINDS; kind++) {
        struct told_limit *l = &t->of[kind];
        if (l->limit < 1 || l->limit > TOLD_MOST)
            l->limit = -1;
        if (l->remaining < 0 || l->remaining > TOLD_MOST || (l->limit > 0 && l->remaining > l->limit))
            l->remaining = -1;
        t->any |= l->limit > 0 || l->remaining >= 0;
    }
}

void provider_told_limits(const struct answer_in *in, const char *error_message, struct told_limits *out)
{
    struct reader r = {.told = out, .told_at_ms = -1};
    told_limits_none(out);
    if (in->each_header != NULL)
        in->each_header(in->header_arg, on_header, &r);
    if (r.told_at_ms < 0)
        r.told_at_ms = in->now_wall_ms;
    for (int kind = 0; kind < TOLD_KINDS; kind++)
        out->of[kind].full_ms = reset_ms(r.reset[kind], r.told_at_ms);
    if (r.status[0] != '\0')
        read_status(&r);
    if (r.policy[0] != '\0')
        read_policy(&r);
    if (error_message != NULL)
        told_from_text(error_message, out);
    drop_nonsense(out);
}

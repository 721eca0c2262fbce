/* JSON: see json.h. */
#include "base/json.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct json_parser {
    struct json_tokener *tokener; /* owned */
};

struct json_parser *json_parser_new(void)
{
    struct json_parser *p = malloc(sizeof *p);
    if (p == NULL)
        return NULL;
    p->tokener = json_tokener_new_ex(JSON_MAX_DEPTH);
    if (p->tokener == NULL) {
        free(p);
        return NULL;
    }
    json_tokener_set_flags(p->tokener, JSON_TOKENER_STRICT);
    return p;
}

void json_parser_free(struct json_parser *p)
{
    if (p == NULL)
        return;
    json_tokener_free(p->tokener);
    free(p);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* One past the closing quote of the string that starts at `p`. */
static const char *skip_string(const char *p, const char *end)
{
    for (p++; p < end && *p != '"'; p++)
        if (*p == '\\' && p + 1 < end)
            p++;
    return p < end ? p + 1 : end;
}

static const char *skip_digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

/* One past the number that starts at `p`; NULL when it is none of JSON's. */
static const char *skip_number(const char *p, const char *end)
{
    p += *p == '-';
    const char *whole = p;
    p = skip_digits(p, end);
    if (p == whole || (*whole == '0' && p - whole > 1))
        return NULL;
    if (p < end && *p == '.') {
        const char *fraction = ++p;
        p = skip_digits(p, end);
        if (p == fraction)
            return NULL;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        p += p < end && (*p == '+' || *p == '-');
        const char *exponent = p;
        p = skip_digits(p, end);
        if (p == exponent)
            return NULL;
    }
    return p;
}

static const char *find_control(const char *p, const char *end)
{
    while (p < end && (unsigned char)*p >= ' ')
        p++;
    return p < end ? p : NULL;
}

/* What json-c takes even when strict and JSON does not know; no provider takes it either. Where it stands and what
 * it is, or NULL. Everything else that is wrong is left for json-c to find. */
static const char *find_no_json(const char *text, size_t len, const char **what)
{
    const char *end = text + len;
    for (const char *p = text, *next; p < end; p = next) {
        next = p + 1;
        if (*p == '"') {
            next = skip_string(p, end);
            const char *control = find_control(p, next);
            if (control != NULL) {
                *what = "a control character inside a string";
                return control;
            }
        } else if (*p == '-' || (*p >= '0' && *p <= '9')) {
            next = skip_number(p, end);
            *what = "this is no JSON number";
        } else if (*p == 'N' || *p == 'I') {
            next = NULL;
            *what = "NaN and Infinity are no JSON numbers";
        } else if (*p == '\'') {
            next = NULL;
            *what = "strings stand in double quotes";
        }
        if (next == NULL)
            return p;
    }
    return NULL;
}

int json_parse(struct json_parser *p, const char *text, size_t len, json_object **out, lh_error *err)
{
    *out = NULL;
    size_t bad = 0;
    if (!utf8_is_valid(text, len, &bad))
        return lh_error_set(err, LH_EINPUT, "not valid UTF-8 at byte %zu", bad + 1);
    while (len > 0 && is_space(text[len - 1]))
        len--;
    if (len == 0)
        return lh_error_set(err, LH_EINPUT, "empty, where JSON was expected");
    if (len > INT_MAX)
        return lh_error_set(err, LH_EINPUT, "JSON text of %zu bytes is too long", len);
    const char *what = NULL;
    const char *wrong = find_no_json(text, len, &what);
    if (wrong != NULL)
        return lh_error_set(err, LH_EINPUT, "bad JSON at byte %zu: %s", (size_t)(wrong - text) + 1, what);
    json_tokener_reset(p->tokener);
    json_object *value = json_tokener_parse_ex(p->tokener, text, (int)len);
    enum json_tokener_error why = json_tokener_get_error(p->tokener);
    if (why == json_tokener_continue && value == NULL) {
        /* A bare number, or a text that ends too early: a zero byte tells the tokener that this was all. */
        size_t before = json_tokener_get_parse_end(p->tokener);
        value = json_tokener_parse_ex(p->tokener, "", 1);
        why = json_tokener_get_error(p->tokener);
        if (why != json_tokener_success) {
            json_object_put(value);
            return lh_error_set(err, LH_EINPUT, "JSON ends too early, after byte %zu", before);
        }
    } else if (why == json_tokener_success && json_tokener_get_parse_end(p->tokener) < len) {
        json_object_put(value);
        return lh_error_set(err, LH_EINPUT, "something follows the JSON value at byte %zu",
                            json_tokener_get_parse_end(p->tokener) + 1);
    }
    if (why != json_tokener_success) {
        json_object_put(value);
        return lh_error_set(err, LH_EINPUT, "bad JSON at byte %zu: %s",
                            json_tokener_get_parse_end(p->tokener) + 1, json_tokener_error_desc(why));
    }
    *out = value;
    return 0;
}

json_object *json_get(json_object *obj, const char *key)
{
    json_object *value = NULL;
    if (json_is_object(obj))
        json_object_object_get_ex(obj, key, &value);
    return value;
}

json_object *json_get_path(json_object *obj, const char *dotted)
{
    char key[64];
    while (obj != NULL) {
        const char *dot = strchr(dotted, '.');
        size_t n = dot != NULL ? (size_t)(dot - dotted) : strlen(dotted);
        if (n >= sizeof key)
            return NULL;
        memcpy(key, dotted, n);
        key[n] = '\0';
        obj = json_get(obj, key);
        if (dot == NULL)
            return obj;
        dotted = dot + 1;
    }
    return NULL;
}

const char *json_get_string(json_object *obj, const char *key)
{
    json_object *value = json_get(obj, key);
    return json_is_string(value) ? json_object_get_string(value) : NULL;
}

int64_t json_get_int(json_object *obj, const char *key, int64_t missing)
{
    json_object *value = json_get(obj, key);
    return json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : missing;
}

bool json_is_object(json_object *obj)
{
    return json_object_is_type(obj, json_type_object);
}

bool json_is_array(json_object *obj)
{
    return json_object_is_type(obj, json_type_array);
}

bool json_is_string(json_object *obj)
{
    return json_object_is_type(obj, json_type_string);
}

/* The length of the well-formed UTF-8 sequence at `s`, 0 when there is none (Unicode 15, table 3-7). */
static size_t utf8_sequence(const unsigned char *s, size_t left)
{
    unsigned char a = s[0];
    if (a < 0x80)
        return 1;
    if (a < 0xC2 || a > 0xF4)
        return 0;
    size_t n = a < 0xE0 ? 2 : a < 0xF0 ? 3 : 4;
    if (left < n)
        return 0;
    unsigned char low = 0x80, high = 0xBF;
    if (a == 0xE0)
        low = 0xA0;
    else if (a == 0xED)
        high = 0x9F;
    else if (a == 0xF0)
        low = 0x90;
    else if (a == 0xF4)
        high = 0x8F;
    if (s[1] < low || s[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if (s[i] < 0x80 || s[i] > 0xBF)
            return 0;
    return n;
}

bool utf8_is_valid(const char *text, size_t len, size_t *bad)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t i = 0;
    while (i < len) {
        uint64_t word;
        if (i + sizeof word <= len) { /* eight ASCII bytes at a time: most of any prompt */
            memcpy(&word, s + i, sizeof word);
            if ((word & UINT64_C(0x8080808080808080)) == 0) {
                i += sizeof word;
                continue;
            }
        }
        size_t n = utf8_sequence(s + i, len - i);
        if (n == 0) {
            if (bad != NULL)
                *bad = i;
            return false;
        }
        i += n;
    }
    return true;
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

int json_append_string(struct strbuf *b, const char *text, size_t len)
{
    static const char escapes[32] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    const unsigned char *s = (const unsigned char *)text;
    strbuf_reserve(b, len + 2);
    strbuf_append_char(b, '"');
    for (size_t i = 0; i < len;) {
        size_t run = 0;
        while (i + run < len && is_plain(s[i + run]))
            run++;
        strbuf_append(b, text + i, run);
        i += run;
        if (i == len)
            break;
        unsigned char c = s[i];
        size_t n = utf8_sequence(s + i, len - i);
        if (c == '"' || c == '\\')
            strbuf_appendf(b, "\\%c", c);
        else if (c < 0x20 && escapes[c] != 0)
            strbuf_appendf(b, "\\%c", escapes[c]);
        else if (c < 0x20)
            strbuf_appendf(b, "\\u%04x", c);
        else if (n == 0)
            strbuf_append_str(b, "\xEF\xBF\xBD");
        else
            strbuf_append(b, text + i, n);
        i += n == 0 ? 1 : n;
    }
    strbuf_append_char(b, '"');
    return b->failed ? LH_ENOMEM : 0;
}

int json_append_key(struct strbuf *b, const char *key)
{
    char last = b->len > 0 ? b->data[b->len - 1] : '{';
    if (last != '{' && last != '[')
        strbuf_append_char(b, ',');
    return strbuf_appendf(b, "\"%s\":", key);
}

int json_append_int(struct strbuf *b, const char *key, int64_t value)
{
    json_append_key(b, key);
    return value != INT64_MIN ? strbuf_appendf(b, "%lld", (long long)value) : strbuf_append_str(b, "null");
}

int json_append_double(struct strbuf *b, const char *key, double value)
{
    json_append_key(b, key);
    return strbuf_appendf(b, "%.4f", value);
}

int json_append_text(struct strbuf *b, const char *key, const char *text)
{
    json_append_key(b, key);
    return text != NULL ? json_append_string(b, text, strlen(text)) : strbuf_append_str(b, "null");
}

bool json_span_is(struct json_span span, const char *text)
{
    return span.len == strlen(text) && memcmp(span.data, text, span.len) == 0;
}

void json_members_begin(struct json_members *it, const char *text, size_t len)
{
    it->at = text;
    it->end = text + len;
    while (it->at < it->end && *it->at != '{')
        it->at++;
    if (it->at < it->end)
        it->at++;
}

static const char *skip_value(const char *p, const char *end)
{
    int depth = 0;
    while (p < end) {
        if (*p == '"') {
            p = skip_string(p, end);
            if (depth == 0)
                return p;
            continue;
        }
        if (*p == '{' || *p == '[')
            depth++;
        else if (depth == 0 && (*p == ',' || *p == '}' || *p == ']' || is_space(*p)))
            return p;
        else if ((*p == '}' || *p == ']') && --depth == 0)
            return p + 1;
        p++;
    }
    return end;
}

bool json_members_next(struct json_members *it, struct json_span *key, struct json_span *value)
{
    const char *p = it->at;
    while (p < it->end && (is_space(*p) || *p == ','))
        p++;
    if (p >= it->end || *p != '"')
        return false;
    const char *after = skip_string(p, it->end);
    key->data = p + 1;
    key->len = (size_t)(after - p) - 2;
    p = after;
    while (p < it->end && (is_space(*p) || *p == ':'))
        p++;
    value->data = p;
    it->at = skip_value(p, it->end);
    value->len = (size_t)(it->at - p);
    return true;
}

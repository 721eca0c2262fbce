/* JSON: json-c behind a strict door, and the few things json-c does not do.
 * json-c builds the tree; the scanner below finds the byte span of a member in a text that json-c has
 * accepted, so that a request body is stored and sent byte for byte as its author wrote it.
 * Any thread; a parser or tree has one owner. */
#ifndef LH_BASE_JSON_H
#define LH_BASE_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strbuf.h"

enum { JSON_MAX_DEPTH = 128 };

/* One reusable parser: it keeps its buffers between texts. */
struct json_parser;
struct json_parser *json_parser_new(void); /* NULL: out of memory */
void json_parser_free(struct json_parser *p);

/* Parses exactly one JSON value of `len` bytes: strict syntax, valid UTF-8, at most JSON_MAX_DEPTH deep, nothing
 * but white space after it. Returns 0 and *out (release with json_object_put; NULL is the value null), or
 * LH_EINPUT with a message that names the byte offset, or LH_ENOMEM. `text` need not be zero-terminated. */
int json_parse(struct json_parser *p, const char *text, size_t len, json_object **out, lh_error *err);

/* Members by key; all NULL-safe in `obj`, and false/NULL/`missing` when the key or its type is not there.
 * Strings are borrowed from the tree. */
json_object *json_get(json_object *obj, const char *key);
json_object *json_get_path(json_object *obj, const char *dotted); /* "error.code" */
const char *json_get_string(json_object *obj, const char *key);
int64_t json_get_int(json_object *obj, const char *key, int64_t missing);
bool json_is_object(json_object *obj);
bool json_is_array(json_object *obj);
bool json_is_string(json_object *obj);

/* Appends `text` as a JSON string with its quotes. Bytes that are no valid UTF-8 become U+FFFD. */
int json_append_string(struct strbuf *b, const char *text, size_t len);

/* Appends ,"key": with the comma only when the buffer does not end in '{' or '['. `key` needs no escapes. */
int json_append_key(struct strbuf *b, const char *key);
/* Members: key and value. INT64_MIN and NULL, which stand for "not known", become null; a double has four decimals. */
int json_append_int(struct strbuf *b, const char *key, int64_t value);
int json_append_double(struct strbuf *b, const char *key, double value);
int json_append_text(struct strbuf *b, const char *key, const char *text);

struct json_span {
    const char *data; /* borrowed */
    size_t len;
};

bool json_span_is(struct json_span span, const char *text);

/* Walks the members of an object in a text that json_parse accepted. */
struct json_members {
    const char *at, *end;
};
void json_members_begin(struct json_members *it, const char *text, size_t len);
/* True with the key (between its quotes, escapes not resolved) and the value's span; false at the end. */
bool json_members_next(struct json_members *it, struct json_span *key, struct json_span *value);

/* True when all of `text` is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms); else *bad is the
 * offset of the first wrong byte. `bad` may be NULL. */
bool utf8_is_valid(const char *text, size_t len, size_t *bad);

#endif

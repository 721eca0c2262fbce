/* A growable byte string, always zero-terminated. One owner, one thread at a time.
 * A failed append (out of memory) leaves the buffer as it was and sets `failed`, which stays set
 * until reset: a long run of appends may be checked once, at its end. */
#ifndef LH_BASE_STRBUF_H
#define LH_BASE_STRBUF_H

#include <stdbool.h>
#include <stddef.h>

struct strbuf {
    char *data; /* owned; "" (not to be freed) while empty, never NULL */
    size_t len; /* bytes, without the terminating zero */
    size_t capacity;
    bool failed;
};

void strbuf_init(struct strbuf *b);
void strbuf_free(struct strbuf *b);
void strbuf_reset(struct strbuf *b); /* len 0, memory kept */

/* Makes room for `extra` more bytes; 0 or LH_ENOMEM. */
int strbuf_reserve(struct strbuf *b, size_t extra);
int strbuf_append(struct strbuf *b, const void *bytes, size_t len);
int strbuf_append_str(struct strbuf *b, const char *text);
int strbuf_append_char(struct strbuf *b, char c);
int strbuf_appendf(struct strbuf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Moves the string out (caller frees with free()) and leaves the buffer empty; NULL if failed. */
char *strbuf_take(struct strbuf *b);

#endif

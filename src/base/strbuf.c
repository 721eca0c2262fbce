/* A growable byte string: see strbuf.h. */
#include "base/strbuf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static char empty[1] = "";

void strbuf_init(struct strbuf *b)
{
    *b = (struct strbuf){.data = empty};
}

void strbuf_free(struct strbuf *b)
{
    if (b->capacity > 0)
        free(b->data);
    strbuf_init(b);
}

void strbuf_reset(struct strbuf *b)
{
    b->len = 0;
    b->failed = false;
    if (b->capacity > 0)
        b->data[0] = '\0';
}

int strbuf_reserve(struct strbuf *b, size_t extra)
{
    if (extra >= SIZE_MAX / 2 - b->len)
        goto nomem;
    size_t need = b->len + extra + 1;
    if (need <= b->capacity)
        return 0;
    size_t capacity = b->capacity < 64 ? 64 : b->capacity;
    while (capacity < need)
        capacity += capacity / 2;
    char *data = realloc(b->capacity > 0 ? b->data : NULL, capacity);
    if (data == NULL)
        goto nomem;
    data[b->len] = '\0';
    b->data = data;
    b->capacity = capacity;
    return 0;
nomem:
    b->failed = true;
    return LH_ENOMEM;
}

int strbuf_append(struct strbuf *b, const void *bytes, size_t len)
{
    if (len == 0)
        return 0;
    int rc = strbuf_reserve(b, len);
    if (rc != 0)
        return rc;
    memcpy(b->data + b->len, bytes, len);
    b->len += len;
    b->data[b->len] = '\0';
    return 0;
}

int strbuf_append_str(struct strbuf *b, const char *text)
{
    return strbuf_append(b, text, strlen(text));
}

int strbuf_append_char(struct strbuf *b, char c)
{
    return strbuf_append(b, &c, 1);
}

int strbuf_appendf(struct strbuf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    int rc = n < 0 ? LH_ENOMEM : strbuf_reserve(b, (size_t)n);
    if (rc == 0) {
        vsnprintf(b->data + b->len, (size_t)n + 1, format, again);
        b->len += (size_t)n;
    }
    va_end(again);
    return rc;
}

char *strbuf_take(struct strbuf *b)
{
    if (b->failed || strbuf_reserve(b, 0) != 0)
        return NULL;
    char *data = b->data;
    strbuf_init(b);
    return data;
}

/* The body of one answer: see body.h. */
#include "http/body.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_BLOCK = 4096, TOLD_BELIEVED = 1 << 20, KEPT_BLOCK = 64 * 1024 };

static size_t next_capacity(const struct body *b, size_t need, size_t max, int64_t told)
{
    size_t capacity = b->capacity * 2;
    if (b->capacity == 0)
        capacity = told < 1 ? FIRST_BLOCK : told < TOLD_BELIEVED ? (size_t)told + 1 : TOLD_BELIEVED;
    if (capacity > max)
        capacity = max + 1;
    return capacity < need ? need : capacity;
}

enum body_result body_append(struct body *b, const char *data, size_t len, size_t max, int64_t told)
{
    if (len > max - b->len)
        return BODY_TOO_LARGE;
    size_t need = b->len + len + 1;
    if (need > b->capacity) {
        size_t capacity = next_capacity(b, need, max, told);
        char *block = realloc(b->data, capacity);
        if (block == NULL)
            return BODY_NO_MEMORY;
        b->data = block;
        b->capacity = capacity;
    }
    memcpy(b->data + b->len, data, len);
    b->len += len;
    b->data[b->len] = '\0';
    return BODY_OK;
}

void body_reset(struct body *b)
{
    if (b->capacity > KEPT_BLOCK)
        body_free(b);
    b->len = 0;
}

void body_free(struct body *b)
{
    free(b->data);
    *b = (struct body){0};
}

char *body_take(struct body *b, size_t *len)
{
    *len = b->len;
    if (b->len == 0)
        return calloc(1, 1);
    char *data = b->data;
    if (b->capacity / 2 > b->len) {
        char *fitted = realloc(data, b->len + 1);
        if (fitted != NULL)
            data = fitted;
    }
    *b = (struct body){0};
    return data;
}

/* Inside `http` only: the body of one answer as it comes in. Loop thread. One block, grown by doubling and moved out at the
 * end, so that an answer is never held twice. */
#ifndef LH_HTTP_BODY_H
#define LH_HTTP_BODY_H

#include <stddef.h>
#include <stdint.h>

struct body {
    char *data; /* owned; NULL while nothing came; zero-terminated beyond len */
    size_t len, capacity;
};

enum body_result { BODY_OK, BODY_TOO_LARGE, BODY_NO_MEMORY };

/* `max`: bytes a body may have. `told`: what the other side says it will be, or less than 1; a hint that is believed up to
 * 1 MiB, for it may be a lie. On failure the body stays as it was. */
enum body_result body_append(struct body *b, const char *data, size_t len, size_t max, int64_t told);

/* Forgets the bytes; keeps a small block for the next answer. */
void body_reset(struct body *b);
void body_free(struct body *b);

/* Moves the bytes out (free()), in a block of about their size; NULL when out of memory. The body is empty afterwards. */
char *body_take(struct body *b, size_t *len);

#endif

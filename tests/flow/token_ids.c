/* For flow/tokens.sh and the benchmark: texts on standard input, each a uint32_t length and its bytes; out come for each a uint32_t count
 * and the ids.
 *   token_ids ENCODING             answers
 *   token_ids ENCODING SECONDS     counts all texts again and again for so long; prints bytes a second of CPU, and the tokens */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "longhaul.h"

struct texts {
    char *data;
    size_t len;
};

static struct texts read_all(void)
{
    struct texts t = {NULL, 0};
    size_t room = 1 << 20, n = 0;
    t.data = malloc(room);
    while (t.data != NULL && (n = fread(t.data + t.len, 1, room - t.len, stdin)) > 0) {
        t.len += n;
        if (t.len == room)
            t.data = realloc(t.data, room *= 2);
    }
    if (t.data == NULL)
        exit(1);
    return t;
}

/* The text at *at, which moves behind it; NULL at the end. */
static const char *next_text(const struct texts *t, size_t *at, uint32_t *len)
{
    if (*at + sizeof *len > t->len)
        return NULL;
    memcpy(len, t->data + *at, sizeof *len);
    const char *text = t->data + *at + sizeof *len;
    *at += sizeof *len + *len;
    return *at <= t->len ? text : NULL;
}

static int answer(const struct texts *t, lh_encoding encoding)
{
    uint32_t len = 0;
    size_t at = 0;
    for (const char *text; (text = next_text(t, &at, &len)) != NULL;) {
        int64_t count = lh_tokens_count(encoding, text, len);
        uint32_t *ids = count >= 0 ? malloc(((size_t)count + 1) * sizeof *ids) : NULL;
        if (ids == NULL || lh_tokens_encode(encoding, text, len, ids + 1, (size_t)count) != count)
            return 1; /* out of memory, or the two do not agree */
        ids[0] = (uint32_t)count;
        fwrite(ids, sizeof *ids, (size_t)count + 1, stdout);
        free(ids);
    }
    return fflush(stdout) == 0 ? 0 : 1;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int measure(const struct texts *t, lh_encoding encoding, double seconds)
{
    double begin = now(), bytes = 0;
    int64_t tokens = 0, rounds = 0;
    do {
        uint32_t len = 0;
        size_t at = 0;
        for (const char *text; (text = next_text(t, &at, &len)) != NULL; bytes += len)
            tokens += lh_tokens_count(encoding, text, len);
        rounds++;
    } while (now() - begin < seconds);
    printf("%.0f %lld\n", bytes / (now() - begin), (long long)(tokens / rounds));
    return 0;
}

int main(int argc, char **argv)
{
    lh_error err;
    lh_encoding encoding;
    if (argc < 2 || lh_encoding_named(argv[1], &encoding, &err) != 0)
        return 2;
    struct texts t = read_all();
    int rc = argc > 2 ? measure(&t, encoding, atof(argv[2])) : answer(&t, encoding);
    free(t.data);
    return rc;
}

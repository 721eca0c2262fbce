/* Input as lines: several files or standard input, one after the other, in bounded memory; hashed as it is read, so that a
 * load knows what it was made from. CSV inputs (by their extension, when asked) come as records. One thread. */
#ifndef LH_BATCH_SOURCE_H
#define LH_BATCH_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct source;

struct source_line {
    const char *data; /* borrowed until the next call; without its line end; not zero-terminated */
    size_t len;
    const char *input; /* the input's name, for people */
    size_t input_index;
    int64_t line;   /* in its input, from 1; a CSV record's first */
    int64_t number; /* over all inputs, from 1: what "line-N" ids are made of */
    bool too_long;  /* data holds its beginning only */
    bool is_blank;  /* white space only */
    bool is_csv;
    bool first_of_input; /* nothing but blank lines before it: a CSV header */
};

/* inputs: paths, "-" is standard input; borrowed. LH_ENOTFOUND, LH_EIO, LH_EINPUT (a folder, gzip, UTF-16) with what to do,
 * when it comes to that input. */
int source_open(const char *const *inputs, size_t count, size_t max_line, bool csv, struct source **out,
                lh_error *err);
void source_close(struct source *s); /* NULL-safe */

/* A pipe may stay open and silent. While nothing comes, source_next gives up with LH_ESTATE once *stop is not 0 (NULL: never), or after
 * source_leave; what is there to be read is read. */
void source_stop_at(struct source *s, const volatile int *stop);
void source_leave(struct source *s); /* any thread */

/* 1: a line. 0: the end. Negative: failed. */
int source_next(struct source *s, struct source_line *out, lh_error *err);

int64_t source_lines(const struct source *s); /* given so far, over all inputs */
int64_t source_bytes(const struct source *s);
/* XXH3-128 of the lines given so far, each with one line feed, as 32 hex digits. */
void source_hash(const struct source *s, char out[40]);

#endif

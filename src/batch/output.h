/* A file being written: beside its final name and renamed at the end, or appended to. Inside `batch`; one thread. */
#ifndef LH_BATCH_OUTPUT_H
#define LH_BATCH_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strbuf.h"

struct output;

/* "-" is standard output; something that is no regular file (a pipe, /dev/null) is written as it stands. Else the lines go to a new
 * file beside `path`, which takes its name at output_finish. */
int output_create(const char *path, struct output **out, lh_error *err);
/* Appends to `path`, cut to `bytes` first (a torn tail of a crash). */
int output_append(const char *path, int64_t bytes, struct output **out, lh_error *err);

/* The buffer to append lines to; output_flush_if_large now and then writes it out. */
struct strbuf *output_buffer(struct output *o);
int output_flush_if_large(struct output *o, lh_error *err);
int output_flush(struct output *o, lh_error *err);
int output_sync(struct output *o, lh_error *err); /* flush and to the disk */
int64_t output_bytes(const struct output *o);     /* in the file, what is buffered included */

/* Flushes, syncs, gives the file its name. */
int output_finish(struct output *o, lh_error *err);
/* Frees; removes a file that was not finished. NULL-safe. */
void output_free(struct output *o);

#endif

/* An ingest's options as parsed lines: the inputs, opened, read and parsed by threads of their own. No database. Whoever has it calls
 * chunks_next(r.chunks) on one thread. */
#ifndef LH_BATCH_READING_H
#define LH_BATCH_READING_H

#include "batch/chunks.h"
#include "longhaul.h"

enum { BAD_LINES_SHOWN = 10 };

struct reading {
    struct source *source;
    struct chunks *chunks;
};

/* Begins behind the first `skip` lines. o: borrowed until reading_close, of it the inputs, max_line, stop and what makes requests of
 * lines (model, prompt_template, id_field, url). LH_ENOMEM; what is wrong with an input comes with a chunk. On failure there is nothing to close. */
int reading_open(struct reading *r, const lh_ingest_options *o, int64_t skip, lh_error *err);
/* May be called at any moment, and again. */
void reading_close(struct reading *r);

/* Tells a person of a bad line, of which there were `before`: the first ten, and that there are more. */
void reading_say_bad(int64_t before, const char *why);
/* An input that is refused is looked through for more bad lines, but not to its end: so many are found, so many lines behind the first. */
bool reading_saw_enough(int64_t bad, int64_t lines_since);

#endif

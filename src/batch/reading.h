/* An ingest's options as parsed lines: the inputs, opened, read and parsed by threads of their own. No database. Whoever has it calls
 * chunks_next(r.chunks) on one thread. */
#ifndef LH_BATCH_READING_H
#define LH_BATCH_READING_H

#include "batch/chunks.h"
#include "longhaul.h"

struct reading {
    struct source *source;
    struct chunks *chunks;
};

/* Begins behind the first `skip` lines. o: borrowed until reading_close, of it the inputs, max_line and what makes requests of lines
 * (model, prompt_template, id_field, url). LH_ENOMEM; what is wrong with an input comes with a chunk. On failure there is nothing to close. */
int reading_open(struct reading *r, const lh_ingest_options *o, int64_t skip, lh_error *err);
/* May be called at any moment, and again. */
void reading_close(struct reading *r);

#endif

/* An ingest's options as parsed lines: see reading.h. */
#include "batch/reading.h"

int reading_open(struct reading *r, const lh_ingest_options *o, int64_t skip, lh_error *err)
{
    struct chunks_options chunks = {
        .rules = {.model = o->model,
                  .prompt_template = o->prompt_template,
                  .id_field = o->id_field,
                  .url = o->url},
        .skip_lines = skip,
    };
    *r = (struct reading){0};
    int rc = source_open(o->inputs, o->n_inputs, o->max_line, o->prompt_template != NULL, &r->source, err);
    if (rc == 0)
        rc = chunks_start(r->source, &chunks, &r->chunks, err);
    if (rc != 0)
        reading_close(r);
    return rc;
}

void reading_close(struct reading *r)
{
    chunks_stop(r->chunks);
    source_close(r->source);
    *r = (struct reading){0};
}

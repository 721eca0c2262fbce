/* An ingest's options as parsed lines: see reading.h. */
#include "batch/reading.h"

#include "base/log.h"

enum { REFUSED_LOOK_LINES = 100000 };

int reading_open(struct reading *r, const lh_ingest_options *o, int64_t skip, lh_error *err)
{
    struct chunks_options chunks = {
        .rules = {.model = o->model,
                  .prompt_template = o->prompt_template,
                  .id_field = o->id_field,
                  .url = o->url,
                  .max_tokens = o->max_tokens},
        .skip_lines = skip,
    };
    *r = (struct reading){0};
    int rc = source_open(o->inputs, o->n_inputs, o->max_line, o->prompt_template != NULL, &r->source, err);
    if (rc == 0)
        source_stop_at(r->source, o->stop);
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

void reading_say_bad(int64_t before, const char *why)
{
    if (before < BAD_LINES_SHOWN)
        log_warn("%s", why);
    else if (before == BAD_LINES_SHOWN)
        log_warn("more bad lines follow");
}

bool reading_saw_enough(int64_t bad, int64_t lines_since)
{
    return bad >= BAD_LINES_SHOWN || lines_since > REFUSED_LOOK_LINES;
}

/* What is loaded: see input.h. */
#include "cli/input.h"

void input_options(const struct app *app, lh_ingest_options *o)
{
    const struct settings *s = &app->settings;
    lh_ingest_options_default(o);
    o->inputs = app->args;
    o->n_inputs = (size_t)app->n_args;
    o->batch = s->batch;
    o->model = s->model;
    o->prompt_template = s->prompt_template;
    o->id_field = s->id_field;
    o->url = s->url;
    o->max_tokens = s->max_tokens;
    o->tenant = s->tenant;
    o->weight = s->weight;
    o->priority = s->priority;
    o->skip_bad = s->skip_bad;
    o->update = s->update;
    o->fresh = s->fresh;
    o->max_line = (size_t)s->max_line;
}

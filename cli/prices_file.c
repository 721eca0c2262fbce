/* The file of --prices: declared in option_table.h. Its entries become own models of the run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/config.h"
#include "cli/option_table.h"

static const struct field {
    const char *name;
    size_t offset;
    enum value_kind kind;
    const char *wanted; /* NULL: as value_wanted has it */
} fields[] = {
    {"model", offsetof(lh_model, name), VALUE_TEXT, NULL},
    {"input", offsetof(lh_model, price_input_nanousd), VALUE_USD, NULL},
    {"cached", offsetof(lh_model, price_cached_nanousd), VALUE_USD, NULL},
    {"cache-write", offsetof(lh_model, price_cache_write_nanousd), VALUE_USD, NULL},
    {"output", offsetof(lh_model, price_output_nanousd), VALUE_USD, NULL},
    {"batch-discount", offsetof(lh_model, batch_discount), VALUE_COUNT, "a percentage, 0 to 100"},
    {"context", offsetof(lh_model, context), VALUE_COUNT, NULL},
    {"max-output", offsetof(lh_model, max_output), VALUE_COUNT, NULL},
    {"long-prompt", offsetof(lh_model, long_prompt), VALUE_COUNT, NULL},
    {"long-input", offsetof(lh_model, long_input_percent), VALUE_COUNT, "a percentage, 100 to 900"},
    {"long-output", offsetof(lh_model, long_output_percent), VALUE_COUNT, "a percentage, 100 to 900"},
};
enum { FIELDS = sizeof fields / sizeof *fields };

static const char *wanted(const struct field *f)
{
    if (f->wanted != NULL)
        return f->wanted;
    return f->kind == VALUE_USD ? "US dollars per million tokens, such as 0.15" : value_wanted(f->kind);
}

static int read_model(const struct config *file, size_t entry, lh_model *out, lh_error *err)
{
    lh_model_default(out, config_entry_value(file, entry, 0));
    for (size_t i = 1; i < FIELDS; i++) {
        const char *text = config_entry_value(file, entry, i);
        if (text == NULL || value_read(fields[i].kind, text, (char *)out + fields[i].offset))
            continue;
        return lh_error_set(err, LH_EUSAGE, "model %zu%s%.100s: %s is \"%.100s\"; it must be %s", entry + 1,
                            out->name != NULL ? ", " : "", out->name != NULL ? out->name : "", fields[i].name,
                            text, wanted(&fields[i]));
    }
    return 0;
}

static int read_models(struct app *app, lh_error *err)
{
    size_t count = config_entries(app->prices);
    if (count == 0)
        return lh_error_set(err, LH_EUSAGE, "it names no model; `longhaul prices --help` shows such a file");
    app->models = calloc(count, sizeof *app->models);
    if (app->models == NULL)
        return lh_error_nomem(err);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = read_model(app->prices, i, &app->models[i], err);
    app->settings.run.models = app->models;
    app->settings.run.n_models = count;
    return rc == 0 ? lh_models_check(app->models, count, err) : rc;
}

int options_read_prices(struct app *app)
{
    const char *path = app->settings.prices, *names[FIELDS];
    lh_error err = {0};
    if (path == NULL)
        return 0;
    for (size_t i = 0; i < FIELDS; i++)
        names[i] = fields[i].name;
    const struct config_shape shape = {.what = "the prices", .entries = "models", .entry = {names, FIELDS}};
    int rc = config_read(path, &shape, &app->prices, &err);
    if (rc == 0) {
        rc = read_models(app, &err);
        if (rc != 0)
            lh_error_prefix(&err, "the prices %s", path);
    }
    if (rc == 0)
        return 0;
    fprintf(stderr, "longhaul: %s\n", err.message);
    return rc == LH_ENOMEM ? EXIT_FAILED : EXIT_USAGE;
}

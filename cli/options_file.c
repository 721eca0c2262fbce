/* The YAML file as a source of options: declared in option_table.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/config.h"
#include "cli/option_table.h"

/* Which rows may stand where. In the file options of any command may; those of this one count. */
struct rows {
    const char *names[OPTION_MOST];
    size_t row[OPTION_MOST];
    size_t count;
};

static void add_row(struct rows *rows, size_t row)
{
    rows->row[rows->count] = row;
    rows->names[rows->count++] = options[row].name;
}

static void rows_of_file(struct rows *top, struct rows *entry)
{
    top->count = entry->count = 0;
    for (size_t i = 0; i < option_count; i++) {
        const struct option *o = &options[i];
        bool again = (o->groups & (OPTIONS_SIM | OPTIONS_SQL)) != 0 || strcmp(o->name, "config") == 0;
        if (!again && (o->groups & OPTIONS_ENTRY) != OPTIONS_ENTRY)
            add_row(top, i);
        if ((o->groups & OPTIONS_ENDPOINT) != 0)
            add_row(entry, i);
    }
}

enum { MODELS, KEYS }; /* lists in an entry */
static const char *const entry_lists[] = {"models", "keys", NULL};

static int set_from_file(struct settings *s, const struct option *o, const char *value, const char *path,
                         const char *in)
{
    char where[512];
    snprintf(where, sizeof where, "%s: %s", path, in);
    return option_set(s, o, value) ? 0 : option_say_bad(o, value, where);
}

/* An entry begins as the options of the command line and of the file's top would have it. */
static int read_entry(struct app *app, const struct rows *rows, size_t i, const char *path,
                      lh_endpoint_options *out)
{
    struct settings s = app->settings;
    char in[64];
    int rc = 0;
    snprintf(in, sizeof in, "endpoint %zu: ", i + 1);
    s.run.endpoint.base_url = s.run.endpoint.dialect = s.endpoint_key = NULL;
    for (size_t k = 0; rc == 0 && k < rows->count; k++) {
        const char *value = config_entry_value(app->config, i, k);
        if (value != NULL)
            rc = set_from_file(&s, &options[rows->row[k]], value, path, in);
    }
    *out = s.run.endpoint;
    out->models = config_entry_list(app->config, i, MODELS, &out->n_models);
    out->keys = config_entry_list(app->config, i, KEYS, &out->n_keys);
    if (s.endpoint_key != NULL && out->n_keys > 0) {
        fprintf(stderr, "longhaul: %s: %sgive key or keys, not both\n", path, in);
        return EXIT_USAGE;
    }
    if (s.endpoint_key != NULL) {
        app->endpoint_keys[i] = s.endpoint_key;
        out->keys = &app->endpoint_keys[i];
        out->n_keys = 1;
    }
    return rc;
}

static int read_entries(struct app *app, const struct rows *rows, const char *path)
{
    size_t count = config_entries(app->config);
    if (count == 0)
        return 0;
    app->endpoints = calloc(count, sizeof *app->endpoints);
    app->endpoint_keys = calloc(count, sizeof *app->endpoint_keys);
    if (app->endpoints == NULL || app->endpoint_keys == NULL) {
        fputs("longhaul: out of memory\n", stderr);
        return EXIT_FAILED;
    }
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = read_entry(app, rows, i, path, &app->endpoints[i]);
    app->settings.run.endpoints = app->endpoints;
    app->settings.run.n_endpoints = count;
    return rc;
}

/* The one server that the command line or the environment names takes the place of the file's list. */
static bool names_a_server(const bool *set)
{
    for (size_t i = 0; i < option_count; i++)
        if (set[i] && strcmp(options[i].name, "base-url") == 0)
            return true;
    return false;
}

int options_read_file(struct app *app, unsigned groups, bool *set)
{
    struct settings *s = &app->settings;
    struct rows top, entry;
    const char *path = s->config != NULL ? s->config : "longhaul.yaml";
    bool alone = names_a_server(set);
    if (s->config == NULL && access(path, F_OK) != 0)
        return 0;
    rows_of_file(&top, &entry);
    lh_error err = {0};
    const struct config_shape shape = {.what = "the configuration",
                                       .top = {top.names, top.count},
                                       .entries = "endpoints",
                                       .entry = {entry.names, entry.count},
                                       .entry_lists = entry_lists};
    if (config_read(path, &shape, &app->config, &err) != 0) {
        fprintf(stderr, "longhaul: %s\n", err.message);
        return EXIT_USAGE;
    }
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < top.count; i++) {
        const struct option *o = &options[top.row[i]];
        const char *value = config_value(app->config, i);
        if (value == NULL || set[top.row[i]] || (o->groups & groups) == 0)
            continue;
        rc = set_from_file(s, o, value, path, "");
        set[top.row[i]] = true;
    }
    return rc == 0 && !alone && (groups & OPTIONS_RUN) != 0 ? read_entries(app, &entry, path) : rc;
}

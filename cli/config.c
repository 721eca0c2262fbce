/* YAML files: see config.h. The schema that libcyaml checks against is made from the shape. */
#include "cli/config.h"

#include <cyaml/cyaml.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/options.h"

/* A mapping: for each name two texts, under its dashes and under its underscores, of which one at most may be there. What else there is
 * stands behind them. */
struct mapping {
    cyaml_schema_field_t *fields; /* owned */
    char **keys;                  /* owned: those of the fields */
    size_t names, n_fields;
    size_t size; /* of the data */
};

struct list { /* in the data, behind the texts of an entry */
    char **texts;
    unsigned count;
};

enum { LISTS_MOST = 4 }; /* of an entry */

struct config {
    struct mapping top, entry;
    cyaml_schema_value_t text, entry_schema, schema;
    char *loaded; /* what libcyaml made of the file */
    char error[512];
};

/* libcyaml tells what is wrong, and where, in its log. The first line is the cause, what follows is the way to it. */
static void on_log(cyaml_log_t level, void *arg, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));
static void on_log(cyaml_log_t level, void *arg, const char *format, va_list args)
{
    struct config *c = arg;
    if (level < CYAML_LOG_ERROR || strlen(c->error) > 300)
        return;
    size_t used = strlen(c->error);
    char line[256];
    vsnprintf(line, sizeof line, format, args);
    const char *text = strncmp(line, "Load: ", 6) == 0 ? line + 6 : line;
    if (strncmp(text, "Backtrace", 9) == 0)
        return;
    snprintf(c->error + used, sizeof c->error - used, "%s%.*s", used > 0 ? "; " : "",
             (int)strcspn(text, "\n"), text);
}

static const cyaml_config_t *loader(struct config *c, cyaml_config_t *config)
{
    *config =
        (cyaml_config_t){.log_fn = on_log, .log_ctx = c, .log_level = CYAML_LOG_ERROR, .mem_fn = cyaml_mem};
    return config;
}

/* ---- the schema ---- */

static void with_underscores(char *name)
{
    for (; *name != '\0'; name++)
        if (*name == '-')
            *name = '_';
}

static cyaml_schema_value_t text_schema(void)
{
    cyaml_schema_value_t v = {
        .type = CYAML_STRING, .flags = CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, .data_size = 1};
    v.string.max = 4096;
    return v;
}

static void add_text(struct mapping *m, char *key)
{
    m->keys[m->n_fields] = key;
    m->fields[m->n_fields] = (cyaml_schema_field_t){
        .key = key, .data_offset = (uint32_t)(m->n_fields * sizeof(char *)), .value = text_schema()};
    m->n_fields++;
}

/* Room for `more` fields behind the texts, and the NULL that ends them. */
static int make_mapping(struct mapping *m, struct config_names names, size_t more, lh_error *err)
{
    m->fields = calloc(names.count * 2 + more + 1, sizeof *m->fields);
    m->keys = calloc(names.count * 2 + more + 1, sizeof(char *));
    if (m->fields == NULL || m->keys == NULL)
        return lh_error_nomem(err);
    m->names = names.count;
    for (size_t i = 0; i < names.count; i++)
        for (int under = 0; under < 2; under++) {
            bool same = under == 1 && strchr(names.list[i], '-') == NULL;
            char *key = strdup(same ? "" : names.list[i]);
            if (key == NULL)
                return lh_error_nomem(err);
            if (under == 1)
                with_underscores(key);
            add_text(m, key);
        }
    m->size = m->n_fields * sizeof(char *);
    return 0;
}

static int add_list(struct mapping *m, const char *key, const cyaml_schema_value_t *of, size_t size,
                    lh_error *err)
{
    char *copy = strdup(key);
    if (copy == NULL)
        return lh_error_nomem(err);
    cyaml_schema_field_t f = {.key = copy,
                              .data_offset = (uint32_t)m->size,
                              .count_offset = (uint32_t)(m->size + offsetof(struct list, count)),
                              .count_size = sizeof(unsigned)};
    f.value.type = CYAML_SEQUENCE;
    f.value.flags = CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL;
    f.value.data_size = (uint32_t)size;
    f.value.sequence.entry = of;
    f.value.sequence.max = 10000;
    m->keys[m->n_fields] = copy;
    m->fields[m->n_fields++] = f;
    m->size += sizeof(struct list);
    return 0;
}

static int make_schema(struct config *c, const struct config_shape *shape, lh_error *err)
{
    c->text = text_schema();
    c->text.flags = CYAML_FLAG_POINTER;
    int rc = make_mapping(&c->entry, shape->entry, LISTS_MOST, err);
    for (const char *const *list = shape->entry_lists; rc == 0 && list != NULL && *list != NULL; list++)
        rc = add_list(&c->entry, *list, &c->text, sizeof(char *), err);
    if (rc == 0)
        rc = make_mapping(&c->top, shape->top, 1, err);
    c->entry_schema = (cyaml_schema_value_t){.type = CYAML_MAPPING,
                                             .flags = CYAML_FLAG_DEFAULT,
                                             .data_size = (uint32_t)c->entry.size,
                                             .mapping = {.fields = c->entry.fields}};
    if (rc == 0)
        rc = add_list(&c->top, shape->entries, &c->entry_schema, c->entry.size, err);
    c->schema = (cyaml_schema_value_t){.type = CYAML_MAPPING,
                                       .flags = CYAML_FLAG_POINTER,
                                       .data_size = (uint32_t)c->top.size,
                                       .mapping = {.fields = c->top.fields}};
    return rc;
}

/* ---- what was loaded ---- */

static const struct list *list_at(const char *data, const struct mapping *m, size_t index)
{
    const void *at = data + 2 * m->names * sizeof(char *) + index * sizeof(struct list);
    return at;
}

static const char *value_at(const char *data, size_t name)
{
    const void *at = data + 2 * name * sizeof(char *);
    const char *const *pair = at;
    return pair[0] != NULL ? pair[0] : pair[1];
}

static const char *twice_in(const char *data, const struct mapping *m)
{
    for (size_t i = 0; i < m->names; i++) {
        const void *at = data + 2 * i * sizeof(char *);
        const char *const *pair = at;
        if (pair[0] != NULL && pair[1] != NULL)
            return m->fields[2 * i].key;
    }
    return NULL;
}

static const char *entry_at(const struct config *c, size_t entry)
{
    const void *entries = list_at(c->loaded, &c->top, 0)->texts;
    return (const char *)entries + entry * c->entry.size;
}

size_t config_entries(const struct config *c)
{
    return c->loaded != NULL ? list_at(c->loaded, &c->top, 0)->count : 0;
}

const char *config_value(const struct config *c, size_t name)
{
    return c->loaded != NULL ? value_at(c->loaded, name) : NULL;
}

const char *config_entry_value(const struct config *c, size_t entry, size_t name)
{
    return value_at(entry_at(c, entry), name);
}

const char *const *config_entry_list(const struct config *c, size_t entry, size_t list, size_t *count)
{
    const struct list *l = list_at(entry_at(c, entry), &c->entry, list);
    *count = l->count;
    return (const char *const *)l->texts;
}

static int check_twice(const struct config *c, const struct config_shape *shape, const char *path,
                       lh_error *err)
{
    const char *twice = c->loaded != NULL ? twice_in(c->loaded, &c->top) : NULL;
    for (size_t i = 0; twice == NULL && i < config_entries(c); i++)
        twice = twice_in(entry_at(c, i), &c->entry);
    return twice == NULL ? 0 : lh_error_set(err, LH_EUSAGE, "%s %s holds %s twice", shape->what, path, twice);
}

/* What an unexpected key may have meant; NULL: no idea. */
static const char *nearest_key(const char *error, const struct config_shape *shape)
{
    char key[64] = "", entries[64];
    const char *found = strstr(error, "Unexpected key: ");
    if (found == NULL || sscanf(found, "Unexpected key: %63[^;\n]", key) != 1)
        return NULL;
    snprintf(entries, sizeof entries, "'%s'", shape->entries);
    bool in_entry = strstr(error, entries) != NULL;
    const char *nearest = in_entry ? options_nearest(key, shape->entry.list, shape->entry.count) : NULL;
    if (nearest == NULL && !in_entry)
        nearest = options_nearest(key, &shape->entries, 1);
    return nearest != NULL ? nearest : options_nearest(key, shape->top.list, shape->top.count);
}

static int load(struct config *c, const struct config_shape *shape, const char *path, lh_error *err)
{
    cyaml_config_t config;
    void *loaded = NULL;
    cyaml_err_t code = cyaml_load_file(path, loader(c, &config), &c->schema, &loaded, NULL);
    if (code == CYAML_OK) {
        c->loaded = loaded;
        return check_twice(c, shape, path, err);
    }
    const char *nearest = nearest_key(c->error, shape);
    return lh_error_set(err, LH_EUSAGE, "%s %s: %s%s%s%s%s", shape->what, path, cyaml_strerror(code),
                        c->error[0] != '\0' ? ": " : "", c->error, nearest != NULL ? "; did you mean " : "",
                        nearest != NULL ? nearest : "");
}

int config_read(const char *path, const struct config_shape *shape, struct config **out, lh_error *err)
{
    *out = NULL;
    if (access(path, R_OK) != 0)
        return lh_error_set(err, LH_ENOTFOUND, "%s %s cannot be read: %s", shape->what, path,
                            strerror(errno));
    struct config *c = calloc(1, sizeof *c);
    if (c == NULL)
        return lh_error_nomem(err);
    int rc = make_schema(c, shape, err);
    if (rc == 0)
        rc = load(c, shape, path, err);
    if (rc != 0) {
        config_free(c);
        return rc;
    }
    *out = c;
    return 0;
}

static void free_mapping(struct mapping *m)
{
    for (size_t i = 0; i < m->n_fields; i++)
        free(m->keys[i]);
    free(m->keys);
    free(m->fields);
}

void config_free(struct config *c)
{
    cyaml_config_t config;
    if (c == NULL)
        return;
    if (c->loaded != NULL)
        cyaml_free(loader(c, &config), &c->schema, c->loaded, 0);
    free_mapping(&c->top);
    free_mapping(&c->entry);
    free(c);
}

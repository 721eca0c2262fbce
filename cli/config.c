/* The YAML file: see config.h. The schema that libcyaml checks against is made from the table of options. */
#include "cli/config.h"

#include <cyaml/cyaml.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct complaint {
    char text[512];
};

/* libcyaml tells what is wrong, and where, in its log. The first line is the cause, what follows is the way to it. */
static void on_log(cyaml_log_t level, void *arg, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));
static void on_log(cyaml_log_t level, void *arg, const char *format, va_list args)
{
    struct complaint *c = arg;
    if (level < CYAML_LOG_ERROR || strlen(c->text) > 300)
        return;
    size_t used = strlen(c->text);
    char line[256];
    vsnprintf(line, sizeof line, format, args);
    const char *text = strncmp(line, "Load: ", 6) == 0 ? line + 6 : line;
    if (strncmp(text, "Backtrace", 9) == 0)
        return;
    snprintf(c->text + used, sizeof c->text - used, "%s%.*s", used > 0 ? "; " : "", (int)strcspn(text, "\n"),
             text);
}

static char *with_underscores(const char *name)
{
    char *copy = strdup(name);
    for (char *p = copy; p != NULL && *p != '\0'; p++)
        if (*p == '-')
            *p = '_';
    return copy;
}

static void set_field(cyaml_schema_field_t *f, const char *key, size_t index)
{
    cyaml_schema_field_t field = {.key = key, .data_offset = (uint32_t)(index * sizeof(char *))};
    field.value.type = CYAML_STRING;
    field.value.flags = CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL;
    field.value.data_size = 1;
    field.value.string.max = 4096;
    *f = field;
}

int config_read(const char *path, const char *const *names, size_t count, char **values, lh_error *err)
{
    if (access(path, R_OK) != 0)
        return lh_error_set(err, LH_ENOTFOUND, "the configuration %s cannot be read", path);
    cyaml_schema_field_t *fields = calloc(count * 2 + 1, sizeof *fields);
    char **keys = calloc(count + 1, sizeof(char *)); /* owned: the names with underscores */
    if (fields == NULL || keys == NULL) {
        free(fields);
        free(keys);
        return lh_error_nomem(err);
    }
    for (size_t i = 0; i < count; i++) {
        set_field(&fields[2 * i], names[i], 2 * i);
        keys[i] = with_underscores(names[i]);
        set_field(&fields[2 * i + 1], keys[i] != NULL && strchr(names[i], '-') != NULL ? keys[i] : "",
                  2 * i + 1);
    }
    cyaml_schema_value_t top = {.type = CYAML_MAPPING,
                                .flags = CYAML_FLAG_POINTER,
                                .data_size = (uint32_t)(count * 2 * sizeof(char *)),
                                .mapping = {.fields = fields}};
    struct complaint complaint = {""};
    cyaml_config_t config = {
        .log_fn = on_log, .log_ctx = &complaint, .log_level = CYAML_LOG_ERROR, .mem_fn = cyaml_mem};
    char **loaded = NULL;
    const char *twice = NULL; /* with a dash and with an underscore */
    cyaml_err_t code = cyaml_load_file(path, &config, &top, (cyaml_data_t **)&loaded, NULL);
    for (size_t i = 0; code == CYAML_OK && loaded != NULL && i < count; i++) {
        const char *value = loaded[2 * i] != NULL ? loaded[2 * i] : loaded[2 * i + 1];
        values[i] = value != NULL ? strdup(value) : NULL;
        if (loaded[2 * i] != NULL && loaded[2 * i + 1] != NULL && twice == NULL)
            twice = names[i];
    }
    cyaml_free(&config, &top, loaded, 0);
    for (size_t i = 0; i < count; i++)
        free(keys[i]);
    free(keys);
    free(fields);
    if (code != CYAML_OK)
        return lh_error_set(err, LH_EUSAGE, "the configuration %s: %s%s%s", path, cyaml_strerror(code),
                            complaint.text[0] != '\0' ? ": " : "", complaint.text);
    if (twice == NULL)
        return 0;
    for (size_t i = 0; i < count; i++) {
        free(values[i]);
        values[i] = NULL;
    }
    return lh_error_set(err, LH_EUSAGE, "the configuration %s holds %s twice", path, twice);
}

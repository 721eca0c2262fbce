/* A YAML file: a mapping of names to values, and one list of entries, each such a mapping again. The configuration and the file of prices
 * are read with it. Main thread. */
#ifndef LH_CLI_CONFIG_H
#define LH_CLI_CONFIG_H

#include <stddef.h>

#include "base/error.h"

struct config;

struct config_names { /* borrowed while config_read runs; each may also be written with _ for - */
    const char *const *list;
    size_t count;
};

struct config_shape {
    const char *what;               /* "the configuration": for people */
    struct config_names top;        /* at the top of the file */
    const char *entries;            /* what the list is called: "endpoints" */
    struct config_names entry;      /* in each of its entries */
    const char *const *entry_lists; /* lists of texts beside them, four at most; ends with NULL; NULL: none */
};

/* LH_ENOTFOUND, LH_EUSAGE with file and key. On success *out is the caller's. */
int config_read(const char *path, const struct config_shape *shape, struct config **out, lh_error *err);
void config_free(struct config *c); /* NULL-safe */

/* Texts live as long as the config; NULL where the file says nothing. Names, lists and entries by their place in the shape and the file. */
const char *config_value(const struct config *c, size_t name);
size_t config_entries(const struct config *c);
const char *config_entry_value(const struct config *c, size_t entry, size_t name);
const char *const *config_entry_list(const struct config *c, size_t entry, size_t list, size_t *count);

#endif

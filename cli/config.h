/* The YAML file: a mapping of option names to values, and a list of endpoints, each such a mapping again. Main thread. */
#ifndef LH_CLI_CONFIG_H
#define LH_CLI_CONFIG_H

#include <stddef.h>

#include "base/error.h"

struct config;

struct config_names { /* borrowed while config_read runs; each may also be written with _ for - */
    const char *const *list;
    size_t count;
};

/* top: at the top of the file; entry: in each entry of "endpoints:", where "models" and "keys" are lists beside them. LH_ENOTFOUND,
 * LH_EUSAGE with file and key. On success *out is the caller's. */
int config_read(const char *path, struct config_names top, struct config_names entry, struct config **out,
                lh_error *err);
void config_free(struct config *c); /* NULL-safe */

/* Texts live as long as the config; NULL where the file says nothing. */
const char *config_value(const struct config *c, size_t name);
size_t config_entries(const struct config *c);
const char *config_entry_value(const struct config *c, size_t entry, size_t name);
const char *const *config_entry_models(const struct config *c, size_t entry, size_t *count);
const char *const *config_entry_keys(const struct config *c, size_t entry, size_t *count);

#endif

/* The YAML file: a flat mapping of option names to values. Main thread. */
#ifndef LH_CLI_CONFIG_H
#define LH_CLI_CONFIG_H

#include <stddef.h>

#include "base/error.h"

/* Reads `path` into values[i] for names[i] (also written with _ for -); NULL where the file says nothing. The texts are the
 * caller's, to free. LH_ENOTFOUND, LH_EUSAGE with file and key. */
int config_read(const char *path, const char *const *names, size_t count, char **values, lh_error *err);

#endif

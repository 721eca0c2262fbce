/* The files that a store is made of, beside the one that people name. Any thread. */
#ifndef LH_STORE_FILES_H
#define LH_STORE_FILES_H

#include "base/error.h"

/* LH_EUSAGE when `path` is the database `db`, its log, its index, its journal or its lock, by whatever name: nothing else may
 * be written there. The files need not exist yet. */
int store_check_not_own(const char *db, const char *path, lh_error *err);

#endif

/* The files of a store: see files.h. */
#include "store/files.h"

#include <limits.h>
#include <stdio.h>

#include "base/same_file.h"

int store_check_not_own(const char *db, const char *path, lh_error *err)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal", ".lock"};
    char own[PATH_MAX + 16];
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        snprintf(own, sizeof own, "%s%s", db, suffixes[i]);
        if (is_same_file(own, path))
            return lh_error_set(err, LH_EUSAGE, "%s belongs to the database %s; choose another name", path,
                                db);
    }
    return 0;
}

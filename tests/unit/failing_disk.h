/* A disk that fails on command: SQLite's own file layer, whose writes and syncs return an error while one is set. */
#ifndef LH_TEST_FAILING_DISK_H
#define LH_TEST_FAILING_DISK_H

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { FAILING_DISK_KINDS = 4 };

struct failing_disk {
    atomic_int error;      /* what writes and syncs return; 0: they work */
    atomic_int good_calls; /* that still work before they do */
    atomic_int failures;   /* so far */
    sqlite3_vfs vfs, *real;
    /* the layer has a table of functions for each kind of file */
    const sqlite3_io_methods *original[FAILING_DISK_KINDS];
    sqlite3_io_methods patched[FAILING_DISK_KINDS];
};

static struct failing_disk failing_disk;

static inline int failing_disk_error(void)
{
    struct failing_disk *d = &failing_disk;
    int error = atomic_load(&d->error);
    if (error == 0 || atomic_fetch_sub(&d->good_calls, 1) > 0)
        return SQLITE_OK;
    atomic_fetch_add(&d->failures, 1);
    return error;
}

static inline const sqlite3_io_methods *failing_disk_original(const sqlite3_file *file)
{
    for (int i = 0; i < FAILING_DISK_KINDS; i++)
        if (file->pMethods == &failing_disk.patched[i])
            return failing_disk.original[i];
    abort();
}

static inline int failing_disk_write(sqlite3_file *file, const void *bytes, int n, sqlite3_int64 at)
{
    int error = failing_disk_error();
    return error != SQLITE_OK ? error : failing_disk_original(file)->xWrite(file, bytes, n, at);
}

static inline int failing_disk_sync(sqlite3_file *file, int flags)
{
    int error = failing_disk_error();
    return error != SQLITE_OK ? error : failing_disk_original(file)->xSync(file, flags);
}

static inline int failing_disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                                    int *out_flags)
{
    struct failing_disk *d = &failing_disk;
    (void)vfs;
    int code = d->real->xOpen(d->real, name, file, flags, out_flags);
    for (int i = 0; code == SQLITE_OK && i < FAILING_DISK_KINDS; i++) {
        if (d->original[i] == NULL) {
            d->original[i] = file->pMethods;
            d->patched[i] = *file->pMethods;
            d->patched[i].xWrite = failing_disk_write;
            d->patched[i].xSync = failing_disk_sync;
        }
        if (d->original[i] == file->pMethods) {
            file->pMethods = &d->patched[i];
            return code;
        }
    }
    return code;
}

/* Before any file is opened, and before there are threads. */
static inline void failing_disk_install(void)
{
    struct failing_disk *d = &failing_disk;
    if (d->real != NULL)
        return;
    d->real = sqlite3_vfs_find(NULL);
    d->vfs = *d->real;
    d->vfs.zName = "failing";
    d->vfs.pNext = NULL;
    d->vfs.xOpen = failing_disk_open;
    sqlite3_vfs_register(&d->vfs, 1);
}

static inline void failing_disk_break(int sqlite_code, int after_calls)
{
    atomic_store(&failing_disk.failures, 0);
    atomic_store(&failing_disk.good_calls, after_calls);
    atomic_store(&failing_disk.error, sqlite_code);
}

static inline void failing_disk_mend(void)
{
    atomic_store(&failing_disk.error, 0);
}

#endif

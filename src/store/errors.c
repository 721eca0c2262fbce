/* What SQLite's failures mean to a person. Called wherever a statement failed; any thread. */
#include <string.h>

#include "store/connection.h"

struct meaning {
    int sqlite_code; /* extended codes before their primary one */
    int lh_code;
    const char *reason; /* NULL: SQLite's own text */
    const char *advice;
};

static const struct meaning meanings[] = {
    {SQLITE_FULL, LH_EFULL, "the disk is full", "make space; nothing is lost"},
    {SQLITE_CONSTRAINT_UNIQUE, LH_ESTATE, NULL, NULL},
    {SQLITE_CONSTRAINT_PRIMARYKEY, LH_ESTATE, NULL, NULL},
    {SQLITE_CONSTRAINT, LH_EINTERNAL, NULL, "this is a defect of longhaul; run `longhaul db check`"},
    {SQLITE_BUSY, LH_EBUSY, "another process is writing to it", "try again when that is done"},
    {SQLITE_LOCKED, LH_EBUSY, "another process is writing to it", "try again when that is done"},
    {SQLITE_READONLY_DBMOVED, LH_EIO, "the file was moved or removed while open",
     "put it back and start again"},
    {SQLITE_READONLY, LH_EREADONLY, "the file or its folder cannot be written",
     "check the owner and mode of both and of the -wal and -shm files beside it, and that the disk is not "
     "mounted "
     "read-only"},
    {SQLITE_PERM, LH_EREADONLY, "access denied", "check its owner and mode"},
    {SQLITE_CANTOPEN, LH_EIO, "the file cannot be opened", "check that the folder exists and may be written"},
    {SQLITE_PROTOCOL, LH_EBUSY, "other processes are opening it at the same moment", "try again"},
    {SQLITE_NOTADB, LH_ENOTADB, "the file is no SQLite database", "check --db"},
    {SQLITE_CORRUPT, LH_ECORRUPT, "the database is damaged",
     "run `longhaul db check`, and restore a backup or use `sqlite3 FILE .recover`"},
    {SQLITE_NOMEM, LH_ENOMEM, "out of memory", NULL},
    {SQLITE_IOERR_NOMEM, LH_ENOMEM, "out of memory", NULL},
    {SQLITE_IOERR, LH_EIO, NULL, "check the disk"},
    {SQLITE_MISUSE, LH_EINTERNAL, NULL, "this is a defect of longhaul"},
    {SQLITE_AUTH, LH_ESQL, NULL, NULL},
    {SQLITE_TOOBIG, LH_EINPUT, "a text is longer than SQLite takes (1 GB)", NULL},
};

static const struct meaning *meaning_of(int code)
{
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (meanings[i].sqlite_code == code || meanings[i].sqlite_code == (code & 0xff))
            return &meanings[i];
    return NULL;
}

int store_code_failed(const char *path, int sqlite_code, const char *detail, lh_error *err, const char *what)
{
    const struct meaning *m = meaning_of(sqlite_code);
    if (m == NULL)
        return lh_error_set(err, LH_ESQL, "%s: %s: %s", path, what, detail);
    return lh_error_set(err, m->lh_code, "%s: %s: %s%s%s", path, what, m->reason != NULL ? m->reason : detail,
                        m->advice != NULL ? "; " : "", m->advice != NULL ? m->advice : "");
}

int store_failed(struct store *s, lh_error *err, const char *what)
{
    return store_code_failed(s->path, sqlite3_extended_errcode(s->db), sqlite3_errmsg(s->db), err, what);
}

bool store_error_is_passing(int code)
{
    return code == LH_EFULL || code == LH_EBUSY || code == LH_EIO || code == LH_EREADONLY;
}

/* Connections: opening a store with its pragmas, transactions, checkpoints. See store.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "longhaul.h"
#include "store/connection.h"

static int check_path(const char *path, enum store_mode mode, lh_error *err)
{
    struct stat st;
    if (path == NULL || *path == '\0')
        return lh_error_set(err, LH_EUSAGE, "the name of the database is empty; check --db");
    if (stat(path, &st) == 0) {
        if (S_ISDIR(st.st_mode))
            return lh_error_set(err, LH_ENOTADB, "%s: is a folder, not a database; check --db", path);
        if (!S_ISREG(st.st_mode))
            return lh_error_set(err, LH_ENOTADB, "%s: is no regular file; check --db", path);
        return 0;
    }
    if (errno != ENOENT && errno != ENOTDIR)
        return lh_error_set(err, LH_EIO, "%s: %s", path, strerror(errno));
    if (mode != STORE_CREATE)
        return lh_error_set(err, LH_ENOTFOUND,
                            "%s: no such database; check --db, or make one with `longhaul submit` or `run`",
                            path);
    return 0;
}

static int set_pragma(struct store *s, enum stmt_id id, lh_error *err)
{
    struct rows *rows = NULL;
    int rc = store_select(s, id, &rows, err, "");
    while (rc == 0 && (rc = rows_next(rows, err)) == 1)
        rc = 0;
    rows_done(rows);
    return rc;
}

/* SQLite answers with the mode that it took instead, and no error, where there is no shared memory between processes. */
static int ask_for_wal(struct store *s, lh_error *err)
{
    struct rows *rows = NULL;
    int rc = store_select(s, STMT_PRAGMA_WAL, &rows, err, "");
    if (rc == 0)
        rc = rows_next(rows, err);
    const char *mode = rc == 1 ? rows_text(rows, 0, NULL) : NULL;
    if (rc >= 0 && (mode == NULL || strcmp(mode, "wal") != 0))
        rc = lh_error_set(
            err, LH_EIO,
            "%s: its file system has no write-ahead log (journal mode \"%s\"); put the database on a "
            "local disk",
            s->path, mode != NULL ? mode : "");
    rows_done(rows);
    return rc < 0 ? rc : 0;
}

/* SQLite does not wait when it turns a file into one with a write-ahead log and another process does the same: it says busy
 * at once. A write transaction does wait, so it is the turnstile. */
static int set_wal(struct store *s, lh_error *err)
{
    int rc = ask_for_wal(s, err);
    for (int tries = 0; rc == LH_EBUSY && tries < 20; tries++) {
        rc = store_begin(s, err);
        store_rollback(s);
        if (rc == 0)
            rc = ask_for_wal(s, err);
    }
    return rc;
}

static int set_pragmas(struct store *s, lh_error *err)
{
    static const enum stmt_id reading[] = {STMT_PRAGMA_CACHE_READER, STMT_PRAGMA_TEMP_MEMORY,
                                           STMT_PRAGMA_QUERY_ONLY};
    static const enum stmt_id writing[] = {STMT_PRAGMA_SYNC_FULL, STMT_PRAGMA_FOREIGN_KEYS,
                                           STMT_PRAGMA_TEMP_MEMORY, STMT_PRAGMA_CACHE};
    const enum stmt_id *ids = s->read_only ? reading : writing;
    size_t n = s->read_only ? sizeof reading / sizeof *reading : sizeof writing / sizeof *writing;
    int rc = s->read_only ? 0 : set_wal(s, err);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = set_pragma(s, ids[i], err);
    return rc;
}

/* A read-only open of a WAL file whose folder cannot be written fails while no -shm exists; SQLite's error is then
 * "unable to open". The check of the version is the first that touches the file, so errors of the file show here. */
static int prepare_file(struct store *s, enum store_mode mode, lh_error *err)
{
    int64_t version = 0;
    int rc = store_check_version(s, &version, err);
    if (rc == 0 && version == 0 && mode != STORE_CREATE)
        return lh_error_set(err, LH_ENOTADB, "%s: is an empty database, not a longhaul store; check --db",
                            s->path);
    if (rc == LH_EOLDER && !s->read_only)
        rc = 0;
    if (rc == 0)
        rc = set_pragmas(s, err);
    if (rc == 0 && !s->read_only && mode != STORE_NO_MIGRATE)
        rc = store_migrate(s, NULL, NULL, err);
    return rc;
}

void lh_tune_process(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

int store_open(const char *path, enum store_mode mode, struct store **out, lh_error *err)
{
    *out = NULL;
    int rc = check_path(path, mode, err);
    if (rc != 0)
        return rc;
    struct store *s = calloc(1, sizeof *s);
    if (s == NULL || (s->path = strdup(path)) == NULL) {
        free(s);
        return lh_error_nomem(err);
    }
    s->read_only = mode == STORE_READ;
    int flags = s->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    if (mode == STORE_CREATE)
        flags |= SQLITE_OPEN_CREATE;
    int code = sqlite3_open_v2(path, &s->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (code != SQLITE_OK) {
        rc = store_code_failed(path, code, s->db != NULL ? sqlite3_errmsg(s->db) : "", err, "open");
        store_close(s);
        return rc;
    }
    store_set_busy_timeout(s, 10000);
    rc = prepare_file(s, mode, err);
    if (rc != 0) {
        store_close(s);
        return rc;
    }
    *out = s;
    return 0;
}

void store_close(struct store *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < STMT_COUNT; i++)
        sqlite3_finalize(s->statements[i]);
    sqlite3_close(s->db);
    free(s->path);
    free(s);
}

const char *store_path(const struct store *s)
{
    return s->path;
}

int store_set_durability(struct store *s, enum durability d, lh_error *err)
{
    return set_pragma(s, d == DURABILITY_FULL ? STMT_PRAGMA_SYNC_FULL : STMT_PRAGMA_SYNC_NORMAL, err);
}

void store_set_busy_timeout(struct store *s, int timeout_ms)
{
    s->busy_ms = timeout_ms;
    sqlite3_busy_timeout(s->db, timeout_ms);
}

int store_begin(struct store *s, lh_error *err)
{
    return store_exec(s, STMT_BEGIN_WRITE, err, "");
}

int store_begin_read(struct store *s, lh_error *err)
{
    return store_exec(s, STMT_BEGIN_READ, err, "");
}

int store_commit(struct store *s, lh_error *err)
{
    return store_exec(s, STMT_COMMIT, err, "");
}

void store_rollback(struct store *s)
{
    if (!sqlite3_get_autocommit(s->db))
        store_exec(s, STMT_ROLLBACK, NULL, "");
}

int store_run_script(struct store *s, const char *sql, lh_error *err)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK
               ? 0
               : store_failed(s, err, "change the schema");
}

int store_checkpoint_get(struct store *s, const char *scope, const char *kind, char **value, lh_error *err)
{
    *value = NULL;
    struct rows *rows = NULL;
    int rc = store_select(s, STMT_CHECKPOINT_GET, &rows, err, "ss", scope, kind);
    if (rc == 0 && (rc = rows_next(rows, err)) == 1) {
        *value = strdup(rows_text(rows, 0, NULL));
        rc = *value != NULL ? 0 : lh_error_nomem(err);
    }
    rows_done(rows);
    return rc;
}

int store_checkpoint_put(struct store *s, const char *scope, const char *kind, const char *value,
                         int64_t now_ms, lh_error *err)
{
    return store_exec(s, STMT_CHECKPOINT_PUT, err, "sssi", scope, kind, value, now_ms);
}

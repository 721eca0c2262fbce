/* Upkeep: migrate, check, backup and info of longhaul.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "longhaul.h"
#include "store/connection.h"
#include "store/files.h"

int lh_db_migrate(const char *db, int64_t *from, int64_t *to, lh_error *err)
{
    struct store *s = NULL;
    int rc = store_open(db, STORE_NO_MIGRATE, &s, err);
    if (rc == 0)
        rc = store_migrate(s, from, to, err);
    store_close(s);
    return rc;
}

/* ---- check ---- */

struct check {
    struct store *store;
    void (*finding)(void *arg, const char *text);
    void *arg;
    int64_t faults;
};

static void find(struct check *c, const char *text)
{
    c->faults++;
    c->finding(c->arg, text);
}

static int check_integrity(struct check *c, lh_error *err)
{
    struct rows *rows = NULL;
    int rc = store_select(c->store, STMT_INTEGRITY_CHECK, &rows, err, "");
    while (rc == 0 && (rc = rows_next(rows, err)) == 1) {
        const char *text = rows_text(rows, 0, NULL);
        if (text == NULL || strcmp(text, "ok") != 0)
            find(c, text != NULL ? text : "integrity_check says nothing");
        rc = 0;
    }
    rows_done(rows);
    return rc;
}

static int check_foreign_keys(struct check *c, lh_error *err)
{
    char text[256];
    struct rows *rows = NULL;
    int rc = store_select(c->store, STMT_FOREIGN_KEY_CHECK, &rows, err, "");
    while (rc == 0 && (rc = rows_next(rows, err)) == 1) {
        snprintf(text, sizeof text, "row %lld of %s points to a row of %s that is not there",
                 (long long)rows_int(rows, 1), rows_text(rows, 0, NULL), rows_text(rows, 2, NULL));
        find(c, text);
        rc = 0;
    }
    rows_done(rows);
    return rc;
}

static int check_counters(struct check *c, lh_error *err)
{
    char text[512];
    struct rows *rows = NULL;
    int rc = store_select(c->store, STMT_CHECK_COUNTERS, &rows, err, "");
    while (rc == 0 && (rc = rows_next(rows, err)) == 1) {
        snprintf(text, sizeof text, "batch %s counts %lld jobs by state, its rows say otherwise (%lld jobs)",
                 rows_text(rows, 0, NULL), (long long)rows_int(rows, 1), (long long)rows_int(rows, 2));
        find(c, text);
        rc = 0;
    }
    rows_done(rows);
    return rc;
}

static int check_counts(struct check *c, lh_error *err)
{
    static const struct {
        enum stmt_id id;
        const char *what;
    } checks[] = {
        {STMT_CHECK_DONE_WITHOUT_RESULT, "jobs are done without a result, or have one without being done"},
        {STMT_CHECK_DEAD_WITHOUT_LETTER,
         "jobs are dead without a dead letter, or have one without being dead"},
        {STMT_CHECK_MISSING_REQUESTS, "jobs have no request"},
        {STMT_CHECK_SUCCESS_ATTEMPTS,
         "jobs are done with another number of successful attempts than one, or have one without being done"},
        {STMT_CHECK_SENDS, "jobs have another number of attempts than of sends"},
        {STMT_CHECK_OTHER_BATCH, "jobs have a result or a dead letter of another batch"},
        {STMT_CHECK_SEQUENCE, "batches would number a result like one that is there"},
        {STMT_CHECK_BATCH_STATES, "batches are finished with jobs left to do"},
        {STMT_CHECK_TOTALS, "batches count attempts, tokens or money other than their attempts say"},
        {STMT_CHECK_USAGE, "days of batches have a usage other than their attempts say"},
    };
    char text[256];
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof checks / sizeof *checks; i++) {
        int64_t count = 0;
        rc = store_get_int(c->store, checks[i].id, 0, &count, err, "");
        if (rc == 0 && count > 0) {
            snprintf(text, sizeof text, "%lld %s", (long long)count, checks[i].what);
            find(c, text);
        }
    }
    return rc;
}

/* For reading, but on a connection that could write: SQLite leaves CHECK constraints out of what a read-only connection
 * knows, and would not check them. Where nothing may be written, the rest is checked. */
static int open_for_check(const char *db, struct store **out, lh_error *err)
{
    int64_t version = 0;
    int rc = store_open(db, STORE_NO_MIGRATE, out, err);
    if (rc == LH_EREADONLY || rc == LH_EIO)
        return store_open(db, STORE_READ, out, err);
    return rc == 0 ? store_check_version(*out, &version, err) : rc;
}

int lh_db_check(const char *db, void (*finding)(void *arg, const char *text), void *arg, int64_t *faults,
                lh_error *err)
{
    struct check c = {.finding = finding, .arg = arg};
    *faults = 0;
    int rc = open_for_check(db, &c.store, err);
    if (rc == 0)
        rc = store_exec(c.store, STMT_PRAGMA_TEMP_FILES, err, "");
    if (rc == 0)
        rc = store_begin_read(c.store, err);
    if (rc == 0)
        rc = check_integrity(&c, err);
    if (rc == 0)
        rc = check_foreign_keys(&c, err);
    if (rc == 0)
        rc = check_counters(&c, err);
    if (rc == 0)
        rc = check_counts(&c, err);
    if (c.store != NULL)
        store_rollback(c.store);
    store_close(c.store);
    *faults = c.faults;
    return rc;
}

/* ---- backup ---- */

static int sync_path(const char *path, lh_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        int saved = errno;
        if (fd >= 0)
            close(fd);
        return lh_error_set(err, LH_EIO, "%s: %s", path, strerror(saved));
    }
    close(fd);
    return 0;
}

/* Gives the finished copy its name only if nothing has that name: link fails where rename would overwrite. */
static int put_in_place(const char *temporary, const char *target, lh_error *err)
{
    if (link(temporary, target) == 0)
        return 0;
    if (errno == EEXIST)
        return lh_error_set(err, LH_EUSAGE, "%s is there already; remove it or choose another name", target);
    if (errno == EPERM && access(target, F_OK) != 0 &&
        rename(temporary, target) == 0) /* a file system without links */
        return 0;
    return lh_error_set(err, LH_EIO, "%s: %s", target, strerror(errno));
}

int lh_db_backup(const char *db, const char *target, lh_error *err)
{
    char temporary[PATH_MAX];
    int rc = store_check_not_own(db, target, err);
    if (rc != 0)
        return rc;
    if (access(target, F_OK) == 0)
        return lh_error_set(err, LH_EUSAGE, "%s is there already; remove it or choose another name", target);
    int n = snprintf(temporary, sizeof temporary, "%s.partial-%ld", target, (long)getpid());
    if (n < 0 || (size_t)n >= sizeof temporary)
        return lh_error_set(err, LH_EUSAGE, "%s: the name is too long", target);
    struct store *s = NULL;
    rc = store_open(db, STORE_WRITE, &s, err);
    if (rc == 0)
        rc = store_exec(s, STMT_BACKUP_INTO, err, "s", temporary);
    store_close(s);
    if (rc != 0)
        lh_error_prefix(err, "backup to %s", target);
    if (rc == 0)
        rc = sync_path(temporary, err);
    if (rc == 0)
        rc = put_in_place(temporary, target, err);
    unlink(temporary);
    return rc;
}

/* ---- info ---- */

static int64_t file_size(const char *path, const char *suffix)
{
    char name[PATH_MAX + 8];
    struct stat st;
    snprintf(name, sizeof name, "%s%s", path, suffix);
    return stat(name, &st) == 0 ? (int64_t)st.st_size : 0;
}

int lh_db_info_get(const char *db, lh_db_info *out, lh_error *err)
{
    struct store *s = NULL;
    *out = (lh_db_info){0};
    snprintf(out->path, sizeof out->path, "%s", db);
    snprintf(out->sqlite_version, sizeof out->sqlite_version, "%s", sqlite3_libversion());
    int rc = store_open(db, STORE_READ, &s, err);
    const struct {
        enum stmt_id id;
        int64_t *out;
    } numbers[] = {{STMT_PAGE_SIZE, &out->page_size},
                   {STMT_FREE_PAGES, &out->free_pages},
                   {STMT_SCHEMA_VERSION, &out->schema_version},
                   {STMT_BATCH_TOTAL, &out->batches},
                   {STMT_JOB_COUNT, &out->jobs}};
    for (size_t i = 0; rc == 0 && i < sizeof numbers / sizeof *numbers; i++)
        rc = store_get_int(s, numbers[i].id, 0, numbers[i].out, err, "");
    if (rc == 0)
        rc = store_identity(s, out->store_id, err);
    store_close(s);
    out->file_bytes = file_size(db, "");
    out->wal_bytes = file_size(db, "-wal");
    return rc;
}

/* Migrations: forward only, each in its transaction with its checksum on record; views made anew at the end.
 * Called when a store is opened for writing, and by `db migrate`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/random.h"
#include "base/strbuf.h"
#include "store/connection.h"
#include "store/lock.h"

static int get_pragma(struct store *s, enum stmt_id id, int64_t *out, lh_error *err)
{
    return store_get_int(s, id, 0, out, err, "");
}

static int read_stamps(struct store *s, int64_t *version, int64_t *application, int64_t *tables,
                       lh_error *err)
{
    int rc = get_pragma(s, STMT_SCHEMA_VERSION, version, err);
    if (rc == 0)
        rc = get_pragma(s, STMT_APPLICATION_ID, application, err);
    if (rc == 0)
        rc = get_pragma(s, STMT_COUNT_TABLES, tables, err);
    return rc;
}

/* In one snapshot: beside a process that is making the file, parts of before and after would look like another
 * program's. */
int store_check_version(struct store *s, int64_t *version, lh_error *err)
{
    int64_t application = 0, tables = 0;
    bool alone = sqlite3_get_autocommit(s->db) != 0;
    int rc = alone ? store_begin_read(s, err) : 0;
    if (rc == 0)
        rc = read_stamps(s, version, &application, &tables, err);
    if (alone)
        store_rollback(s);
    if (rc != 0)
        return rc;
    if (tables == 0 && application == 0) {
        *version = 0;
        return 0;
    }
    if (application != STORE_APPLICATION_ID)
        return lh_error_set(err, LH_ENOTADB, "%s: is a database of another program; check --db", s->path);
    if (*version > embedded_migration_count)
        return lh_error_set(
            err, LH_ENEWER,
            "%s: was made by a newer longhaul (schema %lld, this one knows %d); use that version", s->path,
            (long long)*version, embedded_migration_count);
    if (*version < embedded_migration_count)
        return lh_error_set(err, LH_EOLDER, "%s: has the old schema %lld; run `longhaul db migrate` first",
                            s->path, (long long)*version);
    return 0;
}

static int check_history(struct store *s, lh_error *err)
{
    struct rows *rows = NULL;
    int rc = store_select(s, STMT_MIGRATION_LIST, &rows, err, "");
    while (rc == 0 && (rc = rows_next(rows, err)) == 1) {
        int64_t version = rows_int(rows, 0);
        rc = 0;
        if (version < 1 || version > embedded_migration_count ||
            strcmp(rows_text(rows, 2, NULL), embedded_migrations[version - 1].checksum) != 0)
            rc = lh_error_set(err, LH_ENOTADB,
                              "%s: its schema %lld was made by a different build of longhaul; use that build",
                              s->path, (long long)version);
    }
    rows_done(rows);
    return rc;
}

static int drop_views(struct store *s, lh_error *err)
{
    struct strbuf script;
    strbuf_init(&script);
    struct rows *rows = NULL;
    int rc = store_select(s, STMT_VIEW_LIST, &rows, err, "");
    while (rc == 0 && (rc = rows_next(rows, err)) == 1) {
        strbuf_append_str(&script, rows_text(rows, 0, NULL));
        rc = 0;
    }
    rows_done(rows);
    if (rc == 0)
        rc = script.failed ? lh_error_nomem(err) : store_run_script(s, script.data, err);
    strbuf_free(&script);
    return rc;
}

static int apply_one(struct store *s, const struct embedded_migration *m, lh_error *err)
{
    char stamp[128];
    snprintf(stamp, sizeof stamp, "PRAGMA user_version = %d; PRAGMA application_id = %d;", m->version,
             STORE_APPLICATION_ID);
    int rc = store_run_script(s, m->sql, err);
    if (rc == 0)
        rc = store_run_script(s, stamp, err);
    if (rc == 0)
        rc = store_exec(s, STMT_MIGRATION_RECORD, err, "issi", (int64_t)m->version, m->name, m->checksum,
                        clock_wall_ms());
    return rc;
}

static int make_identity(struct store *s, lh_error *err)
{
    char value[64];
    snprintf(value, sizeof value, "\"%016llx%016llx\"", (unsigned long long)random_system_seed(),
             (unsigned long long)random_system_seed());
    return store_checkpoint_put(s, "store", "identity", value, clock_wall_ms(), err);
}

int store_identity(struct store *s, char out[40], lh_error *err)
{
    char *value = NULL;
    int rc = store_checkpoint_get(s, "store", "identity", &value, err);
    if (rc == 0 && (value == NULL || strlen(value) != 34))
        rc = lh_error_set(err, LH_ECORRUPT, "%s: has lost its identity; run `longhaul db check`", s->path);
    if (rc == 0)
        snprintf(out, 40, "%.32s", value + 1);
    free(value);
    return rc;
}

/* A worker of the older version would go on writing what it knows, and none of what is kept beside it now. One that starts later is refused
 * by the new version of the file. */
static int check_no_worker(struct store *s, lh_error *err)
{
    int64_t pid = 0;
    int rc = store_lock_holder(s->path, &pid);
    if (rc != 0 || pid == 0 || pid == (int64_t)getpid())
        return rc;
    return lh_error_set(err, LH_ELOCKED,
                        "%s: an older longhaul is at work on it (pid %lld); stop that one first, this one "
                        "goes on where it stops",
                        s->path, (long long)pid);
}

/* In a write transaction: another process may have migrated while this one waited for it. */
static int migrate_locked(struct store *s, int64_t *from, int64_t *to, lh_error *err)
{
    int64_t version = 0;
    int rc = store_check_version(s, &version, err);
    if (rc == LH_EOLDER)
        rc = 0;
    if (rc == 0 && version > 0)
        rc = check_history(s, err);
    *from = version;
    bool is_new = version == 0;
    bool changes = version < embedded_migration_count;
    if (rc == 0 && changes && !is_new)
        rc = check_no_worker(s, err);
    if (rc == 0 && changes)
        rc = drop_views(s, err);
    for (; rc == 0 && version < embedded_migration_count; version++)
        rc = apply_one(s, &embedded_migrations[version], err);
    if (rc == 0 && changes)
        rc = store_run_script(s, embedded_views, err);
    if (rc == 0 && is_new)
        rc = make_identity(s, err);
    *to = version;
    return rc;
}

/* Where temporary rows stand can change between transactions only. */
static int migrate_alone(struct store *s, int64_t *from, int64_t *to, lh_error *err)
{
    int rc = store_exec(s, STMT_PRAGMA_TEMP_FILES, err, "");
    if (rc == 0)
        rc = store_begin(s, err);
    if (rc == 0)
        rc = migrate_locked(s, from, to, err);
    if (rc == 0)
        rc = store_commit(s, err);
    if (rc != 0)
        store_rollback(s);
    int back = store_exec(s, STMT_PRAGMA_TEMP_MEMORY, rc == 0 ? err : NULL, "");
    return rc != 0 ? rc : back;
}

int store_migrate(struct store *s, int64_t *from, int64_t *to, lh_error *err)
{
    int64_t version = 0, was = 0, is = 0;
    int rc = store_check_version(s, &version, err);
    if (rc == 0 && version > 0) {
        was = is = version;
        rc = check_history(s, err);
    } else if (rc == 0 || rc == LH_EOLDER) {
        rc = migrate_alone(s, &was, &is, err);
    }
    if (from != NULL)
        *from = was;
    if (to != NULL)
        *to = is;
    return rc;
}

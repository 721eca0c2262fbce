/* Inside the store only: the SQLite connection behind a `struct store`. Not for other modules. */
#ifndef LH_STORE_CONNECTION_H
#define LH_STORE_CONNECTION_H

#include <sqlite3.h>
#include <stdbool.h>

#include "store/store.h"

enum { STORE_APPLICATION_ID = 0x6C6F6E67 }; /* "long" */

struct rows {
    struct store *store;
    sqlite3_stmt *stmt; /* NULL: not running */
};

struct store {
    sqlite3 *db;
    char *path;
    int busy_ms; /* how long a write waits for another process */
    bool read_only;
    int64_t changes;
    sqlite3_stmt *statements[STMT_COUNT]; /* prepared at first use */
    struct rows rows[STMT_COUNT];
};

/* Turns the failure that the connection holds into an lh code and a message: "WHAT: reason; what to do". */
int store_failed(struct store *s, lh_error *err, const char *what);
/* The same for a code of SQLite without a connection. */
int store_code_failed(const char *path, int sqlite_code, const char *detail, lh_error *err, const char *what);

/* Runs SQL text that is no named statement: the schema, a migration. */
int store_run_script(struct store *s, const char *sql, lh_error *err);

/* Brings the schema to the newest version, or says why it cannot. See migrate.c. */
int store_migrate(struct store *s, int64_t *from, int64_t *to, lh_error *err);
/* 0 when the file is a longhaul store of this version; LH_ENOTADB, LH_ENEWER, LH_EOLDER. *version: what it is. */
int store_check_version(struct store *s, int64_t *version, lh_error *err);

#endif

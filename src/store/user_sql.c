/* A person's SQL: see user_sql.h, and lh_sql of longhaul.h. */
#include "store/user_sql.h"

#include <stdlib.h>
#include <string.h>

#include "longhaul.h"

static int authorize(void *arg, int action, const char *a, const char *b, const char *database,
                     const char *trigger)
{
    (void)arg;
    (void)a;
    (void)database;
    (void)trigger;
    switch (action) {
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_RECURSIVE:
        return SQLITE_OK;
    case SQLITE_FUNCTION:
        return b != NULL && (strcmp(b, "load_extension") == 0 || strcmp(b, "fts3_tokenizer") == 0)
                   ? SQLITE_DENY
                   : SQLITE_OK;
    case SQLITE_PRAGMA: /* the ones that only tell */
        return a != NULL && (strcmp(a, "table_info") == 0 || strcmp(a, "table_list") == 0 ||
                             strcmp(a, "index_list") == 0 || strcmp(a, "index_info") == 0 ||
                             strcmp(a, "data_version") == 0)
                   ? SQLITE_OK
                   : SQLITE_DENY;
    default:
        return SQLITE_DENY;
    }
}

/* SQLite declares a table-valued function at its first use, which the authorizer would take for a CREATE TABLE: those that
 * people may use are used once before it watches. */
static void declare_table_functions(struct store *s)
{
    int64_t unused = 0;
    store_get_int(s, STMT_TABLE_FUNCTIONS, 0, &unused, NULL, "");
}

void user_sql_restrict(struct store *s)
{
    declare_table_functions(s);
    sqlite3_set_authorizer(s->db, authorize, NULL);
}

static int say_wrong(struct store *s, const char *sql, lh_error *err)
{
    int offset = sqlite3_error_offset(s->db);
    if (sqlite3_errcode(s->db) == SQLITE_AUTH)
        return lh_error_set(err, LH_ESQL, "not allowed here: this is for reading only (%s)",
                            sqlite3_errmsg(s->db));
    if (offset >= 0 && (size_t)offset < strlen(sql))
        return lh_error_set(err, LH_ESQL, "SQL: %s, at \"%.40s\"", sqlite3_errmsg(s->db), sql + offset);
    return lh_error_set(err, LH_ESQL, "SQL: %s", sqlite3_errmsg(s->db));
}

int user_sql_prepare(struct store *s, const char *sql, sqlite3_stmt **out, lh_error *err)
{
    const char *tail = sql;
    *out = NULL;
    if (sqlite3_prepare_v2(s->db, sql, -1, out, &tail) != SQLITE_OK)
        return say_wrong(s, sql, err);
    if (*out == NULL)
        return lh_error_set(err, LH_ESQL, "there is no SQL statement in \"%.100s\"", sql);
    sqlite3_stmt *second = NULL;
    bool more = sqlite3_prepare_v2(s->db, tail, -1, &second, NULL) != SQLITE_OK || second != NULL;
    sqlite3_finalize(second);
    if (!more && sqlite3_stmt_readonly(*out))
        return 0;
    sqlite3_finalize(*out);
    *out = NULL;
    return more ? lh_error_set(err, LH_ESQL, "one statement at a time; what follows is \"%.40s\"", tail)
                : lh_error_set(err, LH_ESQL, "not allowed here: this is for reading only");
}

static void read_value(sqlite3_stmt *stmt, int column, lh_value *v)
{
    *v = (lh_value){.type = LH_NULL};
    switch (sqlite3_column_type(stmt, column)) {
    case SQLITE_INTEGER:
        v->type = LH_INTEGER;
        v->integer = sqlite3_column_int64(stmt, column);
        break;
    case SQLITE_FLOAT:
        v->type = LH_REAL;
        v->real = sqlite3_column_double(stmt, column);
        break;
    case SQLITE_TEXT:
        v->type = LH_TEXT;
        v->text = (const char *)sqlite3_column_text(stmt, column);
        v->len = (size_t)sqlite3_column_bytes(stmt, column);
        break;
    case SQLITE_BLOB:
        v->type = LH_BLOB;
        v->text = sqlite3_column_blob(stmt, column);
        v->len = (size_t)sqlite3_column_bytes(stmt, column);
        break;
    default:
        break;
    }
}

typedef int (*row_fn)(void *arg, int n, const char *const *names, const lh_value *values);

static int walk(struct store *s, sqlite3_stmt *stmt, row_fn row, void *arg, lh_error *err)
{
    int n = sqlite3_column_count(stmt);
    const char **names = calloc((size_t)n + 1, sizeof *names);
    lh_value *values = calloc((size_t)n + 1, sizeof *values);
    int rc = names != NULL && values != NULL ? 0 : lh_error_nomem(err);
    for (int i = 0; rc == 0 && i < n; i++)
        names[i] = sqlite3_column_name(stmt, i);
    int code = rc == 0 ? sqlite3_step(stmt) : SQLITE_DONE;
    if (rc == 0 && code == SQLITE_DONE)
        rc = row(arg, n, names, NULL);
    while (rc == 0 && code == SQLITE_ROW) {
        for (int i = 0; i < n; i++)
            read_value(stmt, i, &values[i]);
        rc = row(arg, n, names, values);
        if (rc == 0)
            code = sqlite3_step(stmt);
    }
    if (rc == 0 && code != SQLITE_DONE)
        rc = store_failed(s, err, "SQL");
    free(names);
    free(values);
    return rc;
}

int lh_sql(const char *db, const char *sql, row_fn row, void *arg, lh_error *err)
{
    struct store *s = NULL;
    sqlite3_stmt *stmt = NULL;
    int rc = store_open(db, STORE_READ, &s, err);
    if (rc == 0) {
        user_sql_restrict(s);
        rc = user_sql_prepare(s, sql, &stmt, err);
    }
    if (rc == 0)
        rc = walk(s, stmt, row, arg, err);
    sqlite3_finalize(stmt);
    store_close(s);
    return rc;
}

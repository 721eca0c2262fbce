/* Named statements: prepared at first use, bound by a string of types, stepped. See store.h. */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "store/connection.h"

static int statement_failed(struct store *s, enum stmt_id id, lh_error *err)
{
    return store_failed(s, err, embedded_statements[id].name);
}

static int statement_get(struct store *s, enum stmt_id id, sqlite3_stmt **out, lh_error *err)
{
    if (s->statements[id] == NULL &&
        sqlite3_prepare_v3(s->db, embedded_statements[id].sql, -1, SQLITE_PREPARE_PERSISTENT,
                           &s->statements[id], NULL) != SQLITE_OK)
        return statement_failed(s, id, err);
    *out = s->statements[id];
    return 0;
}

static int bind_text(sqlite3_stmt *stmt, int i, const char *text, size_t len)
{
    if (text == NULL)
        return sqlite3_bind_null(stmt, i);
    return sqlite3_bind_text64(stmt, i, text, len, SQLITE_STATIC, SQLITE_UTF8);
}

static int bind_one(sqlite3_stmt *stmt, int i, char type, va_list *args)
{
    switch (type) {
    case 'i':
        return sqlite3_bind_int64(stmt, i, va_arg(*args, int64_t));
    case 'o': {
        int64_t value = va_arg(*args, int64_t);
        return value == INT64_MIN ? sqlite3_bind_null(stmt, i) : sqlite3_bind_int64(stmt, i, value);
    }
    case 'f':
        return sqlite3_bind_double(stmt, i, va_arg(*args, double));
    case 's': {
        const char *text = va_arg(*args, const char *);
        return bind_text(stmt, i, text, text != NULL ? strlen(text) : 0);
    }
    case 't': {
        const char *text = va_arg(*args, const char *);
        return bind_text(stmt, i, text, va_arg(*args, size_t));
    }
    default:
        return SQLITE_MISUSE;
    }
}

static int bind_all(struct store *s, enum stmt_id id, sqlite3_stmt *stmt, const char *types, va_list *args,
                    lh_error *err)
{
    if ((int)strlen(types) != sqlite3_bind_parameter_count(stmt))
        return lh_error_set(err, LH_EINTERNAL, "statement %s takes %d parameters",
                            embedded_statements[id].name, sqlite3_bind_parameter_count(stmt));
    for (int i = 0; types[i] != '\0'; i++)
        if (bind_one(stmt, i + 1, types[i], args) != SQLITE_OK)
            return statement_failed(s, id, err);
    return 0;
}

int store_exec(struct store *s, enum stmt_id id, lh_error *err, const char *types, ...)
{
    sqlite3_stmt *stmt = NULL;
    int rc = statement_get(s, id, &stmt, err);
    if (rc != 0)
        return rc;
    va_list args;
    va_start(args, types);
    rc = bind_all(s, id, stmt, types, &args, err);
    va_end(args);
    if (rc == 0 && sqlite3_step(stmt) != SQLITE_DONE)
        rc = statement_failed(s, id, err);
    if (rc == 0)
        s->changes = sqlite3_changes64(s->db);
    sqlite3_reset(stmt);
    return rc;
}

int64_t store_changes(const struct store *s)
{
    return s->changes;
}

int64_t store_last_rowid(const struct store *s)
{
    return sqlite3_last_insert_rowid(s->db);
}

static int select_va(struct store *s, enum stmt_id id, struct rows **out, lh_error *err, const char *types,
                     va_list *args)
{
    *out = NULL;
    sqlite3_stmt *stmt = NULL;
    int rc = statement_get(s, id, &stmt, err);
    if (rc != 0)
        return rc;
    struct rows *r = &s->rows[id];
    if (r->stmt != NULL)
        return lh_error_set(err, LH_EINTERNAL, "statement %s is running already",
                            embedded_statements[id].name);
    rc = bind_all(s, id, stmt, types, args, err);
    if (rc != 0)
        return rc;
    *r = (struct rows){.store = s, .stmt = stmt};
    *out = r;
    return 0;
}

int store_select(struct store *s, enum stmt_id id, struct rows **out, lh_error *err, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    int rc = select_va(s, id, out, err, types, &args);
    va_end(args);
    return rc;
}

int rows_next(struct rows *r, lh_error *err)
{
    int code = sqlite3_step(r->stmt);
    if (code == SQLITE_ROW)
        return 1;
    if (code == SQLITE_DONE)
        return 0;
    return statement_failed(r->store, (enum stmt_id)(r - r->store->rows), err);
}

void rows_done(struct rows *r)
{
    if (r == NULL || r->stmt == NULL)
        return;
    sqlite3_reset(r->stmt);
    r->stmt = NULL;
}

int64_t rows_int(const struct rows *r, int column)
{
    if (sqlite3_column_type(r->stmt, column) == SQLITE_NULL)
        return INT64_MIN;
    return sqlite3_column_int64(r->stmt, column);
}

double rows_double(const struct rows *r, int column)
{
    return sqlite3_column_double(r->stmt, column);
}

const char *rows_text(const struct rows *r, int column, size_t *len)
{
    const char *text = (const char *)sqlite3_column_text(r->stmt, column);
    if (len != NULL)
        *len = text != NULL ? (size_t)sqlite3_column_bytes(r->stmt, column) : 0;
    return text;
}

int store_get_int(struct store *s, enum stmt_id id, int64_t missing, int64_t *out, lh_error *err,
                  const char *types, ...)
{
    struct rows *rows = NULL;
    va_list args;
    va_start(args, types);
    int rc = select_va(s, id, &rows, err, types, &args);
    va_end(args);
    *out = missing;
    if (rc == 0 && (rc = rows_next(rows, err)) == 1) {
        int64_t value = rows_int(rows, 0);
        *out = value == INT64_MIN ? missing : value;
        rc = 0;
    }
    rows_done(rows);
    return rc;
}

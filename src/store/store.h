/* The store: one SQLite file, seen as named statements. A `struct store` is one connection; it belongs to one thread at a
 * time. Every statement stands in schema/queries.sql and is called by its id, STMT_NAME of embedded_sql.h, generated
 * at build. No type of SQLite appears here. Floor 2; used by the writer thread, ingest, export and commands. */
#ifndef LH_STORE_STORE_H
#define LH_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "embedded_sql.h" /* enum stmt_id */

struct store;
struct rows; /* a running SELECT */

enum store_mode {
    STORE_READ,      /* must exist; cannot write; always welcome beside a worker */
    STORE_WRITE,     /* must exist; migrated to the newest schema when it is older */
    STORE_CREATE,    /* as STORE_WRITE, made when missing */
    STORE_NO_MIGRATE /* STORE_WRITE that takes the schema as it is: for `db migrate`, `db info` */
};

enum durability {
    DURABILITY_FULL,  /* each commit reaches the disk before it is acknowledged */
    DURABILITY_NORMAL /* survives kill -9, not power loss */
};

/* Opens `path`. Errors, each with what to do: LH_ENOTFOUND, LH_ENOTADB, LH_ENEWER, LH_EOLDER (STORE_READ of an old
 * schema), LH_EREADONLY, LH_EFULL, LH_EBUSY, LH_ECORRUPT, LH_EIO, LH_ENOMEM. */
int store_open(const char *path, enum store_mode mode, struct store **out, lh_error *err);
void store_close(struct store *s); /* NULL-safe; rolls back what is open */
const char *store_path(const struct store *s);
int store_set_durability(struct store *s, enum durability d, lh_error *err); /* default: full */
/* How long a write waits for another process's transaction; default 10 s. */
void store_set_busy_timeout(struct store *s, int timeout_ms);

/* A write transaction (BEGIN IMMEDIATE). After a failed statement or commit call store_rollback, always allowed. */
int store_begin(struct store *s, lh_error *err);
int store_begin_read(struct store *s, lh_error *err); /* one snapshot for several SELECTs */
int store_commit(struct store *s, lh_error *err);
void store_rollback(struct store *s);

/* Runs a statement that returns no rows. `types` has one letter for each ?1, ?2, …, and says what follows:
 *   i int64_t    o int64_t, INT64_MIN is NULL    f double    s const char *, NULL is NULL
 *   t const char *, size_t (text of that length, NULL is NULL)
 * Texts are borrowed until the call returns. */
int store_exec(struct store *s, enum stmt_id id, lh_error *err, const char *types, ...);
int64_t store_changes(const struct store *s); /* rows changed by the last store_exec */
int64_t store_last_rowid(const struct store *s);

/* Starts a SELECT (or RETURNING). Texts bound by it must live until rows_done. One at a time for each statement. */
int store_select(struct store *s, enum stmt_id id, struct rows **out, lh_error *err, const char *types, ...);
/* 1: a row is there. 0: no more. Negative: failed. */
int rows_next(struct rows *r, lh_error *err);
void rows_done(struct rows *r); /* always; NULL-safe */
/* Columns of the current row, from 0. Texts are borrowed until the next rows_next or rows_done, zero-terminated. */
int64_t rows_int(const struct rows *r, int column); /* NULL: INT64_MIN */
double rows_double(const struct rows *r, int column);
const char *rows_text(const struct rows *r, int column, size_t *len); /* NULL: NULL; len may be NULL */

/* A SELECT of one row with one integer: its value, or `missing` when there is no row or it is NULL. */
int store_get_int(struct store *s, enum stmt_id id, int64_t missing, int64_t *out, lh_error *err,
                  const char *types, ...);

/* True when the failure may pass by itself or by the user's help (full, busy, I/O, read-only): keep and try again. */
bool store_error_is_passing(int code);

/* Checkpoints: *value is malloc'd JSON, NULL when there is none. */
int store_checkpoint_get(struct store *s, const char *scope, const char *kind, char **value, lh_error *err);
int store_checkpoint_put(struct store *s, const char *scope, const char *kind, const char *value,
                         int64_t now_ms, lh_error *err);

/* The store's own name, made with the file: 32 hex digits. Part of idempotency keys. */
int store_identity(struct store *s, char out[40], lh_error *err);

#endif

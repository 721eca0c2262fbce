/* SQL that a person wrote: read-only, one statement, watched by an authorizer. Inside the store only. */
#ifndef LH_STORE_USER_SQL_H
#define LH_STORE_USER_SQL_H

#include "store/connection.h"

/* Allows reading and nothing else on this connection from now on. */
void user_sql_restrict(struct store *s);

/* Prepares one read-only statement; nothing but white space and comments may follow. LH_ESQL says what is wrong. */
int user_sql_prepare(struct store *s, const char *sql, sqlite3_stmt **out, lh_error *err);

#endif

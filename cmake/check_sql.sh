#!/bin/bash
# Fails when SQL text stands in C code: statements live in schema/ and migrations/, and are called by their names.
# Free are the migrations' own lines, which hold names and numbers that no statement can bind.
#   check_sql.sh [ROOT]
set -eu
cd "${1:-.}"
verbs='SELECT|INSERT|UPDATE|DELETE|REPLACE|WITH|CREATE|DROP|ALTER|PRAGMA|BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|VACUUM|ATTACH|DETACH|ANALYZE|REINDEX'
clauses='FROM|WHERE|JOIN|ORDER BY|GROUP BY|VALUES|RETURNING'
if grep -rnE "\"[[:space:]]*($verbs|$clauses)\\b[^\"]*[ ;]" src cli --include='*.c' --include='*.h' | grep -v '^src/store/migrate.c:'; then
    echo "SQL text in C code: give the statement a name in schema/queries.sql"
    exit 1
fi

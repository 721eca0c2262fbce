#!/bin/bash
# Fails when a file includes from a floor above its own, or from a neighbour that it may not know. The table is the house.
#   check_floors.sh [ROOT]
set -eu
root=${1:-.}
declare -A floor=([base]=0 [provider]=1 [tokens]=1 [store]=2 [http]=2 [limit]=2 [schedule]=3 [batch]=3 [serve]=4 [sim]=4 [cli]=5)
bad=0
while IFS=: read -r file _ line; do
    path=${file#"$root"/}
    case $path in
        src/*/*) own=${path#src/}; own=${own%%/*} ;;
        src/*) own=base ;; # the public header
        cli/*) own=cli ;;
        *) continue ;;
    esac
    included=$(sed -E 's/.*"([^"]+)".*/\1/' <<<"$line")
    case $included in
        longhaul.h | embedded_sql.h) continue ;;
        */*) other=${included%%/*} ;;
        *) echo "$path: include \"$included\" does not name its folder"; bad=1; continue ;;
    esac
    if [ -z "${floor[$other]:-}" ] || [ -z "${floor[$own]:-}" ]; then
        echo "$path: include \"$included\" is on no known floor"; bad=1
    elif [ "${floor[$other]}" -gt "${floor[$own]}" ]; then
        echo "$path (floor ${floor[$own]}) includes \"$included\" (floor ${floor[$other]})"; bad=1
    elif [ "$other" != "$own" ] && [ "${floor[$other]}" -eq "${floor[$own]}" ]; then
        echo "$path includes \"$included\": a neighbour on the same floor"; bad=1
    elif [ "$own" = cli ] && [ "$other" != cli ] && [ "$other" != base ] && [ "$other" != sim ]; then
        echo "$path includes \"$included\": the command line stands on longhaul.h"; bad=1
    fi
done < <(grep -rnE '^#include "' "$root/src" "$root/cli" --include='*.c' --include='*.h')
# SQL stands in schema/ and migrations/ and nowhere else.
if grep -rnE '"[^"]*\b(SELECT [^"]* FROM|INSERT INTO|UPDATE [a-z_]+ SET|DELETE FROM|CREATE TABLE)\b' "$root/src" --include='*.c'; then
    echo "SQL text in C code: name the statement in schema/queries.sql"; bad=1
fi
exit $bad

#!/bin/bash
# Fails when a file includes from above its floor, or from a module that CMakeLists.txt does not let its own one know.
#   check_floors.sh [ROOT]
set -eu
cd "${1:-.}"
declare -A floor=([base]=0 [provider]=1 [tokens]=1 [store]=2 [http]=2 [limit]=2 [schedule]=3 [batch]=3 [estimate]=3 [serve]=4 [sim]=4 [cli]=5)
declare -A may=([cli]=" base sim ") # for the rest, the command line stands on the public header
while read -r module depends; do
    may[$module]=" $depends "
done < <(sed -nE 's/^lh_module\(([a-z]+)( DEPENDS ([a-z ]+[a-z]))?.*/\1 \3/p' CMakeLists.txt)

# wrong OWN OTHER: why a file of module OWN may not include from OTHER; nothing when it may.
wrong() {
    if [ -z "${floor[$1]:-}" ] || [ -z "${floor[$2]:-}" ]; then
        echo "is on no known floor"
    elif [ "${floor[$2]}" -gt "${floor[$1]}" ]; then
        echo "is on floor ${floor[$2]}, above its own, ${floor[$1]}"
    elif [ "$1" != "$2" ] && [[ "${may[$1]:-}" != *" $2 "* ]]; then
        echo "is not among what $1 DEPENDS on"
    fi
}

bad=0
complain() { echo "$*"; bad=1; }
for module in "${!may[@]}"; do
    for other in ${may[$module]}; do
        why=$(wrong "$module" "$other")
        [ -z "$why" ] || complain "CMakeLists.txt: $module DEPENDS on $other, which $why"
    done
done
while IFS=: read -r file line text; do
    case $file in
        src/*/*) own=${file#src/} own=${own%%/*} ;;
        cli/*) own=cli ;;
        *) own=base ;; # the public header
    esac
    included=$(sed -E 's/.*"([^"]+)".*/\1/' <<<"$text")
    case $own:$included in
        store:embedded_sql.h) continue ;;
        *:longhaul.h | *:longhaul_estimate.h) continue ;;
        *:*/*) why=$(wrong "$own" "${included%%/*}") ;;
        *) why="does not name its folder" ;;
    esac
    [ -z "$why" ] || complain "$file:$line: \"$included\" $why"
done < <(grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' src cli --include='*.c' --include='*.h')
exit $bad

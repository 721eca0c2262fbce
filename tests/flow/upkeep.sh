# db info, migrate, backup and check by hand: what they print is what there is.
. "$LH_SOURCE_DIR/tests/lib.sh"
make_input 1234 >in.jsonl
expect 0 "$LONGHAUL" submit in.jsonl
expect 0 "$LONGHAUL" db info
grep -qE '^batches +1$' out && grep -qE '^jobs +1,234$' out && grep -qE '^schema +[0-9]+$' out || { cat out >&2; fail "db info"; }
expect 0 "$LONGHAUL" db info --json
[ "$(sqlite3 :memory: "SELECT json_extract(readfile('out'), '$.jobs') || ' ' || json_extract(readfile('out'), '$.batches')")" = "1234 1" ] || fail "db info --json"
expect 0 "$LONGHAUL" db migrate
expect 0 "$LONGHAUL" db backup copy.db
expect 2 "$LONGHAUL" db backup copy.db; says "is there already"
expect 0 "$LONGHAUL" --db copy.db db check
sqlite3 copy.db "UPDATE batches SET jobs_ready = 7"
expect 1 "$LONGHAUL" --db copy.db db check; says "1 faults"
grep -q "batch in counts" out || { cat out >&2; fail "the fault is not told"; }
sound longhaul.db

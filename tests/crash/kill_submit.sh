# kill -9 in the middle of loading: repeated, each line is in the store exactly once.
. "$LH_SOURCE_DIR/tests/lib.sh"
lines=200000
[ "${LH_TEST_SCALE:-}" = small ] && lines=20000
make_input $lines >in.jsonl
for i in 1 2 3 4 5 6; do
    "$LONGHAUL" -q submit in.jsonl & pid=$!
    sleep "0.$((i * 9 + 10))"
    kill -9 $pid 2>/dev/null || true
    wait $pid 2>/dev/null || true
done
expect 0 "$LONGHAUL" submit in.jsonl
n=$("$LONGHAUL" sql --format csv "SELECT count(*), count(DISTINCT custom_id), max(line) FROM jobs" | tail -1 | tr -d '\r')
[ "$n" = "$lines,$lines,$lines" ] || fail "the store holds $n"
sound longhaul.db

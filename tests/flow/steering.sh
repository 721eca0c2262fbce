# Pause, resume and cancel reach a running worker; a second worker is refused by name.
. "$LH_SOURCE_DIR/tests/lib.sh"
start_sim --latency 30
make_input 3000 >in.jsonl
"$LONGHAUL" -q run in.jsonl --base-url "$base" --concurrency 10 & pid=$!
for _ in $(seq 1 200); do [ "$("$LONGHAUL" status --json 2>/dev/null | grep -cE '"total".*"done":[1-9]')" = 1 ] && break; sleep 0.05; done
expect 1 "$LONGHAUL" work --base-url "$base"; says "pid $pid"
expect 0 "$LONGHAUL" pause in
code=0; wait $pid || code=$?
[ $code = 4 ] || fail "a paused run exits $code"
expect 0 "$LONGHAUL" resume in
"$LONGHAUL" -q run in.jsonl --base-url "$base" --concurrency 10 & pid=$!
sleep 0.3
expect 0 "$LONGHAUL" cancel in
code=0; wait $pid || code=$?
[ $code = 4 ] || fail "a canceled run exits $code"
expect 0 "$LONGHAUL" sql --format csv "SELECT count(*) FROM jobs WHERE state NOT IN ('done', 'canceled')"
grep -q '^0' out || fail "jobs are left open"
[ "$(stat_of repeated_answers)" = 0 ] || fail "requests were answered twice"
sound longhaul.db

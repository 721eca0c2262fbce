# Output in order of completion is appended; a torn tail is cut off when the run goes on.
. "$LH_SOURCE_DIR/tests/lib.sh"
start_sim --latency 5..30 --fault-rate 5
make_input 1500 >in.jsonl
"$LONGHAUL" -q run in.jsonl -o r.jsonl --order completed --base-url "$base" --concurrency 20 & pid=$!
for _ in $(seq 1 200); do [ -s r.jsonl ] && break; sleep 0.05; done
kill -9 $pid; wait $pid 2>/dev/null || true
printf '{"torn' >>r.jsonl
expect 0 "$LONGHAUL" run in.jsonl -o r.jsonl --order completed --base-url "$base" --backoff-initial 0.05
each_once r.jsonl 1500
! grep -q torn r.jsonl || fail "the torn tail stayed"
echo other >mine
expect 1 "$LONGHAUL" results --batch in -o mine --order completed
says 'did not append'
{ "$LONGHAUL" results 2>err || echo "exit $?" >>err; } | head -1 >first # a reader that goes away is no error
[ "$(grep -c custom_id first)" = 1 ] && [ ! -s err ] || { cat err >&2; fail "results | head -1"; }

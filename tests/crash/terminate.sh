# SIGTERM: what is in flight finishes, exit 4, and nothing is answered twice.
. "$LH_SOURCE_DIR/tests/lib.sh"
start_sim --latency 20..60
make_input 600 >in.jsonl
for i in 1 2 3; do
    "$LONGHAUL" -q run in.jsonl -o results.jsonl --base-url "$base" --concurrency 10 & pid=$!
    sleep 0.4
    kill -TERM $pid
    code=0
    wait $pid || code=$?
    [ $code = 4 ] || fail "SIGTERM exits $code"
    [ ! -e results.jsonl ] || fail "an unfinished batch was written"
done
expect 0 "$LONGHAUL" run in.jsonl -o results.jsonl --base-url "$base" --concurrency 50
each_once results.jsonl 600
[ "$(stat_of repeated_answers)" = 0 ] || fail "requests were answered twice"
sound longhaul.db
before=$(stat_of requests)
expect 0 "$LONGHAUL" run in.jsonl -o results.jsonl --base-url "$base"
[ "$(stat_of requests)" = "$before" ] || fail "a run after success sent requests"

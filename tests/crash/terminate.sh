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

# What does not finish within the grace, or before a second signal, is cut off: its jobs are ready again, and nothing of them is lost.
for grace in 1 600; do
    end_sim
    start_sim --latency 60000
    rm -f slow.db*
    "$LONGHAUL" -q --db slow.db run in.jsonl --base-url "$base" --concurrency 10 --grace $grace 2>err & pid=$!
    for _ in $(seq 100); do [ "$(stat_of in_flight)" -ge 10 ] && break; sleep 0.05; done
    kill -TERM $pid
    [ $grace = 1 ] || { sleep 0.2; kill -TERM $pid; }
    for _ in $(seq 200); do kill -0 $pid 2>/dev/null || break; sleep 0.05; done
    ! kill -0 $pid 2>/dev/null || fail "the run goes on after its grace of $grace s or a second signal"
    code=0
    wait $pid || code=$?
    [ $code = 4 ] || { cat err >&2; fail "a run that was cut off exits $code"; }
    got=$("$LONGHAUL" --db slow.db sql --format csv "SELECT (SELECT count(*) FROM jobs WHERE state = 'ready'), (SELECT count(*) FROM attempts WHERE outcome = 'canceled'), (SELECT sum(attempts) FROM jobs)" | tail -1 | tr -d '\r')
    [ "$got" = 600,10,0 ] || fail "600 ready, 10 canceled attempts that do not count expected, not $got"
    sound slow.db
done

# A signal is not overlooked, whenever it comes: while loading, between loading and running, in the first moments of the run.
make_input 5000 >long.jsonl
for delay in 0.02 0.03 0.04 0.05 0.06 0.07 0.08 0.09 0.1 0.12 0.15; do
    rm -f slow.db*
    "$LONGHAUL" -q --db slow.db run long.jsonl --base-url "$base" --concurrency 5 --grace 1 2>err & pid=$!
    sleep $delay
    kill -TERM $pid
    for _ in $(seq 200); do kill -0 $pid 2>/dev/null || break; sleep 0.05; done
    ! kill -0 $pid 2>/dev/null || { kill -9 $pid; fail "a signal after $delay s was overlooked"; }
    code=0
    wait $pid || code=$?
    [ $code = 4 ] || [ $code = 143 ] || { cat err >&2; fail "a signal after $delay s: exit $code"; }
done

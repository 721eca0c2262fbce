# kill -9 at random moments over a faulty provider: nothing is lost, nothing stands twice, and no more is answered twice than what was
# in flight at the kills.
. "$LH_SOURCE_DIR/tests/lib.sh"
kills=50
[ "${LH_TEST_SCALE:-}" = small ] && kills=8
jobs=$((kills * 200))
concurrency=20
start_sim --latency 5..40 --fault-rate 5 --seed 7
make_input $jobs >in.jsonl
run() { exec "$LONGHAUL" -q run in.jsonl -o results.jsonl --base-url "$base" --concurrency $concurrency --backoff-initial 0.05; }

RANDOM=11
for i in $(seq $kills); do
    run 2>err &
    pid=$!
    sleep "0.$(printf '%03d' $((RANDOM % 250 + 10)))"
    kill -9 $pid 2>/dev/null || { cat err >&2; fail "kill $i met no running worker: there was too little work"; }
    wait $pid 2>/dev/null || true
done
[ ! -e results.jsonl ] || fail "the batch was finished before the last kill: there was too little work"
code=0
(run) || code=$?
[ $code = 0 ] || fail "the last run exits $code"
each_once results.jsonl $jobs
own_answers longhaul.db
sound longhaul.db
twice=$(stat_of repeated_answers)
[ "$twice" -le $((kills * concurrency)) ] || fail "$twice requests were answered twice"
[ "$(stat_of faults)" -gt $((jobs / 50)) ] || fail "the provider was not faulty"
echo "$kills kills, $jobs jobs, $twice answered twice"

# kill -9 at random moments over a faulty provider: nothing is lost, nothing stands twice, and no more is answered twice than what was
# in flight at the kills.
. "$LH_SOURCE_DIR/tests/lib.sh"
kills=50
[ "${LH_TEST_SCALE:-}" = small ] && kills=5
jobs=$((kills * 60))
concurrency=20
start_sim --latency 5..40 --fault-rate 5 --seed 7
make_input $jobs >in.jsonl
done_kills=0
RANDOM=11
for i in $(seq 1 $kills); do
    "$LONGHAUL" -q run in.jsonl -o results.jsonl --base-url "$base" --concurrency $concurrency --backoff-initial 0.05 2>err &
    pid=$!
    sleep "0.$(printf '%03d' $((RANDOM % 250 + 10)))"
    if kill -9 $pid 2>/dev/null; then done_kills=$((done_kills + 1)); fi
    wait $pid 2>/dev/null || true
done
[ "$done_kills" -gt $((kills / 3)) ] || fail "only $done_kills kills met a running worker"
code=0
"$LONGHAUL" -q run in.jsonl -o results.jsonl --base-url "$base" --concurrency $concurrency --backoff-initial 0.05 || code=$?
[ $code = 0 ] || fail "the last run exits $code"
each_once results.jsonl $jobs
own_answers longhaul.db
sound longhaul.db
twice=$(stat_of repeated_answers)
[ "$twice" -le $((done_kills * concurrency)) ] || fail "$twice requests were answered twice"
echo "$done_kills kills, $jobs jobs, $twice answered twice"

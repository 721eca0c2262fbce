# Limits hold over kill -9: a run that is killed and begun again, again and again, is not refused by a provider with that limit, and no
# rolling window holds more than it may.
. "$LH_SOURCE_DIR/tests/lib.sh"
value() { "$LONGHAUL" sql --format csv "$1" | tail -1 | tr -d '\r"'; }
# kill_often N LEAST OPTION…: starts a run and kills it N times, LEAST to LEAST + 600 ms after its start, then lets it finish.
kill_often() {
    local kills=$1 least=$2 ms
    shift 2
    for i in $(seq "$kills"); do
        "$LONGHAUL" -q run in.jsonl --base-url "$base" --concurrency 30 "$@" & pid=$!
        ms=$((RANDOM % 600 + least))
        sleep "$((ms / 1000)).$(printf '%03d' $((ms % 1000)))"
        kill -9 $pid 2>/dev/null || fail "kill $i met no running worker: there was too little work"
        wait $pid 2>/dev/null || true
    done
    expect 0 "$LONGHAUL" -q run in.jsonl --base-url "$base" --concurrency 30 "$@"
}
RANDOM=5

# At any moment: what has gone since the last save is counted, and the level of the bucket is kept.
start_sim --latency 20..200 --rpm 1800
make_input 170 >in.jsonl
kill_often 5 300 --rpm 1800
[ "$(stat_of throttled)" = 0 ] || fail "$(stat_of throttled) requests were refused"
[ "$(value "SELECT count(*) FROM checkpoints WHERE scope = 'endpoint/default' AND kind = 'gate'")" = 1 ] || fail "no checkpoint of the gate"
end_sim
sound longhaul.db

# A few milliseconds lie between the clock of the gate and that of the table.
rm -f longhaul.db*
start_sim --latency 20..200
make_input 70 >in.jsonl
kill_often 3 300 --window 20/1
most=$(value "SELECT max(n) FROM (SELECT count(*) OVER (ORDER BY started_at RANGE BETWEEN 990 PRECEDING AND CURRENT ROW) AS n FROM attempts WHERE outcome = 'success')")
[ "$most" -le 20 ] || fail "$most requests started within a second"
sound longhaul.db

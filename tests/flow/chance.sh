# Refusals that have nothing to do with the rate do not hold a run back: the adaptive rate, which is on unless told otherwise, stays out of it.
. "$LH_SOURCE_DIR/tests/lib.sh"
gate() { "$LONGHAUL" status --json | grep -oE "\"$1\":(\"[^\"]*\"|-?[0-9]+)" | sed 's/.*://; s/"//g' | head -1; }
value() { "$LONGHAUL" sql --format csv "$1" | tail -1 | tr -d '\r"'; }

# seen NAME JOBS CONCURRENCY SIM…: all answered and the rate not held back; the time limit is a fuse.
seen() {
    local name=$1 jobs=$2 concurrency=$3
    shift 3
    start_sim --limit-headers none --latency 50..150 "$@" --seed 5
    make_input "$jobs" >"$name.jsonl"
    expect 0 timeout 120 "$LONGHAUL" run "$name.jsonl" -o "$name-out.jsonl" --base-url "$base" --concurrency "$concurrency" --backoff-initial 0.2 --seed 1 --progress none
    each_once "$name-out.jsonl" "$jobs"
    [ "$(value "SELECT count(*) FROM attempts WHERE outcome = 'throttled'")" -gt 10 ] || fail "$name: nothing was refused"
    [ "$(gate adaptive)" = auto ] || fail "$name: the adaptive rate is not there"
    [ "$(gate adaptive_limit_milli)" = 0 ] || fail "$name: a limit was learned from refusals by chance"
    end_sim
}
seen few 1000 50 --faults 429=2
seen faults 1000 200 --fault-rate 10
seen many 100 50 --faults 429=30
sound longhaul.db

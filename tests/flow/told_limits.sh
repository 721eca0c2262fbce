# A provider tells its limit with each answer: a run that was told nothing keeps to it, and one that is not to listen does not.
. "$LH_SOURCE_DIR/tests/lib.sh"
refusals() { "$LONGHAUL" --db "$1" sql --format csv "SELECT count(*) FROM attempts WHERE outcome = 'throttled'" | tail -1 | tr -d '\r'; }
start_sim --latency 20 --rpm 1200
make_input 70 >in.jsonl

expect 0 "$LONGHAUL" --db heard.db -q run in.jsonl -o heard.jsonl --base-url "$base"
each_once heard.jsonl 70
# Some may meet the limit when this machine stalls; the deaf run below meets it thirty times.
[ "$(refusals heard.db)" -le 3 ] || fail "$(refusals heard.db) requests were refused although the limit was told"
expect 0 "$LONGHAUL" --db heard.db status --json
grep -qE '"limits":\{"requests":\{"limit":1200,"per_s":60,"by":"told"' out || { cat out >&2; fail "status does not show the told limit"; }

expect 0 "$LONGHAUL" --db given.db -q run in.jsonl -o given.jsonl --base-url "$base" --rpm 1100 --itpm 1000000 --otpm 1000000
expect 0 "$LONGHAUL" --db given.db status --json
grep -qE '"requests":\{"limit":1100,"per_s":60,"by":"given"' out || { cat out >&2; fail "the lower limit does not hold"; }
grep -qE '"output_tokens":\{"limit":1000000,' out || fail "status does not show the limit on output tokens"

expect 0 "$LONGHAUL" --db deaf.db -q run in.jsonl -o deaf.jsonl --base-url "$base" --no-told-limits --adaptive off --backoff-initial 0.2
[ "$(refusals deaf.db)" -gt 10 ] || fail "a run that is not to listen kept to the limit"
expect 2 "$LONGHAUL" run in.jsonl --otpm=-1
for db in heard given deaf; do sound $db.db; done

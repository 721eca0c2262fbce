# A limit that nobody told: refusals turn the adaptive rate on, all jobs are answered, and status shows what was learned.
. "$LH_SOURCE_DIR/tests/lib.sh"
start_sim --latency 10 --rpm 1800 --limit-headers none
make_input 150 >in.jsonl
gate() { "$LONGHAUL" status --json | grep -oE "\"$1\":(\"[^\"]*\"|-?[0-9]+)" | sed 's/.*://; s/"//g' | head -1; }
expect 0 "$LONGHAUL" run in.jsonl -o out.jsonl --base-url "$base" --concurrency 30 --progress none
each_once out.jsonl 150
refused=$("$LONGHAUL" sql --format csv "SELECT count(*) FROM attempts WHERE outcome = 'throttled'" | tail -1 | tr -d '\r')
[ "$refused" -gt 0 ] || fail "the simulated provider refused nothing: there was nothing to learn"
[ "$(gate adaptive)" = auto ] && [ "$(gate adaptive_mode)" = multiplicative ] || fail "status does not tell the mode"
[ "$(gate adaptive_triggered)" = 1 ] || fail "a refusal did not turn the adaptive rate on"
[ "$(gate adaptive_rate_milli)" -gt 0 ] || fail "status does not tell the rate"

expect 0 "$LONGHAUL" run in.jsonl --batch off -o off.jsonl --base-url "$base" --adaptive off --adaptive-concurrency --progress none
each_once off.jsonl 150
[ -z "$(gate adaptive)" ] || fail "the adaptive rate is there although it is off"
[ "$(gate concurrency)" = 50 ] && [ "$(gate concurrency_now)" -le 50 ] || fail "status does not tell how many at once are allowed"

expect 2 "$LONGHAUL" work --adaptive sometimes; says 'adaptive is "sometimes"; it must be auto, on or off'
expect 2 "$LONGHAUL" work --adaptive-mode cubic; says 'it must be multiplicative or additive'
expect 2 "$LONGHAUL" work --adaptive-min 10 --adaptive-max 5; says 'adaptive-min is 10; it must be 0 to 5'
expect 2 "$LONGHAUL" work --adaptive-initial 0; says adaptive-initial
sound longhaul.db

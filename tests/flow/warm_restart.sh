# What a run learned of the provider holds in the next one: a pause that was asked for, told by `status` when nobody works. Another
# provider begins afresh, and --fresh-limits forgets.
. "$LH_SOURCE_DIR/tests/lib.sh"
start_sim --latency 5 --rpm 2 # a second request within half a minute is refused for as long
slow=$base
make_input 40 >in.jsonl
# begin OPTION…: a run in the background. interrupt: ^C, and the end of it.
begin() { "$LONGHAUL" run in.jsonl --base-url "$slow" --grace 1 --progress none "$@" >out 2>err & pid=$!; }
interrupt() {
    kill -TERM $pid
    code=0
    wait $pid || code=$?
    [ $code = 4 ] || { cat err >&2; fail "a stopped run exits $code"; }
}
await() { for _ in $(seq 400); do "$@" && return 0; sleep 0.05; done; cat err >&2; fail "never: $*"; }
is_refused() { [ "$(stat_of throttled)" -gt "$1" ]; }
begin
await is_refused 0
interrupt
! grep -q 'nothing is sent for' err || { cat err >&2; fail "a first run knows of an earlier one"; }
expect 0 "$LONGHAUL" status
grep -q '^last known, .* ago: circuit breaker closed, paused for ' out || { cat out >&2; fail "status does not tell the last known state"; }
expect 0 "$LONGHAUL" status --json
grep -q '"pid":null.*"gate":{.*"paused_until":' out || { cat out >&2; fail "status --json does not tell it"; }

before=$(stat_of requests) refused=$(stat_of throttled)
begin
await grep -q 'nothing is sent for .*asked the last run for a pause (--fresh-limits forgets it)' err
interrupt
[ "$(stat_of requests)" = "$before" ] || fail "a pause lets requests go in the next run"
begin --fresh-limits
await is_refused "$refused"
interrupt
! grep -q 'nothing is sent for' err || { cat err >&2; fail "--fresh-limits forgets nothing"; }
end_sim
start_sim --latency 5
[ "$base" != "$slow" ] || exit 77 # the same port by chance
make_input 40 >other.jsonl
expect 0 "$LONGHAUL" run other.jsonl --base-url "$base"
! grep -q 'nothing is sent for' err || { cat err >&2; fail "another provider pays for the first"; }
sound longhaul.db

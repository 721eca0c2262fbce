# What stops a batch by itself: the first death with --fail-fast, the same mistake fifty times, an account that is refused.
. "$LH_SOURCE_DIR/tests/lib.sh"
start_sim --latency 20
count() { "$LONGHAUL" sql --format csv "SELECT count(*) FROM jobs j JOIN batches b ON b.id = j.batch_id WHERE b.name = '$1' AND j.state = '$2'" | tail -1 | tr -d '\r'; }

# fail-fast: what was not sent is canceled, what was in flight counts.
{ make_input 500; make_input 1 | sed 's/question/POISON/; s/"q1"/"p1"/'; make_input 500 | sed 's/"q/"r/; s/question/later question/'; } >fast.jsonl
expect 3 "$LONGHAUL" run fast.jsonl --base-url "$base" --concurrency 10 --fail-fast; says "fail-fast"
[ "$(count fast dead)" = 1 ] || fail "one death expected"
[ "$(count fast canceled)" -ge 400 ] || fail "the rest was not canceled"
[ $(($(count fast done) + $(count fast canceled))) = 1000 ] || fail "jobs are left open"

# The guard: fifty answers that are all the same permanent error are a mistake of the batch, not of its jobs.
make_input 400 | sed 's/question/POISON/' >wrong.jsonl
expect 4 "$LONGHAUL" run wrong.jsonl --base-url "$base" --concurrency 10; says "first 50 answers were all the same"
dead=$(count wrong dead)
[ "$dead" -ge 50 ] && [ "$dead" -le 60 ] || fail "$dead jobs died before the batch paused"
expect 0 "$LONGHAUL" resume wrong
expect 3 "$LONGHAUL" run wrong.jsonl --base-url "$base" --concurrency 10 --no-guard
[ "$(count wrong dead)" = 400 ] || fail "with --no-guard all should have died"
sound longhaul.db
end_sim

# A provider that is down is left alone: the breaker opens, few requests are wasted, and the batch goes on when it is back.
make_input 300 | sed 's/"q/"o/; s/question/question in an outage/' >outage.jsonl
start_sim --latency 5 --poison "in an outage" --poison-kind 500
port=$(cat port)
"$LONGHAUL" run outage.jsonl -o outage.out --base-url "$base" --concurrency 20 --backoff-initial 0.05 --backoff-max 0.2 --max-attempts 100 2>outage.err &
pid=$!
for _ in $(seq 100); do "$LONGHAUL" status --json | grep -q '"breaker":"open"' && break; sleep 0.1; done
"$LONGHAUL" status --json | grep -q '"breaker":"open"' || fail "the breaker stays closed"
asked=$(stat_of requests)
[ "$asked" -le 60 ] || fail "$asked requests were sent to a provider that is down"
end_sim
start_sim --latency 5 --port "$port"
wait $pid || { cat outage.err >&2; fail "the run exits $? after the outage"; }
grep -oE '"custom_id":"[^"]*"' outage.out | sort -u | wc -l | grep -qx 300 || fail "outage.out does not hold each job once"
sound longhaul.db
end_sim

# An account whose quota is used up: jobs stay ready, nothing dies, and with the cause gone the same command goes on.
rm -f longhaul.db*
make_input 300 >in.jsonl
start_sim --latency 20 --quota 100
expect 4 "$LONGHAUL" run in.jsonl -o out.jsonl --base-url "$base" --concurrency 10; says "refuses the account"
[ "$(count in done)" = "$(stat_of answers)" ] || fail "answers were lost"
[ "$(count in dead)" = 0 ] || fail "an empty account buried jobs"
end_sim
start_sim --latency 20
expect 0 "$LONGHAUL" run in.jsonl -o out.jsonl --base-url "$base" --concurrency 10
each_once out.jsonl 300
sound longhaul.db

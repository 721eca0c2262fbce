# Two tenants share a worker by weight and tokens, however many jobs each has; status shows them. A provider that fails half the time is worked
# through with the retry budget on.
. "$LH_SOURCE_DIR/tests/lib.sh"
start_sim --latency 20
value() { "$LONGHAUL" sql --format csv "$1" | tail -1 | tr -d '\r'; }
make_input 3000 >big.jsonl
make_input 300 | sed 's/"q/"s/; s/question/small question/' >small.jsonl
expect 0 "$LONGHAUL" submit big.jsonl --tenant big
expect 0 "$LONGHAUL" submit small.jsonl --tenant small --weight 3
expect 0 "$LONGHAUL" status
for row in '^tenant +weight' '^big +1 +3,000' '^small +3 +300'; do grep -qE "$row" out || { cat out; fail "status shows no row $row"; }; done
expect 0 "$LONGHAUL" status --json
grep -qF '"tenants":[{"name":"big","weight":1,"ready":3000' out || { cat out; fail "status --json has no tenants"; }
expect 0 "$LONGHAUL" -q work --base-url "$base" --concurrency 10
# Of what started before the last job of the small one did, three quarters are its own. All jobs are alike in tokens, give or take one.
last=$(value "SELECT max(j.claimed_at) FROM jobs j JOIN batches b ON b.id = j.batch_id WHERE b.name = 'small'")
others=$(value "SELECT count(*) FROM jobs j JOIN batches b ON b.id = j.batch_id WHERE b.name = 'big' AND j.claimed_at < $last")
[ "$others" -ge 40 ] && [ "$others" -le 200 ] || fail "$others jobs of the big tenant started while the small one had 300"
expect 0 "$LONGHAUL" status
! grep -q '^tenant ' out || { cat out; fail "status shows tenants without open jobs"; }
sound longhaul.db
end_sim

start_sim --latency 10 --faults 500=50 --seed 3
make_input 1000 >half.jsonl
expect 0 "$LONGHAUL" --db half.db -q run half.jsonl --base-url "$base" --concurrency 50 --max-attempts 10 --breaker 0 --backoff-initial 0.05 --seed 1 -o half-out.jsonl
each_once half-out.jsonl 1000
sound half.db
counted() { "$LONGHAUL" --db "$1" sql --format csv "SELECT COALESCE(sum(retry_is_counted), 0) FROM jobs WHERE sends > 1" | tail -1 | tr -d '\r'; }
again() { "$LONGHAUL" --db "$1" sql --format csv "SELECT count(*) FROM jobs WHERE sends > 1" | tail -1 | tr -d '\r'; }
[ "$(again half.db)" -gt 300 ] || fail "half of the requests should have failed"
[ "$(counted half.db)" = "$(again half.db)" ] || fail "a retry after a fault is not counted"
end_sim

# A refusal for rate is no fault.
start_sim --latency 5 --faults 429=30 --seed 3
make_input 100 >throttled.jsonl
expect 0 "$LONGHAUL" --db throttled.db -q run throttled.jsonl --base-url "$base" --backoff-initial 0.05 --max-retry-after 0.05 --seed 1
[ "$(again throttled.db)" -gt 10 ] || fail "a third of the requests should have been refused"
[ "$(counted throttled.db)" = 0 ] || fail "a retry after a refusal for rate is counted"

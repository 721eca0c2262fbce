# A budget of money holds against what the provider bills: a thousand in flight, answers that nothing bounds, faults after the answer was made, and
# kill -9 whenever it likes. The bill is the simulated provider's own, of all answers that it made, heard or not.
. "$LH_SOURCE_DIR/tests/lib.sh"
value() { "$LONGHAUL" sql --format csv "$1" | tail -1 | tr -d '\r'; }
bill() { echo $(($(stat_of billed_prompt_tokens) * 150 + $(stat_of billed_completion_tokens) * 600)); } # nano-dollars
start_sim --latency 20..80 --output 1..400 --faults 429=2,500=2,reset=2,cut=3,badjson=2,empty=1

# One model by the table of prices, some of its answers not bounded (16,384 tokens at most, a cent each); one by a file, at the same price.
cat >prices.yaml <<'END'
models:
  - model: sim
    input: 0.15
    output: 0.60
END
make_input 9000 | awk 'NR % 2 { sub(/"model":"sim"/, "\"model\":\"gpt-4o-mini\"") } NR % 400 == 1 { sub(/"max_tokens":40,/, "") } { print }' >in.jsonl
most=150000000 # 0.15 USD
options="--base-url $base --prices prices.yaml --concurrency 1000 --max-cost 0.15 --backoff-initial 0.05 --max-attempts 50"
for kill in 1 2; do
    before=$(stat_of requests)
    "$LONGHAUL" -q run in.jsonl $options 2>/dev/null & pid=$!
    for _ in $(seq 300); do [ "$(stat_of requests)" -ge $((before + 1200 * kill)) ] && break; kill -0 $pid 2>/dev/null || break; sleep 0.01; done
    kill -KILL $pid 2>/dev/null || true; wait $pid 2>/dev/null || true
    [ "$(bill)" -le $most ] || fail "billed $(bill) of $most nano-dollars at kill $kill"
done
expect 4 "$LONGHAUL" run in.jsonl $options; says "the budget is reached"; says "--max-cost"
billed=$(bill)
[ "$billed" -le $most ] || fail "billed $billed of $most nano-dollars"
[ "$billed" -gt $((most / 8)) ] || fail "only $billed of $most nano-dollars were of use"
# What is known stands in the database, and is no more than the bill.
known=$(value "SELECT SUM(cost_nanousd) FROM usage")
[ "$known" -gt 0 ] && [ "$known" -le "$billed" ] || fail "$known are known of $billed billed"
[ "$(value "SELECT SUM(cost_nanousd) = (SELECT SUM(prompt_tokens * 150 + completion_tokens * 600) FROM attempts) FROM usage")" = 1 ] || fail "costs are not tokens times prices"
[ "$(value "SELECT silent > 0 FROM batches")" = 1 ] || fail "no attempt was silent"
expect 0 "$LONGHAUL" status; grep -q 'ended without telling what was used' out || fail "status does not tell of attempts that told nothing"

# A model whose price nobody knows: refused before anything is sent, and told by name; the rest of the money is not touched.
sent=$(stat_of requests)
make_input 3 | sed 's/"sim"/"nobodys-model"/' >unknown.jsonl
expect 2 "$LONGHAUL" run unknown.jsonl --base-url "$base" --max-cost 1
says '"nobodys-model" is not known'; says '--price-input'; says '--prices'
[ "$(stat_of requests)" = "$sent" ] || fail "something was sent at an unknown price"
expect 0 "$LONGHAUL" run unknown.jsonl --base-url "$base"; says 'cost unknown'
# Its first run is reckoned too, once there is a price.
expect 0 "$LONGHAUL" run unknown.jsonl --base-url "$base" --price-input 1 --price-output 1 --max-cost 1
sound longhaul.db

# In a paused batch it is no matter; met in mid-run its jobs are left, the others' are done, and the end says why.
two="--base-url $base --max-cost 1 --backoff-initial 0.05"
priced() { make_input "$2" | sed "s/\"sim\"/\"gpt-4o-mini\"/; s/\"q/\"$1/" >"$1.jsonl"; expect 0 "$LONGHAUL" --db two.db submit "$1.jsonl"; }
expect 0 "$LONGHAUL" --db two.db submit unknown.jsonl
expect 0 "$LONGHAUL" --db two.db pause unknown
priced first 40
expect 4 "$LONGHAUL" --db two.db work $two; says "batch unknown is paused"
done_of() { "$LONGHAUL" --db two.db sql --format csv "SELECT jobs_done FROM batches WHERE name = '$1'" | tail -1 | tr -d '\r'; }
[ "$(done_of first)" = 40 ] || fail "a paused batch kept another from its work"
"$LONGHAUL" --db two.db work --follow $two 2>follow & pid=$!
wait_done() { for _ in $(seq 200); do [ "$(done_of "$1")" = "$2" ] && return; sleep 0.05; done; fail "$1 was not done"; }
priced zero 5; wait_done zero 5 # so that the worker is past its start, where it would refuse
expect 0 "$LONGHAUL" --db two.db resume unknown
for _ in $(seq 100); do grep -q '"nobodys-model" is not known' follow && break; sleep 0.05; done
grep -q '"nobodys-model" is not known' follow || fail "a model without a price is not told of"
priced second 40; wait_done second 40
kill -TERM $pid; code=0; wait $pid || code=$?
[ $code = 4 ] || fail "work --follow exits $code"
[ "$(done_of unknown)" = 0 ] || fail "something was sent at an unknown price"
# Met in mid-run without --follow: all else is done before the end.
expect 0 "$LONGHAUL" --db two.db pause unknown
make_input 900 | sed 's/"sim"/"gpt-4o-mini"/; s/"q/"third/' >third.jsonl
expect 0 "$LONGHAUL" --db two.db submit third.jsonl
"$LONGHAUL" --db two.db work $two --concurrency 20 2>mid & pid=$!
for _ in $(seq 200); do [ "$(done_of third)" -gt 0 ] && break; sleep 0.02; done
expect 0 "$LONGHAUL" --db two.db resume unknown
code=0; wait $pid || code=$?
[ $code = 4 ] || fail "work exits $code"
grep -q '"nobodys-model" is not known: give --price-input' mid || { cat mid >&2; fail "the end does not say that a price is missing"; }
[ "$(done_of third)" = 900 ] && [ "$(done_of unknown)" = 0 ] || fail "not all that has a price was done"
sound two.db

# Answers that nothing bounds let few fly, which is told with its cure.
make_input 40 | sed 's/"max_tokens":40,//; s/"model":"sim"/"model":"gpt-4o"/; s/question/endless question/' >endless.jsonl
expect 0 "$LONGHAUL" run endless.jsonl --base-url "$base" --concurrency 50 --max-cost 1 --backoff-initial 0.05
says 'the budget lets no more than 6 requests fly at once: an answer of "gpt-4o" that nothing bounds may cost 0.16'; says '--max-tokens'
expect 0 "$LONGHAUL" run endless.jsonl --batch bounded --max-tokens 100 --base-url "$base" --concurrency 50 --max-cost 1 --backoff-initial 0.05
! grep -q 'the budget lets' err || fail "bounded answers let few fly"
[ "$(value "SELECT max(results.completion_tokens) <= 100 FROM results JOIN batches ON batches.id = batch_id WHERE name = 'bounded'")" = 1 ] || fail "--max-tokens bounds nothing"

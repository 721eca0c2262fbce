# What two tenants' batches of two models used and cost, over faults and over a run without prices: status, usage, batches and the sums over
# raw rows say the same, and what is not known is never 0.
. "$LH_SOURCE_DIR/tests/lib.sh"
value() { "$LONGHAUL" sql --format csv "$1" | tail -1 | tr -d '\r'; }
holds() { [ "$(value "SELECT $1")" = 1 ] || fail "$2"; }
of_model() { sed "s/\"model\":\"sim\"/\"model\":\"$1\"/"; }
start_sim --latency 5 --faults 500=5,cut=3,empty=3,429=5,reset=2 --seed 5
{ make_input 150; make_input 300 | tail -150 | of_model large; } >first.jsonl
make_input 200 | sed 's/question/other question/' | of_model large >second.jsonl
expect 0 "$LONGHAUL" submit first.jsonl --tenant red
expect 0 "$LONGHAUL" submit second.jsonl --tenant blue
expect 0 "$LONGHAUL" status
! grep -q '^model ' out || fail "status shows a table of models before anything was used"
expect 0 "$LONGHAUL" work --base-url "$base" --concurrency 20 --max-attempts 12 --backoff-initial 0.01 --breaker 0 --seed 1 --batch first \
    --price-input 0.15 --price-output 0.6
grep -qE ' tokens, at least [0-9]+\.[0-9]{6} USD' err || { cat err; fail "the summary does not tell the cost, or not that faults may have been billed"; }

# Each sum of usage, of its views, of the batches and of status --json is that over the attempts.
holds "(SELECT SUM(prompt_tokens) > 1000 AND SUM(completion_tokens) > 1000 FROM attempts)" "nothing was used"
for column in prompt_tokens cached_tokens cache_write_tokens completion_tokens reasoning_tokens cost_nanousd; do
    raw="(SELECT SUM(COALESCE($column, 0)) FROM attempts)"
    holds "$raw = (SELECT SUM($column) FROM usage)" "usage has another $column than the attempts"
    holds "$raw = (SELECT SUM($column) FROM batches)" "batches have another $column than the attempts"
done
for view in model batch tenant day; do
    holds "(SELECT SUM(prompt_tokens) FROM usage_by_$view) = (SELECT SUM(prompt_tokens) FROM attempts)" "usage_by_$view does not add up"
done
holds "(SELECT SUM(cost_nanousd) FROM results) = (SELECT SUM(prompt_tokens * 150 + completion_tokens * 600) FROM results)" "a result has another cost than its tokens"
holds "(SELECT SUM(cost_nanousd) FROM attempts) = (SELECT SUM(cost_nanousd) FROM results)" "a fault without usage cost something"
holds "(SELECT SUM(answers) FROM usage) = (SELECT count(*) FROM results)" "usage counts other answers than there are results"
holds "(SELECT SUM(attempts) FROM usage) < (SELECT count(*) FROM attempts)" "an attempt that told nothing stands in usage"
holds "(SELECT SUM(counted_tokens) FROM usage) = (SELECT SUM(j.prompt_tokens) FROM attempts a JOIN jobs j ON j.id = a.job_id WHERE a.prompt_tokens IS NOT NULL)" "counted_tokens is not what was counted"
holds "(SELECT SUM(answer_squares) FROM usage) = (SELECT SUM(completion_tokens * completion_tokens) FROM results)" "answer_squares is off"
[ "$(value "SELECT group_concat(model || '=' || answers, ' ') FROM (SELECT model, SUM(answers) AS answers FROM usage GROUP BY model ORDER BY model)")" = "large=150 sim=150" ] || fail "models are mixed up"
sound longhaul.db

# The second batch is worked on without prices: its cost is unknown, the whole is known in part.
cost=$(value "SELECT cost_nanousd FROM batches WHERE name = 'first'")
expect 0 "$LONGHAUL" work --base-url "$base" --concurrency 20 --max-attempts 12 --backoff-initial 0.01 --breaker 0 --seed 1
says 'tokens, cost unknown'
expect 0 "$LONGHAUL" status
for row in '^second .* unknown' '^first .* at least 0\.[0-9]{6} USD' '^model +requests +prompt +cached +output +reasoning +cost +count off by' \
    '^large +350 .* at least 0\.[0-9]{6} USD +[0-9.]+%' '^sim +150 .* 0\.[0-9]{6} USD +[0-9.]+%'; do
    grep -qE "$row" out || { cat out; fail "status shows no row $row"; }
done
expect 0 "$LONGHAUL" status --json
holds "(SELECT SUM(value ->> 'cost_nanousd') = $cost AND SUM(value ->> 'unpriced') = 200 AND SUM(value ->> 'prompt_tokens') = (SELECT SUM(prompt_tokens) FROM attempts)
    AND SUM(value ->> 'completion_tokens') = (SELECT SUM(completion_tokens) FROM attempts) AND SUM(value ->> 'answers') = (SELECT count(*) FROM results)
    FROM json_each('$(cat out)', '\$.usage'))" "the usage of status --json is not that of the rows"
holds "(SELECT j ->> '\$.total.cost_nanousd' = $cost AND j ->> '\$.total.unpriced' = 200 AND j ->> '\$.batches[0].unpriced' = 0 FROM (SELECT '$(cat out)' AS j))" "the totals of status --json are not those of the rows"
[ "$(value "SELECT group_concat(tenant || ': ' || iif(cost LIKE '0.%', 'known', cost), '; ') FROM usage_by_tenant")" = "blue: unknown; red: known" ] || fail "tenants' costs are mixed up"
expect 0 "$LONGHAUL" status --batch second; ! grep -q '^sim ' out || fail "status of one batch tells another's usage"
expect 0 "$LONGHAUL" show --batch second q1; grep -qE 'tokens, cost unknown' out || { cat out; fail "show does not say that the cost is unknown"; }
expect 0 "$LONGHAUL" show --batch first q1; grep -qE '[0-9]+ \+ [0-9]+ tokens, 0\.[0-9]{6} USD' out || { cat out; fail "show does not tell the cost"; }
expect 0 "$LONGHAUL" show --batch first q1 --json; grep -qE '"cached_tokens":0,"cache_write_tokens":null,"reasoning_tokens":0,"cost_nanousd":[1-9]' out || { cat out; fail "show --json does not tell the usage"; }
expect 0 "$LONGHAUL" results --batch first --format csv
head -1 out | grep -q ',cached_tokens,cost_usd' || fail "csv has no cost"
tr -d '\r' <out | awk -F, -v want="$cost" 'NR > 1 { sum += $NF } END { exit !(sum * 1e9 - want < 1 && want - sum * 1e9 < 1) }' || fail "the costs in csv do not add up"
sound longhaul.db

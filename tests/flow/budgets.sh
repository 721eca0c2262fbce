# Budgets of tokens and money hold over all runs of a batch, with a thousand requests in flight, with faults, and over a kill.
. "$LH_SOURCE_DIR/tests/lib.sh"
value() { "$LONGHAUL" sql --format csv "$1" | tail -1 | tr -d '\r'; }
# What batch $1 used: as told, else whole, but for what was refused.
used() {
    value "SELECT SUM(COALESCE(a.prompt_tokens, j.prompt_tokens) + COALESCE(a.completion_tokens, j.max_output_tokens))
        FROM attempts a JOIN jobs j ON j.id = a.job_id JOIN batches b ON b.id = j.batch_id WHERE b.name = '$1' AND a.outcome <> 'throttled'"
}
start_sim --latency 20..60 --faults 429=2,500=3,reset=2,cut=2
# Tokens: 40 of answer at most and a short question; and what the questions that ended without a word are reckoned at beyond their count, as nobody
# knows what the model "sim" counts with.
most_of_one=200

make_input 3000 >in.jsonl
run() { "$LONGHAUL" run in.jsonl -o out.jsonl --base-url "$base" --concurrency 1000 --backoff-initial 0.05 --max-attempts 50 "$@"; }
expect 4 run --max-tokens-total 20000; says "the budget is reached"; says "--max-tokens-total"; says "out.jsonl is not written yet"
used=$(used in)
[ "$used" -le 20000 ] || fail "$used tokens were used of 20000"
[ "$used" -gt $((20000 - most_of_one)) ] || fail "only $used tokens were used of 20000"

# The same command sends nothing more, but for one or two that fit as prompts are known better now than when the run began (what ended without
# a word is reckoned anew); what is raised goes on, over a kill as well.
sent=$(stat_of requests)
expect 4 run --max-tokens-total 20000
[ "$(stat_of requests)" -le $((sent + 3)) ] || fail "requests were sent without a budget"
"$LONGHAUL" -q run in.jsonl --base-url "$base" --concurrency 1000 --max-tokens-total 40000 & pid=$!
for _ in $(seq 400); do [ "$(stat_of requests)" -ge $((sent + 300)) ] && break; sleep 0.01; done
kill -KILL $pid 2>/dev/null || true; wait $pid 2>/dev/null || true
expect 4 run --max-tokens-total 40000
# What the killed one had claimed counts whole, as it may have been sent: never too little, and no request goes on top of it.
used=$(used in)
[ "$used" -gt $((40000 - most_of_one)) ] || fail "only $used tokens were used of 40000 over a kill"
told=$(value "SELECT prompt_tokens + completion_tokens FROM batches WHERE name = 'in'")
[ "$told" -le 40000 ] || fail "$told tokens were told of 40000 over a kill"
"$LONGHAUL" status --json | grep -q '"tokens_left"' || fail "status does not tell what is left"
expect 0 run
each_once out.jsonl 3000
sound longhaul.db
end_sim

# Reservations larger than the budget allows at once: one goes after the other, and all are done.
start_sim --latency 5
make_input 8 | sed 's/"q/"s/; s/question/small question/; s/"max_tokens":40/"max_tokens":4000/' >small.jsonl
expect 0 "$LONGHAUL" run small.jsonl --base-url "$base" --concurrency 50 --max-tokens-total 5000

# Money: refused without prices, written as whole nano-dollars, told in summary and status.
make_input 300 | sed 's/"q/"m/; s/question/dear question/' >money.jsonl
expect 2 "$LONGHAUL" run money.jsonl --base-url "$base" --max-cost 1; says "--price-input and --price-output"
expect 2 "$LONGHAUL" run money.jsonl --base-url "$base" --price-input 1; says "--price-output"
expect 2 "$LONGHAUL" run money.jsonl --base-url "$base" --max-tokens-total 0; says "max-tokens-total must be more than 0"
prices="--price-input 0.15 --price-output 0.6"
expect 4 "$LONGHAUL" run money.jsonl --base-url "$base" $prices --max-cost 0.001; says "USD are spent"; says "--max-cost"
spent=$(value "SELECT cost_nanousd FROM batches WHERE name = 'money'")
[ "$spent" -le 1000000 ] && [ "$spent" -gt 950000 ] || fail "$spent nano-dollars were spent of 1000000"
# A first run that knew no prices is reckoned with today's.
make_input 300 | sed 's/"q/"n/; s/question/unpriced question/' >late.jsonl
expect 4 "$LONGHAUL" run late.jsonl --base-url "$base" --max-tokens-total 2000
expect 4 "$LONGHAUL" run late.jsonl --base-url "$base" $prices --max-cost 0.001
[ "$(value "SELECT SUM(a.prompt_tokens * 150 + a.completion_tokens * 600) BETWEEN 950000 AND 1000000 FROM attempts a JOIN jobs j ON j.id = a.job_id JOIN batches b ON b.id = j.batch_id WHERE b.name = 'late'")" = 1 ] || fail "the cost of a run without prices was forgotten"
expect 0 "$LONGHAUL" run money.jsonl --base-url "$base" $prices --price-cached 0.075 --max-cost 1; says "USD"
[ "$(value "SELECT SUM(r.cost_nanousd) = b.cost_nanousd AND SUM(r.prompt_tokens * 150 + r.completion_tokens * 600) = b.cost_nanousd FROM results r JOIN batches b ON b.id = r.batch_id WHERE b.name = 'money'")" = 1 ] || fail "costs do not add up"
expect 0 "$LONGHAUL" status; grep -q USD out || fail "status does not tell the cost"
sound longhaul.db

# What an endpoint's price leaves no money for goes to a cheaper one, and is not the end of the run.
cat >two.yaml <<END
endpoints:
  - {name: dear, base-url: $base, price-input: 100, price-output: 100}
  - {name: cheap, base-url: $base, price-input: 0.1, price-output: 0.1}
END
make_input 60 | sed 's/"q/"e/; s/question/shared question/' >shared.jsonl
expect 0 "$LONGHAUL" --config two.yaml run shared.jsonl --max-cost 0.02
[ "$(value "SELECT cost_nanousd <= 20000000 FROM batches WHERE name = 'shared'")" = 1 ] || fail "more was spent than --max-cost"
[ "$(value "SELECT COUNT(DISTINCT endpoint) FROM attempts WHERE endpoint IS NOT NULL")" = 2 ] || fail "one endpoint was not used"
expect 0 "$LONGHAUL" --config two.yaml run shared.jsonl --batch less --max-cost 0.002 # not one of the dear ones fits
[ "$(value "SELECT COUNT(*) FROM attempts a JOIN jobs j ON j.id = a.job_id JOIN batches b ON b.id = j.batch_id WHERE b.name = 'less' AND a.endpoint = 'dear'")" = 0 ] || fail "the dear endpoint was asked"
sound longhaul.db

# The worst case of a request that bounds no answer holds each of those it asks for; that of a dearer service tier is twice what the list says.
line() { printf '{"custom_id":"%s","method":"POST","url":"/v1/chat/completions","body":{"model":"gpt-4o-mini",%s,"messages":[{"role":"user","content":"%s"}]}}\n' "$1" "$2" "$1"; }
line several '"n":8' >several.jsonl # 8 x 16,384 tokens at 0.60: 0.0787 USD
line urgent '"service_tier":"priority","max_tokens":10000' >urgent.jsonl # 0.006 USD, and twice that
sent=$(stat_of requests)
expect 4 "$LONGHAUL" run several.jsonl --base-url "$base" --max-cost 0.078; says "the budget is reached"; says "may need 0.0786"
expect 4 "$LONGHAUL" run urgent.jsonl --base-url "$base" --max-cost 0.0119; says "the budget is reached"
[ "$(stat_of requests)" = "$sent" ] || fail "a request was sent that may cost more than --max-cost"
expect 0 "$LONGHAUL" run several.jsonl --base-url "$base" --max-cost 0.079
expect 0 "$LONGHAUL" run urgent.jsonl --base-url "$base" --max-cost 0.0121

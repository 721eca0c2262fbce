# An estimate beside the run that it was of: tokens and money to the unit, time within a tenth; what cannot be served, is not known, or is wrong.
. "$LH_SOURCE_DIR/tests/lib.sh"
field() { sqlite3 :memory: "SELECT json_extract(CAST(readfile('$1') AS TEXT), '\$.$2')"; }
same() { [ "$1" = "$2" ] || fail "$3: $1, not $2"; }
shows() { grep -qF -- "$1" out || { cat out >&2; fail "does not show: $1"; }; }
options="--rpm 6000 --price-input 0.15 --price-output 0.6"

make_input 600 | sed 's/"max_tokens":40/"max_tokens":5/' >in.jsonl
expect 0 "$LONGHAUL" estimate in.jsonl $options --latency 0.1 --max-cost 1 --max-tokens-total 1000
shows 'in: 600 requests of sim'; shows 'as the encoding is not known'; shows 'nothing measured yet: bounds only'
shows 'held by requests per minute'; shows 'longhaul.db is not there yet'
shows '--max-cost 1.000000 USD is enough in any case'; shows '--max-tokens-total 1,000 is not enough even for the prompts'
[ -z "$(ls | grep longhaul.db)" ] || fail "an estimate made a database"
"$LONGHAUL" estimate in.jsonl $options --latency 0.1 --json >before 2>err
same "$(sqlite3 :memory: "SELECT json_valid(CAST(readfile('before') AS TEXT))")" 1 "JSON"
expect 0 sh -c "cat in.jsonl | '$LONGHAUL' estimate - --batch in $options --latency 0.1 --json"
cmp -s out before || fail "standard input is estimated otherwise than a file"

start_sim --latency 50..150
expect 0 "$LONGHAUL" run in.jsonl --base-url "$base" $options
"$LONGHAUL" status --json >status
same "$(field before prompt_tokens)" "$(field status total.prompt_tokens)" "prompt tokens"
same "$(field before answer_tokens.high)" "$(field status total.completion_tokens)" "answer tokens"
same "$(field before cost_nanousd.high)" "$(field status total.cost_nanousd)" "cost"
same "$(field before cost_nanousd.low)" $(($(field before prompt_tokens) * 150)) "cost of the prompts"
took=$(sed -nE 's/.* answers in ([0-9.]+) s .*/\1/p' err)
awk -v t="$took" -v e="$(field before wall_ms.expected)" 'BEGIN { d = t * 1000 - e; exit !((d < 0 ? -d : d) <= t * 100 + 500) }' ||
    fail "the run took $took s, $(field before wall_ms.expected) ms were expected"
end_sim

# What the run learned is used; the numbers are still those of the whole input, and the database is left as it is.
sum=$(sha256sum <longhaul.db)
expect 0 "$LONGHAUL" estimate in.jsonl $options
shows 'mean of 600 of this batch'; shows 'in exists: 600 of 600 are done already'
same "$(sha256sum <longhaul.db)" "$sum" "the database"
"$LONGHAUL" estimate in.jsonl $options --json >after 2>err
same "$(field after answer_tokens.expected)" 3000 "expected answer tokens"
same "$(field after cost_nanousd.expected)" "$(field status total.cost_nanousd)" "expected cost"
same "$(field after models[0].answers_of)" batch "whose answers"
sed 's/"max_tokens":5/"max_tokens":3/' in.jsonl >other.jsonl
expect 0 "$LONGHAUL" estimate other.jsonl; shows 'mean of 600 of other batches'; shows 'unknown'
"$LONGHAUL" estimate other.jsonl --json >other 2>err
same "$(field other answer_tokens.expected)" 1800 "answers beyond their own bounds"
same "$(field other unpriced)" 600 "requests without a price"
sed 's/"max_tokens":5/"max_tokens":50/' in.jsonl >roomy.jsonl # answers leave much of their bound, which some limits count all the same
expect 0 "$LONGHAUL" estimate roomy.jsonl --tpm 6000; shows 'held by tokens per minute'; shows 'near the high'
expect 0 "$LONGHAUL" estimate roomy.jsonl --itpm 600; shows 'held by input tokens per minute'
grep -q 'near the high' out && fail "a limit of input counts no answers"

# Requests that no provider will answer: told apart, exit code 3.
line() { printf '{"custom_id":"%s","method":"POST","url":"/v1/chat/completions","body":{"model":"gpt-4o","max_tokens":%s,"messages":[{"role":"user","content":"%s"}]}}\n' "$1" "$2" "$3"; }
{
    line good 10 hi
    line huge 10 "$(printf ' word%.0s' $(seq 130000))"
    for i in $(seq 12); do line "long$i" 16385 hi; done
} >big.jsonl
expect 3 "$LONGHAUL" estimate big.jsonl
says 'big.jsonl, line 2: custom_id huge: 130,007 tokens, gpt-4o takes 128,000'
says 'line 3: custom_id long1: answer of 16,385, gpt-4o gives 16,384'
says 'and 3 more'; shows 'big: 1 request of gpt-4o'; shows '13 more can never be served'; shows 'by batch API'
expect 3 "$LONGHAUL" estimate big.jsonl --json
same "$(field out requests)/$(field out unservable)/$(field out prompt_tokens)" 1/13/8 "requests that fit"
same "$(sqlite3 :memory: "SELECT json_array_length(CAST(readfile('out') AS TEXT), '\$.unservable_requests')")" 13 "those listed"
printf 'models:\n  - model: gpt-4o\n    context: 1000000\n    max-output: 20000\n' >own.yaml
expect 0 "$LONGHAUL" estimate big.jsonl --prices own.yaml

# A file that was made for a run, with two endpoints of which one serves another model only.
cat >longhaul.yaml <<'Y'
output: out.jsonl
max-attempts: 7
prices: own.yaml
endpoints:
  - {name: a, base-url: "http://127.0.0.1:9/v1", key: NOT_SET_ANYWHERE, models: [gpt-4o], rpm: 600}
  - {name: b, base-url: "http://127.0.0.1:9/v1", models: ["gpt-4o=there"], rpm: 600}
Y
head -1 big.jsonl >one.jsonl
expect 0 "$LONGHAUL" estimate one.jsonl
expect 3 "$LONGHAUL" estimate in.jsonl; says 'custom_id q1: no endpoint serves sim'
for i in $(seq 400); do line "g$i" 5 hi; done >two.jsonl
expect 0 "$LONGHAUL" estimate two.jsonl --latency 0; shows 'a: 200 requests'; shows 'b: 200 requests'
rm longhaul.yaml

# Wrong inputs, as submit has them.
expect 1 "$LONGHAUL" estimate none.jsonl
: >empty.jsonl
expect 1 "$LONGHAUL" estimate empty.jsonl; says 'empty'
printf '{"prompt":"a"}\n{"prompt":\n' >bad.jsonl
expect 1 "$LONGHAUL" estimate bad.jsonl --model m; says 'bad.jsonl, line 2'; says '1 bad line'
expect 0 "$LONGHAUL" estimate bad.jsonl --model m --skip-bad; shows '1 bad line'
printf '{"a":1}\n' >rows.jsonl
expect 1 "$LONGHAUL" estimate rows.jsonl --model m; says '--template'
expect 1 "$LONGHAUL" estimate rows.jsonl --template '{{b}}' --model m; says 'no field "b"'
expect 0 "$LONGHAUL" estimate rows.jsonl --template '{{a}}' --model m
expect 2 "$LONGHAUL" estimate
expect 2 "$LONGHAUL" estimate in.jsonl --latency soon; says 'seconds'
expect 2 "$LONGHAUL" estimate in.jsonl --concurrency 0; says 'concurrency'
expect 2 "$LONGHAUL" estimate in.jsonl --price-input 1; says '--price-output'

# A database that cannot be read is a note, and is not touched.
echo text >file.db
expect 0 "$LONGHAUL" --db file.db estimate in.jsonl; shows 'no SQLite database'
same "$(cat file.db)" text "what is no database"
cp longhaul.db newer.db
sqlite3 newer.db 'PRAGMA user_version = 99'
expect 0 "$LONGHAUL" --db newer.db estimate in.jsonl; shows 'newer longhaul'

# ^C ends it at once, even while nothing comes.
mkfifo pipe
"$LONGHAUL" estimate - --model m <pipe >/dev/null 2>&1 & pid=$!
exec 7>pipe
for _ in $(seq 100); do grep -q '^SigCgt:.*[2367abef]$' /proc/$pid/status 2>/dev/null && break; sleep 0.02; done
kill -TERM $pid
code=0; wait $pid || code=$?
exec 7>&-
same $code 4 "exit code of an interrupt"

# What is said of many models, some of them without a price, fits a screen; the table of models is as wide as their names.
for model in gpt-4o gpt-4.1-mini claude-sonnet-4-5-20250929 claude-opus-4-1-20250805 an/unknown-model-of-a-long-name another/unknown-model; do
    for i in 1 2 3 4 5 6 7 8 9; do
        echo "{\"model\":\"$model\",\"max_tokens\":100$i,\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x\"}}]}]}"
    done
done >models.jsonl
expect 0 "$LONGHAUL" estimate models.jsonl --db none.db
shows 'cost at least'; shows 'are reckoned, not counted'; shows 'the price of 18 requests is not known'
sed '/^model/,/^$/d' out | awk 'length($0) > 80 { print; wide = 1 } END { exit wide }' || fail "wider than a screen"

# `longhaul prices` shows what is known of models; the file of --prices stands before it, and is refused with reasons that help.
. "$LH_SOURCE_DIR/tests/lib.sh"
prices() { "$LONGHAUL" prices "$@"; }

# row NAME WORD…: the table has a row of that model with those cells in it, in this order.
row() {
    local line
    line=$(grep -E "^$1 " out) || { cat out >&2; fail "no row of $1"; }
    shift
    echo "$line" | tr -s ' ' | grep -qF -- "$*" || fail "not in \"$line\": $*"
}

# ---- the table ----
expect 0 prices
head -1 out | tr -s ' ' | grep -q '^model input cached cache write output batch discount long prompts context max output date source$' || fail "other headings"
row gpt-4o '2.50 1.25 - 10.00 50% 128,000 16,384'
row claude-3-haiku '0.25 0.03 0.30 1.25 50% 200,000 4,096'
row gpt-6-sol '2.00 0.20 2.50 10.00 50% > 272,000: 200%, 150% 1,050,000 128,000'
[ "$(wc -l <out)" -eq "$(wc -l <"$LH_SOURCE_DIR/src/tokens/data/models.csv")" ] || fail "not each row of the table is shown"
expect 0 prices openai/gpt-4o-mini-2024-07-18
[ "$(wc -l <out)" -eq 2 ] || fail "more than was asked for"
row 'openai/gpt-4o-mini-2024-07-18' '(gpt-4o-mini) 0.15 0.075 - 0.60'
expect 1 prices gpt-4o-audio-preview
says 'the model "gpt-4o-audio-preview" is unknown'; says '--price-input'; says '--prices'
[ ! -s out ] || fail "a table of nothing"
expect 1 prices nix gpt-4 nox # what is known is shown all the same
says '"nix"'; says '"nox"'; row gpt-4 '30.00 - - 60.00'
expect 0 prices --json gpt-4o text-embedding-3-small
grep -qF '{"models":[{"model":"gpt-4o","found_as":"gpt-4o","own":false,"input_nanousd":2500000000,"cached_nanousd":1250000000,"cache_write_nanousd":null,"output_nanousd":10000000000,"batch_discount":50,' out || { cat out >&2; fail "other JSON"; }
grep -qF '},{"model":"text-embedding-3-small"' out && grep -qF '"output_nanousd":0,' out || fail "the second model is missing"
expect 0 prices --json
[ "$(grep -o '"found_as"' out | wc -l)" -eq "$(($(wc -l <"$LH_SOURCE_DIR/src/tokens/data/models.csv") - 1))" ] || fail "JSON does not hold the table"
expect 1 prices --json nix
[ "$(cat out)" = '{"models":[]}' ] || fail "JSON of nothing"

# ---- own prices ----
cat >own.yaml <<'END'
models:
  - model: my-model
    input: 0.20          # USD per million tokens
    cached: 0.02
    cache_write: 0.25
    output: 0.80
    batch-discount: 40
    context: 32768
    max-output: 8k
    long-prompt: 16k
    long-input: 200
    long-output: 150
  - model: gpt-4o
    input: 1
    output: 2
END
expect 0 prices --prices own.yaml
[ "$(sed -n '2p' out | cut -d' ' -f1) $(sed -n '3p' out | cut -d' ' -f1)" = 'my-model gpt-4o' ] || fail "own entries do not stand first"
row my-model '0.20 0.02 0.25 0.80 40% > 16,000: 200%, 150% 32,768 8,000 - own, own.yaml'
expect 0 prices --prices own.yaml gpt-4o-2024-08-06 my-model
row gpt-4o-2024-08-06 '(gpt-4o) 1.00 - - 2.00 - 128,000 16,384 - own, own.yaml'
expect 0 env LONGHAUL_PRICES=own.yaml "$LONGHAUL" prices my-model; row my-model 0.20
echo 'prices: own.yaml' >c.yaml
expect 0 "$LONGHAUL" --config c.yaml prices my-model; row my-model 0.20
expect 0 prices --json --prices own.yaml my-model
grep -qF '"own":true,"input_nanousd":200000000,' out || fail "JSON does not tell that it is own"

# ---- refused ----
# wrong TEXT REASON…: a file of one entry.
wrong() {
    printf 'models:\n  - %b\n' "$1" >wrong.yaml
    expect 2 prices --prices wrong.yaml
    says 'the prices wrong.yaml'
    shift
    for reason; do says "$reason"; done
    [ "$(grep -c longhaul err)" -eq 1 ] || { cat err >&2; fail "more than one word"; }
}
wrong 'model: m\n    inptu: 1\n    output: 2' 'Unexpected key: inptu' 'did you mean input'
wrong 'model: m\n    input: cheap\n    output: 2' 'model 1, m: input is "cheap"; it must be US dollars per million tokens, such as 0.15'
wrong 'model: m\n    input: -1\n    output: 2' 'model 1, m: input is "-1"; it must be US dollars'
wrong 'model: m\n    input: 1\n    output: 1000.01' 'the model "m": a price must be 0 to 1000 USD'
wrong 'input: 1\n    output: 2' 'model 1 has no name'
wrong 'model: m\n    input: 1\n    output: 2\n  - model: m\n    input: 1\n    output: 2' 'the model "m" is there twice'
wrong 'model: m\n    input: 1' 'the model "m" needs both input and output'
wrong 'model: m\n    input: 1\n    output: 2\n    batch-discount: 101' 'the model "m": batch-discount is 101; it must be 0 to 100'
wrong 'model: m\n    input: 1\n    output: 2\n    batch-discount: half' 'batch-discount is "half"; it must be a percentage, 0 to 100'
wrong 'model: m\n    input: 1\n    output: 2\n    cache-write: 1\n    cache_write: 1' 'cache-write twice'
wrong 'm' 'wrong.yaml'
printf 'modles:\n  - model: m\n' >wrong.yaml; expect 2 prices --prices wrong.yaml; says 'did you mean models'
: >wrong.yaml; expect 2 prices --prices wrong.yaml; says 'names no model'
expect 2 prices --prices gone.yaml; says 'the prices gone.yaml cannot be read'
# A run reads it as well, before anything is loaded.
make_input 1 >in.jsonl
expect 2 "$LONGHAUL" run in.jsonl --prices gone.yaml; says 'gone.yaml'
[ ! -e longhaul.db ] || fail "a database was made"
start_sim --latency 5
expect 0 "$LONGHAUL" run in.jsonl --base-url "$base" --prices own.yaml
expect 2 "$LONGHAUL" run in.jsonl --price-cache-write 5; says '--price-input and --price-output'
end_sim

# What comes from the cache and what is served at the batch tier is priced as such: 150 nano-dollars a prompt token, 75 from the cache, 600 an answer's; half of it at flex.
start_sim --latency 5 --cached 50 --output 20
make_input 20 | sed 's/"model":"sim"/"model":"gpt-4o-mini"/' >std.jsonl
sed 's/"max_tokens"/"service_tier":"flex","max_tokens"/' std.jsonl >flex.jsonl
for tier in std flex; do expect 0 "$LONGHAUL" run $tier.jsonl --base-url "$base"; done
value() { "$LONGHAUL" sql --format csv "$1" | tail -1 | tr -d '\r'; }
list='(a.prompt_tokens - a.cached_tokens) * 150 + a.cached_tokens * 75 + a.completion_tokens * 600'
of="attempts a JOIN jobs j ON j.id = a.job_id JOIN batches b ON b.id = j.batch_id"
[ "$(value "SELECT count(*) FROM $of WHERE b.name = 'std' AND a.cached_tokens > 0 AND a.cost_nanousd = $list")" = 20 ] || fail "what comes from the cache is not priced as such"
[ "$(value "SELECT count(*) FROM $of WHERE b.name = 'flex' AND a.cost_nanousd BETWEEN ($list) / 2 AND ($list) / 2 + 2")" = 20 ] || fail "the batch tier is not half the price"

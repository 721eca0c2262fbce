# Tokens: the command and its options; and, where npm is, 20,000 texts held against tiktoken, the models against its table.
# LH_TOKEN_TEXTS=N for more texts, LH_TOKEN_POINTS=1 for every code point there is.
. "$LH_SOURCE_DIR/tests/lib.sh"
prints() { [ "$(cat out)" = "$1" ] || { cat out >&2; fail "should print: $1"; }; }

printf 'hello world\r\n\n天地玄黄 <|endoftext|>' >text
expect 0 "$LONGHAUL" tokens text && prints 13
expect 0 "$LONGHAUL" tokens --encoding cl100k_base text && prints 15
expect 0 "$LONGHAUL" tokens --model gpt-4-turbo text && prints 15
expect 0 "$LONGHAUL" tokens --model gpt-4-turbo --encoding o200k_base text && prints 13
expect 0 "$LONGHAUL" tokens --lines text && prints $'2\n0\n10'
expect 0 "$LONGHAUL" tokens --lines --ids text && prints $'24912 2375\n\n139251 41913 14495 464 91 419 1440 919 91 29'
expect 0 "$LONGHAUL" tokens --model my-own text && prints 13
says 'the encoding of the model "my-own" is not known; counting with o200k_base'
expect 0 "$LONGHAUL" tokens - <text && prints 13
expect 0 "$LONGHAUL" tokens </dev/null && prints 0

# a block ends in the middle of things, and the count is of the whole
awk 'BEGIN { for (i = 0; i < 300000; i++) printf "the %d fox, it'"'"'s %s\n", i, i % 7 ? "here" : "\n\n  " }' >long
expect 0 "$LONGHAUL" tokens --ids long
cp out ids
expect 0 "$LONGHAUL" tokens long && prints "$(wc -w <ids)"
for size in 1048575 1048577 3000000; do
    head -c $size long | "$LONGHAUL" tokens --ids >short
    # all but what the last piece may share with the cut
    cut -d' ' -f1-300000 short | cmp -s - <(cut -d' ' -f1-300000 ids) || fail "the first $size bytes have other tokens"
done

cat >lines.jsonl <<'END'
{"id":1,"text":"hello world","body":{"prompt":"hello"}}

{"id":2,"text":"","body":{"prompt":"a\u0000b\n"},"a.b":"hello"}
END
expect 0 "$LONGHAUL" tokens --jsonl text --lines lines.jsonl && prints $'2\n0\n0'
expect 0 "$LONGHAUL" tokens --jsonl body.prompt --lines lines.jsonl && prints $'1\n0\n4'
expect 0 "$LONGHAUL" tokens --jsonl body.prompt lines.jsonl && prints 5
expect 1 "$LONGHAUL" tokens --jsonl a.b lines.jsonl && says 'lines.jsonl, line 1: it has no field "a.b"'
expect 1 "$LONGHAUL" tokens --jsonl id lines.jsonl && says 'line 1: its field "id" is no text'
expect 1 "$LONGHAUL" tokens --jsonl text text && says 'text, line 1: '
expect 1 "$LONGHAUL" tokens nowhere && says 'nowhere: No such file'
expect 1 "$LONGHAUL" tokens . && says '.: Is a directory'
expect 2 "$LONGHAUL" tokens --encoding p50k text && says 'o200k_base or cl100k_base'
expect 2 "$LONGHAUL" tokens text text

modules=$LH_BUILD_DIR/tests/npm_tokens/node_modules
command -v node >/dev/null && [ -e "$modules/tiktoken" ] || { echo "skipped: npm could not install tiktoken"; exit 77; }
for name in o200k_base cl100k_base; do
    cmp "$LH_SOURCE_DIR/src/tokens/data/$name.tiktoken" "$modules/gpt-tokenizer/data/$name.tiktoken" || fail "$name is not what npm has"
done
node "$LH_SOURCE_DIR/tests/flow/tokens_classes.mjs" "$modules" | cmp - "$LH_SOURCE_DIR/src/tokens/data/classes.txt" || fail "the classes are not the reference's"

# every model that tiktoken knows and that has one of the two encodings
node -p 'const t = require(process.argv[1]); Object.keys(t).filter(m => /^(o200k|cl100k)_base$/.test(t[m])).map(m => m + " " + t[m]).join("\n")' \
    "$modules/tiktoken/model_to_encoding.json" >models
[ "$(wc -l <models)" -gt 50 ] || fail "tiktoken's table has only $(wc -l <models) models"
while read -r model encoding; do
    expect 0 "$LONGHAUL" tokens --model "$model" --ids text
    [ ! -s err ] || { cat err >&2; fail "$model is not known"; }
    "$LONGHAUL" tokens --encoding "$encoding" --ids text | cmp -s - out || fail "$model does not count with $encoding"
done <models

compare() { node "$LH_SOURCE_DIR/tests/flow/tokens_reference.mjs" "$modules" "$LH_BUILD_DIR/tests/token_ids" "$LH_SOURCE_DIR" "$@" || fail "tokens differ from tiktoken's"; }
compare "${LH_TOKEN_TEXTS:-20000}" 1
[ -z "${LH_TOKEN_POINTS:-}" ] || compare points

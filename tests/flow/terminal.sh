# What comes out is safe: for the files that are there, for the terminal, for a reader that goes away.
. "$LH_SOURCE_DIR/tests/lib.sh"
start_sim --latency 0
make_input 3000 >in.jsonl
expect 0 "$LONGHAUL" run in.jsonl --base-url "$base" --concurrency 200
# sql -o writes over nothing that matters, and a wrong query costs no file.
ln -s longhaul.db link.db
for name in longhaul.db ./longhaul.db longhaul.db-wal longhaul.db-journal longhaul.db.lock link.db; do
    expect 2 "$LONGHAUL" sql -o "$name" 'SELECT 1'; says "choose another name"
done
sound longhaul.db
echo kept >kept
expect 1 "$LONGHAUL" sql -o kept 'SELEC 1'
[ "$(cat kept)" = kept ] || fail "a wrong query emptied its output"
expect 0 "$LONGHAUL" sql -o kept --format csv 'SELECT 1 AS a WHERE 0'
[ "$(tr -d '\r' <kept)" = a ] || fail "an empty result has its head"
expect 1 "$LONGHAUL" sql -o missing/file 'SELECT 1'; says "missing/file"
# A table steers no terminal: control characters, bytes that are no UTF-8, changes of direction; a zero byte ends no text.
expect 0 "$LONGHAUL" sql "SELECT char(27) || ']0;x' || char(7) a, CAST(x'9b33316d' AS TEXT) b, char(155) c, char(0x202e) || 'x' d, 'a' || char(0) || 'b' e, 'é漢' f"
[ "$(tail -1 out | tr -s ' ')" = '\x1b]0;x\x07 \x9b31m \x9b \u202ex a\x00b é漢' ] || { cat -v out >&2; fail "the terminal is steered"; }
# A wide result is a table of what fits, and says so.
expect 0 "$LONGHAUL" sql "SELECT $(seq -s, 1 80)"; says "60 of the 80 columns"
[ "$(tail -1 out | wc -w)" = 60 ] || fail "60 columns expected"
expect 0 "$LONGHAUL" sql --format csv "SELECT $(seq -s, 1 80)"
[ "$(tail -1 out | tr -d '\r')" = "$(seq -s, 1 80)" ] || fail "csv holds every column"
# A reader that has seen enough is no error; a full disk is.
gone() {
    local code
    { "$@" 2>err; echo $? >code; } | head -1 >out
    code=$(cat code)
    [ "$code" = 0 ] || { cat err >&2; fail "exit $code when the reader goes: $*"; }
    [ ! -s err ] || { cat err >&2; fail "a reader that goes is complained of"; }
}
gone "$LONGHAUL" results
gone "$LONGHAUL" sql --format csv 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n'
gone "$LONGHAUL" sql 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n'
gone "$LONGHAUL" -q run in.jsonl --base-url "$base" -o -
for c in status results 'show q1' 'sql SELECT+1' 'db info'; do
    code=0
    # shellcheck disable=SC2086
    set -- $c
    "$LONGHAUL" "${@//+/ }" >/dev/full 2>err || code=$?
    [ $code = 1 ] || fail "$c to a full disk exits $code"
done
# The line of progress leaves room for the ^C that the terminal echoes behind it, or it would stand there for good.
if command -v script >/dev/null; then
    make_input 6 | sed 's/question/narrow question/' >narrow.jsonl
    script -qec "stty cols 40; '$LONGHAUL' run narrow.jsonl --base-url $base --window 3/1 --max-tokens-total 900000" /dev/null </dev/null >drawn
    widest=$(tr '\r' '\n' <drawn | sed 's/\x1b\[K//g' | grep -E '^[0-9]+/6 ' | sed 's/…/./' | awk 'length > most { most = length } END { print most + 0 }')
    [ "$widest" = 38 ] || { cat -v drawn >&2; fail "the line of progress is $widest wide on 40 columns"; }
fi

# A provider that echoes the key, in an error and in an answer: it reaches neither the database nor the screen nor the output.
. "$LH_SOURCE_DIR/tests/lib.sh"
command -v node >/dev/null || { echo "node is missing"; exit 77; }
cat >echo.js <<'JS'
const fs = require('fs');
require('http').createServer((req, res) => {
    let body = '';
    req.on('data', d => body += d).on('end', () => {
        const key = req.headers.authorization.slice(7), bad = body.includes('question 1"');
        res.writeHead(bad ? 400 : 200, {'content-type': 'application/json', 'x-request-id': key});
        res.end(JSON.stringify(bad ? {error: {message: 'wrong key <' + key + '>', code: key}}
                                   : {choices: [{message: {content: 'your key is ' + key}, finish_reason: key}]}));
    });
}).listen(0, '127.0.0.1', function () { fs.writeFileSync('port', String(this.address().port)); });
JS
node echo.js & sim_pid=$!
for _ in $(seq 100); do [ -s port ] && break; sleep 0.05; done
make_input 3 >in.jsonl
export OPENAI_API_KEY=zq8-plain-words-and-9-digits
expect 3 "$LONGHAUL" -v run in.jsonl -o out.jsonl --base-url "http://127.0.0.1:$(cat port)/v1"
[ "$(grep -c 'your key is \*\*\*' out.jsonl)" = 2 ] || { cat out.jsonl >&2; fail "two answers expected"; }
expect 0 "$LONGHAUL" show q1
cp out show.txt
sqlite3 longhaul.db .dump >dump.txt
! grep -lF "$OPENAI_API_KEY" longhaul.db* out.jsonl show.txt dump.txt out err || fail "the key was kept or shown"

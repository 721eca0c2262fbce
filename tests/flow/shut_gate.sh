# While the gate is shut for long, nothing is held in hand: a crash loses no claims, and what comes with a higher priority goes
# first when it opens.
. "$LH_SOURCE_DIR/tests/lib.sh"
start_sim --latency 5
make_input 50 >low.jsonl
make_input 2 | sed 's/"q/"h/; s/question/urgent question/' >high.jsonl
state_of() { "$LONGHAUL" sql --format csv "SELECT count(*) FROM jobs WHERE state = '$1'" | tail -1 | tr -d '\r'; }
expect 0 "$LONGHAUL" submit low.jsonl --priority low
"$LONGHAUL" -q work --base-url "$base" --window 5/6 & pid=$!
for _ in $(seq 100); do [ "$(state_of done)" = 5 ] && [ "$(state_of running)" = 0 ] && break; sleep 0.05; done
[ "$(state_of done)" = 5 ] && [ "$(state_of running)" = 0 ] || fail "$(state_of running) jobs are held while nothing may go"
expect 0 "$LONGHAUL" submit high.jsonl --priority high
for _ in $(seq 200); do [ "$(state_of done)" -ge 10 ] && break; sleep 0.05; done
first=$("$LONGHAUL" sql --format csv "SELECT group_concat(custom_id) FROM (SELECT custom_id FROM attempts JOIN jobs ON id = job_id ORDER BY started_at, job_id DESC LIMIT 2 OFFSET 5)" | tail -1 | tr -d '\r"')
[ "$first" = h2,h1 ] || [ "$first" = h1,h2 ] || fail "$first went before what has a higher priority"
kill -9 $pid
wait $pid 2>/dev/null || true
[ "$(state_of running)" -le 5 ] || fail "claims were held at the crash"
sound longhaul.db

# Poison prompts die alone; they are listed, sent again, dropped. Exit 3 while there are any.
. "$LH_SOURCE_DIR/tests/lib.sh"
start_sim --latency 5
{ make_input 50; sed 's/question/POISON/; s/"q/"p/' <<<"$(make_input 5)"; } >in.jsonl
expect 3 "$LONGHAUL" run in.jsonl -o r.jsonl --base-url "$base"
[ "$(grep -c '"error":null' r.jsonl)" = 50 ] || fail "50 results expected"
[ "$(grep -c 'invalid_prompt' r.jsonl)" = 5 ] || fail "5 errors expected"
expect 0 "$LONGHAUL" dead list --where "custom_id LIKE 'p%' AND died_at > 0"
[ "$(wc -l <out)" = 6 ] || fail "a head and five letters expected"
expect 1 "$LONGHAUL" dead list --where "1) OR (1"
expect 2 "$LONGHAUL" dead requeue
expect 0 "$LONGHAUL" dead requeue --batch in
end_sim
start_sim --latency 5 --poison NOTHING
expect 0 "$LONGHAUL" run in.jsonl -o r.jsonl --base-url "$base"
[ "$(grep -c '"error":null' r.jsonl)" = 55 ] || fail "55 results expected"
expect 0 "$LONGHAUL" show p1
[ "$(grep -c '^  #' out)" = 2 ] || fail "two attempts expected"
sound longhaul.db

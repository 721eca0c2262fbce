# What the simulated provider tells of tokens is what was counted before: times a factor for Claude, a part of it cached, answers of a given length.
. "$LH_SOURCE_DIR/tests/lib.sh"
holds() { [ "$("$LONGHAUL" sql --format csv "SELECT count(*) = $1 AND $2 FROM results r JOIN jobs j ON j.id = r.job_id JOIN requests q ON q.job_id = j.id WHERE $3" | tail -1 | tr -d '\r')" = 1 ] || fail "$3: not $2"; }

start_sim --latency 0 --output 30 --cached 50 --claude-factor 1.5
make_input 20 >in.jsonl
make_input 20 | sed 's/"q/"c/; s/chat.completions/messages/; s/"sim"/"claude-x"/' >>in.jsonl
expect 0 "$LONGHAUL" run in.jsonl -o out.jsonl --base-url "$base"
holds 20 "min(r.prompt_tokens = j.prompt_tokens)" "custom_id LIKE 'q%'"
holds 20 "min(r.prompt_tokens = CAST(j.prompt_tokens * 1.5 + 0.5 AS INTEGER))" "custom_id LIKE 'c%'"
holds 40 "min(r.cached_tokens = r.prompt_tokens / 2) AND min(r.completion_tokens) = 30 AND max(r.completion_tokens) = 30" "1"
[ "$(grep -c '"service_tier":"default"' out.jsonl)" = 20 ] || fail "the tier is not told"
expect 2 "$LONGHAUL" sim --port 0 --output 0; says '1 token or more'
expect 2 "$LONGHAUL" sim --port 0 --output many; says 'output is "many"'
expect 2 "$LONGHAUL" sim --port 0 --cached 101; says 'it must be 0 to 100'
expect 2 "$LONGHAUL" sim --port 0 --claude-factor 0; says 'it must be 0.1 to 10'

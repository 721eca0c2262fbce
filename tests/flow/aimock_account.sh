# A wrong key, then an account without credit: the run stops with exit 4, nothing dies, the key is told nowhere, and the same command goes
# on once the cause is gone. Both dialects.
. "$LH_SOURCE_DIR/tests/flow/lib_aimock.sh"
told userMessage question '{"content":"an answer"}' | fixtures
export OPENAI_API_KEY=sk-right-key-1234567 ANTHROPIC_API_KEY=sk-right-key-1234567
AIMOCK_API_KEYS=$OPENAI_API_KEY start_aimock
for case in OPENAI_API_KEY:/v1/chat/completions ANTHROPIC_API_KEY:/v1/messages; do
    name=batch-${case%%:*}
    for i in 1 2 3 4 5 6; do ask "q$i" "${case#*:}" "question $i?"; done >"$name.jsonl"
    expect 4 env "${case%%:*}=sk-wrong-key-7654321" "$LONGHAUL" run "$name.jsonl" -o results.jsonl --base-url "$base"
    says 'Invalid API key'
    says "${case%%:*}"
    if grep -qaE 'key-7654321|key-1234567' err out longhaul.db*; then fail "a key was written"; fi
    holds "6,0" "SELECT jobs_ready, jobs_dead FROM batches WHERE name = '$name'"
    holds "401,account" "SELECT DISTINCT status_code, outcome FROM attempts WHERE outcome <> 'success'"
    expect 0 "$LONGHAUL" run "$name.jsonl" -o results.jsonl --base-url "$base"
    each_once results.jsonl 6
done
end_sim

{
    told_first 0 chat '{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"},"status":429}'
    told_first 0 claude '{"error":{"message":"Your credit balance is too low to access the API","type":"invalid_request_error"},"status":400}'
    told userMessage . '{"content":"an answer"}'
} | fixtures
start_aimock
for what in chat claude; do
    url=/v1/messages
    [ $what = claude ] || url=/v1/chat/completions
    ask q1 $url "$what." >$what.jsonl
    expect 4 "$LONGHAUL" run $what.jsonl -o results.jsonl --base-url "$base"
    holds "ready" "SELECT j.state FROM jobs j JOIN batches b ON b.id = j.batch_id WHERE name = '$what'"
    expect 0 "$LONGHAUL" run $what.jsonl -o results.jsonl --base-url "$base"
    each_once results.jsonl 1
done
sound longhaul.db

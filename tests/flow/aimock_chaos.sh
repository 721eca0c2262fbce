# Drops, cut and malformed bodies, disconnects and refusals at the switches of a provider that others wrote: every custom_id once, each
# answer that of its own question; what never ends well is a dead letter that says why.
. "$LH_SOURCE_DIR/tests/flow/lib_aimock.sh"
n=300
{
    for i in $(seq 1 $n); do told userMessage "question $i?" "{\"content\":\"echo: question $i?\"}"; done
    for kind in drop malformed disconnect rateLimit; do
        printf '{"match":{"userMessage":"%s"},"response":{"content":"never"},"chaos":{"%sRate":1}}\n' "always-$kind" $kind
    done
} | fixtures
for i in $(seq 1 $n); do
    url=/v1/chat/completions
    [ $((i % 2)) = 0 ] || url=/v1/messages
    ask "q$i" $url "question $i?"
done >in.jsonl
start_aimock --chaos-drop 0.1 --chaos-malformed 0.1 --chaos-disconnect 0.1
expect 0 "$LONGHAUL" run in.jsonl -o results.jsonl --base-url "$base" --max-attempts 12 --backoff-initial 0.02 --backoff-max 0.2
each_once results.jsonl $n
own_answers longhaul.db
holds "bad_json,200
chaos_drop,500" "SELECT DISTINCT error_code, status_code FROM attempts WHERE outcome <> 'success' AND status_code IS NOT NULL ORDER BY 1"
holds 1 "SELECT count(*) > 0 FROM attempts WHERE outcome = 'transient' AND status_code IS NULL"
# It counted as many faults and answers as the attempts tell: none was forgotten, none sent twice. Only of disconnects it saw more, as
# libcurl asks once more by itself when a kept connection dies unanswered.
met() { journal | grep -o "\"chaosAction\":\"$1\"" | wc -l; }
holds "$(met drop),$(met malformed),$n" "SELECT sum(error_code IS 'chaos_drop'), sum(error_code IS 'bad_json'),
    sum(outcome = 'success') FROM attempts"
holds 1 "SELECT sum(status_code IS NULL) BETWEEN 1 AND $(met disconnect) FROM attempts"
sound longhaul.db
end_sim

start_aimock
for kind in drop malformed disconnect rateLimit; do
    ask $kind-chat /v1/chat/completions "always-$kind"
    ask $kind-claude /v1/messages "always-$kind"
done >never.jsonl
expect 3 "$LONGHAUL" run never.jsonl -o results.jsonl --base-url "$base" --max-attempts 2 --max-throttles 1 --backoff-initial 0.02
[ "$(grep -c '"error":{' results.jsonl)" = 8 ] || fail "8 errors expected"
for dialect in chat claude; do
    holds "disconnect,attempts,transient,,2
drop,attempts,transient,500,2
malformed,attempts,transient,200,2
rateLimit,throttles,throttled,429,2" "SELECT replace(custom_id, '-$dialect', ''), reason, error_class, d.status_code, j.sends
    FROM dead_letters d JOIN jobs j ON j.id = d.job_id WHERE custom_id LIKE '%-$dialect' ORDER BY 1"
done
sound longhaul.db

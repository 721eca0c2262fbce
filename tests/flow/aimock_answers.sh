# Chat completions, responses, messages and embeddings in one batch, answered by a provider that others wrote: each custom_id once, each
# answer that of its own question, the tokens as told, the keys of each dialect in their own headers.
. "$LH_SOURCE_DIR/tests/flow/lib_aimock.sh"
urls=(/v1/chat/completions /v1/responses /v1/messages /v1/embeddings)
n=200
for i in $(seq 1 $n); do
    told userMessage "question $i?" "{\"content\":\"answer $i\",\"finishReason\":\"length\",\"usage\":{\"prompt_tokens\":$((1000 + i)),\"completion_tokens\":$i}}"
    told inputText "question $i?" "{\"embedding\":[$i,0.5]}"
done | fixtures
for i in $(seq 1 $n); do ask "q$i" "${urls[$((i % 4))]}" "question $i?"; done >in.jsonl
AIMOCK_API_KEYS=key-of-openai,key-of-anthropic start_aimock
export OPENAI_API_KEY=key-of-openai ANTHROPIC_API_KEY=key-of-anthropic
expect 0 "$LONGHAUL" run in.jsonl -o results.jsonl --base-url "$base" --concurrency 20
each_once results.jsonl $n
holds 0 "SELECT count(*) FROM job_results WHERE json_extract(response, '\$.data[0].embedding[0]') IS NULL
    AND answer IS NOT 'answer ' || substr(custom_id, 2)"
holds 50 "SELECT count(*) FROM job_results WHERE json_extract(response, '\$.data[0].embedding[0]') = CAST(substr(custom_id, 2) AS INTEGER)"
holds 0 "SELECT count(*) FROM job_results JOIN requests USING (job_id) WHERE url <> '/v1/embeddings'
    AND (prompt_tokens IS NOT 1000 + substr(custom_id, 2) OR completion_tokens IS NOT 0 + substr(custom_id, 2))"
holds "/v1/chat/completions,length
/v1/embeddings,
/v1/messages,max_tokens
/v1/responses,incomplete" "SELECT DISTINCT url, finish_reason FROM job_results JOIN requests USING (job_id) ORDER BY url"
holds "$n,$n,0" "SELECT count(*), sum(outcome = 'success'), sum(request_id IS NULL) FROM attempts"
holds 1 "SELECT prompt_tokens = (SELECT sum(prompt_tokens) FROM results) AND completion_tokens = (SELECT sum(completion_tokens) FROM results) FROM batches"
sound longhaul.db

# Each dialect's key went in its own header, and only there.
carry() { journal "path=$1" | grep -oi "\"$2\":" | wc -l; }
[ "$(carry /v1/messages anthropic-version)" = 50 ] || fail "messages carry no anthropic-version"
[ "$(carry /v1/messages x-api-key),$(carry /v1/messages authorization)" = 50,0 ] || fail "messages carry the wrong headers"
[ "$(carry /v1/chat x-api-key),$(carry /v1/chat authorization)" = 0,50 ] || fail "chat completions carry the wrong headers"
[ "$(journal | grep -oE '"idempotency-key":"[^"]*"' | sort -u | wc -l)" = $n ] || fail "each request needs an Idempotency-Key of its own"

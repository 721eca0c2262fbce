# Errors in both dialects' formats, written by others: what passes is asked again after the wait it names, what does not is a dead letter of
# the right class.
. "$LH_SOURCE_DIR/tests/flow/lib_aimock.sh"
error() { printf '{"error":{"message":"%s","type":"%s"%s},"status":%s%s}' "$2" "$3" "${4:+,\"code\":\"$4\"}" "$1" "${5:+,\"retryAfter\":$5}"; }
limited=$(error 429 'Too many requests' rate_limit_error rate_limit_exceeded 2)
{
    told_first 0 limited. "$limited"
    told_first 0 chat-500. "$(error 500 'The server had an error' server_error)"
    told_first 1 chat-500. "$(error 502 'Bad gateway' server_error)"
    told_first 0 chat-529. "$(error 529 'Overloaded' overloaded_error)"
    told_first 0 chat-503. "$(error 503 'The engine is currently overloaded' server_error)"
    told_first 0 claude-500. "$(error 500 'Internal server error' api_error)"
    told_first 0 claude-529. "$(error 529 'Overloaded' overloaded_error)"
    told_first 0 claude-429. "$(error 429 'This request would exceed your rate limit' rate_limit_error '' 1)"
    told userMessage always-500. "$(error 500 'Down for good' server_error)"
    told userMessage chat-400. "$(error 400 "Unsupported value: 'temperature'" invalid_request_error unsupported_value)"
    told userMessage chat-long. "$(error 400 'maximum context length is 8192 tokens' invalid_request_error context_length_exceeded)"
    told userMessage claude-400. "$(error 400 'messages.0.role: bad' invalid_request_error)"
    told userMessage claude-413. "$(error 413 'Request exceeds the maximum size' request_too_large)"
    told userMessage . '{"content":"an answer"}'
} | fixtures
for what in limited chat-500 chat-529 chat-503 always-500 chat-400 chat-long; do ask $what /v1/chat/completions "$what."; done >in.jsonl
for what in claude-500 claude-529 claude-429 claude-400 claude-413; do ask $what /v1/messages "$what."; done >>in.jsonl
ask nowhere /v1/chat/nowhere nowhere. >>in.jsonl
start_aimock
expect 3 "$LONGHAUL" run in.jsonl -o results.jsonl --base-url "$base" --backoff-initial 0.02 --backoff-max 0.1 --max-attempts 3
[ "$(grep -oE '"custom_id":"[^"]*"' results.jsonl | sort | uniq -c | awk '$1 == 1' | wc -l)" = 13 ] || fail "13 custom_ids expected, each once"
holds "always-500,attempts,transient,server_error,500,3
chat-400,permanent,permanent,unsupported_value,400,1
chat-long,permanent,permanent,context_length_exceeded,400,1
claude-400,permanent,permanent,invalid_request_error,400,1
claude-413,permanent,permanent,request_too_large,413,1
nowhere,permanent,permanent,not_found,404,1" "SELECT custom_id, reason, error_class, error_code, status_code, d.attempts
    FROM dead_letters d JOIN jobs j ON j.id = d.job_id ORDER BY custom_id"
holds "chat-500,500 transient|502 transient|200 success
chat-503,503 throttled|200 success
chat-529,529 throttled|200 success
claude-429,429 throttled|200 success
claude-500,500 transient|200 success
claude-529,529 throttled|200 success
limited,429 throttled|200 success" "SELECT custom_id, group_concat(status_code || ' ' || outcome, '|')
    FROM (SELECT * FROM attempts ORDER BY number) a JOIN jobs j ON j.id = a.job_id WHERE state = 'done' GROUP BY 1 ORDER BY 1"
# A throttle is no attempt, and its wait is kept.
holds "limited,1,1" "SELECT custom_id, attempts, throttles FROM jobs WHERE custom_id = 'limited'"
holds "1" "SELECT min(b.started_at - a.started_at >= a.retry_after_ms AND a.retry_after_ms >= 1000) FROM attempts a JOIN attempts b
    ON b.job_id = a.job_id AND b.number = a.number + 1 WHERE a.status_code = 429"
sound longhaul.db

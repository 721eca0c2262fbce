# The simulated provider over HTTP: headers of limits in each dialect, refusals with and without a wait, outages, its figures.
. "$LH_SOURCE_DIR/tests/lib.sh"
chat='{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"question"}]}'
# ask PATH: status in code (000: no answer), headers in headers, body in body.
ask() { code=$(curl -s -o body -D headers -w '%{http_code}' -H 'Content-Type: application/json' -d "$chat" "$base/$1" || true); }
has() { grep -qiE "^$1"$'\r?$' headers || { cat headers >&2; fail "no header $1"; }; }
has_not() { ! grep -qiE "^$1" headers || { cat headers >&2; fail "there is a header $1"; }; }

start_sim --latency 0 --rpm 6 --tpm 6000
ask chat/completions; [ "$code" = 200 ] || fail "the first was not answered: $code"
has 'x-ratelimit-limit-requests: 6'; has 'x-ratelimit-remaining-requests: 0'; has 'x-ratelimit-reset-requests: 10s'
has 'x-ratelimit-limit-tokens: 6000'; has 'x-ratelimit-remaining-tokens: [0-9]+'; has 'x-ratelimit-reset-tokens: [0-9]+ms'
ask messages; [ "$code" = 429 ] || fail "the second was not refused: $code"
has 'anthropic-ratelimit-requests-limit: 6'; has 'anthropic-ratelimit-requests-reset: 20..-..-..T..:..:..Z'
has 'retry-after: [0-9]+'; has 'retry-after-ms: [0-9]+'; has_not x-ratelimit
grep -q rate_limit_error body || fail "not Anthropic's words: $(cat body)"
curl -s "${base%/v1}/sim/stats" >stats
for figure in '"granted_requests":1,' '"refused_for_rate":1,' '"refused_percent":50.000' '"rpm":6,' '"allowance_requests":[0-9]+,' \
    '"largest_burst":[12],' '"utilisation_tokens_percent":[0-9.n]+' '"series_came":\[[0-9,]+\]' '"outages":\[\]'; do
    grep -qE "$figure" stats || { cat stats >&2; fail "$figure is not among the figures"; }
done
curl -s -D headers "${base%/v1}/sim" >page
has 'Content-Type: text/html'; grep -q '<polyline' page || fail "the page shows no series"
end_sim

start_sim --latency 0 --rpm 6 --enforce window --limit-headers none --no-retry-after
for n in 1 2 3 4 5 6 7; do ask chat/completions; done
[ "$code" = 429 ] || fail "the seventh of six in a minute was not refused: $code"
has_not retry-after; has_not x-ratelimit
! grep -q 'again in' body || fail "a wait is told: $(cat body)"
end_sim

start_sim --latency 0 --rpm 6 --enforce minute --limit-headers anthropic --change 0s:rpm=2
for n in 1 2; do ask chat/completions; [ "$code" = 200 ] || fail "answer $n: $code"; done
has 'anthropic-ratelimit-requests-limit: 2'; has 'anthropic-ratelimit-requests-remaining: 0'
ask chat/completions; [ "$code" = 429 ] || fail "the third was not refused: $code"
end_sim

for kind in 503 529; do
    start_sim --latency 0 --outage 0s..600s:$kind
    ask messages; [ "$code" = $kind ] || fail "an outage of $kind was $code"
    grep -q overloaded_error body || fail "not Anthropic's words: $(cat body)"
    end_sim
done
rm -f port
"$LONGHAUL" sim --port 0 --port-file port --outage 0s..600s:reset 2>said & sim_pid=$!
for _ in $(seq 1 200); do [ -s port ] && break; sleep 0.05; done
base=http://127.0.0.1:$(cat port)/v1
ask chat/completions; [ "$code" = 000 ] || fail "a reset was $code"
end_sim
grep -q '1 came during outages' said || { cat said >&2; fail "the summary does not tell of the outage"; }

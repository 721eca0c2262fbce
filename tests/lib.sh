# Pieces that the scripts share; sourced. Every process that is started here is ended here, by its pid.
set -eu
sim_pid=
fail() { echo "FAILED: $*" >&2; exit 1; }
end_sim() { if [ -n "$sim_pid" ]; then kill "$sim_pid" 2>/dev/null || true; wait "$sim_pid" 2>/dev/null || true; sim_pid=; fi; }
trap end_sim EXIT

# start_sim OPTION…: sets sim_pid and base.
start_sim() {
    rm -f port
    "$LONGHAUL" -q sim --port 0 --port-file port "$@" &
    sim_pid=$!
    for _ in $(seq 1 200); do [ -s port ] && break; kill -0 $sim_pid || fail "sim did not start"; sleep 0.05; done
    [ -s port ] || fail "sim did not say its port"
    base=http://127.0.0.1:$(cat port)/v1
}

# make_input N: OpenAI Batch lines on standard output, custom_ids q1 … qN.
make_input() {
    awk -v n="$1" 'BEGIN { for (i = 1; i <= n; i++)
        printf "{\"custom_id\":\"q%d\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\",\"body\":{\"model\":\"sim\",\"max_tokens\":40,\"messages\":[{\"role\":\"user\",\"content\":\"question %d\"}]}}\n", i, i }'
}

# expect CODE COMMAND…: runs it, output in out and err.
expect() {
    local want=$1 code=0
    shift
    "$@" >out 2>err || code=$?
    [ "$code" = "$want" ] || { cat out err >&2; fail "exit $code instead of $want: $*"; }
}
says() { grep -qF -- "$1" err || { cat err >&2; fail "does not say: $1"; }; }

# each_once FILE N: every custom_id q1…qN stands exactly once.
each_once() {
    grep -oE '"custom_id":"[^"]*"' "$1" | sort >ids
    seq 1 "$2" | sed 's/.*/"custom_id":"q&"/' | sort >wanted
    cmp -s ids wanted || { diff ids wanted | head >&2; fail "$1 does not hold each custom_id once"; }
}

# own_answers DB: each result holds the question of its own request.
own_answers() {
    local wrong
    wrong=$("$LONGHAUL" --db "$1" sql --format csv "SELECT count(*) FROM job_results WHERE state = 'done' AND answer NOT LIKE '%: ' || json_extract(request, '\$.messages[0].content')" | tail -1 | tr -d '\r')
    [ "$wrong" = 0 ] || fail "$wrong results belong to another request"
}
sound() { "$LONGHAUL" --db "$1" db check >/dev/null || fail "$1 is not sound"; }
stat_of() { curl -s "${base%/v1}/sim/stats" | sed -E "s/.*\"$1\":([0-9]+).*/\1/"; }

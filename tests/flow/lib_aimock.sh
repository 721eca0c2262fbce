# A provider that others wrote: @copilotkit/aimock, installed by the test setup.npm. Sourced by the flows whose names begin with aimock.
# Its CommonJS build is the one that Debian's node 18 can load. A fixed seed makes its dice fall the same way in each run.
. "$LH_SOURCE_DIR/tests/lib.sh"
aimock_cli=$LH_BUILD_DIR/tests/npm/node_modules/@copilotkit/aimock/dist/cli.cjs
command -v node >/dev/null || { echo "skipped: there is no node here"; exit 77; }
[ -e "$aimock_cli" ] || { echo "skipped: npm could not install aimock"; exit 77; }

# start_aimock OPTION…: serves fixtures.json; sets sim_pid, so that it is ended like the other one, and base.
start_aimock() {
    node --random-seed=7 "$aimock_cli" --port 0 --fixtures fixtures.json --validate-on-load --journal-max 0 "$@" >aimock.log 2>&1 &
    sim_pid=$!
    for _ in $(seq 1 400); do grep -q listening aimock.log && break; kill -0 $sim_pid || break; sleep 0.05; done
    base=$(sed -n 's/.*listening on \(http:.*\)/\1/p' aimock.log)/v1
    [ "$base" != /v1 ] || { cat aimock.log >&2; fail "aimock did not start"; }
}
# fixtures LINE…: writes fixtures.json from one JSON object a line on standard input.
fixtures() { { echo '{"fixtures":['; paste -sd, -; echo ']}'; } >fixtures.json; }

# told WORD TEXT RESPONSE: a fixture that answers prompts holding TEXT; WORD is userMessage or inputText.
told() { printf '{"match":{"%s":"%s"},"response":%s}\n' "$1" "$2" "$3"; }
# told_first N TEXT RESPONSE: only at the N-th time (from 0) that this TEXT comes.
told_first() { printf '{"match":{"userMessage":"%s","sequenceIndex":%s},"response":%s}\n' "$2" "$1" "$3"; }

# ask ID URL TEXT: one OpenAI Batch line.
ask() {
    local body
    case $2 in
        */embeddings | */responses) body="\"input\":\"$3\"" ;;
        *) body="\"max_tokens\":40,\"messages\":[{\"role\":\"user\",\"content\":\"$3\"}]" ;;
    esac
    printf '{"custom_id":"%s","method":"POST","url":"%s","body":{"model":"some-model",%s}}\n' "$1" "$2" "$body"
}

# rows QUERY: the answer of SQL as CSV without its head.
rows() { "$LONGHAUL" sql --format csv "$1" | tail -n +2 | tr -d '\r'; }
# holds WANTED QUERY: the rows of QUERY are WANTED.
holds() { local got; got=$(rows "$2"); [ "$got" = "$1" ] || fail "$2 gives:"$'\n'"$got"$'\n'"instead of:"$'\n'"$1"; }
# journal FILTER: what aimock says it saw.
journal() { curl -s -H "Authorization: Bearer ${OPENAI_API_KEY:-none}" "${base%/v1}/__aimock/journal?${1:-}"; }

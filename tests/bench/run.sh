#!/bin/bash
# How fast, as ratios of one run: run.sh [SECTION…], all of them without. BUILD is the folder of a release build with tests.
# Sections: http, slow, store, ingest, million, claim, tenants, orphans, adaptive, tokens, judge. SCALE=small is a quick look (figures of a tenth of the jobs).
# Each line: what, the figures, the ratio, what it should be at least (or at most). Machines are noisy: a ratio counts, not a time.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
BUILD=${BUILD:-$here/../../build/release}
bin=$BUILD/tests
longhaul=$BUILD/longhaul
by=$([ "${SCALE:-full}" = small ] && echo 10 || echo 1)
work=$(mktemp -d "${TMPDIR:-/tmp}/longhaul-bench.XXXXXX")
unset OPENAI_BASE_URL ANTHROPIC_BASE_URL ANTHROPIC_API_KEY http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
export OPENAI_API_KEY=not-a-key
pids=()
finish() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait
    rm -rf "$work"
}
trap finish EXIT
cd "$work"

line() { printf '%-46s %s\n' "$1" "$2"; }
div() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }
rate() { sed -E 's/^([0-9]+) requests.*/\1/'; }
field() { awk -v n="$2" '{ print $n }' "$1"; }

# A static upstream that others wrote.
start_nginx() {
    [ -z "${url:-}" ] || return 0
    command -v nginx >/dev/null || { echo "nginx is missing: make deps-bench" >&2; exit 1; }
    mkdir -p nginx
    for port in $(seq 18400 18499); do
        sed "s/@PORT@/$port/" "$here/nginx.conf.in" >nginx/nginx.conf
        nginx -p "$work/nginx" -c nginx.conf -e "$work/nginx/error.log" 2>/dev/null &
        local pid=$!
        sleep 0.3
        if kill -0 $pid 2>/dev/null; then pids+=($pid); url=http://127.0.0.1:$port/v1; return 0; fi
    done
    echo "nginx did not start:" >&2; cat nginx/error.log >&2; exit 1
}

# whole_run JOBS BASE_URL CONCURRENCY: durable requests/s of a run, submit aside; the rest in run.time.
whole_run() {
    "$bin/bench_make_input" input.jsonl "$1"
    rm -f run.db run.db-*
    "$longhaul" -q --db run.db submit input.jsonl
    "$bin/bench_timed" run.time "$longhaul" -q --db run.db work --base-url "$2" --concurrency "$3" --rpm 0 >/dev/null
    [ "$("$longhaul" --db run.db sql --format csv "SELECT count(*) FROM results" | tail -1 | tr -d '\r')" = "$1" ] ||
        { echo "not all were done" >&2; exit 1; }
    awk -v n="$1" '{ printf "%.0f", n / $1 }' run.time
}

section_http() {
    start_nginx
    local n=$((100000 / by)) before client whole after bare
    before=$("$bin/bench_bare_loop" "$url/chat/completions" $n 64 600 | rate)
    client=$("$bin/bench_http_loop" "$url/chat/completions" $n 64 600 | rate)
    whole=$(whole_run $n "$url" 64)
    after=$("$bin/bench_bare_loop" "$url/chat/completions" $n 64 600 | rate)
    bare=$(((before + after) / 2))
    line "src/http alone, 64 at once" "$client/s, bare loop $bare/s, ratio $(div $client $bare)"
    line "whole run, durable, 64 at once" "$whole/s, bare loop $bare/s, ratio $(div $whole $bare) (at least 0.75)"
}

section_slow() {
    local n=$((50000 / by)) bare whole
    "$longhaul" -q sim --port 0 --port-file port --latency 200 & pids+=($!)
    for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
    local slow=http://127.0.0.1:$(cat port)/v1
    bare=$("$bin/bench_bare_loop" "$slow/chat/completions" $n 1000 600 | rate)
    whole=$(whole_run $n "$slow" 1000)
    line "200 ms upstream, 1,000 at once" "$whole/s, bare loop $bare/s, ratio $(div $whole $bare) (at least 0.95)"
}

section_store() {
    line "store alone, groups of 64, full" "$("$bin/bench_store_loop" . $((100000 / by)) 64 full) (at least 0.9)"
    line "store alone, groups of 64, normal" "$("$bin/bench_store_loop" . $((100000 / by)) 64 normal) (at least 0.9)"
}

section_ingest() {
    "$bin/bench_ingest_loop" . $((1000000 / by)) >ingest
    line "submit, 600-byte lines" "$(sed -n 1p ingest) (at least 0.6)"
    line "submit, read and parsed only" "$(sed -n 2p ingest)"
}

# batch JOBS: submit, run, export; wall seconds and peak MB of each into submit, work, results.
batch() {
    "$bin/bench_make_input" input.jsonl "$1"
    rm -f run.db run.db-* out.jsonl
    "$bin/bench_timed" submit "$longhaul" -q --db run.db submit input.jsonl
    "$bin/bench_timed" work "$longhaul" -q --db run.db work --base-url "$url" --concurrency 64 >/dev/null
    "$bin/bench_timed" results "$longhaul" -q --db run.db results -o out.jsonl
    [ "$(wc -l <out.jsonl)" = "$1" ] || { echo "not all were exported" >&2; exit 1; }
    [ "$(grep -oE '"custom_id":"[^"]*"' out.jsonl | sort -u | wc -l)" = "$1" ] || { echo "some stand twice" >&2; exit 1; }
    for step in submit work results; do
        line "$1 jobs, $step" "$(field $step 1) s, $(field $step 2) s of CPU, peak $(($(field $step 3) / 1024)) MB"
        cp $step $step.$1
    done
}

section_million() {
    start_nginx
    local few=$((100000 / by)) many=$((1000000 / by))
    batch $few
    batch $many
    for step in submit work results; do
        line "peak memory of $step, ten times the jobs" "ratio $(div "$(field $step.$many 3)" "$(field $step.$few 3)") (at most 1.10 and 64 MB)"
    done
}

section_claim() {
    line "claim in a large table" "$("$bin/bench_claim_loop" . $((100000 / by)) $((10000000 / by))) (at most 2)"
}

section_tenants() {
    echo "many tenants and batches, groups of 64 (a claim at most 2)"
    "$bin/bench_tenants_loop" . $((100000 / by)) $((5000 / by)) | sed 's/^/    /'
}

section_orphans() {
    line "after a crash" "$("$bin/bench_first_request" . "$longhaul" $((1000000 / by)) 1000) (at most 100 ms)"
}

section_adaptive() {
    echo "adaptive rate against simulated providers, worst of all runs (used at least 85, refused at most chance and 3)"
    "$bin/bench_adaptive_sweep" $((20 / by)) 777 | sed 's/^/    /'
}

. "$here/judge.sh"
. "$here/tokens.sh"

for section in "${@:-http slow store ingest million claim tenants orphans adaptive tokens judge}"; do
    for name in $section; do "section_$name"; done
done

#!/bin/bash
# Makes docs/limits.svg: a run of six minutes against a simulated provider whose limit of 1,200 a minute is told to nobody, halves after two
# minutes and comes back after four. Called by `make picture`, with the program in $LONGHAUL.
set -euo pipefail
docs=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/longhaul-picture.XXXXXX")
sim=
finish() { [ -z "$sim" ] || kill "$sim" 2>/dev/null || true; wait; rm -rf "$work"; }
trap finish EXIT
cd "$work"
unset OPENAI_BASE_URL
export OPENAI_API_KEY=not-a-key
awk 'BEGIN { for (i = 1; i <= 12000; i++) printf "{\"messages\":[{\"role\":\"user\",\"content\":\"question %d\"}],\"max_tokens\":5}\n", i }' >in.jsonl
"$LONGHAUL" -q sim --port 0 --port-file port --latency 50..150 --rpm 1200 --change 120s:rpm=600,240s:rpm=1200 --limit-headers none --no-retry-after & sim=$!
for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
code=0
timeout -s TERM 360 "$LONGHAUL" -q run in.jsonl --model sim --base-url "http://127.0.0.1:$(cat port)/v1" || code=$?
[ $code = 124 ] || { echo "the run ended by itself, with $code" >&2; exit 1; } # stopped by the clock, as meant
curl -s "http://127.0.0.1:$(cat port)/sim/stats" | sed -E 's/,"series.*//'
echo
bash "$docs/rate_over_time.sh" longhaul.db "$docs/limits.svg" 0:20,120:10,240:20
echo "docs/limits.svg is made anew"

# A provider that is gone for a second, with many requests out, costs seconds and not half a minute: those that failed together are one failure.
. "$LH_SOURCE_DIR/tests/lib.sh"
make_input 3000 >in.jsonl
start_sim --latency 50
port=$(cat port)
"$LONGHAUL" -q run in.jsonl -o out.jsonl --base-url "$base" --concurrency 40 & pid=$!
for _ in $(seq 200); do [ "$(stat_of requests)" -ge 200 ] && break; sleep 0.05; done
end_sim
sleep 1
"$LONGHAUL" -q sim --port "$port" --latency 50 & sim_pid=$!
for _ in $(seq 200); do [ "$(stat_of requests)" -ge 20 ] 2>/dev/null && break; sleep 0.1; done
[ "$(stat_of requests)" -ge 20 ] || fail "nothing came in twenty seconds after the provider was back"
code=0; wait $pid || code=$?
[ $code = 0 ] || fail "the run exits $code"
each_once out.jsonl 3000
sound longhaul.db

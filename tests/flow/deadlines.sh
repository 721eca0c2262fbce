# A job is given up at its deadline, waits and retries included; the time without a worker does not count.
. "$LH_SOURCE_DIR/tests/lib.sh"
value() { "$LONGHAUL" sql --format csv "$1" | tail -1 | tr -d '\r'; }

# A provider that never answers some: their attempts are cut at what is left, and no job outlives its deadline.
make_input 200 | sed '/"q[12]*0"/s/question/POISON/' >in.jsonl
poisoned=$(grep -c POISON in.jsonl)
start_sim --latency 5 --poison-kind hang
expect 3 "$LONGHAUL" run in.jsonl -o out.jsonl --base-url "$base" --concurrency 250 --job-deadline 3 --timeout 1 --backoff-initial 0.1 --max-attempts 100
says "$poisoned at their deadline"
each_once out.jsonl 200
[ "$(value "SELECT count(*) FROM dead_letters WHERE reason = 'deadline' AND error_code = 'timeout' AND message LIKE '%tried since 20%'")" = "$poisoned" ] || fail "not all that hung died of their deadline"
[ "$(value "SELECT min(n) > 1 FROM (SELECT count(*) AS n FROM attempts WHERE outcome <> 'success' GROUP BY job_id)")" = 1 ] || fail "none was tried again"
[ "$(value "SELECT count(*) FROM attempts a JOIN jobs j ON j.id = a.job_id WHERE a.started_at >= j.deadline_at")" = 0 ] || fail "an attempt began after its deadline"
sound longhaul.db

# dead list finds them by their reason, a requeue gives the whole time again.
expect 0 "$LONGHAUL" dead list --reason deadline; grep -q timeout out || fail "the list does not tell the last error"
expect 0 "$LONGHAUL" dead requeue --reason deadline
[ "$(value "SELECT count(*) FROM jobs WHERE state = 'ready' AND deadline_at IS NULL")" = "$poisoned" ] || fail "a requeue keeps the deadline"
end_sim
start_sim --latency 5 --poison NOTHING
expect 0 "$LONGHAUL" run in.jsonl -o out.jsonl --base-url "$base" --job-deadline 60
each_once out.jsonl 200
sound longhaul.db
end_sim

# Killed with its jobs in flight, and started again only after their deadlines: none is late.
make_input 20 | sed 's/"q/"k/; s/question/POISON of the kill/' >kill.jsonl
start_sim --latency 5 --poison "of the kill" --poison-kind hang
"$LONGHAUL" -q run kill.jsonl --base-url "$base" --concurrency 50 --rpm 1000000 --job-deadline 2 & pid=$!
for _ in $(seq 200); do [ "$(value "SELECT jobs_running FROM batches WHERE name = 'kill'")" = 20 ] && break; sleep 0.02; done
kill -KILL $pid; wait $pid 2>/dev/null || true
end_sim
sleep 2.1
start_sim --latency 5 --poison NOTHING
expect 0 "$LONGHAUL" run kill.jsonl --base-url "$base" --job-deadline 2
sound longhaul.db

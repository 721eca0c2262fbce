# What ends a run early because it was told so: its deadline, a share of errors, a job that is late with --fail-fast.
. "$LH_SOURCE_DIR/tests/lib.sh"
value() { "$LONGHAUL" sql --format csv "$1" | tail -1 | tr -d '\r"'; }
run() { local input=$1; shift; "$LONGHAUL" run "$input" --base-url "$base" --backoff-initial 0.01 --backoff-max 0.05 --max-attempts 50 --breaker 0 "$@"; }

# --batch-deadline: claims no more, lets what is in flight finish, and the same command goes on.
start_sim --latency 100
make_input 400 >slow.jsonl
expect 4 run slow.jsonl --concurrency 5 --batch-deadline 1; says "--batch-deadline"; says "The same command goes on"
done=$(value "SELECT jobs_done FROM batches WHERE name = 'slow'")
[ "$done" -ge 1 ] && [ "$done" -lt 400 ] || fail "$done jobs were done by the deadline"
[ "$(value "SELECT count(*) FROM attempts WHERE outcome <> 'success'")" = 0 ] || fail "what was in flight did not finish"
[ "$(value "SELECT jobs_running FROM batches WHERE name = 'slow'")" = 0 ] || fail "jobs are left running"
expect 0 run slow.jsonl --concurrency 400 --batch-deadline 300
end_sim

# --alert-errors: a warning, a pause, a stop; refusals for rate are none of its business.
start_sim --latency 2 --faults 500=40 --max-faults 2
make_input 2000 | sed 's/"q/"w/; s/question/warned question/' >warn.jsonl
expect 0 run warn.jsonl --concurrency 4 --alert-errors 10%; says "of the attempts of the last minute failed"; says "transient"
[ "$(grep -c 'of the last minute failed' err)" = 1 ] || fail "it warned more than once"
make_input 2000 | sed 's/"q/"p/; s/question/paused question/' >pause.jsonl
expect 4 run pause.jsonl --concurrency 4 --alert-errors 10%:pause; says "of the last minute failed"; says "longhaul resume pause"
[ "$(value "SELECT state || ' ' || (pause_reason LIKE '%of the last minute failed%') FROM batches WHERE name = 'pause'")" = 'paused 1' ] || fail "the batch is not paused for its errors"
make_input 2000 | sed 's/"q/"t/; s/question/stopped question/' >stop.jsonl
expect 4 run stop.jsonl --concurrency 4 --alert-errors 10%:stop; says "of the last minute failed"; says "The same command goes on"
expect 2 run stop.jsonl --alert-errors 10%:shout; says "10%:shout"
end_sim
# A worker on all batches pauses the one with the errors and goes on with the others.
start_sim --latency 2 --poison-kind 500
make_input 2000 | sed 's/"q/"x/; s/question/POISON/' >bad.jsonl
make_input 200 | sed 's/"q/"y/; s/question/good question/' >good.jsonl
db=$PWD/all.db
expect 0 "$LONGHAUL" --db "$db" submit bad.jsonl
expect 0 "$LONGHAUL" --db "$db" submit good.jsonl
expect 4 "$LONGHAUL" --db "$db" work --base-url "$base" --concurrency 4 --breaker 0 --backoff-initial 0.05 --max-attempts 1000 --alert-errors 10%:pause; says "batch paused"
[ "$("$LONGHAUL" --db "$db" sql --format csv "SELECT group_concat(state, ' ') FROM batches" | tail -1 | tr -d '\r"')" = "paused finished" ] || fail "the wrong batch was paused"
sound "$db"
end_sim
start_sim --latency 2 --faults 429=40 --max-faults 2
make_input 300 | sed 's/"q/"r/; s/question/refused question/' >rate.jsonl
expect 0 run rate.jsonl --concurrency 4 --alert-errors 1%:stop --max-retry-after 0.01
end_sim
sound longhaul.db

# --fail-fast with requests in flight, jobs that wait, bad lines and more jobs than one transaction cancels: nothing is left open.
start_sim --latency 20 --faults 500=50 --max-faults 1
{ make_input 200; echo '{"custom_id":"bad","nothing":1}'; make_input 1 | sed 's/question/POISON/; s/"q1"/"p1"/'; make_input 9000 | sed 's/"q/"f/; s/question/later question/'; } >fast.jsonl
expect 3 "$LONGHAUL" run fast.jsonl --base-url "$base" --skip-bad --concurrency 50 --fail-fast --backoff-initial 30 --backoff-max 30 --breaker 0; says "fail-fast"
[ "$(value "SELECT state || jobs_ready || jobs_waiting || jobs_running || jobs_dead FROM batches WHERE name = 'fast'")" = 'canceled0002' ] || fail "fail-fast left $(value "SELECT state || ' ' || jobs_ready || ' ' || jobs_waiting || ' ' || jobs_running || ' ' || jobs_dead FROM batches WHERE name = 'fast'")"
[ "$(value "SELECT jobs_done > 0 AND jobs_done + jobs_canceled = 9200 FROM batches WHERE name = 'fast'")" = 1 ] || fail "jobs were lost"
end_sim
# A job that is late is a dead letter like any other.
start_sim --latency 20 --poison-kind hang
{ make_input 1 | sed 's/question/POISON/; s/"q1"/"l1"/'; make_input 3000 | sed 's/"q/"m/; s/question/question beside/'; } >late.jsonl
expect 3 "$LONGHAUL" run late.jsonl --base-url "$base" --concurrency 4 --fail-fast --job-deadline 2; says "deadline"
[ "$(value "SELECT jobs_dead || ' ' || (jobs_canceled > 0) FROM batches WHERE name = 'late'")" = '1 1' ] || fail "a late job did not cancel the rest"
sound longhaul.db

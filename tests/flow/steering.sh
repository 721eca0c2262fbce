# Pause, resume, cancel and retry reach a running worker within a second; a second worker is refused by name.
. "$LH_SOURCE_DIR/tests/lib.sh"
start_sim --latency 30
make_input 3000 >in.jsonl
run() { exec "$LONGHAUL" -q run in.jsonl --base-url "$base" --concurrency 10; }
sent() { stat_of requests; }
wait_for_sent() { for _ in $(seq 400); do [ "$(sent)" -ge "$1" ] && return 0; sleep 0.05; done; fail "$1 requests were never sent"; }
# nothing_sent_after_a_second: the promise of pause and cancel. Requests in flight are counted already.
nothing_sent_after_a_second() {
    sleep 1
    local before
    before=$(sent)
    sleep 0.5
    [ "$(sent)" = "$before" ] || fail "requests were sent more than a second after $1"
}

run & pid=$!
wait_for_sent 20
expect 1 "$LONGHAUL" work --base-url "$base"; says "pid $pid"
expect 0 "$LONGHAUL" pause in
nothing_sent_after_a_second pause
code=0; wait $pid || code=$?
[ $code = 4 ] || fail "a paused run exits $code"
expect 4 "$LONGHAUL" run in.jsonl --base-url "$base"; says "longhaul resume in"
expect 0 "$LONGHAUL" resume in
already=$(sent)
run & pid=$!
wait_for_sent $((already + 20))
expect 0 "$LONGHAUL" cancel in
nothing_sent_after_a_second cancel
code=0; wait $pid || code=$?
[ $code = 4 ] || fail "a canceled run exits $code"
expect 4 "$LONGHAUL" run in.jsonl -o c.jsonl --base-url "$base"
says 'retry in --canceled`, then the same command'; says 'c.jsonl is not written: batch in is canceled'
expect 0 "$LONGHAUL" sql --format csv "SELECT count(*) FROM jobs WHERE state NOT IN ('done', 'canceled')"
grep -q '^0' out || fail "jobs are left open"
[ "$(stat_of repeated_answers)" = 0 ] || fail "requests were answered twice"
expect 0 "$LONGHAUL" retry in --canceled
expect 0 "$LONGHAUL" run in.jsonl -o out.jsonl --base-url "$base" --concurrency 200
each_once out.jsonl 3000
[ "$(stat_of repeated_answers)" = 0 ] || fail "requests were answered twice"
sound longhaul.db

# A worker on all batches leaves a paused one alone, and takes it up again.
make_input 300 | sed 's/"q/"a/' >a.jsonl
make_input 300 | sed 's/"q/"b/; s/question/other question/' >b.jsonl
expect 0 "$LONGHAUL" submit a.jsonl
expect 0 "$LONGHAUL" submit b.jsonl
expect 0 "$LONGHAUL" pause a
expect 4 "$LONGHAUL" work --base-url "$base"; says "batch a is paused"
expect 0 "$LONGHAUL" sql --format csv "SELECT group_concat(batch || ' ' || done) FROM batch_summary WHERE batch IN ('a', 'b')"
grep -q '"a 0,b 300"' out || { cat out; fail "the wrong batch was worked on"; }
"$LONGHAUL" -q work --follow --base-url "$base" & pid=$!
expect 0 "$LONGHAUL" resume a
for _ in $(seq 200); do [ "$("$LONGHAUL" sql --format csv "SELECT jobs_done FROM batches WHERE name = 'a'" | tail -1 | tr -d '\r')" = 300 ] && break; sleep 0.05; done
make_input 5 | sed 's/"q/"c/; s/question/late question/' >c.jsonl
expect 0 "$LONGHAUL" submit c.jsonl
for _ in $(seq 200); do [ "$("$LONGHAUL" sql --format csv "SELECT jobs_done FROM batches WHERE name = 'c'" | tail -1 | tr -d '\r')" = 5 ] && break; sleep 0.05; done
kill -TERM $pid
code=0; wait $pid || code=$?
[ $code = 4 ] || fail "work --follow exits $code"
expect 0 "$LONGHAUL" sql --format csv "SELECT sum(done), sum(jobs) FROM batch_summary"
grep -q '^3605,3605' out || { cat out; fail "work --follow did not do all"; }
sound longhaul.db

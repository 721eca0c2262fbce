# A full disk: said clearly, nothing lost, nothing asked twice, and the run goes on by itself when there is room again.
. "$LH_SOURCE_DIR/tests/lib.sh"
shim=$LH_BUILD_DIR/tests/full_disk.so
export LH_TEST_FULL=$PWD/full LH_TEST_BROKEN=$PWD/broken
on_full_disk() { env LD_PRELOAD="$shim" ASAN_OPTIONS="${ASAN_OPTIONS:-}:verify_asan_link_order=0" "$@"; }
run_on_full_disk() { exec env LD_PRELOAD="$shim" ASAN_OPTIONS="${ASAN_OPTIONS:-}:verify_asan_link_order=0" "$@"; } # with &: $! is the program
pid=
end_all() { [ -z "$pid" ] || kill -9 "$pid" 2>/dev/null || true; end_sim; }
trap end_all EXIT
wait_for() { # TEXT FILE
    for _ in $(seq 300); do grep -qF -- "$1" "$2" && return 0; sleep 0.1; done
    cat "$2" >&2
    fail "never said: $1"
}
start_sim --latency 20..60
make_input 600 >in.jsonl

# Full from the start: nothing is made of it, and the same command works later.
touch full
expect 1 on_full_disk "$LONGHAUL" submit in.jsonl
says "full"
says "make space"
rm full
expect 0 on_full_disk "$LONGHAUL" submit in.jsonl
sound longhaul.db

# Full in the middle of a run: it waits, and goes on.
run_on_full_disk "$LONGHAUL" run in.jsonl -o out.jsonl --base-url "$base" --concurrency 20 2>run.err &
pid=$!
for _ in $(seq 100); do [ "$(stat_of requests)" -ge 60 ] && break; sleep 0.05; done
touch full
wait_for "trying again" run.err
grep -q "full" run.err || fail "the cause is not told"
kill -0 $pid || fail "the run ended"
asked=$(stat_of requests)
sleep 1.5
[ "$(stat_of requests)" -le $((asked + 1)) ] || fail "requests go out although no answer can be kept"
rm full
wait $pid || fail "the run exits $?"
grep -q "going on" run.err || fail "does not say that it goes on"
each_once out.jsonl 600
own_answers longhaul.db
sound longhaul.db
[ "$(stat_of repeated_answers)" = 0 ] || fail "answers were paid for twice"

# A disk that cannot sync is not believed either.
make_input 300 | sed 's/"q/"s/; s/question/second question/' >second.jsonl
run_on_full_disk "$LONGHAUL" run second.jsonl --base-url "$base" --concurrency 20 2>second.err &
pid=$!
for _ in $(seq 100); do [ "$(stat_of requests)" -ge 630 ] && break; sleep 0.05; done
touch broken
wait_for "trying again" second.err
rm broken
wait $pid || fail "the second run exits $?"
sound longhaul.db
[ "$(stat_of repeated_answers)" = 0 ] || fail "answers were paid for twice"

# Stopped while the disk is full: it says that answers could not be kept, and the same command goes on later.
make_input 400 | sed 's/"q/"t/; s/question/third question/' >third.jsonl
run_on_full_disk "$LONGHAUL" run third.jsonl --base-url "$base" --concurrency 20 2>third.err &
pid=$!
for _ in $(seq 100); do [ "$(stat_of requests)" -ge 960 ] && break; sleep 0.05; done
touch full
wait_for "trying again" third.err
kill -TERM $pid
sleep 0.3
kill -TERM $pid
code=0
wait $pid || code=$?
[ $code = 1 ] || { cat third.err >&2; fail "exit $code instead of 1"; }
rm full
sound longhaul.db
expect 0 on_full_disk "$LONGHAUL" run third.jsonl -o third.out --base-url "$base" --concurrency 20
grep -oE '"custom_id":"[^"]*"' third.out | sort -u | wc -l | grep -qx 400 || fail "third.out does not hold each job once"
sound longhaul.db

# No room for the output: the results stay in the store.
expect 1 "$LONGHAUL" results --batch in -o /dev/full
says "/dev/full"
says "make space"

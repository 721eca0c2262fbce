# Databases that cannot be used: each with its reason, on its name, with what to do; and left as they are.
. "$LH_SOURCE_DIR/tests/lib.sh"
make_input 10 >in.jsonl
start_sim

# refused TEXT COMMAND…: exit 1, and says TEXT and the name.
refused() {
    local text=$1
    shift
    expect 1 "$@"
    grep -qi -- "$text" err || { cat err >&2; fail "does not say \"$text\": $*"; }
}
unchanged() { cmp -s "$1" "$1.was" || fail "$1 was changed"; }

# No database at all, and things that are none.
refused "no such database" "$LONGHAUL" --db missing.db status
[ ! -e missing.db ] || fail "a reader made a database"
mkdir folder.db
refused "folder" "$LONGHAUL" --db folder.db run in.jsonl
refused "check that the folder exists" "$LONGHAUL" --db no/such/folder/a.db submit in.jsonl
head -c 20000 /dev/urandom >noise.db
seq 1 2000 >text.db
for name in noise text; do
    cp $name.db $name.db.was
    refused "database" "$LONGHAUL" --db $name.db status
    refused "database" "$LONGHAUL" --db $name.db run in.jsonl --base-url "$base"
    says "$name.db"
    unchanged $name.db
done
sqlite3 other.db "CREATE TABLE batches (x); INSERT INTO batches VALUES (1); PRAGMA application_id = 42;"
cp other.db other.db.was
refused "other.db" "$LONGHAUL" --db other.db run in.jsonl --base-url "$base"
unchanged other.db
sqlite3 foreign.db "CREATE TABLE notes (x); INSERT INTO notes VALUES (1);"
cp foreign.db foreign.db.was
refused "foreign.db" "$LONGHAUL" --db foreign.db run in.jsonl --base-url "$base"
unchanged foreign.db

# Of a newer program.
expect 0 "$LONGHAUL" submit in.jsonl
cp longhaul.db newer.db
sqlite3 newer.db "PRAGMA user_version = 999;"
cp newer.db newer.db.was
for command in "status" "work" "results"; do
    refused "newer" "$LONGHAUL" --db newer.db $command
done
unchanged newer.db

# A header that is damaged, and a file cut short.
cp longhaul.db damaged.db
printf 'XXXX' | dd of=damaged.db bs=1 seek=0 conv=notrunc 2>/dev/null
refused "database" "$LONGHAUL" --db damaged.db status
cp longhaul.db cut.db
truncate -s 9000 cut.db
code=0
"$LONGHAUL" --db cut.db db check >out 2>err || code=$?
[ $code = 1 ] || fail "db check of a file cut short exits $code"
grep -qi "cut.db\|malformed\|corrupt\|damaged" out err || { cat out err >&2; fail "the damage is not told"; }

# Another program writes for long: waited for, then said.
cp longhaul.db locked.db
(echo ".timeout 10000"; echo "BEGIN EXCLUSIVE;"; echo ".shell touch held; while [ ! -e let-go ]; do sleep 0.1; done"; echo "COMMIT;") | sqlite3 locked.db &
locker=$!
for _ in $(seq 100); do [ -e held ] && break; sleep 0.05; done
expect 0 "$LONGHAUL" --db locked.db status
timeout 60 "$LONGHAUL" --db locked.db run in.jsonl -o out.jsonl --base-url "$base" 2>run.err &
pid=$!
sleep 1
kill -0 $pid || { cat run.err >&2; fail "the run did not wait"; }
touch let-go
wait $locker
wait $pid || { cat run.err >&2; fail "the run exits $? after the lock went"; }
each_once out.jsonl 10

# Stopped twice while another program writes: it does not wait for that one.
cp longhaul.db locked.db
rm -f held let-go
make_input 500 | sed 's/"q/"l/' >long.jsonl
expect 0 "$LONGHAUL" --db locked.db submit long.jsonl
"$LONGHAUL" --db locked.db work --base-url "$base" --concurrency 2 2>run.err &
pid=$!
for _ in $(seq 100); do "$LONGHAUL" --db locked.db status --json | grep -q '"done":1[1-9]' && break; sleep 0.05; done
(echo ".timeout 10000"; echo "BEGIN IMMEDIATE;"; echo ".shell touch held; while [ ! -e let-go ]; do sleep 0.1; done"; echo "COMMIT;") | sqlite3 locked.db &
locker=$!
for _ in $(seq 200); do grep -q "trying again" run.err && break; sleep 0.05; done
kill -TERM $pid
sleep 0.2
kill -TERM $pid
for _ in $(seq 200); do kill -0 $pid 2>/dev/null || break; sleep 0.05; done
touch let-go
! kill -0 $pid 2>/dev/null || fail "a second signal does not end a worker that waits for a lock"
code=0
wait $pid || code=$?
[ $code = 1 ] || { cat run.err >&2; fail "exit $code instead of 1"; }
wait $locker
expect 0 "$LONGHAUL" --db locked.db work --base-url "$base"
sound locked.db

# Another worker: told by its pid; readers and submit are welcome beside it.
make_input 2000 | sed 's/"q/"w/' >slow.jsonl
"$LONGHAUL" -q run slow.jsonl --base-url "$base" --concurrency 2 --rpm 60 2>/dev/null &
pid=$!
for _ in $(seq 100); do "$LONGHAUL" status --json 2>/dev/null | grep -q "\"pid\": *$pid" && break; sleep 0.1; done
refused "$pid" "$LONGHAUL" work --base-url "$base"
expect 0 "$LONGHAUL" status
make_input 3 | sed 's/"q/"z/' >third.jsonl
expect 0 "$LONGHAUL" submit third.jsonl
kill -9 $pid
wait $pid 2>/dev/null || true

# A file, and a folder, that may not be written: readers go on, writers say so. Root must lose its right to write anyway.
if [ "$(id -u)" = 0 ]; then
    as_owner() { setpriv --bounding-set=-dac_override --inh-caps=-dac_override "$@"; }
else
    as_owner() { "$@"; }
fi
mkdir readonly
cp longhaul.db readonly/file.db
chmod 444 readonly/file.db
! as_owner test -w readonly/file.db || fail "this test cannot make a file read-only"
refused "cannot be written" as_owner "$LONGHAUL" --db readonly/file.db run in.jsonl --base-url "$base"
refused "cannot be written" as_owner "$LONGHAUL" --db readonly/file.db pause in
expect 0 as_owner "$LONGHAUL" --db readonly/file.db status
chmod 644 readonly/file.db
chmod 555 readonly
refused "readonly/file.db" as_owner "$LONGHAUL" --db readonly/file.db run in.jsonl --base-url "$base"
chmod 755 readonly
chmod 644 readonly/* # SQLite gave the files beside the database its mode
expect 0 as_owner "$LONGHAUL" --db readonly/file.db run in.jsonl -o readonly/out.jsonl --base-url "$base"
each_once readonly/out.jsonl 10

# A store that fails for good while nobody can be reached: the run ends all the same.
make_input 500 | sed 's/"q/"t/' >trigger.jsonl
expect 0 "$LONGHAUL" --db trigger.db submit trigger.jsonl
sqlite3 trigger.db "CREATE TRIGGER boom BEFORE INSERT ON attempts WHEN (SELECT count(*) FROM attempts) >= 5 BEGIN SELECT RAISE(ABORT, 'boom'); END"
expect 1 timeout 30 "$LONGHAUL" --db trigger.db work --grace 2 --base-url http://127.0.0.1:1/v1

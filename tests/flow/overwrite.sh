# Nothing that matters is written over: not the database, not its files, not an input, whatever name it is called by.
. "$LH_SOURCE_DIR/tests/lib.sh"
start_sim
make_input 20 >in.jsonl
make_input 5 >more.jsonl
sed -i 's/"q/"m/' more.jsonl
cp in.jsonl in.copy
ln -s longhaul.db link.db
ln in.jsonl hard.jsonl
mkdir folder
refused() {
    expect 2 "$LONGHAUL" "$@"
    says "choose another name"
    cmp -s in.jsonl in.copy || fail "the input was changed by: $*"
}
# Before there is a database, nothing is loaded, made or sent.
for name in longhaul.db ./longhaul.db folder/../longhaul.db longhaul.db-wal longhaul.db-shm longhaul.db-journal longhaul.db.lock link.db \
    in.jsonl ./in.jsonl hard.jsonl more.jsonl "$PWD/in.jsonl"; do
    refused run in.jsonl more.jsonl --base-url "$base" -o "$name"
    refused run in.jsonl more.jsonl --base-url "$base" -o "$name" --order completed
    [ ! -e longhaul.db ] || fail "a database was made although -o $name is refused"
done
[ "$(stat_of requests)" = 0 ] || fail "requests were sent"
expect 0 "$LONGHAUL" run in.jsonl --base-url "$base"
for name in longhaul.db longhaul.db-wal longhaul.db-journal longhaul.db.lock link.db in.jsonl hard.jsonl; do
    refused results -o "$name"
done
for name in longhaul.db longhaul.db-wal longhaul.db-journal longhaul.db.lock link.db; do
    refused results --batch in -o "$name" --order completed
done
expect 1 "$LONGHAUL" results --batch in -o in.jsonl --order completed
says "in.jsonl holds something that this batch did not append"
cmp -s in.jsonl in.copy || fail "the input was changed"
sqlite3 longhaul.db 'SELECT 1' >/dev/null
for name in longhaul.db longhaul.db-wal longhaul.db-journal; do
    code=0
    "$LONGHAUL" db backup "$name" >out 2>err || code=$?
    [ $code = 2 ] || fail "db backup $name exits $code"
done
sound longhaul.db
expect 0 "$LONGHAUL" results -o out.jsonl
expect 0 "$LONGHAUL" results -o out.jsonl
each_once out.jsonl 20

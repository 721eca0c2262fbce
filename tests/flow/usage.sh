# Wrong command lines end with 2 and say what is right; errors of the database end with 1.
. "$LH_SOURCE_DIR/tests/lib.sh"
expect 2 "$LONGHAUL"
expect 0 "$LONGHAUL" --help
expect 0 "$LONGHAUL" --version
for c in run submit work status results show dead sql cancel pause resume retry sim db estimate; do expect 0 "$LONGHAUL" $c --help; done
expect 2 "$LONGHAUL" rnu; says 'did you mean run'
expect 2 "$LONGHAUL" ''; ! grep -q 'did you mean' err || fail "nothing is like nothing"
expect 2 "$LONGHAUL" serve; says 'does not have the command serve yet'
expect 2 "$LONGHAUL" run x --conc 5; says 'did you mean --concurrency'
expect 2 "$LONGHAUL" run x -x; ! grep -q 'did you mean' err || fail "-x is like no option"
expect 2 "$LONGHAUL" --quite status; says 'did you mean --quiet; see `longhaul --help`'
expect 2 "$LONGHAUL" run x --rpm 0x10; says 'whole number'
expect 2 "$LONGHAUL" sim --port 0 --faults 429=60 --fault-rate 60; says '120 % together'
expect 2 "$LONGHAUL" sim --port 0 --enforce leaky; says 'bucket, window or minute'
expect 2 "$LONGHAUL" sim --port 0 --limit-headers both; says 'auto, openai, anthropic or none'
expect 2 "$LONGHAUL" sim --port 0 --change 60s; says 'change: "60s" is not'
expect 2 "$LONGHAUL" sim --port 0 --outage 9s..3s; says 'outage: "9s..3s" is not'
expect 2 "$LONGHAUL" sim --port 0 --burst 2h; says 'burst'
expect 2 "$LONGHAUL" run --concurency 5 x; says '--concurrency'
expect 2 "$LONGHAUL" run x --concurrency 0; says "concurrency"
expect 2 "$LONGHAUL" run x --jitter bogus; says "bogus"
expect 2 "$LONGHAUL" run x --base-url foo; says "foo"
[ ! -e longhaul.db ] || fail "a wrong option made a database"
expect 2 "$LONGHAUL" run x --rpm many; says 'whole number'
expect 2 "$LONGHAUL" run x --api-key sk-secret; says 'environment'
! grep -q sk-secret err || fail "a key was printed"
expect 2 "$LONGHAUL" run; says 'needs'
expect 1 "$LONGHAUL" status; says 'no such database'
echo text >file.db
expect 1 "$LONGHAUL" --db file.db status; says 'no SQLite database'
sqlite3 other.db 'CREATE TABLE t (a)'
expect 1 "$LONGHAUL" --db other.db status; says 'another program'
make_input 3 >in.jsonl
expect 0 "$LONGHAUL" submit in.jsonl
expect 1 "$LONGHAUL" sql 'DELETE FROM jobs'; says 'reading only'
expect 1 "$LONGHAUL" sql 'SELECT 1; SELECT 2'; says 'one statement'
expect 1 "$LONGHAUL" cancel nothing; says 'there is in'
expect 1 "$LONGHAUL" run in.jsonl; says 'OPENAI_API_KEY'
expect 1 "$LONGHAUL" run in.jsonl --base-url http://127.0.0.1:1/v1 --backoff-initial 0.01; says 'cannot reach'
printf 'rpm: 60\nnonsense: 1\n' >c.yaml
expect 2 "$LONGHAUL" --config c.yaml work; says 'nonsense'
printf 'skip-bad: no\nskip_bad: yes\n' >c.yaml
expect 2 "$LONGHAUL" --config c.yaml status; says 'skip-bad twice'
expect 0 env LONGHAUL_CONCURENCY=5 "$LONGHAUL" status; says 'did you mean LONGHAUL_CONCURRENCY'
expect 2 "$LONGHAUL" dead requeue --reason permanant; says 'it must be permanent'
expect 0 "$LONGHAUL" dead requeue --reason permanent; says 'no dead letter is meant'
printf 'batch: nope\n' >c.yaml
expect 1 "$LONGHAUL" --config c.yaml status; says 'no batch nope'
expect 1 env LONGHAUL_BATCH=nix "$LONGHAUL" --config c.yaml status; says 'no batch nix'
expect 0 env LONGHAUL_BATCH=nix "$LONGHAUL" --config c.yaml status --batch in
sqlite3 longhaul.db 'PRAGMA user_version = 99'
expect 1 "$LONGHAUL" status; says 'newer longhaul'

# Several endpoints: a batch is spread over those that can serve it, each with its own key and its own name for a model; one that refuses the
# account or is down drops out, and its jobs go elsewhere; what no endpoint serves stays ready and is said.
. "$LH_SOURCE_DIR/tests/lib.sh"
. "$LH_SOURCE_DIR/tests/flow/lib_endpoints.sh"
# attempts BATCH ENDPOINT: how many went there.
attempts() { value "SELECT count(*) FROM attempts a JOIN jobs j ON j.id = a.job_id JOIN batches b ON b.id = j.batch_id WHERE b.name = '$1' AND a.endpoint LIKE '$2'"; }

more fast --latency 5 --require-key fast-secret-key-0123456789
more slow --latency 30 --require-key slow-secret-key-0123456789
more backup --latency 5
awk 'BEGIN { for (i = 1; i <= 600; i++)
    printf "{\"custom_id\":\"q%d\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\",\"body\":{\"messages\":[{\"role\":\"user\",\"content\":\"question %d\"}],\"model\":\"m%d\"}}\n", i, i, i % 3 }' >in.jsonl
cat >longhaul.yaml <<YAML
concurrency: 10
endpoints:
  - name: fast
    base-url: $fast/v1
    key: FAST_KEY
    models: [m0, m1]
  - name: slow
    base_url: $slow
    keys: [SLOW_KEY, SLOW_KEY_TOO]
    models: [m1, "m2=two\"quoted"]
    concurrency: 4
  - name: backup
    base-url: $backup
    tier: 1
YAML

# A key that is not there is missed before anything is sent.
expect 1 "$LONGHAUL" run in.jsonl
says 'FAST_KEY'
export FAST_KEY=fast-secret-key-0123456789 SLOW_KEY=slow-secret-key-0123456789 SLOW_KEY_TOO=slow-secret-key-0123456789

# All are up: each model goes where it is served, and the higher tier is not asked. A key at the wrong host would be refused.
expect 0 "$LONGHAUL" run in.jsonl -o out.jsonl --batch spread
each_once out.jsonl 600
own_answers longhaul.db
[ "$(attempts spread '%')" = 600 ] || fail "$(attempts spread '%') attempts instead of 600"
[ "$(attempts spread backup)" = 0 ] || fail "the higher tier was asked while the lower was up"
for key in SLOW_KEY SLOW_KEY_TOO; do
    [ "$(attempts spread slow/$key)" -ge 50 ] || fail "$key was hardly used"
done
[ "$(value "SELECT count(DISTINCT model || endpoint) FROM attempts WHERE (endpoint = 'fast' AND model IN ('m0', 'm1')) OR (endpoint LIKE 'slow/%' AND model IN ('m1', 'two\"quoted'))")" -ge 4 ] ||
    fail "models went where they are not served"
[ "$(value "SELECT count(*) FROM attempts WHERE model NOT IN ('m0', 'm1', 'two\"quoted')")" = 0 ] || fail "a model has the wrong name"
[ "$(value "SELECT count(*) FROM requests WHERE body LIKE '%two%'")" = 0 ] || fail "the stored request was changed"

# One refuses the account, one is down: all goes to the higher tier, and no attempt is used up by it.
kill "${pids[1]}"; wait "${pids[1]}" 2>/dev/null || true
FAST_KEY=another-secret-key-0123456789 expect 0 "$LONGHAUL" run in.jsonl -o out.jsonl --batch fallback
says 'endpoint fast: the account is refused'
each_once out.jsonl 600
[ "$(value "SELECT count(*) FROM jobs j JOIN batches b ON b.id = j.batch_id WHERE b.name = 'fallback' AND j.attempts <> 1")" = 0 ] || fail "attempts were used up"
[ "$(value "SELECT count(*) FROM results r JOIN batches b ON b.id = r.batch_id JOIN attempts a ON a.job_id = r.job_id AND a.outcome = 'success' WHERE b.name = 'fallback' AND a.endpoint <> 'backup'")" = 0 ] ||
    fail "not all came from the higher tier"

# status shows each, as it was last; in JSON nothing is cut, however many there are.
expect 0 "$LONGHAUL" status
grep -E '^fast +account refused +.*the account is refused' out >/dev/null || { cat out >&2; fail "status does not show what became of fast"; }
grep -E '^slow/SLOW_KEY +unreachable.* cannot reach slow/SLOW_KEY' out >/dev/null || { cat out >&2; fail "status does not show what became of slow"; }
grep -E '^backup +up' out >/dev/null || { cat out >&2; fail "status does not show that backup is up"; }
[ "$(value "SELECT group_concat(value ->> 'endpoint' || ' ' || (value ->> 'state'), '; ') FROM json_each('$("$LONGHAUL" status --json | sed "s/'/''/g")', '\$.worker.endpoints')")" = 'fast account refused; slow/SLOW_KEY unreachable; slow/SLOW_KEY_TOO unreachable; backup up' ] ||
    fail "status --json does not tell each endpoint"

# A model that nobody serves does not keep the others back; it stays ready, and the end says so.
sed -i '/name: backup/,$d' longhaul.yaml
sed -i '/name: slow/,$d' longhaul.yaml
expect 4 "$LONGHAUL" run in.jsonl --batch unserved
says 'no endpoint serves'
[ "$(value "SELECT jobs_done || ' ' || jobs_ready || ' ' || jobs_dead FROM batches WHERE name = 'unserved'")" = '400 200 0' ] || fail "the other models were not done"

# The last one that is left refuses the account: the jobs stay ready.
FAST_KEY=another-secret-key-0123456789 expect 4 "$LONGHAUL" run in.jsonl --batch refused
says 'refuses the account'
[ "$(value "SELECT jobs_ready FROM batches WHERE name = 'refused'")" = 600 ] || fail "jobs were used up"

# One server that the command line names takes the list's place.
expect 0 "$LONGHAUL" run in.jsonl --batch unserved --base-url "$backup"

# Without a list each dialect has a server of its own: one that refuses the account keeps nothing from the other.
mv longhaul.yaml away.yaml
sed 's/"q/"a/; s#/v1/chat/completions#/v1/messages#; s/"model"/"max_tokens":9,"model"/' in.jsonl | head -50 >both.jsonl
head -50 in.jsonl >>both.jsonl
OPENAI_API_KEY=another-secret-key-0123456789 OPENAI_BASE_URL=$fast/v1 ANTHROPIC_BASE_URL=$backup expect 4 "$LONGHAUL" run both.jsonl
says 'refuses the account'
[ "$(value "SELECT jobs_done || ' ' || jobs_ready FROM batches WHERE name = 'both'")" = '50 50' ] || fail "the other dialect's jobs were not done"
OPENAI_API_KEY=fast-secret-key-0123456789 OPENAI_BASE_URL=$fast/v1 ANTHROPIC_BASE_URL=$backup expect 0 "$LONGHAUL" run both.jsonl

# Each endpoint has its price, and a budget of money needs one for each model.
mv away.yaml longhaul.yaml
cat >longhaul.yaml <<YAML
endpoints:
  - {name: cheap, base-url: "$backup", models: [m0], price-input: 1, price-output: 2}
  - {name: dear, base-url: "$backup", models: [m1, m2], price-input: 10, price-output: 20}
YAML
expect 0 "$LONGHAUL" run in.jsonl --batch priced --max-cost 50
for pair in cheap:1000:2000 dear:10000:20000; do
    IFS=: read -r name input output <<<"$pair"
    [ "$(value "SELECT count(*) FROM attempts WHERE endpoint = '$name' AND cost_nanousd = prompt_tokens * $input + completion_tokens * $output")" -ge 200 ] || fail "$name does not have its price"
done
[ "$(value "SELECT b.cost_nanousd = (SELECT sum(a.cost_nanousd) FROM attempts a JOIN jobs j ON j.id = a.job_id WHERE j.batch_id = b.id) FROM batches b WHERE name = 'priced'")" = 1 ] || fail "the sum is not that of its parts"
sed -i 's/, price-input: 1, price-output: 2//' longhaul.yaml
expect 2 "$LONGHAUL" run in.jsonl --batch unpriced --max-cost 50; says '--max-cost needs prices, and that of the model "m0" is not known'
mv longhaul.yaml away.yaml

# All are down and none ever answered: soon told, once, by name, with what to look at.
printf 'endpoints:\n  - {name: gone, base-url: "http://127.0.0.1:1"}\n' >gone.yaml
expect 1 "$LONGHAUL" --config gone.yaml run in.jsonl --batch gone
says 'cannot reach endpoint gone'; says 'check its base-url'
grep -q '^Ended early' err && fail "the reason is told twice"

# What is wrong in the file is said with its place, and no key is shown.
wrong() { printf 'endpoints:\n  - %s\n' "$1" >wrong.yaml; expect 2 "$LONGHAUL" --config wrong.yaml run in.jsonl --batch wrong; says "$2"; }
wrong '{name: a b, base-url: "http://h"}' 'endpoint 1: name is "a b"'
wrong '{name: a}' 'endpoint a: give base-url'
wrong '{name: a, base-url: "http://h", key: sk-abcdefghijklmnop}' 'key must name an environment variable'
grep -q abcdefghijklmnop err && fail "the key is shown"
wrong '{name: a, base-url: "http://h", rpm: sk-abcdefghijklmnop1234}' 'endpoint 1: rpm is "(not shown'
grep -q abcdefghijklmnop err && fail "the key is shown"
wrong '{name: a, base-url: "http://h", concurrency: many}' 'endpoint 1: concurrency is "many"'
wrong '{name: a, base-url: "http://h", conurrency: 5}' 'did you mean concurrency'
wrong '{name: a, base-url: "http://h", weight: 0}' 'weight is 0'
wrong '{name: a, base-url: "http://h", models: ["=x"]}' 'the model "=x"'
wrong '{name: a, base-url: "http://h", key: A, keys: [B]}' 'key or keys'
wrong '{name: a, base-url: "http://h", grace: 5}' 'wrong.yaml'
wrong '{name: a, base-url: "ftp://h"}' 'must begin with https'
for text in fast-secret slow-secret another-secret; do
    grep -aq "$text" longhaul.db longhaul.db-wal err out out.jsonl 2>/dev/null && fail "the key $text was kept"
done
sound longhaul.db

# Several endpoints: none is idle while there is work that it could do. One that asks for a long pause keeps nothing from another that is
# merely busy; jobs whose model nobody serves stand in nobody's way, even of a store with too many models to tell them apart; an address that
# never answers is not waited for when all else is done.
. "$LH_SOURCE_DIR/tests/lib.sh"
. "$LH_SOURCE_DIR/tests/flow/lib_endpoints.sh"
state_of() { value "SELECT jobs_done || ' ' || jobs_ready || ' ' || jobs_running || ' ' || jobs_dead FROM batches WHERE name = '$1'"; }
# jobs N MODELS: the models m0, m1 … in turn.
jobs() {
    awk -v n="$1" -v m="$2" 'BEGIN { for (i = 1; i <= n; i++)
        printf "{\"custom_id\":\"q%d\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\",\"body\":{\"messages\":[{\"role\":\"user\",\"content\":\"question %d\"}],\"model\":\"m%d\"}}\n", i, i, i % m }'
}

# One refuses for an hour after its first answer, the other has two at once: what was refused goes there, and there is no idle time.
more paused --latency 5 --rpm 1 --burst 1 --limit-headers none
more busy --latency 100
jobs 40 1 >in.jsonl
cat >longhaul.yaml <<YAML
endpoints:
  - {name: paused, base-url: "$paused"}
  - {name: busy, base-url: "$busy", concurrency: 2}
YAML
expect 0 timeout 50 "$LONGHAUL" run in.jsonl -o out.jsonl --batch idle
each_once out.jsonl 40
[ "$(value "SELECT count(*) FROM attempts WHERE outcome = 'throttled'")" -ge 1 ] || fail "nobody asked for a pause"
gap=$(value "SELECT max(gap) FROM (SELECT started_at - lag(started_at) OVER (ORDER BY started_at) AS gap FROM attempts WHERE endpoint = 'busy')")
[ "$gap" -lt 4000 ] || fail "the endpoint that was up did nothing for $gap ms"

# 300 models, of which the store tells 256 apart; every second is served by nobody.
more served --latency 5
jobs 900 300 >many.jsonl
{
    echo 'endpoints:'
    echo " - {name: served, base-url: \"$served\", models: [$(seq -s, -f 'm%g' 0 2 299)]}"
    echo " - {name: busy, base-url: \"$busy\", models: [other]}"
} >longhaul.yaml
expect 4 timeout 50 "$LONGHAUL" --db many.db run many.jsonl --batch many
says 'the 450 jobs that are left ask for a model that no endpoint serves'
LONGHAUL_DB=many.db
export LONGHAUL_DB
[ "$(state_of many)" = '450 450 0 0' ] || fail "not what is served was done: $(state_of many)"
sound many.db
unset LONGHAUL_DB

# Nobody ever answers for m1: all else is done, then the end says so.
jobs 40 2 >two.jsonl
cat >longhaul.yaml <<YAML
endpoints:
  - {name: served, base-url: "$served", models: [m0]}
  - {name: nobody, base-url: "http://127.0.0.1:9", models: [m1]}
YAML
expect 4 timeout 55 "$LONGHAUL" run two.jsonl --batch nobody
says 'the 20 jobs that are left was ever reached: cannot reach nobody'
[ "$(state_of nobody)" = '20 20 0 0' ] || fail "not what is served was done: $(state_of nobody)"
sound longhaul.db

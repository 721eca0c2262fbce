#!/bin/bash
# The whole promise in a minute: a batch of 2,000 prompts over a provider that fails, killed halfway, resumed, looked at.
set -eu
work=$(mktemp -d)
sim_pid=
clean() {
    if [ -n "$sim_pid" ]; then kill "$sim_pid" 2>/dev/null || true; wait "$sim_pid" 2>/dev/null || true; fi
    rm -rf "$work"
}
trap clean EXIT
cd "$work"
unset OPENAI_API_KEY OPENAI_BASE_URL LONGHAUL_DB
say() { printf '\n\033[1m# %s\033[0m\n' "$*"; }
start_sim() {
    rm -f port
    "$LONGHAUL" -q sim --port 0 --port-file port "$@" &
    sim_pid=$!
    while [ ! -s port ]; do kill -0 "$sim_pid"; sleep 0.05; done
    base=http://127.0.0.1:$(cat port)/v1
}
done_jobs() { "$LONGHAUL" sql --format csv "SELECT COALESCE(SUM(jobs_done), 0) FROM batches" 2>/dev/null | tail -1 | tr -dc 0-9; }

say "A simulated provider: 100 to 300 ms an answer, 5 % of requests fail in eight ways, some prompts are poison."
start_sim --latency 100..300 --fault-rate 5
say "2,000 prompts, one JSON object a line, as OpenAI's Batch API takes them:"
awk 'BEGIN { for (i = 1; i <= 2000; i++)
    printf "{\"custom_id\":\"q%d\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\",\"body\":{\"model\":\"sim\",\"max_tokens\":60,\"messages\":[{\"role\":\"user\",\"content\":\"%s %d\"}]}}\n",
        i, i % 400 == 0 ? "POISON" : "What is the square of", i }' >prompts.jsonl
head -1 prompts.jsonl
say "longhaul run prompts.jsonl -o results.jsonl, and kill -9 halfway:"
"$LONGHAUL" run prompts.jsonl -o results.jsonl --base-url "$base" --concurrency 60 --progress plain &
pid=$!
while [ "$(done_jobs)" = "" ] || [ "$(done_jobs)" -lt 1000 ]; do kill -0 $pid; sleep 0.1; done
kill -9 $pid
wait $pid 2>/dev/null || true
"$LONGHAUL" status
say "The same command again goes on where it stopped:"
code=0
"$LONGHAUL" run prompts.jsonl -o results.jsonl --base-url "$base" --concurrency 60 --progress plain || code=$?
say "Exit code $code: finished, but some jobs are dead letters, each with its reason:"
"$LONGHAUL" dead list
say "The provider mends its ways; the dead letters are sent again:"
kill "$sim_pid"; wait "$sim_pid" 2>/dev/null || true
start_sim --latency 100..300 --poison NONE
"$LONGHAUL" dead requeue --batch prompts
"$LONGHAUL" run prompts.jsonl -o results.jsonl --base-url "$base" --concurrency 60 --progress plain
say "SQL over results and failures, while or after it runs:"
"$LONGHAUL" sql "SELECT f.outcome, f.error_code, count(*) AS attempts, count(DISTINCT f.job_id) AS jobs,
    sum(r.state = 'done') AS done_in_the_end FROM failures f JOIN job_results r USING (job_id) GROUP BY 1, 2 ORDER BY 3 DESC"
say "Each of the 2,000 custom_ids stands in results.jsonl exactly once:"
grep -oE '"custom_id":"q[0-9]+"' results.jsonl | sort | uniq -c | awk '$1 != 1 { bad++ } END { print NR " distinct, " bad + 0 " of them more than once"; exit bad > 0 || NR != 2000 }'

# A batch of high priority that comes while a low one is worked on goes first, at once; inside a batch, first in first out.
. "$LH_SOURCE_DIR/tests/lib.sh"
start_sim --latency 20
make_input 4000 >low.jsonl
make_input 200 | sed 's/"q/"h/; s/question/urgent question/' >high.jsonl
expect 0 "$LONGHAUL" submit low.jsonl --priority low
"$LONGHAUL" -q work --base-url "$base" --concurrency 10 & pid=$!
for _ in $(seq 200); do [ "$(stat_of requests)" -ge 50 ] && break; sleep 0.05; done
expect 0 "$LONGHAUL" submit high.jsonl --priority high
code=0; wait $pid || code=$?
[ $code = 0 ] || fail "work exits $code"
# Between the first and the last start of the high batch no low job may start but those that were claimed before.
value() { "$LONGHAUL" sql --format csv "$1" | tail -1 | tr -d '\r'; }
between=$(value "WITH high AS (SELECT min(a.started_at) AS first, max(a.started_at) AS last FROM attempts a JOIN jobs j ON j.id = a.job_id JOIN batches b ON b.id = j.batch_id WHERE b.name = 'high')
    SELECT count(*) FROM high, attempts a JOIN jobs j ON j.id = a.job_id JOIN batches b ON b.id = j.batch_id WHERE b.name = 'low' AND a.started_at > high.first AND a.started_at < high.last")
[ "$between" -le 20 ] || fail "$between low jobs started among the high ones"
late=$(value "SELECT count(*) FROM (SELECT a.started_at, max(a.started_at) OVER (ORDER BY j.id) AS latest FROM attempts a JOIN jobs j ON j.id = a.job_id JOIN batches b ON b.id = j.batch_id WHERE b.name = 'low') WHERE started_at < latest - 5")
[ "$late" = 0 ] || fail "$late jobs of one batch overtook others"
sound longhaul.db

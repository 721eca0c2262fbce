# How well longhaul keeps to limits: section `judge` of run.sh, which sources this. Each scenario is a simulated provider that
# enforces limits in its way, and a batch that is too long to end; the provider tells how much of its allowance was used.
# Floors are those of the design: told limits, limits in headers, limits that nothing tells. `kept`: the provider charges the bound on the
# output for good, which a client finds out by its first refusals. JUDGE=PATTERN picks scenarios by
# name (a regular expression of awk), JUDGE_STRICT=1 fails when a floor is missed. Three minutes a scenario, two at a time;
# SCALE=small: twenty seconds, and without those whose client may use up a minute's allowance at once, which takes whole minutes
# to judge.
judge_span=180 judge_skip=60 judge_outage=40..100 judge_outage_span=180 judge_change=60s:rpm=3000,120s:rpm=12000
if [ "${SCALE:-full}" = small ]; then
    judge_span=20 judge_skip=10 judge_outage=5..15 judge_outage_span=40 judge_change=7s:rpm=3000,14s:rpm=12000
fi
judge_rpm=6000 judge_tpm=60000
judge_ramp=8 judge_patience=61 # s: the breaker's three steps of two, and its longest cool-down; and one each to see it

# figure FILE NAME: a number of the statistics.
figure() { sed -nE "s/.*\"$2\":([0-9.]+).*/\1/p" "$1"; }

judge_finish() {
    for pid in $runner $sim; do kill "$pid" 2>/dev/null || true; done
    wait
}

# Until the provider has worked for so many seconds; its statistics then in FILE. Fails when the run ends before.
statistics_at() {
    local elapsed
    while true; do
        curl -s "http://127.0.0.1:$(cat port)/sim/stats" >"$2" || return 1
        elapsed=$(figure "$2" elapsed_ms)
        [ "${elapsed:-0}" -lt $(($1 * 1000)) ] || return 0
        kill -0 "$runner" 2>/dev/null || return 1
        sleep 0.1
    done
}

# Percent of the allowance of requests (or tokens) used from one statistics to a later one, and percent refused.
used_between() {
    awk -v g0="$(figure "$1" granted_$3)" -v a0="$(figure "$1" allowance_$3)" \
        -v g1="$(figure "$2" granted_$3)" -v a1="$(figure "$2" allowance_$3)" 'BEGIN { printf "%.2f", 100 * (g1 - g0) / (a1 - a0) }'
}

# After the outage: seconds until something was granted, and from then until nine tenths of the rate were. "never" in vain.
recovery() {
    sed -E 's/.*"series_granted":\[([0-9,]*)\].*/\1/' "$1" | awk -F, -v from="${judge_outage##*.}" -v rate=$((judge_rpm / 60)) '{
        for (i = from + 1; i <= NF && !$i; i++);
        for (j = i; j <= NF && $j < 0.9 * rate; j++);
        if (j > NF) print "never never"; else print i - 1 - from, j - i }'
}

# verdict FLOOR WHOLE AFTER REFUSED%: pass or what is missed; the rest from end.json.
verdict() {
    awk -v floor="$1" -v whole="$2" -v after="$3" -v refused="$4" -v n="$(figure end.json refused_for_rate)" \
        -v early="$(figure end.json too_early)" -v back="${back:-}" -v ramp="${ramp:-}" -v share="${share:-50}" -v code="$code" \
        -v most_ramp=$judge_ramp -v patience=$judge_patience '
        function miss(what) { missed = missed (missed == "" ? "" : ", ") what }
        BEGIN {
            if (code != 4) miss("exit 4 when stopped, not " code)
            if ((floor == "told" || floor == "tenants") && whole < 98) miss("used 98 %")
            if ((floor == "told" || floor == "tenants" || floor == "outage") && n > 0) miss("none refused")
            if (floor == "kept" && after < 95) miss("used 95 % later")
            if (floor == "kept" && refused >= 3) miss("refused < 3 %")
            if (floor == "headers" && whole < 95) miss("used 95 %")
            if (floor == "headers" && refused >= 0.5) miss("refused < 0.5 %")
            if (floor == "none" && after < 85) miss("used 85 % later")
            if (floor == "none" && refused >= 3) miss("refused < 3 %")
            if (floor == "tenants" && (share < 45 || share > 55)) miss("each 45 %")
            if (floor == "outage" && early > 0) miss("none too early")
            if (floor == "outage" && (back == "never" || back > patience)) miss("back after the cool-down")
            if (floor == "outage" && (ramp == "never" || ramp > most_ramp)) miss("recovered within the ramp")
            print missed == "" ? "pass" : "FAIL: " missed
        }'
}

# In a folder and shell of its own: judge_one NAME FLOOR requests|tokens SIM_OPTIONS RUN_OPTIONS [INPUT]. Writes the row.
judge_one() {
    local name=$1 floor=$2 unit=$3 input=../${6:-exact}.jsonl span=$judge_span code=0 note= back= ramp= share=
    sim= runner=
    trap judge_finish EXIT
    trap 'exit 1' TERM
    export ANTHROPIC_API_KEY=not-a-key
    [ "$floor" != outage ] || span=$judge_outage_span
    "$longhaul" -q sim --port 0 --port-file port --latency 50..150 $4 & sim=$!
    for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
    local url=http://127.0.0.1:$(cat port)/v1
    if [ "$floor" = tenants ]; then
        for tenant in a b; do "$longhaul" -q submit "$input" --model sim --batch $tenant --tenant $tenant; done
        "$longhaul" -q work --base-url "$url" $5 >out 2>err & runner=$!
    else
        "$longhaul" -q run "$input" --model sim --base-url "$url" $5 >out 2>err & runner=$!
    fi
    if ! statistics_at $judge_skip skip.json || ! statistics_at $span end.json; then
        printf '%-30s the run ended too early: %s\n' "$name" "$(tail -n 1 err)" >row
        exit 1
    fi
    kill -TERM $runner
    wait $runner || code=$?
    runner=
    if [ "$floor" = outage ]; then
        read -r back ramp < <(recovery end.json)
        note="$(figure end.json outage_requests) came in it, back after $back s, ramp $ramp s"
    elif [ "$floor" = tenants ]; then
        share=$("$longhaul" sql --format csv "SELECT round(100.0 * sum(tenant = 'a') / count(*), 1) FROM jobs JOIN batches ON batches.id = batch_id WHERE jobs.state = 'done'" | tail -1 | tr -d '\r')
        note="$share % for the first"
    fi
    echo '{"granted_requests":0,"allowance_requests":0,"granted_tokens":0,"allowance_tokens":0}' >zero.json
    local whole after refused
    whole=$(used_between zero.json end.json "$unit")
    after=$(used_between skip.json end.json "$unit")
    refused=$(figure end.json refused_percent)
    printf '%-30s %8s %8s %9s %6s %5s  %s%s\n' "$name" "$whole" "$after" "$refused" "$(figure end.json too_early)" "$span" \
        "$(verdict "$floor" "$whole" "$after" "$refused")" "${note:+ ($note)}" >row
}

judge_pair=() judge_count=0
# Begins a scenario, and waits for two.
scenario() {
    awk -v name="$1" -v pattern="${JUDGE:-.}" 'BEGIN { exit name !~ pattern }' || return 0
    judge_count=$((judge_count + 1))
    mkdir "judge/$judge_count"
    (cd "judge/$judge_count" && judge_one "$@") & judge_pair+=($!) pids+=($!)
    [ ${#judge_pair[@]} -lt 2 ] || end_pair
}
end_pair() {
    for pid in "${judge_pair[@]}"; do wait "$pid" || true; done
    for ((i = judge_count - ${#judge_pair[@]} + 1; i <= judge_count; i++)); do cat "judge/$i/row" || echo "scenario $i: no figures"; done
    judge_pair=()
}

section_judge() {
    local rpm="--rpm $judge_rpm" tpm="--tpm $judge_tpm" silent="--limit-headers none --no-retry-after"
    local untold="bucket window minute"
    [ "${SCALE:-full}" != small ] || untold=bucket
    mkdir -p judge
    # Bounds on the output that answers use up, and bounds that they fall short of.
    awk 'BEGIN { for (i = 1; i <= 40000; i++) printf "{\"messages\":[{\"role\":\"user\",\"content\":\"question %d\"}],\"max_tokens\":5}\n", i }' >judge/exact.jsonl
    sed 's/"max_tokens":5/"max_tokens":40/' judge/exact.jsonl >judge/loose.jsonl
    printf '%-30s %8s %8s %9s %6s %5s\n' "limits" "used %" "later %" "refused %" early "s"
    for kind in bucket window minute; do
        scenario "told requests, $kind" told requests "$rpm --enforce $kind" "$rpm"
        scenario "told tokens, $kind" told tokens "$tpm --enforce $kind" "$tpm"
    done
    scenario "told tokens, short answers" kept tokens "$tpm" "$tpm" loose
    for kind in $untold; do
        scenario "headers of OpenAI, $kind" headers requests "$rpm --enforce $kind --limit-headers openai" ""
        scenario "headers of Anthropic, $kind" headers requests "$rpm --enforce $kind --limit-headers anthropic" "--url /v1/messages"
        scenario "no headers, $kind" none requests "$rpm --enforce $kind $silent" ""
    done
    scenario "headers, halves and doubles" headers requests "$rpm --change $judge_change" ""
    scenario "told, two tenants" tenants requests "$rpm" "$rpm"
    scenario "told, an outage" outage requests "$rpm --outage $judge_outage" "$rpm"
    scenario "told, overloaded (529)" told requests "$rpm --faults 529=20 --max-faults 0" "$rpm --url /v1/messages"
    [ ${#judge_pair[@]} = 0 ] || end_pair
    local passed
    passed=$(cat judge/*/row 2>/dev/null | grep -c ' pass' || true)
    line "judge: floors held" "$passed of $judge_count scenarios"
    [ "$passed" = "$judge_count" ] || [ "${JUDGE_STRICT:-0}" != 1 ] || return 1
}

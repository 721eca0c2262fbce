# Several simulated providers at once; sourced by flows after lib.sh.
pids=()
end_all() { for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; done; }
trap end_all EXIT
unset OPENAI_API_KEY ANTHROPIC_API_KEY OPENAI_BASE_URL ANTHROPIC_BASE_URL

# more NAME OPTION…: a simulated provider whose address is then in $NAME.
more() {
    local name=$1
    shift
    start_sim "$@"
    pids+=($sim_pid)
    sim_pid=
    printf -v "$name" %s "${base%/v1}"
}
value() { "$LONGHAUL" sql --format csv "$1" | tail -1 | tr -d '\r'; }

#!/bin/bash
# A picture of what a run did to its provider: requests granted, refused and failed in each second, from the attempts in its database.
#   rate_over_time.sh DB OUT.svg [LIMIT]
# LIMIT draws what the provider was set to grant: "0:20,60:10" is 20 a second, 10 from the sixtieth second on. Needs gnuplot (gnuplot-nox).
set -euo pipefail
longhaul=${LONGHAUL:-$(dirname "$0")/../build/release/longhaul}
db=$1 out=$2 limit=${3:-}
command -v gnuplot >/dev/null || { echo "gnuplot is missing: apt install gnuplot-nox" >&2; exit 1; }
work=$(mktemp -d "${TMPDIR:-/tmp}/longhaul-picture.XXXXXX")
trap 'rm -rf "$work"' EXIT
"$longhaul" --db "$db" sql --format csv "
    WITH first AS (SELECT min(started_at) AS at FROM attempts)
    SELECT (started_at - first.at) / 1000 AS second, sum(outcome = 'success') AS granted, sum(outcome = 'throttled') AS refused,
        sum(outcome NOT IN ('success', 'throttled')) AS failed
    FROM attempts, first GROUP BY second ORDER BY second" | tr -d '\r' | tail -n +2 |
    awk -F, 'NR == 1 { last = $1 - 1 } { while (++last < $1) print last ",0,0,0"; print }' >"$work/seconds.csv"
[ -s "$work/seconds.csv" ] || { echo "$db holds no attempts" >&2; exit 1; }
end=$(tail -1 "$work/seconds.csv" | cut -d, -f1)
plots="'$work/seconds.csv' using 1:2 with lines lw 2 lc rgb '#2166ac' title 'granted',
    '' using 1:3 with impulses lw 2 lc rgb '#b2182b' title 'refused', '' using 1:4 with points pt 7 ps 0.3 lc rgb '#999999' title 'failed'"
plots=${plots//$'\n'/ }
if [ -n "$limit" ]; then
    tr ',' '\n' <<<"$limit" | awk -F: -v end="$end" 'NR > 1 { print $1 "," last } { print $1 "," $2; last = $2 } END { print end "," last }' >"$work/limit"
    plots="'$work/limit' with lines dt 2 lc rgb '#555555' title 'limit', $plots"
fi
gnuplot <<GNUPLOT
set terminal svg size 900,340 font "sans-serif,12" background rgb 'white'
set output '$out'
set datafile separator comma
set key outside top center horizontal
set xlabel 'seconds'
set ylabel 'requests a second'
set xrange [0:$end]
set yrange [0:*]
set grid ytics lc rgb '#dddddd'
plot $plots
GNUPLOT

#!/usr/bin/env bash
# From the publish of the second survey to the finished report: CPU-seconds of the importer, and of the server with the viewer that draws for it.
# Figures, never a verdict.
#   scripts/bench-disaster.sh PROGRAMS COUNTY      PROGRAMS: folder of the built programs; COUNTY: the sample county of make-samples
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$1 county=$(cd "$2" && pwd) work=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server" 2>/dev/null; rm -rf "$work"' EXIT
# What the assessment reads, and the pictures that the views show.
mkdir "$work/county"
ln -s "$county"/* "$work/county/"
rm "$work/county/import-plan.toml"
awk 'BEGIN { RS = "\\[\\[import\\]\\]" } NR == 1 { printf "%s", $0 } /dataset = "(houses|roads|shelters|poi|ortho)"/ { printf "[[import]]%s", $0 }' \
  "$county/import-plan.toml" >"$work/county/import-plan.toml"
scripts/import-samples.sh "$bin" "$work/county" "$work/data" >/dev/null
survey() { # folder, day
  "$bin/shikong-import" add "$county/03_无人机测绘_高精度1平方公里/$1/DEM_1m.tif" --dataset ground --title 裸地高程 --height-datum normal_1985 \
    --valid-from "$2" --data "$work/data" >"$work/out" 2>&1 || (($? == 3))
}
survey 第一期_2023-05 2023-05-16
"$bin/shikong-server" --data "$work/data" --listen 127.0.0.1:0 --open >"$work/url" 2>"$work/server.log" & server=$!
until [[ -s $work/url ]]; do read -rt 0.1 <> <(:) || true; done
url=$(head -1 "$work/url")
post() { curl -sf -H 'content-type: application/json' -H "idempotency-key: $1" -d "$3" "$url$2"; }
id() { grep -oE '"id":"[^"]+"' | head -1 | cut -d'"' -f4; }
# Of the process and of the children that it waited for.
ticks() { awk '{print $14 + $15 + $16 + $17}' "/proc/$server/stat"; }
before=$(ticks) began=$(date +%s.%N)
importer=$( { TIMEFORMAT='%U %S'; time survey 第二期_2024-07 2024-07-20; } 2>&1 | awk '{print $1 + $2}')
incident=$(post one /incidents '{"name":"样例镇滑坡","hazard":"滑坡","occurred":"2024-07-19T18:42:00Z","place":"样例镇",
  "question":{"before":{"dataset":"ground","datetime":"2023-06-01"},"after":{"dataset":"ground","datetime":"2024-08-01"}}}' | id)
job=$(post ask "/incidents/$incident/jobs" '{}' | grep -oE '"job":\{[^}]*' | id)
until curl -sf "$url/analyses/jobs/$job" | grep -qE '"state":"(done|failed)"'; do read -rt 0.2 <> <(:) || true; done
curl -sf "$url/analyses/jobs/$job" | grep -q '"state":"done"'
found=$(date +%s.%N)
for name in bulletin.pdf bulletin.docx bulletin.png; do curl -sf -o "$work/$name" "$url/incidents/$incident/documents/$name"; done
awk -v importer="$importer" -v ticks=$(($(ticks) - before)) -v hz="$(getconf CLK_TCK)" -v wall="$(date +%s.%N)" -v began="$began" -v found="$found" 'BEGIN {
  printf "%-58s %8.1f CPU-s %8.1f s\n", "second survey -> report, PDF, DOCX and picture (limit 90)", importer + ticks / hz, wall - began
  printf "%-58s %8.1f CPU-s %8.1f s\n", "  of that the importer, and until the answer was there", importer, found - began }'
awk '/VmHWM/ {printf "%-58s %8.0f MB\n", "  server, peak memory", $2 / 1024}' "/proc/$server/status"
kill "$server"; wait "$server" 2>/dev/null || true

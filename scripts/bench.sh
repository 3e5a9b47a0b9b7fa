#!/usr/bin/env bash
# CPU-seconds and peak memory of the main jobs on this machine, and of a tile request under load. Figures, never a verdict.
#   scripts/bench.sh [FOLDER]      FOLDER may hold autzen.laz; without it the sample county alone is measured
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-}
[[ -n $folder ]] || { [[ -d ../shared/bench ]] && folder=../shared/bench; }
for tool in /usr/bin/time wrk gdal_translate; do command -v "$tool" >/dev/null || { echo "bench: $tool is missing (Debian: time wrk gdal-bin)" >&2; exit 1; }; done
cargo build --locked --release --workspace --bins
bin=$PWD/target/release work=$(mktemp -d "$PWD/target/bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
measure() { # label, command…
  local label=$1; shift
  /usr/bin/time -o "$work/time" -f '%U %S %e %M' "$@" >"$work/out" 2>&1 || { tail -5 "$work/out"; return 1; }
  awk -v label="$label" '{printf "%-58s %8.1f CPU-s %8.1f s %8.0f MB\n", label, $1 + $2, $3, $4 / 1024}' "$work/time"
}
measure 'make-samples' "$bin/make-samples" "$work/county"
if [[ -f $folder/autzen.laz ]]; then
  measure 'autzen.laz (10.65 M points) -> COPC' "$bin/shikong-import" add "$folder/autzen.laz" --dataset autzen --data "$work/data"
fi
# 10,000 x 10,000 RGB is 0.3 GB of pixels; the pattern is noise over a gradient, so that JPEG works for its living.
gdal_translate -q -of GTiff -co TILED=YES -outsize 10000 10000 -r bilinear -b 1 -b 2 -b 3 -a_srs EPSG:4546 -a_ullr 370000 3140000 372000 3138000 \
  "$(find "$work/county" -iname '*.tif' -size +10M | sort | head -1)" "$work/ortho.tif"
measure 'orthophoto 10,000 x 10,000 RGB (0.3 GB) -> COG' "$bin/shikong-import" add "$work/ortho.tif" --dataset ortho --data "$work/data"
scripts/import-samples.sh "$bin" "$work/county" "$work/data" >"$work/import.log" 2>&1 || true
"$bin/shikong-server" --data "$work/data" --listen 127.0.0.1:0 >"$work/url" & server=$!
trap 'kill $server 2>/dev/null; rm -rf "$work"' EXIT
until [[ -s $work/url ]]; do read -rt 0.1 <> <(:) || true; done
url=$(head -1 "$work/url")
template=$(curl -sf "$url/tiles/dltb" | sed -E 's/.*"tiles":\["([^"]+)".*/\1/')
tile=${template/\{z\}/14}; tile=${tile/\{x\}/13186}; tile=${tile/\{y\}/6845}
cpu() { awk '{print ($14 + $15)}' "/proc/$server/stat"; }
before=$(cpu)
wrk -t1 -c8 -d10s -H 'accept-encoding: gzip' "$tile" >"$work/wrk"
after=$(cpu)
requests=$(awk '/requests in/ {print $1}' "$work/wrk")
awk -v ticks=$((after - before)) -v requests="$requests" -v hz="$(getconf CLK_TCK)" 'BEGIN {printf "%-58s %8.3f CPU-ms a request (%d requests)\n", "warm vector tile, gzip passed through", ticks / hz * 1000 / requests, requests}'

#!/usr/bin/env bash
# CPU-seconds and peak memory of the main jobs on this machine, beside a peer's where one is installed, and of tile requests under load.
# Figures, never a verdict.
#   scripts/bench.sh [FOLDER]      FOLDER may hold autzen.laz; without it the sample county alone is measured
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-}
[[ -n $folder ]] || { [[ -d ../shared/bench ]] && folder=../shared/bench; }
for tool in /usr/bin/time wrk gdal_translate; do command -v "$tool" >/dev/null || { echo "bench: $tool is missing (Debian: time wrk gdal-bin)" >&2; exit 1; }; done
cargo build --locked --release --workspace --bins
cargo build --locked --release --workspace --example overlay_benchmark --example compliance_bench --example terrain_change_bench \
  --example inundation_bench --example terrain_bench --example exposure_bench
bin=$PWD/target/release work=$(mktemp -d "$PWD/target/bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
measure() { # label, command…
  local label=$1 code=0; shift
  /usr/bin/time -q -o "$work/time" -f '%U %S %e %M' "$@" >"$work/out" 2>&1 || code=$?
  # 3 is published with warnings.
  ((code == 0 || code == 3)) || { tail -5 "$work/out" >&2; printf '%-58s failed (%d)\n' "$label" "$code"; return; }
  awk -v label="$label" '{printf "%-58s %8.1f CPU-s %8.1f s %8.0f MB\n", label, $1 + $2, $3, $4 / 1024}' "$work/time"
}
measure 'make-samples' "$bin/make-samples" "$work/county"
if [[ -f $folder/autzen.laz ]]; then
  # The file names no CRS; it is NAD83(HARN) / Oregon GIC Lambert in feet.
  measure 'autzen.laz (10.65 M points) -> COPC' "$bin/shikong-import" add "$folder/autzen.laz" --crs EPSG:2994 --dataset autzen --data "$work/data"
  if command -v pdal >/dev/null; then
    measure '  peer: pdal, the same' pdal translate "$folder/autzen.laz" "$work/peer.copc.laz" --writer writers.copc
  fi
fi
# 10,000 x 10,000 RGB is 0.3 GB of pixels: the county's picture, enlarged.
gdal_translate -q -of GTiff -co TILED=YES -outsize 10000 10000 -r bilinear -b 1 -b 2 -b 3 -a_srs EPSG:4546 -a_ullr 370000 3140000 372000 3138000 \
  "$(find "$work/county" -name '*DOM*.tif' | sort | head -1)" "$work/ortho.tif"
measure 'orthophoto 10,000 x 10,000 RGB (0.3 GB) -> COG' "$bin/shikong-import" add "$work/ortho.tif" --dataset ortho-large --data "$work/data"
measure '  peer: gdalwarp to a web-aligned COG' gdalwarp -q -of COG -co TILING_SCHEME=GoogleMapsCompatible -co COMPRESS=WEBP -co OVERVIEW_RESAMPLING=AVERAGE -r bilinear -dstalpha "$work/ortho.tif" "$work/peer.tif"
rm -f "$work/ortho.tif" "$work"/peer.*
measure 'the sample county, every delivery -> catalogue' scripts/import-samples.sh "$bin" "$work/county" "$work/data"

"$bin/shikong-server" --data "$work/data" --listen 127.0.0.1:0 >"$work/url" 2>"$work/server.log" & server=$!
trap 'kill $server 2>/dev/null; rm -rf "$work"' EXIT
until [[ -s $work/url ]]; do read -rt 0.1 <> <(:) || true; done
url=$(head -1 "$work/url")
document=$(curl -sf "$url/tiles/dltb")
template=$(grep -oE '"tiles":\["[^"]+' <<<"$document" | sed 's/.*"//' | grep -v '/c/{z}/' | head -1)
prefix=${template#"$url"} prefix=${prefix%%/\{z\}*}
# Every tile of zooms 11 to 16 that the land-use layer meets, as paths, in both grids.
read -r west south east north < <(sed -E 's/.*"bounds":\[([^]]+)\].*/\1/; s/,/ /g' <<<"$document")
paths() { # w|c
  awk -v grid="$1" -v prefix="$prefix" -v west="$west" -v south="$south" -v east="$east" -v north="$north" '
    function mercator(lat, s) { s = sin(lat * atan2(0, -1) / 180); return 0.5 - log((1 + s) / (1 - s)) / (4 * atan2(0, -1)) }
    BEGIN { for (z = 11; z <= 16; z++) { n = 2 ^ z
      top = grid == "w" ? mercator(north) * n : (90 - north) / 360 * n; bottom = grid == "w" ? mercator(south) * n : (90 - south) / 360 * n
      for (x = int((west + 180) / 360 * n); x <= int((east + 180) / 360 * n); x++) for (y = int(top); y <= int(bottom); y++)
        printf "%s%s/%d/%d/%d.mvt\n", prefix, grid == "c" ? "/c" : "", z, x, y } }'
}
cat >"$work/once.lua" <<'LUA'
-- Each path once; then the thread stops.
local paths, at = {}, 0
for path in io.lines(os.getenv("PATHS")) do paths[#paths + 1] = path end
function request()
  at = at + 1
  if at >= #paths then wrk.thread:stop() end
  return wrk.format("GET", paths[math.min(at, #paths)])
end
LUA
load_server() { # label, wrk arguments…
  local label=$1 before after requests; shift
  before=$(awk '{print $14 + $15}' "/proc/$server/stat")
  wrk -t1 -c8 -H 'accept-encoding: gzip' "$@" >"$work/wrk"
  after=$(awk '{print $14 + $15}' "/proc/$server/stat")
  requests=$(awk '/requests in/ {print $1}' "$work/wrk")
  if grep -q 'Non-2xx' "$work/wrk"; then grep 'Non-2xx' "$work/wrk" >&2; fi
  awk -v label="$label" -v ticks=$((after - before)) -v requests="$requests" -v hz="$(getconf CLK_TCK)" 'BEGIN {printf "%-58s %8.3f CPU-ms a request (%d requests)\n", label, ticks / hz * 1000 / requests, requests}'
}
paths w >"$work/w"; paths c >"$work/c"
PATHS=$work/w load_server 'vector tiles, web grid, each for the first time' -d60s -s "$work/once.lua" "$url"
PATHS=$work/c load_server 'vector tiles, CGCS2000 grid, cut live, each once' -d60s -s "$work/once.lua" "$url"
load_server 'one vector tile again and again, gzip passed through' -d10s "$url$(sed -n '/\/14\//p' "$work/w" | awk 'NR == 3')"
awk '/VmHWM/ {printf "%-58s %8.0f MB\n", "server, peak memory", $2 / 1024}' "/proc/$server/status"
kill "$server"; wait "$server" 2>/dev/null || true
scripts/bench-overlay.sh "$bin/examples"
scripts/bench-terrain-change.sh "$bin/examples"
scripts/bench-disaster.sh "$bin" "$work/county"
scripts/bench-review.sh
for example in inundation terrain exposure; do "$bin/examples/${example}_bench"; done

#!/usr/bin/env bash
# The overlay of two layers of 99,856 polygons, and PostGIS with the same polygons in the same run; then one project against forty layers.
# Figures, never a verdict. PostGIS runs as a private cluster on a unix socket in a temporary folder; without it (Debian: postgresql-15-postgis-3) our side alone is measured.
#   scripts/bench-overlay.sh [EXAMPLES]      EXAMPLES: a folder with overlay_benchmark and compliance_bench; otherwise they are built here
set -euo pipefail
cd "$(dirname "$0")/.."
examples=${1:-}
[[ -n $examples ]] || { cargo build --locked --release --workspace --example overlay_benchmark --example compliance_bench; examples=target/release/examples; }
line() { printf '%-58s %8.1f CPU-s %8s s %8.0f MB\n' "$@"; }
work=$(mktemp -d) bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -1 || true)
chmod 755 "$work"
finish() { [[ -f $work/db/postmaster.pid ]] && as "$bin/pg_ctl" -D "$work/db" -m immediate stop >/dev/null; rm -rf "$work"; }
# A database server refuses to run as root.
as() { if ((EUID == 0)); then runuser -u nobody -- "$@"; else "$@"; fi; }
trap finish EXIT
/usr/bin/time -q -o "$work/time" -f %M "$examples/overlay_benchmark" "$work" >"$work/ours"
peak=$(awk '{print $1 / 1024}' "$work/time")
# overlay ellipsoidal=false: N x N polygons, P pairs, M m2, S s, C CPU-s
while read -r _ kind count _ _ _ pairs _ total _ wall _ cpu _; do
  case $kind in *=false:) what='plane areas (limit 4 CPU-s)' plane=$total pairs_plane=$pairs ;; *) what='ellipsoidal areas (limit 6 CPU-s)' ;; esac
  line "overlay ${count}², $pairs pairs, $what" "$cpu" "$wall" "$peak"
done <"$work/ours"
"$examples/compliance_bench" | sed -E 's/.*"layers":([0-9]+),"parcels":([0-9]+).*"median_ms":([0-9.]+).*/\1 \2 \3/' |
  while read -r layers parcels median; do printf '%-58s %8.1f ms\n' "one project, $layers layers, $parcels parcels (limit 200 ms)" "$median"; done
[[ -n $bin && -f $(dirname "$bin")/lib/postgis-3.so ]] || { echo "PostGIS is not here: no peer (Debian: postgresql-15-postgis-3)"; exit 0; }
mkdir "$work/run"; ((EUID != 0)) || chown -R nobody "$work"
as "$bin/initdb" -D "$work/db" -A trust -U bench --no-sync >/dev/null
as "$bin/pg_ctl" -D "$work/db" -w -l "$work/log" -o "-k $work/run -c listen_addresses= -c fsync=off -c jit=off -c max_parallel_workers_per_gather=0 -c shared_buffers=256MB" start >/dev/null
ask() { as "$bin/psql" -h "$work/run" -U bench -d postgres -qAt -v ON_ERROR_STOP=1 "$@"; }
ask -c 'create extension postgis'
for layer in a b; do
  ask -c "create table $layer (g geometry)" -c "\\copy $layer (g) from '$work/$layer.txt'" -c "create index on $layer using gist (g)" -c "analyze $layer"
done
# The backend that answers measures itself: its own /proc entry before and after, in the one session.
ask -o "$work/answer" <<'SQL'
create temp table cpu (line text);
select pg_backend_pid() as pid \gset
\set stat '/proc/' :pid '/stat'
\set status '/proc/' :pid '/status'
copy cpu from :'stat';
create temp table answer as select count(*) filter (where m2 > 0) as pairs, sum(m2) as total from (select st_area(st_intersection(a.g, b.g)) as m2 from a join b on st_intersects(a.g, b.g)) as parts;
copy cpu from :'stat';
create temp table memory (line text);
copy memory from :'status' delimiter E'\x01';
select string_agg(cpu, ' ') from (select (split_part(rest, ' ', 12)::numeric + split_part(rest, ' ', 13)::numeric)::text as cpu from (select regexp_replace(line, '^.*\) ', '') as rest from cpu) as lines order by 1) as times;
select regexp_replace(line, '\D', '', 'g') from memory where line like 'VmHWM%';
select pairs, total from answer;
SQL
{ read -r before after; read -r kib; IFS='|' read -r pairs total; } <"$work/answer"
cpu=$(awk -v a="$before" -v b="$after" 'BEGIN {d = b - a; print (d < 0 ? -d : d) / 100}')
line "  peer: PostGIS, $pairs pairs, plane areas" "$cpu" - "$((kib / 1024))"
awk -v a="$plane" -v b="$total" -v p="$pairs_plane" -v q="$pairs" 'BEGIN {d = (a - b) / b; printf "  total areas differ by %.1e of themselves, pairs by %d\n", d < 0 ? -d : d, p - q}'

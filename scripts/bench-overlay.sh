#!/usr/bin/env bash
# The overlay of two layers of 99,856 polygons, and PostGIS with the same polygons in the same run: CPU-seconds, peak memory, total area.
# Figures, never a verdict. PostGIS runs as a private cluster on a unix socket in a temporary folder; without it (Debian: postgresql-15-postgis-3) our side alone is measured.
#   scripts/bench-overlay.sh [PROGRAM]      PROGRAM: a built overlay_benchmark; otherwise it is built here
set -euo pipefail
cd "$(dirname "$0")/.."
program=${1:-}
[[ -n $program ]] || { cargo build --locked --release --workspace --example overlay_benchmark; program=target/release/examples/overlay_benchmark; }
work=$(mktemp -d) bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -1 || true)
chmod 755 "$work"
finish() { [[ -f $work/db/postmaster.pid ]] && as "$bin/pg_ctl" -D "$work/db" -m immediate stop >/dev/null; rm -rf "$work"; }
# A database server refuses to run as root.
as() { if ((EUID == 0)); then runuser -u nobody -- "$@"; else "$@"; fi; }
trap finish EXIT
/usr/bin/time -q -o "$work/time" -f '%U %S %e %M' "$program" "$work"
awk '{printf "overlay, both kinds of area, input written: %.1f CPU-s %.1f s %.0f MB\n", $1 + $2, $3, $4 / 1024}' "$work/time"
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
awk 'NR == 1 {cpu = ($2 > $1 ? $2 - $1 : $1 - $2) / 100} NR == 2 {mb = $1 / 1024} NR == 3 {split($0, a, "|"); printf "PostGIS, plane areas: %s pairs, %.6f m2, %.2f CPU-s, %.0f MB\n", a[1], a[2], cpu, mb}' "$work/answer"

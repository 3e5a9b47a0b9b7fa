#!/usr/bin/env bash
# The main job on this machine: everything set up, the sample county made and imported, served, and the addresses said.
# SHIKONG_DEMO_ONCE=1 stops when the page answers; SHIKONG_LISTEN=HOST:PORT chooses the address (default 127.0.0.1:8080).
set -euo pipefail
cd "$(dirname "$0")/.."
unset PROJ_DATA PROJ_LIB
say() { printf '\n== %s\n' "$*"; }

say '1/5 系统软件与网页库 / system packages and web libraries'
scripts/system-packages.sh demo
scripts/web-libraries.sh tile-server/web

say '2/5 编译（首次约需半小时）/ build (about half an hour the first time)'
cargo build --locked --workspace --bins
programs=$PWD/target/debug demo=$PWD/data/demo
county=$demo/county data=$demo/catalogue

say '3/5 生成样例县 / make the sample county'
if [[ ! -e $county/.complete ]]; then
  rm -rf "$county"
  mkdir -p "$demo"
  "$programs/make-samples" "$county"
  touch "$county/.complete"
fi

say '4/5 导入各部门成果 / import the departments’ deliveries'
scripts/import-samples.sh "$programs" "$county" "$data"

say '5/5 发布服务 / serve'
listen=${SHIKONG_LISTEN:-127.0.0.1:8080}
if [[ -z ${SHIKONG_LISTEN:-} ]] && (exec 3<>/dev/tcp/127.0.0.1/8080) 2>/dev/null; then listen=127.0.0.1:0; fi
address=$(mktemp)
# Open, without accounts, is for this machine only; --listen on another address makes people log in.
open=(--open)
[[ $listen == 127.0.0.1:* ]] || open=()
"$programs/shikong-server" --data "$data" --listen "$listen" ${open[@]+"${open[@]}"} >"$address" &
server=$!
trap 'kill "$server" 2>/dev/null; rm -f "$address"' EXIT
for _ in $(seq 200); do
  [[ -s $address ]] && break
  kill -0 "$server" 2>/dev/null || { echo '服务未能启动 / the server did not start' >&2; exit 1; }
  read -rt 0.05 <> <(:) || true
done
url=$(head -n 1 "$address")
curl -sf "$url/health" >/dev/null
tail -n +2 "$address"
if curl -sf "$url/me" | grep -qE '"open": ?true'; then scripts/seed-projects.sh "$url" "$county"; fi
cat <<END

  网页 / page          $url/
  三维地形 / 3D        $url/?terrain=1
  项目审查 / projects  $url/#/projects
  数据目录 / datasets  $url/datasets
  桌面三维 / viewer    $programs/shikong-view $url
  出图 / a picture     $programs/shikong-view $url --headless --size 1366x768 --out shot.png

END
[[ -n ${SHIKONG_DEMO_ONCE:-} ]] && exit 0
if [[ -n ${DISPLAY:-}${WAYLAND_DISPLAY:-} ]]; then "$programs/shikong-view" "$url" || true; fi
echo '按 Ctrl-C 结束 / Ctrl-C to stop'
wait "$server"

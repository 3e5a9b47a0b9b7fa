#!/usr/bin/env bash
# Installs the Debian/Ubuntu packages that building, testing and showing Shikong needs; only what is missing, sudo only when not root.
# On another system it names what is missing and stops.
#   scripts/system-packages.sh [build|demo|test]      (default: demo; each set holds the one before it)
set -euo pipefail

# A C/C++ compiler and cmake build the bundled PROJ and SQLite; sqlite3 builds proj.db; GDAL reads what departments deliver; Node.js brings the web libraries.
build=(gcc g++ cmake pkg-config sqlite3 libgdal-dev nodejs npm ca-certificates)
# gdal-bin writes the sample county's department formats; Noto CJK draws Chinese labels; Mesa draws without a graphics card; xkbcommon and X11 open the window.
demo=(gdal-bin fonts-noto-cjk mesa-vulkan-drivers libvulkan1 libegl1 libgl1-mesa-dri libxkbcommon0 libxkbcommon-x11-0 libx11-6 libx11-xcb1 libxcursor1 libxi6 libxrandr2 curl)
# osgconv, the validators' Python, a headless browser, PostGIS, and what reads papers back are oracles others wrote; xdotool and ImageMagick sit at the window.
test=(openscenegraph python3 python3-venv chromium xvfb xdotool imagemagick postgresql-postgis poppler-utils libreoffice-writer-nogui libreoffice-calc-nogui)

set_name=${1:-demo}
case $set_name in
build) want=("${build[@]}") ;;
demo) want=("${build[@]}" "${demo[@]}") ;;
test) want=("${build[@]}" "${demo[@]}" "${test[@]}") ;;
*) sed -n '2,4p' "$0" >&2; exit 2 ;;
esac

# A program that is already on the PATH from another source (Node.js, a compiler) needs no package.
have() {
  case $1 in
  gcc | g++ | cmake | sqlite3 | npm | curl | chromium | python3) command -v "$1" >/dev/null && return 0 ;;
  nodejs) command -v node >/dev/null && return 0 ;;
  xvfb) command -v Xvfb >/dev/null && return 0 ;;
  poppler-utils) command -v pdftotext >/dev/null && return 0 ;;
  libreoffice-*) command -v soffice >/dev/null && return 0 ;;
  python3-venv) python3 -c 'import ensurepip' 2>/dev/null && return 0 ;;
  openscenegraph) command -v osgconv >/dev/null && return 0 ;;
  esac
  command -v dpkg-query >/dev/null && [[ $(dpkg-query -W -f='${Status}' "$1" 2>/dev/null) == *"ok installed" ]]
}
missing=()
for package in "${want[@]}"; do have "$package" || missing+=("$package"); done
if ((${#missing[@]} == 0)); then exit 0; fi

if ! command -v apt-get >/dev/null; then
  printf '缺少以下系统软件（Debian 包名），请用本机的包管理器安装：\nThese are missing (Debian package names); install them with your package manager:\n  %s\n' "${missing[*]}" >&2
  exit 1
fi
as_root=()
if ((EUID != 0)); then
  command -v sudo >/dev/null || { printf '需要管理员权限安装 / root is needed to install: %s\n' "${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
printf '安装系统软件 / installing system packages: %s\n' "${missing[*]}"
log=$(mktemp)
quietly() { "$@" >"$log" 2>&1 || { tail -n 20 "$log" >&2; exit 1; }; }
quietly "${as_root[@]}" apt-get update -q
quietly "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
rm -f "$log"

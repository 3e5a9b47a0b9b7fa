#!/usr/bin/env bash
# Registers the sample county's three projects on a server that runs open, brings their red lines and checks them;
# those already registered stay as they are.
#   scripts/seed-projects.sh URL COUNTY
set -euo pipefail
url=$1 county=$2
post() { # path, JSON
  curl -sf -X POST -H 'content-type: application/json' -d "$2" "$url$1"
}
first_id() { grep -oE '"id": ?"[^"]*"' | head -n 1 | sed -E 's/.*"([^"]*)"$/\1/'; }
registered=$(curl -sf "$url/projects?limit=200")
seed() { # code, name, applicant, land use, kind, more facts, file
  [[ $registered != *"\"$1\""* ]] || return 0
  local id
  id=$(post /projects "{\"code\":\"$1\",\"name\":\"$2\",\"applicant\":\"$3\",\"land_use_code\":\"$4\",\"land_use_system\":\"landuse-2023\",\"kind\":\"$5\"$6}" | first_id)
  curl -sf -X POST -F "file=@$county/10_项目_拟用地红线/$7" "$url/projects/$id/red-lines" >/dev/null
  post "/projects/$id/checks" '{}' >/dev/null
  printf '  %s\n' "$2"
}
seed 2024-433199-41-01-000001 样例工业园 样例县工业投资有限公司 100101 '' '' 样例工业园_界址点.txt
seed 2024-433199-47-01-000002 河湾安置区 样例县城市建设投资有限公司 070102 '' ',"far":2.0,"height_m":54.0' 河湾安置区_界址点.txt
seed 2024-433199-48-01-000003 样例乡道 样例县交通运输局 1202 linear '' 样例乡道_界址点.txt

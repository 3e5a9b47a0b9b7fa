#!/usr/bin/env bash
# Fetches the web page's libraries by the committed lock file; the build embeds them. Does nothing when they are already those of the lock file.
#   scripts/web-libraries.sh FOLDER…      (default: tile-server/web)
set -euo pipefail
cd "$(dirname "$0")/.."
for folder in "${@:-tile-server/web}"; do
  lock=$folder/package-lock.json stamp=$folder/node_modules/.installed-lock
  cmp -s "$lock" "$stamp" && continue
  printf '安装网页库 / installing web libraries: %s\n' "$folder"
  (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
  cp "$lock" "$stamp"
done

#!/usr/bin/env bash
# Writes the generated contracts anew: what the programs print of themselves. A test compares them with what is committed.
#   scripts/contracts.sh PROGRAMS FOLDER      writes FOLDER/openapi.json and FOLDER/command-line.txt
set -euo pipefail
programs=$1 folder=$2
"$programs/shikong-server" --print-openapi >"$folder/openapi.json"
for call in 'shikong-import' 'shikong-import inspect' 'shikong-import add' 'shikong-import basemap' 'shikong-import withdraw' 'shikong-import outline' 'shikong-import export' 'shikong-server' 'shikong-server analyse' 'shikong-view' 'shikong-view pack' 'make-samples'; do
  read -ra words <<<"$call"
  printf '$ %s --help\n' "$call"
  env -u USER -u SHIKONG_DATA COLUMNS=100 "$programs/${words[0]}" "${words[@]:1}" --help
  printf '\n'
done | sed 's/[[:space:]]*$//' >"$folder/command-line.txt"

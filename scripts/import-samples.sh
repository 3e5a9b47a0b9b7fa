#!/usr/bin/env bash
# Imports what the sample county's import-plan.toml lists, in its order; entries already published stay as they are.
#   scripts/import-samples.sh PROGRAMS COUNTY DATA
set -euo pipefail
programs=$1 county=$2 data=$3
plan=$county/import-plan.toml
[[ -f $plan ]] || { echo "没有 / missing: $plan" >&2; exit 1; }
total=$(grep -c '^\[\[import\]\]' "$plan") number=0
# The plan is written by make-samples: one key a line, texts in double quotes without escapes.
entry() {
  [[ -n ${path:-} ]] || return 0
  number=$((number + 1))
  local done_mark=$data/.imported-$dataset-$valid_from
  if [[ ! -e $done_mark ]]; then
    printf '[%d/%d] %s\n' "$number" "$total" "$title"
    local arguments=(add "$county/$path" --dataset "$dataset" --title "$title" --title-en "$title_en" --valid-from "$valid_from" --data "$data")
    [[ -z $layer ]] || arguments+=(--layer "$layer")
    # A file among the options lies in the county too.
    options=(${options[@]+"${options[@]/#\{county\}/$county}"})
    local code=0
    "$programs/shikong-import" "${arguments[@]}" ${options[@]+"${options[@]}"} >"$data/.last-import" 2>&1 || code=$?
    # 3 is published with named warnings; anything else but 0 is not published.
    case $code in
    0 | 3) touch "$done_mark" ;;
    *) cat "$data/.last-import" >&2; printf '导入失败（%d）/ import failed (%d): %s\n' "$code" "$code" "$path" >&2; exit 1 ;;
    esac
  fi
  path=
}
mkdir -p "$data"
path= dataset= title= title_en= valid_from= layer= options=()
while IFS= read -r line; do
  case $line in
  '[[import]]') entry; layer= options=() ;;
  'options = '*) mapfile -t options < <(grep -oE '"[^"]*"' <<<"$line" | sed 's/^"//; s/"$//') ;;
  *' = "'*'"') key=${line%% = *} value=${line#* = \"}; printf -v "$key" '%s' "${value%\"}" ;;
  esac
done <"$plan"
entry

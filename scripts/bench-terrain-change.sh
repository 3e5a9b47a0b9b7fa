#!/usr/bin/env bash
# Two surveys of 10,000 x 10,000 heights held against each other: registration, difference, volumes; and numpy with the same files in the same run.
# Figures, never a verdict. Without the Python of scripts/python-validators.sh our side alone is measured.
#   scripts/bench-terrain-change.sh [EXAMPLES]      EXAMPLES: a folder with terrain_change_bench; otherwise it is built here
set -euo pipefail
cd "$(dirname "$0")/.."
examples=${1:-}
[[ -n $examples ]] || { cargo build --locked --release --workspace --example terrain_change_bench; examples=${CARGO_TARGET_DIR:-target}/release/examples; }
work=$(mktemp -d) python=tests/validators/.venv/bin/python
trap 'rm -rf "$work"' EXIT
line() { sed -E 's/.*"cpu_s": ?([0-9.]+).*/\1 &/; s/^([0-9.]+) .*"peak_mb": ?([0-9.]+).*/\1 \2/' | { read -r cpu peak; printf '%-58s %8.1f CPU-s %8.0f MB\n' "$1" "$cpu" "$peak"; }; }
"$examples/terrain_change_bench" "$work" | line 'two surveys of 10,000² (limit 12 CPU-s, 700 MB)'
[[ -x $python ]] || { echo 'numpy is not here: no peer (scripts/python-validators.sh)'; exit 0; }
"$python" scripts/terrain-change-peer.py "$work" 10000 | line '  peer: numpy, the fit from every cell'
"$python" scripts/terrain-change-peer.py "$work" 10000 5 | line '  peer: numpy, the fit from every fifth row and column'

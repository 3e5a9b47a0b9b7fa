#!/usr/bin/env bash
# Puts the Python validators (rio-cogeo, laspy) of tests/validators/requirements.txt into tests/validators/.venv. Does nothing when they are already those.
set -euo pipefail
cd "$(dirname "$0")/../tests/validators"
cmp -s requirements.txt .venv/.installed-requirements && exit 0
echo '安装 Python 验证工具 / installing the Python validators'
rm -rf .venv
python3 -m venv .venv
.venv/bin/pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes -r requirements.txt
cp requirements.txt .venv/.installed-requirements

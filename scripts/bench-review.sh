#!/usr/bin/env bash
# Thirty departments at work: 100 requests a second, open loop, mixed reads and writes, a kill -9 half way. Fails where
# anything acknowledged is lost or anything is answered with an error; prints the server's CPU a request and the waits.
#   scripts/bench-review.sh [SECONDS]      300 unless told
set -euo pipefail
cd "$(dirname "$0")/.."
# All tests of the service are one program, so the shipped binary is built beside it with the same profile.
SHIKONG_LOAD_SECONDS=${1:-300} cargo test --locked --release -p tile-server --test service review_load -- --nocapture | grep -E '^review:|^test result'

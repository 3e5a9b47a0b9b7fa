#!/usr/bin/env bash
# Thirty departments at work: 100 requests a second, open loop, mixed reads and writes, a kill -9 half way. Fails where
# anything acknowledged is lost or anything is answered with an error; prints the server's CPU a request, its memory and the waits.
#   scripts/bench-review.sh [SECONDS]      300 unless told
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --locked --release --workspace --bins
SHIKONG_LOAD_SECONDS=${1:-300} SHIKONG_LOAD_PROGRAM=$PWD/target/release/shikong-server \
  cargo test --locked --workspace --test service review_load -- --nocapture | grep -E '^review:|^test result'

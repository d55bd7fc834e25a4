#!/usr/bin/env bash
# Builds HopperKV and its load generator and runs the demo; arguments go to it.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/needs.sh

need_cargo
need_programs cc:build-essential redis-server:redis-server
cargo build --release -p hopperkv -p hopperkv-bench || stop "the build failed; see above"
release="${CARGO_TARGET_DIR:-target}/release"
exec "$release/hopperkv-load" demo --server "$release/hopperkv" "$@"

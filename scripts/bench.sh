#!/usr/bin/env bash
# Builds HopperKV and its load generator, measures, and writes the results into docs/performance.md; arguments go to
# `hopperkv-load bench` (--help lists them). A quick run writes nothing, unless --doc says where.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/needs.sh

need_cargo
need_programs cc:build-essential redis-server:redis-server redis-benchmark:redis-tools
cargo build --release -p hopperkv -p hopperkv-bench || stop "the build failed; see above"
release="${CARGO_TARGET_DIR:-target}/release"
doc=(--doc docs/performance.md)
case " $* " in *" --quick "* | *" --doc"* | *" --help "*) doc=() ;; esac
exec "$release/hopperkv-load" bench --server "$release/hopperkv" --called "scripts/bench.sh" "${doc[@]}" "$@"

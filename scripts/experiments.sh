#!/usr/bin/env bash
# Builds the experiments and simulates the whole set at full scale; arguments go to `hopperkv-experiments run`, and replace
# the default of every spec (`scripts/experiments.sh 6a --point 2m`). Says where the report is, and opens nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/needs.sh

need_cargo
need_programs cc:build-essential
case " $* " in
*" live "* | *"=live "*)
    need_programs redis-server:redis-server
    cargo build --release -p hopperkv || stop "the build failed; see above"
    ;;
esac
cargo build --release -p hopperkv-experiments || stop "the build failed; see above"
# A simulation without partitions has but one server, and uses one processor: two run at a time.
[ $# -gt 0 ] || set -- all --jobs 2
exec "${CARGO_TARGET_DIR:-target}/release/hopperkv-experiments" run "$@"

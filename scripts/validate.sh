#!/usr/bin/env bash
# Runs shipped specs live and simulated at one scale into one directory, and writes the report with both side by side.
#
#   scripts/validate.sh                              what docs/experiments.md says, about an hour and a half
#   scripts/validate.sh 6a --point 2m                other specs and options of `hopperkv-experiments run`, for both engines
#   SCALE=1/64 OUT=elsewhere scripts/validate.sh     smaller and faster, with more noise
#
# What is there already is not run again: the same command goes on where it was.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/needs.sh

SCALE=${SCALE:-1/32}
OUT=${OUT:-experiments-out/validation}

need_cargo
need_programs cc:build-essential redis-server:redis-server
if [ -z "${BIN:-}" ]; then
    cargo build --release -p hopperkv -p hopperkv-experiments || stop "the build failed; see above"
    BIN=${CARGO_TARGET_DIR:-target}/release
fi

# Both engines with the same specs and options.
both() {
    local engine
    for engine in sim live; do
        "$BIN/hopperkv-experiments" run "$@" --engine "$engine" --scale "$SCALE" --out "$OUT" >"$OUT/$engine.log" ||
            stop "the $engine runs ended early; what is finished is in $OUT, and the same command goes on"
    done
}

mkdir -p "$OUT"
if [ $# -gt 0 ]; then
    both "$@"
else
    both 6a --point 2m --point 12m
    both ycsb
    both 7
fi
"$BIN/hopperkv-experiments" report "$OUT"

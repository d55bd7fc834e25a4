#!/usr/bin/env bash
# Runs shipped specs live and simulated at one scale into one directory, and writes the report with both side by side.
#
#   scripts/validate.sh                              what docs/experiments.md says, about an hour
#   scripts/validate.sh 6a --point 2m                other specs and options of `hopperkv-experiments run`, for both engines
#   SCALE=1/64 OUT=elsewhere scripts/validate.sh     smaller and faster, with more noise
#   LEARN=60s MEASURE=60s scripts/validate.sh        faster, with more noise, too
#   JOBS=1 scripts/validate.sh                       one live run at a time instead of three
#
# At a small scale requests are few, and what they tell is chance: specs are run with more time to learn and to measure than
# they have at full scale. What is there already is not run again: the same command goes on where it was.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/needs.sh

SCALE=${SCALE:-1/32}
OUT=${OUT:-experiments-out/validation}
JOBS=${JOBS:-3}
LEARN=${LEARN:-240s}
MEASURE=${MEASURE:-180s}

need_cargo
need_programs cc:build-essential redis-server:redis-server
if [ -z "${BIN:-}" ]; then
    cargo build --release -p hopperkv -p hopperkv-experiments || stop "the build failed; see above"
    BIN=${CARGO_TARGET_DIR:-target}/release
fi

run() {
    local engine=$1
    shift
    "$BIN/hopperkv-experiments" run --engine "$engine" --scale "$SCALE" --out "$OUT" "$@" >"$OUT/$engine.log" ||
        stop "the $engine runs ended early; what is finished is in $OUT, and the same command goes on"
}

# Both engines with the same spec and options.
both() {
    local spec="$OUT/specs/$1.toml"
    shift
    run sim "$spec" "$@"
    run live --jobs "$JOBS" "$spec" "$@"
}

# A shipped spec, by its name, with other times.
with_times() {
    "$BIN/hopperkv-experiments" show "$1" |
        sed -e "s/^learn = .*/learn = \"$LEARN\"/" -e "s/^measure = .*/measure = \"$MEASURE\"/" >"$OUT/specs/$1.toml"
}

mkdir -p "$OUT/specs"
for name in 6a ycsb 7 ${1:+"$1"}; do
    with_times "$name" || stop "the first argument is the name of a spec; hopperkv-experiments list shows them"
done
if [ $# -gt 0 ]; then
    both "$@"
else
    both 6a --point 2m --point 12m
    both ycsb
    both 7
fi
"$BIN/hopperkv-experiments" report "$OUT"

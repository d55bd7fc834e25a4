#!/usr/bin/env bash
# Counts the instructions of a hit with valgrind and fails if they are clearly more than bench/instructions.json says.
#   scripts/bench-instructions.sh [--release] [--record]
# Counts the dev profile, which the tests have built anyway: its counts are higher than those of a release build, but repeat as
# well (within about 2 %), and a release build would cost the check minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/needs.sh

profile=dev record=()
for argument in "$@"; do
    case "$argument" in
    --release) profile=release ;;
    --record) record=(--record) ;;
    *) stop "unknown argument $argument; there are --release and --record" ;;
    esac
done

need_cargo
need_programs cc:build-essential redis-server:redis-server valgrind:valgrind
target="${CARGO_TARGET_DIR:-target}"
if [ $profile = release ]; then
    cargo build --release -p hopperkv -p hopperkv-bench || stop "the build failed; see above"
    built="$target/release"
else
    # What the tests run, built as they build it: another set of features would build half of everything again.
    cargo test --quiet --workspace --bins --tests --no-run || stop "the build failed; see above"
    built="$target/debug"
fi
exec "$built/hopperkv-load" instructions --server "$built/hopperkv" --profile $profile \
    --recorded bench/instructions.json "${record[@]}"

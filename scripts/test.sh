#!/usr/bin/env bash
# Runs every test. With --long they also take their long form, which needs some minutes more.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/needs.sh

case "${1:-}" in
"") ;;
--long) export HOPPERKV_LONG_TESTS=1 ;;
*) stop "unknown argument $1; the only one is --long" ;;
esac

need_cargo
need_programs cc:build-essential redis-server:redis-server redis-cli:redis-tools \
    python3:python3-venv
. scripts/test-clients.sh
. scripts/ui.sh
ui_browser

heading "admin page"
ui_check

heading "compose file"
"$HOPPERKV_PYTHON" scripts/check-compose.py
"$HOPPERKV_PYTHON" scripts/run-compose-redis.py

heading "client suites against a stock redis-server"
"$HOPPERKV_PYTHON" scripts/clients-against-redis.py --brief

heading "examples in the documentation of hare"
cargo test --quiet --doc -p hare

heading "tests"
if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --workspace --no-fail-fast
else
    say "cargo-nextest is not installed (cargo install --locked cargo-nextest); using cargo test"
    cargo test --workspace --lib --bins --tests --no-fail-fast
fi

heading "admin page in a browser"
# The programs that the tests above were run with.
built="${CARGO_TARGET_DIR:-$PWD/target}/debug"
HOPPERKV_BIN="$built/hopperkv" HOPPERKV_LOAD_BIN="$built/hopperkv-load" \
    npm --prefix $ui run --silent test:browser

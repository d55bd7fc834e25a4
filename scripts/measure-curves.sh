#!/usr/bin/env bash
# Predicted against measured miss ratios of stock Redis servers, as Markdown tables for docs/curves.md:
#   scripts/measure-curves.sh
# Takes about four minutes and two cores; most of it is waiting, because Redis's LRU clock ticks once
# a second. The Twitter trace is included if it is found in $HOPPERKV_SHARED/traces or beside the checkout.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/needs.sh

need_cargo
need_programs redis-server:redis-server
cargo test --quiet -p hopperkv-bench --test prediction --no-run
redis-server --version
HOPPERKV_LONG_TESTS=1 cargo test --quiet -p hopperkv-bench --test prediction -- --nocapture --test-threads 1 table_of

#!/usr/bin/env bash
# Runs Redis's own test suite against HopperKV and fails on a failure that is not expected.
#
#   scripts/redis-suite.sh [--source DIRECTORY] [-v] [-j JOBS] [UNIT...]     a unit is one such as type/hash
#
# Without --source the source of the installed Redis is fetched with apt-get (source packages have to be enabled). What is
# expected to fail, and why, is in scripts/redis-suite-expected.txt.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/needs.sh

source=
if [ "${1:-}" = --source ]; then
    source=${2:?--source needs a directory}
    shift 2
fi
need_cargo
need_programs cc:build-essential redis-server:redis-server tclsh:tcl python3:python3
if [ -z "$source" ]; then
    version=$(redis-server --version | sed -E 's/.* v=([0-9.]+) .*/\1/')
    source=target/redis-suite/redis-$version
    if ! [ -d "$source" ]; then
        need_programs dpkg-source:dpkg-dev
        mkdir -p target/redis-suite
        say "fetching the source of Redis $version"
        (cd target/redis-suite && apt-get source -qq "redis=$(dpkg-query -W -f '${source:Version}' redis-server)" >/dev/null) ||
            stop "no source of Redis $version; enable source packages for apt, or name a directory with --source"
    fi
fi
[ -f "$source/tests/test_helper.tcl" ] || stop "$source is not the source of Redis"
cargo build --quiet --package hopperkv
exec python3 scripts/redis_suite.py "$source" "${CARGO_TARGET_DIR:-target}/debug/hopperkv" "$@"

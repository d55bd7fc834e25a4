#!/usr/bin/env bash
# Builds HopperKV and runs `hopperkv serve`; arguments go to it.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/needs.sh

need_cargo
need_programs cc:build-essential redis-server:redis-server
. scripts/ui.sh
if ! ui_is_current; then
    if ui_has_npm; then
        # Without the page the server is as good as with it.
        (ui_build) || say "the admin page could not be built; going on without it"
    else
        say "no Node.js 20 with npm here: going on without the admin page (make ui builds it)"
    fi
fi
cargo build --release -p hopperkv || stop "the build failed; see above"
server="${CARGO_TARGET_DIR:-target}/release/hopperkv"

# On a terminal the server gets a process group of its own, so that Ctrl-C reaches it alone and
# make returns its exit code instead of dying of the same signal. If this shell ends, it ends too.
if [ -t 0 ] && has setpriv; then
    set -m
    setpriv --pdeathsig TERM -- "$server" serve "$@"
else
    exec "$server" serve "$@"
fi

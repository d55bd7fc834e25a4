#!/usr/bin/env bash
# Checks format, lints and what the dependency tree may contain.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/needs.sh

need_cargo
need_programs cc:build-essential

heading "format"
cargo fmt --all --check

heading "clippy"
cargo clippy --workspace --all-targets --quiet -- -D warnings

heading "dependencies"
has cargo-deny || stop "cargo-deny is missing. Install it with
  cargo install --locked cargo-deny
and try again."
cargo deny check --hide-inclusion-graph bans licenses sources

# Advisories come from a git repository; without a network they are skipped, and it is said.
advisories=https://github.com/rustsec/advisory-db
if GIT_TERMINAL_PROMPT=0 timeout 20 git ls-remote --quiet "$advisories" HEAD >/dev/null 2>&1; then
    cargo deny check --hide-inclusion-graph advisories
else
    say "advisories skipped: $advisories cannot be reached from here"
fi

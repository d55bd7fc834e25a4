#!/usr/bin/env bash
# Builds the admin page into admin-ui/dist, from where the next build of the proxy takes it.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/needs.sh
. scripts/ui.sh

ui_has_npm || stop "the admin page needs Node.js 20 or newer with npm to be built; see https://nodejs.org"
ui_build
say "the admin page is in $ui/dist; build the proxy again to have it inside"

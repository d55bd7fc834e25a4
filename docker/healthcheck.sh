#!/usr/bin/env bash
# Exits 0 if /healthz answers 200. Bash alone, because the image has no curl.
# The address is HOPPERKV_HEALTH_HOST:HOPPERKV_HEALTH_PORT, 127.0.0.1:6390 if not set.
set -euo pipefail

host=${HOPPERKV_HEALTH_HOST:-127.0.0.1}
port=${HOPPERKV_HEALTH_PORT:-6390}
exec 3<>"/dev/tcp/$host/$port"
printf 'GET /healthz HTTP/1.1\r\nHost: %s:%s\r\nConnection: close\r\n\r\n' "$host" "$port" >&3
read -r -t 2 _ status _ <&3
[ "$status" = 200 ]

#!/usr/bin/env bash
# Throughput of GETs that all hit, through the proxy and directly from a stock Redis, in turns:
#   scripts/measure-hits.sh [ROUNDS]
# Prints requests/s of each round, the medians and their ratio, for -P 1 and -P 16.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/needs.sh

rounds=${1:-5}
keys=100000
need_cargo
need_programs redis-server:redis-server redis-benchmark:redis-tools
cargo build --release --quiet -p hopperkv
server="${CARGO_TARGET_DIR:-$PWD/target}/release/hopperkv"

dir=$(mktemp -d /tmp/hkvbench.XXXXXX)
# Ended in order, so that no Redis of theirs stays behind.
finish() {
    kill -INT "${proxy:-0}" 2>/dev/null && wait "$proxy" || true
    kill "${direct:-0}" 2>/dev/null || true
    rm -rf "$dir"
}
trap finish EXIT

cat >"$dir/hopperkv.toml" <<TOML
[server]
listen = "127.0.0.1:0"
admin = "127.0.0.1:0"
data_dir = "$dir/data"
default_tenant = "bench"
[storage]
kind = "synthetic"
latency = "0ms"
[[tenant]]
name = "bench"
cache = "512MiB"
read_units = "10m"
write_units = "10m"
net = "10GB/s"
TOML
"$server" serve --config "$dir/hopperkv.toml" --ready-file "$dir/ready" --log error >/dev/null &
proxy=$!
until [ -s "$dir/ready" ]; do sleep 0.05; done
proxy_port=$(sed -E 's/.*"listen":"[^"]*:([0-9]+)".*/\1/' "$dir/ready")
direct_port=$((20000 + RANDOM % 10000))
redis-server --port "$direct_port" --save "" --appendonly no --maxmemory 512mb \
    --maxmemory-policy allkeys-lru >/dev/null &
direct=$!
until redis-cli -p "$direct_port" ping >/dev/null 2>&1; do sleep 0.05; done

# Every key once: -r draws at random, so several times as many writes as keys.
fill() { redis-benchmark -p "$1" -t set -n $((keys * 8)) -r "$keys" -d 500 -c 50 -P 16 -q >/dev/null; }
fill "$direct_port"
fill "$proxy_port"

rate() { # PORT PIPELINE
    redis-benchmark -p "$1" -t get -n $(($2 * 100000 + 200000)) -r "$keys" -c 50 -P "$2" --csv |
        awk -F'","' '/^"GET/ { printf "%d\n", $2 }'
}
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
for pipeline in 1 16; do
    : >"$dir/direct" && : >"$dir/proxy"
    for ((i = 0; i < rounds; i++)); do
        rate "$direct_port" "$pipeline" >>"$dir/direct"
        rate "$proxy_port" "$pipeline" >>"$dir/proxy"
    done
    d=$(median <"$dir/direct") p=$(median <"$dir/proxy")
    echo "-P $pipeline  direct $(paste -sd' ' "$dir/direct")  proxy $(paste -sd' ' "$dir/proxy")"
    awk -v p="$p" -v d="$d" -v P="$pipeline" \
        'BEGIN { printf "-P %d  median direct %d/s  proxy %d/s  ratio %.2f\n", P, d, p, p / d }'
done

#!/usr/bin/env bash
# CPU per miss and per plain write, by kind of storage, with and without batches, in turns:
#   scripts/measure-misses.sh [ROUNDS]
# synthetic: 5 ms of latency. embedded: engine and all. endpoint: the engine is another process, whose CPU is not counted.
# Prints microseconds of CPU (user and system) of the proxy per request, that of its Redis, and requests/s.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/needs.sh

rounds=${1:-5}
need_cargo
need_programs redis-server:redis-server ss:iproute2 curl:curl
cargo build --release --quiet -p hopperkv -p hopperkv-bench
target="${CARGO_TARGET_DIR:-$PWD/target}/release"

dir=$(mktemp -d /tmp/hkvmiss.XXXXXX)
pids=()
finish() {
    for pid in "${pids[@]}"; do kill -INT "$pid" 2>/dev/null && wait "$pid" || true; done
    rm -rf "$dir"
}
trap finish EXIT

serve() { # NAME CACHE STORAGE-LINES: sets pid_NAME and port_NAME
    cat >"$dir/$1.toml" <<TOML
[server]
listen = "127.0.0.1:0"
admin = "127.0.0.1:0"
data_dir = "$dir/$1"
default_tenant = "bench"
[storage]
$3
[[tenant]]
name = "bench"
cache = "$2"
read_units = "10m"
write_units = "10m"
net = "10GB/s"
TOML
    "$target/hopperkv" serve --config "$dir/$1.toml" --ready-file "$dir/$1.ready" --log error >/dev/null &
    pids+=("$!")
    printf -v "pid_$1" %s "$!"
    until [ -s "$dir/$1.ready" ]; do sleep 0.05; done
    printf -v "port_$1" %s "$(sed -E 's/.*"listen":"[^"]*:([0-9]+)".*/\1/' "$dir/$1.ready")"
}

ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }

load() { # NAME WORKLOAD CLIENTS DEPTH REQUESTS
    local pid="pid_$1" port="port_$1" redis before redis_before
    pid=${!pid} port=${!port}
    redis=$(pgrep -P "$pid" redis-server | head -1)
    before=$(ticks "$pid") redis_before=$(ticks "$redis")
    "$target/hopperkv-load" run --endpoint "127.0.0.1:$port" --workload "$2" --clients "$3" --depth "$4" \
        --requests "$5" --seed "$RANDOM" --verify false --quiet --json "$dir/out.json" >/dev/null
    awk -v name="$1" -v what="$2 $3x$4" -v n="$5" -v p=$(($(ticks "$pid") - before)) -v r=$(($(ticks "$redis") - redis_before)) \
        -v hz="$(getconf CLK_TCK)" '/"requests_per_s"/ { gsub(/[^0-9.]/, "", $2); rate = $2 }
        END { printf "%-14s %-36s %6.1f us  redis %5.1f us  %8.0f/s\n", name, what, p / hz * 1e6 / n, r / hz * 1e6 / n, rate }' \
        "$dir/out.json"
}

engine_port() { # PID: the port that speaks DynamoDB
    ss -ltnpH | grep "pid=$1," | grep -o '127.0.0.1:[0-9]*' | sort -u | while IFS=: read -r _ port; do
        status=$(curl -s -m 2 -o /dev/null -w '%{http_code}' -X POST \
            -H 'x-amz-target: DynamoDB_20120810.ListTables' "http://127.0.0.1:$port/" || true)
        if [ "$status" = 400 ]; then echo "$port"; fi
    done
}

few='n=100k,k=16,v=500,d=unif'
serve synthetic 512MiB $'kind = "synthetic"\nlatency = "5ms"'
serve single 10MiB $'kind = "embedded"\nbatch = false'
serve batch 10MiB 'kind = "embedded"'
for name in single batch; do
    port="port_$name"
    "$target/hopperkv-load" run --endpoint "127.0.0.1:${!port}" --workload "$few,w=0" --clients 64 --preload \
        --requests 1000 --quiet >/dev/null
done
endpoint="http://127.0.0.1:$(engine_port "$pid_batch")"
serve remote_single 10MiB $'kind = "dynamodb"\nbatch = false\nendpoint = "'"$endpoint"'"'
serve remote_batch 10MiB $'kind = "dynamodb"\nendpoint = "'"$endpoint"'"'

for _ in $(seq "$rounds"); do
    load synthetic 'n=100m,k=16,v=500,w=0,d=unif' 128 1 60000
    for shape in "64 1" "16 16"; do
        for name in remote_single remote_batch single batch; do
            # shellcheck disable=SC2086 # clients and depth
            load "$name" "$few,w=0" $shape 20000
            # shellcheck disable=SC2086 # clients and depth
            load "$name" "$few,w=1" $shape 10000
        done
    done
done

"""Runs each Redis service of docker-compose.yml with its exact command on the local redis-server.

Proves without Docker that a stock Redis takes the command and is then what HopperKV expects.
"""

from compose_file import example_environment, load, services
from local_redis import running, send

EXPECTED = {
    "maxmemory": b"67108864",
    "maxmemory-policy": b"allkeys-lru",
    "maxmemory-samples": b"10",
    "save": b"",
    "appendonly": b"no",
}


def main() -> int:
    redis_services = [s for s in services(load(example_environment())) if s.is_stock_redis]
    for service in redis_services:
        with running(service.command) as port:
            for name, value in EXPECTED.items():
                reply = send(port, "CONFIG", "GET", name)
                if reply.split(b"\r\n")[4:5] != [value]:
                    raise SystemExit(f"{service.name}: CONFIG GET {name} answers {reply!r}")
    print(f"ok {len(redis_services)} Redis services start with their own commands")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

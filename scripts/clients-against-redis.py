"""Runs every client suite against a stock redis-server.

What the suites ask of HopperKV must hold for Redis itself; this keeps them honest.
Arguments choose suites by a part of their names; --brief prints two lines per suite.
"""

import os
import subprocess
import sys
from pathlib import Path

from local_redis import running

ROOT = Path(__file__).resolve().parent.parent
NODE = os.environ.get("HOPPERKV_NODE", "node")
SUITES = [
    [sys.executable, "clients/python/check_redis_py.py"],
    [sys.executable, "clients/python/check_libraries.py"],
    [NODE, "clients/node/check-node-redis.js"],
    [NODE, "clients/node/check-ioredis.js"],
    [NODE, "clients/node/check-glide.js"],
]
USER, PASSWORD = "orders", "p@ss/w:rd"


def main() -> int:
    brief = "--brief" in sys.argv
    chosen = [argument for argument in sys.argv[1:] if argument != "--brief"]
    suites = [suite for suite in SUITES if not chosen or any(c in suite[1] for c in chosen)]
    acl = ["--user", USER, "on", f">{PASSWORD}", "~*", "&*", "+@all"]
    own = ["--requirepass", PASSWORD]
    plain = ["redis-server", "--save", "", "--appendonly", "no"]
    with running(plain, *acl) as port, running(plain, *own) as tenant_port:
        environment = os.environ | {
            "HOPPERKV_HOST": "127.0.0.1",
            "HOPPERKV_PORT": str(port),
            "HOPPERKV_USER": USER,
            "HOPPERKV_PASSWORD": PASSWORD,
            "HOPPERKV_DEFAULT": "1",
            "HOPPERKV_TENANT_PORT": str(tenant_port),
            "HOPPERKV_ENDPOINT_KIND": "redis",
        }
        for suite in suites:
            result = subprocess.run(
                suite, cwd=ROOT, env=environment, check=False, timeout=300, text=True,
                stdout=subprocess.PIPE if brief else None,
            )
            if brief:
                lines = (result.stdout or "").splitlines()
                shown = lines if result.returncode else [*lines[:1], *lines[-1:]]
                print("\n".join(shown), flush=True)
            if result.returncode != 0:
                print(f"{' '.join(suite)} exited with {result.returncode}", file=sys.stderr)
                return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

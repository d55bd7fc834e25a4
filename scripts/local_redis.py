"""Starts a stock redis-server on a free loopback port and stops it again."""

import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

START_LIMIT_S = 20


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def send(port: int, *words: str) -> bytes:
    """One command, the first bytes of its reply."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(
            b"*%d\r\n" % len(words)
            + b"".join(b"$%d\r\n%s\r\n" % (len(w.encode()), w.encode()) for w in words)
        )
        return connection.recv(65_536)


@contextmanager
def running(command: Sequence[str], *extra: str) -> Iterator[int]:
    """Runs `command` plus a port, an address and a directory of its own; yields the port.

    # Errors
    SystemExit with the server's own output if it ends or does not answer.
    """
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="hopperkv-redis-") as directory:
        where = ["--port", str(port), "--bind", "127.0.0.1", "--dir", directory]
        server = subprocess.Popen(
            [*command, *where, *extra], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        try:
            wait_until_it_answers(server, port, command)
            yield port
        finally:
            server.terminate()
            server.wait(timeout=10)


def wait_until_it_answers(server: subprocess.Popen, port: int, command: Sequence[str]) -> None:
    end = time.monotonic() + START_LIMIT_S
    while time.monotonic() < end:
        if server.poll() is not None:
            output = server.stdout.read().decode(errors="replace")
            raise SystemExit(f"{' '.join(command)} ended with {server.returncode}:\n{output}")
        try:
            if send(port, "PING")[:1] in (b"+", b"-"):
                return
        except OSError:
            time.sleep(0.02)
    raise SystemExit(f"{' '.join(command)} does not answer on port {port}")

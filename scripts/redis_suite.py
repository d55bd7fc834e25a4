"""Runs units of Redis's own test suite against a HopperKV proxy, and tells what is new about the failures.

The suite's runner ends at the first unit that is aborted. This is another runner for the same unmodified test files: it
speaks the protocol that the suite's own runner speaks with its worker processes, one worker per unit. To each worker it
first sends a few definitions:

- FUNCTION FLUSH and the like, with which the suite prepares a server, answer OK without asking: nothing is there to flush.
- After a failed test the next one gets a new connection; the old one may be in the middle of a transaction.
- CONFIG GET and CONFIG SET of what the tests tune (from which size a value is encoded otherwise) go to the Redis that
  the proxy keeps as its cache. It is an operator's server, so an operator's command; clients of HopperKV have none.
  Those of the memory limit go to the proxy like any command.

Expected failures are in redis-suite-expected.txt: `unit | test | reason`, where the test is a name or `/regular expression/`.
A unit's line `skip | unit | test | reason` keeps a test from running that would block the rest.
Exit code 1: a test fails that is not expected to.
"""

import argparse
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

from local_redis import running

ROOT = Path(__file__).resolve().parent.parent
EXPECTED = ROOT / "scripts" / "redis-suite-expected.txt"
# Not auth and limits: all their tests start servers with configurations of their own. Not querybuf: it is about the
# buffers of Redis's process.
# The longest ones first.
UNITS = [
    "hyperloglog", "type/list-3", "scan", "type/zset", "sort", "other", "type/stream", "type/set", "type/list-2",
    "type/string", "geo", "type/hash", "introspection-2", "dump", "bitfield", "bitops", "multi", "type/list",
    "type/stream-cgroups", "expire", "keyspace", "type/incr", "protocol", "info-command", "quit",
]
# A worker that says nothing for so long hangs.
SILENCE_S = 300

DEFINITIONS = r"""
rename r hopperkv_r
proc r args {
    set level 0
    set words $args
    if {[string is integer -strict [lindex $words 0]]} {
        set level [lindex $words 0]
        set words [lrange $words 1 end]
    }
    set command [string tolower [lrange $words 0 1]]
    if {$command in {{function flush} {script flush}}} { return OK }
    if {$command in {{config get} {config set}} && ![string match maxmemory* [lindex $words 2]]} {
        if {![info exists ::hopperkv_cache]} { set ::hopperkv_cache [redis 127.0.0.1 CACHE_PORT 0 0] }
        return [$::hopperkv_cache {*}$words]
    }
    uplevel 1 [list hopperkv_r {*}$args]
}
rename test hopperkv_test
proc test {args} {
    set failed $::num_failed
    uplevel 1 [list hopperkv_test {*}$args]
    if {$::num_failed > $failed} { catch { reconnect } }
}
"""


@dataclass
class Outcome:
    """What became of a unit's tests."""

    passed: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    running: str = ""
    ended: str = "aborted"
    seconds: float = 0.0


@dataclass
class Expectation:
    """A line of the file of expected failures."""

    skip: bool
    unit: str
    test: str
    reason: str
    met: bool = False

    def covers(self, unit: str, test: str) -> bool:
        if self.unit != unit:
            return False
        if self.test.startswith("/") and self.test.endswith("/"):
            return re.search(self.test[1:-1], test) is not None
        return self.test == test


def expectations() -> list[Expectation]:
    found = []
    for number, line in enumerate(EXPECTED.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = [part.strip() for part in line.split(" | ")]
        skip = parts[0] == "skip"
        if len(parts[skip:]) != 3:
            raise SystemExit(f"{EXPECTED.name}:{number}: not `[skip |] unit | test | reason`")
        found.append(Expectation(skip, *parts[skip:]))
    return found


class Worker:
    """One of the suite's own worker processes, which runs one unit."""

    def __init__(self, source: Path, port: int, skipped: list[str], log: Path) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(SILENCE_S)
        skips = [word for test in skipped for word in ("--skiptest", test)]
        command = [
            "tclsh", "tests/test_helper.tcl", "--host", "127.0.0.1", "--port", str(port), "--singledb", "--durable",
            "--tags", "-needs:debug -needs:repl -needs:save -needs:reset -needs:config-resetstat -needs:pfdebug -needs:config-maxmemory -large-memory",
            *skips, "--client", str(self.listener.getsockname()[1]),
        ]
        self.log = log.open("ab")
        self.process = subprocess.Popen(
            command, cwd=source, stdout=self.log, stderr=subprocess.STDOUT, start_new_session=True
        )
        self.connection, _ = self.listener.accept()
        self.connection.settimeout(SILENCE_S)
        self.stream = self.connection.makefile("rb")

    def send(self, *words: str) -> None:
        """A Tcl list, its length first."""
        text = " ".join("{" + word + "}" for word in words)
        self.connection.sendall(f"{len(text)}\n{text}".encode())

    def receive(self) -> tuple[str, str]:
        """The status and the data of a packet; `("", "")` at the end."""
        length = self.stream.readline()
        if not length:
            return "", ""
        payload = b""
        # Tcl counts characters before it writes each line end as two.
        while (missing := int(length) - len(payload)) > 0:
            chunk = self.stream.read(missing)
            if not chunk:
                return "", ""
            if chunk.endswith(b"\r"):
                chunk += self.stream.read(1)
            payload += chunk.replace(b"\r\n", b"\n")
        words = tcl_list(payload.decode(errors="replace"))
        return words[0], words[1] if len(words) > 1 else ""

    def end(self) -> None:
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.stream.close()
        self.connection.close()
        self.listener.close()
        self.log.close()


def tcl_list(text: str) -> list[str]:
    """The words of a Tcl list that was made by `list`."""
    words, at = [], 0
    while at < len(text):
        if text[at].isspace():
            at += 1
        elif text[at] == "{":
            depth, start = 0, at + 1
            while at < len(text):
                if text[at] == "\\":
                    at += 1
                else:
                    depth += {"{": 1, "}": -1}.get(text[at], 0)
                at += 1
                if depth == 0:
                    break
            words.append(text[start : at - 1])
        else:
            end = re.compile(r"(?:\\.|[^\s\\])*", re.S).match(text, at).end()
            words.append(re.sub(r"\\(n|.)", lambda m: "\n" if m[1] == "n" else m[1], text[at:end], flags=re.S))
            at = end
    return words


def run(unit: str, source: Path, ports: tuple[int, int], skipped: list[str], log: Path) -> Outcome:
    outcome, started = Outcome(), time.monotonic()
    path = f"unit/{unit}"
    worker = Worker(source, ports[0], skipped, log)
    try:
        while True:
            status, data = worker.receive()
            if status == "ready":
                worker.send("run_code", "definitions definitions {" + DEFINITIONS.replace("CACHE_PORT", str(ports[1])) + "}")
            elif status == "done" and data == "definitions":
                worker.send("run", path)
            elif status == "done":
                outcome.ended = "done"
                break
            elif status == "testing":
                outcome.running = data
            elif status == "ok":
                outcome.passed.append(data)
            elif status == "err":
                name, _, detail = data.partition("\n")
                outcome.failed[re.sub(rf" in tests/{path}\.tcl.*$", "", name)] = detail
            elif status in ("skip", "ignore"):
                outcome.skipped.append(data)
            elif status in ("", "exception"):
                outcome.ended = f"aborted: {data.strip().splitlines()[0] if data.strip() else 'the worker ended'}"
                outcome.failed["(the unit was aborted)"] = data
                break
    except TimeoutError:
        outcome.ended = f"silent for {SILENCE_S} s in: {outcome.running}"
        outcome.failed["(the unit was silent)"] = ""
    finally:
        worker.end()
    outcome.seconds = time.monotonic() - started
    return outcome


CONFIGURATION = """
[server]
listen = "127.0.0.1:0"
admin = "127.0.0.1:0"
data_dir = "{directory}/data"
default_tenant = "suite"
[storage]
kind = "embedded"
[cache]
kind = "dedicated"
exclusive = true
[allocator]
enabled = false
[[tenant]]
name = "suite"
allow_flush = true
redis = "redis://127.0.0.1:{cache_port}"
cache = "1GiB"
read_units = "100m"
write_units = "100m"
net = "100GB/s"
"""


class Proxy:
    """A proxy in front of an embedded table and a Redis of the runner's own."""

    def __init__(self, program: Path, directory: Path, cache_port: int) -> None:
        config, ready = directory / "hopperkv.toml", directory / "ready"
        config.write_text(CONFIGURATION.format(directory=directory, cache_port=cache_port))
        self.log = (directory / "proxy.log").open("wb")
        command = [program, "serve", "--config", config, "--ready-file", ready]
        self.process = subprocess.Popen(command, stdout=self.log, stderr=subprocess.STDOUT)
        end = time.monotonic() + 30
        while not ready.exists() or not ready.read_text().endswith("}"):
            if self.process.poll() is not None or time.monotonic() > end:
                raise SystemExit("the proxy does not serve:\n" + (directory / "proxy.log").read_text()[-3000:])
            time.sleep(0.02)
        self.port = int(json.loads(ready.read_text())["listen"].rsplit(":", 1)[1])

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=30)
        self.log.close()


def serve_and_run(unit: str, source: Path, program: Path, expected: list[Expectation]) -> Outcome:
    """Runs a unit against a server and a cache of its own."""
    # The table would wait for its disk at every write otherwise.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else "/tmp"
    # What Redis writes to its output nobody reads here: the pipe would fill up.
    stock = ["redis-server", "--save", "", "--appendonly", "no", "--logfile", "redis.log"]
    skipped = [e.test.rstrip("/") if e.test.startswith("/") else e.test for e in expected if e.skip and e.unit == unit]
    with tempfile.TemporaryDirectory(prefix="hopperkv-suite-", dir=memory) as name, running(stock) as cache_port:
        directory = Path(name)
        if program.name == "redis-server":
            return run(unit, source, (cache_port, cache_port), skipped, directory / "worker.log")
        proxy = Proxy(program.resolve(), directory, cache_port)
        try:
            return run(unit, source, (proxy.port, cache_port), skipped, directory / "worker.log")
        finally:
            proxy.end()


def judge(unit: str, outcome: Outcome, expected: list[Expectation], verbose: bool) -> tuple[list[str], Counter]:
    """Prints a unit's result; returns unexpected failures, and the expected ones by reason."""
    new, reasons = [], Counter()
    for test, detail in outcome.failed.items():
        covering = next((e for e in expected if not e.skip and e.covers(unit, test)), None)
        if covering:
            covering.met = True
            reasons[covering.reason] += 1
        else:
            new.append(f"{unit} | {test}")
        if verbose or not covering:
            print(f"  {'expected' if covering else 'FAILED'}: {test}")
            shown = [line for line in detail.strip().splitlines() if line.strip()][: 40 if verbose else 3]
            for line in shown:
                print(f"      {line[:300]}")
    if verbose:
        for test in outcome.skipped:
            print(f"  not run: {test}")
    print(
        f"{unit:22} {len(outcome.passed):4} passed {len(outcome.failed):4} failed ({len(new)} not expected) "
        f"{len(outcome.skipped):3} not run, {outcome.seconds:.0f} s, {outcome.ended}",
        flush=True,
    )
    return new, reasons


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, help="Redis's source directory")
    parser.add_argument("program", type=Path, help="the hopperkv program; `redis-server` runs the suite against Redis itself")
    parser.add_argument("units", nargs="*", help="units, such as type/hash; all that HopperKV serves if none is named")
    parser.add_argument("-v", "--verbose", action="store_true", help="show what expected failures said, too")
    parser.add_argument("-j", "--jobs", type=int, default=(os.cpu_count() or 1) + 1, help="units at a time")
    arguments = parser.parse_intermixed_args()
    expected, new, reasons, total = expectations(), [], Counter(), Counter()
    units = arguments.units or UNITS
    pool = ThreadPoolExecutor(arguments.jobs)
    running_units = {
        pool.submit(serve_and_run, unit, arguments.source, arguments.program, expected): unit for unit in units
    }
    try:
        for ended in as_completed(running_units):
            unit, outcome = running_units[ended], ended.result()
            found, why = judge(unit, outcome, expected, arguments.verbose)
            new += found
            reasons += why
            total.update(passed=len(outcome.passed), failed=len(outcome.failed), skipped=len(outcome.skipped))
    finally:
        pool.shutdown(cancel_futures=True)
    print(f"\n{total['passed']} passed, {total['failed']} failed, {total['skipped']} not run")
    for reason, count in reasons.most_common():
        print(f"  {count:4} expected: {reason}")
    idle = [e for e in expected if not e.skip and not e.met and e.unit in units]
    for line in idle:
        print(f"  passes, or does not run any more: {line.unit} | {line.test}")
    for line in new:
        print(f"  NOT EXPECTED: {line}")
    return 1 if new else 0


if __name__ == "__main__":
    sys.exit(main())

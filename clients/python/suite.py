"""Runs named checks in order, prints a line for each, stops at the first mismatch."""

import inspect
import secrets
import time
import traceback
from collections.abc import Awaitable, Callable
from contextlib import contextmanager
from typing import Any


class Mismatch(Exception):
    """An answer that is not the one Redis would give."""


def equal(actual: Any, expected: Any, what: str) -> None:
    if actual != expected or isinstance(actual, bool) != isinstance(expected, bool):
        raise Mismatch(f"{what}: expected {short(expected)}, got {short(actual)}")


def true(condition: bool, what: str) -> None:
    if not condition:
        raise Mismatch(what)


def between(actual: float, least: float, most: float, what: str) -> None:
    true(least <= actual <= most, f"{what}: expected {least} to {most}, got {actual}")


def short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}... ({len(text)} characters)"


@contextmanager
def refused(error_type: type[Exception], text: str, what: str):
    """The block must raise an error that contains `text`."""
    try:
        yield
    except error_type as error:
        true(text in str(error), f"{what}: expected an error with {text!r}, got {str(error)!r}")
        return
    raise Mismatch(f"{what}: expected an error with {text!r}, got none")


async def reply(value: Any) -> Any:
    """Awaits what the asyncio client returns; what the other returns is there already."""
    return await value if inspect.isawaitable(value) else value


async def until(condition: Callable[[], Awaitable[bool]], what: str, limit_s: float = 5) -> None:
    """Asks again and again until the condition holds."""
    end = time.monotonic() + limit_s
    while not await condition():
        true(time.monotonic() < end, f"{what}: not within {limit_s} s")


class Suite:
    """Counts checks and gives each of them keys of its own."""

    def __init__(self) -> None:
        self.count = 0
        self.run = secrets.token_hex(4)

    def key(self, name: str) -> str:
        return f"suite:{self.run}:{self.count}:{name}"

    async def check(self, label: str, function: Callable, *arguments: Any) -> None:
        self.count += 1
        try:
            await reply(function(*arguments))
        except Exception as error:
            if not isinstance(error, Mismatch):
                traceback.print_exc()
            raise SystemExit(f"FAILED {label}: {type(error).__name__}: {error}") from None
        print(f"  {label}", flush=True)

    def finish(self) -> None:
        print(f"ok {self.count} checks", flush=True)

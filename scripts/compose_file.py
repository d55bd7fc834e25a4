"""docker-compose.yml as Docker would read it: variables filled in, commands split."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
PATH = ROOT / "docker-compose.yml"
ENVIRONMENT_EXAMPLE = ROOT / ".env.example"

VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<rest>[^}]*))?\}")


def example_environment() -> dict[str, str]:
    """What .env.example sets."""
    lines = ENVIRONMENT_EXAMPLE.read_text().splitlines()
    pairs = (line.partition("=") for line in lines if line.strip() and not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def interpolate(text: str, environment: dict[str, str]) -> str:
    """Fills in `${NAME}`, `${NAME:-default}` and `${NAME:?message}`.

    # Errors
    KeyError with the name of a variable that has no value and no default.
    """

    def value(match: re.Match) -> str:
        known = environment.get(match["name"])
        if known:
            return known
        if match["kind"] == "-":
            return match["rest"]
        raise KeyError(match["name"])

    return VARIABLE.sub(value, text)


def load(environment: dict[str, str]) -> dict:
    """The file as plain data, with anchors and variables resolved."""
    return yaml.safe_load(interpolate(PATH.read_text(), environment))


@dataclass(frozen=True)
class Mount:
    """One entry of `volumes`, short form."""

    source: str
    target: str

    @property
    def is_path(self) -> bool:
        return self.source.startswith((".", "/"))


@dataclass(frozen=True)
class Service:
    """One service."""

    name: str
    fields: dict

    @property
    def command(self) -> list[str]:
        """Entry point and command, as the words that are run."""
        fields = (self.fields.get(name, []) for name in ("entrypoint", "command"))
        words = (shlex.split(field) if isinstance(field, str) else field for field in fields)
        return [word for part in words for word in part]

    @property
    def environment(self) -> dict[str, str]:
        return self.fields.get("environment", {})

    @property
    def mounts(self) -> list[Mount]:
        return [Mount(*entry.split(":")[:2]) for entry in self.fields.get("volumes", [])]

    @property
    def profiles(self) -> set[str]:
        return set(self.fields.get("profiles", []))

    @property
    def is_stock_redis(self) -> bool:
        return self.fields.get("image", "").split(":")[0] == "redis"


def sent_to_the_builder(source: str) -> bool:
    """Whether .dockerignore, which lists what is not ignored, lets a COPY have it."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    kept = [line[1:] for line in lines if line.startswith("!")]
    return any(source == path or source.startswith(f"{path}/") for path in kept)


def services(compose: dict) -> list[Service]:
    return [Service(name, fields) for name, fields in compose["services"].items()]

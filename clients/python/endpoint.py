"""Where the endpoint under test is, read from the environment."""

import os
from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True)
class Endpoint:
    """A Redis-compatible endpoint and one login of it."""

    host: str
    port: int
    user: str
    password: str
    kind: str
    default_user: bool
    tenant_port: int | None

    @classmethod
    def from_environment(cls) -> "Endpoint":
        def required(name: str) -> str:
            value = os.environ.get(name)
            if not value:
                raise SystemExit(f"{name} is not set; see clients/README.md")
            return value

        kind = os.environ.get("HOPPERKV_ENDPOINT_KIND", "hopperkv")
        if kind not in ("hopperkv", "redis"):
            raise SystemExit(f'HOPPERKV_ENDPOINT_KIND={kind}: write "hopperkv" or "redis"')
        tenant_port = os.environ.get("HOPPERKV_TENANT_PORT")
        return cls(
            host=os.environ.get("HOPPERKV_HOST", "127.0.0.1"),
            port=int(required("HOPPERKV_PORT")),
            user=required("HOPPERKV_USER"),
            password=required("HOPPERKV_PASSWORD"),
            kind=kind,
            default_user=os.environ.get("HOPPERKV_DEFAULT") == "1",
            tenant_port=int(tenant_port) if tenant_port else None,
        )

    @property
    def is_redis(self) -> bool:
        """Whether it is a stock Redis, which has none of HopperKV's own limits."""
        return self.kind == "redis"

    @property
    def url(self) -> str:
        user, password = quote(self.user, safe=""), quote(self.password, safe="")
        return f"redis://{user}:{password}@{self.host}:{self.port}"

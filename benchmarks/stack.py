"""The benchmark's own PostgreSQL and S3 API, removed at its end, with new warehouses on them.

PostgreSQL runs with the settings of the local platform (`make up`), which are the defaults except for five. Unlike the
tests' settings, they write commits to disk soon and protect against pages torn by a crash.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from local_stack.databases import WarehouseAccess, create_warehouse, create_warehouse_roles
from local_stack.postgres import LASTING_SETTINGS, PostgresServer, free_port, throwaway_server
from local_stack.s3_server import S3Process, throwaway_s3
from shared.config import PROJECT_ROOT, Settings, load_settings
from shared.migrations import migrate
from shared.s3_admin import ensure_bucket

_TEMPLATE = "empty_warehouse"
_BUCKETS = {"S3_BUCKET_RAW": "raw", "S3_BUCKET_PROCESSED": "processed"}


@dataclass(frozen=True)
class LoadTarget:
    """A warehouse and two buckets, as one load needs them."""

    warehouse: WarehouseAccess
    s3: S3Process
    name: str

    @property
    def environment(self) -> dict[str, str]:
        """Settings of the platform as environment variables."""
        return {
            **self.s3.environment,
            **_BUCKETS,
            "WAREHOUSE_DSN": self.warehouse.loader_dsn,
            "LOG_LEVEL": "WARNING",
        }

    @property
    def settings(self) -> Settings:
        """The platform's settings for this target."""
        return load_settings(self.environment)


@dataclass
class Stack:
    """A running PostgreSQL with an empty warehouse as a template."""

    server: PostgresServer
    passwords: Mapping[str, str]
    _made: int = field(default=0)

    @property
    def version(self) -> str:
        """PostgreSQL's version, in its own words."""
        return str(self.server.execute("SHOW server_version")[0][0])

    def servers(self, target: LoadTarget | None = None) -> dict[str, int]:
        """Name and main process of each server, for measuring them."""
        postgres = {"PostgreSQL": self.server.process.pid} if self.server.process else {}
        return {**postgres, **({"S3": target.s3.process.pid} if target else {})}

    def settle(self) -> None:
        """Write earlier changes to disk, so that the next measurement does not pay for them."""
        self.server.execute("CHECKPOINT")

    def warehouse(self, copy_of: str = _TEMPLATE) -> tuple[str, WarehouseAccess]:
        """A new warehouse, empty or a copy: its name and its access."""
        self._made += 1
        name = f"warehouse_{self._made}"
        return name, create_warehouse(self.server, self.passwords, name=name, template=copy_of)

    @contextmanager
    def target(self, copy_of: str = _TEMPLATE, *, existing: str | None = None) -> Iterator[LoadTarget]:
        """A new or existing warehouse and a new S3 API; both are removed at the end of the block."""
        if existing is None:
            name, warehouse = self.warehouse(copy_of)
        else:
            name, warehouse = existing, create_warehouse(self.server, self.passwords, name=existing, template=_TEMPLATE)
        try:
            with throwaway_s3(free_port()) as s3:
                target = LoadTarget(warehouse, s3, name)
                for bucket in _BUCKETS.values():
                    ensure_bucket(target.settings.s3, bucket)
                self.settle()
                yield target
        finally:
            self.server.drop_database(name)


@contextmanager
def running_stack() -> Iterator[Stack]:
    """A separate PostgreSQL with the warehouse's schema as a template; removed at the end, also after a failure."""
    passwords = {role: secrets.token_hex(8) for role in ("retail_owner", "retail_user", "retail_reader")}
    with throwaway_server(PROJECT_ROOT / ".local" / "postgres", settings=LASTING_SETTINGS) as server:
        create_warehouse_roles(server, passwords)
        migrate(create_warehouse(server, passwords, name=_TEMPLATE).owner_dsn)
        yield Stack(server, passwords)

"""The databases of the platform on one server, each with roles that reach nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from local_stack.postgres import PostgresServer, dsn
from shared.provisioning import LOADER, OWNER, READER, prepare_schema

WAREHOUSE = "retail_analytics"
WAREHOUSE_ROLES = (OWNER, LOADER, READER)


@dataclass(frozen=True)
class WarehouseAccess:
    """The three ways into the warehouse, as libpq URIs: who changes the schema, who loads, who reads."""

    owner_dsn: str
    loader_dsn: str
    reader_dsn: str


def create_warehouse_roles(server: PostgresServer, passwords: Mapping[str, str]) -> None:
    """Make the warehouse's three roles; `passwords` has one for each."""
    for role in WAREHOUSE_ROLES:
        server.create_role(role, passwords[role])


def create_warehouse(
    server: PostgresServer, passwords: Mapping[str, str], *, name: str = WAREHOUSE, template: str = "template0"
) -> WarehouseAccess:
    """Make the warehouse database, with the schema of `template`; its roles must be there."""
    server.create_database(name, owner=OWNER, template=template)
    if template == "template0":
        server.allow(name, writers=(LOADER,), readers=(READER,))
        prepare_schema(server.superuser_dsn(name), OWNER, writers=(OWNER, LOADER))
    return WarehouseAccess(*(dsn(role, passwords[role], server.port, name) for role in WAREHOUSE_ROLES))


def create_private_database(server: PostgresServer, name: str, password: str) -> str:
    """Make a database and the role of the same name that owns it and that alone may enter; its libpq URI."""
    server.create_role(name, password)
    server.create_database(name, owner=name)
    prepare_schema(server.superuser_dsn(name), name)
    return dsn(name, password, server.port, name)

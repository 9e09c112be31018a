"""The databases of the platform on one server, each with roles that reach nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from psycopg2 import sql

from local_stack.postgres import PostgresServer, dsn

WAREHOUSE = "retail_analytics"
OWNER, LOADER, READER = "retail_owner", "retail_user", "retail_reader"
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
    server: PostgresServer, passwords: Mapping[str, str], *, name: str = WAREHOUSE, template: str | None = None
) -> WarehouseAccess:
    """Make the warehouse database, without a schema unless it is a copy of `template`; its roles must be there."""
    server.create_database(name, owner=OWNER, template=template)
    if template is None:
        server.allow(name, (LOADER, READER))
        # Up to PostgreSQL 14 the schema belongs to the superuser, from 15 on to the owner of the database.
        server.execute(sql.SQL("alter schema public owner to {}").format(sql.Identifier(OWNER)), name)
    return WarehouseAccess(*(dsn(role, passwords[role], server.port, name) for role in WAREHOUSE_ROLES))


def create_private_database(server: PostgresServer, name: str, password: str) -> str:
    """Make a database and the role of the same name that owns it and that alone may enter; its libpq URI."""
    server.create_role(name, password)
    server.create_database(name, owner=name)
    server.execute(sql.SQL("alter schema public owner to {}").format(sql.Identifier(name)), name)
    return dsn(name, password, server.port, name)

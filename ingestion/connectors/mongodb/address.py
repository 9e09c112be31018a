"""Where a MongoDB is: the hosts of the address, and no other that a server may name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl

from ingestion.connectors.sql.address import Address, address_of
from shared.errors import FixConfiguration
from shared.sources.connection import Connection
from shared.sources.definition import SourceDefinition

_AUTH_DATABASE = "authSource"


@dataclass(frozen=True)
class Hosts:
    """The members of one server or replica set, as the definition lists them."""

    members: tuple[Address, ...]
    auth_database: str
    """The database in which the user was created."""

    @property
    def first(self) -> Address:
        """For what is the same for all of them."""
        return self.members[0]

    @property
    def all(self) -> Address:
        """All of them, for messages."""
        names = ",".join(f"{each.host}:{each.port}" for each in self.members)
        host, _, port = names.rpartition(":")
        return replace(self.first, host=host, port=int(port))


def hosts_of(source: SourceDefinition, connection: Connection) -> Hosts:
    """The hosts in the address of a source. Raises FixConfiguration if it is not an address of MongoDB."""
    scheme, separator, rest = connection.url.partition("://")
    if scheme.lower() == "mongodb+srv":
        raise FixConfiguration(
            f"{source.id}: the hosts of a mongodb+srv address are in the DNS, and only those in the definition are"
            f" connected to. Write mongodb://host:27017,host:27017/database in {connection.url_setting}."
        )
    address, _, query = rest.partition("?")
    server, slash, database = address.partition("/")
    user, at, names = server.rpartition("@")
    members = tuple(
        address_of(source, replace(connection, url=f"{scheme}{separator}{user}{at}{name}{slash}{database}"))
        for name in names.split(",")
    )
    options = dict(parse_qsl(query, keep_blank_values=True))
    auth_database = options.pop(_AUTH_DATABASE, members[0].database)
    if options or not auth_database:
        raise FixConfiguration(
            f"{source.id}: its address has an option other than {_AUTH_DATABASE}=DATABASE."
            f" Remove it from {connection.url_setting}; connection.tls and read.* say the rest."
        )
    return Hosts(members, auth_database)


def client_options(address: Address, auth_database: str) -> dict[str, Any]:
    """How the driver logs in to one host and encrypts. Only this host is connected to."""
    found: dict[str, Any] = {"host": address.host, "port": address.port, "directConnection": True}
    if address.user:
        found |= {"username": address.user, "password": address.password, "authSource": auth_database}
    if address.tls.mode == "disable":
        return found
    found |= {"tls": True, "tlsAllowInvalidCertificates": address.tls.mode == "require"}
    if address.tls.mode == "require":
        return found
    found |= {"tlsAllowInvalidHostnames": address.tls.mode == "verify-ca"}
    return found | ({"tlsCAFile": address.tls.ca_file} if address.tls.ca_file else {})

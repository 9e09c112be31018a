"""A MongoDB in memory that speaks the wire protocol, strictly: what it does not know is an error.

It has users, snapshots, cursors and time limits, and can fail as servers do.
"""

from __future__ import annotations

import copy
import itertools
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import Int64, Timestamp

from tests.fakes.mongodb.expressions import CommandFailed, Document, matches, run
from tests.fakes.mongodb.scram import Login
from tests.fakes.mongodb.wire import Message, receive

READER, WRITER = "reader", "writer"
AUTHENTICATION_FAILED, UNAUTHORIZED, TIME_LIMIT, NO_CURSOR, NO_COMMAND, NOT_A_REPLICA_SET = 18, 13, 50, 43, 59, 246
_FREE = ("hello", "ismaster", "isMaster", "saslStart", "saslContinue", "ping", "endSessions", "buildInfo")
_READING = ("aggregate", "getMore", "killCursors", "listCollections")
_GENERAL = ("lsid", "$db", "$readPreference", "$clusterTime", "comment")
_OF_AGGREGATE = {"aggregate", "pipeline", "cursor", "maxTimeMS", "allowDiskUse", "readConcern", *_GENERAL}


@dataclass
class Client:
    """One connection."""

    socket: socket.socket
    login: Login | None = None
    role: str = ""


@dataclass
class Cursor:
    """What was not sent yet of a result."""

    namespace: str
    rest: list[Document]


@dataclass
class FakeMongo:
    """The server. `users` has for each user the password and the role; without users, nobody has to log in."""

    users: dict[str, tuple[str, str]] = field(default_factory=dict)
    is_replica_set: bool = True
    wire_version: int = 21
    lag: timedelta = timedelta()
    """How far the majority of the members is behind."""
    state: str = "isWritablePrimary"
    databases: dict[str, dict[str, list[Document]]] = field(default_factory=dict)
    commands: list[Document] = field(default_factory=list)
    """Those that were received, in order."""
    before: Callable[[str, Document], None] = lambda name, command: None
    """Is called before a command is run, and may raise `CommandFailed`, sleep, or cut connections."""
    spoil: Callable[[bytes], bytes] = lambda reply: reply
    """Changes every response."""
    port: int = 0
    _clients: list[Client] = field(default_factory=list)
    _cursors: dict[int, Cursor] = field(default_factory=dict)
    _states: dict[Timestamp, Any] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def cut(self) -> None:
        """End all connections."""
        for client in list(self._clients):
            _end(client.socket)

    def names(self, command: str) -> list[Document]:
        """The commands of that name that were received."""
        return [each for each in self.commands if next(iter(each)) == command]

    @property
    def open_cursors(self) -> int:
        """How many cursors were neither read to their end nor killed."""
        return len(self._cursors)

    def serve(self, connection: socket.socket) -> None:
        """Respond to one client until it leaves."""
        client = Client(connection)
        self._clients.append(client)
        try:
            while (message := receive(connection)) is not None:
                connection.sendall(self.spoil(message.reply(self._respond(client, message))))
        except OSError:
            pass  # it was cut
        finally:
            self._clients.remove(client)

    def _respond(self, client: Client, message: Message) -> Document:
        command = message.command
        name = next(iter(command))
        self.commands.append(command)
        try:
            self.before(name, command)
            with self._lock:
                return {**self._run(client, name, command), "ok": 1.0}
        except CommandFailed as error:
            return {"ok": 0.0, "errmsg": str(error), "code": error.code}

    def _run(self, client: Client, name: str, command: Document) -> Document:
        if name not in _FREE and self.users and (not client.role or (client.role == READER and name not in _READING)):
            why = "Command {} requires authentication" if not client.role else "not authorized on pos to execute {}"
            raise CommandFailed(UNAUTHORIZED, why.format(name))
        handler = getattr(self, f"_{name.lower()}", None)
        if handler is None:
            raise CommandFailed(NO_COMMAND, f"no such command: '{name}'")
        found: Document = handler(client, command)
        return found

    def _hello(self, _: Client, command: Document) -> Document:
        now = datetime.now(UTC)
        found = {
            "isWritablePrimary": self.state == "isWritablePrimary",
            "secondary": self.state == "secondary",
            "helloOk": True,
            "localTime": now,
            "maxBsonObjectSize": 16 * 1024 * 1024,
            "maxMessageSizeBytes": 48_000_000,
            "maxWriteBatchSize": 100_000,
            "logicalSessionTimeoutMinutes": 30,
            "minWireVersion": 0,
            "maxWireVersion": self.wire_version,
        }
        if "saslSupportedMechs" in command:
            found["saslSupportedMechs"] = ["SCRAM-SHA-256"]
        if self.is_replica_set:
            member = f"127.0.0.1:{self.port}"
            found |= {"setName": "rs0", "hosts": [member, "elsewhere.example:27017"], "me": member}
            found["lastWrite"] = {"majorityWriteDate": now - self.lag, "lastWriteDate": now}
        return found

    _ismaster = _hello

    def _ping(self, _: Client, __: Document) -> Document:
        return {}

    _endsessions = _ping

    def _saslstart(self, client: Client, command: Document) -> Document:
        if command["mechanism"] != "SCRAM-SHA-256" or command["$db"] != "admin":
            raise CommandFailed(AUTHENTICATION_FAILED, "Authentication failed.")
        client.login = Login({user: password for user, (password, _) in self.users.items()})
        return {"conversationId": 1, "done": False, "payload": client.login.first(command["payload"])}

    def _saslcontinue(self, client: Client, command: Document) -> Document:
        if not command["payload"]:
            return {"conversationId": 1, "done": True, "payload": b""}
        assert client.login is not None
        response = client.login.last(command["payload"])
        if response is None:
            raise CommandFailed(AUTHENTICATION_FAILED, "Authentication failed.")
        client.role = self.users[client.login.user][1]
        return {"conversationId": 1, "done": True, "payload": response}

    def _listcollections(self, _: Client, command: Document) -> Document:
        assert command["nameOnly"]
        found = [{"name": name, "type": "collection"} for name in self.databases.get(command["$db"], {})]
        return {"cursor": {"id": Int64(0), "ns": f"{command['$db']}.$cmd.listCollections", "firstBatch": found}}

    def _aggregate(self, _: Client, command: Document) -> Document:
        if unknown := command.keys() - _OF_AGGREGATE:
            raise CommandFailed(40415, f"BSON field 'aggregate.{unknown.pop()}' is an unknown field.")
        collections, at = self._state_of(command)
        started = time.monotonic()
        found = run(command["pipeline"], collections.get(command["aggregate"], []), collections)
        if (time.monotonic() - started) * 1000 > command.get("maxTimeMS", float("inf")):
            raise CommandFailed(TIME_LIMIT, "operation exceeded time limit")
        size, number = command["cursor"].get("batchSize", 101), next(self._numbers)
        if found[size:]:
            self._cursors[number] = Cursor(f"{command['$db']}.{command['aggregate']}", found[size:])
        cursor = {"firstBatch": found[:size], "id": Int64(number if found[size:] else 0)}
        namespace = {"ns": f"{command['$db']}.{command['aggregate']}"}
        return {"cursor": {**cursor, **namespace, **({"atClusterTime": at} if at else {})}}

    def _state_of(self, command: Document) -> tuple[dict[str, list[Document]], Timestamp | None]:
        """What a command sees: the newest state, or that of its snapshot."""
        concern = command.get("readConcern", {})
        newest = self.databases.get(command["$db"], {})
        if concern.get("level") != "snapshot":
            return newest, None
        if not self.is_replica_set:
            raise CommandFailed(NOT_A_REPLICA_SET, "node needs to be a replica set member to use readConcern snapshot")
        at = concern.get("atClusterTime")
        if at is None:
            at = Timestamp(int(time.time()), next(self._numbers))
            self._states[at] = copy.deepcopy(newest)
        return self._states[at], at

    def _getmore(self, _: Client, command: Document) -> Document:
        cursor = self._cursors.get(command["getMore"])
        if cursor is None:
            raise CommandFailed(NO_CURSOR, f"cursor id {command['getMore']} not found")
        size = command.get("batchSize", 101)
        batch, cursor.rest = cursor.rest[:size], cursor.rest[size:]
        if not cursor.rest:
            del self._cursors[command["getMore"]]
        number = command["getMore"] if cursor.rest else 0
        return {"cursor": {"nextBatch": batch, "id": Int64(number), "ns": cursor.namespace}}

    def _killcursors(self, _: Client, command: Document) -> Document:
        for number in command["cursors"]:
            self._cursors.pop(number, None)
        return {"cursorsKilled": command["cursors"]}

    def _insert(self, _: Client, command: Document) -> Document:
        collection = self.databases.setdefault(command["$db"], {}).setdefault(command["insert"], [])
        collection += command["documents"]
        return {"n": len(command["documents"])}

    def _delete(self, _: Client, command: Document) -> Document:
        collection = self.databases[command["$db"]][command["delete"]]
        kept = [each for each in collection if not any(matches(it["q"], each) for it in command["deletes"])]
        removed, collection[:] = len(collection) - len(kept), kept
        return {"n": removed}

    def _drop(self, _: Client, command: Document) -> Document:
        self.databases.get(command["$db"], {}).pop(command["drop"], None)
        return {}

    def _create(self, _: Client, command: Document) -> Document:
        self.databases.setdefault(command["$db"], {})[command["create"]] = []
        return {}


class _Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.server.mongo.serve(self.request)  # type: ignore[attr-defined]


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


@contextmanager
def serving(mongo: FakeMongo) -> Iterator[FakeMongo]:
    """The server, listening on a port of its own."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.mongo = mongo  # type: ignore[attr-defined]
        mongo.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield mongo
        finally:
            server.shutdown()
            mongo.cut()
            thread.join()


def _end(connection: socket.socket) -> None:
    with suppress(OSError):  # the client has left already
        connection.shutdown(socket.SHUT_RDWR)

"""The parts of a definition that only sources of files have (docs/connectors/files.md)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from pydantic import Field

from shared.errors import FixConfiguration
from shared.sources.durations import Seconds
from shared.sources.parts import Part
from shared.sources.schedules import MANUAL
from shared.urls import shown_url

SETTLE_SECONDS = 60
"""How long a file must not have changed before it is loaded, unless the definition says something else."""
SFTP_PORT = 22
KINDS = {"folder": (), "s3": ("access_key",), "sftp": ("password", "private_key")}
"""The kinds of locations, each with the kinds of `auth` that it can have."""
_MAGIC = re.compile(r"[*?\[]")
_HOST_KEY = re.compile(r"(?P<type>[a-z0-9@.-]{1,64}) (?P<key>[A-Za-z0-9+/]{16,2000}={0,2})(?: .*)?")


class FileRead(Part):
    """How dropped files are read. The keys are null for other sources."""

    done: Literal["keep", "move"] | None = Field(
        default=None, description="What happens to a loaded file. keep: it stays (the default). move: into done/"
    )
    settle: Seconds | None = Field(
        default=None, description="How long a file must not have changed before it is loaded. Default: 60s"
    )
    on_overlap: Literal["stop", "replace", "append"] | None = Field(
        default=None, description="For dates that a file of another name has loaded before, as in `retail etl`"
    )


@dataclass(frozen=True)
class Location:
    """Where files are dropped."""

    kind: str
    """`folder`, `s3` or `sftp`."""
    folder: str
    """The folder as the system that has it names it; of S3, the prefix, with a `/` at its end."""
    pattern: str
    """What the names of the files are like, such as `*.csv`."""
    host: str = ""
    """The SFTP server; of S3, the bucket."""
    port: int = SFTP_PORT

    @property
    def root(self) -> str:
        """The folder as messages show it."""
        if self.kind == "folder":
            return self.folder
        server = f"[{self.host}]" if ":" in self.host else self.host
        return f"s3://{self.host}/{self.folder}" if self.kind == "s3" else f"sftp://{server}:{self.port}{self.folder}"

    def place(self, name: str) -> str:
        """The complete name of a file in the folder."""
        return f"{self.root.rstrip('/')}/{name}"


def parse_location(text: str) -> Location:
    """The parts of a location. Raises ValueError."""
    scheme, separator, _ = text.partition("://")
    if not separator:
        return _folder(text)
    if scheme not in ("s3", "sftp"):
        raise ValueError(
            f"{shown_url(text)!r} is neither a folder nor s3://bucket/prefix/*.csv nor sftp://host/folder/*.csv"
        )
    parts = urlsplit(text, allow_fragments=False)
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    if not host or port == 0 or (scheme == "s3" and port) or "@" in parts.netloc:
        raise ValueError("its host cannot be read; an example is sftp://files.example.com:22/sales/*.csv")
    path = text.partition("://")[2].partition("/")[2]
    path = path if scheme == "s3" else unquote(f"/{path}")
    folder, pattern = _split(path)
    if scheme == "s3":
        return Location("s3", folder, pattern, parts.netloc)
    return Location("sftp", folder, pattern, host, port or SFTP_PORT)


def _folder(text: str) -> Location:
    folder, pattern = _split(text)
    return Location("folder", folder.rstrip("/") or ("/" if folder else "."), pattern)


def _split(path: str) -> tuple[str, str]:
    """The folder, with a `/` at its end if it has a name, and the pattern; every file is meant where there is none."""
    head, separator, pattern = path.rpartition("/")
    folder = f"{head}{separator}"
    if _MAGIC.search(folder):
        raise ValueError("only the last part can have * ? or [: a location is one folder, and the names in it")
    if "\x00" in path or "\n" in path:
        raise ValueError("it contains a control character")
    if ".." in folder.split("/"):
        raise ValueError("it contains `..`; name the folder itself")
    return folder, pattern or "*"


def parse_host_key(text: str) -> tuple[str, str]:
    """Type and base64 of a host key, as `ssh-keyscan` prints it after the host's name. Raises ValueError."""
    found = _HOST_KEY.fullmatch(text.strip())
    if found is None:
        raise ValueError("it is not a host key such as `ssh-ed25519 AAAA…`; to print it: ssh-keyscan -t ed25519 HOST")
    return found["type"], found["key"]


def resolve_location(source_id: str, text: str) -> Location:
    """The same of a definition in use, where a variable may have the text. Raises FixConfiguration."""
    try:
        return parse_location(text)
    except ValueError as error:
        raise FixConfiguration(f"{source_id}: `connection.location` cannot be used: {error}.") from error


def file_faults(is_files: bool, read: FileRead) -> Iterator[tuple[str, str]]:
    """What is wrong with the keys of `read` of a source that has files, or of another one: key, and reason."""
    for name in FileRead.model_fields:
        if not is_files and getattr(read, name) is not None:
            yield name, "it is only for `connector: files`"


def location_faults(connection: Any) -> Iterator[tuple[str, str]]:
    """What is wrong with the `connection` of a source of files: key, and reason."""
    if connection.url is not None:
        yield "url", "files have a `location`"
    if connection.location is None:
        yield "location", "it is missing"
    if not isinstance(connection.location, str):
        return
    try:
        location = parse_location(connection.location)
    except ValueError as error:
        yield "location", str(error)
        return
    kind = None if connection.auth is None else connection.auth.kind
    if kind is not None and kind not in KINDS[location.kind]:
        allowed = " or ".join(f"`kind: {each}`" for each in KINDS[location.kind]) or "no `auth`"
        yield "auth", f"`kind: {kind}` does not fit; {connection.location} has {allowed}"
    if location.kind != "sftp":
        if connection.host_key is not None:
            yield "host_key", "only an SFTP server has one"
        return
    if kind is None:
        yield "auth", "an SFTP server needs `kind: password` or `kind: private_key`"
    if connection.host_key is None:
        yield "host_key", "it is missing; to print it: ssh-keyscan -t ed25519 HOST"
    elif isinstance(connection.host_key, str):
        try:
            parse_host_key(connection.host_key)
        except ValueError as error:
            yield "host_key", str(error)


def schedule_fault(schedule: str, connection: Any) -> str | None:
    """What is wrong with the schedule of a source of files."""
    if connection is None and schedule != MANUAL:
        return f"`schedule: {schedule}` needs `connection.location`. Without one, write `schedule: manual`"
    return None

"""Files that are dropped on an SFTP server. Its host key is checked before anything is sent to it."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from io import StringIO
from pathlib import Path
from stat import S_ISDIR, S_ISREG

import paramiko
from paramiko.hostkeys import HostKeyEntry

from ingestion.connectors.drops.place import (
    DONE,
    FileChanged,
    ListedFile,
    is_wanted,
    limited,
    name_problem,
    shown_name,
    time_of,
)
from shared.errors import FixConfiguration, RetailError, RetryLater, describe_error
from shared.scratch import unwritable
from shared.sources.connection import Connection
from shared.sources.file_drops import SFTP_PORT, Location, parse_host_key

_CONNECT_SECONDS = 15
_SECONDS_WITHOUT_PROGRESS = 30
_LONGEST_SECONDS = 60 * 60
"""For one listing or one file that makes progress."""
_MOST_BYTES = 2**62
"""A server may send a size that no number of the ledger can hold; no disk has room for this one."""
_CHUNK = 32 * 1024
_REQUESTS_AHEAD = 64
_KEYS: tuple[type[paramiko.PKey], ...] = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)
_LOG = "retail.sftp"


class SftpPlace:
    """A folder of an SFTP server. It connects with the first call."""

    def __init__(self, source_id: str, location: Location, connection: Connection) -> None:
        self._source_id, self._location, self._connection = source_id, location, connection
        self._client = paramiko.SSHClient()
        # paramiko logs errors with a traceback before it raises them; what it raises says as much.
        logging.getLogger(_LOG).propagate = False
        self._client.set_log_channel(_LOG)

    def list(self) -> list[ListedFile]:
        """As in `Place`."""
        with self._explained():
            return limited(self._listed(), self._location)

    def fetch(self, file: ListedFile, directory: Path) -> Path:
        """As in `Place`; no more is written than the listing says."""
        path = directory / file.name
        with self._explained():
            try:
                self._download(file, path)
            except FileNotFoundError as error:
                raise FileChanged(f"{file.place} is gone since it was listed.") from error
        if not self.is_current(file):
            raise FileChanged(f"{file.place} has changed since it was listed. The next run looks at it again.")
        return path

    def is_current(self, file: ListedFile) -> bool:
        """As in `Place`."""
        with self._explained():
            try:
                return _version(self._sftp.lstat(self._path(file.name))) == file.version
            except FileNotFoundError:
                return False

    def move(self, file: ListedFile, name: str) -> str:
        """As in `Place`."""
        if not self.is_current(file):
            raise FileChanged(f"{file.place} has changed since it was listed. The next run looks at it again.")
        with self._explained():
            try:
                with suppress(OSError):  # it is there; if not, the next call says why
                    self._sftp.mkdir(self._path(DONE))
                self._sftp.posix_rename(self._path(file.name), self._path(f"{DONE}/{name}"))
            except OSError as error:
                raise FixConfiguration(
                    f"{file.place} is loaded, but cannot be moved to {DONE}/: {error.strerror or error}. Allow the user"
                    " to write there, or use `read: {done: keep}`."
                ) from error
        return self._location.place(f"{DONE}/{name}")

    def close(self) -> None:
        """As in `Place`."""
        self._client.close()

    @cached_property
    def _sftp(self) -> paramiko.SFTPClient:
        location, auth = self._location, self._connection.auth
        name = location.host if location.port == SFTP_PORT else f"[{location.host}]:{location.port}"
        self._client.get_host_keys().add(name, *self._host_key(name))
        self._client.connect(
            location.host,
            location.port,
            username=auth["user"],
            password=auth.get("password"),
            pkey=self._private_key() if auth["kind"] == "private_key" else None,
            allow_agent=False,
            look_for_keys=False,
            timeout=_CONNECT_SECONDS,
            banner_timeout=_CONNECT_SECONDS,
            auth_timeout=_CONNECT_SECONDS,
            channel_timeout=_CONNECT_SECONDS,
        )
        if transport := self._client.get_transport():
            transport.set_keepalive(_SECONDS_WITHOUT_PROGRESS)  # a load may take longer than a server waits
        sftp = self._client.open_sftp()
        channel = sftp.get_channel()
        if channel is not None:
            channel.settimeout(_SECONDS_WITHOUT_PROGRESS)
        return sftp

    def _host_key(self, name: str) -> tuple[str, paramiko.PKey]:
        try:
            kind, text = parse_host_key(self._connection.host_key)
            entry = HostKeyEntry.from_line(f"{name} {kind} {text}")
        except (ValueError, paramiko.SSHException) as error:
            raise self._unusable("host_key", str(error)) from error
        if entry is None or entry.key is None:
            raise self._unusable("host_key", "its key cannot be read; to print it: ssh-keyscan -t ed25519 HOST")
        return kind, entry.key

    def _private_key(self) -> paramiko.PKey:
        auth = self._connection.auth
        for kind in _KEYS:
            try:
                return kind.from_private_key(StringIO(f"{auth['private_key']}\n"), auth.get("passphrase"))
            except paramiko.PasswordRequiredException as error:
                raise self._unusable("auth.passphrase", "the private key needs one") from error
            except (paramiko.SSHException, ValueError):
                continue
        raise self._unusable(
            "auth.private_key", "it is not a private key (Ed25519, ECDSA, RSA), or its passphrase differs"
        )

    def _unusable(self, key: str, reason: str) -> FixConfiguration:
        return FixConfiguration(f"{self._source_id}: `connection.{key}` cannot be used: {reason}.")

    def _path(self, name: str) -> str:
        return f"{self._location.folder}{name}"

    def _listed(self) -> Iterator[ListedFile]:
        ends_at = time.monotonic() + _LONGEST_SECONDS
        for entry in self._sftp.listdir_iter(self._location.folder):
            if time.monotonic() > ends_at:
                raise RetryLater(f"The listing of {self._location.root} takes more than {_LONGEST_SECONDS} s.")
            name, mode = entry.filename, entry.st_mode or 0
            if not is_wanted(name, self._location.pattern) or S_ISDIR(mode) or "/" in name:
                continue
            shown = shown_name(name)
            problem = None if S_ISREG(mode) else "it is not a regular file. Links are not followed"
            yield ListedFile(
                name=shown,
                place=self._location.place(shown),
                size_bytes=min(entry.st_size or 0, _MOST_BYTES),
                modified_at=time_of(entry.st_mtime or 0),
                version=_version(entry),
                problem=name_problem(name) or problem,
            )

    def _download(self, file: ListedFile, path: Path) -> None:
        ends_at, left = time.monotonic() + _LONGEST_SECONDS, file.size_bytes
        with self._sftp.open(self._path(file.name), "rb") as remote, path.open("wb") as local:
            remote.prefetch(file.size_bytes, _REQUESTS_AHEAD)
            while left and (chunk := remote.read(min(_CHUNK, left))):
                local.write(chunk)
                left -= len(chunk)
                if time.monotonic() > ends_at:
                    raise RetryLater(f"{file.place} takes more than {_LONGEST_SECONDS} s to fetch.")
        if left:
            raise FileChanged(f"{file.place} is shorter than it was listed. The next run looks at it again.")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn every error of paramiko into one that says what to do."""
        where = self._location.root
        try:
            yield
        except RetailError:
            raise
        except paramiko.BadHostKeyException as error:
            raise FixConfiguration(
                f"{self._source_id}: {where} has another host key than the definition ({error.key.get_name()},"
                f" {error.key.fingerprint}). Nothing was sent. Get the key from the server's operator before you"
                " correct `connection.host_key`: it may be another server."
            ) from error
        except paramiko.AuthenticationException as error:
            raise FixConfiguration(
                f"{self._source_id}: {where} rejected the user or its credentials. Set"
                f" {self._connection.auth_settings}, then run: retail sources check {self._source_id}"
            ) from error
        except FileNotFoundError as error:
            raise FixConfiguration(f"{where} does not exist. Create the folder, or correct `location`.") from error
        except PermissionError as error:
            raise FixConfiguration(f"{where} denies the user access. Correct its rights on the server.") from error
        except (OSError, EOFError, paramiko.SSHException) as error:
            if full := unwritable(error):
                raise full from error
            raise RetryLater(f"{where} cannot be read: {describe_error(error)}. Run again later.") from error


def _version(found: paramiko.SFTPAttributes) -> str:
    return f"{found.st_size}-{found.st_mtime}"

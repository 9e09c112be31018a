"""OpenSSH's server on a port of the loopback interface, with keys of its own; only this user can log in, by key."""

from __future__ import annotations

import fcntl
import getpass
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir

from local_stack.postgres import free_port
from tests.waiting import wait_until

_SSHD = "/usr/sbin/sshd"


class NoServer(Exception):
    """OpenSSH's server is not there and could not be installed; says what was tried."""


@dataclass(frozen=True)
class SftpServer:
    """A running server."""

    port: int
    host_key: str
    """As `connection.host_key` has it."""
    user: str
    private_key: str


def sshd() -> str:
    """The path of the server, which is installed if it is not there and this may be done. Raises NoServer.

    Of several test processes one installs it, and the others wait until it has.
    """
    with (Path(gettempdir()) / "install-openssh-server.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _path() and os.geteuid() == 0 and shutil.which("apt-get"):
            _install()
    if found := _path():
        return found
    raise NoServer("The tests of SFTP need OpenSSH's server. On Debian or Ubuntu: sudo apt-get install openssh-server")


def _path() -> str | None:
    return shutil.which("sshd") or (_SSHD if Path(_SSHD).exists() else None)


def _install() -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "openssh-server"]):
        subprocess.run(["apt-get", *command], env=environment, stdout=sys.stderr, stdin=subprocess.DEVNULL, check=False)


@contextmanager
def running_sftp_server(directory: Path) -> Iterator[SftpServer]:
    """Start the server; its keys and configuration are in the directory."""
    for name in ("host", "user"):
        _generate_key(directory / name)
    shutil.copy(directory / "user.pub", directory / "authorized_keys")
    port = free_port()
    settings = {
        "Port": port, "ListenAddress": "127.0.0.1", "HostKey": directory / "host", "PidFile": "none", "UsePAM": "no",
        "AuthorizedKeysFile": directory / "authorized_keys", "StrictModes": "no",
        "PermitRootLogin": "prohibit-password", "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no", "LogLevel": "ERROR",
        "Subsystem": "sftp internal-sftp", "ForceCommand": "internal-sftp", "MaxStartups": "100",
    }  # fmt: skip
    configuration = directory / "sshd_config"
    configuration.write_text("".join(f"{name} {value}\n" for name, value in settings.items()), encoding="utf-8")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # an empty directory that the server requires
    errors = directory / "errors"
    with errors.open("wb") as log:
        process = subprocess.Popen(
            [sshd(), "-D", "-e", "-f", str(configuration)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        wait_until(lambda: _responds(port, process, errors), seconds=30, every=0.05)
        key = " ".join((directory / "host.pub").read_text(encoding="utf-8").split()[:2])
        yield SftpServer(port, key, getpass.getuser(), (directory / "user").read_text(encoding="utf-8"))
    finally:
        process.terminate()
        process.wait(10)


def _generate_key(path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)


def _responds(port: int, process: subprocess.Popen[bytes], errors: Path) -> bool:
    if process.poll() is not None:
        raise NoServer(f"sshd has ended: {errors.read_text(encoding='utf-8', errors='replace')}")
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False

"""A MariaDB server in a temporary directory: installed, or unpacked from Debian's packages below `.local/mariadb`.

`RETAIL_MARIADB` names another program `mariadbd`.
"""

from __future__ import annotations

import ctypes
import os
import re
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pymysql
import pytest

from local_stack.postgres import LOOPBACK, free_port
from local_stack.unprivileged import Account, plain_environment, postgres_account
from shared.scratch import scratch_directory

PACKAGE = "mariadb-server-core"
SUPERUSER = "superuser"
START_SECONDS = 60
_OPTIONS = (
    "--no-defaults",
    "--innodb-buffer-pool-size=64M",
    "--innodb-log-file-size=16M",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-doublewrite=0",
    "--performance-schema=OFF",
    "--skip-log-bin",
    "--skip-name-resolve",
)
"""These databases are thrown away, so nothing has to reach the disk."""
_TABLES = ("mysql_system_tables.sql", "mysql_system_tables_data.sql")


@dataclass(frozen=True)
class MariaDbProgram:
    """`mariadbd`, its files, and where its libraries are."""

    path: Path
    share: Path
    libraries: str = ""

    @property
    def environment(self) -> dict[str, str]:
        return plain_environment({"LD_LIBRARY_PATH": self.libraries} if self.libraries else {})


def find_mariadb(home: Path, environ: Mapping[str, str] = os.environ) -> MariaDbProgram:
    """The program; skips the test where there is none and no Debian to get it from."""
    candidates = [environ.get("RETAIL_MARIADB"), shutil.which("mariadbd"), "/usr/sbin/mariadbd"]
    for candidate in candidates:
        if candidate and Path(candidate).is_file():
            path = Path(candidate).resolve()
            return MariaDbProgram(path, _share(path.parent.parent))
    unpacked = home / "debian"
    if not unpacked.is_dir():
        if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
            pytest.skip("mariadbd is not installed, and there is no apt-get to get it with")
        _unpack(home, unpacked)
    libraries = ":".join(str(path) for path in sorted((unpacked / "usr" / "lib").glob("*-linux-gnu*")))
    return MariaDbProgram(unpacked / "usr" / "sbin" / "mariadbd", _share(unpacked / "usr"), libraries)


def _share(prefix: Path) -> Path:
    found = [path for path in (prefix / "share" / "mysql", prefix / "share" / "mariadb") if path.is_dir()]
    assert found, f"no share/mysql below {prefix}"
    return found[0]


def _unpack(home: Path, target: Path) -> None:
    """Download the package and the libraries that are missing, without installing them."""
    home.mkdir(parents=True, exist_ok=True)
    with scratch_directory(home) as scratch:
        options = [
            "-o",
            f"Dir::State={home}/apt",
            "-o",
            f"Dir::Cache={home}/apt/cache",
            "-o",
            "APT::Sandbox::User=root",
        ]
        if _run(["apt-get", "download", PACKAGE], scratch).returncode:
            # There may be no lists of packages yet, and only root may write those of the system.
            (home / "apt" / "lists" / "partial").mkdir(parents=True, exist_ok=True)
            (home / "apt" / "cache" / "archives" / "partial").mkdir(parents=True, exist_ok=True)
            _checked(["apt-get", *options, "update"], scratch)
            _checked(["apt-get", *options, "download", PACKAGE], scratch)
        else:
            options = []
        depends = _checked(["apt-cache", *options, "depends", PACKAGE], scratch)
        for name in re.findall(r"^ *Depends: (lib\S+)", depends, re.MULTILINE):
            installed = _run(["dpkg-query", "-W", "-f", "${Status}", name], scratch)
            if "ok installed" not in installed.stdout:
                _checked(["apt-get", *options, "download", name], scratch)
        prepared = scratch / "prepared"
        for package in sorted(scratch.glob("*.deb")):
            _checked(["dpkg-deb", "-x", str(package), str(prepared)], scratch)
        with suppress(OSError):  # another process was quicker, and its copy is as good
            prepared.rename(target)


def _run(command: Sequence[str], directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False, timeout=300)


def _checked(command: Sequence[str], directory: Path) -> str:
    done = _run(command, directory)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr[-500:]}"
    return done.stdout


def _die_with_parent() -> None:
    """On Linux, have the kernel end the server with the tests. It ignores SIGINT, and its data are of no use then."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, int(signal.SIGKILL), 0, 0, 0)  # 1 is PR_SET_PDEATHSIG


@dataclass
class MariaDbServer:
    """A running server on the loopback interface."""

    directory: Path
    port: int
    program: MariaDbProgram
    account: Account
    options: Sequence[str] = ()
    password: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    process: subprocess.Popen[bytes] | None = None

    def connect(self, database: str | None = None, **options: Any) -> Any:
        """A connection as the superuser."""
        return pymysql.connect(
            host=LOOPBACK, port=self.port, user=SUPERUSER, password=self.password, database=database, **options
        )

    def execute(self, statement: str, database: str | None = None) -> list[tuple[Any, ...]]:
        """Run a statement as the superuser."""
        connection = self.connect(database, autocommit=True)
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return list(cursor.fetchall())
        finally:
            connection.close()

    @contextmanager
    def database(self) -> Iterator[str]:
        """An empty database of a test's own."""
        name = f"test_{uuid4().hex[:12]}"
        self.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        try:
            yield name
        finally:
            self.execute(f"DROP DATABASE {name}")

    def start(self) -> None:
        data = self.directory / "data"
        data.mkdir(mode=0o700)
        self.account.give(data)
        tables = "".join((self.program.share / name).read_text(encoding="utf-8") for name in _TABLES)
        user = f"CREATE USER {SUPERUSER}@'{LOOPBACK}' IDENTIFIED BY '{self.password}';"
        rights = f"GRANT ALL ON *.* TO {SUPERUSER}@'{LOOPBACK}' WITH GRANT OPTION;\n"
        first = f"CREATE DATABASE mysql;\nUSE mysql;\n{tables}\nFLUSH PRIVILEGES;\n{user}\n{rights}"
        with (self.directory / "mariadb.log").open("ab") as log:
            created = subprocess.run(
                [*self._command(), "--bootstrap"],
                input=first.encode(),
                stdout=log,
                stderr=log,
                check=False,
                timeout=START_SECONDS,
                cwd="/",
                env=self.program.environment,
                **self.account.subprocess_arguments(),
            )
            assert created.returncode == 0, self._log()
            self.process = subprocess.Popen(
                [*self._command(), f"--port={self.port}", f"--bind-address={LOOPBACK}", *self.options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=self.program.environment,
                start_new_session=True,
                preexec_fn=_die_with_parent,
                **self.account.subprocess_arguments(),
            )
        self._wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)

    def _command(self) -> list[str]:
        data = self.directory / "data"
        return [
            str(self.program.path),
            *_OPTIONS,
            f"--datadir={data}",
            f"--socket={data}/mariadb.sock",
            f"--pid-file={data}/mariadb.pid",
            f"--lc-messages-dir={self.program.share}",
            f"--character-sets-dir={self.program.share}/charsets",
            f"--tmpdir={data}",
        ]

    def _log(self) -> str:
        """The end of the server's log."""
        return (self.directory / "mariadb.log").read_text(encoding="utf-8", errors="replace")[-2000:]

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.connect().close()
                return
            except pymysql.Error as error:
                is_running = self.process is not None and self.process.poll() is None
                assert is_running and time.monotonic() < deadline, f"{error}\n{self._log()}"
                time.sleep(0.05)


@contextmanager
def throwaway_mariadb(home: Path, options: Sequence[str] = ()) -> Iterator[MariaDbServer]:
    """A fresh server, gone at the end; it also stops when this process is killed."""
    program = find_mariadb(home)
    with scratch_directory() as directory:
        directory.chmod(0o711)
        server = MariaDbServer(directory, free_port(), program, postgres_account(), options)
        try:
            server.start()
            yield server
        finally:
            server.stop()

"""A PostgreSQL server, initialised, started and stopped without root and without Docker."""

from __future__ import annotations

import contextlib
import ctypes
import locale
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg2
from psycopg2 import sql

from local_stack.credentials import write_private
from local_stack.errors import StackError
from local_stack.postgres_binaries import PostgresBinaries, find_postgres
from local_stack.unprivileged import Account, plain_environment, postgres_account
from shared.database import Cursor
from shared.directories import make_directory
from shared.provisioning import allow, ensure_database, ensure_role
from shared.scratch import scratch_directory

SUPERUSER = "postgres"
LOOPBACK = "127.0.0.1"
START_SECONDS = 60.0

# A crash of the machine may lose the last few transactions but never tears the database.
LASTING_SETTINGS: Mapping[str, str] = {
    "synchronous_commit": "off",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
}
# These databases are thrown away, so nothing has to reach the disk.
THROWAWAY_SETTINGS: Mapping[str, str] = {
    **LASTING_SETTINGS,
    "fsync": "off",
    "full_page_writes": "off",
}


def dsn(user: str, password: str, port: int, database: str) -> str:
    """A libpq URI for a server on this machine."""
    return f"postgresql://{quote(user)}:{quote(password)}@{LOOPBACK}:{port}/{quote(database)}"


def free_port() -> int:
    """A port on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


@dataclass
class PostgresServer:
    """One server: `directory` holds its data, `port` is on the loopback interface only."""

    directory: Path
    port: int
    password: str
    binaries: PostgresBinaries
    settings: Mapping[str, str] = field(default_factory=lambda: LASTING_SETTINGS)
    account: Account = field(default_factory=postgres_account)
    process: subprocess.Popen[bytes] | None = None

    @property
    def data_dir(self) -> Path:
        """Data of one major version; another major version has its own."""
        return self.directory / f"data-{self.binaries.major}"

    @property
    def log_file(self) -> Path:
        """Where the server writes its log by default."""
        return self.directory / "postgres.log"

    def superuser_dsn(self, database: str = "postgres") -> str:
        """A libpq URI for the superuser."""
        return dsn(SUPERUSER, self.password, self.port, database)

    def initialise(self) -> bool:
        """Create the data directory unless it exists; True when it was created."""
        if (self.data_dir / "PG_VERSION").exists() and (self.data_dir / "initialised").exists():
            return False
        if self.data_dir.exists():  # a first start was interrupted; nothing in it was ever used
            shutil.rmtree(self.data_dir)
        make_directory(self.data_dir)
        self.account.give(self.data_dir)
        self._initdb()
        (self.data_dir / "pg_hba.conf").write_text(f"host all all {LOOPBACK}/32 scram-sha-256\n", encoding="utf-8")
        (self.data_dir / "initialised").touch()
        return True

    def _initdb(self) -> None:
        password_file = self.directory / "initdb.password"  # of an initdb that is killed, the next one replaces it
        write_private(password_file, self.password + "\n")
        self.account.give(password_file)
        command = [self.binaries.program("initdb"), "-D", str(self.data_dir), "-U", SUPERUSER, "-E", "UTF8"]
        command += ["-A", "scram-sha-256", f"--pwfile={password_file}", *_locale_arguments()]
        if self.settings.get("fsync") == "off":
            command.append("--no-sync")
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                check=False,
                cwd="/",
                env=plain_environment(),
                **self.account.subprocess_arguments(),
            )
        finally:
            password_file.unlink()
        if done.returncode != 0:
            words = (done.stderr or done.stdout).strip().splitlines()[-3:]
            raise StackError(f"initdb in {self.data_dir} failed: {' / '.join(words)}")

    def command(self) -> list[str]:
        """The command line of the server."""
        options = {
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": "",
            "timezone": "UTC",
            "log_timezone": "UTC",
            **self.settings,
        }
        arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return [self.binaries.program("postgres"), "-D", str(self.data_dir), *arguments]

    def start(self, *, die_with_us: bool = False) -> None:
        """Start the server as a child process and wait until it accepts connections."""
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=plain_environment(),
                start_new_session=True,
                preexec_fn=_die_with_parent() if die_with_us else None,
                **self.account.subprocess_arguments(),
            )
        process = self.process
        self.wait_until_ready(lambda: process.poll() is None)

    def wait_until_ready(self, alive: Callable[[], bool], seconds: float = START_SECONDS) -> None:
        """Return when the server accepts connections; StackError when it ended or takes longer than `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                psycopg2.connect(self.superuser_dsn(), connect_timeout=3).close()
                return
            except psycopg2.OperationalError as error:
                if "password authentication failed" in str(error):
                    raise StackError(f"Another PostgreSQL uses port {self.port}. Set POSTGRES_PORT in .env.") from error
            if not alive() or time.monotonic() > deadline:
                raise StackError(f"PostgreSQL did not start on port {self.port}. See {self.log_file}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop the server that `start` started, disconnecting its clients."""
        if self.process is None:
            return
        for request, timeout_seconds in ((signal.SIGINT, 20), (signal.SIGQUIT, 10), (signal.SIGKILL, 10)):
            if self.process.poll() is None:
                self.process.send_signal(request)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(timeout_seconds)
        self.process = None

    def execute(self, statement: str | sql.Composable, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run one statement as superuser, outside a transaction, and return its rows if it has any."""
        with self._superuser(database) as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def create_role(self, name: str, password: str) -> None:
        """Create a role that can log in, or give an existing one this password and the attributes of a new one."""
        with self._superuser() as cursor:
            ensure_role(cursor, name, password)

    def create_database(self, name: str, *, owner: str = SUPERUSER, template: str = "template0") -> str:
        """Create a database that only its owner may use and return its superuser DSN; no change when it exists.

        A copy of a `template` also takes over the template's settings and grants, which `create database` leaves out.
        """
        with self._superuser() as cursor:
            made = ensure_database(cursor, name, owner, template=template)
        if made:
            self._copy_settings(template, name)
        return self.superuser_dsn(name)

    def allow(self, database: str, *, writers: Sequence[str], readers: Sequence[str] = ()) -> None:
        """Let roles connect to `database`; `writers` may also create temporary tables there."""
        with self._superuser() as cursor:
            allow(cursor, database, writers=writers, readers=readers)

    @contextlib.contextmanager
    def _superuser(self, database: str = "postgres") -> Iterator[Cursor]:
        connection = psycopg2.connect(self.superuser_dsn(database))
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()

    def drop_database(self, name: str) -> None:
        """Remove a database and disconnect its clients."""
        self.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))

    def _copy_settings(self, template: str, name: str) -> None:
        copy = """
            select format(case when setting like 'search_path=%' then 'alter database %I set %s to %s'
                               else 'alter database %I set %s to %L' end, -- a search path is a list, stored quoted
                          {new}, split_part(setting, '=', 1), substr(setting, strpos(setting, '=') + 1))
              from pg_db_role_setting, unnest(setconfig) as setting
             where setrole = 0 and setdatabase = (select oid from pg_database where datname = {old})
            union all
            select format('grant %s on database %I to %I', privilege_type, {new}, pg_get_userbyid(grantee))
              from pg_database, aclexplode(datacl) where datname = {old} and grantee <> 0
        """
        statements = self.execute(sql.SQL(copy).format(new=sql.Literal(name), old=sql.Literal(template)))
        if statements:
            self.execute("; ".join(str(statement) for (statement,) in statements))


def stop_forgotten(data_dir: Path, seconds: float = 30.0) -> bool:
    """Stop a server on this directory that is not recorded; True when there was one.

    A lock file whose process is another one by now would keep the server from starting, so it is removed.
    """
    lock_file = data_dir / "postmaster.pid"
    if not lock_file.exists():
        return False
    try:
        process = psutil.Process(int(lock_file.read_text(encoding="utf-8").split()[0]))
        if process.is_running() and str(data_dir.resolve()) in (process.cwd(), *process.cmdline()):
            process.send_signal(signal.SIGINT)
            process.wait(seconds)
            return True
    except (psutil.NoSuchProcess, ValueError, IndexError):
        pass
    except psutil.TimeoutExpired as error:
        raise StackError(f"PostgreSQL on {data_dir} did not stop. Its process is {error.pid}.") from error
    lock_file.unlink(missing_ok=True)
    return False


def _locale_arguments() -> list[str]:
    """Sort by code point on every system, but classify characters where the locale allows it."""
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
    except locale.Error:
        return ["--no-locale"]
    finally:
        locale.setlocale(locale.LC_CTYPE, before)
    return ["--no-locale", "--lc-ctype=C.UTF-8"]


def _die_with_parent() -> Callable[[], None] | None:
    """On Linux, have the kernel stop the server when the process that started it is gone."""
    try:
        prctl = ctypes.CDLL(None).prctl
    except (OSError, AttributeError):
        return None
    return lambda: prctl(1, int(signal.SIGINT), 0, 0, 0)  # 1 is PR_SET_PDEATHSIG


@contextlib.contextmanager
def throwaway_server(
    binaries_home: Path,
    environ: Mapping[str, str] | None = None,
    settings: Mapping[str, str] = THROWAWAY_SETTINGS,
) -> Iterator[PostgresServer]:
    """A fresh server in a temporary directory, gone at the end; it also stops when this process is killed."""
    account = postgres_account()
    account.let_into(binaries_home)
    with scratch_directory() as directory:
        directory.chmod(0o711)
        binaries = find_postgres(binaries_home, environ)
        server = PostgresServer(directory, free_port(), secrets.token_urlsafe(18), binaries, settings, account)
        try:
            server.initialise()
            server.start(die_with_us=True)
            yield server
        finally:
            server.stop()

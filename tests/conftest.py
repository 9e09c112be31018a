"""Real parts for the tests: a PostgreSQL server, a warehouse on it, an S3 API; all gone at the end.

`RETAIL_POSTGRES` and `RETAIL_POSTGRES_BIN` choose another PostgreSQL, as they do for the platform.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
import structlog
from xdist.scheduler.loadfile import LoadFileScheduling

from shared.config import PROJECT_ROOT
from shared.scratch import scratch_directory
from tests import shipped_sources

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from local_stack.databases import WarehouseAccess
    from local_stack.postgres import PostgresServer
    from local_stack.s3_server import S3Process

shipped_sources.use_in_this_process()
MEMORY_DISK = Path("/dev/shm")
ROOM_BYTES = 4 * 1024**3
_cleanup = ExitStack()
Say = Callable[[str], None]
ROLE_PASSWORDS = {role: uuid4().hex for role in ("retail_owner", "retail_user", "retail_reader")}


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--in-memory`, with which `make test` takes a tenth less time: PostgreSQL makes hundreds of databases."""
    parser.addoption("--in-memory", action="store_true", help="temporary files in memory, where there is room")


def pytest_configure(config: pytest.Config) -> None:
    """Let Ctrl-C reach the programs that tests start, although a shell in the background has us ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    is_worker = hasattr(config, "workerinput")  # it has the variables of the process that started it
    if config.getoption("--in-memory") and not is_worker and _has_room(MEMORY_DISK):
        directory = _cleanup.enter_context(scratch_directory(MEMORY_DISK))
        directory.chmod(0o711)  # PostgreSQL, which runs as another user, has its data below
        os.environ["TMPDIR"], tempfile.tempdir = str(directory), None


def pytest_unconfigure() -> None:
    """Delete the temporary files that are in memory."""
    _cleanup.close()


def _has_room(disk: Path) -> bool:
    return disk.is_dir() and os.access(disk, os.W_OK) and shutil.disk_usage(disk).free > ROOM_BYTES


def pytest_xdist_auto_num_workers() -> int:
    """Two test processes for each processor, since a test waits a fifth of its time for a server or a program."""
    return max(1, len(os.sched_getaffinity(0)) * 2) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `--dist loadfile`, the tests of DAG files stay in one process, too: importing Airflow takes ten seconds."""
    if config.getoption("dist") != "loadfile":
        return None
    scheduler = LoadFileScheduling(config, log)
    scheduler._split_scope = lambda test: "dags" if test.startswith("tests/dags/") else test.partition("::")[0]
    return scheduler


@pytest.fixture(scope="session")
def say(request: pytest.FixtureRequest) -> Say:
    """Print a line of progress although pytest captures output."""
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def write(text: str) -> None:
        with capture.global_and_fixture_disabled():
            sys.stderr.write(f"\n  {text}")
            sys.stderr.flush()

    return write


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One throwaway server for the session: `.superuser_dsn(database)`, `.create_database(name)`."""
    from local_stack.databases import create_warehouse_roles
    from local_stack.postgres import throwaway_server

    with throwaway_server(PROJECT_ROOT / ".local" / "postgres") as server:
        create_warehouse_roles(server, ROLE_PASSWORDS)
        yield server


@pytest.fixture
def database(postgres_server: PostgresServer) -> Iterator[str]:
    """An empty database of this test's own, as a superuser DSN."""
    name = f"test_{uuid4().hex[:12]}"
    yield postgres_server.create_database(name)
    postgres_server.drop_database(name)


@pytest.fixture(scope="session")
def warehouse_template(postgres_server: PostgresServer) -> str:
    """Name of a database with the warehouse's schema in it, to be copied."""
    from local_stack.databases import create_warehouse
    from shared.migrations import migrate

    migrate(create_warehouse(postgres_server, ROLE_PASSWORDS, name="warehouse_template").owner_dsn)
    return "warehouse_template"


@pytest.fixture
def warehouse(postgres_server: PostgresServer, warehouse_template: str) -> Iterator[WarehouseAccess]:
    """An empty warehouse of this test's own: `.owner_dsn`, `.loader_dsn`, `.reader_dsn`."""
    from local_stack.databases import create_warehouse

    name = f"warehouse_{uuid4().hex[:12]}"
    yield create_warehouse(postgres_server, ROLE_PASSWORDS, name=name, template=warehouse_template)
    postgres_server.drop_database(name)


@dataclass(frozen=True)
class S3Access:
    """An S3 API with two empty buckets; `environment` is what the platform's settings read."""

    server: S3Process
    client: S3Client
    bucket_raw: str
    bucket_processed: str
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def endpoint(self) -> str:
        """URL of the API."""
        return self.server.endpoint

    def deny(self, *buckets: str) -> None:
        """Make the API return 403 AccessDenied for these buckets, and for no other, until the test ends."""
        self.server.deny(buckets)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Process]:
    """One S3 API, in a process of its own, for the session."""
    from local_stack.postgres import free_port
    from local_stack.s3_server import throwaway_s3

    with throwaway_s3(free_port()) as server:
        yield server


@pytest.fixture
def s3(s3_server: S3Process) -> Iterator[S3Access]:
    """Two empty buckets of this test's own."""
    import boto3

    unique = uuid4().hex[:12]
    environment = {
        **s3_server.environment,
        "S3_BUCKET_RAW": f"raw-{unique}",
        "S3_BUCKET_PROCESSED": f"processed-{unique}",
    }
    client: S3Client = boto3.client(
        "s3",
        endpoint_url=s3_server.endpoint,
        aws_access_key_id=s3_server.key.key_id,
        aws_secret_access_key=s3_server.key.secret,
        region_name="us-east-1",
    )
    access = S3Access(s3_server, client, environment["S3_BUCKET_RAW"], environment["S3_BUCKET_PROCESSED"], environment)
    for bucket in (access.bucket_raw, access.bucket_processed):
        client.create_bucket(Bucket=bucket)
    yield access
    s3_server.deny([])


@pytest.fixture(autouse=True)
def _no_settings_from_the_outside(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A test sees the settings it makes itself, not those of the shell that runs it."""
    monkeypatch.setenv("RETAIL_LOG_FILE", str(tmp_path_factory.getbasetemp() / "retail.log"))
    for name in list(os.environ):
        if name.startswith(
            (
                *("WAREHOUSE_", "POSTGRES_", "S3_", "AWS_", "RETAILER", "INGEST_", "AIRFLOW_URL", "PUSHGATEWAY_"),
                *("ALERT_", "SOURCES_", "SECRETS_"),
            )
        ):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _logging_ends_with_the_test() -> Iterator[None]:
    """A test finds logging as a new process does, whatever an earlier one or Airflow's import has set up."""
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    root = logging.getLogger()
    handlers, level, disabled = list(root.handlers), root.level, logging.root.manager.disable
    levels = {name: each.level for name, each in _named_loggers()}
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.disable(disabled)
    for name, each in _named_loggers():
        each.setLevel(levels.get(name, logging.NOTSET))


def _named_loggers() -> list[tuple[str, logging.Logger]]:
    known = list(logging.root.manager.loggerDict.items())
    return [(name, each) for name, each in known if isinstance(each, logging.Logger)]

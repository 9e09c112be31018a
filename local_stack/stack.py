"""Starting, stopping and looking at the local platform."""

from __future__ import annotations

import concurrent.futures
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from local_stack import processes, state
from local_stack.airflow_service import (
    airflow_environment,
    airflow_services,
    forget_next_run,
    pipeline_start,
    prepare_airflow,
)
from local_stack.credentials import load_or_create
from local_stack.databases import create_private_database, create_warehouse, create_warehouse_roles
from local_stack.environment import RETAILERS, pipeline_environment, write_env_file
from local_stack.errors import StackError
from local_stack.layout import Layout
from local_stack.ports import PortReservations, choose_ports
from local_stack.postgres import PostgresServer, stop_forgotten
from local_stack.postgres_binaries import find_postgres
from local_stack.processes import ServiceProcess
from local_stack.progress import Progress
from local_stack.services import Service, retailer_services, s3_service
from local_stack.state import StackState
from local_stack.unprivileged import plain_environment, postgres_account
from shared.airflow_rest.client import AirflowApi
from shared.provisioning import close_databases

# The order in which services are stopped, by the prefix of their names, and how many seconds each group has.
STOP_ORDER = (
    (("airflow-scheduler", "airflow-dag-processor"), 8.0),
    (("airflow-api-server", "retailer", "s3"), 3.0),  # they have no work to finish
    (("postgres",), 30.0),
)


@dataclass
class Platform:
    """A running platform: the environment that commands need, and its PostgreSQL server."""

    environment: dict[str, str]
    server: PostgresServer

    def airflow(self) -> AirflowApi:
        """Airflow's REST API."""
        get = self.environment.__getitem__
        return AirflowApi(get("AIRFLOW_URL"), get("AIRFLOW_USERNAME"), get("AIRFLOW_PASSWORD"))


class Stack:
    """The platform of one checkout."""

    def __init__(self, layout: Layout, environ: Mapping[str, str], progress: Progress) -> None:
        self.layout = layout
        self.environ = environ
        self.progress = progress
        self._state = state.load(layout.state_file)
        self._state_lock = threading.Lock()
        self._reservations = PortReservations()
        self._cancelled = threading.Event()

    def is_up(self) -> bool:
        """Whether a start was completed and every service still runs."""
        self._state = state.load(self.layout.state_file)
        return self._state.complete and len(self._state.running()) == len(self._state.services) > 0

    def up(self, started_by: str = "up") -> Platform:
        """Start the platform, unless one that `up` started is running; on failure stop everything and say why.

        The caller holds the lock.
        """
        self.layout.prepare()
        if self.is_up_to_stay():
            return self._platform()
        self._stop_all()  # left by an interrupted start, a failed service, or a killed demo
        try:
            return self._start_all(started_by)
        except BaseException:
            self._cancelled.set()
            self.progress.say("[red]✗[/red] the start failed; stopping the services")
            self._stop_all()
            raise
        finally:
            self._reservations.release()

    def is_up_to_stay(self) -> bool:
        """Whether a platform that `up` started is running (not one left by a killed demo)."""
        return self.is_up() and self._state.started_by == "up"

    def down(self) -> int:
        """Stop everything; returns the number of services. The caller holds the lock."""
        return self._stop_all()

    def services(self) -> list[tuple[ServiceProcess, bool]]:
        """The recorded services and whether each is alive."""
        self._state = state.load(self.layout.state_file)
        return [(service, service.is_alive()) for service in self._state.services]

    def _start_all(self, started_by: str) -> Platform:
        credentials = load_or_create(self.layout.credentials_file)
        ports = choose_ports(self._reservations, self.environ, self._state.ports)
        self._save(StackState(ports=ports, started_by=started_by))
        server = self._start_postgres(ports["postgres"], credentials)
        environment = pipeline_environment(ports, credentials, self.environ)
        start = pipeline_start(self.layout, started_by, datetime.now(UTC))
        forget_next_run(server)
        airflow = airflow_environment(self.layout, ports, credentials, {**environment, "RETAIL_PIPELINE_START": start})
        services = [
            s3_service(self.layout, ports["s3"], credentials),
            *retailer_services(self.layout, ports, credentials, self.environ),
        ]
        self._together(
            [
                *(partial(self._start_service, service) for service in services),
                lambda: self._migrate_warehouse(environment["WAREHOUSE_OWNER_DSN"]),
                lambda: self._start_airflow(server, airflow),
            ]
        )
        self._make_buckets(environment)
        write_env_file(self.layout, environment)
        self._save(replace(self._state, complete=True))
        return Platform(environment, server)

    def _platform(self) -> Platform:
        credentials = load_or_create(self.layout.credentials_file)
        ports = self._state.ports
        server = self._postgres(ports["postgres"], credentials)
        return Platform(pipeline_environment(ports, credentials, self.environ), server)

    def _postgres(self, port: int, credentials: Mapping[str, str]) -> PostgresServer:
        binaries = find_postgres(self.layout.postgres.resolve(), self.environ)
        return PostgresServer(self.layout.postgres.resolve(), port, credentials["postgres"], binaries)

    def _start_postgres(self, port: int, credentials: Mapping[str, str]) -> PostgresServer:
        with self.progress.step("PostgreSQL"):
            server = self._postgres(port, credentials)
            server.initialise()
            process = processes.start(
                "postgres",
                server.command(),
                log_file=self.layout.log("postgres"),
                checkout=self.layout.root,
                environment=plain_environment(),
                account=postgres_account(),
                cwd=Path("/"),
                stop_signal=int(signal.SIGINT),
            )
            self._record(process, server)
            server.wait_until_ready(process.is_alive)
            create_warehouse_roles(server, credentials)
            create_warehouse(server, credentials)
            for name in ("airflow", *(f"retailer{n}" for n in RETAILERS)):
                create_private_database(server, name, credentials[name])
            close_databases(server.superuser_dsn())
        self.progress.say(f"  PostgreSQL {server.binaries.version}, from {server.binaries.source}, port {port}")
        return server

    def _migrate_warehouse(self, owner_dsn: str) -> None:
        from shared.migrations import migrate

        before = time.monotonic()
        if applied := migrate(owner_dsn):
            names = ", ".join(applied)
            self.progress.say(
                f"[green]✓[/green] warehouse schema: {names} [dim]({time.monotonic() - before:.1f} s)[/dim]"
            )

    def _start_airflow(self, server: PostgresServer, environment: Mapping[str, str]) -> None:
        before = time.monotonic()
        if prepare_airflow(self.layout, server, environment, environment["AIRFLOW_USERNAME"]):
            self.progress.say(f"[green]✓[/green] Airflow's database [dim]({time.monotonic() - before:.1f} s)[/dim]")
        services = airflow_services(environment, environment["AIRFLOW_URL"])
        self._together([partial(self._start_service, service) for service in services])
        get = environment.__getitem__
        AirflowApi(get("AIRFLOW_URL"), get("AIRFLOW_USERNAME"), get("AIRFLOW_PASSWORD")).ensure_pool()

    def _start_service(self, service: Service) -> None:
        if self._cancelled.is_set():
            return
        with self.progress.step(service.name):
            process = processes.start(
                service.name,
                service.command,
                log_file=self.layout.log(service.name),
                checkout=self.layout.root,
                environment=service.environment,
            )
            self._record(process)
            deadline = time.monotonic() + service.start_seconds
            while not service.is_ready():
                if self._cancelled.wait(0.1):
                    raise StackError(f"{service.name}: the start was cancelled")
                if not process.is_alive() or time.monotonic() > deadline:
                    raise StackError(self._explain(service.name, ended=not process.is_alive()))

    def _explain(self, name: str, *, ended: bool) -> str:
        log = self.layout.log(name)
        lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
        last_words = f" Its last line: {lines[-1].strip()[:300]}" if lines else ""
        what = "ended while it was starting" if ended else "was not ready in time"
        return f"{name} {what}. See {log}.{last_words}"

    def _make_buckets(self, environment: Mapping[str, str]) -> None:
        from shared.config import load_settings
        from shared.s3_admin import ensure_bucket

        settings = load_settings(environment).s3
        for name in (settings.bucket_raw, settings.bucket_processed):
            ensure_bucket(settings, name)

    def _together(self, jobs: Sequence[Callable[[], object]]) -> None:
        """Run the jobs concurrently; when one fails, cancel the others and raise its error."""
        with concurrent.futures.ThreadPoolExecutor(len(jobs)) as pool:
            waiting = {pool.submit(job) for job in jobs}
            try:
                while waiting:  # with a limit: a signal that arrives just before a wait does not end it
                    ended, waiting = concurrent.futures.wait(waiting, 0.5, concurrent.futures.FIRST_COMPLETED)
                    for each in ended:
                        each.result()
            except BaseException:
                self._cancelled.set()
                raise

    def _stop_all(self) -> int:
        """Stop the recorded processes in order, then any other process of this checkout."""
        recorded = self._state.services
        stopped = sum(bool(processes.family(service)) for service in recorded)
        for prefixes, grace in STOP_ORDER:
            group = [service for service in recorded if service.name.startswith(prefixes)]
            processes.stop(group, grace)
        for data_dir in self.layout.postgres.glob("data-*"):
            stopped += stop_forgotten(data_dir)
        stopped += processes.stop_strays(self.layout.root, 5.0)
        if self._state.started_by == "up":
            self.layout.live_until_file.write_text(datetime.now(UTC).isoformat(), encoding="utf-8")
        self._save(StackState(ports=self._state.ports))
        return stopped

    def _record(self, process: ServiceProcess, server: PostgresServer | None = None) -> None:
        with self._state_lock:
            self._state = self._state.with_service(process)
            if server:
                about = {"version": server.binaries.version, "source": server.binaries.source}
                self._state = replace(self._state, postgres=about)
            state.save(self.layout.state_file, self._state)

    def _save(self, new: StackState) -> None:
        with self._state_lock:
            self._state = new
            state.save(self.layout.state_file, new)

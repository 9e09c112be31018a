"""The platform in containers, from a clone of this checkout: started, queried, and removed without a trace."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg2

from scripts.environment_file.settings import KNOWN
from shared.airflow_rest.client import DAG_ID, AirflowApi
from tests.conftest import Say
from tests.containers.engine import Engine
from tests.end_to_end.checkout import Checkout
from tests.end_to_end.running_platform import RunningPlatform

Completed = subprocess.CompletedProcess[str]
Facts = dict[str, Any]
QUICK = {
    "RETAIL_TASK_RETRIES": "3",
    "RETAIL_RETRY_DELAY_SECONDS": "2",
    "AIRFLOW_LOST_TASK_SECONDS": "45",
    "INGEST_CATCH_UP_DAYS": "1",  # the tests load scattered dates; the dates between them must not be filled
    "RETAILER_LINES_PER_DAY": "1600",  # three pages
}
PREFIX = "retail-test-"
"""How the names of projects begin; the id of the process that made them follows."""
ALL_PROFILES = ("--profile", "services", "--profile", "tools")
URLS = {
    "S3_ENDPOINT_URL": "S3_PORT",
    "AIRFLOW_URL": "AIRFLOW_PORT",
    **{f"RETAILER{n}_API_URL": f"RETAILER{n}_PORT" for n in (1, 2, 3)},
}


class Project:
    """A clone of the checkout with a `.env`, a project name and ports of its own."""

    cold_start_seconds = 0.0
    """How long `docker-compose up -d` took on empty volumes, the images built."""

    def __init__(self, directory: Path, engine: Engine, say: Say, settings: Mapping[str, str]) -> None:
        Checkout.make(directory)
        self.directory = directory
        self.engine = engine
        self.say = say
        self.name = f"{PREFIX}{os.getpid()}-{uuid4().hex[:6]}"
        self.configure({"COMPOSE_PROJECT_NAME": self.name, **_free_ports(), **QUICK, **settings})

    def configure(self, settings: Mapping[str, str]) -> None:
        """Set these in `.env`; its script adds what is missing."""
        path = self.directory / ".env"
        old = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        kept = [line for line in old if line.partition("=")[0] not in settings]
        path.write_text("\n".join([*kept, *(f"{name}={value}" for name, value in settings.items()), ""]))
        self.script("generate_env.py")

    def script(self, name: str, *arguments: str) -> Completed:
        """Run one of the project's scripts on the host."""
        command = [sys.executable, f"scripts/{name}", *arguments]
        return subprocess.run(
            command, cwd=self.directory, env=self.shell(), capture_output=True, text=True, check=True, timeout=120
        )

    @property
    def environment(self) -> dict[str, str]:
        """What `.env` sets."""
        lines = (self.directory / ".env").read_text(encoding="utf-8").splitlines()
        pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
        return {name: value for name, _, value in pairs}

    def shell(self) -> dict[str, str]:
        """The shell's environment with the engine in it, and without settings, which would win over `.env`."""
        foreign = (
            "RETAIL",
            "AIRFLOW",
            "POSTGRES",
            "WAREHOUSE",
            "S3_",
            "AWS_",
            "INGEST_",
            "COMPOSE",
            "LOG_",
            "SOURCES_",
            "SECRETS_",
        )
        kept = {name: value for name, value in os.environ.items() if name not in KNOWN and not name.startswith(foreign)}
        bundle = {name: os.environ[name] for name in ("AWS_CA_BUNDLE",) if name in os.environ}
        return {**kept, **bundle, **self.engine.variables, "COLUMNS": "120"}

    def compose(self, *arguments: str, check: bool = True, timeout: float = 600) -> Completed:
        """Run docker-compose in the project's directory. With `check`, a status other than 0 is an AssertionError."""
        process = self.start(*arguments)
        try:
            output, errors = process.communicate(timeout=timeout)
        except BaseException:
            process.send_signal(signal.SIGINT)
            process.wait(60)
            raise
        done = Completed(process.args, process.returncode, output, errors)
        said = f"docker-compose {' '.join(arguments)} ended with {done.returncode}:\n{output[-3000:]}{errors[-3000:]}"
        assert done.returncode == 0 or not check, said
        return done

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start docker-compose without waiting for it, out of reach of the terminal's Ctrl-C: that is for the tests."""
        return subprocess.Popen(
            [*self.engine.compose, *arguments],
            cwd=self.directory,
            env=self.shell(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def docker(self, *arguments: str, check: bool = True, timeout: float = 120) -> str:
        """What a docker command prints."""
        return self.engine.docker(*arguments, check=check, timeout=timeout)

    def containers(self, *, oneoff: bool = False) -> list[Facts]:
        """`docker inspect` of every container, stopped ones too; `oneoff` for those of `docker-compose run`."""
        label = f"label=com.docker.compose.oneoff={oneoff}"
        found = self.docker("ps", "--all", "--quiet", "--filter", self._mine(), "--filter", label).split()
        return json.loads(self.docker("inspect", *found)) if found else []

    def inspect(self, service: str) -> Facts:
        """`docker inspect` of a service's only container."""
        found = [each for each in self.containers() if service_of(each) == service]
        assert len(found) == 1, f"{service} has {len(found)} containers"
        return found[0]

    def container(self, service: str) -> str:
        """Id of a service's only container."""
        return str(self.inspect(service)["Id"])

    def up(self, *arguments: str, seconds: float = 300) -> float:
        """`docker-compose up -d`; how long it took until everything was healthy or done."""
        began = time.monotonic()
        self.compose("up", "-d", *arguments, timeout=1200)
        self.wait_until_healthy(seconds)
        return time.monotonic() - began

    def wait_until_healthy(self, seconds: float = 300) -> None:
        """Wait until each container is healthy, or running where it has no check, or has ended well."""
        deadline = time.monotonic() + seconds
        while waiting := {service_of(each): state for each in self.containers() if (state := unsettled(each))}:
            if time.monotonic() > deadline or any(state.startswith("exited") for state in waiting.values()):
                said = self.compose("logs", "--tail=30", *waiting, check=False).stdout
                raise AssertionError(f"{self.name}: {waiting}\n{said[-6000:]}")
            time.sleep(0.5)

    @property
    def airflow(self) -> AirflowApi:
        """Airflow's REST API as its administrator."""
        return self.airflow_as("")

    def airflow_as(self, role: str) -> AirflowApi:
        """Airflow's REST API as OPERATOR or ANALYST."""
        get, infix = self.environment.__getitem__, f"{role}_" if role else ""
        return AirflowApi(get("AIRFLOW_URL"), get(f"AIRFLOW_{infix}USERNAME"), get(f"AIRFLOW_{infix}PASSWORD"))

    @property
    def running(self) -> RunningPlatform:
        """Runs of the DAG, the warehouse's digest, the retailers' faults."""
        reader = self.dsn("retail_reader", "POSTGRES_READER_PASSWORD")
        return RunningPlatform({**self.environment, "WAREHOUSE_READER_DSN": reader})

    def trigger(self, day: date) -> str:
        """Start a run of the DAG for a business date; its id."""
        body = {"logical_date": None, "conf": {"date": day.isoformat()}}
        return str(self.airflow.call("POST", f"/api/v2/dags/{DAG_ID}/dagRuns", body)["dag_run_id"])

    def dsn(self, user: str, password: str, database: str = "") -> str:
        """A connection to the warehouse from the host; `password` is the setting's name."""
        get = self.environment.__getitem__
        where = f"{get('BIND_ADDRESS')}:{get('POSTGRES_PORT')}/{database or get('POSTGRES_DB')}"
        return f"postgresql://{user}:{get(password)}@{where}"

    def warehouse(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Rows of the warehouse, read by its reader."""
        return self._rows(self.dsn("retail_reader", "POSTGRES_READER_PASSWORD"), statement, parameters)

    def warehouse_as_superuser(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """What the reader may not see, or a change behind the platform's back."""
        return self._rows(self.dsn("postgres", "POSTGRES_SUPERUSER_PASSWORD"), statement, parameters)

    @staticmethod
    def _rows(dsn: str, statement: str, parameters: tuple[object, ...]) -> list[tuple[Any, ...]]:
        with closing(psycopg2.connect(dsn)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(statement, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def keep_logs(self, target: Path) -> None:
        """Write every service's log into a directory."""
        target.mkdir(parents=True, exist_ok=True)
        for each in self.containers() + self.containers(oneoff=True):
            command = ["docker", "logs", each["Id"]]
            with (target / f"{self.name}-{each['Name'].strip('/')}.log").open("wb") as file:
                subprocess.run(command, env=self.shell(), stdout=file, stderr=file, check=False, timeout=60)

    def down(self) -> None:
        """Remove everything the project has made; AssertionError when something stays."""
        for each in self.containers(oneoff=True):
            self.docker("rm", "--force", "--volumes", each["Id"], check=False)
        removal = ("down", "-v", "--rmi", "local", "--remove-orphans", "-t", "5")
        self.compose(*ALL_PROFILES, *removal, check=False)
        if images := self.images():  # images with our names, which `--rmi local` keeps
            self.docker("image", "rm", "--force", *images, check=False)
        self.remove_unused()
        assert self.left() == []

    def remove_unused(self) -> None:
        """Remove networks and volumes that no container uses: those of an override that is switched off by now."""
        for kind in ("network", "volume"):
            if names := self.docker(kind, "ls", "--quiet", "--filter", self._mine()).split():
                self.docker(kind, "rm", *names, check=False)  # the engine keeps those in use

    def images(self) -> list[str]:
        """Names of the images built for this project."""
        listing = ("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "--filter")
        patterns = (f"{self.name}{joint}*" for joint in "/_-")
        return sorted({name for each in patterns for name in self.docker(*listing, f"reference={each}").split()})

    def left(self) -> list[str]:
        """What of this project is on the machine."""
        kinds = {"ps": ("ps", "--all"), "network": ("network", "ls"), "volume": ("volume", "ls")}
        found = [
            f"{kind} {name}"
            for kind, command in kinds.items()
            for name in self.docker(*command, "--quiet", "--filter", self._mine()).split()
        ]
        return found + [f"image {name}" for name in self.images()]

    def _mine(self) -> str:
        return f"label=com.docker.compose.project={self.name}"


def service_of(container: Mapping[str, Any]) -> str:
    """The compose service that a container belongs to."""
    return str(container["Config"]["Labels"]["com.docker.compose.service"])


def unsettled(container: Mapping[str, Any]) -> str:
    """What a container still has to become; empty when it is healthy, or ended well."""
    state = container["State"]
    if state["Status"] == "exited":
        return f"exited with {state['ExitCode']}" if state["ExitCode"] else ""
    health = state.get("Health", {}).get("Status", "healthy")
    return "" if (state["Status"], health) == ("running", "healthy") else f"{state['Status']}, {health}"


def _free_ports() -> dict[str, str]:
    """A free port for every setting that names one, and the addresses that contain them."""
    names = [name for name in KNOWN if name.endswith("_PORT")]
    with ExitStack() as held:
        ports = {}
        for name in names:
            listener = held.enter_context(socket.socket())
            listener.bind(("127.0.0.1", 0))
            ports[name] = str(listener.getsockname()[1])
    return ports | {url: f"http://localhost:{ports[port]}" for url, port in URLS.items()}


@contextmanager
def project(
    directory: Path, engine: Engine, say: Say, reports: Path, failed: Iterable[bool] = (), **settings: str
) -> Iterator[Project]:
    """A project that is removed at the end, whatever happens; on a failure its logs are kept in `reports`."""
    made = Project(directory, engine, say, settings)
    try:
        yield made
    except BaseException:
        made.keep_logs(reports)
        raise
    else:
        if any(failed):
            made.keep_logs(reports)
    finally:
        made.down()

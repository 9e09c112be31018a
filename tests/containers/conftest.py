"""The platform in containers for these tests: one engine, one platform that most of them share."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from shared.config import PROJECT_ROOT
from tests.conftest import Say
from tests.containers.abandoned import remove_abandoned
from tests.containers.engine import Engine, NoEngine, container_engine
from tests.containers.project import ALL_PROFILES, Project, project
from tests.parts import mark_parts, register_parts

REPORTS = PROJECT_ROOT / ".local" / "reports" / "containers"
DISTURBING = (
    "test_health_check.py",
    "test_stopped_parts.py",
    "test_killed_parts.py",
    "test_documentation.py",
    "test_monitored_run.py",
    "test_workers.py",
    "test_data_survives.py",
)
"""These stop what the others use, so they come last, each from where the one before has left the platform."""
PARTS = {
    "short": ("test_start.py", "test_one_date.py", "test_hardening.py", "test_new_source.py", "test_health_check.py"),
    "images": ("test_images.py", "test_combinations.py", "test_abandoned.py"),
    "commands": ("test_commands.py", "test_dag.py"),
    "kills": ("test_stopped_parts.py", "test_killed_parts.py"),
    "documents": ("test_documentation.py",),
    "overrides": ("test_monitored_run.py", "test_workers.py", "test_data_survives.py"),
    "secrets": ("test_secret_files.py",),
    "tls": ("test_tls.py",),
    "monitoring": ("test_monitoring.py",),
}
"""What `make test-compose PARTS="images or tls"` chooses from."""
MakeProject = Callable[..., AbstractContextManager[Project]]


def pytest_configure(config: pytest.Config) -> None:
    """A polite end of the process brings the containers down, as Ctrl-C does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    register_parts(config, PARTS)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """First the start from nothing, last what disturbs; nothing waits forever."""
    mark_parts(items, Path(__file__).parent, PARTS)
    order = {"test_start.py": -1, **{name: place for place, name in enumerate(DISTURBING, 1)}}
    items.sort(key=lambda item: order.get(item.path.name, 0))
    for item in items:
        if not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(1200))


@pytest.fixture(scope="session")
def engine(say: Say) -> Iterator[Engine]:
    """The container engine; without one the tests are skipped, in continuous integration they fail."""
    try:
        with container_engine(say) as found:
            remove_abandoned(found)
            yield found
    except NoEngine as error:
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def make_project(
    engine: Engine, say: Say, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> MakeProject:
    """`with make_project(SETTING="value") as project:` a project of a test's own, not yet up."""

    def make(**settings: str) -> AbstractContextManager[Project]:
        directory: Path = tmp_path_factory.mktemp("project")
        has_failed = (request.session.testsfailed > 0 for _ in range(1))
        return project(directory, engine, say, REPORTS, has_failed, **settings)

    return make


@pytest.fixture(scope="session")
def platform(make_project: MakeProject, say: Say) -> Iterator[Project]:
    """A platform that is built and up."""
    with make_project() as made:
        say(f"{made.name}: building the images")
        made.compose(*ALL_PROFILES, "build", timeout=1200)
        say(f"{made.name}: docker-compose up -d")
        made.cold_start_seconds = made.up()
        say(f"{made.name}: healthy after {made.cold_start_seconds:.0f} s")
        yield made

"""`.ci/run` as a program, in a throwaway checkout with two suites of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from scripts.ci.history import RECORD, git
from shared.config import PROJECT_ROOT

SUITES = """
[[suite]]
name = "first"
command = ["make", "first"]
about = "Runs every time."
always = true

[[suite]]
name = "second"
command = ["make", "second"]
about = "Runs for the docs."
group = 2
covers = ["docs/*"]
"""
MAKEFILE = "first:\n\t@echo '3 passed in 0.10s'\nsecond:\n\t@test ! -e docs/broken\ndown:\n\t@:\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The program and its suites, committed."""
    shutil.copytree(PROJECT_ROOT / "scripts" / "ci", tmp_path / "scripts" / "ci")
    (tmp_path / ".ci").mkdir()
    shutil.copy(PROJECT_ROOT / ".ci" / "run", tmp_path / ".ci" / "run")
    (tmp_path / ".ci" / "suites.toml").write_text(SUITES, encoding="utf-8")
    (tmp_path / "Makefile").write_text(MAKEFILE, encoding="utf-8")
    (tmp_path / ".gitignore").write_text("__pycache__\n", encoding="utf-8")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("", encoding="utf-8")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "config", "user.name", "Test")
    git(tmp_path, "config", "user.email", "test@example.org")
    commit(tmp_path)
    return tmp_path


def commit(checkout: Path) -> None:
    git(checkout, "add", "--all")
    git(checkout, "commit", "--quiet", "--message", "Change")


def run(checkout: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        ["bash", ".ci/run", *arguments],
        cwd=checkout,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_landing_is_recorded_and_the_next_run_says_what_it_leaves_out(checkout: Path) -> None:
    status, said = run(checkout, "--record")
    assert (status, "second" in said.split("== summary")[1]) == (0, True)
    (line,) = (checkout / RECORD).read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["seconds"].keys() == {"first", "second"}
    commit(checkout)

    status, said = run(checkout)

    assert status == 0
    plan, summary = said.split("== summary")
    assert "== first: make first" in plan and "== second: make second" not in plan
    assert "3 passed in 0.10s" in plan and "3 passed in 0.10s" in summary
    assert "not run:\nsecond" in summary and "due in 2 landings at the latest" in summary


def test_after_a_failure_the_next_record_repeats_what_failed_and_not_what_passed(checkout: Path) -> None:
    suites = SUITES + SUITES.split("\n\n")[1].replace("second", "third").replace("docs/", "other/")
    (checkout / ".ci" / "suites.toml").write_text(suites, encoding="utf-8")
    with (checkout / "Makefile").open("a", encoding="utf-8") as makefile:
        makefile.write("third:\n\t@:\n")
    (checkout / "docs" / "broken").touch()
    commit(checkout)

    status, said = run(checkout, "--record")

    assert status == 1
    assert "second                   FAILED" in said and "recorded what passed" in said
    (line,) = (checkout / RECORD).read_text(encoding="utf-8").splitlines()
    assert (json.loads(line)["seconds"].keys(), json.loads(line)["failed"]) == ({"first", "third"}, ["second"])
    commit(checkout)
    assert "is not recorded" in run(checkout, "--plan")[1], "an attempt is not a record of its checkout"

    (checkout / "docs" / "broken").rename(checkout / "corrected")
    commit(checkout)
    status, said = run(checkout, "--record")

    assert status == 0
    plan = said.split("== summary")[0]
    assert "== second: make second" in plan and "== third: make third" not in plan


def test_nothing_is_recorded_of_a_checkout_with_changes(checkout: Path) -> None:
    (checkout / "docs" / "b.md").touch()

    status, said = run(checkout, "--record")

    assert (status, (checkout / RECORD).exists()) == (2, False)
    assert "--record needs a clean checkout" in said


def test_the_plan_runs_nothing(checkout: Path) -> None:
    status, said = run(checkout, "--plan")

    assert (status, "3 passed" in said) == (0, False)
    assert "run   second" in said and "is not recorded" in said


def test_a_variable_that_names_no_python_does_not_end_the_run_early(checkout: Path) -> None:
    assert "== summary" in run(checkout, PYTHON="true")[1]


def test_a_cancelled_run_stops_its_suite_and_the_platform(checkout: Path) -> None:
    slow = "first:\n\t@echo begun; sleep 60\nsecond:\n\t@:\ndown:\n\t@touch stopped\n"
    (checkout / "Makefile").write_text(slow, encoding="utf-8")
    command = ["bash", ".ci/run", "--all"]
    with subprocess.Popen(command, cwd=checkout, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert any(line.strip() == "begun" for line in process.stdout)
        process.terminate()
        assert process.wait(timeout=20) == 128 + signal.SIGTERM
    assert (checkout / "stopped").exists()

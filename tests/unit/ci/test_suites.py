"""The declaration of the suites, and the steps that it becomes."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from scripts.ci.__main__ import SUITES
from scripts.ci.history import git
from scripts.ci.plan import Decision
from scripts.ci.report import summary_lines
from scripts.ci.steps import Result, Step, closing_line, run_step, steps_of
from scripts.ci.suites import GROUPS, Suite, SuitesError, read_suites
from shared.config import PROJECT_ROOT

DECLARED = read_suites(SUITES)


def read(path: Path, text: str) -> tuple[Suite, ...]:
    path.write_text(text, encoding="utf-8")
    return read_suites(path)


def test_every_pattern_matches_a_file_so_that_a_moved_folder_is_noticed() -> None:
    files = git(PROJECT_ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    patterns = {pattern for suite in DECLARED for pattern in suite.covers}

    assert {each for each in patterns if not any(fnmatchcase(file, each) for file in files)} == set()


def test_every_command_is_a_target_of_make() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (PROJECT_ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))

    assert {suite.command[suite.command.index("make") + 1] for suite in DECLARED} <= targets


def test_demo_and_tests_run_every_time() -> None:
    always = {suite.command for suite in DECLARED if suite.always}

    assert {("make", "demo"), ("make", "lint"), ("make", "test")} <= always


def test_every_part_of_the_slow_folders_is_in_a_suite() -> None:
    from tests.airflow.conftest import PARTS as AIRFLOW
    from tests.containers.conftest import PARTS as CONTAINERS

    assert {suite.part for suite in DECLARED if suite.part} == AIRFLOW.keys() | CONTAINERS.keys()


def test_a_suite_covers_what_it_names_and_what_all_name(tmp_path: Path) -> None:
    (suite,) = read(
        tmp_path / "suites.toml",
        'everywhere = ["Makefile"]\n[[suite]]\nname = "a"\ncommand = ["true"]\nabout = "A."\ngroup = 3\n'
        'covers = ["docker/*"]\n',
    )

    assert suite.covered(["docker/compose/tls.yml", "Makefile", "docs/docker/x.md"]) == [
        "Makefile",
        "docker/compose/tls.yml",
    ]


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ('command = ["true"]\nabout = "A."\nalways = true', "a suite without a name: name is missing"),
        ('name = "a"\nabout = "A."\nalways = true', "a: command is missing"),
        ('name = "a"\ncommand = ["true"]\nabout = "A."\nskip = true', "a: unknown key skip"),
        ('name = "a"\ncommand = ["true"]\nabout = "A."', "a: give either always"),
        ('name = "a"\ncommand = ["true"]\nabout = "A."\ngroup = 1\ncovers = []', "a: covers needs a pattern"),
        (f'name = "a"\ncommand = ["true"]\nabout = "A."\ngroup = {GROUPS}\ncovers = ["x"]', "a: covers needs"),
        ('name = "a"\ncommand = ["true"]\nabout = "A."\nalways = true\ncovers = ["x"]', "a: give either always"),
    ],
)
def test_a_suite_that_would_never_run_is_rejected(tmp_path: Path, entry: str, complaint: str) -> None:
    with pytest.raises(SuitesError, match=re.escape(complaint)):
        read(tmp_path / "suites.toml", f"[[suite]]\n{entry}\n")


def test_two_suites_do_not_share_a_name(tmp_path: Path) -> None:
    entry = '[[suite]]\nname = "a"\ncommand = ["true"]\nabout = "A."\nalways = true\n'
    with pytest.raises(SuitesError, match="more than one suite is called a"):
        read(tmp_path / "suites.toml", entry * 2)


def part(name: str, command: str = "make") -> Suite:
    return Suite(name, (command,), f"About {name}.", part=name)


def test_parts_of_one_command_are_one_step_and_other_suites_are_not() -> None:
    lint, test = Suite("lint", ("make", "x"), ""), Suite("test", ("make", "x"), "")

    steps = steps_of([part("short"), lint, part("kills"), test, part("core", "other")])

    assert [step.title for step in steps] == ["short, kills", "lint", "test", "core"]
    assert [step.command for step in steps] == [
        ("make", "PARTS=short or kills"), ("make", "x"), ("make", "x"), ("other", "PARTS=core"),
    ]  # fmt: skip


def test_the_summary_says_of_each_suite_what_it_covers_and_of_each_other_one_when_it_is_due() -> None:
    step = Step((part("short"), part("kills")))
    waiting = Decision(Suite("tls", ("make",), "TLS."), False, "nothing has changed", due_in=2)

    lines = summary_lines([waiting], {step: Result(False, 75, "1 failed, 3 passed in 70.00s")})

    assert [line.split() for line in lines] == [
        ["short", "FAILED", "75", "s", "About", "short."],
        ["kills", "together", "About", "kills."],
        ["1", "failed,", "3", "passed", "in", "70.00s"],
        ["total", "75", "s"],
        [],
        ["not", "run:"],
        ["tls", "nothing", "has", "changed;", "due", "in", "2", "landings", "at", "the", "latest"],
    ]


def test_the_output_of_a_step_is_shown_and_its_last_words_are_kept(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    result = run_step(["sh", "-c", "echo begun; echo '=== 3 passed, 1 skipped in 1.25s ==='; exit 3"], tmp_path)

    assert (result.ok, result.closing) == (False, "3 passed, 1 skipped in 1.25s")
    assert capfd.readouterr().out.splitlines()[0] == "begun"


def test_no_variable_of_the_shell_leaves_something_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PYTEST_ADDOPTS", "MAKEFLAGS", "BENCH"):
        monkeypatch.setenv(name, "-n")

    assert run_step(["sh", "-c", 'test -z "$PYTEST_ADDOPTS$MAKEFLAGS$BENCH"'], tmp_path).ok


@pytest.mark.parametrize(
    "line", ["2685 passed, 4 warnings in 580.04s (0:09:40)", "1 failed, 2 passed in 3.00s", "1 error in 0.10s"]
)
def test_the_last_line_of_pytest_is_recognised(line: str) -> None:
    assert closing_line(f"....\n{line}\n") == line
    assert closing_line("Success: no issues found in 125 source files") == ""

"""`retail` explains itself: every command, its options and examples; mistakes get a hint, never a stack trace."""

from __future__ import annotations

import os
import pty
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from cli.command_list import COMMANDS
from cli.deferred import Entry
from cli.main import app
from shared.config import PROJECT_ROOT
from shared.version import CODE_VERSION
from tests.copied_process import run_module, run_new

HEAVY = (
    "airflow",
    "boto3",
    "botocore",
    "duckdb",
    "jinja2",
    "numpy",
    "obstore",
    "psycopg2",
    "pyarrow",
    "pydantic",
    "requests",
)
THERE = [entry for entry in COMMANDS if entry.is_there()]
ROOT = typer.main.get_command(app)


def retail(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return run_module("cli", *arguments, environment={"PATH": os.environ["PATH"], "COLUMNS": "100", **environment})


def context(*names: str) -> Any:
    """The context of a command, as if it had been called by these names."""
    found: Any = ROOT.make_context("retail", [], resilient_parsing=True)
    for name in names:
        _, command, _ = found.command.resolve_command(found, [name])
        found = command.make_context(name, [], parent=found, resilient_parsing=True)
    return found


def commands() -> list[tuple[str, ...]]:
    """Every command and subcommand that there is."""
    names: list[tuple[str, ...]] = []
    for entry in THERE:
        command = context(entry.name).command
        inner = getattr(command, "commands", {})
        names += [(entry.name, each) for each in inner] or [(entry.name,)]
    return names


def test_help_lists_every_command_with_its_summary_and_ends_well() -> None:
    shown = retail("--help", COLUMNS="160")
    assert (shown.returncode, shown.stderr) == (0, "")
    for entry in THERE:
        assert re.search(rf"│ {entry.name} +{re.escape(entry.summary)} ", shown.stdout), entry.name
        assert f"─ {entry.panel} ─" in shown.stdout
    assert "2 wrong usage or settings" in shown.stdout
    assert retail("-h", COLUMNS="160").stdout == shown.stdout


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys; from cli.main import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        "print('LOADED', *sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(shown.stdout.rpartition("LOADED")[2].split())
    assert loaded & set(HEAVY) == set()


@pytest.mark.parametrize("entry", THERE, ids=lambda entry: entry.name)
def test_the_list_says_what_the_command_says_of_itself(entry: Entry) -> None:
    command = context(entry.name).command
    assert command.help.startswith(entry.summary)


@pytest.mark.parametrize("names", commands(), ids=" ".join)
def test_every_command_explains_itself_and_every_option(names: tuple[str, ...]) -> None:
    found = context(*names)
    assert found.command.help
    assert [each.name for each in found.command.get_params(found) if not each.help] == []
    assert "-h" in found.command.get_help_option(found).opts


@pytest.mark.parametrize("entry", THERE, ids=lambda entry: entry.name)
def test_every_example_is_one_that_the_command_understands(entry: Entry) -> None:
    assert entry.examples
    for example in entry.examples:
        words = shlex.split(example.partition("  # ")[0])
        arguments = words[words.index("retail") + 1 :]
        found = context(arguments[0])
        rest = arguments[1:]
        if hasattr(found.command, "commands"):
            found, rest = context(*arguments[:2]), arguments[2:]
        made = found.command.make_context(found.info_name, list(rest), parent=found.parent)
        assert made.args == [], example


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["transfrom"], "Did you mean 'transform'?"),
        (["deadletters"], "Did you mean 'dead-letters'?"),
        (["dead-letters", "lst"], "Did you mean 'list'?"),
        (["ledger", "--retialer", "x"], "--retailer"),
        (["loads", "--limit", "many"], "Invalid value for '--limit'"),
        (["dead-letters", "show"], "Missing argument"),
    ],
)
def test_a_mistyped_command_line_gets_a_hint(arguments: list[str], hint: str) -> None:
    shown = retail(*arguments)
    assert (shown.returncode, shown.stdout) == (2, "")
    assert hint in shown.stderr
    assert "Traceback" not in shown.stderr


def test_the_version_is_the_one_that_loads_record() -> None:
    assert retail("--version").stdout == f"retail {CODE_VERSION}\n"


def test_an_internal_error_is_one_line_and_shows_a_traceback_on_request(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import shared.config\ndef broken(*_, **__): raise ZeroDivisionError('one\\ntwo')\n"
        "shared.config.load_settings = broken\n",
        encoding="utf-8",
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{tmp_path}{os.pathsep}{PROJECT_ROOT}"}
    shown = run_new(".", "-m", "cli", "digest", environment=environment)
    assert shown.returncode == 1
    assert shown.stderr.startswith("Internal error: ZeroDivisionError: one two\n")
    assert "Traceback" not in shown.stderr
    requested = run_new(".", "-m", "cli", "digest", environment={**environment, "RETAIL_TRACEBACK": "1"})
    assert "Traceback" in requested.stderr


def test_no_color_is_respected_on_a_terminal() -> None:
    assert _colours(NO_COLOR="1") == set()
    assert _colours() != set()


def _colours(**environment: str) -> set[str]:
    """The colour codes of the help on a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "cli", "--help"],
        cwd=PROJECT_ROOT,
        env={"PATH": os.environ["PATH"], "TERM": "xterm-256color", **environment},
        stdout=theirs,
    ) as process:
        os.close(theirs)
        output = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the other side has closed the terminal
                break
            if not part:
                break
            output += part
        process.wait(timeout=60)
    os.close(ours)
    codes = {code for codes in re.findall(r"\x1b\[([\d;]*)m", output.decode()) for code in codes.split(";")}
    return {code for code in codes if code[:1] in ("3", "4", "9") and len(code) == 2}


def test_the_shell_completes_commands() -> None:
    shown = retail(_RETAIL_COMPLETE="complete_bash", COMP_WORDS="retail de", COMP_CWORD="1")
    assert shown.stdout.split() == ["dead-letters", "demo"]


def test_it_runs_from_any_folder(tmp_path: Path) -> None:
    command = PROJECT_ROOT / ".venv" / "bin" / "retail"
    shown = subprocess.run([str(command), "--version"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (shown.returncode, shown.stdout) == (0, f"retail {CODE_VERSION}\n"), shown.stderr

"""What others wrote cannot control the terminal on which it is shown."""

from __future__ import annotations

import io

import pytest
import typer
from rich.console import Console

from shared.commands import exit_code
from shared.errors import StopRun
from shared.terminal_text import escape, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x9b2J", "\\x9b2J"),
        ("sold\rout", "sold\\rout"),
        ("cod\u202etxt.exe", "cod\\u202etxt.exe"),
        ("Caf\u00e9 \U0001f600\tLarge\n", "Caf\u00e9 \U0001f600\tLarge\n"),
    ],
)
def test_control_characters_are_shown_and_not_obeyed(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize("text", ["[/bold]", "[red]x", "[link=https://evil]x[/link]", "[/]"])
def test_markup_is_a_text(text: str) -> None:
    out = io.StringIO()
    Console(file=out, width=80).print(escape(text))
    assert out.getvalue() == f"{text}\n"


def test_an_error_that_quotes_a_file_is_printed_without_its_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit), exit_code():
        raise StopRun("sales.csv has the column \x1b[2J")
    assert capsys.readouterr().err == "sales.csv has the column \\x1b[2J\n"

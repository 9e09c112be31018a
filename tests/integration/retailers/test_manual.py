"""The manual's commands run, and its examples are what the APIs response.

They are run here, not with those of the other documents, because they need retailers with the clock of the examples.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.retailers.conftest import ADMIN, RunningRetailer, Start, free_port

ROOT = Path(__file__).parents[3]
MANUAL = (ROOT / "docs" / "RETAILERS.md").read_text(encoding="utf-8")
SHELL = re.findall(r"```shell\n(.*?)```", MANUAL, re.DOTALL)
COMMANDS = [block for block in SHELL if "curl " in block]
STARTS = [block for block in SHELL if "curl " not in block]
EXAMPLES = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", MANUAL, re.DOTALL)]
INLINE = [json.loads(text) for text in re.findall(r"→ (?:200 )?`(\{\"(?:date|day|fecha)\".*?\})`", MANUAL)]

pytestmark = pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("openssl")), reason="curl or openssl is not installed"
)


@pytest.fixture(scope="module")
def retailers(start: Start) -> dict[int, RunningRetailer]:
    time = "2024-02-01T06:00:00+00:00"
    return {number: start(number, RETAILER_LINES_PER_DAY="2000", RETAILER_TODAY=time) for number in (1, 2, 3)}


def run(command: str, retailers: dict[int, RunningRetailer], **more: str) -> str:
    for number, retailer in retailers.items():
        command = command.replace(f"http://127.0.0.1:500{number}", retailer.url)
    secrets = retailers[1].environment | {"RETAILER_ADMIN_TOKEN": ADMIN["X-Admin-Token"], **more}
    done = subprocess.run(
        ["bash", "-ec", command], env={**os.environ, **secrets}, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


def body(output: str) -> Any:
    """JSON, without the headers that `curl -i` shows before it."""
    return json.loads(output.replace("\r\n", "\n").split("\n\n")[-1])


def test_the_manual_has_an_example_of_each_listing() -> None:
    assert (len(COMMANDS), len(STARTS), len(EXAMPLES), len(INLINE)) == (5, 1, 3, 3)


def test_a_retailer_starts_with_the_manuals_command(database: str) -> None:
    command = re.sub(r"DATABASE_URL=\S+", f"DATABASE_URL={database}", STARTS[0])
    command = command.replace("PORT=5001", f"PORT={free_port()} RETAILER_LINES_PER_DAY=20")
    # The shell the command runs in has this environment's Python; exec makes the retailer its own process.
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    process = subprocess.Popen(
        ["bash", "-ec", command.replace("python -m", "exec python -m")],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert (ready["event"], ready["retailer"]) == ("ready", "retailer_1")
    finally:
        process.terminate()
        process.wait(timeout=20)


def test_the_commands_of_the_manual_give_its_examples(retailers: dict[int, RunningRetailer]) -> None:
    first, token, second, third, sandbox = COMMANDS
    assert body(run(first, retailers)) == EXAMPLES[0]
    access = json.loads(run(token, retailers))["access_token"]
    response = body(run(second, retailers, TOKEN=access))
    assert response.pop("next_cursor")[:8] == EXAMPLES[1].pop("next_cursor")[:8]
    assert response == EXAMPLES[1]
    output = run(third, retailers)
    assert body(output) == EXAMPLES[2]
    assert "X-Total-Count: 2130" in output and "X-Fecha-Corte: 01/02/2024 07:00" in output and 'rel="next"' in output
    assert json.loads(run(sandbox, retailers))["faults"][0]["name"] == "fail_at_page"
    retailers[1].faults("")


def test_the_reports_of_the_manual_are_the_real_ones(retailers: dict[int, RunningRetailer]) -> None:
    responses = [
        retailers[1].client.get("/v1/reports/daily", date="2024-01-15").json(),
        retailers[2].client.get("/reports/daily", day="2024-01-15").json(),
        retailers[3].client.get("/api/cierre", fecha="15/01/2024").json(),
    ]
    assert responses == INLINE

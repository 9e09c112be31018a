"""A listing is landed in bounded memory, however long it is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shared.config import PROJECT_ROOT
from tests.fakes.vendors import Vendor, running_vendor

if TYPE_CHECKING:
    from tests.conftest import Say
    from tests.integration.ingestion.conftest import Platform

DAY = "2024-01-20"
MOST_MIB = 340
"""Measured: 282 to 325, depending on the machine, of which the program without any data takes 140."""


@pytest.mark.long
@pytest.mark.timeout(900)  # making up and sending a million lines takes longer than landing them
def test_a_day_of_a_million_lines_is_landed_within_340_mib(
    database: str, make_platform: Callable[[Sequence[Vendor]], Platform], say: Say
) -> None:
    made_up = {"RETAILER_LINES_PER_DAY": "1000000", "RETAILER_TODAY": "2024-02-01"}
    with running_vendor(1, database, made_up) as vendor:
        platform = make_platform([vendor])
        most = peak_mib(["ingestion.main", DAY, "--retailer", "retailer_1"], platform.environment)

    manifest = platform.manifest("retailer_1", DAY)
    say(f"{manifest.landed:,} lines, {manifest.size_bytes / 2**20:,.0f} MiB, landed with {most:.0f} MiB of memory")
    assert manifest.landed > 900_000
    assert most < MOST_MIB


def peak_mib(module: list[str], environment: dict[str, str]) -> float:
    """Run a module as a command; the most memory that it held, in MiB."""
    most = 0
    with subprocess.Popen(
        [sys.executable, "-m", *module],
        cwd=PROJECT_ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        while process.poll() is None:
            # The kernel's own maximum of this program alone; what wait() returns includes that of its parent.
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii", errors="replace")
            most = max([most, *(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))])
            try:
                process.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
        assert process.stderr is not None
        assert process.returncode == 0, process.stderr.read().decode()
    return most / 1024

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from benchmarks.process_watch import CommandFailed, run_command, watched

ENVIRONMENT = {"PATH": os.environ["PATH"]}
MIB = 2**20


def python(program: str) -> list[str]:
    return [sys.executable, "-S", "-c", program]


def test_a_command_is_measured_with_its_start_its_processor_time_and_its_highest_memory() -> None:
    program = "import time; held = bytearray(96 * 2**20); began = time.process_time()\n"
    program += "while time.process_time() - began < 0.3: pass\nprint('done')"
    cost = run_command(python(program), ENVIRONMENT, {})
    assert cost.output == "done\n"
    assert cost.processor_seconds >= 0.3
    assert cost.seconds >= 0.3
    assert 96 * MIB < cost.peak_bytes < 200 * MIB, "its own memory, not that of the process that started it"


def test_a_failed_command_is_reported_with_its_last_output() -> None:
    with pytest.raises(CommandFailed, match="no such luck"):
        run_command(python("import sys; sys.exit('no such luck')"), ENVIRONMENT, {})


def test_the_time_and_memory_of_a_server_are_its_own() -> None:
    program = "import sys, time; held = bytearray(64 * 2**20); print('ready', flush=True)\n"
    program += "sys.stdin.readline(); began = time.process_time()\n"
    program += "while time.process_time() - began < 0.3: pass\nprint('done', flush=True); sys.stdin.readline()"
    with subprocess.Popen(python(program), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdin and server.stdout
            assert server.stdout.readline() == "ready\n"
            with watched({"busy": server.pid}, watch_memory=True) as cost:
                server.stdin.write("begin\n")
                server.stdin.flush()
                assert server.stdout.readline() == "done\n"
        finally:
            server.kill()
    assert cost.server_processor_seconds["busy"] >= 0.29
    assert cost.server_peak_bytes["busy"] > 60 * MIB
    assert cost.processor_seconds < cost.seconds

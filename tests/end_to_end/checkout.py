"""A separate checkout for tests that start the platform, so that they never touch a platform in use."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from local_stack.processes import MARKER
from shared.config import PROJECT_ROOT
from tests import shipped_sources


@dataclass(frozen=True)
class Checkout:
    """A copy of the work tree that runs on the packages of the present environment."""

    root: Path

    @classmethod
    def make(cls, root: Path) -> Checkout:
        """Copy every file that is tracked or would be, but of the sources only those that ship."""
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, check=True, text=True).stdout
        for name in filter(_is_copied, listed.split("\0")):
            source, target = PROJECT_ROOT / name, root / name
            if source.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)
        return cls(root)

    def environment(self, **more: str) -> dict[str, str]:
        """The shell's environment without settings of another platform."""
        foreign = ("RETAIL", "AIRFLOW", "POSTGRES", "WAREHOUSE", "S3_", "AWS_", "INGEST_", "SOURCES_", "SECRETS_")
        kept = ("RETAIL_POSTGRES", "RETAIL_POSTGRES_BIN", "AWS_CA_BUNDLE")
        shell = {name: value for name, value in os.environ.items() if name in kept or not name.startswith(foreign)}
        return {**shell, "COLUMNS": "100", **more}

    def start(self, command: str, **more: str) -> subprocess.Popen[str]:
        """Start `make <command>` without its installation step."""
        return subprocess.Popen(
            [sys.executable, "-m", "local_stack", command],
            cwd=self.root,
            env=self.environment(**more),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, command: str, **more: str) -> tuple[int, str]:
        """Run `make <command>` to its end: exit status and what it printed."""
        process = self.start(command, **more)
        output, _ = process.communicate(timeout=600)
        return process.returncode, output

    def demo_record(self) -> dict[str, Any]:
        """What the last demo left for programs."""
        record: dict[str, Any] = json.loads((self.root / ".local" / "demo.json").read_text(encoding="utf-8"))
        return record

    def processes(self) -> list[str]:
        """Command lines of the platform's processes that run, found without the platform's own record."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.status() == psutil.STATUS_ZOMBIE:
                    continue
                ours = process.environ().get(MARKER) == str(self.root) or str(self.root) in process.cwd()
                if ours and process.pid != os.getpid():
                    found.append(" ".join(process.cmdline()))
            except psutil.Error:
                continue
        return found

    def remove(self) -> None:
        """Stop everything and remove what was made, PostgreSQL's directory outside the checkout included."""
        self.run("down")
        postgres = self.root / ".local" / "postgres"
        if postgres.is_symlink():
            shutil.rmtree(postgres.readlink(), ignore_errors=True)
        shutil.rmtree(self.root, ignore_errors=True)


def _is_copied(name: str) -> bool:
    path = Path(name)
    is_definition = path.parent == Path("sources") and path.suffix == ".yaml"
    return bool(name) and (not is_definition or path.stem in shipped_sources.NAMES)

"""A separate environment for dlt, below .local/: its requirements must not decide the platform's versions."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from shared.config import PROJECT_ROOT

REQUIREMENTS = PROJECT_ROOT / "requirements-bench.txt"
_HOME = PROJECT_ROOT / ".local" / "bench" / "dlt-venv"


class NotInstallable(Exception):
    """dlt cannot be installed here; the message says why."""


def dlt_python(progress: Callable[[str], None]) -> Path:
    """The Python interpreter that has dlt, installed if necessary. Raises NotInstallable."""
    return python_with(_HOME, REQUIREMENTS, progress)


def python_with(home: Path, requirements: Path, progress: Callable[[str], None]) -> Path:
    """The Python interpreter of an environment in `home` that has these packages, installed if necessary.

    Raises NotInstallable.
    """
    python, stamp = home / "bin" / "python", home / "installed"
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    progress(f"installing {home.name} into a separate environment")
    shutil.rmtree(home, ignore_errors=True)
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(requirements)]
    for command in ([sys.executable, "-m", "venv", str(home)], install):
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own commands
        if done.returncode:
            shutil.rmtree(home, ignore_errors=True)
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise NotInstallable(f"{home.name} could not be installed, so its loads were left out ({last})")
    stamp.write_text(wanted, encoding="utf-8")
    return python

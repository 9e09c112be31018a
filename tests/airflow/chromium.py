"""A real browser, on whatever machine this is: the one that is there, else one that is fetched."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable

from playwright.sync_api import Browser, Error, Playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")


class NoBrowser(Exception):
    """None is there and none could be had; says what was tried."""


def open_browser(playwright: Playwright) -> Browser:
    """Start Chromium; the first that starts of: the installed one, Playwright's own, Debian's package."""
    attempts: tuple[tuple[str, Callable[[], str | None]], ...] = (
        ("chromium on PATH", _installed),
        ("playwright install chromium", _playwrights_own(playwright)),
        ("apt-get install chromium", _debians),
    )
    failures = []
    for name, obtain in attempts:
        if not (path := obtain()):
            failures.append(f"{name}: not to be had")
            continue
        try:
            return playwright.chromium.launch(executable_path=path, args=_arguments())
        except Error as error:
            failures.append(f"{name}: {error.message.splitlines()[0]}")
    raise NoBrowser(
        f"The browser tests need Chromium ({'; '.join(failures)}). On Debian or Ubuntu: sudo apt-get install chromium."
        " Elsewhere: .venv/bin/playwright install --with-deps chromium"
    )


def _arguments() -> list[str]:
    """Chromium refuses to keep its sandbox as root; shared memory is small in a container."""
    return [*(["--no-sandbox"] if os.geteuid() == 0 else []), "--disable-dev-shm-usage"]


def _installed() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def _playwrights_own(playwright: Playwright) -> Callable[[], str | None]:
    def obtain() -> str | None:
        command = [sys.executable, "-m", "playwright", "install", "chromium"]
        return playwright.chromium.executable_path if _succeeds(command) else None

    return obtain


def _debians() -> str | None:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return None
    _succeeds(["apt-get", "update", "-qq"])
    _succeeds(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"])
    return _installed()


def _succeeds(command: list[str]) -> bool:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        return subprocess.run(command, env=environment, stdout=sys.stderr, timeout=600, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False

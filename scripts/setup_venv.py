#!/usr/bin/env python3
"""Make `.venv` with the pinned requirements and the `retail` command; does nothing when both are up to date.

    python3 scripts/setup_venv.py [--dev]

Needs nothing but a Python; when the one it runs on is older than 3.11 it looks for a newer one. Writes into the
checkout only, apart from the package caches of pip and uv.
"""

import argparse
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import typing

OLDEST = (3, 11)
UV = "uv==0.13.8"
CANDIDATES = ("python3", "python3.13", "python3.12", "python3.11", "python3.14", "python")
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
LOCAL = os.path.join(ROOT, ".local")
PYTHON = os.path.join(VENV, "bin", "python")
COMMAND = os.path.join(VENV, "bin", "retail")
# Runs the checkout as it is, from any folder; /bin/sh first, since a path may be long or have spaces in it.
LAUNCHER = """#!/bin/sh
'''exec' {python} "$0" "$@"
'''
import sys

sys.path[0] = {root!r}
from cli.main import main

main()
"""


def main() -> None:
    """Bring the environment up to date; exit status 1 with one line that says why when that cannot be done."""
    parser = argparse.ArgumentParser(description="Make .venv with the pinned requirements.")
    parser.add_argument("--dev", action="store_true", help="with what the tests and checks need")
    wanted = "requirements-dev.txt" if parser.parse_args().dev else "requirements.txt"
    if not is_current(wanted):
        with only_one_at_a_time():
            if not is_current(wanted):  # otherwise another make was quicker
                install(wanted)
    write_command()


def is_current(wanted: str) -> bool:
    """Whether these requirements, or the larger set that contains them, are installed as the files now are."""
    return any(read(stamp_of(name)) == digest_of(name) for name in {wanted, "requirements-dev.txt"})


def install(wanted: str) -> None:
    """Make the environment, then install with uv, or with pip where uv cannot."""
    if not usable(PYTHON):
        say("Making .venv")
        shutil.rmtree(VENV, ignore_errors=True)
        python = find_python()
        run(
            [python, "-m", "venv", VENV],
            f"{python} cannot make virtual environments (Debian: apt install python3-venv)",
        )
    say(f"Installing {wanted} into .venv; the first time this takes a minute or two")
    environment = installer_environment()
    offline = "the packages could not be fetched. Is there a network, and does `pip` reach its index?"
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if not usable(PYTHON, "import uv"):
        run([*pip, UV], offline, environment)
    uv = [PYTHON, "-m", "uv", "pip", "install", "--quiet", "--python", PYTHON, "-r", os.path.join(ROOT, wanted)]
    if subprocess.call(uv, env=environment, cwd=ROOT) != 0:
        say("uv did not manage; trying pip, which takes longer")
        run([*pip, "-r", os.path.join(ROOT, wanted)], offline, environment)
    with open(stamp_of(wanted), "w", encoding="utf-8") as stamp:
        stamp.write(digest_of(wanted))


def write_command() -> None:
    """Install the `retail` command next to the environment's Python, in one step, unless it is up to date."""
    text = LAUNCHER.format(python=shlex.quote(PYTHON), root=ROOT)
    if read(COMMAND) == text and os.access(COMMAND, os.X_OK):
        return
    unfinished = "%s.%d" % (COMMAND, os.getpid())
    with open(unfinished, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(unfinished, 0o755)
    os.replace(unfinished, COMMAND)


def find_python() -> str:
    """A Python that is new enough."""
    for name in (os.environ.get("PYTHON"), sys.executable, *CANDIDATES):
        path = shutil.which(name) if name else None
        if path and usable(path, f"import sys; assert sys.version_info >= {OLDEST}"):
            return path
    version = ".".join(map(str, OLDEST))
    return fail(f"Python {version} or newer is needed and was not found. Install it, or run: make PYTHON=/path/to/it …")


def usable(python: str, program: str = "pass") -> bool:
    """Whether this Python is there and runs this program."""
    try:
        return subprocess.call([python, "-c", program], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def installer_environment() -> "dict[str, str]":
    """The environment of the installers: the system's certificates, and caches where they can be written."""
    environment = dict(os.environ)
    environment.setdefault("UV_SYSTEM_CERTS", "true")  # as pip does; a company's own certificates are among them
    if not os.access(os.path.expanduser("~"), os.W_OK):
        for name in ("UV_CACHE_DIR", "PIP_CACHE_DIR"):
            environment.setdefault(name, os.path.join(LOCAL, "cache", name.split("_")[0].lower()))
    return environment


def only_one_at_a_time() -> "typing.TextIO":
    """Hold a lock, so that two makes do not install into the same environment at once."""
    import fcntl

    os.makedirs(LOCAL, exist_ok=True)
    lock = open(os.path.join(LOCAL, "install.lock"), "w", encoding="utf-8")  # noqa: SIM115 - closed by `with`
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def digest_of(name: str) -> str:
    """A digest of a requirements file and of the one it includes."""
    digest = hashlib.sha256()
    for each in ("requirements.txt", name):
        digest.update(read(os.path.join(ROOT, each)).encode())
    return digest.hexdigest()


def stamp_of(name: str) -> str:
    """The file that says what was installed."""
    return os.path.join(VENV, "." + name + ".installed")


def read(path: str) -> str:
    """A file's text, empty when there is none."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


def run(command: "list[str]", complaint: str, environment: "typing.Optional[dict[str, str]]" = None) -> None:
    """Run a command that must succeed."""
    if subprocess.call(command, env=environment, cwd=ROOT) != 0:
        fail(complaint)


def say(text: str) -> None:
    """Print progress for the user."""
    print(text, flush=True)


def fail(text: str) -> "typing.NoReturn":
    """End with one line."""
    sys.exit("setup: " + text)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except PermissionError as error:
        fail(f"{error.filename} cannot be written. Use a clone of your own, or let its owner run: make clean")

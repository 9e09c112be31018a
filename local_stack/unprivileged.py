"""The account of PostgreSQL: it refuses to run as root, so root runs it as `nobody`."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from shared.directories import make_directory


class AccountArguments(TypedDict, total=False):
    """The keyword arguments of `subprocess` that change the account of a child process."""

    user: int
    group: int
    extra_groups: Sequence[int]


@dataclass(frozen=True)
class Account:
    """The account a child process runs as; `uid` is None for the account of this process."""

    uid: int | None
    gid: int | None

    def subprocess_arguments(self) -> AccountArguments:
        """Keyword arguments for `subprocess.Popen` and `subprocess.run`."""
        if self.uid is None or self.gid is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def give(self, path: Path) -> None:
        """Make `path` belong to this account."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def let_into(self, directory: Path) -> None:
        """Make the directory, and let this account through the one above it, which it can then enter and not list.

        A command may have made that one for its log, and so for its owner alone.
        """
        make_directory(directory, 0o755)
        if not self.can_enter(directory):
            directory.parent.chmod(0o711)

    def can_enter(self, directory: Path) -> bool:
        """Whether this account may reach files below `directory`."""
        if self.uid is None:
            return True
        done = subprocess.run(
            ["/bin/sh", "-c", 'cd "$1"', "sh", str(directory)],
            check=False,
            capture_output=True,
            cwd="/",
            **self.subprocess_arguments(),
        )
        return done.returncode == 0


def postgres_account() -> Account:
    """The account that runs PostgreSQL: the current one, or `nobody` instead of root."""
    if os.geteuid() != 0:
        return Account(None, None)
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


def plain_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """A small environment for a server that must not inherit PG* or locale settings of the shell."""
    kept = {name: os.environ[name] for name in ("PATH", "TZDIR", "TMPDIR") if name in os.environ}
    return {**kept, "LC_ALL": "C", **(extra or {})}

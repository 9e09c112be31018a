"""Which suites have passed on which commits, from the repository's own history.

`.ci/landings.jsonl` has one line for each landing, written by `.ci/run --record`. Only lines that are committed count,
and only those whose commit belongs to this history.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

RECORD = ".ci/landings.jsonl"


@dataclass(frozen=True)
class Landing:
    """A landing that was recorded."""

    commit: str
    date: str
    seconds: Mapping[str, int]
    """How long each suite took that ran and passed."""
    failed: tuple[str, ...] = ()
    """The suites that ran and failed. With any it is only an attempt, not a record of its checkout."""


@dataclass(frozen=True)
class History:
    """What is known when the suites are chosen."""

    landings: tuple[Landing, ...] = ()
    """Oldest first."""
    changed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By the commit of a landing: the files that have changed since, those not committed yet included."""
    unreadable: str = ""
    """Why the history says nothing; empty when it does."""

    @property
    def is_recorded(self) -> bool:
        """Whether the last landing is this very checkout, and nothing failed in it."""
        return bool(self.landings) and not self.changed[self.landings[-1].commit] and not self.landings[-1].failed

    def last_run(self, suite: str) -> int | None:
        """Place of the last landing with which a suite passed; None if it has failed since, or never passed."""
        for place, landing in reversed(tuple(enumerate(self.landings))):
            if suite in landing.failed:
                return None
            if suite in landing.seconds:
                return place
        return None


class GitError(Exception):
    """git failed."""


def git(root: Path, *arguments: str) -> str:
    """What a git command prints. Raises GitError."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(  # noqa: S603
            ["git", *arguments],  # noqa: S607
            cwd=root,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        raise GitError(f"git could not be started: {error}") from error
    if done.returncode != 0:
        raise GitError(done.stderr.strip() or f"git {arguments[0]} ended with {done.returncode}")
    return done.stdout


def read_history(root: Path) -> History:
    """Read the landings of a checkout; if git fails, `unreadable` says why."""
    try:
        if Path(git(root, "rev-parse", "--show-toplevel").strip()).resolve() != root.resolve():
            return History(unreadable="this folder is not a checkout of its own")
        if git(root, "rev-parse", "--is-shallow-repository").strip() != "false":
            return History(unreadable="this is a shallow clone")
        landings = tuple(each for each in _recorded(root) if _is_ancestor(root, each.commit))
        return History(landings, {each.commit: changed_since(root, each.commit) for each in landings})
    except (GitError, ValueError) as error:
        return History(unreadable=str(error))


def _recorded(root: Path) -> list[Landing]:
    if not git(root, "ls-tree", "HEAD", "--", RECORD):
        return []
    lines = git(root, "show", f"HEAD:{RECORD}").splitlines()
    return [_landing(number, line) for number, line in enumerate(lines, 1) if line.strip()]


def _landing(number: int, line: str) -> Landing:
    try:
        entry = json.loads(line)
        seconds = {str(name): int(taken) for name, taken in entry["seconds"].items()}
        return Landing(str(entry["commit"]), str(entry["date"]), seconds, tuple(map(str, entry.get("failed", ()))))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{RECORD}, line {number}: not a landing ({error!r})") from error


def _is_ancestor(root: Path, commit: str) -> bool:
    """Whether a commit is HEAD or one of its ancestors; a commit that is gone after a rebase is not."""
    try:
        git(root, "merge-base", "--is-ancestor", commit, "HEAD")
    except GitError:
        return False
    return True


def changed_since(root: Path, commit: str) -> frozenset[str]:
    """Files of the checkout that differ from a commit, new and removed ones included, the record left out."""
    tracked = git(root, "diff", "--name-only", "--no-renames", "-z", commit, "--")
    new = git(root, "ls-files", "--others", "--exclude-standard", "-z")
    return frozenset(name for name in (tracked + new).split("\0") if name not in ("", RECORD))


def is_clean(root: Path) -> bool:
    """Whether nothing is changed or new since HEAD."""
    return not git(root, "status", "--porcelain")


def append_landing(root: Path, landing: Landing) -> None:
    """Add a line to the record; it counts once it is committed."""
    entry: dict[str, object] = {"commit": landing.commit, "date": landing.date, "seconds": dict(landing.seconds)}
    if landing.failed:
        entry["failed"] = list(landing.failed)
    with (root / RECORD).open("a", encoding="utf-8") as record:
        record.write(json.dumps(entry) + "\n")

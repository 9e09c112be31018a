"""The files of the local platform: all of them are below `.local/` of the checkout."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from local_stack.errors import StackError
from local_stack.unprivileged import Account, postgres_account
from shared.directories import make_directory

PROJECT_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Layout:
    """The paths of one checkout's platform; `root` is the checkout."""

    root: Path = PROJECT_ROOT

    @property
    def local(self) -> Path:
        """The directory of everything that the platform writes."""
        return self.root / ".local"

    @property
    def logs(self) -> Path:
        """One log file for each service."""
        return self.local / "logs"

    @property
    def state_file(self) -> Path:
        """Which processes run, and on which ports."""
        return self.local / "state.json"

    @property
    def lock_file(self) -> Path:
        """Held while the platform is being started or stopped."""
        return self.local / "stack.lock"

    @property
    def credentials_file(self) -> Path:
        """All passwords, generated once."""
        return self.local / "credentials.json"

    @property
    def env_file(self) -> Path:
        """Shell `export` lines with everything the commands need."""
        return self.local / "env"

    @property
    def live_until_file(self) -> Path:
        """The last time of the retailers' clocks, ISO 8601."""
        return self.local / "live_until"

    @property
    def demo_file(self) -> Path:
        """The results of the last demo."""
        return self.local / "demo.json"

    @property
    def postgres(self) -> Path:
        """PostgreSQL's programs and data; a link to elsewhere when its account cannot enter the checkout."""
        return self.local / "postgres"

    @property
    def s3(self) -> Path:
        """The contents of the S3 API."""
        return self.local / "s3"

    @property
    def airflow_home(self) -> Path:
        """Airflow's own files: configuration, task logs."""
        return self.local / "airflow"

    @property
    def pipeline_start_file(self) -> Path:
        """When scheduled runs of the pipeline begin, ISO 8601."""
        return self.airflow_home / "pipeline_start"

    def log(self, service: str) -> Path:
        """The log file of one service."""
        return self.logs / f"{service}.log"

    def prepare(self) -> None:
        """Make the directories. Only their owner gets into those with customers' data."""
        account = postgres_account()
        make_directory(self.local)
        # PostgreSQL's account, if it is another one, passes through here to its own directory and can list nothing.
        self.local.chmod(0o700 if account.uid is None else 0o711)
        for directory in (self.logs, self.s3, self.airflow_home):
            make_directory(directory)
            directory.chmod(0o700)
        self._prepare_postgres(account)

    def _prepare_postgres(self, account: Account) -> None:
        if self.postgres.exists():
            return
        self.postgres.unlink(missing_ok=True)  # a dangling link
        make_directory(self.postgres, 0o755)
        self.postgres.chmod(0o755)
        if not account.can_enter(self.postgres):
            # The checkout is below a directory that only root may enter, such as /root.
            self.postgres.rmdir()
            self.postgres.symlink_to(self._outside_directory(account), target_is_directory=True)

    def _outside_directory(self, account: Account) -> Path:
        name = hashlib.sha256(str(self.root.resolve()).encode()).hexdigest()[:16]
        outside = Path("/var/tmp", f"retail-analytics-{name}")  # noqa: S108 - who owns it is checked below
        make_directory(outside, 0o755)
        if outside.is_symlink() or outside.stat().st_uid != os.geteuid():
            raise StackError(f"{outside} belongs to another user. Remove it, then run the command again.")
        outside.chmod(0o755)
        if not account.can_enter(outside):
            raise StackError(f"PostgreSQL's account may not enter {outside}. Run as an ordinary user instead of root.")
        return outside

"""The directories of the local platform."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from local_stack.layout import Layout


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_only_their_owner_gets_into_directories_with_customers_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Layout, "_outside_directory", lambda *_: tmp_path)
    layout = Layout(tmp_path)
    for directory in (layout.local, layout.logs, layout.s3, layout.airflow_home):
        directory.mkdir(mode=0o755)  # by an earlier version
    before = os.umask(0)
    try:
        layout.prepare()
    finally:
        os.umask(before)
    assert {mode(directory) for directory in (layout.logs, layout.s3, layout.airflow_home)} == {0o700}
    assert mode(layout.local) == (0o711 if os.geteuid() == 0 else 0o700)

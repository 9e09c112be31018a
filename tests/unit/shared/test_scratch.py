from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from shared.config import PROJECT_ROOT

KILLED = "from shared.scratch import scratch_directory as s; import os\nwith s() as d: (d / 'f').touch(); os._exit(9)"
FINISHED = "from shared.scratch import scratch_directory as s\nwith s(): pass"


def run(program: str, temporary: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(temporary)}
    subprocess.run([sys.executable, "-c", program], cwd=PROJECT_ROOT, env=environment, check=program == FINISHED)


def test_the_next_process_removes_what_a_killed_one_left_a_day_ago(tmp_path: Path) -> None:
    run(KILLED, tmp_path)
    run(KILLED, tmp_path)
    old, young = tmp_path.iterdir()
    two_days_ago = (datetime.now(UTC) - timedelta(days=2)).timestamp()
    for path in (old / "f", old):
        os.utime(path, (two_days_ago, two_days_ago))
    run(FINISHED, tmp_path)
    assert list(tmp_path.iterdir()) == [young]

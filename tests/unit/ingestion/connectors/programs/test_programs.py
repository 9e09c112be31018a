"""Programs that behave, and programs that do not: what of them is read, and how each ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from ingestion.connectors.programs.connector import ProgramConnector, Task
from ingestion.connectors.programs.messages import Messages
from ingestion.connectors.programs.spool import DateSpool
from ingestion.connectors.protocol import Runtime
from ingestion.connectors.registry import build
from shared.config import PROJECT_ROOT, load_settings
from shared.errors import FixConfiguration, RetailError, RetryLater, StopRun
from shared.scratch import scratch_directory
from tests.fakes.databases.till import row
from tests.fakes.programs.till import SingerTill, as_json
from tests.waiting import wait_until

DAY = date(2024, 1, 15)
KEY = "s3cret/key"
WITHOUT_SOURCES = {"WAREHOUSE_DSN": "postgresql:///", "S3_BUCKET_RAW": "raw", "S3_BUCKET_PROCESSED": "processed"}


class Tap:
    """The tap of the tests, its rows, and its definition with changes."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.rows = directory, [sale("A"), sale("B"), sale("C", sold_at="2024-01-14T11:00:00+00:00")]
        self.definition: dict[str, Any] = yaml.safe_load(SingerTill.definition.read_text(encoding="utf-8"))
        self.config: dict[str, Any] = self.definition["connection"]["config"]
        self.read: dict[str, Any] = self.definition["read"]
        self.config |= {"log": str(directory / "log"), "api_key": {"secret": "TAP_KEY"}}
        self.read["catalog"] = "none"  # most tests need no second process
        self.limits: dict[str, Any] = {"timeout_seconds": 20}
        self.clock = datetime(2024, 1, 16, 5, tzinfo=UTC)
        self.environ: dict[str, str] = {}

    @contextmanager
    def connected(self, runtime: Runtime | None = None) -> Iterator[ProgramConnector]:
        rows = self.directory / "rows.json"
        rows.write_text(json.dumps(self.rows), encoding="utf-8")
        text = yaml.safe_dump({**self.definition, "limits": self.limits})
        (self.directory / "singer_till.yaml").write_text(text, encoding="utf-8")
        environ = {
            **WITHOUT_SOURCES,
            "SOURCES_DIRECTORY": str(self.directory),
            "SINGER_TILL_PYTHON": sys.executable,
            "SINGER_TILL_PROGRAM": str(SingerTill.program),
            "SINGER_TILL_ROWS": str(rows),
            "TAP_KEY": KEY,
            **self.environ,
        }
        found = build("singer_till", load_settings(environ), runtime or Runtime(clock=lambda: self.clock))
        assert isinstance(found, ProgramConnector)
        try:
            yield found
        finally:
            found.close()

    def receipts(self, *days: date) -> list[list[str]]:
        """The receipts of some dates, read in one run."""
        with self.connected() as connector:
            return [receipts(connector, day) for day in days]

    def failure(self, kind: type[RetailError], **config: Any) -> str:
        self.config |= config
        with pytest.raises(kind) as raised:
            self.receipts(DAY)
        return str(raised.value)

    @property
    def calls(self) -> list[dict[str, Any]]:
        log = self.directory / "log"
        return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []


def sale(receipt: str, **changed: Any) -> dict[str, Any]:
    return {**as_json(row(receipt)), **changed}


def receipts(connector: ProgramConnector, day: date) -> list[str]:
    return [each["receipt"] for page in connector.fetch_sales_data(day) for each in page.rows]


@pytest.fixture
def tap(tmp_path: Path) -> Tap:
    return Tap(tmp_path)


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_complete_table_is_read_once_for_all_dates(tap: Tap) -> None:
    del tap.read["catalog"]
    assert tap.receipts(DAY, date(2024, 1, 14), date(2024, 1, 13)) == [["A", "B"], ["C"], []]
    assert [bool(call["discover"]) for call in tap.calls] == [True, False]


def test_a_deleted_record_is_gone_in_the_next_run(tap: Tap) -> None:
    assert tap.receipts(DAY) == [["A", "B"]]
    del tap.rows[0]
    assert tap.receipts(DAY) == [["B"]]
    tap.rows.append(sale("D", _sdc_deleted_at="2024-01-16T00:00:00Z"))
    assert tap.receipts(DAY) == [["B"]]


def test_a_tap_that_selects_a_date_is_run_for_each(tap: Tap) -> None:
    tap.config["day"] = "{day}"
    del tap.read["date_column"], tap.read["changed_by"]
    assert tap.receipts(DAY, date(2024, 1, 14)) == [["A", "B"], ["C"]]
    assert [call["config_read"]["day"] for call in tap.calls if not call["discover"]] == ["2024-01-15", "2024-01-14"]


def test_records_of_other_dates_are_left_out_of_a_date(tap: Tap) -> None:
    tap.config["since"] = "{day_start:iso_z}"
    del tap.read["changed_by"]
    assert tap.receipts(date(2024, 1, 14)) == [["C"]]


def test_changed_dates_are_those_of_the_records_that_changed(tap: Tap) -> None:
    tap.rows[0]["updated_at"] = "2024-01-10T00:00:00Z"
    tap.rows[2]["updated_at"] = "2024-01-16T04:00:00Z"
    del tap.rows[1]
    with tap.connected() as connector:
        changes = connector.list_changes(datetime(2024, 1, 16, tzinfo=UTC))
    assert changes is not None
    assert dict(changes.dates) == {date(2024, 1, 14): datetime(2024, 1, 16, 4, tzinfo=UTC)}
    assert (changes.as_of, changes.shows_deletions) == (tap.clock - timedelta(minutes=15), False)


def test_changes_can_be_requested_by_a_state(tap: Tap) -> None:
    tap.config["day"] = "{day}"
    del tap.read["catalog"]
    bookmark = {"bookmarks": {"sales": {"updated_at": "{since:iso_z}"}}}
    tap.read |= {"changes": {"config": {"day": None}, "state": bookmark}, "replication_key": "updated_at"}
    tap.rows[2]["updated_at"] = "2024-01-16T04:00:00Z"
    tap.rows[0]["updated_at"] = tap.rows[1]["updated_at"] = "2024-01-15T12:00:00Z"
    with tap.connected() as connector:
        changes = connector.list_changes(datetime(2024, 1, 16, tzinfo=UTC))
        assert changes is not None
        assert set(changes.dates) == {date(2024, 1, 14)}
        assert receipts(connector, DAY) == ["A", "B"]
    assert ["day" in call["config_read"] for call in tap.calls] == [False, False, True]
    assert [bool(call["state"]) for call in tap.calls] == [False, True, False]


def test_what_a_tap_leaves_out_because_it_is_null_is_null(tap: Tap) -> None:
    with tap.connected() as connector:
        [page] = connector.fetch_sales_data(DAY)
        assert page.rows[0]["note"] == ""
        assert page.rows[0]["customer"] is None
        assert connector.normalize_sales_record(page.rows[0]).customer_id == "GUEST"


def test_a_record_without_a_date_is_rejected_once_a_run_with_yesterday(tap: Tap) -> None:
    tap.rows.append(sale("Z", sold_at="soon"))
    assert tap.receipts(date(2024, 1, 14), DAY, date(2024, 1, 16)) == [["C"], ["A", "B", "Z"], []]
    tap.rows = [sale(str(number), sold_at="soon") for number in range(10)]
    assert "no date or time in 'sold_at'" in tap.failure(StopRun)


def test_other_messages_and_prints_are_ignored(tap: Tap) -> None:
    tap.config["mode"] = "noise"
    assert tap.receipts(DAY) == [["A", "B"]]


@pytest.mark.parametrize(
    ("mode", "kind", "said"),
    [
        ("record first", StopRun, "line 1 of its output is a RECORD of 'sales' before its SCHEMA"),
        ("no stream", StopRun, "sent no SCHEMA of the stream 'sales'. It sent no stream at all"),
        ("broken line", StopRun, "is not JSON, or only a part of a message"),
        ("list", StopRun, "line 1 of its output has no `type`"),
        ("not an object", StopRun, "is a RECORD without `record`"),
        ("no state", StopRun, "is a STATE without `value`"),
        ("batch", StopRun, "Remove `batch_config`"),
        ("no catalog", StopRun, "set `catalog: none` in `read`"),
        ("killed", RetryLater, "was ended by signal 9"),
    ],
)
def test_a_tap_that_breaks_the_rules_stops_its_source(tap: Tap, mode: str, kind: type[RetailError], said: str) -> None:
    if mode == "no catalog":
        del tap.read["catalog"]
    message = tap.failure(kind, mode=mode)
    assert message.startswith("singer_till: ")
    assert said in message


def test_a_tap_that_fails_is_quoted_without_secrets(tap: Tap) -> None:
    message = tap.failure(RetryLater, mode="fails")
    assert "exited with 3 (Unauthorized: key *** is not valid). Nothing of it was landed." in message
    assert KEY not in message


def test_a_tap_that_prints_nothing_is_ended(tap: Tap) -> None:
    tap.limits["timeout_seconds"] = 0.3
    message = tap.failure(RetryLater, mode="hangs")
    assert "printed nothing for 0.3 seconds" in message
    assert "limits.timeout_seconds" in message


def test_what_a_program_started_ends_with_it(tap: Tap, tmp_path: Path) -> None:
    tap.config |= {"mode": "hangs", "pids": str(tmp_path / "pids")}
    with tap.connected() as connector, scratch_directory() as directory:
        task = Task({**connector.program.config, "api_key": KEY})
        with connector.running(connector.command(directory, task), directory):
            wait_until((tmp_path / "pids").exists, 20, every=0.02)
    _assert_gone(tmp_path / "pids")


@pytest.mark.parametrize("mode", ["hangs at the end", "hangs"])
def test_a_tap_that_takes_too_long_is_ended(tap: Tap, mode: str) -> None:
    tap.limits["listing_minutes"] = 0.01
    assert "took more than 0.01 minutes" in tap.failure(RetryLater, mode=mode)


def test_output_without_end_stops_when_the_disk_is_nearly_full(tap: Tap) -> None:
    tap.config["mode"] = "endless"
    runtime = Runtime(clock=lambda: tap.clock, free_bytes=lambda _: 1_000_000)
    with tap.connected(runtime) as connector, pytest.raises(StopRun, match="Does it send more than it should"):
        receipts(connector, DAY)


def test_a_line_without_end_is_not_kept_in_memory(tap: Tap) -> None:
    tap.limits["max_response_mb"] = 2
    assert "a line has more than 2 MB" in tap.failure(StopRun, mode="huge line")


def test_a_program_that_is_not_installed_is_an_error_that_says_so(tap: Tap) -> None:
    tap.environ["SINGER_TILL_PYTHON"] = "/opt/taps/none"
    assert "there is no program '/opt/taps/none'" in tap.failure(FixConfiguration)


def test_an_unknown_stream_is_an_error_that_lists_the_known_ones(tap: Tap) -> None:
    del tap.read["catalog"]
    tap.read["stream"] = "sale"
    assert "has no stream 'sale'. It has: customers, sales." in tap.failure(FixConfiguration)


def test_a_check_runs_the_tap_and_reads_one_record(tap: Tap) -> None:
    with tap.connected() as connector:
        connector.check(DAY)
    tap.read["date_column"] = "sold_on"
    with tap.connected() as connector, pytest.raises(StopRun, match="'sold_on'"):
        connector.check(DAY)


def test_the_program_sees_its_own_variables_and_no_others(tap: Tap, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAREHOUSE_DSN", "postgresql://platform:secret@db/warehouse")
    tap.definition["connection"]["environment"] = {"TAP_REGION": "eu", "TAP_TOKEN": {"secret": "TAP_KEY"}}
    del tap.read["catalog"]
    tap.receipts(DAY)
    for call in tap.calls:
        seen = call["environment"]
        assert set(seen) - {"LC_CTYPE"} == {"HOME", "LANG", "PATH", "TMPDIR", "TZ", "TAP_REGION", "TAP_TOKEN"}
        assert (seen["TAP_TOKEN"], call["mode"], call["config_read"]["api_key"]) == (KEY, "600", KEY)
        assert not Path(call["config"]).exists()
        assert not Path(seen["HOME"]).exists()
        assert KEY not in " ".join(str(call[name]) for name in ("config", "catalog", "state"))


def test_braces_in_a_secret_are_not_placeholders(tap: Tap) -> None:
    tap.environ["TAP_KEY"] = "{day}}"
    tap.receipts(DAY)
    assert tap.calls[0]["config_read"]["api_key"] == "{day}}"


def test_a_program_does_not_survive_us(tap: Tap, tmp_path: Path) -> None:
    """Killed at once, we can end nothing: the program, what it has started, and its secrets are gone all the same."""
    pids = tmp_path / "pids"
    tap.config |= {"mode": "hangs", "pids": str(pids)}
    with tap.connected():
        pass  # the definition and the rows are written
    code = (
        "import sys; from datetime import date; from shared.config import load_settings;"
        " from ingestion.connectors.registry import build; from ingestion.connectors.protocol import Runtime;"
        " list(build('singer_till', load_settings(), Runtime()).fetch_sales_data(date(2024, 1, 15)))"
    )
    environ = {
        **os.environ,
        **WITHOUT_SOURCES,
        "SOURCES_DIRECTORY": str(tmp_path),
        "SINGER_TILL_PYTHON": sys.executable,
        "SINGER_TILL_PROGRAM": str(SingerTill.program),
        "SINGER_TILL_ROWS": str(tmp_path / "rows.json"),
        "TAP_KEY": KEY,
    }
    with subprocess.Popen([sys.executable, "-c", code], env=environ, cwd=PROJECT_ROOT) as process:
        wait_until(pids.exists, 20, every=0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
    _assert_gone(pids)


def _assert_gone(pids: Path) -> None:
    program, child, directory = json.loads(pids.read_text(encoding="utf-8"))
    gone = lambda: not is_running(program) and not is_running(child) and not Path(directory).exists()  # noqa: E731
    wait_until(gone, 10, every=0.02)


def test_numbers_that_no_float_has_are_exact() -> None:
    schema = {"type": "SCHEMA", "stream": "sales", "schema": {"properties": {}}, "key_properties": []}
    record = (
        b'{"type": "RECORD", "stream": "sales", "record": {"a": 12345678901234.567890, "b": 24.95,'
        b' "c": 123456789012345678901, "d": 1234567890123456, "e": 1.5e-7, "f": "0123456789012345678901"}}'
    )
    [(found, _)] = Messages("till", "sales").records([json.dumps(schema).encode(), record])
    assert found == {
        "a": "12345678901234.567890",
        "b": 24.95,
        "c": "123456789012345678901",
        "d": 1234567890123456,
        "e": 1.5e-7,
        "f": "0123456789012345678901",
    }


def test_a_spool_keeps_the_order_of_each_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingestion.connectors.programs.spool._BUFFER_BYTES", 100)
    spool = DateSpool(tmp_path)
    days = [date(2024, 1, 1 + number % 3) for number in range(60)]
    for number, day in enumerate(days):
        spool.add(day, {"number": number})
    for day in set(days):
        found = [record["number"] for record, _ in spool.records(day)]
        assert found == [number for number, each in enumerate(days) if each == day]
    assert spool.dates == set(days)
    spool.close()


SPOOLED = """
import resource, sys
from datetime import date, timedelta
from pathlib import Path
from ingestion.connectors.programs.spool import DateSpool
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
before, spool, records = peak(), DateSpool(Path(sys.argv[1])), 500_000
for number in range(records):
    spool.add(date(2023, 1, 1) + timedelta(days=number * 365 // records), {"number": number, "text": "x" * 300})
read = sum(1 for day in spool.dates for _ in spool.records(day))
print(read, spool.size_bytes // 1024**2, peak() - before)
"""


@pytest.mark.long
def test_a_large_table_is_not_kept_in_memory(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SPOOLED, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=PROJECT_ROOT)
    records, size_mb, peak_mb = map(int, done.stdout.split())
    assert records == 500_000
    assert size_mb > 150
    assert peak_mb < 100

"""How findings become a report and an exit status."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from scripts.environment_file.for_sources import HEADER
from scripts.generate_env import main
from scripts.pipeline_health.__main__ import check_all
from scripts.pipeline_health.advice import Advice, Kind
from scripts.pipeline_health.airflow_status import check_airflow
from scripts.pipeline_health.configuration import check_settings, s3_settings, sources_of, warehouse_dsn
from scripts.pipeline_health.findings import Finding, Health, exit_status, format_span, reported
from scripts.pipeline_health.report import print_report
from scripts.pipeline_health.sources import check_sources
from shared.config import PROJECT_ROOT
from shared.errors import FixConfiguration, RetryLater
from tests import shipped_sources

COMPLETE = {
    "WAREHOUSE_DSN": "postgresql://retail_user:pw@localhost/retail_analytics",
    "S3_BUCKET_RAW": "raw",
    "S3_BUCKET_PROCESSED": "processed",
    "RETAILER1_API_URL": "http://localhost:5001",
    "RETAILER1_API_KEY": "k",
    "RETAILER2_API_URL": "http://localhost:5002",
    "RETAILER2_CLIENT_ID": "c",
    "RETAILER2_CLIENT_SECRET": "s",
    "RETAILER3_API_URL": "http://localhost:5003",
    "RETAILER3_CLIENT_ID": "c",
    "RETAILER3_HMAC_SECRET": "s",
    "AIRFLOW_URL": "http://localhost:8080",
    "AIRFLOW_USERNAME": "admin",
    "AIRFLOW_PASSWORD": "pw",
}


def findings(*states: Health) -> list[Finding]:
    return [Finding("area", "item", state, "reason") for state in states]


@pytest.mark.parametrize(
    ("states", "status"),
    [
        ([Health.OK, Health.OK], 0),
        ([Health.OK, Health.ATTENTION], 0),
        ([Health.OK, Health.DOWN], 1),
        ([Health.OK, Health.UNKNOWN], 2),
        ([Health.UNKNOWN, Health.DOWN], 1),
        ([], 2),
    ],
)
def test_the_exit_status_says_the_worst_that_is_known(states: list[Health], status: int) -> None:
    assert exit_status(findings(*states)) == status


def test_our_own_errors_become_a_reason_and_a_remedy() -> None:
    found: list[Finding] = []
    with reported("warehouse", "PostgreSQL", found):
        raise RetryLater("PostgreSQL does not respond for x. Start it with `make up`.")
    assert found == [
        Finding("warehouse", "PostgreSQL", Health.DOWN, "PostgreSQL does not respond for x", "Start it with `make up`.")
    ]


def test_a_missing_setting_leaves_us_not_knowing() -> None:
    found: list[Finding] = []
    with reported("S3", "buckets", found):
        raise FixConfiguration("Configuration: S3_BUCKET_RAW is missing. Set it.")
    assert (found[0].health, found[0].reason) == (Health.UNKNOWN, "S3_BUCKET_RAW is missing")


def test_an_error_nobody_thought_of_is_a_finding_too() -> None:
    def breaks() -> list[Finding]:
        raise ValueError("surprise\nin two lines")

    found = check_all({"odd": breaks, "fine": lambda: findings(Health.OK)})
    assert (found[0].health, found[0].reason) == (Health.DOWN, "ValueError: surprise in two lines")
    assert found[1].health is Health.OK


def test_all_missing_settings_are_named_at_once(tmp_path: Path) -> None:
    incomplete = {name: value for name, value in COMPLETE.items() if name not in ("S3_BUCKET_RAW", "AIRFLOW_URL")}
    (found,) = check_settings(incomplete, Advice(Kind.LOCAL), tmp_path)
    assert found.health is Health.UNKNOWN
    assert "S3_BUCKET_RAW is missing" in found.reason
    assert "AIRFLOW_URL is missing" in found.reason
    assert check_settings(COMPLETE, Advice(Kind.LOCAL), tmp_path)[0].health is Health.OK


def test_each_part_is_configured_by_itself() -> None:
    only_warehouse = {"POSTGRES_PASSWORD": "pw"}
    assert warehouse_dsn(only_warehouse) == "postgresql://retail_user:pw@localhost:5432/retail_analytics"
    only_s3 = {"S3_BUCKET_RAW": "raw", "S3_BUCKET_PROCESSED": "processed"}
    assert s3_settings(only_s3).bucket_raw == "raw"
    with pytest.raises(FixConfiguration, match="WAREHOUSE_DSN"):
        warehouse_dsn(only_s3)


def test_what_is_not_configured_is_unknown_and_nothing_is_requested() -> None:
    sources = sources_of({}, shipped_sources.ROOT)
    found = [*check_sources(sources, Advice()), *check_airflow({}, datetime.now(UTC), Advice())]
    assert {each.health for each in found} == {Health.UNKNOWN}
    assert len(found) == len(sources.ids) + 1


def definition(directory: Path, name: str, **changes: str) -> None:
    """A definition like retailer_1's with other texts in it."""
    text = (PROJECT_ROOT / "sources" / "retailer_1.yaml").read_text(encoding="utf-8")
    for old, new in {"id: retailer_1": f"id: {name}", **changes}.items():
        assert old in text
        text = text.replace(old, new)
    (directory / f"{name}.yaml").write_text(text, encoding="utf-8")


def test_a_source_s_line_names_what_it_lacks_and_how_to_set_it_on_this_platform(tmp_path: Path) -> None:
    definition(tmp_path, "outlet_shop", RETAILER1_API_KEY="OUTLET_TOKEN")
    definition(tmp_path, "closed_shop", country="enabled: false\ncountry", RETAILER1_API_KEY="CLOSED_TOKEN")
    sources = sources_of({"SOURCES_DIRECTORY": str(tmp_path), "RETAILER1_API_URL": "http://localhost:5001"}, tmp_path)
    (found,) = check_sources(sources, Advice(Kind.CONTAINERS))
    assert (found.item, found.health, found.reason) == ("outlet_shop", Health.UNKNOWN, "outlet_shop is not configured")
    assert found.remedy == (
        "Set OUTLET_TOKEN in .env or the environment (named in sources/outlet_shop.yaml)"
        ", then run: python3 scripts/generate_env.py && docker-compose up -d"
    )


def test_a_broken_definition_is_down_with_its_file_and_line_and_every_error(tmp_path: Path) -> None:
    definition(tmp_path, "outlet_shop", **{"connector: retailer1": "connector: nothing\nzone: UTC"})
    (found,) = check_sources(sources_of({"SOURCES_DIRECTORY": str(tmp_path)}, tmp_path), Advice())
    assert (found.item, found.health) == ("outlet_shop", Health.DOWN)
    assert f"{tmp_path}/outlet_shop.yaml:5: connector: 'nothing' is not a connector" in found.reason
    assert f"{tmp_path}/outlet_shop.yaml:6: zone: there is no such key" in found.reason
    assert "\n" not in found.reason


def test_a_source_of_files_lacks_nothing(tmp_path: Path) -> None:
    text = "id: drops\nname: Drops\nconnector: files\nschedule: manual\ntime_zone: UTC\nmapping: {columns: {}}\n"
    (tmp_path / "drops.yaml").write_text(text, encoding="utf-8")
    (found,) = check_sources(sources_of({"SOURCES_DIRECTORY": str(tmp_path)}, tmp_path), Advice())
    assert (found.item, found.health, found.reason) == ("drops", Health.OK, "its files are loaded by a command")


def test_without_any_source_there_is_a_line_that_says_so(tmp_path: Path) -> None:
    (found,) = check_sources(sources_of({}, tmp_path), Advice())
    assert (found.health, found.reason) == (Health.UNKNOWN, f"no source is enabled in {tmp_path}/sources")


def test_for_containers_a_sources_env_that_is_missing_or_out_of_date_needs_attention(tmp_path: Path) -> None:
    (tmp_path / "sources").mkdir()
    definition(tmp_path / "sources", "retailer_1")
    (tmp_path / ".env").write_text("SOURCES_DIRECTORY=./sources\n", encoding="utf-8")
    containers = Advice(Kind.CONTAINERS, "docker compose")

    def checked() -> list[Finding]:
        return [each for each in check_settings(COMPLETE, containers, tmp_path) if each.item == "sources.env"]

    main(["--output", str(tmp_path / ".env")])
    assert checked() == []
    definition(tmp_path / "sources", "outlet_shop", RETAILER1_API_KEY="OUTLET_TOKEN")
    with (tmp_path / ".env").open("a", encoding="utf-8") as dotenv:
        dotenv.write("OUTLET_TOKEN=t0ken\nINGEST_CATCH_UP_DAYS=2\n")
    (found,) = checked()
    assert found.health is Health.ATTENTION
    assert found.reason == "it differs from .env and the definitions: INGEST_CATCH_UP_DAYS, OUTLET_TOKEN"
    assert found.remedy == "Run: python3 scripts/generate_env.py && docker compose up -d"
    (tmp_path / "sources.env").unlink()
    assert checked()[0].reason == "it is missing; the containers that read sources need it"


def test_for_containers_what_only_this_machine_can_reach_needs_attention(tmp_path: Path) -> None:
    (tmp_path / "sources").mkdir()
    names = {"RETAILER1_API_URL": "OUTLET_URL", "RETAILER1_API_KEY": "OUTLET_TOKEN"}
    definition(tmp_path / "sources", "outlet_shop", **names)
    (tmp_path / "token").write_text("t0ken", encoding="utf-8")
    own = "SOURCES_DIRECTORY=./sources\nOUTLET_URL=http://localhost:8000\nOUTLET_TOKEN_FILE=token\n"
    (tmp_path / ".env").write_text(own, encoding="utf-8")
    main(["--output", str(tmp_path / ".env")])
    _, address, token = check_settings(COMPLETE, Advice(Kind.CONTAINERS), tmp_path)
    assert (address.item, address.health) == ("OUTLET_URL", Health.ATTENTION)
    assert address.reason == "a container cannot reach this machine as localhost"
    assert address.remedy.startswith("Write this machine's name or address")
    assert (token.item, token.health, token.reason) == (
        *("OUTLET_TOKEN", Health.ATTENTION),
        "the containers do not have its file",
    )
    assert token.remedy.startswith("Run: python3 scripts/generate_env.py --secret-files")
    assert len(check_settings(COMPLETE, Advice(Kind.OTHER), tmp_path)) == 1


def test_for_containers_ports_that_disagree_and_a_readable_settings_file_need_attention(tmp_path: Path) -> None:
    for name in (".env", "sources.env"):
        (tmp_path / name).write_text(HEADER)
        (tmp_path / name).chmod(0o644)
    ports = {"AIRFLOW_PORT": "18080", "RETAILER1_PORT": "5001"}
    found = check_settings({**COMPLETE, **ports}, Advice(Kind.CONTAINERS), tmp_path)
    assert [(each.item, each.health) for each in found] == [
        ("settings", Health.OK),
        ("AIRFLOW_PORT", Health.ATTENTION),
        (".env", Health.ATTENTION),
        ("sources.env", Health.ATTENTION),
    ]
    assert found[1].reason == "AIRFLOW_URL names port 8080, but AIRFLOW_PORT publishes 18080"
    for name in (".env", "sources.env"):
        (tmp_path / name).chmod(0o600)
    elsewhere = {**COMPLETE, **ports, "AIRFLOW_URL": "http://airflow.example.com"}
    assert len(check_settings(elsewhere, Advice(Kind.CONTAINERS), tmp_path)) == 1


@pytest.mark.parametrize(
    ("seconds", "words"), [(-1, "0 s"), (119, "119 s"), (180, "3 min"), (7200, "2 h"), (400_000, "5 days")]
)
def test_a_time_span_has_one_unit(seconds: float, words: str) -> None:
    assert format_span(seconds) == words


@pytest.mark.parametrize("width", [80, 200])
def test_on_a_terminal_nothing_is_cut_off_however_narrow_it_is(width: int) -> None:
    finding = Finding("S3", "raw bucket", Health.DOWN, "a reason " * 12, "Start it: docker-compose up -d s3")
    shown = StringIO()
    print_report("containers", [finding], 1, Console(file=shown, width=width, force_terminal=True, color_system=None))
    lines = [line.rstrip() for line in shown.getvalue().splitlines()]
    assert max(map(len, lines)) <= width
    assert " ".join(shown.getvalue().split()).count("a reason") == 12
    assert any(line.endswith("→ Start it: docker-compose up -d s3") for line in lines)
    assert lines[-1] == "1 down (of 1 check)."


def test_in_a_pipe_each_finding_is_one_line_however_long() -> None:
    finding = Finding("S3", "raw bucket", Health.DOWN, "a [reason] " * 30, "Start it: make up")
    shown = StringIO()
    print_report(
        title := "containers of a project " + "with a long name " * 6, [finding], 1, Console(file=shown, width=80)
    )
    lines = shown.getvalue().splitlines()
    assert lines[0] == f"Platform: {title}"
    assert lines[2].count("a [reason]") == 30
    assert lines[2].endswith(" → Start it: make up")


@pytest.mark.parametrize(
    ("healths", "status", "sentence"),
    [
        ([Health.OK, Health.OK], 0, "Everything is healthy (2 checks)."),
        ([Health.OK, Health.ATTENTION], 0, "Everything works, but 1 needs attention (of 2 checks)."),
        ([Health.ATTENTION, Health.ATTENTION], 0, "Everything works, but 2 need attention (of 2 checks)."),
        ([Health.DOWN, Health.ATTENTION, Health.OK], 1, "1 down, 1 needs attention (of 3 checks)."),
        ([Health.UNKNOWN, Health.OK], 2, "1 could not be checked (of 2 checks)."),
        ([], 2, "Nothing could be checked."),
    ],
)
def test_the_last_sentence_agrees_with_the_findings(healths: list[Health], status: int, sentence: str) -> None:
    findings = [Finding("S3", f"bucket {number}", each, "a reason") for number, each in enumerate(healths)]
    shown = StringIO()
    assert exit_status(findings) == status
    print_report("containers", findings, status, Console(file=shown, width=200))
    assert shown.getvalue().splitlines()[-1] == sentence

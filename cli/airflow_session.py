"""What the commands that use Airflow share: the login, the time zone, the choice of the DAG."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import typer

from shared.airflow_rest.client import DAG_ID, AirflowApi, AirflowError
from shared.commands import past_date
from shared.config import read_environment
from shared.errors import FixConfiguration, StopRun
from shared.time_zones import is_time_zone

DagOption = Annotated[str, typer.Option("--dag", metavar="DAG", help="The DAG.")]
WaitOption = Annotated[bool, typer.Option("--wait/--no-wait", help="Show the progress and wait until it has finished.")]
_DAILY = re.compile(r"(\d{1,2}) (\d{1,2}) \* \* \*")


@dataclass(frozen=True)
class Airflow:
    """Airflow's API, and the time zone of business dates."""

    api: AirflowApi
    timezone: str

    @property
    def zone(self) -> ZoneInfo:
        """As an object."""
        return ZoneInfo(self.timezone)

    def dag(self, dag_id: str) -> dict[str, Any]:
        """A DAG's details. Raises FixConfiguration, which names the known DAGs, for an unknown one."""
        try:
            return self.api.call("GET", f"/api/v2/dags/{quote(dag_id, safe='')}")
        except AirflowError as error:
            if error.status != 404:
                raise
            known = ", ".join(sorted(str(each["dag_id"]) for each in self.dags())) or "none yet"
            raise FixConfiguration(f"Airflow at {self.api.page_url} has no DAG {dag_id}. Known: {known}.") from None

    def dags(self) -> list[dict[str, Any]]:
        """Every DAG."""
        return list(self.api.call("GET", "/api/v2/dags?limit=100&order_by=dag_id")["dags"])

    def pause(self, dag_id: str, paused: bool) -> bool:
        """Pause or unpause a DAG; returns whether that changed anything."""
        if self.dag(dag_id)["is_paused"] is paused:
            return False
        self.api.call("PATCH", f"/api/v2/dags/{quote(dag_id, safe='')}", {"is_paused": paused})
        return True


def open_airflow() -> Airflow:
    """From the settings. Raises FixConfiguration for those that are missing or wrong."""
    environ = read_environment()
    timezone = environ.get("BUSINESS_TIMEZONE", "UTC")
    if not is_time_zone(timezone):
        raise FixConfiguration(
            f"BUSINESS_TIMEZONE is {timezone!r}, which is not an IANA time zone. Set it to a name like Europe/Madrid."
        )
    return Airflow(AirflowApi.from_environment(), timezone)


def chosen_day(text: str | None, airflow: Airflow, now: datetime) -> date:
    """The business date that was typed, or yesterday."""
    if text is None:
        return now.astimezone(airflow.zone).date() - timedelta(days=1)
    return past_date(text, airflow.timezone, now)


def reject_paused(dag: Mapping[str, Any]) -> None:
    """Raise StopRun for a paused DAG: a command that waits for its runs would wait forever."""
    if dag["is_paused"]:
        name = dag["dag_id"]
        option = "" if name == DAG_ID else f" --dag {name}"
        raise StopRun(f"{name} is paused: its runs stay in the queue. Unpause it: retail schedule unpause{option}")


def check_zone(dag: Mapping[str, Any], timezone: str) -> None:
    """Raise FixConfiguration when Airflow uses another time zone for the DAG's days than this command.

    Otherwise other dates would run than requested. The hour at which the next interval begins or ends shows it.
    """
    daily = _DAILY.fullmatch(str(dag.get("timetable_summary") or ""))
    names = ("next_dagrun_data_interval_start", "next_dagrun_data_interval_end", "next_dagrun_run_after")
    times = [datetime.fromisoformat(dag[name]).astimezone(ZoneInfo(timezone)) for name in names if dag.get(name)]
    if not daily or not times:
        return
    minute, hour = (int(part) for part in daily.groups())
    if not any((each.hour, each.minute) == (hour, minute) for each in times):
        raise FixConfiguration(
            f"BUSINESS_TIMEZONE is {timezone} here, but {dag['dag_id']} runs at {times[0]:%H:%M} of that zone instead"
            f" of {hour:02}:{minute:02}. Set BUSINESS_TIMEZONE to the value that Airflow's processes have."
        )

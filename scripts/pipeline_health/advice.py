"""The remedies of findings, as commands of the platform that was checked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Where the platform runs. `other`: somewhere else, only its settings are here; `none`: nothing is configured."""

    LOCAL = "local"
    CONTAINERS = "containers"
    OTHER = "other"
    NONE = "none"


# Services by their names in docker-compose.yml; the local platform calls some of them differently.
LOCAL_NAMES = {
    "airflow-webserver": "airflow-api-server",
    "retailer1-api": "retailer1",
    "retailer2-api": "retailer2",
    "retailer3-api": "retailer3",
}
STAGES = {
    "plan": ("retail", "run"),  # the service calls `retail`; a plan alone would load nothing
    "ingest": ("ingestion", "python -m ingestion.main"),
    "transform": ("transformation", "python -m transformation.main"),
    "quality": ("data-quality", "python -m data_quality.main"),
    "refresh": ("transformation", "python -m materialized_views.refresh_views"),
}


@dataclass(frozen=True)
class Advice:
    """Remedies; `compose` is how the compose command is called on this machine."""

    kind: Kind = Kind.OTHER
    compose: str = "docker-compose"

    def start(self, service: str) -> str:
        """Start a service that does not respond; all services when no name is given."""
        if self.kind is Kind.OTHER:
            return "Start it where it runs"
        return f"Start it: {self._started_by(service)}"

    def restart(self, service: str) -> str:
        """Read the log of a service that does not work correctly, and restart it."""
        again = {
            Kind.LOCAL: "make down up",
            Kind.CONTAINERS: f"{self.compose} restart {service}",
        }.get(self.kind)
        return f"{self.log(service)}{f', then: {again}' if again else ', then restart it'}"

    def log(self, service: str) -> str:
        """Where a service's log is."""
        if self.kind is Kind.LOCAL:
            return f"See .local/logs/{LOCAL_NAMES.get(service, service)}.log"
        if self.kind is Kind.CONTAINERS:
            return f"See: {self.compose} logs --tail 50 {service}"
        return f"See the log of {service}"

    def create(self, what_makes_it: str) -> str:
        """Create what a one-shot service creates: buckets, databases, tables."""
        if self.kind is Kind.OTHER:
            return "Create it there"
        return f"Create it: {self._started_by(what_makes_it)}"

    def migrate(self) -> str:
        """Bring the schema up to date."""
        if self.kind is Kind.CONTAINERS:
            return f"Run: {self.compose} up -d warehouse-init"
        return "Run: python -m shared.migrations"

    def run_stage(self, stage: str, arguments: str) -> str:
        """The command that runs a stage manually."""
        service, command = STAGES[stage]
        arguments = "" if stage == "refresh" else arguments  # the views are of all dates
        prefix = f"{self.compose} run --rm {service} " if self.kind is Kind.CONTAINERS else ""
        return f"{prefix}{command} {arguments}".rstrip()

    def settings(self) -> str:
        """Where a missing setting belongs."""
        if self.kind is Kind.CONTAINERS:
            return f"Run: python3 scripts/generate_env.py (it adds what is missing to .env), then: {self.compose} up -d"
        if self.kind is Kind.LOCAL:
            return "Run: make up (it writes .local/env)"
        return "Set it in .env (python3 scripts/generate_env.py writes one)"

    def after_a_setting(self) -> str:
        """What follows a change of `.env`, appended to the sentence that says what to change."""
        if self.kind is Kind.CONTAINERS:
            return f", then run: python3 scripts/generate_env.py && {self.compose} up -d"
        return ", then run: make down up" if self.kind is Kind.LOCAL else ""

    def _started_by(self, service: str) -> str:
        if self.kind is Kind.CONTAINERS:
            return f"{self.compose} up -d {service}".rstrip()
        return "make up"
